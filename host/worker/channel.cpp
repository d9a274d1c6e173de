#include "host/worker/channel.hpp"

#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>

namespace onex::host::worker {

namespace {

constexpr std::int64_t kSendSeconds = 30;
constexpr std::size_t kNoticesMax = 10'000;  // for one call; a flood beyond is dropped

}  // namespace

Channel::Channel(Fd socket) : socket_(std::move(socket)) {
    timeval limit{};
    limit.tv_sec = kSendSeconds;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
#ifdef SO_NOSIGPIPE
    const int on = 1;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on));  // macOS
#endif
}

Channel::~Channel() {
    close();
}

void Channel::close() {
    if (closed_.exchange(true)) return;
    ::shutdown(socket_.get(), SHUT_RDWR);  // The descriptor itself goes with the object.
    const std::scoped_lock lock(mutex_);
    changed_.notify_all();
}

bool Channel::read_exactly(void* to, std::size_t size) {
    auto* at = static_cast<char*>(to);
    while (size > 0) {
        const auto count = ::recv(socket_.get(), at, size, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        at += count;
        size -= static_cast<std::size_t>(count);
    }
    return true;
}

bool Channel::send(const Head& head, const std::string& body) {
    if (body.size() > kFrameBytesMax || closed_) return false;
    std::string frame(reinterpret_cast<const char*>(&head), sizeof(head));
    frame += body;
#ifdef MSG_NOSIGNAL
    constexpr int kFlags = MSG_NOSIGNAL;
#else
    constexpr int kFlags = 0;
#endif
    const std::scoped_lock lock(writing_);
    std::size_t sent = 0;
    while (sent < frame.size()) {
        const auto count = ::send(socket_.get(), frame.data() + sent, frame.size() - sent, kFlags);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) {
            close();  // Half a frame can't be taken back.
            return false;
        }
        sent += static_cast<std::size_t>(count);
    }
    return true;
}

void Channel::run(const Handler& handler) {
    Head head;
    while (!closed_ && read_exactly(&head, sizeof(head))) {
        if (!is_sound(head)) break;
        std::string body(head.size, '\0');
        if (!read_exactly(body.data(), body.size())) break;
        if (head.type != Type::reply) {
            handler(head.type, head.method, head.id, std::move(body));
            continue;
        }
        const std::scoped_lock lock(mutex_);
        const auto found = waiting_.find(head.id);
        if (found == waiting_.end()) continue;  // Nobody waits any more.
        found->second->reply = std::move(body);
        found->second->replied = true;
        changed_.notify_all();
    }
    close();
}

Result<std::string> Channel::call(
    Method method,
    const Packer& input,
    SteadyClock::time_point deadline,
    const std::function<void(Method method, std::string_view body)>& on_notice) {
    if (input.bytes().size() > kFrameBytesMax) {
        return fail("RESOURCE_LIMIT_EXCEEDED",
                    std::to_string(input.bytes().size()) +
                        " bytes do not fit into one call of a "
                        "worker process; stream them");
    }
    const auto waiting = std::make_shared<Waiting>();
    std::uint64_t id = 0;
    {
        const std::scoped_lock lock(mutex_);
        id = next_id_++;
        waiting_.emplace(id, waiting);
    }
    send({static_cast<std::uint32_t>(input.bytes().size()), Type::call, method, id}, input.bytes());
    std::unique_lock lock(mutex_);
    const auto ready = [&] { return waiting->replied || !waiting->notices.empty() || closed_; };
    while (true) {
        const bool something = deadline == SteadyClock::time_point::max()
                                   ? (changed_.wait(lock, ready), true)
                                   : changed_.wait_until(lock, deadline, ready);
        while (!waiting->notices.empty()) {
            const auto notice = std::move(waiting->notices.front());
            waiting->notices.pop_front();
            lock.unlock();
            if (on_notice) on_notice(notice.first, notice.second);
            lock.lock();
        }
        if (!waiting->replied && something && !closed_) continue;
        waiting_.erase(id);
        if (waiting->replied) return std::move(waiting->reply);
        if (closed_) return fail("UNAVAILABLE", "the worker process has ended");
        return fail("TIMEOUT", "the worker process does not answer");
    }
}

bool Channel::notice(Method method, std::uint64_t id, const Packer& body) {
    return send({static_cast<std::uint32_t>(body.bytes().size()), Type::notice, method, id},
                body.bytes());
}

bool Channel::reply(std::uint64_t id, const Packer& body) {
    if (body.bytes().size() > kFrameBytesMax) {
        Packer refusal;
        refusal.result(-7 /* EXHAUSTED */,
                       {"RESOURCE_LIMIT_EXCEEDED",
                        "the answer is too large for a worker process; stream it",
                        {},
                        {}});
        return reply(id, refusal);
    }
    return send({static_cast<std::uint32_t>(body.bytes().size()), Type::reply, Method::ping, id},
                body.bytes());
}

bool Channel::hand_over(Method method, std::uint64_t id, std::string body) {
    const std::scoped_lock lock(mutex_);
    const auto found = waiting_.find(id);
    if (found == waiting_.end()) return false;
    if (found->second->notices.size() < kNoticesMax)
        found->second->notices.emplace_back(method, std::move(body));
    changed_.notify_all();
    return true;
}

}  // namespace onex::host::worker
