// What the fake host of onex/testing.hpp remembers and how a test scripts it.
#pragma once

#include <onex/services.hpp>

#include <deque>
#include <map>
#include <set>

namespace onex __attribute__((visibility("hidden"))) {
    namespace testing {

    struct LogLine {
        std::uint32_t level = 0;
        std::string message;
        std::string correlation_id;
    };
    struct Told {  ///< a call of progress()
        onex_token token = 0;
        std::uint32_t kind = 0;
        std::uint64_t done = 0;
        std::uint64_t total = 0;
        std::string text;
    };
    struct Recorded {  ///< a value of a metric
        std::string metric;
        std::vector<std::string> labels;
        double value = 0;
    };
    /// An operation that the node calls, an HTTP request that it sends, a program that it runs, a
    /// statement.
    struct CallSeen {
        std::string target, node, operation, input, key;
    };
    struct HttpSeen {
        std::string method, url, unix_socket, body;
        Headers headers;
    };
    struct HttpScript {
        unsigned status = 200;
        std::string headers;  ///< lines "name: value\n"
        std::string body;
    };
    using Arguments = std::map<std::string, Value, std::less<>>;

    /// The host's memory: what a test sets before and reads afterwards. [one thread]
    class FakeState {
      public:
        // --- set by the test
        std::string settings = "{}";
        std::string info =
            R"({"host":"test","host_id":"00000000-0000-4000-8000-000000000001","node":"node"})";
        std::map<std::string, std::string, std::less<>> secrets;
        std::set<std::string, std::less<>> withheld;  ///< services that get_service() doesn't give
        std::map<std::string, std::string, std::less<>> yaml;  ///< what parse_yaml makes of a text
        std::function<Result<std::string>(const CallSeen&)> on_call;
        std::function<Result<HttpScript>(const HttpSeen&)> on_http;
        std::function<Result<int>(const std::vector<std::string>& args)> on_run;
        /// Answers a statement; without it every statement succeeds with no row.
        std::function<Result<Rows>(const std::string& sql, const Arguments&)> on_sql;
        /// Every service that could refuse does so with this error. Empty code: none does.
        Error refusal{};
        /// But so many of their calls still succeed before: what fails half-way.
        int calls_before_refusal = 0;

        // --- read by the test
        std::vector<LogLine> logs;
        std::vector<Told> progress;
        std::vector<Event> events;
        std::vector<Recorded> metrics;
        std::vector<CallSeen> calls;
        std::vector<HttpSeen> http_requests;
        std::vector<std::string> statements;
        int committed = 0;
        int rolled_back = 0;
        std::map<std::string, std::string, std::less<>> blobs;  ///< by digest
        std::map<std::string, std::string, std::less<>> kv;     ///< set before, too

        [[nodiscard]] bool logged(std::string_view part) const {
            for (const auto& line : logs) {
                if (line.message.find(part) != std::string::npos) return true;
            }
            return false;
        }
        /// Buffers, tasks and subscriptions that the node holds; 0 when it has given everything
        /// back.
        [[nodiscard]] std::size_t held() const {
            return buffers_.size() + tasks_.size() + subscriptions_.size();
        }

        // --- clock and tasks
        [[nodiscard]] std::int64_t now_ms() const { return now_us_ / 1000; }
        /// Moves the clock and runs what becomes due, in order.
        void advance(std::int64_t ms) {
            const auto end = now_ms() + ms;
            while (advance_to_next(end)) {
            }
            now_us_ = std::max(now_us_, end * 1000);
        }
        /// Runs the next task that is due until `end_ms`; false when there is none.
        bool advance_to_next(std::int64_t end_ms) {
            auto next = tasks_.end();
            for (auto it = tasks_.begin(); it != tasks_.end(); ++it) {
                if (next == tasks_.end() || it->second.due_ms < next->second.due_ms) next = it;
            }
            if (next == tasks_.end() || next->second.due_ms > end_ms) return false;
            now_us_ = std::max(now_us_, next->second.due_ms * 1000);
            const auto task = next->second;
            if (task.period_ms > 0) {
                next->second.due_ms += task.period_ms;
            } else {
                tasks_.erase(next);
            }
            task.fn(task.user, 0);
            return true;
        }

