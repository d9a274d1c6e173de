// HTTP as plain values. No Beast type leaves server.cpp, client.cpp and wire.cpp.
#pragma once

#include "host/async/cancel.hpp"
#include "host/async/pipe.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onex::host {

struct Header {
    std::string name;
    std::string value;
};

/// Header fields in the order they came; names compare without case.
class Headers {
  public:
    Headers() = default;
    Headers(std::initializer_list<Header> fields) : fields_(fields) {}

    void add(std::string name, std::string value);
    void set(std::string_view name, std::string value);  ///< replaces every field of that name
    void remove(std::string_view name);
    /// The first field of that name, or empty.
    [[nodiscard]] std::string_view get(std::string_view name) const;
    [[nodiscard]] std::size_t count(std::string_view name) const;
    [[nodiscard]] const std::vector<Header>& all() const { return fields_; }

  private:
    std::vector<Header> fields_;
};

/// A request as the server hands it to its handler, once its head is complete.
class ServerRequest {
  public:
    virtual ~ServerRequest() = default;

    std::string method;          ///< upper case
    std::string target;          ///< as received: path and query
    std::string path;            ///< percent-decoded, no query
    std::string query;           ///< as received, without '?'
    Headers headers;             ///< the head's fields only, never trailers
    std::string remote_address;  ///< numeric; empty on a unix socket
    bool unix_socket = false;
    bool tls = false;
    std::optional<std::uint64_t> content_length;
    bool has_body = false;

    /// Cancelled when the client goes away while the handler runs.
    CancelPtr gone;

    /// Reads the whole body. Errors: PACKAGE_TOO_LARGE (over `bytes_max`, answered 413),
    /// VALIDATION_ERROR (broken framing, shorter than announced), TIMEOUT (no byte for the server's
    /// read timeout).
    virtual boost::asio::awaitable<Result<std::string>> read_body(std::uint64_t bytes_max) = 0;

    /// Starts to read the body into a pipe, which ends when the body does, or fails with the errors
    /// of read_body. "100 Continue" is sent now if the client waits for it. At most once.
    virtual PipePtr stream_body(std::uint64_t bytes_max) = 0;

    /// The trailer fields, complete once the body has ended.
    [[nodiscard]] virtual const Headers& trailers() const = 0;
};

struct ServerResponse {
    unsigned status = 200;
    Headers
        headers;  ///< Content-Type is the handler's; Content-Length, Date, Connection the server's
    std::string body;
    PipePtr stream;  ///< instead of `body`: sent with chunked encoding until the pipe ends
    /// Called once the stream has ended well, for trailer fields. May be empty.
    std::function<Headers()> trailers;
};

/// Runs on the I/O threads; must not block.
using HttpHandler =
    std::function<boost::asio::awaitable<ServerResponse>(std::shared_ptr<ServerRequest>)>;

/// Where a client connects to.
struct Endpoint {
    std::string host;  ///< name or address; empty when `unix_path` is set
    std::uint16_t port = 0;
    bool tls = false;
    std::string unix_path;
    /// SHA-256 of the peer's certificate (DER), 64 hex digits. With it the certificate must match
    /// and nothing else counts; without it the system's trust store and the host name decide.
    std::string fingerprint;
};

/// Parses "http://host:port", "https://host[:port]", "unix:///path". The rest of the URL goes to
/// `target`
/// ("/" if none). Error: VALIDATION_ERROR.
Result<Endpoint> parse_url(std::string_view url, std::string* target = nullptr);

struct ClientRequest {
    Endpoint endpoint;
    std::string method = "GET";
    std::string target = "/";
    Headers headers;
    std::string body;
    PipePtr stream;  ///< instead of `body`; chunked unless `content_length` is set
    std::optional<std::uint64_t> content_length;
    bool expect_continue = false;  ///< wait up to 1 s for "100 Continue" before the body
    /// Called when the stream has ended well: trailer fields (chunked bodies only). May be empty.
    std::function<Headers()> trailers;
};

struct ClientResponse {
    unsigned status = 0;
    Headers headers;
    std::string body;  ///< send() only
    PipePtr stream;    ///< open() only: the body; close_reader() drops the connection
    std::function<Headers()> trailers;  ///< open() only: complete once `stream` has ended
    std::string peer_fingerprint;       ///< of the certificate that was seen; empty without TLS
};

/// HTTP/1.1 requests to peers (TCP, TLS) and to unix sockets. Keeps idle connections open, a
/// bounded number for a bounded time. One object serves the whole host. [any thread]
class HttpClient {
  public:
    virtual ~HttpClient() = default;

    /// Sends `request` and reads the whole answer, at most `body_bytes_max` bytes. Any HTTP status
    /// is a success here. A server that answers early (401 before it read the body) is heard, even
    /// when writing the body failed. A request that an idle connection of before loses is sent
    /// anew, unless that could do it twice. Errors: REMOTE_ENDPOINT_UNREACHABLE (refused, no such
    /// host or socket, TLS pin does not match), TRANSFER_FAILED (connection broke in between),
    /// TIMEOUT, CANCELLED, PACKAGE_TOO_LARGE (answer over the limit), or what `stream` failed with.
    virtual boost::asio::awaitable<Result<ClientResponse>> send(ClientRequest request,
                                                                std::uint64_t body_bytes_max,
                                                                Wait wait) = 0;

    /// Connects (and does TLS, if the endpoint says so) and closes again: is anybody there? Errors:
    /// REMOTE_ENDPOINT_UNREACHABLE, TIMEOUT, CANCELLED.
    virtual boost::asio::awaitable<Result<void>> reach(Endpoint endpoint, Wait wait) = 0;

    /// As send(), but returns when the head has come; the body follows in `stream`. `wait` holds
    /// for the head; the body is bound by `idle_ms` between two reads.
    virtual boost::asio::awaitable<Result<ClientResponse>> open(ClientRequest request,
                                                                Wait wait,
                                                                std::int64_t idle_ms) = 0;

    /// Ends every connection: requests under way and those to come answer CANCELLED. Returns at
    /// once; the object goes when nobody uses it any more.
    virtual void close() = 0;
};

struct HttpClientConfig {
    std::size_t idle_connections_max = 64;
    std::int64_t idle_ms_max = 30'000;
    std::int64_t connect_timeout_ms = 5'000;
};
std::unique_ptr<HttpClient> make_http_client(boost::asio::any_io_executor executor,
                                             HttpClientConfig config);

/// Percent-decoding of one query or path component; '+' is a space only in queries.
std::string url_decode(std::string_view text, bool plus_is_space);
std::string url_encode(std::string_view text);
/// "a=1&b=2" → pairs, decoded.
std::vector<Header> parse_query(std::string_view query);

}  // namespace onex::host
