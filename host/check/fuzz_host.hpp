// A host by chance: what it answers to the node, how its streams end, when it cancels.
#pragma once

#include "host/check/dice.hpp"

#include <onex/testing.hpp>

#include <string>

namespace onex::host::check {

/// [one thread]
class FuzzHost : public testing::FakeHost {
  public:
    FuzzHost();

    /// From now on everything is decided by these dice. Returns them, for the rest of the round.
    Dice& begin_round(Dice dice);
    /// A request with streams by chance, or without.
    onex_token open(std::string operation, std::string input);
    /// Cancels the request. The node hears of it in a task, as from another thread.
    void cancel_soon(onex_token token);
    /// How many buffers the node has not given back.
    [[nodiscard]] std::size_t buffers() const { return buffers_.size(); }

  private:
    static FuzzHost& of(void* ctx) {
        return static_cast<FuzzHost&>(*static_cast<testing::FakeHost*>(ctx));
    }
    /// In the middle of a call of the node's: maybe its request is cancelled now.
    void meanwhile();
    Error some_error();
    Result<std::string> answer_call();
    Result<testing::HttpScript> answer_http();

    Dice dice_{1};
    onex_token current_ = 0;
    onex_status (*plain_call_)(void*, const onex_call*, onex_wait, onex_writer*, onex_error*) =
        nullptr;
};

}  // namespace onex::host::check
