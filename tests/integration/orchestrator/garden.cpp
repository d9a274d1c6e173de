// A node whose operations do what their input's plan says, and write into a journal that they were
// called.
#include <onex/json.hpp>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <string>

namespace {

using onex::fail;
using onex::Request;
using onex::Result;
namespace json = boost::json;

/// plan = {operation: word}; what the words mean stands in act().
class Garden : public onex::JsonNode {
  public:
    Garden(const onex_host* host_table, const onex_create_args* args) : JsonNode(host_table, args) {
        for (const auto* name : {"dig", "fill", "paint", "undo", "farewell"}) {
            add_json(name, [this](Request& request, const json::object& input) {
                return operate(request, input);
            });
        }
        add_json("look", [](Request&, const json::object& input) -> Result<json::object> {
            const auto file = onex::get_text(input, "file");
            const bool is_there = std::filesystem::exists(file);
            return json::object{{"is_healthy", is_there},
                                {"status", is_there ? "healthy" : "unhealthy"},
                                {"detail", is_there ? "it grows" : "nothing grows"}};
        });
    }

  private:
    Result<json::object> operate(Request& request, const json::object& input) {
        const std::string name(request.operation());
        write_journal(input,
                      name + ' ' + request.key().substr(37) + ' ' + onex::get_text(input, "state"));
        const auto& plan = onex::get_object(input, "plan");
        const auto stage = onex::get_text(onex::get_object(input, "run"), "stage");
        auto word = onex::get_text(plan, stage + "/" + name);
        if (word.empty()) word = onex::get_text(plan, name);
        const auto colon = word.find(':');
        const auto value = colon == std::string::npos ? std::string() : word.substr(colon + 1);
        return act(request, input, word.substr(0, colon), value);
    }

    Result<json::object> act(Request& request,
                             const json::object& input,
                             const std::string& word,
                             const std::string& value) {
        json::object checks{{"is_deep", 1}, {"is_bright", 1}, {"is_undone", 1}};
        if (word == "fail") return fail(value, "the plan says so");
        if (word == "fail_once") {
            const std::scoped_lock lock(mutex_);
            if (failed_.insert(request.key()).second) return fail(value, "the plan says so, once");
        }
        if (word == "miss") checks[value] = 0;
        if (word == "hang") return wait_for_ever(request);
        if (word == "wait_for") {
            if (auto ok = wait_for(request, value); !ok) return std::unexpected(ok.error());
        }
        if (word == "lines") {
            for (int i = 1; i <= std::stoi(value); ++i) {
                request.progress_line("line " + std::to_string(i));
            }
        }
        if (word == "move") {
            // Slower than its timeout of 1.5 s, but something moves all the time.
            for (std::uint64_t i = 1; i <= 6; ++i) {
                request.progress_bytes(i, 6, "moving");
                if (auto ok = pause(request, 400); !ok) return std::unexpected(ok.error());
            }
        }
        if (word == "tell_secret") {
            const auto secret =
                onex::get_text(onex::get_object(onex::get_object(input, "config"), "env"), "KEY");
            request.progress_line("the secret is " + secret);
            if (value == "fail") return fail("NEVER", "it was " + secret);
            return json::object{{"checks", checks}, {"told", secret}};
        }
        return json::object{{"checks", checks},
                            {"depth", onex::get_number(input, "depth") + 1},
                            {"artifacts", {{"note.txt", "dug"}}},
                            {"deployed_url", "http://garden"}};
    }

    /// Waits on a pipe that nobody writes to.
    Result<void> pause(Request& request, std::int64_t ms) {
        auto pipe = host().pipe();
        if (!pipe) return std::unexpected(pipe.error());
        auto read = pipe->first.read(request.wait(ms));
        if (read || read.error().code == "TIMEOUT") {
            return request.cancelled() ? fail("CANCELLED", "cancelled") : Result<void>{};
        }
        return std::unexpected(read.error());
    }
    Result<json::object> wait_for_ever(Request& request) {
        auto pipe = host().pipe();
        if (!pipe) return std::unexpected(pipe.error());
        auto read = pipe->first.read(request.wait());
        return std::unexpected(read ? onex::Error{"INTERNAL", "nobody writes", {}, {}}
                                    : read.error());
    }
    Result<void> wait_for(Request& request, const std::string& file) {
        while (!std::filesystem::exists(file)) {
            if (auto ok = pause(request, 20); !ok) return ok;
        }
        return {};
    }
    void write_journal(const json::object& input, const std::string& line) {
        const std::scoped_lock lock(mutex_);
        std::ofstream(onex::get_text(input, "journal"), std::ios::app) << line << '\n';
    }

    std::mutex mutex_;
    std::set<std::string> failed_;
};

}  // namespace

ONEX_PLUGIN(Garden, "garden", "1.0.0", ONEX_CALL_ID, ONEX_STREAM_ID);
