#include "host/cli/unit.hpp"

#include "host/paths.hpp"
#include "host/text/text.hpp"

#include <filesystem>
#include <string_view>
#include <system_error>

namespace onex::host::cli {

namespace fs = std::filesystem;

namespace {

/// The service manager waits a little longer than the host itself does.
constexpr std::int64_t kStopMarginS = 10;

/// A word of ExecStart: quoted, with systemd's own special characters doubled.
std::string systemd_word(std::string_view word) {
    std::string out = "\"";
    for (const char c : word) {
        if (c == '"' || c == '\\') out += '\\';
        if (c == '%' || c == '$') out += c;
        out += c;
    }
    return out + "\"";
}

}  // namespace

UnitFacts unit_facts(const Config& config, bool user) {
    std::error_code ec;
    return {.program = executable_path(),
            .config_file = fs::absolute(config.file, ec).lexically_normal().string(),
            .data_dir = config.host.data_dir,
            .stop_timeout_ms = config.host.stop_timeout_ms,
            .user = user};
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
        systemd_word(facts.program) + " run --config " + systemd_word(facts.config_file) +
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
        out +=
            "PrivateTmp=true\n"
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

}  // namespace onex::host::cli
