// The host's TOML, as plain values.
#pragma once

#include "host/config/key_lines.hpp"

#include <onex/error.hpp>

#include <boost/json/object.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace onex::host {

/// A secret as it stands in TOML: `env:NAME` or `file:PATH`, never the value (semantics, rule 4).
struct SecretRef {
    std::string text;  ///< "env:ONEX_TOKEN"; empty: not configured
    [[nodiscard]] bool empty() const { return text.empty(); }
    bool operator==(const SecretRef&) const = default;
};
/// The value behind a reference, one trailing newline removed; it may be empty. Errors:
/// VALIDATION_ERROR (literal, over 4096 bytes), NOT_FOUND (variable or file missing), POLICY_DENIED
/// (file readable by others).
Result<std::string> resolve_secret(const SecretRef& ref);
/// The same for what proves an identity: a token, a peer's key. Also VALIDATION_ERROR (shorter than
/// 16 characters) and NOT_FOUND (empty).
Result<std::string> resolve_key(const SecretRef& ref);

struct HostSection {
    std::string name;  ///< default: the machine's host name, made to fit ^[a-z0-9-]+$
    std::string ns;    ///< `namespace`; default: name
    std::string environment = "development";
    std::string data_dir;  ///< required, absolute after reading (relative to the TOML's folder)
    std::vector<std::string> plugin_dirs;  ///< default: <executable>/../lib/onex/plugins
    std::vector<std::string>
        workflow_dirs;  ///< default: <executable>/../share/onex/contracts/workflows, or the source
                        ///< tree's
    std::string migrations_dir;
    std::vector<std::string> sql_plugins;
    std::size_t io_threads = 2;
    std::size_t workers_max = 128;
    std::int64_t stop_timeout_ms = 20'000;
    std::size_t breaker_failures = 5;  ///< 0: no circuit breakers
    std::int64_t breaker_open_ms = 60'000;
    bool watch = false;  ///< reload nodes whose library changes
    SecretRef token;     ///< for `auth: token` routes
    bool operator==(const HostSection&) const = default;
};
struct LogSection {
    std::string level = "info";
    std::string format = "text";  ///< text | json
    std::string file;             ///< empty: stderr
    bool operator==(const LogSection&) const = default;
};
struct AdminSection {
    std::string socket;  ///< default <data_dir>/admin.sock
    std::string listen;  ///< "address:port" or empty; needs [host] token
    bool operator==(const AdminSection&) const = default;
};
struct TlsSection {
    bool enabled = false;
    std::string cert_file, key_file;  ///< default <data_dir>/tls/…, made at first start
    bool operator==(const TlsSection&) const = default;
};
struct ListenSection {    ///< [listeners.X] is not needed; a node's `listen` makes one
    std::string address;  ///< "127.0.0.1:8001"
    bool tls = false;
    std::vector<std::string> allow;  ///< CIDRs; empty: everybody who can reach it
};
struct PeerSection {
    std::string name;
    std::string url;                     ///< http(s)://host:port
    std::vector<std::string> addresses;  ///< further host[:port] names that mean this peer
    std::string host_id;                 ///< expected; empty: whoever has the key
    /// Names the shared key to the other side; both hosts must use the same. Default "<a>:<b>": the
    /// two host names in alphabetical order, so that it is the same on both without being written.
    std::string key_id;
    SecretRef key;
    std::string key_id_next;  ///< second key during rotation
    SecretRef key_next;
    std::string fingerprint;  ///< pins the peer's certificate
    bool operator==(const PeerSection&) const = default;
};
struct NodeSection {
    std::string name;
    std::string plugin;
    std::string listen;  ///< "address:port" or empty: no contract routes
    bool tls = false;
    std::vector<std::string> allow;  ///< CIDR whitelist of this node's routes and peer calls
    bool enabled = true;
    std::string isolation;          ///< "inproc" | "process"; empty: by where the plugin comes from
    std::int64_t memory_mb = 1024;  ///< of a worker process; 0: no limit
    std::int64_t open_files = 256;
    std::string reload = "auto";   ///< "auto": the watch may reload it | "manual"
    std::string blake3;            ///< pins the library's content; empty: any
    boost::json::object settings;  ///< checked against the contract's `settings` schema later
    int line = 0;
    bool operator==(const NodeSection&) const = default;
};
struct StoreSection {
    std::string file;  ///< default <data_dir>/onex.db
    std::int64_t keep_days = 90;
    std::int64_t size_budget_bytes = 2LL << 30;  ///< of runs, and again of events
    bool operator==(const StoreSection&) const = default;
};
struct LimitsSection {
    std::size_t connections_max = 1024;
    std::uint64_t blob_bytes_max = 8ULL << 30;
    std::uint64_t disk_reserve_bytes = 256ULL << 20;
    bool operator==(const LimitsSection&) const = default;
};
struct ProcessSection {
    std::vector<std::string> allow;  ///< absolute program paths that onex.process/1 may start
    bool operator==(const ProcessSection&) const = default;
};

struct Config {
    std::string file;
    KeyLines lines;  ///< of every key; empty when it was not read from text
    HostSection host;
    LogSection log;
    AdminSection admin;
    TlsSection tls;
    StoreSection store;
    LimitsSection limits;
    ProcessSection process;
    std::vector<PeerSection> peers;
    std::vector<NodeSection> nodes;

    /// "file:line" of a key such as "peers.studio.key", for messages.
    [[nodiscard]] std::string where(std::string_view key) const;
};

/// Reads and checks one file; every problem is found, not only the first: `message` has a line per
/// problem, each "file:line: what is wrong; what would be right" (unknown key: the nearest known
/// one).
Result<Config> read_config(const std::string& file);
/// The same from text, for tests. Paths are relative to `folder`.
Result<Config> parse_config(std::string_view text,
                            const std::string& file,
                            const std::string& folder);

/// Every secret that is configured but can't be used (variable unset, file missing, too short …):
/// one line each. For `config check` and the start; parse_config does not touch secrets.
std::vector<std::string> check_secrets(const Config& config);

/// One row per key of the TOML for the generated reference: table, key, type, default, bounds,
/// sentence.
std::string config_reference_markdown();
/// The same for programs: {"keys":[{table, key, value, default, required, meaning}…]}.
boost::json::object config_reference_json();

}  // namespace onex::host
