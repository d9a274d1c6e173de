#include "host/check/image_file.hpp"

#include <cstdint>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace onex::host::check {

namespace {

// What this host's own machine is called in the two formats: ELF e_machine, Mach-O cputype.
#if defined(__x86_64__)
constexpr const char* kMachineName = "x86-64";
constexpr std::uint16_t kElfMachine = 62;
constexpr std::uint32_t kMachMachine = 0x01000007;
#elif defined(__aarch64__)
constexpr const char* kMachineName = "arm64";
constexpr std::uint16_t kElfMachine = 183;
constexpr std::uint32_t kMachMachine = 0x0100000C;
#else
#error "name this machine in ELF and Mach-O files here"
#endif

void expect_machine(std::uint32_t found, std::uint32_t own) {
    if (found == own) return;
    throw std::invalid_argument("built for another machine (type " + std::to_string(found) +
                                "), this host is " + kMachineName);
}

/// Reads little-endian values at checked places.
class Bytes {
  public:
    explicit Bytes(std::string data) : data_(std::move(data)) {}
    template <class T>
    [[nodiscard]] T at(std::uint64_t offset) const {
        if (offset > data_.size() || data_.size() - offset < sizeof(T))
            throw std::out_of_range("the file is cut off");
        T out;
        std::memcpy(&out, data_.data() + offset, sizeof(T));
        return out;
    }
    [[nodiscard]] std::string text(std::uint64_t offset) const {
        if (offset >= data_.size()) throw std::out_of_range("the file is cut off");
        return {data_.c_str() + offset};
    }

  private:
    std::string data_;
};

namespace elf {

constexpr std::uint32_t kMagic = 0x464C457F;
constexpr std::uint32_t kDynamicSection = 6;
constexpr std::uint32_t kDynamicSymbols = 11;

struct Section {
    std::uint32_t type, link;
    std::uint64_t offset, size;
};

void read_dynamic(const Bytes& file,
                  const Section& section,
                  std::uint64_t strings,
                  ImageFile& out) {
    for (std::uint64_t at = section.offset; at + 16 <= section.offset + section.size; at += 16) {
        const auto tag = file.at<std::int64_t>(at);
        const auto value = file.at<std::uint64_t>(at + 8);
        if (tag == 0) break;
        if (tag == 1) out.needed.push_back(file.text(strings + value));  // DT_NEEDED
        if (tag == 22) out.patches_text = true;                          // DT_TEXTREL
        if (tag == 30 && (value & 4U) != 0) out.patches_text = true;     // DT_FLAGS, DF_TEXTREL
        if (tag == 0x6ffffffb && (value & 8U) != 0) out.never_unloads = true;  // DF_1_NODELETE
    }
}

void read_symbols(const Bytes& file,
                  const Section& section,
                  std::uint64_t strings,
                  ImageFile& out) {
    constexpr std::uint64_t entry_bytes = 24;
    for (auto at = section.offset; at + entry_bytes <= section.offset + section.size;
         at += entry_bytes) {
        const auto info = file.at<std::uint8_t>(at + 4);
        const auto visibility = file.at<std::uint8_t>(at + 5) & 3U;
        const auto defined = file.at<std::uint16_t>(at + 6) != 0;
        const auto binding = info >> 4U;
        if (!defined || binding == 0 || visibility == 1 || visibility == 2) continue;
        auto name = file.text(strings + file.at<std::uint32_t>(at));
        if (binding == 10) out.unique.push_back(name);
        out.exports.push_back(std::move(name));
    }
}

ImageFile read(const Bytes& file) {
    if (file.at<std::uint8_t>(4) != 2) throw std::invalid_argument("not a 64-bit library");
    if (file.at<std::uint16_t>(16) != 3) throw std::invalid_argument("not a shared library");
    expect_machine(file.at<std::uint16_t>(18), kElfMachine);
    const auto table = file.at<std::uint64_t>(40);
    const auto entry_bytes = file.at<std::uint16_t>(58);
    const auto count = file.at<std::uint16_t>(60);
    const auto section = [&](std::uint32_t index) {
        const auto at = table + std::uint64_t{index} * entry_bytes;
        return Section{file.at<std::uint32_t>(at + 4),
                       file.at<std::uint32_t>(at + 40),
                       file.at<std::uint64_t>(at + 24),
                       file.at<std::uint64_t>(at + 32)};
    };
    ImageFile out;
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto one = section(i);
        if (one.type != kDynamicSection && one.type != kDynamicSymbols) continue;
        const auto strings = section(one.link).offset;
        if (one.type == kDynamicSection) read_dynamic(file, one, strings, out);
        if (one.type == kDynamicSymbols) read_symbols(file, one, strings, out);
    }
    return out;
}

}  // namespace elf

namespace macho {

constexpr std::uint32_t kMagic = 0xFEEDFACF;
constexpr std::uint32_t kBundle = 8;
constexpr std::uint32_t kSymbols = 0x2;
constexpr std::uint32_t kLoadLibrary = 0xC;
constexpr std::uint32_t kLoadWeakLibrary = 0x80000018;

void read_symbols(const Bytes& file, std::uint64_t command, ImageFile& out) {
    const auto table = file.at<std::uint32_t>(command + 8);
    const auto count = file.at<std::uint32_t>(command + 12);
    const auto strings = file.at<std::uint32_t>(command + 16);
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto at = table + std::uint64_t{i} * 16;
        const auto type = file.at<std::uint8_t>(at + 4);
        // External, not private external, defined in a section.
        if ((type & 1U) == 0 || (type & 0x10U) != 0 || (type & 0xEU) != 0xEU) continue;
        const auto name = file.text(std::uint64_t{strings} + file.at<std::uint32_t>(at));
        out.exports.push_back(name.starts_with('_') ? name.substr(1) : name);
    }
}

ImageFile read(const Bytes& file) {
    ImageFile out;
    expect_machine(file.at<std::uint32_t>(4), kMachMachine);
    out.is_bundle = file.at<std::uint32_t>(12) == kBundle;
    const auto count = file.at<std::uint32_t>(16);
    std::uint64_t at = 32;
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto command = file.at<std::uint32_t>(at);
        if (command == kSymbols) read_symbols(file, at, out);
        if (command == kLoadLibrary || command == kLoadWeakLibrary)
            out.needed.push_back(file.text(at + file.at<std::uint32_t>(at + 8)));
        at += file.at<std::uint32_t>(at + 4);
    }
    return out;
}

}  // namespace macho

}  // namespace

Result<ImageFile> read_image_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return fail("NOT_FOUND", "can't read " + path);
    std::string text;
    in.seekg(0, std::ios::end);
    const auto size = in.tellg();
    if (size > 0) text.resize(static_cast<std::size_t>(size));
    in.seekg(0);
    if (!in.read(text.data(), static_cast<std::streamsize>(text.size())))
        return fail("NOT_FOUND", "can't read " + path);
    const Bytes file(std::move(text));
    try {
        const auto magic = file.at<std::uint32_t>(0);
        if (magic == elf::kMagic) return elf::read(file);
        if (magic == macho::kMagic) return macho::read(file);
    } catch (const std::exception& e) {
        return fail("VALIDATION_ERROR", path + ": " + e.what());
    }
    return fail("VALIDATION_ERROR", path + " is no shared library (ELF or Mach-O)");
}

}  // namespace onex::host::check
