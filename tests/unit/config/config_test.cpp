#include "host/config/config.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

using namespace onex::host;

namespace {

constexpr const char* kHead = "[host]\nname = 'laptop'\ndata_dir = 'data'\n";

TEST(Config, ReadsEveryKey) {
    const auto config = parse_config(R"(
[host]
name = "laptop"
namespace = "lab"
environment = "production"
data_dir = "data/"
plugin_dirs = ["plugins", "/opt/plugins"]
workflow_dirs = ["../w"]
migrations_dir = "~/m"
sql_plugins = ["reports"]
io_threads = 4
workers_max = 64
stop_timeout_ms = 5000
breaker_failures = 3
breaker_open_ms = 2000
token = "env:ONEX_TOKEN"
[log]
level = "debug"
format = "json"
file = "log.txt"
[admin]
socket = "/tmp/a.sock"
listen = "127.0.0.1:9000"
[tls]
enabled = true
cert_file = "c.pem"
key_file = "k.pem"
[store]
file = "x.db"
keep = "30d"
[limits]
connections_max = 10
blob_bytes_max = "2GiB"
disk_reserve_bytes = 1048576
[process]
allow = ["/usr/bin/docker"]
[peers.mac-studio]
url = "https://192.168.86.200:8001"
addresses = ["studio.local", "10.0.0.9:8001", "fd00::9"]
host_id = "7f1d2c3b-0000-4000-8000-000000000001"
key_id = "k1"
key = "file:keys/studio"
key_id_next = "k2"
key_next = "env:NEXT"
fingerprint = "AA:aa:AA:aa:AA:aa:AA:aa:AA:aa:AA:aa:AA:aa:AA:aa:AA:aa:AA:aa:AA:aa:AA:aa:AA:aa:AA:aa:AA:aa:AA:aa"
[nodes.receiver]
plugin = "deployment_receiver"
listen = "0.0.0.0:8001"
tls = false
allow = ["10.0.0.0/8", "::1"]
enabled = true
[nodes.receiver.settings]
pool = 5
deep = {list = [1, 2.5, "x", true]}
)",
                                     "h.toml",
                                     "/etc/onex");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->host.ns, "lab");
    EXPECT_EQ(config->host.environment, "production");
    EXPECT_EQ(config->host.data_dir, "/etc/onex/data");
    EXPECT_EQ(config->host.plugin_dirs,
              (std::vector<std::string>{"/etc/onex/plugins", "/opt/plugins"}));
    EXPECT_EQ(config->host.workflow_dirs, std::vector<std::string>{"/etc/w"});
    EXPECT_EQ(config->host.migrations_dir, std::string(std::getenv("HOME")) + "/m");
    EXPECT_EQ(config->host.sql_plugins, std::vector<std::string>{"reports"});
    EXPECT_EQ(config->host.io_threads, 4U);
    EXPECT_EQ(config->host.workers_max, 64U);
    EXPECT_EQ(config->host.stop_timeout_ms, 5000);
    EXPECT_EQ(config->host.breaker_failures, 3U);
    EXPECT_EQ(config->host.breaker_open_ms, 2000);
    EXPECT_EQ(config->host.token.text, "env:ONEX_TOKEN");
    EXPECT_EQ(config->log.level + config->log.format + config->log.file,
              "debugjson/etc/onex/log.txt");
    EXPECT_EQ(config->admin.socket, "/tmp/a.sock");
    EXPECT_EQ(config->admin.listen, "127.0.0.1:9000");
    EXPECT_TRUE(config->tls.enabled);
    EXPECT_EQ(config->tls.cert_file + config->tls.key_file, "/etc/onex/c.pem/etc/onex/k.pem");
    EXPECT_EQ(config->store.file, "/etc/onex/x.db");
    EXPECT_EQ(config->store.keep_days, 30);
    EXPECT_EQ(config->limits.connections_max, 10U);
    EXPECT_EQ(config->limits.blob_bytes_max, 2ULL << 30);
    EXPECT_EQ(config->limits.disk_reserve_bytes, 1U << 20);
    EXPECT_EQ(config->process.allow, std::vector<std::string>{"/usr/bin/docker"});
    ASSERT_EQ(config->peers.size(), 1U);
    const auto& peer = config->peers[0];
    EXPECT_EQ(peer.name + ' ' + peer.url, "mac-studio https://192.168.86.200:8001");
    EXPECT_EQ(peer.addresses.size(), 3U);
    EXPECT_EQ(peer.host_id, "7f1d2c3b-0000-4000-8000-000000000001");
    EXPECT_EQ(peer.key_id + peer.key_id_next, "k1k2");
    EXPECT_EQ(peer.key.text, "file:/etc/onex/keys/studio");
    EXPECT_EQ(peer.key_next.text, "env:NEXT");
    EXPECT_EQ(peer.fingerprint, std::string(64, 'a'));
    ASSERT_EQ(config->nodes.size(), 1U);
    const auto& node = config->nodes[0];
    EXPECT_EQ(node.name + ' ' + node.plugin + ' ' + node.listen,
              "receiver deployment_receiver 0.0.0.0:8001");
    EXPECT_FALSE(node.tls);
    EXPECT_EQ(node.allow.size(), 2U);
    EXPECT_EQ(node.settings.at("pool"), 5);
    EXPECT_EQ(node.settings.at("deep").at("list").get_array().size(), 4U);
}

