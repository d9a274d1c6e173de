#include "host/cli/follow.hpp"

#include "host/cli/output.hpp"
#include "host/cli/report.hpp"
#include "host/cli/view.hpp"

#include <boost/json/array.hpp>
#include <poll.h>

#include <atomic>
#include <csignal>
#include <utility>

namespace onex::host::cli {

namespace json = boost::json;

namespace {

constexpr std::int64_t kCallMs = 15'000;
constexpr std::int64_t kPageMs = 500;  ///< how long one question for log lines is held by the host
constexpr std::int64_t kFollowMs = 20'000;
constexpr auto kHostGoneMax = std::chrono::seconds(60);
constexpr int kRetryPauseMs = 500;

// A signal handler may only touch lock-free atomics.
std::atomic<int> interrupts{0};
static_assert(std::atomic<int>::is_always_lock_free);

/// Counts Ctrl-C while it lives; the second one has its usual effect.
class InterruptGuard {
  public:
    InterruptGuard() {
        interrupts = 0;
        struct sigaction action{};
        action.sa_handler = [](int) { ++interrupts; };
        sigemptyset(&action.sa_mask);
        action.sa_flags = static_cast<int>(SA_RESETHAND);
        sigaction(SIGINT, &action, &before_);
    }
    ~InterruptGuard() { sigaction(SIGINT, &before_, nullptr); }
    InterruptGuard(const InterruptGuard&) = delete;  // Owns the process's signal handler.
    InterruptGuard& operator=(const InterruptGuard&) = delete;

  private:
    struct sigaction before_{};
};

std::string logs_target(const std::string& workflow_id, std::int64_t after, std::int64_t wait_ms) {
    return "/workflows/" + url_encode(workflow_id) + "/logs?after=" + std::to_string(after) +
           "&limit=500&wait_ms=" + std::to_string(wait_ms);
}

}  // namespace

LogPage read_log_page(const json::object& answer, std::int64_t after) {
    LogPage page{
        .lines = {}, .next = number(answer, "next", after), .final = flag(answer, "final")};
    for (const auto& value : list(answer, "lines")) {
        if (!value.is_object()) continue;
        const auto& line = value.get_object();
        page.lines.push_back({number(line, "line"),
                              text(line, "time"),
                              text(line, "stage"),
                              text(line, "operation"),
                              text(line, "level"),
                              text(line, "text")});
    }
    return page;
}

Followed follow_run(Session& session, const std::string& workflow_id, bool verbose) {
    Followed followed;
    auto* api = session.client();
    if (!api) return followed;
    const InterruptGuard guard;
    ProgressView view(output_is_terminal(), verbose);
    auto heard_at = SteadyClock::now();
    std::int64_t after = 0;

    while (true) {
        if (interrupts > 0) {
            if (!session.json()) print(view.finish());
            followed.interrupted = true;
            return followed;
        }
        auto logs =
            api->get(logs_target(workflow_id, after, kPageMs), Wait::for_ms(kPageMs + kCallMs));
        auto status = logs ? api->get("/workflows/" + url_encode(workflow_id) + "/status",
                                      Wait::for_ms(kCallMs))
                           : Result<ApiAnswer>(std::unexpected(logs.error()));
        if (!status || status->status == 503) {
            // The host restarts, perhaps; it takes its runs up again.
            if (SteadyClock::now() - heard_at > kHostGoneMax) {
                const auto why = status ? status->error() : status.error();
                session.fail_unreachable(why);
                return followed;
            }
            ::poll(nullptr, 0, kRetryPauseMs);  // Ends early on Ctrl-C, unlike a sleep.
            continue;
        }
        heard_at = SteadyClock::now();
        if (!status->ok()) {
            session.fail_with(status->error(), kFailed);
            return followed;
        }
        LogPage page;
        if (logs->ok()) page = read_log_page(logs->body, after);
        if (logs->ok()) after = page.next;
        const auto shown = view.update(status->body, page.lines, heard_at);
        if (!session.json()) print(shown);
        // The last lines may follow the state, hence one more look until a page is empty.
        if (flag(status->body, "final") && (!logs->ok() || page.lines.empty())) {
            if (!session.json()) print(view.finish());
            followed.status = std::move(status->body);
            followed.last_lines = view.last_lines(failed_operation(*followed.status));
            return followed;
        }
    }
}

bool each_log_page(Session& session,
                   const std::string& workflow_id,
                   bool wait,
                   const std::function<void(const LogPage&)>& on_page) {
    std::int64_t after = 0;
    while (true) {
        auto answer = session.get(logs_target(workflow_id, after, wait ? kFollowMs : 0));
        if (!answer) return false;
        const auto page = read_log_page(*answer, after);
        on_page(page);
        after = page.next;
        if (page.lines.empty() && (!wait || page.final)) return true;
    }
}

}  // namespace onex::host::cli
