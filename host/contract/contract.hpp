// The node contract: what a node offers, as the host enforces it.
#pragma once

#include "host/contract/schema.hpp"

#include <onex/error.hpp>

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onex::host {

enum class Auth { none, token, hmac };
enum class Placement { source, target };
enum class OnDisconnect { cancel, proceed };

/// `http:` of an operation. `path` may hold `{name}` segments, which become input properties.
struct HttpRoute {
    std::string method;
    std::string path;
    unsigned status = 200;  ///< of a success, unless the operation's answer names another
};

/// One entry of `errors:`: how a code of this operation is named in a workflow contract.
struct ErrorMapping {
    std::string code;
    std::string as;          ///< the workflow's code, or empty
    bool permanent = false;  ///< never retried
    bool wait = false;       ///< called again until the run's end
};

struct OperationContract {
    std::string name;
    std::string description;
    std::vector<HttpRoute> http;  ///< `http:` is one route or a list of them
    Auth auth = Auth::token;      ///< `auth: none|token|hmac`, omitted means token
    bool original_signature =
        false;  ///< `original_signature: true`: the two-header form is accepted too
    bool unsigned_upload = false;  ///< `unsigned_upload: true`: multipart without signature, if the
                                   ///< node's settings allow
    bool remote = false;           ///< may a peer call it; default placement == target
    bool nonblocking = false;
    OnDisconnect on_disconnect = OnDisconnect::cancel;
    std::int64_t timeout_ms = 30'000;  ///< without progress when `progress: true`, else in total
    bool progress = false;             ///< reports progress; its timeout counts time without any
    double target_ms = 0;              ///< 0: none
    std::uint64_t body_bytes_max = 1 << 20;  ///< JSON or stream
    bool stream_in = false;
    bool stream_out = false;
    std::string stream_content_type = "application/octet-stream";  ///< of stream_out
    Placement placement = Placement::source;
    std::vector<ErrorMapping> errors;
    std::vector<std::string> gates;  ///< names that this operation reports in `checks`
    bool run_renew = false;          ///< called every 5 s while a run that uses this node goes on
    bool run_end = false;            ///< called once for each run that used this node, when it ends
    std::vector<std::string> redact;  ///< input paths whose values are never logged or stored
    Schema input;
    Schema output;
    std::string input_digest;  ///< SHA-256 hex of the canonical schema text
    std::string output_digest;
};

struct NodeContract {
    std::string name;
    std::string node_type;
    std::string version;
    std::string description;
    bool unified_errors = false;  ///< `error_shape: unified`
    bool autostart = false;       ///< a watched folder may start it with its defaults
    std::vector<OperationContract> operations;
    Schema settings;
    boost::json::object source;  ///< the whole document

    [[nodiscard]] const OperationContract* find(std::string_view operation) const;
};

/// Reads a node contract from YAML text. `file` only names it in messages ("file:line:column: …").
/// Unknown keys, wrong types and patterns RE2 refuses are errors that name the nearest valid key.
Result<NodeContract> read_node_contract(std::string_view text, std::string_view file);

/// One finding of `contract check`.
struct Finding {
    enum class Level { error, warning, note } level = Level::error;
    std::string where;  ///< file:line:column
    std::string message;
};
/// Checks a node or workflow contract file, whichever it is. Errors are things that would not load;
/// warnings are things that have no effect here (a subcontract that does not exist …).
std::vector<Finding> check_contract_file(const std::string& path);

/// The OpenAPI 3.1 document of the operations that have routes; `title` and `version` are the
/// host's.
boost::json::object openapi(const std::vector<const NodeContract*>& nodes,
                            std::string_view title,
                            std::string_view version);
/// A self-contained HTML page (no external script, font or style) that shows that document.
std::string docs_page(const boost::json::object& openapi);

}  // namespace onex::host
