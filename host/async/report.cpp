#include "host/async/report.hpp"

#include <atomic>
#include <cstdio>

namespace onex::host {

namespace {

void to_stderr(std::string_view message) noexcept {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(message.size()), message.data());
}

std::atomic<FaultReporter> reporter_now{to_stderr};

}  // namespace

void set_fault_reporter(FaultReporter reporter) {
    reporter_now = reporter ? reporter : to_stderr;
}

void report_fault(std::string_view message) noexcept {
    reporter_now.load()(message);
}

void report_task(const std::exception_ptr& failed) noexcept {
    if (failed)
        report_fault("a task of the I/O threads ended with an exception: " + what_of(failed));
}

std::string what_of(const std::exception_ptr& exception) {
    try {
        if (exception) std::rethrow_exception(exception);
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "an exception of an unknown type";
    }
    return "nothing";
}

}  // namespace onex::host
