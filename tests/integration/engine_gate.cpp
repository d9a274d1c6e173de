#include "tests/integration/engine_gate.hpp"

#include "tests/support/wait.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>
#include <utility>

namespace onex::test {
namespace {

constexpr std::size_t kHeardBytesMax = 1 << 20;
constexpr std::size_t kAnswerBytesFirst = 1 << 20;

#ifdef MSG_NOSIGNAL
constexpr int kSendFlags = MSG_NOSIGNAL;
#else
constexpr int kSendFlags = 0;
#endif

/// The other end of a socket may go without a SIGPIPE here.
void spare_signal([[maybe_unused]] int socket) {
#ifdef SO_NOSIGPIPE
    const int on = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on));  // macOS
#endif
}

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    return address;
}

bool send_all(int to, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(to, bytes.data(), bytes.size(), kSendFlags);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

/// Passes on what `may_pass`, to the end.
void pass(int from, int to, const std::function<bool(const std::string& bytes)>& may_pass) {
    std::array<char, 65'536> buffer{};
    for (;;) {
        const auto got = ::recv(from, buffer.data(), buffer.size(), 0);
        if (got <= 0) break;
        const std::string bytes(buffer.data(), static_cast<std::size_t>(got));
        if (!may_pass(bytes) || !send_all(to, bytes)) break;
    }
    ::shutdown(to, SHUT_WR);
    ::shutdown(from, SHUT_RD);
}

}  // namespace

EngineGate::EngineGate(std::string path, std::string engine)
    : path_(std::move(path)), engine_(std::move(engine)) {
    listener_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
    const auto address = address_of(path_);
    if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        ::listen(listener_, 64) != 0) {
        return;  // The host's first call to its engine fails, and says so.
    }
    acceptor_ = std::thread([this] { accept_all(); });
}

EngineGate::~EngineGate() {
    {
        const std::scoped_lock lock(mutex_);
        ending_ = true;
        ended_.notify_all();
    }
    if (acceptor_.joinable()) {
        // A connection of our own wakes it up; a shutdown would not, everywhere.
        const int knock = ::socket(AF_UNIX, SOCK_STREAM, 0);
        const auto address = address_of(path_);
        (void)::connect(knock, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
        acceptor_.join();
        ::close(knock);
    }
    // Nobody adds to them any more.
    for (const int socket : sockets_)
        ::shutdown(socket, SHUT_RDWR);
    for (auto& thread : threads_)
        thread.join();
    for (const int socket : sockets_)
        ::close(socket);
    ::close(listener_);
}

void EngineGate::hold(std::string text) {
    const std::scoped_lock lock(mutex_);
    wanted_ = std::move(text);
}

void EngineGate::hold_answer(std::string text) {
    const std::scoped_lock lock(mutex_);
    slow_wanted_ = std::move(text);
}

void EngineGate::release() {
    const std::scoped_lock lock(mutex_);
    released_ = true;
    ended_.notify_all();
}

void EngineGate::refuse(std::string text) {
    const std::scoped_lock lock(mutex_);
    refused_ = std::move(text);
}

bool EngineGate::holds() const {
    return wait_until([this] {
        const std::scoped_lock lock(mutex_);
        return holds_;
    });
}

std::string EngineGate::heard() const {
    const std::scoped_lock lock(mutex_);
    return heard_;
}

void EngineGate::accept_all() {
    for (;;) {
        const int client = ::accept(listener_, nullptr, nullptr);
        if (client < 0) return;
        const int engine = ::socket(AF_UNIX, SOCK_STREAM, 0);
        const auto address = address_of(engine_);
        spare_signal(client);
        spare_signal(engine);
        const std::scoped_lock lock(mutex_);
        sockets_.insert(sockets_.end(), {client, engine});
        if (ending_) return;
        if (::connect(engine, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
            ::shutdown(client, SHUT_RDWR);
            continue;
        }
        const auto slow = std::make_shared<std::atomic<bool>>(false);
        threads_.emplace_back([=, this] { take_requests(client, engine, slow); });
        threads_.emplace_back([=, this] { take_answers(engine, client, slow); });
    }
}

void EngineGate::take_requests(int client,
                               int engine,
                               const std::shared_ptr<std::atomic<bool>>& slow) {
    pass(client, engine, [&](const std::string& bytes) { return admit(bytes, *slow); });
}

void EngineGate::take_answers(int engine,
                              int client,
                              const std::shared_ptr<std::atomic<bool>>& slow) {
    std::size_t passed = 0;
    pass(engine, client, [&](const std::string& bytes) {
        if (!*slow) return true;
        passed += bytes.size();
        if (passed < kAnswerBytesFirst) return true;
        std::unique_lock lock(mutex_);
        return wait_released(lock);
    });
}

bool EngineGate::admit(const std::string& bytes, std::atomic<bool>& slow) {
    std::unique_lock lock(mutex_);
    heard_ += bytes.substr(0, kHeardBytesMax - std::min(kHeardBytesMax, heard_.size()));
    if (!refused_.empty() && bytes.find(refused_) != std::string::npos) return false;
    if (!slow_wanted_.empty() && bytes.find(slow_wanted_) != std::string::npos) {
        slow_wanted_.clear();
        slow = true;
    }
    if (wanted_.empty() || bytes.find(wanted_) == std::string::npos) return true;
    wanted_.clear();
    return wait_released(lock);
}

bool EngineGate::wait_released(std::unique_lock<std::mutex>& lock) {
    holds_ = true;
    ended_.wait(lock, [this] { return ending_ || released_; });
    return released_;
}

}  // namespace onex::test
