// Errors as values, shared by the host and by C++ plugins. Standard library only.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace onex {

/// What a caller branches on. The numbers are those of ONEX_E_… in abi.h and never change.
enum class Status : std::int32_t {
    ok = 0,
    cancelled = -1,
    invalid_input = -2,
    timeout = -3,
    not_found = -4,
    conflict = -5,
    denied = -6,
    exhausted = -7,
    failed_precondition = -8,
    aborted = -9,
    out_of_range = -10,
    unimplemented = -11,
    internal = -12,
    unavailable = -13,
    corrupt = -14,
    unauthenticated = -15,
    bad_handle = -16,
};

/// One row of the table of semantics 2.5: the code that people and other machines read, what a
/// program branches on, the HTTP status it is answered with, and whether trying again may help.
struct CodeInfo {
    std::string_view code;
    Status status;
    std::uint16_t http_status;
    bool retryable;
};

inline constexpr std::array kCodes{
    // The seven codes of the deployment contract.
    CodeInfo{"BUILD_FAILED", Status::aborted, 422, true},
    CodeInfo{"TRANSFER_FAILED", Status::unavailable, 502, true},
    CodeInfo{"DEPLOYMENT_FAILED", Status::aborted, 500, true},
    CodeInfo{"HEALTH_CHECK_FAILED", Status::aborted, 502, true},
    CodeInfo{"REMOTE_ENDPOINT_UNREACHABLE", Status::unavailable, 502, true},
    CodeInfo{"ROLLBACK_FAILED", Status::aborted, 500, false},
    CodeInfo{"TIMEOUT", Status::timeout, 504, true},
    // Codes of the parts.
    CodeInfo{"AUTHENTICATION_FAILED", Status::unauthenticated, 401, false},
    CodeInfo{"CHECKSUM_MISMATCH", Status::corrupt, 422, true},
    CodeInfo{"RESOURCE_LIMIT_EXCEEDED", Status::denied, 422, false},
    CodeInfo{"DOCKER_UNAVAILABLE", Status::unavailable, 503, true},
    CodeInfo{"DOCKER_ERROR", Status::aborted, 502, true},
    CodeInfo{"PACKAGE_TOO_LARGE", Status::out_of_range, 413, false},
    CodeInfo{"POLICY_DENIED", Status::denied, 403, false},
    CodeInfo{"ARCHITECTURE_MISMATCH", Status::invalid_input, 422, false},
    CodeInfo{"DEPLOYMENT_LOCKED", Status::conflict, 409, false},
    CodeInfo{"DEPLOYMENT_QUEUED", Status::conflict, 409, true},
    CodeInfo{"DISK_FULL", Status::exhausted, 507, false},
    CodeInfo{"VALIDATION_ERROR", Status::invalid_input, 400, false},
    CodeInfo{"BUILDKIT_NEEDED", Status::invalid_input, 422, false},
    CodeInfo{"OPERATION_NOT_FOUND", Status::not_found, 404, false},
    CodeInfo{"OPERATION_AMBIGUOUS", Status::conflict, 409, false},
    CodeInfo{"CANCELLED", Status::cancelled, 409, false},
    CodeInfo{"INTERNAL", Status::internal, 500, false},
    // General codes.
    CodeInfo{"NOT_FOUND", Status::not_found, 404, false},
    CodeInfo{"CONFLICT", Status::conflict, 409, false},
    CodeInfo{"QUEUE_FULL", Status::exhausted, 429, true},
    CodeInfo{"UNAVAILABLE", Status::unavailable, 503, true},
    CodeInfo{"FAILED_PRECONDITION", Status::failed_precondition, 409, false},
    CodeInfo{"METHOD_NOT_ALLOWED", Status::unimplemented, 405, false},
    CodeInfo{"UNIMPLEMENTED", Status::unimplemented, 501, false},
    CodeInfo{"BAD_HANDLE", Status::bad_handle, 500, false},
};

/// The row of `code`. A code that no row has counts as INTERNAL, but "…_NOT_FOUND" is 404.
[[nodiscard]] constexpr CodeInfo code_info(std::string_view code) {
    for (const auto& row : kCodes) {
        if (row.code == code) return row;
    }
    if (code.ends_with("_NOT_FOUND")) return {code, Status::not_found, 404, false};
    return {code, Status::internal, 500, true};
}

/// The code that stands for a bare status, for errors that come without one.
[[nodiscard]] constexpr std::string_view code_of(Status status) {
    switch (status) {
        case Status::ok:
            return "OK";
        case Status::cancelled:
            return "CANCELLED";
        case Status::invalid_input:
            return "VALIDATION_ERROR";
        case Status::timeout:
            return "TIMEOUT";
        case Status::not_found:
            return "NOT_FOUND";
        case Status::conflict:
            return "CONFLICT";
        case Status::denied:
            return "POLICY_DENIED";
        case Status::exhausted:
            return "QUEUE_FULL";
        case Status::failed_precondition:
            return "FAILED_PRECONDITION";
        case Status::out_of_range:
            return "PACKAGE_TOO_LARGE";
        case Status::unimplemented:
            return "UNIMPLEMENTED";
        case Status::unavailable:
            return "UNAVAILABLE";
        case Status::corrupt:
            return "CHECKSUM_MISMATCH";
        case Status::unauthenticated:
            return "AUTHENTICATION_FAILED";
        case Status::bad_handle:
            return "BAD_HANDLE";
        case Status::aborted:
        case Status::internal:
            break;
    }
    return "INTERNAL";
}

/// A failure. Worded once, where it is found, and carried unchanged to whoever can act on it.
struct Error {
    std::string code;            ///< as in kCodes, or a contract's own
    std::string message;         ///< one sentence: what, with which value, what to do; no secrets
    std::string details;         ///< a JSON object as text, or empty
    std::string correlation_id;  ///< filled at the edge where the request came in; may be empty

    [[nodiscard]] Status status() const { return code_info(code).status; }
};

template <class T>
using Result = std::expected<T, Error>;

/// `return fail("NOT_FOUND", "no run 7; see onex-host history");`
[[nodiscard]] inline std::unexpected<Error> fail(std::string_view code,
                                                 std::string message,
                                                 std::string details = {}) {
    return std::unexpected(Error{std::string(code), std::move(message), std::move(details), {}});
}

}  // namespace onex
