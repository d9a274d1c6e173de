// Calls to other hosts: signed requests to their /onex/v1/, with progress on the way back.
#pragma once

#include "host/async/task_group.hpp"
#include "host/http/auth.hpp"
#include "host/plugin/runtime.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace onex::host {

/// One call of an operation on a peer. `cancel` travels: the peer is told by key, and has 10 s to
/// answer.
struct PeerCall {
    std::string node;
    std::string operation;
    std::string input;  ///< JSON object; ≤ 16 KiB when a stream goes along
    std::string correlation_id;
    std::string key;
    std::int64_t timeout_ms = 0;
    PipePtr stream_in;
    PipePtr stream_out;
    std::function<void(const ProgressInfo&)> on_progress;
};

class Peers {
  public:
    /// `keys` are those of the configured peers, with their secrets resolved.
    Peers(Runtime& runtime, std::vector<SigningKey> keys);
    Peers(const Peers&) = delete;
    Peers& operator=(const Peers&) = delete;

    /// The peer that a target means: its name, or an address of its own ("host[:port]"). Null if
    /// none.
    [[nodiscard]] const PeerSection* find(std::string_view target) const;
    /// What to say when there is none.
    [[nodiscard]] Error unknown(std::string_view target) const;

    /// All keys that other hosts may sign with.
    [[nodiscard]] const std::vector<SigningKey>& keys() const { return keys_; }

    /// GET /onex/v1/operations of the peer, at most 5 s old unless `fresh`. Errors:
    /// REMOTE_ENDPOINT_UNREACHABLE (also while its circuit breaker is open), AUTHENTICATION_FAILED
    /// (also when its answer isn't signed with our key), TIMEOUT.
    boost::asio::awaitable<Result<boost::json::object>> describe(const PeerSection& peer,
                                                                 Wait wait,
                                                                 bool fresh);

    boost::asio::awaitable<Result<std::string>> call(const PeerSection& peer,
                                                     PeerCall call,
                                                     Wait wait);

    /// True when nothing runs in the background any more; before the HTTP client goes.
    boost::asio::awaitable<bool> wait_idle(Wait wait);

  private:
    struct Signed;
    /// A signed request to a peer. `body` is all of it, or `streamed`, which comes later with its
    /// trailer.
    enum class Body { whole, streamed };
    Result<Signed> sign(const PeerSection& peer,
                        std::string method,
                        std::string target,
                        Headers headers,
                        std::string body,
                        Body kind = Body::whole) const;
    boost::asio::awaitable<Result<std::string>> call_plain(const PeerSection& peer,
                                                           PeerCall call,
                                                           Wait wait);
    boost::asio::awaitable<Result<std::string>> call_with_upload(const PeerSection& peer,
                                                                 PeerCall call,
                                                                 Wait wait);
    boost::asio::awaitable<void> tell_cancel(const PeerSection& peer,
                                             std::string key,
                                             CancelPtr over);
    /// True when the peer knew the key.
    boost::asio::awaitable<bool> tell_cancel_once(const PeerSection& peer,
                                                  std::string key,
                                                  Wait wait);

    Runtime& runtime_;
    std::vector<SigningKey> keys_;
    struct Described {
        boost::json::object what;
        SteadyClock::time_point until;
    };
    TaskGroup tasks_;  ///< cancels on their way
    std::mutex mutex_;
    std::map<std::string, Described> described_;
};

}  // namespace onex::host
