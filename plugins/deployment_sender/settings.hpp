// The settings of a sender, as its contract describes them.
#pragma once

#include <onex/json.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace onex::sender {

struct Settings {
    std::string docker_socket;           ///< empty: found
    std::filesystem::path context_root;  ///< what a relative build_context is relative to
    std::vector<std::filesystem::path> build_roots;  ///< folders that builds may use; empty: any
    std::int64_t image_bytes_max = 0;
    std::int64_t package_bytes_max = 0;
    std::string compression;
    int compression_level = 0;  ///< 0: the method's default
};

/// Reads the settings, which the host has checked and completed by the contract. Throws
/// onex::Error.
[[nodiscard]] Settings read_settings(std::string_view json_text);

}  // namespace onex::sender
