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

namespace onex::host::cli {

namespace json = boost::json;

namespace {

constexpr std::array<const char*, 4> kStates{"passed", "warning", "FAILED", "skipped"};

const char* state_of(const check::Outcome& outcome) {
    return kStates.at(static_cast<std::size_t>(outcome.state));
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
    const auto level = options.level == "load" ? check::Level::load : check::Level::full;
    std::string settings;
    if (!options.settings_file.empty()) {
        std::ifstream in(options.settings_file);
        settings.assign(std::istreambuf_iterator<char>(in), {});
    }
    const auto outcomes = check::check_plugin(options.file, level, settings);
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
        print_json(json::object{{"file", options.file},
                                {"level", options.level},
                                {"passed", !wrong},
                                {"checks", std::move(told)}});
        return wrong ? kFailed : kOk;
    }
    std::vector<std::vector<std::string>> rows{{"CHECK", "RESULT", "TIME", "WHY"}};
    for (const auto& outcome : outcomes) {
        rows.push_back(
            {outcome.name, state_of(outcome), human_duration(outcome.duration_ms), outcome.detail});
    }
    print(table(rows));
    print(options.file + (wrong ? ": not fit to be loaded\n" : ": fine\n"));
    return wrong ? kFailed : kOk;
}

}  // namespace onex::host::cli
