// What a debug build asserts of the rules of api/onex/abi.h, at each call over that boundary: a
// node that is gone calls nothing, and the host's own calls come one at a time and in their order.
// Whatever breaks one ends the process, with a sentence. Other builds check nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace onex::host {

#ifdef NDEBUG
inline constexpr bool kTagsChecked = false;
#else
inline constexpr bool kTagsChecked = true;
#endif

/// The state tag of one generation of a node. [any thread]
class NodeTags {
  public:
    enum class State : std::uint8_t { made, started, quiesced, stopped, destroyed };

    /// `ctx` is what the node's service tables carry; `who` names it for people.
    NodeTags(const void* ctx, std::string who);
    ~NodeTags();
    NodeTags(const NodeTags&) = delete;  // Registered by its address.
    NodeTags& operator=(const NodeTags&) = delete;

    /// At each service call: the node is neither destroyed nor freed.
    static void check_caller(const void* ctx);
    /// At each request: the node has started, and is not destroyed.
    void check_invoke() const;

    /// Around a [control] call: not beside another one, and only from one of the states `from`.
    /// `name` outlives it.
    class Control {
      public:
        Control(NodeTags& tags, const char* name, std::initializer_list<State> from);
        ~Control();
        Control(const Control&) = delete;
        Control& operator=(const Control&) = delete;
        /// It went well, so the node is in this state now.
        void done(State to);

      private:
        NodeTags& tags_;
    };

  private:
    void forget() const;

    const void* ctx_;
    const std::string who_;
    std::atomic<State> state_{State::made};
    std::atomic<const char*> control_{nullptr};  ///< the [control] call that runs
};

}  // namespace onex::host
