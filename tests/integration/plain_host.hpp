// A host with the node of plain C, and a peer `laptop` that the test plays.
#pragma once

#include "tests/support/host_process.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>

namespace onex::test {

class PlainHost : public testing::Test {
  protected:
    void SetUp() override;

    /// A call of an operation of node `plain`, unsigned.
    [[nodiscard]] host::ClientRequest peer_call(const std::string& operation,
                                                std::string body = "{}") const;
    [[nodiscard]] Answer public_call(const std::string& path, std::string body = "{}") const {
        return send(tcp(port_), "POST", path, std::move(body));
    }
    /// The host still does its work.
    void expect_alive() const;

    TempDir folder_;
    std::uint16_t port_ = 0;         ///< of node `plain`
    std::uint16_t fenced_port_ = 0;  ///< of node `fenced`, which allows other addresses only
    host::SigningKey key_{"laptop:studio", "a secret that both hosts know", "laptop"};
    std::unique_ptr<HostProcess> host_;
};

/// An error in the one shape, with a reason and a correlation id.
void expect_error(const Answer& answer,
                  unsigned status,
                  std::string_view code,
                  std::string_view word = {});

}  // namespace onex::test
