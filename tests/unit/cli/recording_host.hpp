// A host in this process that answers what it was told to: real sockets, canned answers.
#pragma once

#include "host/cli/arguments.hpp"
#include "host/http/server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace onex::host {

namespace asio = boost::asio;
namespace fs = std::filesystem;

struct Canned {
    unsigned status = 200;
    std::string body;
};

/// Answers by "METHOD path" from a list; the last answer of a list stays. Remembers what was asked.
class RecordingHost {
  public:
    RecordingHost() {
        std::string folder = (fs::temp_directory_path() / "onex-cli-XXXXXX").string();
        folder_ = ::mkdtemp(folder.data());
        std::ofstream(config()) << "[host]\nname = \"here\"\ndata_dir = \"" << folder_.string()
                                << "\"\n";
    }
    ~RecordingHost() {
        if (thread_.joinable()) {
            auto stopping = listener_->stop(Wait::for_ms(1000));
            asio::co_spawn(context_, std::move(stopping), asio::use_future).get();
            work_.reset();
            context_.stop();
            thread_.join();
        }
        listener_.reset();
        fs::remove_all(folder_);
    }
    RecordingHost(const RecordingHost&) = delete;
    RecordingHost& operator=(const RecordingHost&) = delete;

    void start() {
        ListenAddress address;
        address.unix_path = (folder_ / "admin.sock").string();
        HttpHandler handler = [this](std::shared_ptr<ServerRequest> request) {
            return answer(std::move(request));
        };
        auto listener =
            listen(context_.get_executor(), address, ServerLimits{}, std::move(handler));
        ASSERT_TRUE(listener) << listener.error().message;
        listener_ = std::move(*listener);
        thread_ = std::thread([this] { context_.run(); });
    }
    void when(const std::string& what, std::vector<Canned> answers) {
        const std::lock_guard lock(mutex_);
        answers_[what] = std::move(answers);
    }
    std::vector<std::string> asked() {
        const std::lock_guard lock(mutex_);
        return asked_;
    }
    std::string config() const { return (folder_ / "host.toml").string(); }
    std::string folder() const { return folder_.string(); }

  private:
    asio::awaitable<ServerResponse> answer(std::shared_ptr<ServerRequest> request) {
        auto body = co_await request->read_body(1 << 20);
        const std::lock_guard lock(mutex_);
        asked_.push_back(request->method + " " + request->target + " " + body.value_or(""));
        auto& left = answers_[request->method + " " + request->path];
        ServerResponse response;
        response.headers.set("Content-Type", "application/json");
        if (left.empty()) {
            response.status = 404;
            response.body =
                R"({"error": {"code": "NOT_FOUND", "message": "no such route", "correlation_id": "c9"}})";
            co_return response;
        }
        response.status = left.front().status;
        response.body = left.front().body;
        if (left.size() > 1) left.erase(left.begin());
        co_return response;
    }

    fs::path folder_;
    asio::io_context context_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_ = make_work_guard(context_);
    std::unique_ptr<Listener> listener_;
    std::thread thread_;
    std::mutex mutex_;
    std::map<std::string, std::vector<Canned>> answers_;
    std::vector<std::string> asked_;
};

struct Outcome {
    int code = -1;
    std::string out;
    std::string err;
};

inline Outcome run(std::vector<std::string> words) {
    words.insert(words.begin(), "onex-host");
    std::vector<char*> argv;
    for (auto& word : words)
        argv.push_back(word.data());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const auto parsed = cli::parse_arguments(static_cast<int>(argv.size()), argv.data());
    Outcome outcome;
    outcome.code = parsed.exit_code ? *parsed.exit_code : parsed.command();
    outcome.out = testing::internal::GetCapturedStdout();
    outcome.err = testing::internal::GetCapturedStderr();
    return outcome;
}

inline void expect_part(const std::string& whole, const std::string& part) {
    EXPECT_NE(whole.find(part), std::string::npos) << part << "\nis not in\n" << whole;
}

}  // namespace onex::host
