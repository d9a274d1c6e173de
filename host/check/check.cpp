#include "host/check/check.hpp"

#include "host/check/checks.hpp"

namespace onex::host::check {

namespace {

/// Sanitizers and loaded machines are slow; a plugin that hangs waits no longer than this.
constexpr unsigned kSeconds = 30;

}  // namespace

std::vector<Outcome> check_plugin(const std::string& file,
                                  Level level,
                                  const std::string& settings) {
    std::vector<Outcome> out;
    const auto run = [&](const std::string& name,
                         const std::function<Verdict(const std::string&)>& check) {
        out.push_back(in_child(name, kSeconds, [&] {
            try {
                return check(file);
            } catch (const std::runtime_error& e) {
                return failed(e.what());
            }
        }));
        return out.back().state != State::failed;
    };
    run("exports", check_exports);
    run("libraries", check_needed);
    // What can't be loaded can't be checked further.
    if (!run("loads", check_loading)) return out;
    if (!run("entry", check_entry)) return out;
    const auto with_settings =
        [&settings](Verdict (*check)(const std::string&, const std::string&)) {
            return [&settings, check](const std::string& path) { return check(path, settings); };
        };
    if (!settings.empty() && !run("settings", with_settings(check_settings))) return out;
    if (!run("create", with_settings(check_create))) return out;
    if (level == Level::load) return out;
    run("missing services", check_missing_services);
    run("interfaces", check_interfaces);
    run("newer host", check_newer_host);
    run("bad settings", check_bad_settings);
    run("many instances", check_many_instances);
    run("life", check_life);
    run("refusing host", check_refusing_host);
    run("state", check_state);
    for (const auto& operation : operations_of(file)) {
        out.push_back(in_child("operation " + operation, kSeconds, [&] {
            try {
                return check_operation(file, operation);
            } catch (const std::runtime_error& e) {
                return failed(e.what());
            }
        }));
    }
    run("unloads", check_unloading);
    return out;
}

}  // namespace onex::host::check
