// What has come in on a connection and is not used yet.
#pragma once

#include "host/http/transport.hpp"
#include "host/http/wire.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace onex::host {

/// A buffer that grows with the traffic, 16 to 256 KiB. On the transport's strand. fill() may be
/// called while another fill() is under way (a read-ahead): both end together.
class Inbound {
  public:
    explicit Inbound(TransportPtr transport);

    [[nodiscard]] std::string_view data() const { return {buffer_.get() + begin_, end_ - begin_}; }
    void consume(std::size_t bytes) { begin_ += bytes; }

    /// Reads more: true when data() has grown, false at the end of the stream (for ever then).
    /// Errors: those of the transport.
    boost::asio::awaitable<Result<bool>> fill(TimePoint deadline);
    /// Bounds the read that is under way, if any.
    void set_deadline(TimePoint deadline) { transport_->set_read_deadline(deadline); }

    /// A whole head with its empty line, taken out; empty when the stream ended before its first
    /// byte. `first_byte` bounds the wait for the first byte, then the head has `head_ms`. Errors:
    /// VALIDATION_ERROR (over `bytes_max`, or cut short), and those of fill().
    boost::asio::awaitable<Result<std::string>> read_head(std::size_t bytes_max,
                                                          TimePoint first_byte,
                                                          std::int64_t head_ms);
    /// Some bytes of a body, at most kChunkBytes; empty when it is done. `idle_ms` bounds each
    /// read, `deadline` all. Errors: VALIDATION_ERROR (cut short, bad framing), and those of
    /// fill().
    boost::asio::awaitable<Result<std::string>> read_body(BodyDecoder& decoder,
                                                          std::int64_t idle_ms,
                                                          TimePoint deadline);
    /// Gives memory back between two requests.
    void shrink();

  private:
    void make_room();
    Result<bool> outcome(std::uint64_t total_before) const;

    TransportPtr transport_;
    std::unique_ptr<char[]> buffer_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    bool grow_ = false;
    bool reading_ = false;
    bool ended_ = false;
    std::uint64_t total_ = 0;
    std::optional<Error> failure_;
    SignalPtr read_done_;
};

}  // namespace onex::host
