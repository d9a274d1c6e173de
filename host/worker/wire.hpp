// What host and worker say to each other: frames, and how values stand in them. Little-endian as
// the machine is: both ends are the same program on the same machine. Pure.
#pragma once

#include <onex/error.hpp>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace onex::host::worker {

/// A frame is a Head and `size` bytes. More is refused on both sides.
inline constexpr std::uint32_t kFrameBytesMax = 16U << 20;

/// What is asked or told. Host → worker first, then worker → host.
enum class Method : std::uint16_t {
    ping,
    load,
    create,
    start,
    quiesce,
    resume,
    stop,
    destroy,
    save,
    restore,
    invoke,
    task,
    call_done,
    progress,  ///< of a call that the worker waits for
    line,      ///< of a program that the worker waits for
    batch,
    log,
    secret,
    exec_add,
    exec_cancel,
    answer,
    answer_error,
    report_progress,
    cancelled,
    on_cancel,
    call,
    call_async,
    resolve,
    cancel_call,
    stream_read,
    stream_write,
    stream_finish,
    stream_fail,
    stream_close,
    stream_pipe,
    http_send,
    http_open,
    blob_spool,
    blob_open,
    blob_stat,
    blob_remove,
    blob_free,
    publish,
    subscribe,
    unsubscribe,
    events_read,
    metric_define,
    metric_record,
    metric_forget,
    run_program,
    parse_yaml,
    schema_compile,
    schema_check,
    schema_release,
    kv_get,
    kv_scan,
    kv_write,
    count_,  ///< how many there are
};

enum class Type : std::uint16_t {
    call,  ///< wants a reply under its id
    reply,
    notice,  ///< wants none; the id may name a call that waits
};

struct Head {
    std::uint32_t size = 0;  ///< of what follows
    Type type = Type::notice;
    Method method = Method::ping;
    std::uint64_t id = 0;
};
static_assert(sizeof(Head) == 16);

/// Is it one that this version knows, within the limit?
[[nodiscard]] bool is_sound(const Head& head);

/// Writes values one after the other.
class Packer {
  public:
    template <class T>
    Packer& number(T value) {
        static_assert(std::is_arithmetic_v<T>);
        bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
        return *this;
    }
    Packer& text(std::string_view value) {
        number(static_cast<std::uint32_t>(value.size()));
        bytes_.append(value);
        return *this;
    }
    /// OK, or a failure with its words.
    Packer& result(std::int32_t status, const Error& error);
    [[nodiscard]] const std::string& bytes() const { return bytes_; }

  private:
    std::string bytes_;
};

/// Reads them back. What is missing reads as zero or empty, and ok() is false from then on: the
/// other side may be anything.
class Unpacker {
  public:
    explicit Unpacker(std::string_view bytes) : rest_(bytes) {}
    template <class T>
    T number() {
        static_assert(std::is_arithmetic_v<T>);
        T value{};
        const auto from = take(sizeof(T));
        if (from.size() == sizeof(T)) std::memcpy(&value, from.data(), sizeof(T));
        return value;
    }
    std::string_view text() { return take(number<std::uint32_t>()); }
    /// What result() wrote: the status, and `error` filled when it is a failure.
    std::int32_t result(Error& error);
    [[nodiscard]] bool ok() const { return ok_; }
    /// Everything was read, and there was enough.
    [[nodiscard]] bool done() const { return ok_ && rest_.empty(); }

  private:
    std::string_view take(std::size_t size) {
        if (size > rest_.size()) {
            ok_ = false;
            rest_ = {};
            return {};
        }
        const auto out = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return out;
    }
    std::string_view rest_;
    bool ok_ = true;
};

}  // namespace onex::host::worker
