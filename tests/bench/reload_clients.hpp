// Those who ask a counter (tests/integration/reload/counter.cpp) while its node is replaced.
#pragma once

#include "tests/support/http.hpp"

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace onex::test {

using Clock = std::chrono::steady_clock;

/// The number behind `mark`; 0 without one.
inline std::uint64_t number_behind(std::string_view text, std::string_view mark) {
    std::uint64_t out = 0;
    const auto at = text.find(mark);
    if (at == std::string_view::npos) return 0;
    std::from_chars(text.data() + at + mark.size(), text.data() + text.size(), out);
    return out;
}

struct Asked {
    Clock::time_point began;
    Clock::time_point ended;
    int version = 0;  ///< that answered; 0: it failed
    std::uint64_t count = 0;
};

/// One connection that is kept, as long as the host keeps it.
class Asker {
  public:
    explicit Asker(std::uint16_t port) : port_(port) {}
    Asked ask() {
        if (!connection_) connection_.emplace(port_);
        Asked out;
        out.began = Clock::now();
        const auto sent = connection_->write(
            "POST /count HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            "Content-Length: 2\r\n\r\n{}");
        const auto answer = sent ? connection_->read_answer() : std::string();
        out.ended = Clock::now();
        if (answer.starts_with("HTTP/1.1 200")) {
            out.version = static_cast<int>(number_behind(answer, "\"variant\":\"v"));
            out.count = number_behind(answer, "\"count\":");
        } else {
            connection_.reset();
            std::fprintf(stderr, "failed: %s\n", answer.c_str());
        }
        return out;
    }

  private:
    std::uint16_t port_;
    std::optional<RawConnection> connection_;
};

/// Clients without a pause, until end().
class Load {
  public:
    explicit Load(std::uint16_t port) : asked_(3) {
        for (auto& list : asked_) {
            clients_.emplace_back([this, port, &list] {
                Asker asker(port);
                while (!ending_)
                    list.push_back(asker.ask());
            });
        }
    }
    ~Load() { end(); }
    const std::vector<std::vector<Asked>>& end() {
        ending_ = true;
        for (auto& client : clients_)
            client.join();
        clients_.clear();
        return asked_;
    }

  private:
    std::atomic<bool> ending_{false};
    std::vector<std::vector<Asked>> asked_;  ///< a list a client, each in its order
    std::vector<std::thread> clients_;
};

}  // namespace onex::test
