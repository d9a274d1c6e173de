#include "plugins/deployment_sender/build_plan.hpp"

#include <algorithm>
#include <fstream>
#include <utility>

namespace onex::sender {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kDockerfileBytesMax = 1 << 20;

bool has_dots(const fs::path& path) {
    return std::ranges::any_of(path, [](const fs::path& name) { return name == ".."; });
}

bool is_below(const fs::path& path, const fs::path& folder) {
    const auto [in_folder, in_path] = std::ranges::mismatch(folder, path);
    // A folder that ends in '/' has an empty last name.
    return in_folder == folder.end() ||
           (in_folder->empty() && std::next(in_folder) == folder.end());
}

Result<fs::path> find_context(const std::string& given, const Settings& settings) {
    fs::path path = given;
    if (given.find('\0') != given.npos || has_dots(path)) {
        return fail("VALIDATION_ERROR",
                    "build_context must not contain \"..\"; name the folder itself");
    }
    if (!path.is_absolute()) {
        if (settings.context_root.empty()) {
            return fail("VALIDATION_ERROR",
                        "build_context is " + given.substr(0, 200) +
                            "; name an absolute folder, or set context_root");
        }
        path = settings.context_root / path;
    }
    std::error_code ec;
    auto canonical = fs::canonical(path, ec);
    if (ec || !fs::is_directory(canonical, ec)) {
        return fail("NOT_FOUND",
                    "there is no folder " + path.string().substr(0, 500) + " to build from");
    }
    const auto& roots = settings.build_roots;
    const bool is_allowed = roots.empty() || std::ranges::any_of(roots, [&](const fs::path& root) {
                                return is_below(canonical, root);
                            });
    if (!is_allowed) {
        return fail(
            "POLICY_DENIED",
            "builds from " + canonical.string() + " are not allowed; add it to build_roots");
    }
    return canonical;
}

/// {path inside the context, its text}
Result<std::pair<std::string, std::string>> find_dockerfile(const std::string& given,
                                                            const fs::path& context) {
    std::error_code ec;
    const fs::path path = fs::path(given).is_absolute() ? fs::path(given) : context / given;
    const auto canonical = fs::weakly_canonical(path, ec);
    if (ec || given.find('\0') != given.npos || has_dots(given) || !is_below(canonical, context)) {
        return fail("VALIDATION_ERROR",
                    "the Dockerfile " + given.substr(0, 200) + " is not inside the build context " +
                        context.string());
    }
    if (!fs::is_regular_file(canonical, ec)) {
        return fail("NOT_FOUND", "there is no Dockerfile at " + path.string().substr(0, 500));
    }
    if (fs::file_size(canonical, ec) > kDockerfileBytesMax || ec) {
        return fail("VALIDATION_ERROR",
                    path.string() + " is larger than 1 MiB; is that a Dockerfile?");
    }
    std::ifstream in(canonical, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in)
        return fail("POLICY_DENIED", "cannot read " + path.string() + "; check its permissions");
    return std::pair{path.lexically_normal().lexically_relative(context).generic_string(),
                     std::move(text)};
}

Result<std::vector<std::pair<std::string, std::string>>> build_args(const json::object& options) {
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto& [name, value] : get_object(options, "build_args")) {
        const bool is_plain = value.is_string() || value.is_number() || value.is_bool();
        if (!is_plain || name.empty() || name.find('=') != json::string_view::npos) {
            return fail("VALIDATION_ERROR",
                        "build argument \"" + std::string(name.substr(0, 100)) +
                            "\" needs a name without \"=\" and a text as its value");
        }
        out.emplace_back(
            name, value.is_string() ? std::string(value.as_string()) : json::serialize(value));
    }
    return out;
}

std::vector<std::string> cache_from(const json::object& options) {
    std::vector<std::string> out;
    if (const auto* list = options.if_contains("cache_from"); list && list->is_array()) {
        for (const auto& value : list->as_array()) {
            if (value.is_string()) out.emplace_back(value.as_string());
        }
    }
    return out;
}

}  // namespace

Result<BuildPlan> plan_build(const json::object& input, const Settings& settings) {
    BuildPlan out;
    out.tag = get_text(input, "container_name") + ":" + get_text(input, "image_tag", "latest");
    out.options = get_object(input, "build_options");
    auto context = find_context(get_text(out.options, "build_context", "."), settings);
    if (!context) return std::unexpected(std::move(context).error());
    out.context = std::move(*context);
    auto dockerfile =
        find_dockerfile(get_text(out.options, "dockerfile_path", "Dockerfile"), out.context);
    if (!dockerfile) return std::unexpected(std::move(dockerfile).error());
    std::tie(out.dockerfile, out.dockerfile_text) = std::move(*dockerfile);
    return out;
}

Result<docker::Query> build_query(const BuildPlan& plan) {
    auto args = build_args(plan.options);
    if (!args) return std::unexpected(std::move(args).error());
    docker::Query out{
        {"t", plan.tag}, {"dockerfile", plan.dockerfile}, {"rm", "1"}, {"forcerm", "1"}};
    if (!args->empty()) {
        json::object object;
        for (const auto& [name, value] : *args)
            object[name] = value;
        out.emplace_back("buildargs", json::serialize(object));
    }
    if (get_bool(plan.options, "no_cache")) out.emplace_back("nocache", "1");
    if (get_bool(plan.options, "pull")) out.emplace_back("pull", "1");
    if (const auto from = cache_from(plan.options); !from.empty()) {
        json::array list;
        for (const auto& reference : from)
            list.emplace_back(reference);
        out.emplace_back("cachefrom", json::serialize(list));
    }
    for (const auto* name : {"target", "platform"}) {
        if (auto value = get_text(plan.options, name); !value.empty())
            out.emplace_back(name, std::move(value));
    }
    return out;
}

Result<std::vector<std::string>> buildx_arguments(const BuildPlan& plan) {
    auto args = build_args(plan.options);
    if (!args) return std::unexpected(std::move(args).error());
    std::vector<std::string> out{
        "docker", "buildx", "build", "--load", "--progress", "plain", "--tag=" + plan.tag};
    out.push_back("--file=" + (plan.context / plan.dockerfile).string());
    for (const auto& [name, value] : *args)
        out.push_back("--build-arg=" + name + "=" + value);
    if (get_bool(plan.options, "no_cache")) out.emplace_back("--no-cache");
    if (get_bool(plan.options, "pull")) out.emplace_back("--pull");
    for (const auto& reference : cache_from(plan.options))
        out.push_back("--cache-from=" + reference);
    for (const auto* name : {"target", "platform"}) {
        if (auto value = get_text(plan.options, name); !value.empty()) {
            out.push_back("--" + std::string(name) + "=" + value);
        }
    }
    out.push_back(plan.context.string());
    return out;
}

}  // namespace onex::sender
