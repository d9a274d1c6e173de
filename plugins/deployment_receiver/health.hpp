// Watching a container until it is known to be well or not. No thread is held between two looks.
#pragma once

#include "plugins/deployment_receiver/receiver.hpp"

#include <memory>
#include <string>
#include <vector>

namespace onex::receiver {

/// What to watch for.
struct HealthPlan {
    Target target;
    ContainerSpec spec;
    std::string
        endpoint;  ///< "/health"; empty: the container must run, or be healthy in Docker's own eyes
    int expected_status = 200;
    std::string kind;                  ///< http, tcp, exec or docker; empty: http with an endpoint
    std::int64_t port = 0;             ///< tcp: the container's; 0: the first published one
    std::vector<std::string> command;  ///< exec
    std::string json_field;            ///< http: "data.status", which must be `json_value`
    std::string json_value;
    std::int64_t watch_ms = 0;  ///< after the first good probe: it must stay well so long
    int retries_max = 5;
    std::int64_t interval_ms = 2'000;
    std::int64_t healthy_ms = 2'000;  ///< how long it must have run at least
    Receiver::Hold held;              ///< the name's lock, while the watch lasts
    bool is_validation = true;        ///< validate_health_endpoint; else check_container_status
};

/// One watch. It holds itself alive through the task that it waits for.
class HealthWatch : public std::enable_shared_from_this<HealthWatch> {
  public:
    HealthWatch(Receiver& receiver, HealthPlan plan, Responder responder);
    /// Looks once, and answers or comes back later. [worker]
    void look();

  private:
    void later(std::int64_t delay_ms);
    void probe(const json::object& inspected);
    void probe_http(const json::object& inspected);
    void probe_tcp(const json::object& inspected);
    void probe_exec(const json::object& inspected);
    /// What one probe found: `said` is what the service did, `response` what well() tells of it.
    struct Found {
        bool is_good = false;
        std::string what;      ///< that was asked: a URL, an address, a command
        std::string said;      ///< "answered 503"
        std::string expected;  ///< "200"
        json::object probe;    ///< for the record
        json::value response;
    };
    void judge(Found found, const json::object& inspected);
    void without_endpoint(const json::object& inspected);
    void ended(const json::object& inspected);
    void unhealthy(const std::string& message, const std::string& container);
    void well(json::value response);
    [[nodiscard]] Wait wait(std::int64_t timeout_ms) const {
        return {timeout_ms, responder_.token()};
    }
    [[nodiscard]] std::int64_t elapsed_ms() const;
    std::string log_of(const std::string& container);

    Receiver& receiver_;
    HealthPlan plan_;
    Responder responder_;
    Tell tell_;
    std::int64_t started_us_;
    std::int64_t pause_left_ms_ = 0;
    int attempts_ = 0;
    std::int64_t good_since_us_ = 0;  ///< of the first good probe; 0: none yet
    json::array probes_;
};

/// What State of an inspected container says of a container that doesn't run as it should: "exited
/// with code 1", "was killed for want of memory", "restarts again and again". Empty when it runs.
std::string trouble(const json::object& inspected);

}  // namespace onex::receiver
