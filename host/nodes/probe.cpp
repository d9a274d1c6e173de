#include "host/nodes/probe.hpp"

#include "host/data_dir.hpp"
#include "host/plugin/handles.hpp"
#include "host/process/process.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <filesystem>
#include <memory>

namespace onex::host {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

constexpr std::size_t kReportBytesMax = 256 * 1024;

/// The first check that failed, in words.
std::string reason_of(const std::string& report) {
    boost::system::error_code ec;
    const auto told = json::parse(report, ec);
    const auto* checks = !ec && told.is_object() ? told.as_object().if_contains("checks") : nullptr;
    if (!checks || !checks->is_array()) return "the probe told nothing";
    for (const auto& check : checks->as_array()) {
        const auto& one = check.as_object();
        if (one.at("state").as_string() != "FAILED") continue;
        return std::string(one.at("name").as_string()) + ": " +
               std::string(one.at("detail").as_string());
    }
    return "the probe names no check that failed";
}

}  // namespace

Result<void> probe_plugin(const std::string& program,
                          const StagedFile& staged,
                          const std::string& settings,
                          const std::string& private_dir,
                          std::int64_t limit_ms) {
    // All that the probe leaves when it is killed goes with this folder.
    const auto folder = private_dir + "/probe." + std::to_string(next_handle());
    std::error_code ec;
    fs::create_directories(folder, ec);
    const auto remove = [&folder](void*) {
        std::error_code ignored;
        fs::remove_all(folder, ignored);
    };
    const std::shared_ptr<void> at_end(nullptr, remove);
    if (auto written = write_durably(folder, "settings.json", settings); !written) return written;
    ProcessRequest request;
    request.environment = {{"TMPDIR", folder}};
    request.args = {program,
                    "plugin",
                    "check",
                    "--level",
                    "load",
                    "--settings",
                    folder + "/settings.json",
                    "--json",
                    staged.path};
    std::string report;
    request.on_line = [&report](int stream, std::string_view line) {
        if (stream == 1 && report.size() < kReportBytesMax) report += std::string(line) + "\n";
    };
    auto code = run_process(ProcessPolicy({program}), std::move(request), Wait::for_ms(limit_ms));
    const auto& file = staged.source;
    if (!code && code.error().code == "TIMEOUT") {
        return fail("TIMEOUT",
                    file + " was tried in a process of its own, and hangs there: no answer in " +
                        std::to_string(limit_ms / 1000) + " s");
    }
    if (!code) return std::unexpected(std::move(code).error());
    if (*code == 0) return {};
    auto reason = reason_of(report);
    for (auto at = reason.find(staged.path); at != reason.npos; at = reason.find(staged.path))
        reason.replace(at, staged.path.size(), file);
    return fail("FAILED_PRECONDITION", file + " is not fit to be loaded; " + reason);
}

}  // namespace onex::host
