// The lines with which a peer call is answered: progress, then the result, then its signature.
#pragma once

#include "host/http/auth.hpp"
#include "host/plugin/request.hpp"

#include <onex/error.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace onex::host {

inline constexpr std::string_view kLinesType = "application/x-ndjson";
inline constexpr std::int64_t kAliveEveryMs =
    5'000;  ///< the answering side says so when nothing else moves
inline constexpr std::int64_t kLinesIdleMs =
    20'000;  ///< the asking side gives up after so long a silence

std::string progress_line(const ProgressInfo& info);
std::string alive_line();
/// The result and the signature, two lines.
std::string result_lines(const Outcome& outcome, const SigningKey& key, std::string_view nonce);

/// The error object of an answer (semantics 2.5) and back.
std::string error_body(const Error& error);
Error parse_error_body(std::string_view body, unsigned status);

/// Takes the bytes of such an answer as they come.
class LineReader {
  public:
    LineReader(const SigningKey& key, std::string nonce) : key_(key), nonce_(std::move(nonce)) {}
    /// Error: TRANSFER_FAILED (not what a host answers), AUTHENTICATION_FAILED (result not signed).
    Result<void> feed(std::string_view bytes,
                      const std::function<void(const ProgressInfo&)>& on_progress);
    /// The signed result, once it is complete.
    [[nodiscard]] const std::optional<Result<std::string>>& result() const { return result_; }

  private:
    Result<void> line(std::string_view line,
                      const std::function<void(const ProgressInfo&)>& on_progress);
    const SigningKey& key_;
    std::string nonce_;
    std::string buffer_;
    std::string result_line_;
    std::optional<Result<std::string>> result_;
};

}  // namespace onex::host
