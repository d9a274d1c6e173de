// Runs one check in a child process.
#pragma once

#include "host/check/check.hpp"

#include <functional>
#include <string>
#include <utility>

namespace onex::host::check {

/// What a check finds: its state and why.
struct Verdict {
    State state = State::passed;
    std::string detail;
};

inline Verdict passed() {
    return {};
}
inline Verdict failed(std::string why) {
    return {State::failed, std::move(why)};
}
inline Verdict warned(std::string why) {
    return {State::warned, std::move(why)};
}
inline Verdict skipped(std::string why) {
    return {State::skipped, std::move(why)};
}

/// How the names of this process's private folders begin. Those of a child that ends before its
/// time are removed by whoever looks after it.
std::string folder_prefix(long process);

/// Forks, runs `work` there for at most `seconds`, and brings its verdict back. A crash, an exit or
/// the time is a failure that says so. Neither a child that hears no alarm nor a process that it
/// started holds this up: when the child is over, its whole process group is.
Outcome in_child(std::string name, unsigned seconds, const std::function<Verdict()>& work);
/// Inside of `work`: the next step begins, and has `seconds` of its own.
void go_on();

}  // namespace onex::host::check
