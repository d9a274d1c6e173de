#include "plugins/deployment_receiver/container_log.hpp"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

namespace onex::receiver {

namespace {

constexpr std::size_t kStarredBytesMin = 6;
constexpr std::string_view kStars = "***";

const json::array& environment_of(const json::object& config) {
    static const json::array none;
    const auto* value = config.if_contains("Env");
    return value && value->is_array() ? value->as_array() : none;
}

}  // namespace

std::string without_values(std::string log,
                           const json::object& config,
                           const json::object& config_of_the_image) {
    const auto& known = environment_of(config_of_the_image);
    std::vector<std::string> values;
    for (const auto& variable : environment_of(config)) {
        if (!variable.is_string() || std::ranges::find(known, variable) != known.end()) continue;
        const std::string text(variable.as_string());
        const auto equals = text.find('=');
        if (equals == std::string::npos) continue;
        auto value = text.substr(equals + 1);
        if (value.size() >= kStarredBytesMin) values.push_back(std::move(value));
    }
    // A value that is part of another one must not spoil it first.
    std::ranges::sort(values, std::greater{}, &std::string::size);
    for (const auto& value : values) {
        for (auto at = log.find(value); at != std::string::npos;
             at = log.find(value, at + kStars.size()))
            log.replace(at, value.size(), kStars);
    }
    return log;
}

Result<std::string> container_log(docker::Engine& engine,
                                  std::string_view id,
                                  int lines,
                                  Wait wait) {
    auto container = engine.inspect_container(id, wait);
    if (!container) return std::unexpected(std::move(container).error());
    auto log = engine.container_log(id, lines, wait);
    if (!log) return log;
    // An image that has gone is no reason to tell more.
    const auto image =
        engine.inspect_image(get_text(*container, "Image"), wait).value_or(json::object());
    return without_values(
        std::move(*log), get_object(*container, "Config"), get_object(image, "Config"));
}

}  // namespace onex::receiver
