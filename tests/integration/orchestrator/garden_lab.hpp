// A host with an orchestrator and the node `garden`.
#pragma once

#include "tests/support/host_process.hpp"
#include "tests/support/temp_dir.hpp"

#include <boost/json/object.hpp>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace onex::test {

class GardenLab : public testing::Test {
  protected:
    void SetUp() override;
    void start_host(const std::string& orchestrator_settings = {});

    /// The input of a run whose operations do what `plan` says.
    [[nodiscard]] boost::json::object input(boost::json::object plan = {}) const;
    /// POST to start the workflow; `query` like "?wait=true".
    Answer start(const boost::json::object& input, const std::string& query = {}) const;
    /// Its id; a test failure if it is refused.
    std::string begin(const boost::json::object& input) const;
    boost::json::object status(const std::string& id) const;
    /// The status at the end.
    boost::json::object wait_for(const std::string& id) const;
    /// Waits until the run is in that operation.
    bool in_operation(const std::string& id, const std::string& operation) const;
    Answer cancel(const std::string& id) const;

    /// One column of the store's rows, joined by spaces.
    std::string query(const std::string& sql, const std::string& id) const;
    /// The journal's lines, joined by ", ".
    std::string journal() const;
    std::string touch(const std::string& name) const;

    TempDir folder_;
    std::uint16_t port_ = 0;
    std::string more_toml_;  ///< further tables of a host that start_host() starts
    std::unique_ptr<HostProcess> host_;
};

std::string text(const boost::json::object& object, const char* name);

}  // namespace onex::test
