// The worker's side: the host as the plugin sees it, every service a call over the channel.
#pragma once

#include "host/async/workers.hpp"
#include "host/plugin/library.hpp"
#include "host/plugin/services.hpp"
#include "host/worker/channel.hpp"

#include <onex/abi.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace onex::host::worker {

/// One plugin and its one node in this process. [any thread]
class Guest {
  public:
    explicit Guest(Fd socket);
    /// Serves the host until it is gone.
    void run();

    // --- for the service tables
    [[nodiscard]] Channel& channel() { return channel_; }
    /// Asks the host, and waits for as long as it takes: it bounds its own services.
    Result<std::string> ask(Method method,
                            const Packer& input,
                            const std::function<void(Method, std::string_view)>& on_notice = {});

    struct Callback {
        onex_task_fn task = nullptr;
        onex_batch_fn batch = nullptr;
        onex_call_done_fn done = nullptr;
        onex_progress_fn progress = nullptr;
        void* user = nullptr;
        void* progress_user = nullptr;
        bool once = true;
    };
    std::uint64_t keep(Callback callback);
    void forget(std::uint64_t ref);
    /// True if the request was open; now it is answered.
    bool end_token(onex_token token);

    [[nodiscard]] const std::string& settings() const { return settings_; }
    [[nodiscard]] const std::string& info() const { return info_; }

    struct Tables {
        onex_log_v1 log;
        onex_config_v1 config;
        onex_exec_v1 exec;
        onex_call_v1 call;
        onex_stream_v1 stream;
        onex_http_v1 http;
        onex_blob_v1 blob;
        onex_events_v1 events;
        onex_metrics_v1 metrics;
        onex_clock_v1 clock;
        onex_process_v1 process;
        onex_contract_v1 contract;
        onex_kv_v1 kv;
    };

  private:
    void hear(Type type, Method method, std::uint64_t id, std::string body);
    /// Does what the host asks; the answer's bytes.
    Packer serve(Method method, Unpacker in);
    void load(Unpacker& in, Packer& out);
    void create(Unpacker& in, Packer& out);
    void control(Method method, Packer& out);
    void save(Packer& out);
    void restore(Unpacker& in, Packer& out);
    void invoke(std::string body);
    void run_task(Unpacker& in, Packer& out);
    void run_batch(Unpacker& in, Packer& out);
    void run_done(Unpacker& in, Packer& out);
    void async_progress(std::string_view body);
    [[nodiscard]] Callback find(std::uint64_t ref);

    Channel channel_;
    std::shared_ptr<Library> library_;
    onex_host host_{};
    Tables tables_{};
    std::set<std::string, std::less<>> offered_;
    const onex_node* node_ = nullptr;
    /// Calls that were served. The host sends the next one after the answer to the one before, so
    /// what that wrote is there; for the memory of this process the order has to be said, too.
    std::atomic<std::uint64_t> served_{0};
    std::string node_name_, settings_, info_;
    std::mutex mutex_;
    std::uint64_t next_ref_ = 1;
    std::map<std::uint64_t, Callback> callbacks_;
    /// Views of a request live until it was answered and invoke has returned.
    struct Open {
        std::shared_ptr<const std::string> text;
        bool answered = false;
        bool returned = false;
    };
    std::map<onex_token, Open> requests_;
    std::unique_ptr<Workers> workers_;  ///< last: its threads use all of the above
};

void fill_guest_calls(Guest::Tables& tables);    // log, config, exec, call, clock
void fill_guest_streams(Guest::Tables& tables);  // stream, http, blob, process
void fill_guest_data(Guest::Tables& tables);     // events, metrics, contract

inline Guest& guest_of(void* ctx) {
    return *static_cast<Guest*>(ctx);
}
/// An answer that begins with a result: its status, with the error told; `rest` is what follows.
onex_status read_result(const Result<std::string>& told, std::string_view& rest, onex_error* error);

/// A question whose answer has no more to tell than its status.
onex_status ask_status(void* ctx, Method method, const Packer& input, onex_error* error = nullptr);

}  // namespace onex::host::worker
