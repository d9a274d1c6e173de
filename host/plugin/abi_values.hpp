// Room for what crosses the ABI into the host: errors and texts that the other side writes.
#pragma once

#include <onex/abi.h>
#include <onex/error.hpp>
#include <onex/utf8.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace onex::host {

/// Room for an error that somebody behind the ABI writes. Stays where it is made.
struct ErrorRoom {
    ErrorRoom() {
        abi.struct_size = sizeof(abi);
        abi.code = code;
        abi.code_capacity = sizeof(code);
        abi.message = message;
        abi.message_capacity = sizeof(message);
        abi.details = details;
        abi.details_capacity = sizeof(details);
    }
    ErrorRoom(const ErrorRoom&) = delete;
    ErrorRoom& operator=(const ErrorRoom&) = delete;

    /// What was written; `what` failed, when there are no words.
    [[nodiscard]] Error error(onex_status status, const std::string& what) const {
        Error out;
        out.code.assign(code, std::min<std::size_t>(abi.code_size, sizeof(code)));
        out.message.assign(message, std::min<std::size_t>(abi.message_size, sizeof(message)));
        out.details.assign(details, std::min<std::size_t>(abi.details_size, sizeof(details)));
        out.message = valid_utf8(out.message);
        if (out.code.empty()) out.code = std::string(code_of(static_cast<Status>(status)));
        if (out.message.empty()) out.message = what + " answered status " + std::to_string(status);
        return out;
    }
    onex_error abi{};
    char code[64];
    char message[4096];
    char details[16384];
};

/// Collects a text of at most `bytes_max`. Stays where it is made.
class TextWriter {
  public:
    explicit TextWriter(std::size_t bytes_max) : bytes_max_(bytes_max) {
        abi.struct_size = sizeof(abi);
        abi.ctx = this;
        abi.append = [](void* ctx, const void* data, std::uint64_t size) -> onex_status {
            auto& self = *static_cast<TextWriter*>(ctx);
            if (size > self.bytes_max_ - self.text.size()) return ONEX_E_EXHAUSTED;
            self.text.append(static_cast<const char*>(data), static_cast<std::size_t>(size));
            return ONEX_OK;
        };
    }
    TextWriter(const TextWriter&) = delete;
    TextWriter& operator=(const TextWriter&) = delete;

    onex_writer abi{};
    std::string text;

  private:
    std::size_t bytes_max_;
};

/// Has the node all functions of ABI 1.0? get_interface is the last of them; what later minors
/// append is not every plugin's.
inline bool is_whole(const onex_node& node) {
    return ONEX_HAS(&node, get_interface) && node.start && node.quiesce && node.resume &&
           node.stop && node.destroy && node.invoke && node.get_interface;
}

}  // namespace onex::host
