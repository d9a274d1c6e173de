// What the ABI services stand on: the host's parts, and the handles that plugins hold.
#pragma once

#include "host/async/workers.hpp"
#include "host/config/config.hpp"
#include "host/http/message.hpp"
#include "host/plugin/handles.hpp"
#include "host/plugin/request.hpp"
#include "host/store/blobs.hpp"
#include "host/store/events.hpp"
#include "host/store/keys.hpp"
#include "host/store/store.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <string>

namespace onex::host {

class Metrics;
class ProcessPolicy;
class Dispatcher;
class Peers;
class Task;
class StreamEnd;
class OpenTransaction;
class Subscription;
struct CallInFlight;

/// Who this process is.
struct Identity {
    std::string name;     ///< [host] name
    std::string host_id;  ///< UUID of the data_dir
    std::string boot_id;  ///< UUID of this start
    std::string ns;
    std::string environment;
    std::string architecture;  ///< as Docker writes it: amd64, arm64
};

/// References to the parts; host.cpp owns them all and ends them after the nodes.
struct Runtime {
    const Config& config;
    Identity identity;
    boost::asio::any_io_executor executor;
    Workers& workers;       ///< work that began on this host (hop 0)
    Workers& peer_workers;  ///< work that a peer asked for (hop 1): its own pool, else two hosts
                            ///< starve each other
    HttpClient& http;
    Store& store;
    EventBus& bus;
    Blobs& blobs;
    Metrics& metrics;
    OperationKeys& keys;
    ProcessPolicy& processes;
    Peers* peers = nullptr;            ///< set once, before the first node starts
    Dispatcher* dispatcher = nullptr;  ///< set once, before the first node starts

    HandleTable<RequestState> tokens;
    HandleTable<StreamEnd> streams;
    HandleTable<OpenTransaction> transactions;
};

}  // namespace onex::host
