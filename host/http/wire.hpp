// HTTP/1.1 on the wire, as pure functions: heads, body framing, trailers. No sockets, no clock.
#pragma once

#include "host/http/message.hpp"

#include <onex/error.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace onex::host {

inline constexpr std::size_t kTrailerBytesMax = 16 * 1024;

/// How the end of a body is found.
struct Framing {
    enum class Kind { none, length, chunked, until_close };
    Kind kind = Kind::none;
    std::uint64_t length = 0;
};

struct RequestHead {
    std::string method;
    std::string target;
    Headers headers;
    bool http_1_1 = true;
    bool keep_alive = true;
    bool expect_continue = false;
    Framing framing;
};

struct ResponseHead {
    unsigned status = 0;
    Headers headers;
    bool keep_alive = true;
    Framing framing;
};

/// Both take a whole head, up to and with its empty line. Errors: VALIDATION_ERROR (not HTTP, or
/// framing that could be read in two ways), UNIMPLEMENTED (a transfer coding other than chunked).
Result<RequestHead> parse_request_head(std::string_view head);
/// `method` is the request's: it decides whether the answer has a body.
Result<ResponseHead> parse_response_head(std::string_view head, std::string_view method);

/// Decodes one body from the bytes of a connection.
class BodyDecoder {
  public:
    explicit BodyDecoder(Framing framing);

    /// Decodes from the front of `in`, appends at most `out_max` bytes to `out`, and returns how
    /// much of `in` is used up. Nothing used and not done() means that more input is needed. Error:
    /// VALIDATION_ERROR (broken chunk framing, trailers over 16 KiB).
    Result<std::size_t> decode(std::string_view in, std::string& out, std::size_t out_max);
    /// The connection ended here. VALIDATION_ERROR when that cuts the body short.
    Result<void> end_of_input();

    [[nodiscard]] bool done() const { return state_ == State::done; }
    [[nodiscard]] const Headers& trailers() const { return trailers_; }
    /// Bytes of a body of known length that are still to come; nothing for other bodies.
    [[nodiscard]] std::optional<std::uint64_t> left() const;

  private:
    enum class State { data, until_close, chunk_size, chunk_data, chunk_end, trailers, done };
    Result<void> take_line(std::string_view line);

    State state_;
    std::uint64_t announced_;
    std::uint64_t left_;
    std::size_t trailer_bytes_ = 0;
    Headers trailers_;
};

/// "Name: value\r\n" for each field; line ends within a value become spaces. Fields that the
/// connection itself decides (Connection, Content-Length, Transfer-Encoding, Date) are left out.
void append_fields(std::string& out, const Headers& headers);
/// "HTTP/1.1 200 OK\r\n"
std::string status_line(unsigned status);
/// The end of a chunked body: last chunk, trailers, empty line.
std::string last_chunk(const std::function<Headers()>& trailers);
/// The length line of a chunk of `bytes` bytes.
std::string chunk_head(std::size_t bytes);
/// The current time as in the Date header.
std::string http_date();
/// {"error":{"code","message","correlation_id"}}; `code` and `correlation_id` are plain words.
std::string error_json(std::string_view code,
                       std::string_view message,
                       std::string_view correlation_id = {});

}  // namespace onex::host
