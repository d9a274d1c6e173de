// A host without network around one node whose plugin is a table filled by the test: no file is
// loaded.
#pragma once

#include "host/metrics.hpp"
#include "host/peer/peers.hpp"
#include "host/plugin/dispatcher.hpp"
#include "host/process/process.hpp"
#include "tests/unit/store/store_fixture.hpp"

#include <onex/abi.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace onex::host::test {

/// What the node of a test does: a function an operation. Used by raw ABI calls only.
struct Script {
    using Operation = std::function<onex_status(const onex_request& request)>;

    std::map<std::string, Operation, std::less<>> operations;
    std::function<void()> on_quiesce;
    std::function<void()> on_resume;
    std::atomic<int> stopped{0};
    std::atomic<int> destroyed{0};
    const onex_host* host = nullptr;

    /// A service's table, by its id.
    template <class Table>
    [[nodiscard]] const Table* table(const char* id) const {
        const onex_str text{id, std::char_traits<char>::length(id)};
        return static_cast<const Table*>(host->get_service(host->ctx, text));
    }
    onex_status answer(onex_token token, const std::string& output) const;
    onex_status answer_error(onex_token token,
                             const std::string& code,
                             const std::string& why) const;
};

/// Text of an ABI function's error or output.
struct Slot {
    Slot();
    Slot(const Slot&) = delete;  // The structs point into it.
    Slot& operator=(const Slot&) = delete;
    [[nodiscard]] std::string code() const { return {code_, error.code_size}; }

    onex_error error{};
    onex_writer writer{};
    std::string text;

  private:
    char code_[64];
    char message_[512];
};

inline onex_str abi(std::string_view text) {
    return {text.data(), text.size()};
}

class PluginTest : public StoreTest {
  protected:
    void SetUp() override;
    void TearDown() override;

    /// Makes and starts the node of `script`.
    void begin_node();
    void end_node(std::int64_t ms = 5'000);

    [[nodiscard]] Invocation invocation(const std::string& operation,
                                        const std::string& input = "{}");
    /// On a worker, to its end.
    Outcome run(Invocation call);
    Outcome run(const std::string& operation, const std::string& input = "{}") {
        return run(invocation(operation, input));
    }
    std::future<Outcome> run_async(Invocation call);
    /// Runs `work` inside an operation, on a worker, and answers for it.
    void inside(const std::function<void(const onex_request&)>& work);

    Script script;
    std::uint32_t generation = 0;  ///< of the node that was made last
    std::shared_ptr<NodeInstance> node;
    Config config;
    boost::asio::io_context io;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
        io.get_executor()};
    std::vector<std::thread> threads;
    Metrics metrics;
    std::unique_ptr<EventBus> bus;
    std::unique_ptr<Blobs> blobs;
    std::unique_ptr<FullStore> keys_store;  ///< what the keys write to
    std::unique_ptr<OperationKeys> keys;
    ProcessPolicy processes{{}};
    std::unique_ptr<HttpClient> http;
    std::unique_ptr<Workers> workers;
    std::unique_ptr<Workers> peer_workers;
    std::unique_ptr<Runtime> runtime;
    std::unique_ptr<Peers> peers;
    std::unique_ptr<Dispatcher> dispatcher;
};

inline std::string code(const Outcome& outcome) {
    return outcome.output ? "ok" : outcome.output.error().code;
}

}  // namespace onex::host::test