TEST(Config, FillsDefaults) {
    const auto config =
        parse_config(std::string(kHead) +
                         "[peers.alpha]\nurl='http://a:1'\nkey='env:K'\n[peers.zulu]\nurl='http://"
                         "z:1'\nkey='env:K'\n"
                         "[nodes.b]\nplugin='x'\n[nodes.a]\nplugin='y'\n",
                     "h.toml",
                     "/f");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->host.ns, "laptop");
    EXPECT_TRUE(config->host.plugin_dirs.empty() && config->host.token.empty());
    EXPECT_EQ(config->admin.socket, "/f/data/admin.sock");
    EXPECT_EQ(config->store.file, "/f/data/onex.db");
    EXPECT_EQ(config->tls.cert_file, "/f/data/tls/cert.pem");
    EXPECT_EQ(config->store.keep_days, 90);
    EXPECT_EQ(config->peers[0].key_id, "alpha:laptop");
    EXPECT_EQ(config->peers[1].key_id, "laptop:zulu");
    ASSERT_EQ(config->nodes.size(), 2U);
    EXPECT_EQ(config->nodes[0].name, "b");  // in the order of the file
    EXPECT_EQ(config->nodes[0].line, 10);
    const auto unnamed = parse_config("[host]\ndata_dir='d'\n", "h.toml", "/f");
    ASSERT_TRUE(unnamed);
    EXPECT_FALSE(unnamed->host.name.empty());
}

TEST(Config, SaysWhatWouldBeRight) {
    const std::string head = kHead;
    const struct {
        std::string toml;
        const char* message;
    } rows[] = {
        {"", "h.toml:1: the section [host] is missing"},
        {"[host]\n", "h.toml:1: [host] needs the key 'data_dir'"},
        {"[host\n", "h.toml:1: "},
        {"host = 5\n", "h.toml:1: host must be a section: write [host]"},
        {head + "io_thread = 3\n",
         "h.toml:4: unknown key 'io_thread' in [host]; did you mean 'io_threads'?"},
        {head + "[nodes.r]\nplugin = 'x'\nlisen = '127.0.0.1:1'\n",
         "h.toml:6: unknown key 'lisen' in [nodes.r]; did you mean 'listen'?"},
        {head + "[peer.x]\n", "h.toml:4: unknown section [peer]; did you mean 'peers'?"},
        {head + "io_threads = 'two'\n",
         "[host] io_threads: 'two' is no integer; expected an integer from 1 to 64"},
        {head + "io_threads = 0\n", "0 is out of range"},
        {head + "io_threads = 2.5\n", "is no integer"},
        {head + "environment = 'Prod uction'\n", "expected a name of a-z, 0-9 and -"},
        {head + "environment = 5\n", "5 is no text"},
        {head + "plugin_dirs = 'x'\n", "'x' is no list; expected a list of paths"},
        {head + "plugin_dirs = [5]\n", "no usable text"},
        {head + "token = 'hunter2hunter2hunter2'\n", "it must be env:NAME or file:PATH"},
        {head + "[log]\nlevel = 'loud'\n",
         "'loud' can't be used; expected one of trace|debug|info|warn|error"},
        {head + "[store]\nkeep = '90'\n", "'90' is no time; expected a time such as 90d"},
        {head + "[store]\nkeep = 2025-01-01\n",
         "h.toml:5: store.keep is a date or time; write it as a string"},
        {head + "[limits]\nblob_bytes_max = '8GB'\n",
         "'8GB' is no size; expected a size such as 256MiB"},
        {head + "[process]\nallow = ['docker']\n", "'docker' is no absolute path"},
        {head + "[admin]\nlisten = '127.0.0.1:1'\n", "needs [host] token"},
        {head + "[admin]\nsocket = '/" + std::string(120, 'x') + "'\n", "at most 103 fit"},
        {head + "[tls]\nenabled = 'yes'\n", "'yes' is no boolean; expected true or false"},
        {head + "[tls]\ncert_file = 'c'\n", "needs cert_file and key_file together"},
        {head + "[nodes.r]\nlisten = 'localhost'\nplugin = 'x'\n",
         "expected ADDRESS:PORT such as 127.0.0.1:8001"},
        {head + "[nodes.r]\n", "[nodes.r] needs the key 'plugin'"},
        {head + "[nodes.R]\nplugin = 'x'\n", "a name starts with a-z"},
        {head + "[nodes]\nr = 5\n", "write [nodes.r]"},
        {head + "[nodes.r]\nplugin = 'x'\nallow = ['10.0.0.1/8']\n", "bits behind its prefix"},
        {head + "[nodes.r]\nplugin = 'x'\nsettings = 5\n", "settings must be a section"},
        {head + "[nodes.r]\nplugin = 'x'\n[nodes.r.settings]\nwhen = 2025-01-01T00:00:00Z\n",
         "h.toml:7: nodes.r.settings.when is a date or time"},
        {head + "[nodes.r]\nplugin = 'x'\n[nodes.r.settings]\nmuch = inf\n", "is no finite number"},
        {head + "[nodes.a]\nplugin='x'\nlisten='127.0.0.1:1'\n[nodes.b]\nplugin='x'\nlisten='127.0."
                "0.1:1'\ntls=true\n",
         "differ in tls"},
        {head + "[peers.p]\nurl = 'http://p:1'\n",
         "[peers.p] needs the key 'key': env:NAME or file:PATH"},
        {head + "[peers.p]\nurl = 'p:1'\nkey = 'env:K'\n", "expected http://HOST:PORT"},
        {head + "[peers.laptop]\nurl = 'http://p:1'\nkey = 'env:K'\n", "this host's own name"},
        {head + "[peers.p]\nurl='http://p:1'\nkey='env:K'\nkey_next='env:N'\n",
         "key_next and key_id_next together"},
        {head + "[peers.p]\nurl='http://p:1'\nkey='env:K'\nfingerprint='" + std::string(64, 'a') +
             "'\n",
         "only an https:// url"},
        {head + "[peers.p]\nurl='http://p:1'\nkey='env:K'\nfingerprint='zz'\n", "64 hex digits"},
        {head +
             "[peers.p]\nurl='http://x:1'\nkey='env:K'\n[peers.q]\nurl='http://x:1'\nkey='env:K'\n",
         "both are http://x:1"},
        {head + "[peers.p]\nurl='http://p:1'\nkey='env:K'\nkey_id='k'\n"
                "[peers.q]\nurl='http://q:1'\nkey='env:L'\nkey_id='k'\n",
         "[peers.q] and [peers.p] both have the key id k; give each peer its own"},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.toml);
        const auto config = parse_config(row.toml, "h.toml", "/f");
        ASSERT_FALSE(config);
        EXPECT_EQ(config.error().code, "VALIDATION_ERROR");
        EXPECT_NE(config.error().message.find(row.message), std::string::npos)
            << config.error().message;
        EXPECT_EQ(config.error().message.find("hunter2"), std::string::npos);
    }
}

