// The node: operations around the engine.
#pragma once

#include "plugins/orchestrator/engine.hpp"
#include "plugins/orchestrator/health_checks.hpp"
#include "plugins/orchestrator/pruning.hpp"

#include <onex/json.hpp>

#include <memory>
#include <string>

namespace onex::orchestrator {

class Orchestrator : public JsonNode {
  public:
    Orchestrator(const onex_host* host, const onex_create_args* args);

    Result<void> start() override;
    Result<void> quiesce() override;
    Result<void> resume() override;
    void stop() override;

  private:
    // routes.cpp
    void add_operations();
    void add_peer_operations();  // routes_peer.cpp
    Result<Answer> start_run(Request& request,
                             Result<Contract> contract,
                             json::object input,
                             bool is_wrapped);
    Result<Answer> wait_for_end(Request& request, const std::string& workflow_id);
    [[nodiscard]] std::optional<Result<Answer>> end_of(const std::string& workflow_id) const;
    Result<json::object> status(const std::string& workflow_id);
    Result<Answer> logs(Request& request, const json::object& input);
    Result<json::object> artifact(const json::object& input);
    Result<json::object> list_workflows();
    Result<json::object> describe_workflow(const json::object& input);
    Result<json::object> list_deployments(const json::object& input);
    Result<json::object> cancel(const json::object& input);
    Result<json::object> approve(const Request& request, const json::object& input);
    Result<json::object> workflow_health();
    Result<json::object> health();

    // Order is lifetime: the engine uses the two before it, the health checks use the engine.
    std::unique_ptr<Contracts> contracts_;
    std::unique_ptr<Waiters> waiters_;
    std::unique_ptr<Engine> engine_;
    std::unique_ptr<Pruning> pruning_;
    std::unique_ptr<HealthChecks> health_checks_;  ///< null: switched off
};

}  // namespace onex::orchestrator
