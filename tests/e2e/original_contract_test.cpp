// The contract of the system that this one replaces runs as it is: only operations are named in
// it, and which host has them is found out.
#include "tests/e2e/machines.hpp"

#include <boost/json/serialize.hpp>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ONEX_SANITIZED true
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ONEX_SANITIZED true
#endif
#ifndef ONEX_SANITIZED
#define ONEX_SANITIZED false
#endif

namespace onex::test {
namespace json = boost::json;
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kBigBytes = 1'900'000'000;
constexpr std::int64_t kRoomBytes = 16'000'000'000;  // for the copies that two engines make of it
constexpr std::int64_t kOperationMs = 15'000;        // of send_deployment_request in that contract
constexpr int kMegabits = 900;                       // takes longer than that
constexpr std::int64_t kGrowthKb = 64 * 1024;

class OriginalContract : public Machines {
  protected:
    void SetUp() override {
        const auto* originals = std::getenv("ONEX_ORIGINALS");
        if (originals == nullptr) {
            GTEST_SKIP() << "set ONEX_ORIGINALS to the folder with the original "
                            "deployment_workflow.yaml";
        }
        Machines::SetUp();
        if (!engine) return;
        const auto workflows = folder_.path() + "/workflows";
        fs::create_directory(workflows);
        fs::copy_file(std::string(originals) + "/deployment_workflow.yaml",
                      workflows + "/deployment_workflow.yaml");
        laptop_in_host_ = "workflow_dirs = ['" + workflows + "']";
    }
    /// Only what that contract's own input schema has, and as little of it as possible.
    json::object little(const std::string& version, const std::string& dockerfile = {}) {
        json::object given{
            {"container_name", app_},
            {"remote_host", studio_address_},
            {"build_options",
             {{"build_context", make_context(version, Service::healthy, dockerfile)}}},
            {"deployment_config",
             {{"port_mappings", {{{"host_port", app_port_}, {"container_port", 8080}}}}}}};
        if (!network) given["remote_port"] = studio_port_;
        return given;
    }
};

TEST_F(OriginalContract, RunsUnchanged) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    const auto listed = tell("workflow list");
    ASSERT_EQ(listed.code, 0) << listed;
    EXPECT_EQ(listed.report.at("workflows").as_array().size(), 1U) << listed;
    EXPECT_EQ(listed.text("/workflows/0/name"), "deployment_workflow") << listed;
    EXPECT_TRUE(listed.flag("/workflows/0/valid")) << listed;

    const auto run = deploy(little("v1"));
    ASSERT_EQ(run.state(), "COMPLETED") << run;
    EXPECT_EQ(served(), "v1");
    // What its output_state requires is there.
    const auto& output = run.status.at("output").as_object();
    for (const auto* name : {"workflow_id", "success", "total_duration_ms", "deployment_id"}) {
        EXPECT_TRUE(output.contains(name)) << name << " in " << run;
    }
    EXPECT_EQ(output.at("stages_completed").as_array().size(), 4U) << run;

    // And its rollback: what is not healthy goes, the one before comes back.
    auto sick = little("v2");
    sick["health_check_config"] = {
        {"health_endpoint", "/nowhere"}, {"max_retries", 2}, {"retry_interval_ms", 100}};
    const auto failed = deploy(sick);
    EXPECT_EQ(failed.state(), "ROLLBACK_COMPLETED") << failed;
    EXPECT_EQ(failed.code(), "HEALTH_CHECK_FAILED") << failed;
    EXPECT_EQ(served(), "v1");
}

TEST_F(OriginalContract, ABadInputIsRefusedByItsOwnSchema) {
    ASSERT_NO_FATAL_FAILURE(start_laptop());
    const std::pair<const char*, json::value> cases[] = {
        {"container_name", "Not_Allowed"},
        {"container_name", "ab"},
        {"image_tag", "with space"},
        {"remote_host", "a/b"},
        {"remote_port", 80},
        {"deployment_config", {{"network_mode", "macvlan"}}},
        {"workflow_id", "no-uuid"},
    };
    for (const auto& [name, value] : cases) {
        auto given = little("v1");
        given[name] = value;
        const auto answer =
            laptop_->ask("POST", "/api/v1/deployments/trigger", json::serialize(given));
        EXPECT_EQ(answer.status, 400U) << name << ": " << answer;
        EXPECT_EQ(answer.code, "VALIDATION_ERROR") << answer;
        EXPECT_NE(answer.message.find(name), std::string::npos) << answer;
    }
}

