// The host's listeners: which addresses are open, and which nodes each one serves.
#pragma once

#include "host/http/server.hpp"
#include "host/router/router.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace onex::host {

/// Follows the nodes: an address is open as long as a node has it as `listen`. [control] but where
/// it says otherwise.
class Listeners {
  public:
    /// `open_to_all`: a token is configured, so that routes which need one may leave this machine.
    Listeners(Runtime& runtime, Router& router, bool open_to_all);
    ~Listeners();
    Listeners(const Listeners&) = delete;
    Listeners& operator=(const Listeners&) = delete;

    /// Could these nodes serve together? Errors: CONFLICT (two claim a route, or one of the host's
    /// own), FAILED_PRECONDITION (an open address would change between plain and TLS).
    [[nodiscard]] Result<void> check(const NodeList& nodes) const;
    /// Opens the addresses that are missing; nothing is served there yet. Errors: those of
    /// listen().
    Result<void> open(const NodeList& nodes);
    /// Serves these nodes from now on, and closes what none of them listens on.
    void publish(const NodeList& nodes);
    /// Opens the admin socket, and `[admin] listen`.
    Result<void> open_admin(const NodeList& nodes);
    /// Closes all: nothing new is taken, what runs may end until `wait` is over.
    void stop(Wait wait);

    /// "http://127.0.0.1:8060", for people. [any thread]
    [[nodiscard]] std::vector<std::string> addresses() const;
    [[nodiscard]] std::string tls_fingerprint() const;  ///< [any thread]

  private:
    struct Open {
        std::shared_ptr<Listening> listening;
        std::unique_ptr<Listener> listener;
        std::string shown;
        bool tls = false;
    };
    struct Wanted {
        NodeList nodes;
        bool tls = false;
        bool token_routes = false;  ///< some route needs the token
    };
    [[nodiscard]] std::map<std::string, Wanted> wanted(const NodeList& nodes) const;
    static Result<Listening::Serving> serving(const NodeList& nodes);
    static Listening::Serving admin_serving(const NodeList& nodes);
    Result<Open> open_address(const std::string& address, const Wanted& wanted);
    void close(Listener& listener, Wait wait);

    Runtime& runtime_;
    Router& router_;
    bool open_to_all_;
    mutable std::mutex mutex_;  ///< of what others may read meanwhile
    std::map<std::string, Open> open_;
    std::vector<Open> admin_;
    std::string fingerprint_;
};

}  // namespace onex::host
