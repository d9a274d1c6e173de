// The queries of the original's guides, asked of a real Prometheus that has scraped a host.
#include "tests/integration/deployment_lab.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/serialize.hpp>

#include <cstdio>
#include <sstream>
#include <vector>

namespace onex::test {
namespace json = boost::json;
namespace {

struct Query {
    bool has_data = false;
    std::string text;
};

std::vector<Query> queries() {
    std::vector<Query> out;
    std::istringstream lines(read_file(ONEX_SOURCE_DIR "/tests/data/promql.txt"));
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with('#') || line.size() < 3) continue;
        out.push_back({line.front() == '=', line.substr(2)});
    }
    return out;
}

std::string percent_encoded(const std::string& text) {
    std::string out;
    for (const unsigned char c : text) {
        char code[4];
        std::snprintf(code, sizeof(code), "%%%02X", static_cast<unsigned>(c));
        out += code;
    }
    return out;
}

class Prometheus : public DeploymentLab {
  protected:
    /// Scrapes both hosts five times a second: each counts what it drives.
    void start_prometheus() {
        if (shell("command -v prometheus").code != 0)
            GTEST_SKIP() << "prometheus is not installed (Debian: prometheus)";
        const auto config = folder_.path() + "/prometheus.yml";
        write_file(config,
                   "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\nscrape_configs:\n"
                   "  - job_name: onex\n    static_configs: [{targets: ['127.0.0.1:" +
                       std::to_string(laptop_port_) +
                       "', '127.0.0.1:" + std::to_string(studio_port_) + "']}]\n");
        ASSERT_TRUE(process_.start({"prometheus",
                                    "--config.file=" + config,
                                    "--storage.tsdb.path=" + folder_.path() + "/prometheus",
                                    "--web.listen-address=127.0.0.1:" + std::to_string(port_)},
                                   {},
                                   folder_.path() + "/prometheus.log"));
        ASSERT_TRUE(wait_until([&] { return ask("up == 1").has_data; }))
            << read_file(folder_.path() + "/prometheus.log");
    }
    struct Reply {
        bool is_good = false;
        bool has_data = false;
        std::string text;
    };
    [[nodiscard]] Reply ask(const std::string& query) const {
        const auto answer =
            send(tcp(port_), "GET", "/api/v1/query?query=" + percent_encoded(query));
        Reply out;
        out.text = answer.body;
        out.is_good = answer.status == 200 && answer.json.at("status").as_string() == "success";
        out.has_data = out.is_good && !answer.json.at("data").at("result").as_array().empty();
        return out;
    }
    const std::uint16_t port_ = free_port();
    Background process_;
};

TEST_F(Prometheus, AnswersTheQueriesOfTheGuides) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(start_prometheus());
    if (IsSkipped()) return;
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    EXPECT_EQ(deploy(input("v2", Service::sick)).state(), "ROLLBACK_COMPLETED");
    EXPECT_EQ(deploy(input("v3", Service::does_not_build)).state(), "FAILED");
    const auto asked = queries();
    ASSERT_GT(asked.size(), 5U);
    for (const auto& query : asked) {
        SCOPED_TRACE(query.text);
        Reply reply;
        EXPECT_TRUE(wait_until([&] {
            reply = ask(query.text);
            return reply.is_good && reply.has_data == query.has_data;
        })) << reply.text;
    }
    EXPECT_TRUE(ask("deployment_duration_seconds_count{method=\"node_based\"} > 0").has_data);
    EXPECT_TRUE(
        ask("kafka_events_published_total{event_type=\"DEPLOYMENT_STARTED\"} == 3").has_data)
        << ask("kafka_events_published_total").text;
}

}  // namespace
}  // namespace onex::test
