// ABI values in frames, for both sides.
#pragma once

#include "host/plugin/services.hpp"
#include "host/worker/wire.hpp"

#include <onex/abi.h>

#include <string_view>
#include <vector>

namespace onex::host::worker {

inline void pack(Packer& out, onex_wait wait) {
    out.number(wait.timeout_ms).number(wait.token);
}
inline onex_wait unpack_wait(Unpacker& in) {
    const auto timeout = in.number<std::int64_t>();
    return {timeout, in.number<std::uint64_t>()};
}

inline void pack(Packer& out, const onex_failure& failure) {
    out.text(view(failure.code)).text(view(failure.message)).text(view(failure.details));
}
inline onex_failure unpack_failure(Unpacker& in) {
    onex_failure out{};
    out.struct_size = sizeof(out);
    out.code = view(in.text());
    out.message = view(in.text());
    out.details = view(in.text());
    return out;
}

inline void pack(Packer& out, const onex_progress& progress) {
    out.number(progress.kind)
        .number(progress.done)
        .number(progress.total)
        .text(view(progress.text));
}
inline onex_progress unpack_progress(Unpacker& in) {
    onex_progress out{};
    out.struct_size = sizeof(out);
    out.kind = in.number<std::uint32_t>();
    out.done = in.number<std::uint64_t>();
    out.total = in.number<std::uint64_t>();
    out.text = view(in.text());
    return out;
}

inline void pack(Packer& out, const onex_field* fields, std::uint32_t count) {
    out.number(count);
    for (std::uint32_t i = 0; i < count; ++i)
        out.text(view(fields[i].name)).text(view(fields[i].value));
}
inline std::vector<onex_field> unpack_fields(Unpacker& in) {
    std::vector<onex_field> out;
    for (auto left = in.number<std::uint32_t>(); left > 0 && in.ok(); --left) {
        const auto name = in.text();
        out.push_back({view(name), view(in.text())});
    }
    return out;
}

inline void pack(Packer& out, const onex_str* texts, std::uint32_t count) {
    out.number(count);
    for (std::uint32_t i = 0; i < count; ++i)
        out.text(view(texts[i]));
}
inline std::vector<onex_str> unpack_texts(Unpacker& in) {
    std::vector<onex_str> out;
    for (auto left = in.number<std::uint32_t>(); left > 0 && in.ok(); --left)
        out.push_back(view(in.text()));
    return out;
}

/// All of a call but its callbacks.
inline void pack(Packer& out, const onex_call& call) {
    out.text(view(call.target)).text(view(call.node)).text(view(call.operation));
    out.text(view(call.input)).text(view(call.correlation_id)).text(view(call.key));
    out.number(call.timeout_ms).number(call.stream_in).number(call.stream_out);
}
inline onex_call unpack_call(Unpacker& in) {
    onex_call out{};
    out.struct_size = sizeof(out);
    out.target = view(in.text());
    out.node = view(in.text());
    out.operation = view(in.text());
    out.input = view(in.text());
    out.correlation_id = view(in.text());
    out.key = view(in.text());
    out.timeout_ms = in.number<std::int64_t>();
    out.stream_in = in.number<std::uint64_t>();
    out.stream_out = in.number<std::uint64_t>();
    return out;
}

}  // namespace onex::host::worker
