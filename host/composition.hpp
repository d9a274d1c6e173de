// All parts of a running host, in the order in which they live.
#pragma once

#include "host/breaker/guarded_client.hpp"
#include "host/data_dir.hpp"
#include "host/http/server.hpp"
#include "host/listeners.hpp"
#include "host/metrics.hpp"
#include "host/nodes/lifecycle.hpp"
#include "host/nodes/watch.hpp"
#include "host/peer/peers.hpp"
#include "host/plugin/dispatcher.hpp"
#include "host/process/process.hpp"
#include "host/router/router.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace onex::host {

/// Built by build(), then start(), then stop(). Each step undoes itself in the destructor when a
/// later one fails. Member order is lifetime: what stands first is built first and goes last.
/// [control]
class Composition {
  public:
    /// `read` reads the same configuration anew.
    Composition(Config config, std::function<Result<Config>()> read);
    ~Composition();
    Composition(const Composition&) = delete;
    Composition& operator=(const Composition&) = delete;

    /// Locks the data folder, opens the store and migrates it, loads plugins and makes their nodes.
    /// Nothing listens yet.
    Result<void> build();
    /// Opens the listeners, then starts the nodes. `stop_requested` is called when somebody asks by
    /// the admin API.
    Result<void> start(std::function<void()> stop_requested);
    /// Finishes or checkpoints what runs, within [host] stop_timeout_ms. False: something did not
    /// end in time, and the destructor ends the process.
    bool stop();

    /// Reads the configuration anew and makes the nodes those that it names; what came of it is
    /// logged. Returns at once.
    void reload_config();

    [[nodiscard]] boost::asio::io_context& io() { return io_; }

  private:
    Result<void> open_state();
    [[nodiscard]] boost::json::object describe() const;
    void maintain();

    Config config_;
    std::function<Result<Config>()> read_config_;
    std::optional<DataDir> data_dir_;
    boost::asio::io_context io_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    std::vector<std::thread> threads_;
    Metrics metrics_;
    std::unique_ptr<Store> store_;
    std::unique_ptr<EventBus> bus_;
    std::unique_ptr<Blobs> blobs_;
    std::unique_ptr<OperationKeys> keys_;
    std::unique_ptr<ProcessPolicy> processes_;
    std::unique_ptr<GuardedClient> http_;
    std::unique_ptr<Workers> workers_;
    std::unique_ptr<Workers> peer_workers_;
    std::unique_ptr<Workers> admin_workers_;
    std::unique_ptr<Runtime> runtime_;
    std::unique_ptr<Peers> peers_;
    std::unique_ptr<Dispatcher> dispatcher_;
    std::string token_;
    std::unique_ptr<Gate> gate_;
    std::unique_ptr<Router> router_;
    std::unique_ptr<Listeners> listeners_;
    std::unique_ptr<Lifecycle> lifecycle_;
    std::unique_ptr<Watch> watch_;
    std::function<void()> stop_requested_;
    struct Maintenance;
    std::unique_ptr<Maintenance> maintenance_;
    bool stopped_ = false;
    bool abandoned_ = false;  ///< a node's code did not come back: only the process can end it
};

}  // namespace onex::host
