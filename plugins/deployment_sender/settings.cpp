#include "plugins/deployment_sender/settings.hpp"

namespace onex::sender {

Settings read_settings(std::string_view json_text) {
    auto parsed = parse_object(json_text);
    if (!parsed) throw parsed.error();
    Settings out;
    out.docker_socket = get_text(*parsed, "docker_socket");
    out.context_root = get_text(*parsed, "context_root");
    if (!out.context_root.empty() && !out.context_root.is_absolute()) {
        throw Error{"VALIDATION_ERROR",
                    "context_root is " + out.context_root.string() + "; name an absolute folder",
                    {},
                    {}};
    }
    if (const auto* roots = parsed->if_contains("build_roots"); roots && roots->is_array()) {
        for (const auto& root : roots->as_array()) {
            // Compared with canonical folders, so a root that is a symlink has to be resolved too.
            std::error_code ec;
            const std::filesystem::path path(std::string(root.as_string()));
            auto canonical = std::filesystem::weakly_canonical(path, ec);
            out.build_roots.push_back(ec ? path : canonical);
        }
    }
    out.image_bytes_max = get_number(*parsed, "max_image_bytes", std::int64_t{1} << 31);
    out.package_bytes_max = get_number(*parsed, "max_package_bytes", std::int64_t{5} << 30);
    out.compression = get_text(*parsed, "compression", "zstd");
    out.compression_level = static_cast<int>(get_number(*parsed, "compression_level"));
    return out;
}

}  // namespace onex::sender
