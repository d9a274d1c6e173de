// service install|uninstall|print: the host as a service of systemd (Linux) or launchd (macOS).
#include "host/cli/commands.hpp"
#include "host/cli/output.hpp"
#include "host/cli/unit.hpp"
#include "host/paths.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

namespace onex::host::cli {

namespace fs = std::filesystem;

namespace {

#ifdef __APPLE__
constexpr bool kLaunchd = true;
#else
constexpr bool kLaunchd = false;
#endif

struct Place {
    std::string folder;
    std::string file;
    bool user = false;  ///< a service of this person only, because they are not root
};

Place place_of(const ServiceOptions& options) {
    Place place;
    place.user = ::geteuid() != 0;
    const char* home = std::getenv("HOME");
    const std::string mine = home ? home : "";
    if (kLaunchd) {
        place.folder = place.user ? mine + "/Library/LaunchAgents" : "/Library/LaunchDaemons";
        place.file = "dev.onex.host.plist";
    } else {
        place.folder = place.user ? mine + "/.config/systemd/user" : "/etc/systemd/system";
        place.file = "onex-host.service";
    }
    if (!options.folder.empty()) place.folder = options.folder;
    return place;
}

/// Runs a program of the service manager; its output goes to the person.
bool run(std::vector<std::string> arguments) {
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (auto& argument : arguments)
        argv.push_back(argument.data());
    argv.push_back(nullptr);
    const pid_t child = ::fork();
    if (child < 0) return false;
    if (child == 0) {
        ::execvp(argv[0], argv.data());
        ::_exit(127);
    }
    int state = 0;
    while (::waitpid(child, &state, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(state) && WEXITSTATUS(state) == 0;
}

bool start_service(const Place& place, const std::string& path) {
    if (kLaunchd) return run({"launchctl", "load", "-w", path});
    if (place.user) {
        return run({"systemctl", "--user", "daemon-reload"}) &&
               run({"systemctl", "--user", "enable", "--now", place.file});
    }
    return run({"systemctl", "daemon-reload"}) && run({"systemctl", "enable", "--now", place.file});
}

bool stop_service(const Place& place, const std::string& path) {
    if (kLaunchd) return run({"launchctl", "unload", "-w", path});
    return place.user ? run({"systemctl", "--user", "disable", "--now", place.file})
                      : run({"systemctl", "disable", "--now", place.file});
}

int install(Session& session, const ServiceOptions& options, const Place& place) {
    auto config = session.config();
    if (!config) return session.exit_code();
    std::error_code ec;
    const auto path = (fs::path(place.folder) / place.file).string();
    fs::create_directories(place.folder, ec);
    std::ofstream out(path, std::ios::trunc);
    out << (kLaunchd ? launchd_plist(unit_facts(*config, place.user))
                     : systemd_unit(unit_facts(*config, place.user)));
    out.close();
    if (!out) {
        return session.fail_with(
            {"POLICY_DENIED", "cannot write " + path + "; run this as root", {}, {}}, kFailed);
    }
    if (!options.no_start && !start_service(place, path)) {
        return session.fail_with(
            {"UNAVAILABLE",
             path + " is written, but the service manager did not start it; see its message above",
             {},
             {}},
            kFailed);
    }
    print(path + (options.no_start ? " is written\n" : " is installed and started\n"));
    return kOk;
}

int uninstall(Session& session, const ServiceOptions& options, const Place& place) {
    std::error_code ec;
    const auto path = (fs::path(place.folder) / place.file).string();
    if (!fs::exists(path, ec)) {
        print(path + " does not exist; nothing to do\n");
        return kOk;
    }
    // A service that does not run is no reason to keep its file.
    if (!options.no_start && !stop_service(place, path)) {
        print("the service manager could not stop it; removing the file all the same\n");
    }
    if (!fs::remove(path, ec)) {
        return session.fail_with(
            {"POLICY_DENIED", "cannot remove " + path + "; run this as root", {}, {}}, kFailed);
    }
    if (!options.no_start && !kLaunchd) {
        (void)run(place.user ? std::vector<std::string>{"systemctl", "--user", "daemon-reload"}
                             : std::vector<std::string>{"systemctl", "daemon-reload"});
    }
    print(path + " is removed\n");
    return kOk;
}

}  // namespace

int service(Session& session, const ServiceOptions& options) {
    const auto place = place_of(options);
    if (options.action == "uninstall") return uninstall(session, options, place);
    if (options.action == "install") return install(session, options, place);
    auto config = session.config();
    if (!config) return session.exit_code();
    const auto facts = unit_facts(*config, place.user);
    print(kLaunchd ? launchd_plist(facts) : systemd_unit(facts));
    return kOk;
}

}  // namespace onex::host::cli