TEST(Config, FindsEveryProblem) {
    const auto config =
        parse_config("[host]\nnam = 'x'\nio_threads = 'a'\n[log]\nlevel = 'b'\n", "h.toml", "/f");
    ASSERT_FALSE(config);
    EXPECT_EQ(std::ranges::count(config.error().message, '\n'), 3) << config.error().message;
}

TEST(Config, SurvivesHugeValues) {
    const std::string big(1 << 20, 'a');
    for (const auto& toml :
         {std::string(kHead) + "token = '" + big + "'\n",
          std::string(kHead) + "environment = '" + big + "'\n",
          std::string(kHead) + big + " = 1\n",
          std::string(kHead) + "plugin_dirs = ['" + big + "']\n",
          std::string(kHead) + "[nodes." + big + "]\n",
          "[host]\ndata_dir = '" + big + "'\n",
          std::string(kHead) + "x = " + std::string(5000, '[') + "\n",
          std::string(kHead) + "[nodes.n]\nplugin = '" + big + "'\n",
          std::string(kHead) + "[nodes.n]\nplugin='x'\nallow = ['" + big + "']\n"}) {
        const auto config = parse_config(toml, "h.toml", "/f");
        ASSERT_FALSE(config);
        EXPECT_LT(config.error().message.size(), 4096U);
    }
    EXPECT_TRUE(parse_config(
        std::string(kHead) + "[nodes.n]\nplugin='x'\n[nodes.n.settings]\nv='" + big + "'\n",
        "h.toml",
        "/f"));
}

TEST(Config, NamesAMissingFile) {
    const auto config = read_config("/nowhere/at/all.toml");
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().code, "NOT_FOUND");
    EXPECT_EQ(read_config("/").error().code, "NOT_FOUND");
}

TEST(Config, ReferenceNamesEverySection) {
    const auto text = config_reference_markdown();
    for (const char* part : {"## `[host]`",
                             "| `data_dir` | a path | **required** |",
                             "## `[peers.NAME]`",
                             "trace\\|debug",
                             "## `[nodes.NAME.settings]`",
                             "an integer from 1 to 64"}) {
        EXPECT_NE(text.find(part), std::string::npos) << part;
    }
}

}  // namespace
