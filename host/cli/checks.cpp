// contract check, config reference, doctor: is it right, and what to do if not.
#include "host/cli/commands.hpp"
#include "host/cli/output.hpp"
#include "host/cli/view.hpp"
#include "host/contract/contract.hpp"
#include "host/version.hpp"

#include <onex/version.h>

#include <boost/json/array.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <utility>

namespace onex::host::cli {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

constexpr std::array<const char*, 3> kLevels{"error", "warning", "note"};

const char* level_of(const Finding& finding) {
    return kLevels.at(static_cast<std::size_t>(finding.level));
}

/// "line 3, column 1: what" → {"FILE:3:1", "what"}, as all other findings are told.
void place(Finding& finding) {
    int line = 0;
    int column = 0;
    int read = 0;
    if (std::sscanf(finding.message.c_str(), "line %d, column %d: %n", &line, &column, &read) < 2 ||
        read == 0)
        return;
    finding.where += ":" + std::to_string(line) + ":" + std::to_string(column);
    finding.message.erase(0, static_cast<std::size_t>(read));
}

std::vector<Finding> findings_of(const std::string& file) {
    std::error_code ec;
    const auto size = fs::file_size(file, ec);
    if (!ec && size == 0)
        return {{Finding::Level::error, file, "the file is empty; a contract was expected"}};
    if (!fs::exists(file, ec)) return {{Finding::Level::error, file, "there is no such file"}};
    auto findings = check_contract_file(file);
    for (auto& finding : findings)
        if (finding.where == file) place(finding);
    return findings;
}

}  // namespace

int contract_check(Session& session, const std::vector<std::string>& files) {
    bool wrong = false;
    json::array documents;
    for (const auto& file : files) {
        const auto findings = findings_of(file);
        json::array told;
        std::array<std::size_t, 3> counts{};
        for (const auto& finding : findings) {
            ++counts.at(static_cast<std::size_t>(finding.level));
            if (session.json()) {
                told.push_back(json::object{{"level", level_of(finding)},
                                            {"where", finding.where},
                                            {"message", finding.message}});
            } else {
                print(printable(finding.where) + ": " + level_of(finding) + ": " +
                      printable(finding.message) + "\n");
            }
        }
        wrong = wrong || counts[0] > 0;
        documents.push_back(
            json::object{{"file", file}, {"valid", counts[0] == 0}, {"findings", std::move(told)}});
        if (!session.json()) {
            print(file + ": " + (counts[0] == 0 ? "valid" : "not valid") + ", " +
                  std::to_string(counts[0]) + " errors, " + std::to_string(counts[1]) +
                  " warnings, " + std::to_string(counts[2]) + " notes\n");
        }
    }
    if (session.json()) print_json(json::object{{"contracts", std::move(documents)}});
    return wrong ? kFailed : kOk;
}

int config_reference(Session& session) {
    if (session.json()) {
        print_json(config_reference_json());
    } else {
        print(config_reference_markdown());
    }
    return kOk;
}

int version(Session& session) {
    if (session.json()) {
        print_json(json::object{
            {"version", host_version()},
            {"abi", std::to_string(ONEX_ABI_MAJOR) + "." + std::to_string(ONEX_ABI_MINOR)}});
    } else {
        print("onex-host " + std::string(host_version()) + "\n");
    }
    return kOk;
}

int doctor(Session& session) {
    if (session.local()) {
        // What can be seen without a running host comes first: a host that does not start has
        // these.
        auto config = session.config();
        if (!config) return session.exit_code();
        const auto problems = check_secrets(*config);
        if (!problems.empty()) {
            std::string all;
            for (const auto& problem : problems)
                all += (all.empty() ? "" : "\n") + problem;
            return session.fail_with({"VALIDATION_ERROR", std::move(all), {}, {}}, kFailed);
        }
    }
    auto answer = session.get("/onex/v1/doctor");
    if (!answer) return session.exit_code();
    const auto& checks = list(*answer, "checks");
    const bool well = std::all_of(checks.begin(), checks.end(), [](const json::value& check) {
        return check.is_object() && flag(check.get_object(), "ok");
    });
    if (session.json()) {
        print_json(*answer);
        return well ? kOk : kFailed;
    }
    for (const auto& value : checks) {
        if (!value.is_object()) continue;
        const auto& check = value.get_object();
        const bool ok = flag(check, "ok");
        const bool warns = ok && flag(check, "warning");
        std::string line = (warns ? "warn  " : ok ? "ok    " : "WRONG ") + text(check, "name");
        if (const auto detail = text(check, "detail"); !detail.empty()) line += ": " + detail;
        print(printable(line) + "\n");
        if (const auto advice = text(check, "advice"); !advice.empty()) {
            print("      → " + printable(advice) + "\n");
        }
    }
    return well ? kOk : kFailed;
}

}  // namespace onex::host::cli
