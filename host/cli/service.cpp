// service install|uninstall|print: the host as a service of systemd (Linux) or launchd (macOS).
#include "host/cli/commands.hpp"
#include "host/cli/output.hpp"
#include "host/cli/unit.hpp"
#include "host/paths.hpp"

#include <boost/json/object.hpp>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace onex::host::cli {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

#ifdef __APPLE__
constexpr bool kLaunchd = true;
#else
constexpr bool kLaunchd = false;
#endif
constexpr const char* kLabel = "dev.onex.host";
constexpr std::int64_t kLookMs = 1000;
constexpr int kPauseMs = 250;
constexpr auto kStartMax = std::chrono::seconds(15);

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
        place.file = std::string(kLabel) + ".plist";
    } else {
        place.folder = place.user ? mine + "/.config/systemd/user" : "/etc/systemd/system";
        place.file = "onex-host.service";
    }
    if (!options.folder.empty()) place.folder = options.folder;
    return place;
}

/// Runs a program of the service manager; what it prints goes to the person, or nowhere.
bool run(std::vector<std::string> arguments, bool quiet = false) {
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (auto& argument : arguments)
        argv.push_back(argument.data());
    argv.push_back(nullptr);
    const pid_t child = ::fork();
    if (child < 0) return false;
    if (child == 0) {
        // Standard output is for results.
        ::dup2(quiet ? ::open("/dev/null", O_WRONLY) : STDERR_FILENO, STDOUT_FILENO);
        if (quiet) ::dup2(STDOUT_FILENO, STDERR_FILENO);
        ::execvp(argv[0], argv.data());
        ::_exit(127);
    }
    int state = 0;
    while (::waitpid(child, &state, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(state) && WEXITSTATUS(state) == 0;
}

/// systemctl of the system, or of this person.
bool systemctl(const Place& place, std::vector<std::string> words, bool quiet = false) {
    if (place.user) words.insert(words.begin(), "--user");
    words.insert(words.begin(), "systemctl");
    return run(std::move(words), quiet);
}

bool start_service(const Place& place, const std::string& path) {
    if (kLaunchd) return run({"launchctl", "load", "-w", path});
    // One that runs already takes the new unit.
    return systemctl(place, {"daemon-reload"}) && systemctl(place, {"enable", place.file}) &&
           systemctl(place, {"restart", place.file});
}

bool stop_service(const Place& place, const std::string& path) {
    if (kLaunchd) return run({"launchctl", "unload", "-w", path});
    return systemctl(place, {"disable", "--now", place.file});
}

bool is_active(const Place& place) {
    if (kLaunchd) return run({"launchctl", "list", kLabel}, true);
    return systemctl(place, {"is-active", "--quiet", place.file}, true);
}

bool host_answers(Session& session) {
    auto* api = session.client();
    return api != nullptr && api->get("/onex/v1/host", Wait::for_ms(kLookMs));
}

std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const auto& name : names)
        out += (out.empty() ? "" : ", ") + name;
    return out;
}

std::string read_file(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

int refuse(Session& session, const char* code, std::string message) {
    return session.fail_with({code, std::move(message), {}, {}}, kFailed);
}

int tell(Session& session, const std::string& path, const char* state, const std::string& text) {
    if (session.json()) {
        print_json(json::object{{"file", path}, {"state", state}});
    } else {
        print(path + " " + text + "\n");
    }
    return kOk;
}

/// Looks until the host answers, or the service is seen to have ended.
int report_start(Session& session, const Place& place, const std::string& path) {
    const auto end = std::chrono::steady_clock::now() + kStartMax;
    while (std::chrono::steady_clock::now() < end) {
        if (!is_active(place)) {
            return refuse(session,
                          "UNAVAILABLE",
                          path + " is installed, but the service does not run; its log says why: " +
                              (kLaunchd     ? "host.log in the data folder"
                               : place.user ? "journalctl --user -u " + place.file
                                            : "journalctl -u " + place.file));
        }
        if (host_answers(session))
            return tell(session, path, "running", "is installed, and the host answers");
        ::poll(nullptr, 0, kPauseMs);
    }
    return tell(session,
                path,
                "started",
                "is installed and started, but the host does not answer yet: onex-host status");
}

int install(Session& session, const ServiceOptions& options, const Place& place) {
    auto config = session.config();
    if (!config) return session.exit_code();
    const auto facts = unit_facts(*config, place.user);
    const auto path = (fs::path(place.folder) / place.file).string();
    const auto variables = secret_variables(*config);
    if (kLaunchd && !variables.empty()) {
        return refuse(session,
                      "FAILED_PRECONDITION",
                      "launchd gives a service no environment file, so write " + joined(variables) +
                          " as file:PATH in " + config->file + "; nothing was installed");
    }
    const auto unset = unset_in(read_file(facts.environment_file), variables);
    const auto needs = facts.environment_file + " must set " + joined(unset) +
                       " (NAME=value, one a line, mode 0600)";
    if (!options.no_start && !unset.empty()) {
        return refuse(session,
                      "FAILED_PRECONDITION",
                      "the service could not start: " + needs + "; nothing was installed");
    }
    if (!options.no_start && !is_active(place) && host_answers(session)) {
        return refuse(session,
                      "CONFLICT",
                      "a host runs already on " + config->host.data_dir +
                          ", and not as this service; stop it first");
    }
    std::error_code ec;
    fs::create_directories(place.folder, ec);
    std::ofstream out(path, std::ios::trunc);
    out << (kLaunchd ? launchd_plist(facts) : systemd_unit(facts));
    out.close();
    if (!out)
        return refuse(session, "POLICY_DENIED", "cannot write " + path + "; run this as root");
    if (options.no_start) {
        return tell(session,
                    path,
                    "written",
                    "is written" + (unset.empty() ? "" : "; before it starts, " + needs));
    }
    if (!start_service(place, path)) {
        return refuse(
            session,
            "UNAVAILABLE",
            path + " is written, but the service manager did not start it; see its message above");
    }
    return report_start(session, place, path);
}

int uninstall(Session& session, const ServiceOptions& options, const Place& place) {
    std::error_code ec;
    const auto path = (fs::path(place.folder) / place.file).string();
    if (!fs::exists(path, ec))
        return tell(session, path, "absent", "does not exist; nothing to do");
    // A service that does not run is no reason to keep its file.
    const bool stopped = options.no_start || stop_service(place, path);
    if (!fs::remove(path, ec))
        return refuse(session, "POLICY_DENIED", "cannot remove " + path + "; run this as root");
    if (!options.no_start && !kLaunchd) (void)systemctl(place, {"daemon-reload"});
    return tell(session,
                path,
                "removed",
                stopped ? "is removed" : "is removed, but the service manager could not stop it");
}

}  // namespace

int service(Session& session, const ServiceOptions& options) {
    const auto place = place_of(options);
    if (options.action == "uninstall") return uninstall(session, options, place);
    if (options.action == "install") return install(session, options, place);
    auto config = session.config();
    if (!config) return session.exit_code();
    const auto facts = unit_facts(*config, place.user);
    const auto unit = kLaunchd ? launchd_plist(facts) : systemd_unit(facts);
    if (session.json()) {
        const auto path = (fs::path(place.folder) / place.file).string();
        print_json(json::object{{"file", path}, {"unit", unit}});
    } else {
        print(unit);
    }
    return kOk;
}

}  // namespace onex::host::cli