/// A line of /proc/PID/status in kB; -1 where there is no such file.
std::int64_t memory_kb(pid_t pid, const std::string& name) {
    std::istringstream lines(read_file("/proc/" + std::to_string(pid) + "/status"));
    std::string line;
    while (std::getline(lines, line)) {
        if (line.starts_with(name + ":")) return std::atoll(line.c_str() + name.size() + 1);
    }
    return -1;
}

/// How far a process's memory has grown at its highest.
class Growth {
  public:
    explicit Growth(pid_t pid) : pid_(pid) {
        // Forgets the highest mark of before.
        write_file("/proc/" + std::to_string(pid) + "/clear_refs", "5");
        before_kb_ = memory_kb(pid, "VmRSS");
    }
    [[nodiscard]] std::int64_t kb() const { return memory_kb(pid_, "VmHWM") - before_kb_; }

  private:
    pid_t pid_;
    std::int64_t before_kb_ = 0;
};

class BigImage : public OriginalContract {
  protected:
    /// A base image of 1.9 GB that does not compress, in the laptop's engine; "" is a failure.
    std::string make_big_base() {
        const TempDir folder;
        const auto tag = app_ + "-base:big";
        const auto made =
            shell("set -e; cd " + folder.path() + "; mkdir bin; cp $(command -v busybox) bin/" +
                      "busybox; ln -s busybox bin/sh; head -c " + std::to_string(kBigBytes) +
                      " /dev/urandom > noise; tar -c bin noise | docker -H unix://" +
                      engine->socket() + " import - " + tag,
                  200'000);
        EXPECT_EQ(made.code, 0) << made.output;
        return made.code == 0 ? tag : "";
    }
};

TEST_F(BigImage, PassesThroughTimeoutsThatAreShorterThanItsReading) {
    if (ONEX_SANITIZED) GTEST_SKIP() << "a sanitizer's memory and time are not the program's";
    std::error_code ec;
    const auto room = fs::space(folder_.path(), ec).available;
    if (ec || room < static_cast<std::uintmax_t>(kRoomBytes))
        GTEST_SKIP() << "needs 16 GB of free disk beside " << folder_.path();
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_EQ(deploy(little("v1")).state(), "COMPLETED");  // Both hosts are warm now.
    const auto base = make_big_base();
    ASSERT_NE(base, "");
    const bool slow = network && network->slow_down(kMegabits);

    const Growth laptop(laptop_->pid());
    const Growth studio(studio_->pid());
    const auto given =
        little("big",
               "FROM " + base +
                   "\nCOPY www /www\nCMD [\"/bin/busybox\", \"httpd\", \"-f\", \"-p\", \"8080\", "
                   "\"-h\", \"/www\"]\n");
    const auto run = wait_for(begin(given), 300'000);
    ASSERT_EQ(run.state(), "COMPLETED") << run;
    EXPECT_EQ(served(), "big");
    const auto& output = run.status.at("output").as_object();
    EXPECT_GT(output.at("image_metadata").at("image_size_bytes").to_number<std::int64_t>(),
              kBigBytes);
    if (slow) {
        const auto& took = output.at("deployment_metrics").at("transfer_duration_ms");
        EXPECT_GT(took.to_number<std::int64_t>(), kOperationMs) << run;
    }
    for (const auto& stage : run.status.at("stages").as_array()) {
        for (const auto& operation : stage.at("operations").as_array())
            EXPECT_EQ(operation.at("attempt").to_number<int>(), 1) << operation;
    }
#if defined(__linux__)
    EXPECT_LT(laptop.kb(), kGrowthKb);
    EXPECT_LT(studio.kb(), kGrowthKb);
    RecordProperty("laptop_growth_kb", static_cast<int>(laptop.kb()));
    RecordProperty("studio_growth_kb", static_cast<int>(studio.kb()));
#endif
}

}  // namespace
}  // namespace onex::test
