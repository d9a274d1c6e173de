// The studio's listener speaks TLS with the certificate that it has made for itself; the laptop
// pins it.
#include "tests/e2e/machines.hpp"

namespace onex::test {
namespace {

class Tls : public Machines {
  protected:
    void SetUp() override {
        Machines::SetUp();
        receiver_toml_ = "tls = true\n";
        studio_scheme_ = "https";
    }
    /// Starts the studio and tells its certificate's fingerprint, as its admin socket does.
    std::string start_studio_first() {
        start_studio();
        if (HasFatalFailure()) return "";
        const auto answer = studio_->ask("GET", "/onex/v1/host");
        EXPECT_EQ(answer.status, 200U) << answer;
        return std::string(answer.json.at("tls_fingerprint").as_string());
    }
    void pin(const std::string& fingerprint) {
        studio_peer_toml_ = "fingerprint = '" + fingerprint + "'\n";
    }
};

TEST_F(Tls, DeploysToAPinnedCertificate) {
    const auto fingerprint = start_studio_first();
    ASSERT_EQ(fingerprint.size(), 64U);
    // People read it in the log.
    EXPECT_NE(studio_->log().find("https://" + studio_address_ + ":" +
                                  std::to_string(studio_port_) + ", certificate " + fingerprint),
              std::string::npos)
        << studio_->log();
    pin(fingerprint);
    ASSERT_NO_FATAL_FAILURE(start_laptop());
    const auto told = tell_deploy("v1");
    ASSERT_EQ(told.code, 0) << told;
    EXPECT_EQ(served(), "v1");
    // Another start keeps the certificate.
    EXPECT_EQ(studio_->stop(), 0);
    ASSERT_TRUE(studio_->start());
    EXPECT_EQ(studio_->ask("GET", "/onex/v1/host").json.at("tls_fingerprint").as_string(),
              fingerprint);
    const auto again = tell_deploy("v2");
    ASSERT_EQ(again.code, 0) << again;
    EXPECT_EQ(served(), "v2");
}

TEST_F(Tls, RefusesAnyOtherCertificate) {
    const auto fingerprint = start_studio_first();
    ASSERT_EQ(fingerprint.size(), 64U);
    const std::string other(64, 'a');
    const struct {
        const char* what;
        std::string pinned;  ///< "": none
        std::string scheme;
        std::string code, said;
    } cases[] = {
        {"another one is pinned", other, "https", "REMOTE_ENDPOINT_UNREACHABLE", fingerprint},
        {"none is pinned, and nobody vouches for it",
         "",
         "https",
         "REMOTE_ENDPOINT_UNREACHABLE",
         "certificate"},
        {"the url says http", "", "http", "TRANSFER_FAILED", "https"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.what);
        studio_peer_toml_.clear();
        if (!c.pinned.empty()) pin(c.pinned);
        studio_scheme_ = c.scheme;
        laptop_.reset();
        ASSERT_NO_FATAL_FAILURE(start_laptop());
        const auto told = tell_deploy("v1");
        EXPECT_EQ(told.code, 1) << told;
        EXPECT_EQ(told.text("/state"), "FAILED") << told;
        EXPECT_EQ(told.text("/error/code"), c.code) << told;
        const auto message = told.text("/error/message");
        EXPECT_NE(message.find(c.said), std::string::npos) << message;
        EXPECT_NE(message.find(studio_address_), std::string::npos) << message;
        if (!c.pinned.empty()) {
            EXPECT_NE(message.find(c.pinned), std::string::npos) << message;
        }
        EXPECT_EQ(standing().size(), 0U);
    }
}

}  // namespace
}  // namespace onex::test
