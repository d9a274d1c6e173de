// What the orchestrator offers to those of other hosts (semantics 1.2): each may reach only the
// runs that it has handed over itself.
#include "plugins/orchestrator/orchestrator.hpp"

#include <utility>

namespace onex::orchestrator {

void Orchestrator::add_peer_operations() {
    add_json("take_over_run",
             [this](Request& request, const json::object& input) -> Result<json::object> {
                 auto parcel = read_parcel(input, host().wall_us());
                 if (!parcel) return std::unexpected(std::move(parcel).error());
                 auto taken = engine_->take_over(std::move(*parcel), std::string(request.caller()));
                 if (!taken) return std::unexpected(std::move(taken).error());
                 return json::object{{"taken", true}};
             });
    add_json("follow_run",
             [this](Request& request, const json::object& input) -> Result<json::object> {
                 const auto news = engine_->news(get_text(input, "workflow_id"),
                                                 get_number(input, "after_line"),
                                                 get_text(input, "revision"),
                                                 std::string(request.caller()));
                 if (!news) return std::unexpected(news.error());
                 return to_json(*news);
             });
    add_json("cancel_taken_run",
             [this](Request& request, const json::object& input) -> Result<json::object> {
                 const auto id = get_text(input, "workflow_id");
                 if (auto ok = engine_->check_origin(id, std::string(request.caller())); !ok)
                     return std::unexpected(std::move(ok).error());
                 auto row = engine_->cancel(id, get_text(input, "reason"));
                 if (!row) return std::unexpected(std::move(row).error());
                 return json::object{{"cancel_requested", true}};
             });
    add_json("approve_taken_run",
             [this](Request& request, const json::object& input) -> Result<json::object> {
                 const auto id = get_text(input, "workflow_id");
                 if (auto ok = engine_->check_origin(id, std::string(request.caller())); !ok)
                     return std::unexpected(std::move(ok).error());
                 auto row =
                     engine_->approve(id, get_text(input, "approved_by"), get_text(input, "note"));
                 if (!row) return std::unexpected(std::move(row).error());
                 return json::object{{"approved", true}};
             });
}

}  // namespace onex::orchestrator
