// plugin new, plugin check: for people who write plugins.
#include "host/check/check.hpp"
#include "host/cli/commands.hpp"
#include "host/cli/output.hpp"
#include "host/cli/plugin_new.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <random>

namespace onex::host::cli {

namespace json = boost::json;

namespace {

constexpr std::array<const char*, 4> kStates{"passed", "warning", "FAILED", "skipped"};

const char* state_of(const check::Outcome& outcome) {
    return kStates.at(static_cast<std::size_t>(outcome.state));
}

check::Level level_of(const std::string& name) {
    if (name == "load") return check::Level::load;
    if (name == "fuzz") return check::Level::fuzz;
    if (name == "soak") return check::Level::soak;
    return check::Level::full;
}

}  // namespace

int plugin_new(Session& session, const PluginOptions& options) {
    const auto folder = options.folder.empty() ? options.name : options.folder;
    if (const auto written = write_new_plugin(options.name, folder); !written) {
        return session.fail_with(written.error(),
                                 written.error().code == "VALIDATION_ERROR" ? kUsage : kFailed);
    }
    if (session.json()) {
        print_json(json::object{{"name", options.name}, {"folder", folder}});
    } else {
        print(folder + "/ holds the plugin " + options.name +
              "; its README.md says what to do next\n");
    }
    return kOk;
}

int plugin_check(Session& session, const PluginOptions& options) {
    const bool random = options.level == "fuzz" || options.level == "soak";
    if (!random && (options.seed || options.rounds != 0 || options.seconds != 0)) {
        return session.fail_with(
            {"VALIDATION_ERROR",
             "--seed, --rounds and --seconds are for --level fuzz and --level soak",
             {},
             {}},
            kUsage);
    }
    std::string settings;
    if (!options.settings_file.empty()) {
        std::ifstream in(options.settings_file);
        settings.assign(std::istreambuf_iterator<char>(in), {});
    }
    check::Bounds bounds{.rounds = options.rounds, .seconds = options.seconds};
    // Short enough to be typed, and exact in any reader of JSON.
    bounds.seed = options.seed ? *options.seed : std::random_device{}();
    const auto outcomes =
        check::check_plugin(options.file, level_of(options.level), settings, bounds);
    const bool wrong = std::any_of(outcomes.begin(), outcomes.end(), [](const auto& outcome) {
        return outcome.state == check::State::failed;
    });
    if (session.json()) {
        json::array told;
        for (const auto& outcome : outcomes) {
            told.push_back(json::object{{"name", outcome.name},
                                        {"state", state_of(outcome)},
                                        {"detail", printable(outcome.detail)},
                                        {"duration_ms", outcome.duration_ms}});
        }
        json::object answer{{"file", options.file},
                            {"level", options.level},
                            {"passed", !wrong},
                            {"checks", std::move(told)}};
        if (random) answer["seed"] = bounds.seed;
        print_json(answer);
        return wrong ? kFailed : kOk;
    }
    std::vector<std::vector<std::string>> rows{{"CHECK", "RESULT", "TIME", "WHY"}};
    for (const auto& outcome : outcomes) {
        rows.push_back(
            {outcome.name, state_of(outcome), human_duration(outcome.duration_ms), outcome.detail});
    }
    print(table(rows));
    if (random) print("seed " + std::to_string(bounds.seed) + "\n");
    print(options.file + (wrong ? ": not fit to be loaded\n" : ": fine\n"));
    return wrong ? kFailed : kOk;
}

}  // namespace onex::host::cli
