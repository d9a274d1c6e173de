#include "host/cli/unit.hpp"

#include "host/paths.hpp"
#include "host/text/text.hpp"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

namespace onex::host::cli {

namespace fs = std::filesystem;

namespace {

/// The service manager waits a little longer than the host itself does.
constexpr std::int64_t kStopMarginS = 10;

/// A quoted word, with systemd's own special characters doubled; `$` is one in commands only.
std::string systemd_word(std::string_view word, bool command = false) {
    std::string out = "\"";
    for (const char c : word) {
        if (c == '"' || c == '\\') out += '\\';
        if (c == '%' || (c == '$' && command)) out += c;
        out += c;
    }
    return out + "\"";
}

/// A path that systemd takes as it is, quotes and blanks too.
std::string systemd_path(std::string_view path) {
    std::string out;
    for (const char c : path) {
        if (c == '%') out += c;
        out += c;
    }
    return out;
}

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

std::string home_folder() {
    auto home = variable("HOME");
    if (!home.empty()) return home;
    const auto* person = ::getpwuid(::geteuid());
    return person != nullptr ? person->pw_dir : "";
}

std::vector<std::pair<std::string, std::string>> environment(const UnitFacts& facts) {
    std::vector<std::pair<std::string, std::string>> out;
    if (!facts.home.empty()) out.emplace_back("HOME", facts.home);
    if (!facts.docker_config.empty()) out.emplace_back("DOCKER_CONFIG", facts.docker_config);
    return out;
}

}  // namespace

UnitFacts unit_facts(const Config& config, bool user) {
    std::error_code ec;
    return {
        .program = executable_path(),
        .config_file = fs::absolute(config.file, ec).lexically_normal().string(),
        .data_dir = config.host.data_dir,
        .stop_timeout_ms = config.host.stop_timeout_ms,
        .user = user,
        .environment_file = user ? home_folder() + "/.config/onex/host.env" : "/etc/onex/host.env",
        .home = home_folder(),
        .docker_config = variable("DOCKER_CONFIG")};
}

std::string systemd_unit(const UnitFacts& facts) {
    const auto stop_s = facts.stop_timeout_ms / 1000 + kStopMarginS;
    std::string out =
        "[Unit]\n"
        "Description=onex-host, nodes and workflows of this machine\n";
    if (!facts.user) {
        out +=
            "Wants=network-online.target\n"
            "After=network-online.target docker.service\n";
    }
    out +=
        "\n[Service]\n"
        "ExecStart=" +
        systemd_word(facts.program, true) + " run --config " +
        systemd_word(facts.config_file, true) + "\n";
    for (const auto& [name, value] : environment(facts))
        out += "Environment=" + systemd_word(name + "=" + value) + "\n";
    out +=
        "# The variables of env: secrets, NAME=value a line, mode 0600.\n"
        "EnvironmentFile=-" +
        systemd_path(facts.environment_file) +
        "\n"
        "Restart=on-failure\n"
        "RestartSec=2\n"
        "# 2: the configuration is wrong; trying again would not help.\n"
        "RestartPreventExitStatus=2\n"
        "KillSignal=SIGTERM\n"
        "TimeoutStopSec=" +
        std::to_string(stop_s) +
        "\n"
        "LimitNOFILE=65536\n"
        "NoNewPrivileges=true\n";
    if (!facts.user) {
        // No PrivateTmp: build contexts may stand in /tmp.
        out +=
            "ProtectSystem=full\n"
            "ReadWritePaths=" +
            systemd_word("-" + facts.data_dir) + "\n";
    }
    out +=
        "\n[Install]\n"
        "WantedBy=" +
        std::string(facts.user ? "default.target" : "multi-user.target") + "\n";
    return out;
}

std::string launchd_plist(const UnitFacts& facts) {
    const auto stop_s = facts.stop_timeout_ms / 1000 + kStopMarginS;
    std::string variables;
    for (const auto& [name, value] : environment(facts)) {
        variables +=
            "        <key>" + name + "</key><string>" + markup_escape(value) + "</string>\n";
    }
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
           "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
           "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
           "<plist version=\"1.0\">\n<dict>\n"
           "    <key>Label</key><string>dev.onex.host</string>\n"
           "    <key>ProgramArguments</key>\n    <array>\n"
           "        <string>" +
           markup_escape(facts.program) +
           "</string>\n"
           "        <string>run</string>\n"
           "        <string>--config</string>\n"
           "        <string>" +
           markup_escape(facts.config_file) +
           "</string>\n"
           "    </array>\n"
           "    <key>EnvironmentVariables</key>\n    <dict>\n" +
           variables +
           "    </dict>\n"
           "    <key>RunAtLoad</key><true/>\n"
           "    <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>\n"
           "    <key>ExitTimeOut</key><integer>" +
           std::to_string(stop_s) +
           "</integer>\n"
           "    <key>StandardErrorPath</key><string>" +
           markup_escape(facts.data_dir) +
           "/host.log</string>\n"
           "</dict>\n</plist>\n";
}

std::vector<std::string> secret_variables(const Config& config) {
    std::set<std::string> names;
    const auto see = [&names](const SecretRef& ref) {
        if (ref.text.starts_with("env:")) names.insert(ref.text.substr(4));
    };
    see(config.host.token);
    for (const auto& peer : config.peers) {
        see(peer.key);
        see(peer.key_next);
    }
    return {names.begin(), names.end()};
}

std::vector<std::string> unset_in(const std::string& environment_file_text,
                                  const std::vector<std::string>& names) {
    std::set<std::string> set;
    std::istringstream in(environment_file_text);
    for (std::string line; std::getline(in, line);) {
        const auto begin = line.find_first_not_of(" \t");
        const auto equals = line.find('=');
        if (begin == std::string::npos || equals == std::string::npos) continue;
        if (line.find_first_not_of(" \t\r\"'", equals + 1) == std::string::npos) continue;
        set.insert(line.substr(begin, equals - begin));
    }
    std::vector<std::string> out;
    for (const auto& name : names)
        if (!set.contains(name)) out.push_back(name);
    return out;
}

}  // namespace onex::host::cli
