#include "tests/integration/plain_host.hpp"

namespace onex::test {

void PlainHost::SetUp() {
    port_ = free_port();
    fenced_port_ = free_port();
    const auto key_file = folder_.path() + "/laptop.key";
    write_file(key_file, key_.secret + "\n");
    HostOptions options;
    options.folder = folder_.path();
    options.name = "studio";
    options.in_host = "plugin_dirs = ['" ONEX_BINARY_DIR "/tests/plugins']";
    options.toml =
        "[peers.laptop]\nurl = 'http://127.0.0.1:1'\nkey = 'file:" + key_file +
        "'\n[nodes.plain]\nplugin = 'plain_c'\nlisten = '127.0.0.1:" + std::to_string(port_) +
        "'\n[nodes.plain.settings]\ngreeting = 'hi'\n"
        "[nodes.fenced]\nplugin = 'plain_c'\nlisten = '127.0.0.1:" +
        std::to_string(fenced_port_) + "'\nallow = ['10.0.0.0/8']\n";
    host_ = std::make_unique<HostProcess>(options);
    ASSERT_TRUE(host_->start()) << host_->log();
}

host::ClientRequest PlainHost::peer_call(const std::string& operation, std::string body) const {
    host::ClientRequest request;
    request.endpoint = tcp(port_);
    request.method = "POST";
    request.target = "/onex/v1/nodes/plain/operations/" + operation;
    request.headers = {{"Content-Type", "application/json"}};
    request.body = std::move(body);
    return request;
}

void PlainHost::expect_alive() const {
    const auto answer = public_call("/echo", R"({"text":"still here"})");
    EXPECT_EQ(answer.status, 200U) << answer;
}

void expect_error(const Answer& answer,
                  unsigned status,
                  std::string_view code,
                  std::string_view word) {
    EXPECT_EQ(answer.status, status) << answer;
    EXPECT_EQ(answer.code, code) << answer;
    EXPECT_NE(answer.message.find(word), std::string::npos) << answer;
    EXPECT_FALSE(answer.message.empty());
    ASSERT_TRUE(answer.json.is_object());
    EXPECT_FALSE(answer.json.at("error").at("correlation_id").as_string().empty()) << answer;
}

}  // namespace onex::test
