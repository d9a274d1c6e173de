// What a shared library's file says about itself, read without loading it: ELF and Mach-O, 64 bit.
#pragma once

#include <onex/error.hpp>

#include <string>
#include <vector>

namespace onex::host::check {

struct ImageFile {
    std::vector<std::string> exports;  ///< defined and visible
    std::vector<std::string> unique;   ///< STB_GNU_UNIQUE: these keep an image mapped for ever
    std::vector<std::string> needed;   ///< libraries that it asks for
    bool never_unloads = false;        ///< linked with -z nodelete
    bool patches_text = false;         ///< relocations in code
    bool is_bundle = true;             ///< Mach-O: MH_BUNDLE; always true for ELF
};

/// Errors: NOT_FOUND, VALIDATION_ERROR when it is no such library or is cut off.
Result<ImageFile> read_image_file(const std::string& path);

}  // namespace onex::host::check
