// The host's side of one life of a worker process: its node's calls go out, the services that it
// asks for are done here.
#pragma once

#include "host/worker/channel.hpp"

#include <onex/abi.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace onex::host::worker {

/// The tables that a worker's node gets; a null one is not offered.
struct Services {
    explicit Services(const onex_host& host);
    const onex_log_v1* log;
    const onex_config_v1* config;
    const onex_exec_v1* exec;
    const onex_call_v1* call;
    const onex_stream_v1* stream;
    const onex_http_v1* http;
    const onex_blob_v1* blob;
    const onex_events_v1* events;
    const onex_metrics_v1* metrics;
    const onex_process_v1* process;
    const onex_contract_v1* contract;
    const onex_kv_v1* kv;
};

/// A worker is not trusted: it can use only handles that were given to it, frames are checked, what
/// may wait runs on the host's workers, a bounded number at a time. [any thread]
class Session : public std::enable_shared_from_this<Session> {
  public:
    explicit Session(Fd socket) : channel_(std::move(socket)) {}

    [[nodiscard]] Channel& channel() { return channel_; }
    /// Once, before the worker makes its node.
    void attach(const onex_host& host) { services_ = std::make_unique<Services>(host); }

    /// Reads until the worker is gone; then nothing new begins.
    void run();
    /// After run(): answers its requests with `why`, and gives back all that it held.
    void give_back(const std::string& why);

    /// Hands a request over; it is answered when the worker answers, or is gone.
    onex_status invoke(const onex_request& request, onex_error* error);

  private:
    enum class Kind { token, stream, schema, task, subscription, metric, transaction };
    struct Remote;  ///< a callback that lives in the worker

    void hear(Type type, Method method, std::uint64_t id, std::string body);
    void post(Method method, std::uint64_t id, std::string body);
    void notice(Method method, Unpacker in);
    static bool may_wait(Method method);
    /// Does what is asked, and packs the answer. Nothing if the input is not sound.
    bool serve(Method method, std::uint64_t id, Unpacker& in, Packer& out);

    // --- session_calls.cpp: requests, calls, tasks
    bool serve_call(Method method, std::uint64_t id, Unpacker& in, Packer& out);
    void make_call(std::uint64_t id, Unpacker& in, Packer& out);
    void make_call_async(Unpacker& in, Packer& out);
    void add_task(Unpacker& in, Packer& out);
    // --- session_streams.cpp: streams, blobs, http, programs
    bool serve_stream(Method method, std::uint64_t id, Unpacker& in, Packer& out);
    bool serve_blob(Method method, Unpacker& in, Packer& out);
    void read_stream(Unpacker& in, Packer& out);
    void write_stream(Unpacker& in, Packer& out);
    void send_http(Method method, Unpacker& in, Packer& out);
    void run_program(std::uint64_t id, Unpacker& in, Packer& out);
    // --- session_data.cpp: events, metrics, contracts, secrets
    bool serve_data(Method method, Unpacker& in, Packer& out);
    bool serve_events(Method method, Unpacker& in, Packer& out);
    bool serve_contract(Method method, Unpacker& in, Packer& out);
    bool serve_kv(Method method, Unpacker& in, Packer& out);
    void subscribe(Unpacker& in, Packer& out);
    void define_metric(Unpacker& in, Packer& out);
    void record_metric(Method method, Unpacker& in);

    void give(Kind kind, std::uint64_t handle);
    bool has(Kind kind, std::uint64_t handle);
    /// True if it had it; now it has not.
    bool take(Kind kind, std::uint64_t handle);
    /// 0, or a token that it has: what an onex_wait may name.
    bool may_use(const onex_wait& wait);
    static void refuse_handle(Packer& out);

    Channel channel_;
    std::unique_ptr<Services> services_;
    std::atomic<int> posted_{0};
    std::mutex mutex_;
    bool ended_ = false;
    std::map<Kind, std::set<std::uint64_t>> given_;
    std::map<std::uint64_t, std::pair<std::uint64_t, std::uint64_t>> request_streams_;
};

}  // namespace onex::host::worker
