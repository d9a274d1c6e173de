// Where the parts below the log say what only a fault of the host's own code can bring about.
#pragma once

#include <onex/error.hpp>

#include <exception>
#include <functional>
#include <string>
#include <string_view>

namespace onex::host {

/// Hears of it; must not throw or wait. The composition root sets the log's; before that, and
/// outside of a host, a line goes to stderr. [any thread]
using FaultReporter = void (*)(std::string_view message) noexcept;
void set_fault_reporter(FaultReporter reporter);

/// `message` says what, where, and what became of it.
void report_fault(std::string_view message) noexcept;

/// How a coroutine of the I/O threads has ended for which nobody waits: tells of an exception.
void report_task(const std::exception_ptr& failed) noexcept;

/// What an exception says; to be called with one in hand.
[[nodiscard]] std::string what_of(const std::exception_ptr& exception);

/// What `work` answers; an exception is reported, and INTERNAL here.
template <class T>
Result<T> caught(const std::function<Result<T>()>& work) noexcept {
    try {
        return work();
    } catch (...) {
        const auto why = what_of(std::current_exception());
        report_fault("work of the host ended with an exception: " + why);
        return fail("INTERNAL", "the host failed: " + why);
    }
}

}  // namespace onex::host
