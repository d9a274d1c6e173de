#include "host/contract/pattern.hpp"

#include <re2/re2.h>

#include <utility>

namespace onex::host {
namespace {

constexpr std::int64_t kMemoryMax = 4 << 20;

RE2::Options options() {
    RE2::Options result(RE2::Quiet);
    result.set_max_mem(kMemoryMax);
    return result;
}

}  // namespace

struct Pattern::State {
    explicit State(const std::string& text) : regex(text, options()), text(text) {}
    RE2 regex;
    std::string text;
};

Result<Pattern> Pattern::compile(const std::string& text) {
    auto state = std::make_shared<const State>(text);
    if (!state->regex.ok()) {
        return fail("VALIDATION_ERROR",
                    "the pattern " + text.substr(0, 64) +
                        " can't be used: " + state->regex.error() +
                        "; write it without look-around and back references");
    }
    Pattern result;
    result.state_ = std::move(state);
    return result;
}

bool Pattern::found_in(std::string_view text) const {
    return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), state_->regex);
}

const std::string& Pattern::text() const {
    return state_->text;
}

}  // namespace onex::host
