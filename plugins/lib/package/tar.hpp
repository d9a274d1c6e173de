// Tar archives as streams, both ways: POSIX ustar with pax records where a name or size needs them.
#pragma once

#include "package/compress.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace onex::package {

/// What an entry of an archive is; the values are tar's own type flags.
enum class EntryKind : char {
    file = '0',
    hard_link = '1',
    symlink = '2',
    folder = '5',
    other = '?'
};

/// The head of one entry.
struct TarEntry {
    std::string path;  ///< relative, '/' between names, none at the end
    EntryKind kind = EntryKind::file;
    std::uint32_t mode = 0644;  ///< permission bits only
    std::uint64_t size = 0;     ///< of files; 0 for all others
    std::int64_t modified_s = 0;
    std::string link;  ///< target of a link
};

/// Writes an archive piece by piece. Owner and group are always 0. One thread at a time.
class TarWriter {
  public:
    explicit TarWriter(Sink out) : out_(std::move(out)) {}

    /// Starts an entry. Errors: FAILED_PRECONDITION when the entry before lacks bytes; those of the
    /// sink.
    Result<void> add(const TarEntry& entry);
    /// The bytes of the current file. Errors: FAILED_PRECONDITION when they are more than
    /// announced.
    Result<void> write(std::string_view bytes);
    /// Closes the archive. Errors: as add().
    Result<void> finish();

  private:
    Result<void> head(const TarEntry& entry, char kind);
    Result<void> pad();

    Sink out_;
    std::uint64_t left_ = 0;
    std::uint64_t size_ = 0;
};

/// Reads an archive piece by piece: ustar, pax and GNU long names. One thread at a time.
class TarReader {
  public:
    using OnEntry = std::function<Result<void>(const TarEntry& entry)>;

    /// `on_entry` is called once an entry, then `on_data` with the bytes of a file. Their errors
    /// end the reading.
    TarReader(OnEntry on_entry, Sink on_data)
        : on_entry_(std::move(on_entry)), on_data_(std::move(on_data)) {}

    /// Errors: CHECKSUM_MISMATCH when it is no tar archive or a head is damaged; VALIDATION_ERROR
    /// when an entry's path is absolute or leads out of the archive.
    Result<void> write(std::string_view bytes);
    /// Errors: CHECKSUM_MISMATCH when the archive ends in the middle.
    Result<void> finish();

  private:
    enum class State { head, data, extension, padding, ended };
    Result<void> take_head();
    Result<void> take_extension();
    void after_data();

    OnEntry on_entry_;
    Sink on_data_;
    State state_ = State::head;
    std::string block_;      ///< the head that is being collected
    std::string extension_;  ///< the pax record or GNU name that is being collected
    char extension_kind_ = 0;
    std::string long_path_;
    std::string long_link_;
    std::uint64_t long_size_ = 0;
    bool has_long_size_ = false;
    std::uint64_t left_ = 0;
    std::uint64_t padding_ = 0;
};

/// Whether `path` stays inside the folder that it is relative to: not empty, not absolute, no "..".
[[nodiscard]] bool is_inside(std::string_view path);

}  // namespace onex::package
