// Background work of nodes: tasks, subscriptions, calls under way, open transactions, stream ends.
#pragma once

#include "host/async/pipe.hpp"
#include "host/plugin/node.hpp"

#include <onex/abi.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace onex::host {

/// One end of a pipe that a plugin holds.
class StreamEnd {
  public:
    enum class Side { reader, writer };
    StreamEnd(PipePtr pipe, Side side, std::shared_ptr<void> hold)
        : pipe(std::move(pipe)), side(side), hold(std::move(hold)) {}
    ~StreamEnd() {
        if (side == Side::reader) {
            pipe->close_reader();
        } else {
            pipe->close_writer();
        }
    }
    StreamEnd(const StreamEnd&) = delete;
    StreamEnd& operator=(const StreamEnd&) = delete;

    PipePtr pipe;
    Side side;
    std::shared_ptr<void>
        hold;  ///< keeps the node's place while the handle lives; null for request streams
};

/// A task of onex.exec/1; cancel() makes it give its user data back soon.
class Task : public std::enable_shared_from_this<Task> {
  public:
    virtual ~Task() = default;
    virtual void cancel() = 0;
};

class Subscription {
  public:
    Subscription(onex_batch_fn fn, void* user) : fn_(fn), user_(user) {}
    ~Subscription() { end(); }
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;
    /// Stops the delivery, waits for the batch in hand, then tells the plugin.
    void end() {
        const std::scoped_lock lock(mutex_);
        delivery.reset();
        if (fn_) std::exchange(fn_, nullptr)(user_, 0, onex_str{nullptr, 0}, 1);
    }
    std::shared_ptr<void> delivery;

  private:
    std::mutex mutex_;
    onex_batch_fn fn_;
    void* user_;
};

struct CallInFlight {
    std::string key;
    CancelPtr cancel;
};

/// A transaction of onex.store/1. Used by one thread at a time.
class OpenTransaction {
  public:
    OpenTransaction(std::unique_ptr<Transaction> tx, std::shared_ptr<void> hold)
        : tx(std::move(tx)), hold(std::move(hold)) {}
    std::mutex mutex;
    std::unique_ptr<Transaction> tx;
    std::shared_ptr<void> hold;
    std::vector<std::string> published;  ///< types of events that the commit makes true
    bool borrowed = false;               ///< belongs to a subscription's batch: the host ends it
};

}  // namespace onex::host
