#include "package/tar.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

namespace onex::package {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::uint64_t kOctalMax = 077777777777;  // 11 octal digits
// Long enough for every path that a file system takes; a peer can't make us keep more.
constexpr std::uint64_t kExtensionMax = 64 * 1024;

// Offsets and lengths of POSIX 1003.1 "ustar".
struct Field {
    std::size_t at;
    std::size_t length;
};
constexpr Field kName{0, 100}, kMode{100, 8}, kUid{108, 8}, kGid{116, 8}, kSize{124, 12},
    kTime{136, 12};
constexpr Field kSum{148, 8}, kKind{156, 1}, kLink{157, 100}, kMagic{257, 8}, kPrefix{345, 155};

using Block = std::array<char, kBlock>;

void put_text(Block& block, Field field, std::string_view text) {
    std::memcpy(block.data() + field.at, text.data(), std::min(text.size(), field.length));
}
void put_octal(Block& block, Field field, std::uint64_t value) {
    for (std::size_t i = field.length - 1; i-- > 0; value >>= 3) {
        block[field.at + i] = static_cast<char>('0' + (value & 7));
    }
}
std::string_view text_of(std::string_view block, Field field) {
    const auto text = block.substr(field.at, field.length);
    return text.substr(0, text.find('\0'));
}
/// Octal, or base 256 as GNU tar writes sizes from 8 GiB.
Result<std::uint64_t> number_of(std::string_view block, Field field) {
    const auto text = block.substr(field.at, field.length);
    std::uint64_t value = 0;
    if ((static_cast<unsigned char>(text[0]) & 0x80) != 0) {
        for (std::size_t i = text.size() - 8; i < text.size(); ++i) {
            value = (value << 8) | static_cast<unsigned char>(text[i]);
        }
        return value;
    }
    for (const char c : text) {
        if (c == ' ' || c == '\0') continue;
        if (c < '0' || c > '7')
            return fail("CHECKSUM_MISMATCH", "a tar head holds a bad number; send it again");
        value = (value << 3) | static_cast<std::uint64_t>(c - '0');
    }
    return value;
}
unsigned sum_of(std::string_view block) {
    unsigned sum = 0;
    for (std::size_t i = 0; i < kBlock; ++i) {
        const bool in_sum = i >= kSum.at && i < kSum.at + kSum.length;
        sum += in_sum ? ' ' : static_cast<unsigned char>(block[i]);
    }
    return sum;
}

/// One pax record; its length counts its own digits.
std::string pax_record(std::string_view key, std::string_view value) {
    const auto rest = key.size() + value.size() + 3;
    auto length = rest + 1;
    while (rest + std::to_string(length).size() != length)
        ++length;
    return std::to_string(length) + " " + std::string(key) + "=" + std::string(value) + "\n";
}

}  // namespace

bool is_inside(std::string_view path) {
    if (path.empty() || path.front() == '/' || path.find('\0') != path.npos) return false;
    for (std::size_t at = 0; at <= path.size();) {
        const auto end = std::min(path.find('/', at), path.size());
        if (path.substr(at, end - at) == "..") return false;
        at = end + 1;
    }
    return true;
}

Result<void> TarWriter::head(const TarEntry& entry, char kind) {
    Block block{};
    put_text(block, kName, entry.path);
    put_octal(block, kMode, entry.mode & 07777);
    put_octal(block, kUid, 0);
    put_octal(block, kGid, 0);
    put_octal(block, kSize, std::min(entry.size, kOctalMax));
    put_octal(block,
              kTime,
              static_cast<std::uint64_t>(std::max<std::int64_t>(entry.modified_s, 0)) & kOctalMax);
    block[kKind.at] = kind;
    put_text(block, kLink, entry.link);
    put_text(block, kMagic, std::string_view("ustar\00000", 8));
    put_octal(block, {kSum.at, 7}, sum_of({block.data(), kBlock}));
    block[kSum.at + 7] = ' ';
    return out_({block.data(), kBlock});
}

