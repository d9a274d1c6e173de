// health_checks of a workflow contract, run by their intervals for what its run left behind.
#include "tests/integration/orchestrator/steps_lab.hpp"
#include "tests/support/wait.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <thread>

namespace onex::test {
namespace {

namespace json = boost::json;

/// Answers every request on 127.0.0.1 with one status, or (status 0) never.
class Website {
  public:
    Website() {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        socklen_t size = sizeof(address);
        auto* place = reinterpret_cast<sockaddr*>(&address);
        const bool ok = ::bind(socket_, place, size) == 0 && ::listen(socket_, 8) == 0 &&
                        ::getsockname(socket_, place, &size) == 0;
        EXPECT_TRUE(ok);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~Website() {
        ::shutdown(socket_, SHUT_RDWR);
        thread_.join();
        for (const int client : unanswered_)
            ::close(client);
        ::close(socket_);
    }
    Website(const Website&) = delete;  // The thread refers to it.
    Website& operator=(const Website&) = delete;

    [[nodiscard]] std::string port() const { return std::to_string(port_); }
    std::atomic<int> status{204};
    std::atomic<int> asked{0};

  private:
    void serve() {
        for (;;) {
            const int client = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
            if (client < 0) return;
            char request[4096];
            // Who only connects says nothing, and closes.
            if (::recv(client, request, sizeof(request), 0) > 0) {
                ++asked;
                if (status == 0) {
                    unanswered_.push_back(client);
                    continue;
                }
                const auto answer = "HTTP/1.1 " + std::to_string(status) +
                                    " x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                (void)::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
            }
            ::close(client);
        }
    }

    int socket_ = -1;
    std::uint16_t port_ = 0;
    std::vector<int> unanswered_;
    std::thread thread_;
};

class HealthLab : public StepsLab {
  protected:
    [[nodiscard]] std::string checks_of(const std::string& port) const {
        return "health_checks:\n"
               "  - {name: site, type: http, endpoint: 'http://127.0.0.1:" +
               port +
               "/', interval_seconds: 1, critical: true}\n"
               "  - {name: wire, type: network, endpoint: '127.0.0.1:" +
               port +
               "', interval_seconds: 1}\n"
               "  - {name: tool, type: system, command: 'test -e {journal}.tool', "
               "interval_seconds: 1}\n"
               "  - {name: plant, type: any, operation: look, file: '{journal}.plant', "
               "interval_seconds: 1}\n"
               "  - {name: idle, type: http}\n";
    }
    /// The garden's workflow under another name: an installed contract would count in its place.
    [[nodiscard]] static std::string called(const std::string& workflow,
                                            const std::string& health_checks) {
        auto yaml = contract("[{name: paint}]") + health_checks;
        const std::string name = "name: garden_workflow";
        return yaml.replace(yaml.find(name), name.size(), "name: " + workflow);
    }
    void install(const std::string& port) const {
        write_file(folder_.path() + "/healthy_garden.yaml",
                   called("healthy_garden", checks_of(port)));
    }
    [[nodiscard]] json::array checks() const {
        const auto answer = host_->ask("GET", "/api/v1/workflows/health");
        EXPECT_EQ(answer.status, 200U) << answer;
        return answer.json.at("checks").as_array();
    }
    /// "site=healthy plant=unhealthy …"
    [[nodiscard]] std::string states() const {
        std::string out;
        for (const auto& check : checks()) {
            out += (out.empty() ? "" : " ") + text(check.as_object(), "name") + '=' +
                   text(check.as_object(), "status");
        }
        return out;
    }
    [[nodiscard]] std::string detail_of(const std::string& name) const {
        for (const auto& check : checks()) {
            if (text(check.as_object(), "name") == name) return text(check.as_object(), "detail");
        }
        return {};
    }
    [[nodiscard]] bool all(const std::string& expected) const {
        const bool came = wait_until([&] { return states() == expected; }, 30'000);
        if (!came) ADD_FAILURE() << states() << '\n' << json::serialize(checks());
        return came;
    }
    [[nodiscard]] std::string told() const {
        return query(
            "SELECT json_extract(payload, '$.check') || '=' || "
            "json_extract(payload, '$.status') FROM events WHERE type = "
            "'WORKFLOW_HEALTH_CHANGED' ORDER BY 1",
            "");
    }
};

TEST_F(HealthLab, TurnUnhealthyAndHealthyAgain) {
    start_host("[process]\nallow = ['/usr/bin/test']\n");
    Website site;
    install(site.port());
    touch("journal.tool");
    touch("journal.plant");
    EXPECT_EQ(states(), "") << "nothing was deployed yet";
    const auto ran =
        host_->ask("POST", "/api/v1/workflows/healthy_garden?wait=true", json::serialize(input()));
    ASSERT_EQ(ran.json.at("status"), "success") << ran;

    ASSERT_TRUE(all("site=healthy wire=healthy tool=healthy plant=healthy"));
    EXPECT_EQ(told(), "") << "well from the first: no change";
    EXPECT_EQ(host_->cli("workflow health").code, 0);

    site.status = 503;
    std::filesystem::remove(folder_.path() + "/journal.tool");
    std::filesystem::remove(folder_.path() + "/journal.plant");
    ASSERT_TRUE(all("site=unhealthy wire=healthy tool=unhealthy plant=unhealthy"));
    EXPECT_EQ(detail_of("site"), "answers 503");
    EXPECT_EQ(detail_of("tool"), "test ended with 1");
    EXPECT_EQ(detail_of("plant"), "nothing grows");
    for (const auto& check : checks()) {
        const auto& one = check.as_object();
        const auto name = text(one, "name");
        EXPECT_EQ(text(one, "workflow"), "healthy_garden");
        EXPECT_EQ(text(one, "subject"), name == "tool" || name == "plant" ? "rose" : "");
        EXPECT_EQ(one.at("critical"), name == "site");
        EXPECT_TRUE(one.at("since").is_string() && one.at("next").is_string());
    }
    EXPECT_TRUE(wait_until([&] {
        return told() == "plant=unhealthy site=unhealthy tool=unhealthy";
    })) << told();
    const auto metrics = host_->ask("GET", "/metrics").body;
    EXPECT_NE(metrics.find("onex_workflow_health{check=\"site\""), std::string::npos) << metrics;
    const auto list = host_->cli("workflow health");
    EXPECT_EQ(list.code, 1) << list.output;
    EXPECT_NE(list.output.find("site (critical)"), std::string::npos) << list.output;
    const auto health = host_->ask("GET", "/health");
    EXPECT_EQ(health.status, 200U) << "this host is not sick: " << health;
    EXPECT_NE(health.body.find("\"unhealthy\":3"), std::string::npos) << health;

    site.status = 200;
    touch("journal.tool");
    touch("journal.plant");
    ASSERT_TRUE(all("site=healthy wire=healthy tool=healthy plant=healthy"));
    EXPECT_TRUE(wait_until([&] {
        return told() ==
               "plant=healthy plant=unhealthy site=healthy site=unhealthy tool=healthy "
               "tool=unhealthy";
    })) << told();
}

TEST_F(HealthLab, SayWhatThisHostMayNotAsk) {
    Website site;
    install(site.port());
    ASSERT_EQ(
        host_->ask("POST", "/api/v1/workflows/healthy_garden?wait=true", json::serialize(input()))
            .status,
        200U);
    ASSERT_TRUE(all("site=healthy wire=healthy tool=unknown plant=unhealthy"));
    EXPECT_NE(detail_of("tool").find("[process] allow"), std::string::npos) << detail_of("tool");
    EXPECT_EQ(host_->cli("workflow health").code, 0);
}

TEST_F(HealthLab, RunNoProgramForAContractThatIsNotInstalled) {
    start_host("[process]\nallow = ['/usr/bin/test']\n");
    Website site;
    const auto yaml = called("foreign_garden", checks_of(site.port()));
    touch("journal.tool");
    touch("journal.plant");
    const auto id = begin_contract(yaml, input());
    EXPECT_EQ(text(wait_for(id), "state"), "COMPLETED");
    ASSERT_TRUE(all("site=healthy wire=healthy tool=unknown plant=healthy"));
    EXPECT_NE(detail_of("tool").find("workflow_dirs"), std::string::npos) << detail_of("tool");
}

TEST_F(HealthLab, CallItUnhealthyWhenNoAnswerComesInTime) {
    Website site;
    site.status = 0;
    const auto yaml = called(
        "slow_garden",
        "health_checks:\n  - {name: site, type: http, endpoint: 'http://127.0.0.1:" + site.port() +
            "/', interval_seconds: 1, timeout_seconds: 0.2}\n");
    EXPECT_EQ(text(wait_for(begin_contract(yaml, input())), "state"), "COMPLETED");
    ASSERT_TRUE(all("site=unhealthy"));
}

TEST_F(HealthLab, HoldUpNeitherRunsNorTheEndOfTheHost) {
    Website site;
    site.status = 0;
    std::string list = "health_checks:\n";
    for (int i = 0; i < 8; ++i) {
        list += "  - {name: site" + std::to_string(i) +
                ", type: http, endpoint: 'http://127.0.0.1:" + site.port() + "/" +
                std::to_string(i) + "', interval_seconds: 1, timeout_seconds: 60}\n";
    }
    const auto yaml = called("slow_garden", list);
    EXPECT_EQ(text(wait_for(begin_contract(yaml, input())), "state"), "COMPLETED");
    ASSERT_TRUE(wait_until([&] { return site.asked == 4; }));
    EXPECT_EQ(text(wait_for(begin_contract(yaml, input())), "state"), "COMPLETED");
    EXPECT_EQ(site.asked, 4) << "at most four at a time";
    EXPECT_EQ(host_->stop(20'000), 0);
}

TEST_F(HealthLab, FollowAnEditedContractAndCanBeSwitchedOff) {
    Website site;
    install(site.port());
    ASSERT_EQ(
        host_->ask("POST", "/api/v1/workflows/healthy_garden?wait=true", json::serialize(input()))
            .status,
        200U);
    ASSERT_TRUE(all("site=healthy wire=healthy tool=unknown plant=unhealthy"));
    const auto file = folder_.path() + "/healthy_garden.yaml";
    auto yaml = read_file(file);
    write_file(file, yaml.erase(yaml.find("  - {name: tool")));
    // A new run makes the host look at once.
    ASSERT_EQ(
        host_->ask("POST", "/api/v1/workflows/healthy_garden?wait=true", json::serialize(input()))
            .status,
        200U);
    ASSERT_TRUE(all("site=healthy wire=healthy"));
    start_host("health_checks = false\n");
    EXPECT_EQ(states(), "");
    EXPECT_FALSE(host_->ask("GET", "/health").json.as_object().contains("health_checks"));
}

}  // namespace
}  // namespace onex::test
