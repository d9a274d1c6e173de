#include "host/plugin/tags.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <set>
#include <utility>

namespace onex::host {

namespace {

/// The nodes that may call. A pointer that is not here is never followed.
struct Live {
    std::mutex mutex;
    std::set<const void*> nodes;
};
[[maybe_unused]] Live& live() {
    static Live* const all = new Live;  // Outlives every thread that may still ask.
    return *all;
}

[[maybe_unused]] const char* text_of(NodeTags::State state) {
    switch (state) {
        case NodeTags::State::made:
            return "made";
        case NodeTags::State::started:
            return "started";
        case NodeTags::State::quiesced:
            return "quiesced";
        case NodeTags::State::stopped:
            return "stopped";
        case NodeTags::State::destroyed:
            return "destroyed";
    }
    return "unknown";
}

[[noreturn, maybe_unused]] void broken(const std::string& rule) {
    std::fputs(("a rule of the plugin ABI is broken: " + rule + "\n").c_str(), stderr);
    std::abort();
}

}  // namespace

NodeTags::NodeTags(const void* ctx, std::string who) : ctx_(ctx), who_(std::move(who)) {
    if constexpr (kTagsChecked) {
        const std::scoped_lock lock(live().mutex);
        live().nodes.insert(ctx_);
    }
}

NodeTags::~NodeTags() {
    forget();
}

void NodeTags::forget() const {
    if constexpr (kTagsChecked) {
        const std::scoped_lock lock(live().mutex);
        live().nodes.erase(ctx_);
    }
}

void NodeTags::check_caller(const void* ctx) {
    if constexpr (kTagsChecked) {
        const std::scoped_lock lock(live().mutex);
        if (!live().nodes.contains(ctx))
            broken(
                "a node calls its host after destroy() has returned; it left a thread or a "
                "callback behind");
    }
}

void NodeTags::check_invoke() const {
    if constexpr (kTagsChecked) {
        const auto state = state_.load();
        if (state == State::made || state == State::destroyed)
            broken("invoke of " + who_ + " while it is " + text_of(state));
    }
}

NodeTags::Control::Control(NodeTags& tags, const char* name, std::initializer_list<State> from)
    : tags_(tags) {
    if constexpr (kTagsChecked) {
        if (const char* other = tags_.control_.exchange(name))
            broken(std::string(name) + " of " + tags_.who_ + " while its " + other + " runs");
        const auto state = tags_.state_.load();
        if (std::find(from.begin(), from.end(), state) == from.end())
            broken(std::string(name) + " of " + tags_.who_ + " while it is " + text_of(state));
    }
}

void NodeTags::Control::done(State to) {
    tags_.state_ = to;
    if (to == State::destroyed) tags_.forget();
}

NodeTags::Control::~Control() {
    tags_.control_ = nullptr;
}

}  // namespace onex::host