        // --- requests
        struct Open {
            std::string operation, input, correlation_id = "test", caller, key;
            onex_handle stream_in = 0;
            onex_handle stream_out = 0;
            int times = 0;
            bool cancelled = false;
            Result<std::string> output = std::string("{}");
            unsigned http_status = 0;
            onex_task_fn on_cancel = nullptr;
            void* on_cancel_user = nullptr;
        };
        onex_token open_request() {
            requests_[++last_handle_] = {};
            return last_handle_;
        }
        Open& request(onex_token token) { return requests_.at(token); }
        void cancel_request(onex_token token) {
            auto& open = requests_.at(token);
            open.cancelled = true;
            if (const auto fn = std::exchange(open.on_cancel, nullptr)) fn(open.on_cancel_user, 0);
        }
        onex_status settle(onex_token token, Result<std::string> output, unsigned http_status) {
            const auto found = requests_.find(token);
            if (found == requests_.end()) return ONEX_E_BAD_HANDLE;
            auto& open = found->second;
            if (++open.times > 1) return ONEX_E_BAD_HANDLE;
            open.output = std::move(output);
            open.http_status = http_status;
            if (const auto fn = std::exchange(open.on_cancel, nullptr)) fn(open.on_cancel_user, 1);
            return ONEX_OK;
        }

        // --- streams
        struct Line {
            std::string bytes;
            std::size_t read = 0;
            bool finished = false;
            bool closed = false;
            std::optional<Error> broken;
        };
        onex_handle make_stream(std::string bytes, bool finished) {
            auto line = std::make_shared<Line>();
            line->bytes = std::move(bytes);
            line->finished = finished;
            streams_[++last_handle_] = std::move(line);
            return last_handle_;
        }
        /// Everything that was ever written to it.
        [[nodiscard]] std::string stream_bytes(onex_handle stream) const {
            const auto found = streams_.find(stream);
            return found == streams_.end() ? std::string() : found->second->bytes;
        }
        /// Tells each task and subscription that it won't run any more, as a host does before
        /// destroy().
        void drop_everything() {
            for (const auto& [handle, task] : std::exchange(tasks_, {}))
                task.fn(task.user, 1);
            for (const auto& [handle, subscription] : std::exchange(subscriptions_, {}))
                subscription.fn(subscription.user, 0, onex_str{}, 1);
            for (auto& [token, open] : requests_) {
                if (const auto fn = std::exchange(open.on_cancel, nullptr))
                    fn(open.on_cancel_user, 1);
            }
        }
        /// Hands a batch of events (a JSON array) to the subscriptions whose topic prefix is
        /// `prefix`.
        onex_status deliver(std::string_view prefix, std::string_view batch) {
            onex_status status = ONEX_E_NOT_FOUND;
            for (const auto& [handle, subscription] : std::map(subscriptions_)) {
                if (subscription.prefix != prefix) continue;
                status = subscription.fn(subscription.user, ++last_handle_, to_abi(batch), 0);
            }
            return status;
        }

      protected:
        struct Task {
            std::int64_t due_ms = 0;
            std::int64_t period_ms = 0;
            onex_task_fn fn = nullptr;
            void* user = nullptr;
        };
        struct Subscribed {
            std::string prefix;
            onex_batch_fn fn = nullptr;
            void* user = nullptr;
        };
        struct FakeBuffer {
            onex_buf abi{};
            std::vector<std::uint8_t> data;
            int count = 1;
        };

        std::int64_t now_us_ = 1'700'000'000'000'000;
        std::uint64_t last_handle_ = 0;
        std::uint64_t random_ = 0x9E3779B97F4A7C15U;
        std::map<onex_handle, Task> tasks_;
        std::map<onex_handle, Subscribed> subscriptions_;
        std::map<onex_token, Open> requests_;
        std::map<onex_handle, std::shared_ptr<Line>> streams_;
        std::map<onex_buf*, std::unique_ptr<FakeBuffer>> buffers_;
        std::map<onex_handle, std::string> metric_names_;
        std::set<onex_handle> transactions_;
    };

    }  // namespace testing
}  // namespace onex
