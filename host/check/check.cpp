#include "host/check/check.hpp"

#include "host/check/checks.hpp"

namespace onex::host::check {

namespace {

/// Sanitizers and loaded machines are slow; a plugin that hangs waits no longer than this.
constexpr unsigned kSeconds = 30;

class Checker {
  public:
    Checker(const std::string& file, const std::string& settings)
        : file_(file), settings_(settings) {}

    /// False when there is nothing that could be checked further.
    bool load_level() {
        run("exports", check_exports);
        run("libraries", check_needed);
        if (!run("loads", check_loading)) return false;
        if (!run("entry", check_entry)) return false;
        if (!settings_.empty() && !run("settings", with_settings(check_settings))) return false;
        return run("create", with_settings(check_create));
    }
    void full_level() {
        run("missing services", check_missing_services);
        run("interfaces", check_interfaces);
        run("newer host", check_newer_host);
        run("older host", with_settings(check_older_host));
        run("bad settings", check_bad_settings);
        run("many instances", check_many_instances);
        run("life", check_life);
        run("start half-way", with_settings(check_start_half_way));
        run("refusing host", check_refusing_host);
        run("state", with_settings(check_state));
        for (const auto& operation : operations_of(file_)) {
            run("operation " + operation,
                [&operation](const std::string& path) { return check_operation(path, operation); });
        }
        run("unloads", with_settings(check_unloading));
    }
    void add(std::vector<Outcome> more) {
        for (auto& outcome : more)
            out_.push_back(std::move(outcome));
    }
    std::vector<Outcome> take() { return std::move(out_); }

  private:
    std::function<Verdict(const std::string&)> with_settings(
        Verdict (*check)(const std::string&, const std::string&)) const {
        return [this, check](const std::string& path) { return check(path, settings_); };
    }
    bool run(const std::string& name, const std::function<Verdict(const std::string&)>& check) {
        out_.push_back(in_child(name, kSeconds, [&] {
            try {
                return check(file_);
            } catch (const std::runtime_error& e) {
                return failed(e.what());
            }
        }));
        return out_.back().state != State::failed;
    }

    const std::string& file_;
    const std::string& settings_;
    std::vector<Outcome> out_;
};

}  // namespace

std::vector<Outcome> check_plugin(const std::string& file,
                                  Level level,
                                  const std::string& settings,
                                  const Bounds& bounds) {
    Checker checker(file, settings);
    if (checker.load_level() && level != Level::load) {
        checker.full_level();
        if (level == Level::fuzz) checker.add(fuzz(file, settings, bounds));
        if (level == Level::soak) checker.add(soak(file, settings, bounds));
    }
    return checker.take();
}

}  // namespace onex::host::check
