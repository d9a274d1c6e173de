#include "tests/e2e/machines.hpp"

#include <boost/json/parse.hpp>

#include <iostream>
#include <sstream>

namespace onex::test {
namespace json = boost::json;

std::unique_ptr<Network> Machines::network;
std::unique_ptr<DockerEngine> Machines::studio_engine;

namespace {
const json::value* at(const json::value& document, const std::string& pointer) {
    boost::system::error_code ec;
    return document.find_pointer(pointer, ec);
}
}  // namespace

std::string Told::text(const std::string& pointer) const {
    const auto* value = at(report, pointer);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : "";
}

std::int64_t Told::number(const std::string& pointer) const {
    const auto* value = at(report, pointer);
    return value != nullptr && value->is_number() ? value->to_number<std::int64_t>() : -1;
}

bool Told::flag(const std::string& pointer) const {
    const auto* value = at(report, pointer);
    return value != nullptr && value->is_bool() && value->as_bool();
}

std::ostream& operator<<(std::ostream& out, const Told& told) {
    return out << "exit " << told.code << ", output: " << told.output;
}

void Machines::SetUpTestSuite() {
    DeploymentLab::SetUpTestSuite();
    if (!engine) return;
    std::string why_one_engine;
    network = Network::make(why_one_engine);
    if (network) studio_engine = DockerEngine::start(network->name(), why_one_engine);
    if (studio_engine) return;
    network.reset();
    std::cerr << "both hosts share one Docker engine: " << why_one_engine << "\n";
}

void Machines::TearDownTestSuite() {
    studio_engine.reset();
    network.reset();
    DeploymentLab::TearDownTestSuite();
}

void Machines::SetUp() {
    DeploymentLab::SetUp();
    if (!engine || !studio_engine) return;
    studio_address_ = network->there();
    studio_network_ = network->name();
    studio_engine_ = studio_engine.get();
    studio_docker_ = studio_engine->socket();
    // A network of its own: nobody else's ports are in it.
    studio_port_ = 8001;
}

Told Machines::tell(const std::string& arguments) const {
    const auto ran = laptop_->cli(arguments + " --json");
    Told told{ran.code, ran.output, nullptr};
    boost::system::error_code ec;
    auto document = json::parse(ran.output, ec);
    if (!ec) told.report = std::move(document);
    return told;
}

Told Machines::tell_deploy(const std::string& version, Service service, const std::string& flags) {
    return tell("deploy " + app_ + " --to studio --tag " + version + " --context " +
                make_context(version, service) + " --port " + std::to_string(app_port_) +
                ":8080 --health-path /health --health-retries 3 --health-interval-ms 200 " + flags);
}

std::map<std::string, std::string> Machines::standing() const {
    const auto listed = studio_engine_->docker(
        "ps -aq --filter name=" + app_ + " | xargs -r docker -H unix://" +
        studio_engine_->socket() +
        " inspect --format '{{.Name}} {{.State.Status}} {{.HostConfig.RestartPolicy.Name}}'");
    std::map<std::string, std::string> found;
    std::istringstream lines(listed.output);
    std::string line;
    while (std::getline(lines, line)) {
        const auto space = line.find(' ');
        if (line.starts_with('/') && space != std::string::npos)
            found[line.substr(1, space - 1)] = line.substr(space + 1);
    }
    return found;
}

std::map<std::string, std::string> Machines::kept() const {
    auto found = standing();
    found.erase(app_);
    return found;
}

std::string Machines::url() const {
    return "http://" + studio_address_ + ":" + std::to_string(app_port_);
}

}  // namespace onex::test
