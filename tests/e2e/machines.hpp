// Two machines as a person sees them: two hosts, each with a Docker engine of its own, and the
// command line. Where no second network can be had, both hosts share one engine.
#pragma once

#include "tests/integration/deployment_lab.hpp"
#include "tests/support/network.hpp"

#include <map>
#include <memory>
#include <string>

namespace onex::test {

/// What a command said, and its document if it was asked for one.
struct Told {
    int code = -1;
    std::string output;
    boost::json::value report;  ///< null: the output is no JSON

    /// The text at a JSON pointer; "" where there is none.
    [[nodiscard]] std::string text(const std::string& pointer) const;
    [[nodiscard]] std::int64_t number(const std::string& pointer) const;
    /// Whether it is there and true.
    [[nodiscard]] bool flag(const std::string& pointer) const;
};
std::ostream& operator<<(std::ostream& out, const Told& told);

class Machines : public DeploymentLab {
  protected:
    static void SetUpTestSuite();
    static void TearDownTestSuite();
    void SetUp() override;

    /// `onex-host ARGUMENTS --json` on the laptop.
    [[nodiscard]] Told tell(const std::string& arguments) const;
    /// `onex-host deploy` of the app in that version, with further flags.
    [[nodiscard]] Told tell_deploy(const std::string& version,
                                   Service service = Service::healthy,
                                   const std::string& flags = {});
    /// The app's containers on the studio: name → "state policy", as "running unless-stopped".
    [[nodiscard]] std::map<std::string, std::string> standing() const;
    /// The entries of standing() that are not the app's own.
    [[nodiscard]] std::map<std::string, std::string> kept() const;
    [[nodiscard]] std::string url() const;

    static std::unique_ptr<Network> network;  ///< the studio's; null: it shares this one
    static std::unique_ptr<DockerEngine> studio_engine;
};

}  // namespace onex::test
