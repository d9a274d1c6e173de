// A peer that goes and comes back, as the circuit breaker of a real host sees it.
#include "tests/integration/plain_host.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/array.hpp>

#include <chrono>

namespace onex::test {
namespace {

namespace json = boost::json;

class PeerBreaker : public PlainHost {
  protected:
    void SetUp() override {
        PlainHost::SetUp();
        if (HasFatalFailure()) return;
        HostOptions options;
        options.folder = folder_.path();
        options.name = "laptop";
        options.in_host = "breaker_failures = 3\n";
        options.toml = "[peers.studio]\nurl = 'http://127.0.0.1:" + std::to_string(port_) +
                       "'\nkey = 'file:" + folder_.path() + "/laptop.key'\n";
        laptop_ = std::make_unique<HostProcess>(options);
        ASSERT_TRUE(laptop_->start()) << laptop_->log();
    }
    /// One check of the laptop's doctor, who calls the studio for it; or an empty one.
    [[nodiscard]] json::object check(std::string_view name) const {
        const auto answer = laptop_->ask("GET", "/onex/v1/doctor");
        EXPECT_EQ(answer.status, 200U) << answer;
        if (!answer.json.is_object()) return {};
        for (const auto& one : answer.json.at("checks").as_array()) {
            if (one.at("name").as_string() == name) return one.as_object();
        }
        return {};
    }
    [[nodiscard]] bool is_well(std::string_view name) const {
        const auto told = check(name);
        return told.contains("ok") && told.at("ok").as_bool();
    }
    [[nodiscard]] bool tells(std::string_view name, std::string_view part) const {
        const auto told = check(name);
        return told.contains("detail") &&
               told.at("detail").as_string().find(part) != json::string::npos;
    }
    [[nodiscard]] bool counts(const std::string& line) const {
        return laptop_->ask("GET", "/metrics").body.find(line + "\n") != std::string::npos;
    }

    static constexpr auto kPeer = "peer studio";
    static constexpr auto kBreaker = "circuit breaker to studio";
    std::unique_ptr<HostProcess> laptop_;
};

TEST_F(PeerBreaker, OpensWhenThePeerIsGoneAndClosesSoonAfterItIsBack) {
    EXPECT_TRUE(is_well(kPeer));
    EXPECT_TRUE(tells(kBreaker, "closed"));
    EXPECT_TRUE(counts(R"(onex_circuit_breaker_state{to="studio"} 0)"));

    EXPECT_EQ(host_->stop(), 0);
    EXPECT_TRUE(wait_until([&] { return !is_well(kBreaker); }));
    EXPECT_TRUE(counts(R"(onex_circuit_breaker_state{to="studio"} 2)"));
    // Refused without a look, but for one call a second.
    EXPECT_TRUE(
        wait_until([&] { return tells(kPeer, "REMOTE_ENDPOINT_UNREACHABLE: the circuit"); }));
    EXPECT_TRUE(tells(kBreaker, "Connection refused"));
    const auto told = laptop_->cli("doctor");
    EXPECT_EQ(told.code, 1) << told.output;
    EXPECT_NE(told.output.find("WRONG circuit breaker to studio: open since"), std::string::npos)
        << told.output;

    ASSERT_TRUE(host_->start()) << host_->log();
    const auto back = std::chrono::steady_clock::now();
    EXPECT_TRUE(wait_until([&] { return is_well(kPeer); }));
    // A second, and what a busy machine takes; breaker_open_ms is a minute.
    EXPECT_LT(std::chrono::steady_clock::now() - back, std::chrono::seconds(10));
    EXPECT_TRUE(is_well(kBreaker));
    EXPECT_TRUE(counts(R"(onex_circuit_breaker_state{to="studio"} 0)"));
    EXPECT_TRUE(counts(R"(onex_circuit_breaker_opened_total{to="studio"} 1)"));
}

}  // namespace
}  // namespace onex::test
