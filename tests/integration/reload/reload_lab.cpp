#include "tests/integration/reload/reload_lab.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace onex::test {

namespace fs = std::filesystem;
namespace json = boost::json;

std::string counter_library(const std::string& variant, bool keeps_state) {
    auto bytes = read_file(std::string(ONEX_BINARY_DIR "/tests/reload/counter_") +
                           (keeps_state ? "1" : "0") + ".so");
    const std::string mark = "variant:one";
    const auto at = bytes.find(mark);
    EXPECT_NE(at, std::string::npos);
    const auto text = "variant:" + variant + "   ";
    if (at != std::string::npos) bytes.replace(at, text.size(), text);
    return bytes;
}

void ReloadLab::SetUp() {
    fs::create_directory(plugins_);
}

void ReloadLab::install(const std::string& bytes) {
    std::ofstream(library_ + ".next", std::ios::binary) << bytes;
    fs::rename(library_ + ".next", library_);
}

std::string ReloadLab::node(const std::string& name,
                            std::uint16_t port,
                            const std::string& isolation) const {
    return "[nodes." + name + "]\nplugin = 'counter'\nlisten = '127.0.0.1:" + std::to_string(port) +
           "'\nisolation = '" + isolation + "'\n";
}

void ReloadLab::start(const std::string& toml) {
    HostOptions options;
    options.folder = folder_.path();
    options.in_host = "plugin_dirs = ['" + plugins_ + "']\n" + in_host_;
    options.toml = toml;
    host_ = std::make_unique<HostProcess>(options);
    ASSERT_TRUE(host_->start()) << host_->log();
}

json::object ReloadLab::listed(const std::string& node) const {
    const auto answer = host_->ask("GET", "/onex/v1/plugins");
    EXPECT_EQ(answer.status, 200U) << answer;
    if (answer.status != 200) return {};
    for (const auto& one : answer.json.at("nodes").as_array()) {
        if (one.at("name").as_string() == node) return one.as_object();
    }
    return {};
}

std::string ReloadLab::variant() const {
    const auto answer = ask("later");
    if (answer.status != 200) return std::to_string(answer.status) + " " + answer.code;
    return std::string(answer.json.at("variant").as_string());
}

void ReloadLab::expect_gone(const std::string& node) const {
    EXPECT_TRUE(wait_until([&] { return listed(node).at("retiring") == 0; })) << listed(node);
#if !defined(__SANITIZE_THREAD__) && !defined(ONEX_NO_DLCLOSE)
    EXPECT_EQ(listed(node).at("images_mapped"), 0) << listed(node);
#endif
}

Load::Load(std::uint16_t port, const std::vector<std::string>& operations) {
    for (const auto& operation : operations) {
        clients_.emplace_back([this, port, operation] {
            while (!ending_) {
                auto answer = send(tcp(port), "POST", "/" + operation, "{}");
                const std::scoped_lock lock(mutex_);
                answers_.push_back(std::move(answer));
                ++answered_;
            }
        });
    }
}

void Load::end() {
    ending_ = true;
    for (auto& client : clients_)
        client.join();
    clients_.clear();
}

std::vector<std::string> Load::wrong(const std::set<std::string>& variants) const {
    std::vector<std::string> out;
    for (const auto& answer : answers_) {
        const auto* told = answer.json.is_object() && answer.status == 200
                               ? answer.json.as_object().if_contains("variant")
                               : nullptr;
        if (told && variants.contains(std::string(told->as_string()))) continue;
        out.push_back(std::to_string(answer.status) + " " + answer.code + " " + answer.message +
                      answer.body);
    }
    return out;
}

std::vector<std::uint64_t> Load::counts() const {
    std::vector<std::uint64_t> out;
    for (const auto& answer : answers_) {
        if (answer.status != 200) continue;
        if (const auto* count = answer.json.as_object().if_contains("count"))
            out.push_back(count->to_number<std::uint64_t>());
    }
    std::sort(out.begin(), out.end());
    return out;
}

}  // namespace onex::test
