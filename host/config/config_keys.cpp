#include "host/config/config_keys.hpp"

#include <array>
#include <cstddef>

namespace onex::host {
namespace {

using enum KeyKind;
constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kTiB = kKiB * kKiB * kKiB * kKiB;

constexpr std::array kHost{
    Key<HostSection>{"name",
                     plain_name,
                     "the machine's name",
                     "This host's name; peers know it by it.",
                     store_in<&HostSection::name>},
    Key<HostSection>{"namespace",
                     plain_name,
                     "name",
                     "Prefix of image tags, volumes and kept containers.",
                     store_in<&HostSection::ns>},
    Key<HostSection>{"environment",
                     plain_name,
                     "development",
                     "How the topics of events begin (development: dev); also in their envelopes.",
                     store_in<&HostSection::environment>},
    Key<HostSection>{"data_dir",
                     path,
                     "",
                     "Database, blobs, keys, admin socket; one host only.",
                     store_in<&HostSection::data_dir>,
                     true},
    Key<HostSection>{"plugin_dirs",
                     path_list,
                     "lib/onex/plugins beside the program",
                     "Folders with plugins.",
                     store_in<&HostSection::plugin_dirs>},
    Key<HostSection>{"workflow_dirs",
                     path_list,
                     "the installed contracts/workflows",
                     "Folders with workflow contracts.",
                     store_in<&HostSection::workflow_dirs>},
    Key<HostSection>{"migrations_dir",
                     path,
                     "the installed migrations",
                     "Folder with the database's migrations.",
                     store_in<&HostSection::migrations_dir>},
    Key<HostSection>{"sql_plugins",
                     text_list,
                     "[]",
                     "Ids of foreign plugins that may use SQL.",
                     store_in<&HostSection::sql_plugins>},
    Key<HostSection>{"io_threads",
                     integer,
                     "2",
                     "Threads that read and write sockets.",
                     store_in<&HostSection::io_threads>,
                     false,
                     "",
                     1,
                     64},
    Key<HostSection>{"workers_max",
                     integer,
                     "128",
                     "Threads that run operations, per pool.",
                     store_in<&HostSection::workers_max>,
                     false,
                     "",
                     2,
                     4096},
    Key<HostSection>{"stop_timeout_ms",
                     integer,
                     "20000",
                     "How long a stop waits for work in hand.",
                     store_in<&HostSection::stop_timeout_ms>,
                     false,
                     "",
                     0,
                     600'000},
    Key<HostSection>{"breaker_failures",
                     integer,
                     "5",
                     "Lost calls in a row that open the circuit breaker of a peer or a Docker "
                     "engine; 0: none does.",
                     store_in<&HostSection::breaker_failures>,
                     false,
                     "",
                     0,
                     1000},
    Key<HostSection>{
        "breaker_open_ms",
        integer,
        "60000",
        "While a circuit breaker is open and nobody calls: how often the host looks by itself.",
        store_in<&HostSection::breaker_open_ms>,
        false,
        "",
        1000,
        3'600'000},
    Key<HostSection>{"watch",
                     flag,
                     "false",
                     "For development: look at plugin_dirs, and reload the nodes whose library "
                     "changes.",
                     store_in<&HostSection::watch>},
    Key<HostSection>{"token",
                     secret,
                     "none: such routes answer this machine only",
                     "For routes with `auth: token`. Without it a listener that has such routes is "
                     "opened on loopback only, and they answer whoever asks there.",
                     store_in<&HostSection::token>},
};

constexpr std::array kLog{
    Key<LogSection>{"level",
                    word,
                    "info",
                    "What is logged.",
                    store_in<&LogSection::level>,
                    false,
                    "trace|debug|info|warn|error"},
    Key<LogSection>{"format",
                    word,
                    "text",
                    "For people or for machines.",
                    store_in<&LogSection::format>,
                    false,
                    "text|json"},
    Key<LogSection>{"file", path, "stderr", "Where the log goes.", store_in<&LogSection::file>},
};

constexpr std::array kAdmin{
    Key<AdminSection>{"socket",
                      path,
                      "<data_dir>/admin.sock",
                      "Unix socket of the CLI, mode 0600.",
                      store_in<&AdminSection::socket>},
    Key<AdminSection>{"listen",
                      listen,
                      "none",
                      "The admin API over TCP; needs [host] token.",
                      store_in<&AdminSection::listen>},
};

constexpr std::array kTls{
    Key<TlsSection>{
        "enabled", flag, "false", "TLS on every listener.", store_in<&TlsSection::enabled>},
    Key<TlsSection>{"cert_file",
                    path,
                    "<data_dir>/tls/cert.pem, made at first start",
                    "Certificate chain, PEM.",
                    store_in<&TlsSection::cert_file>},
    Key<TlsSection>{"key_file",
                    path,
                    "<data_dir>/tls/key.pem, made at first start",
                    "Private key, PEM.",
                    store_in<&TlsSection::key_file>},
};

constexpr std::array kStore{
    Key<StoreSection>{
        "file", path, "<data_dir>/onex.db", "The SQLite database.", store_in<&StoreSection::file>},
    Key<StoreSection>{"keep",
                      days,
                      "90d",
                      "How long ended runs, events and logs stay.",
                      store_in<&StoreSection::keep_days>,
                      false,
                      "",
                      1,
                      36'500},
    Key<StoreSection>{"size_budget",
                      bytes,
                      "2GiB",
                      "How large ended runs with their logs may grow, and events as much again; "
                      "the oldest go first.",
                      store_in<&StoreSection::size_budget_bytes>,
                      false,
                      "",
                      1 << 20,
                      1LL << 50},
};

constexpr std::array kLimits{
    Key<LimitsSection>{"connections_max",
                       integer,
                       "1024",
                       "Open connections per listener.",
                       store_in<&LimitsSection::connections_max>,
                       false,
                       "",
                       1,
                       100'000},
    Key<LimitsSection>{"blob_bytes_max",
                       bytes,
                       "8GiB",
                       "Largest spooled body.",
                       store_in<&LimitsSection::blob_bytes_max>,
                       false,
                       "",
                       kKiB* kKiB,
                       16 * kTiB},
    Key<LimitsSection>{"disk_reserve_bytes",
                       bytes,
                       "256MiB",
                       "Free disk that spooling leaves alone.",
                       store_in<&LimitsSection::disk_reserve_bytes>,
                       false,
                       "",
                       0,
                       16 * kTiB},
};

constexpr std::array kProcess{
    Key<ProcessSection>{"allow",
                        program_list,
                        "[]",
                        "Programs that plugins may start.",
                        store_in<&ProcessSection::allow>},
};

constexpr std::array kPeer{
    Key<PeerSection>{"url",
                     peer_url,
                     "none: it calls this host, which never calls it",
                     "Where the peer listens.",
                     store_in<&PeerSection::url>},
    Key<PeerSection>{"addresses",
                     address_list,
                     "[]",
                     "Further names that mean this peer.",
                     store_in<&PeerSection::addresses>},
    Key<PeerSection>{"host_id",
                     uuid,
                     "whoever has the key",
                     "The peer's expected id.",
                     store_in<&PeerSection::host_id>},
    Key<PeerSection>{"key_id",
                     text,
                     "<a>:<b>, both host names in alphabetical order",
                     "Names the shared key; the same on both hosts.",
                     store_in<&PeerSection::key_id>},
    Key<PeerSection>{
        "key", secret, "", "The key shared with this peer.", store_in<&PeerSection::key>, true},
    Key<PeerSection>{"key_id_next",
                     text,
                     "none",
                     "Names the second key during a rotation.",
                     store_in<&PeerSection::key_id_next>},
    Key<PeerSection>{"key_next",
                     secret,
                     "none",
                     "The second key during a rotation.",
                     store_in<&PeerSection::key_next>},
    Key<PeerSection>{"fingerprint",
                     fingerprint,
                     "none",
                     "Pins the peer's certificate (https): its SHA-256.",
                     store_in<&PeerSection::fingerprint>},
};

constexpr std::array kNode{
    Key<NodeSection>{"plugin", text, "", "The plugin's id.", store_in<&NodeSection::plugin>, true},
    Key<NodeSection>{"listen",
                     listen,
                     "none: reachable by name only",
                     "Where its routes are served; nodes may share one.",
                     store_in<&NodeSection::listen>},
    Key<NodeSection>{
        "tls", flag, "[tls] enabled", "TLS on that listener.", store_in<&NodeSection::tls>},
    Key<NodeSection>{"allow",
                     cidr_list,
                     "everybody who can reach it",
                     "Who may call its routes and operations.",
                     store_in<&NodeSection::allow>},
    Key<NodeSection>{"enabled",
                     flag,
                     "true",
                     "false: the node is not started.",
                     store_in<&NodeSection::enabled>},
    Key<NodeSection>{"isolation",
                     word,
                     "inproc for plugins of the installation and [host] sql_plugins, else process",
                     "Where its code runs: in this process, or in a worker process of its own.",
                     store_in<&NodeSection::isolation>,
                     false,
                     "inproc|process"},
    Key<NodeSection>{"memory_mb",
                     integer,
                     "1024",
                     "With isolation = \"process\": how much address space the worker gets; 0: no "
                     "limit.",
                     store_in<&NodeSection::memory_mb>,
                     false,
                     {},
                     0,
                     1048576},
    Key<NodeSection>{"open_files",
                     integer,
                     "256",
                     "With isolation = \"process\": how many files the worker may have open.",
                     store_in<&NodeSection::open_files>,
                     false,
                     {},
                     16,
                     1048576},
    Key<NodeSection>{"reload",
                     word,
                     "auto",
                     "auto: with [host] watch a changed library replaces the running one; manual: "
                     "only `onex-host plugin reload` does.",
                     store_in<&NodeSection::reload>,
                     false,
                     "auto|manual"},
    Key<NodeSection>{"blake3",
                     fingerprint,
                     "none",
                     "Pins the library: its BLAKE3, 64 hexadecimal digits. Another one is not "
                     "loaded.",
                     store_in<&NodeSection::blake3>},
};

}  // namespace

template <>
std::span<const Key<HostSection>> keys_of<HostSection>() {
    return kHost;
}
template <>
std::span<const Key<LogSection>> keys_of<LogSection>() {
    return kLog;
}
template <>
std::span<const Key<AdminSection>> keys_of<AdminSection>() {
    return kAdmin;
}
template <>
std::span<const Key<TlsSection>> keys_of<TlsSection>() {
    return kTls;
}
template <>
std::span<const Key<StoreSection>> keys_of<StoreSection>() {
    return kStore;
}
template <>
std::span<const Key<LimitsSection>> keys_of<LimitsSection>() {
    return kLimits;
}
template <>
std::span<const Key<ProcessSection>> keys_of<ProcessSection>() {
    return kProcess;
}
template <>
std::span<const Key<PeerSection>> keys_of<PeerSection>() {
    return kPeer;
}
template <>
std::span<const Key<NodeSection>> keys_of<NodeSection>() {
    return kNode;
}

std::string describe(KeyKind kind,
                     std::string_view choices,
                     std::int64_t least,
                     std::int64_t most) {
    const auto range = " from " + std::to_string(least) + " to " + std::to_string(most);
    switch (kind) {
        case text:
            return "text of 1 to 256 characters";
        case plain_name:
            return "a name of a-z, 0-9 and -, at most 64 characters";
        case word:
            return "one of " + std::string(choices);
        case path:
            return "a path";
        case path_list:
            return "a list of paths";
        case program_list:
            return "a list of absolute program paths";
        case text_list:
            return "a list of texts";
        case cidr_list:
            return "a list of address ranges such as 192.168.1.0/24";
        case address_list:
            return "a list of HOST or HOST:PORT";
        case listen:
            return "ADDRESS:PORT such as 127.0.0.1:8001 or [::1]:8001";
        case peer_url:
            return "http://HOST:PORT or https://HOST:PORT";
        case uuid:
            return "a UUID";
        case fingerprint:
            return "64 hex digits";
        case secret:
            return "env:NAME or file:PATH";
        case flag:
            return "true or false";
        case integer:
            return "an integer" + range;
        case days:
            return "a time such as 90d or 12h," + range + " days";
        case bytes:
            return "a size such as 256MiB or 8GiB," + range + " bytes";
    }
    return {};
}

}  // namespace onex::host