Result<void> TarWriter::add(const TarEntry& entry) {
    if (auto done = pad(); !done) return done;
    TarEntry shown = entry;
    if (entry.kind == EntryKind::folder) shown.path += '/';
    if (entry.kind != EntryKind::file) shown.size = 0;
    std::string pax;
    if (shown.path.size() > kName.length) pax += pax_record("path", shown.path);
    if (shown.link.size() > kLink.length) pax += pax_record("linkpath", shown.link);
    if (shown.size > kOctalMax) pax += pax_record("size", std::to_string(shown.size));
    if (!pax.empty()) {
        TarEntry record{"PaxHeaders/entry", EntryKind::file, 0644, pax.size(), 0, {}};
        if (auto done = head(record, 'x'); !done) return done;
        size_ = left_ = pax.size();
        if (auto done = write(pax); !done) return done;
        if (auto done = pad(); !done) return done;
    }
    size_ = left_ = shown.size;
    return head(shown, static_cast<char>(entry.kind));
}

Result<void> TarWriter::write(std::string_view bytes) {
    if (bytes.size() > left_)
        return fail("FAILED_PRECONDITION", "a file of the archive grew while it was read");
    left_ -= bytes.size();
    return bytes.empty() ? Result<void>{} : out_(bytes);
}

Result<void> TarWriter::pad() {
    if (left_ > 0)
        return fail("FAILED_PRECONDITION", "a file of the archive shrank while it was read");
    static constexpr Block kZeros{};
    const auto odd = size_ % kBlock;
    size_ = 0;
    return odd == 0 ? Result<void>{} : out_({kZeros.data(), kBlock - odd});
}

Result<void> TarWriter::finish() {
    if (auto done = pad(); !done) return done;
    static constexpr std::array<char, 2 * kBlock> kEnd{};
    return out_({kEnd.data(), kEnd.size()});
}

Result<void> TarReader::write(std::string_view bytes) {
    while (!bytes.empty()) {
        if (state_ == State::ended) return {};  // Tools pad an archive to their own block size.
        if (state_ == State::head) {
            const auto part = bytes.substr(0, kBlock - block_.size());
            block_ += part;
            bytes.remove_prefix(part.size());
            if (block_.size() < kBlock) return {};
            auto done = take_head();
            block_.clear();
            if (!done) return done;
            continue;
        }
        auto& left = state_ == State::padding ? padding_ : left_;
        const auto part =
            bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes.size())));
        bytes.remove_prefix(part.size());
        left -= part.size();
        if (state_ == State::data) {
            if (auto done = on_data_(part); !done) return done;
        } else if (state_ == State::extension) {
            extension_ += part;
        }
        if (left > 0) continue;
        if (state_ == State::extension) {
            if (auto done = take_extension(); !done) return done;
        }
        after_data();
    }
    return {};
}

void TarReader::after_data() {
    state_ = state_ != State::padding && padding_ > 0 ? State::padding : State::head;
}

