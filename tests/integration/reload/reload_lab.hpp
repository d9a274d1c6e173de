// A host with one plugin that is replaced by other variants of itself; see counter.cpp.
#pragma once

#include "tests/support/host_process.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/object.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ONEX_SHADOW_MEMORY 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ONEX_SHADOW_MEMORY 1
#endif

namespace onex::test {

/// The bytes of the plugin in this variant.
std::string counter_library(const std::string& variant, bool keeps_state = false);

class ReloadLab : public testing::Test {
  protected:
    void SetUp() override;

    /// Puts a library into the plugin folder as a linker or a package manager would: at once.
    void install(const std::string& bytes);
    void install_variant(const std::string& variant, bool keeps_state = false) {
        install(counter_library(variant, keeps_state));
    }
    /// The host with these tables.
    void start(const std::string& toml);
    [[nodiscard]] std::string node(const std::string& name,
                                   std::uint16_t port,
                                   const std::string& isolation) const;
    [[nodiscard]] Ran reload(const std::string& node = "counter") const {
        return host_->cli("plugin reload " + node);
    }
    /// The entry of `plugin list`; empty when there is none.
    [[nodiscard]] boost::json::object listed(const std::string& node = "counter") const;
    [[nodiscard]] static Answer ask(std::uint16_t port, const std::string& operation) {
        return send(tcp(port), "POST", "/" + operation, "{}");
    }
    [[nodiscard]] Answer ask(const std::string& operation) const { return ask(port_, operation); }
    /// Which variant answers.
    [[nodiscard]] std::string variant() const;
    /// All that retires has gone, and nothing of it is mapped.
    void expect_gone(const std::string& node = "counter") const;

    TempDir folder_;
    const std::string plugins_ = folder_.path() + "/plugins";
    const std::string library_ = plugins_ + "/counter.so";
    const std::uint16_t port_ = free_port();
    std::string in_host_;  ///< further lines of [host]
    std::unique_ptr<HostProcess> host_;
};

/// Clients that ask without a pause until they are told to end, and remember every answer.
class Load {
  public:
    Load(std::uint16_t port, const std::vector<std::string>& operations);
    ~Load() { end(); }
    void end();
    [[nodiscard]] std::uint64_t answered() const { return answered_; }
    /// After end(): answers that were not 200, or not of these variants.
    [[nodiscard]] std::vector<std::string> wrong(const std::set<std::string>& variants) const;
    /// After end(): every number that `count` answered, in order; twice the same is there twice.
    [[nodiscard]] std::vector<std::uint64_t> counts() const;

  private:
    std::atomic<bool> ending_{false};
    std::atomic<std::uint64_t> answered_{0};
    mutable std::mutex mutex_;
    std::vector<Answer> answers_;
    std::vector<std::thread> clients_;
};

}  // namespace onex::test
