#include "host/http/inbound.hpp"

#include <algorithm>
#include <cstring>

namespace asio = boost::asio;

namespace onex::host {
namespace {
constexpr std::size_t kSmallest = 16 * 1024;
}

Inbound::Inbound(TransportPtr transport) : transport_(std::move(transport)) {}

void Inbound::make_room() {
    if (begin_ == end_) begin_ = end_ = 0;
    const auto used = end_ - begin_;
    auto wanted = std::max(capacity_, kSmallest);
    if (grow_ && wanted < kChunkBytes) wanted *= 2;
    if (used >= wanted / 2)
        wanted *= 2;  // A head or line that isn't complete; its reader has a limit.
    grow_ = false;
    if (wanted != capacity_) {
        auto larger = std::make_unique_for_overwrite<char[]>(wanted);
        if (used > 0) std::memcpy(larger.get(), buffer_.get() + begin_, used);
        buffer_ = std::move(larger);
        capacity_ = wanted;
    } else if (begin_ > 0) {
        std::memmove(buffer_.get(), buffer_.get() + begin_, used);
    }
    begin_ = 0;
    end_ = used;
}

void Inbound::shrink() {
    if (reading_ || begin_ != end_ || capacity_ <= kSmallest) return;
    buffer_.reset();
    capacity_ = begin_ = end_ = 0;
}

Result<bool> Inbound::outcome(std::uint64_t total_before) const {
    if (total_ > total_before) return true;
    if (failure_) return std::unexpected(*failure_);
    return false;
}

asio::awaitable<Result<bool>> Inbound::fill(TimePoint deadline) {
    const auto total_before = total_;
    if (reading_) {
        transport_->set_read_deadline(deadline);
        if (!read_done_) read_done_ = std::make_shared<Signal>(transport_->executor());
        const auto done = read_done_;
        while (reading_) {
            co_await done->wait(kNever);
        }
        co_return outcome(total_before);
    }
    if (ended_ || failure_) co_return outcome(total_before);
    make_room();
    reading_ = true;
    const auto space = capacity_ - end_;
    char* const free = buffer_.get() + end_;
    auto bytes = co_await transport_->read_some(free, space, deadline);
    reading_ = false;
    if (!bytes) {
        failure_ = std::move(bytes).error();
    } else if (*bytes == 0) {
        ended_ = true;
    } else {
        end_ += *bytes;
        total_ += *bytes;
        grow_ = *bytes == space;
    }
    if (read_done_) read_done_->fire();
    co_return outcome(total_before);
}

asio::awaitable<Result<std::string>> Inbound::read_head(std::size_t bytes_max,
                                                        TimePoint first_byte,
                                                        std::int64_t head_ms) {
    std::size_t searched = 0;
    auto deadline = first_byte;
    bool started = false;
    for (;;) {
        // Empty lines before a head are allowed (RFC 9112, 2.2).
        while (searched == 0 && data().starts_with("\r\n"))
            consume(2);
        const auto end = data().find("\r\n\r\n", searched);
        if (end != std::string_view::npos && end + 4 <= bytes_max) {
            std::string head(data().substr(0, end + 4));
            consume(end + 4);
            co_return head;
        }
        if (end != std::string_view::npos || data().size() > bytes_max) {
            co_return fail("VALIDATION_ERROR",
                           "the head is over " + std::to_string(bytes_max) + " bytes",
                           R"({"status":431})");
        }
        searched = data().size() > 3 ? data().size() - 3 : 0;
        if (!data().empty() && !started) {
            started = true;
            const auto limit = SteadyClock::now() + std::chrono::milliseconds(head_ms);
            deadline = limit;
        }
        auto more = co_await fill(deadline);
        if (!more) co_return std::unexpected(std::move(more).error());
        if (*more) continue;
        if (data().empty()) co_return std::string{};
        co_return fail("VALIDATION_ERROR", "the connection ended within a head");
    }
}

asio::awaitable<Result<std::string>> Inbound::read_body(BodyDecoder& decoder,
                                                        std::int64_t idle_ms,
                                                        TimePoint deadline) {
    std::string out;
    for (;;) {
        auto used = decoder.decode(data(), out, kChunkBytes - out.size());
        if (!used) co_return std::unexpected(std::move(used).error());
        consume(*used);
        if (!out.empty() || decoder.done()) co_return out;
        const auto idle_end = SteadyClock::now() + std::chrono::milliseconds(idle_ms);
        const auto limit = std::min(deadline, idle_end);
        auto more = co_await fill(limit);
        if (!more) co_return std::unexpected(std::move(more).error());
        if (*more) continue;
        if (auto ended = decoder.end_of_input(); !ended) {
            co_return std::unexpected(std::move(ended).error());
        }
    }
}

}  // namespace onex::host
