// The fake host for many threads: its tables take a lock, and what they call back is called without
// it, as by a real host.
#pragma once

#include <onex/testing.hpp>

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <tuple>

namespace onex::host::check {

class ParallelHost : public testing::FakeHost {
  public:
    ParallelHost();

    /// A request; `stream_in` counts with `streams` only. [any thread]
    onex_token open(std::string operation, std::string input, std::string stream_in, bool streams);
    /// Stays where it is until the host goes, and changes under the lock alone. [any thread]
    const Open& opened(onex_token token);
    /// How often it was answered. [any thread]
    int times(onex_token token);
    /// The host answers it with what invoke() failed with. [any thread]
    void refuse_request(onex_token token, Error error);
    /// [any thread]
    void cancel(onex_token token);
    /// Runs the task that is due next, however late that is; false when there is none now. The
    /// clock goes on. [any thread]
    bool run_a_task();
    /// Until a task may have come or a request may be answered; not long. [any thread]
    void wait_for_change();

  private:
    using Tables = std::tuple<onex_log_v1,
                              onex_config_v1,
                              onex_clock_v1,
                              onex_exec_v1,
                              onex_metrics_v1,
                              onex_call_v1,
                              onex_stream_v1,
                              onex_http_v1,
                              onex_process_v1,
                              onex_blob_v1,
                              onex_store_v1,
                              onex_events_v1,
                              onex_contract_v1,
                              onex_kv_v1>;
    template <auto Function>
    struct Locked;

    static ParallelHost& of(void* ctx) {
        return static_cast<ParallelHost&>(*static_cast<testing::FakeHost*>(ctx));
    }
    /// The table as the node sees it; it is a member of this object.
    template <class Table>
    Table& seen(const char* id) {
        return *const_cast<Table*>(
            static_cast<const Table*>(abi()->get_service(abi()->ctx, to_abi(id))));
    }
    template <class Table, auto... Functions>
    void lock_all(const char* id);
    void call_back_without_lock();

    static onex_status answer(void* ctx, onex_token token, const onex_answer* what);
    static onex_status answer_error(void* ctx, onex_token token, const onex_failure* what);
    static onex_status cancel_task(void* ctx, onex_handle task);
    static onex_status unsubscribe(void* ctx, onex_handle subscription);
    static onex_status read(
        void* ctx, onex_handle stream, onex_wait wait, onex_buf** out, onex_error* error);
    static onex_status scan(void* ctx,
                            onex_handle tx,
                            onex_str prefix,
                            onex_str after,
                            std::uint32_t limit,
                            onex_kv_entry_fn fn,
                            void* user,
                            onex_error* error);
    template <class What>
    static onex_status settle_unlocked(onex_status (*function)(void*, onex_token, const What*),
                                       void*,
                                       onex_token,
                                       const What*);

    std::recursive_mutex mutex_;
    std::condition_variable_any changed_;
    Tables plain_;                         ///< the functions that know no lock
    std::map<onex_handle, bool> running_;  ///< periodic tasks; true: shall not run again
};

}  // namespace onex::host::check
