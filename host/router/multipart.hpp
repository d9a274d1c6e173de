// multipart/form-data (RFC 7578), read as it streams by. Pure.
#pragma once

#include <onex/error.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace onex::host {

/// The boundary of a Content-Type, or empty.
std::string multipart_boundary(std::string_view content_type);

/// Takes the bytes of a body in pieces of any size and tells parts as they come. Bounded: headers
/// of a part 8 KiB, 64 parts.
class MultipartParser {
  public:
    struct Part {
        std::string name;
        std::string filename;
        std::string content_type;
    };
    struct Events {
        std::function<Result<void>(const Part&)> begin;
        std::function<Result<void>(std::string_view)> data;
        std::function<Result<void>()> end;
    };
    MultipartParser(std::string boundary, Events events);

    /// Error: VALIDATION_ERROR (framing), or what an event returned.
    Result<void> feed(std::string_view bytes);
    /// After the last byte: was the closing boundary there?
    [[nodiscard]] bool complete() const { return state_ == State::done; }

  private:
    enum class State { preamble, headers, body, after_boundary, done };
    Result<bool> step();
    Result<void> begin_part(std::string_view headers);

    std::string delimiter_;  ///< "\r\n--boundary"
    Events events_;
    std::string buffer_;
    State state_ = State::preamble;
    int parts_ = 0;
};

}  // namespace onex::host