Result<void> TarReader::take_head() {
    const std::string_view block = block_;
    if (block.find_first_not_of('\0') == block.npos) {
        state_ = State::ended;
        return {};
    }
    const auto sum = number_of(block, kSum);
    if (!sum || *sum != sum_of(block)) {
        return fail("CHECKSUM_MISMATCH",
                    "this is no tar archive, or one of its heads is damaged; send it again");
    }
    auto size = number_of(block, kSize);
    auto mode = number_of(block, kMode);
    auto modified = number_of(block, kTime);
    for (const auto* number : {&size, &mode, &modified}) {
        if (!*number) return std::unexpected(number->error());
    }
    const char flag = block[kKind.at];
    left_ = *size;
    padding_ = (kBlock - *size % kBlock) % kBlock;
    if (flag == 'x' || flag == 'g' || flag == 'L' || flag == 'K') {
        if (*size > kExtensionMax) {
            return fail("CHECKSUM_MISMATCH",
                        "a tar head announces a name of " + std::to_string(*size) +
                            " bytes; at most " + std::to_string(kExtensionMax));
        }
        extension_kind_ = flag;
        extension_.clear();
        state_ = State::extension;
        if (left_ == 0) after_data();
        return {};
    }
    if (has_long_size_) {
        left_ = long_size_;
        padding_ = (kBlock - left_ % kBlock) % kBlock;
    }
    TarEntry entry;
    const bool is_ustar =
        text_of(block, kMagic).starts_with("ustar") && block[kMagic.at + 5] == '\0';
    const auto prefix = is_ustar ? text_of(block, kPrefix) : std::string_view{};
    entry.path = prefix.empty() ? std::string(text_of(block, kName))
                                : std::string(prefix) + "/" + std::string(text_of(block, kName));
    entry.link = text_of(block, kLink);
    if (!long_path_.empty()) entry.path = std::exchange(long_path_, {});
    if (!long_link_.empty()) entry.link = std::exchange(long_link_, {});
    has_long_size_ = false;
    while (entry.path.starts_with("./"))
        entry.path.erase(0, 2);
    const bool is_folder_name = entry.path.ends_with('/');
    while (entry.path.size() > 1 && entry.path.ends_with('/'))
        entry.path.pop_back();
    switch (flag) {
        case '\0':
        case '7':
        case '0':
            entry.kind = is_folder_name ? EntryKind::folder : EntryKind::file;
            break;
        case '1':
            entry.kind = EntryKind::hard_link;
            break;
        case '2':
            entry.kind = EntryKind::symlink;
            break;
        case '5':
            entry.kind = EntryKind::folder;
            break;
        default:
            entry.kind = EntryKind::other;
            break;
    }
    entry.mode = static_cast<std::uint32_t>(*mode) & 07777;
    entry.modified_s = static_cast<std::int64_t>(*modified);
    entry.size = left_;
    state_ = left_ > 0 ? State::data : State::head;
    if (entry.path.empty() || entry.path == ".") return {};
    if (!is_inside(entry.path)) {
        return fail("VALIDATION_ERROR",
                    "the archive's entry \"" + entry.path.substr(0, 200) +
                        "\" leads out of it; make the archive with relative paths");
    }
    return on_entry_(entry);
}

Result<void> TarReader::take_extension() {
    if (extension_kind_ == 'g') return {};
    if (extension_kind_ == 'L' || extension_kind_ == 'K') {
        (extension_kind_ == 'L' ? long_path_ : long_link_) =
            extension_.substr(0, extension_.find('\0'));
        return {};
    }
    for (std::string_view rest = extension_; !rest.empty();) {
        std::size_t length = 0;
        const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), length);
        const auto digits = static_cast<std::size_t>(read.ptr - rest.data());
        if (read.ec != std::errc{} || length > rest.size() || length < digits + 2 ||
            rest[digits] != ' ') {
            return fail("CHECKSUM_MISMATCH",
                        "a pax record of the tar archive is damaged; send it again");
        }
        const auto record = rest.substr(digits + 1, length - digits - 2);
        rest.remove_prefix(length);
        const auto equals = std::min(record.find('='), record.size());
        const auto key = record.substr(0, equals);
        const auto value = record.substr(std::min(equals + 1, record.size()));
        if (key == "path") long_path_ = value;
        if (key == "linkpath") long_link_ = value;
        if (key == "size") {
            has_long_size_ =
                std::from_chars(value.data(), value.data() + value.size(), long_size_).ec ==
                std::errc{};
        }
    }
    return {};
}

Result<void> TarReader::finish() {
    // Some writers leave out the closing zeros; the end of an entry is good enough.
    if (state_ == State::ended || (state_ == State::head && block_.empty())) return {};
    return fail("CHECKSUM_MISMATCH", "the tar archive ends too early; send it again");
}

}  // namespace onex::package
