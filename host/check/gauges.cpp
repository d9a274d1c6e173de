#include "host/check/gauges.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

#ifdef __APPLE__
#include <mach/mach.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ONEX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ONEX_SANITIZED 1
#endif
#endif
#ifdef ONEX_SANITIZED
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();  // NOLINT: the sanitizer's name
#endif

namespace onex::host::check {

namespace {

constexpr std::size_t kKeptMax = 256;
constexpr std::size_t kNeeded = 8;
constexpr int kDescriptorsLooked = 4096;

struct Kind {
    const char* name;
    std::int64_t tolerance;
};
/// Pages come and go by chance, and so do an allocator's; a descriptor doesn't.
constexpr std::array<Kind, kGauges> kKinds{{{"memory (resident bytes)", 4 << 20},
                                            {"memory (bytes in use)", 64 << 10},
                                            {"file descriptors", 0},
                                            {"threads", 0}}};

std::int64_t resident_bytes() {
#if defined(ONEX_SANITIZED)
    return -1;  // Quarantines and shadows grow by themselves.
#elif defined(__APPLE__)
    mach_task_basic_info info{};
    mach_msg_type_number_t count = MACH_TASK_BASIC_INFO_COUNT;
    const auto result = task_info(
        mach_task_self(), MACH_TASK_BASIC_INFO, reinterpret_cast<task_info_t>(&info), &count);
    return result == KERN_SUCCESS ? static_cast<std::int64_t>(info.resident_size) : -1;
#else
    std::ifstream in("/proc/self/statm");
    std::int64_t all = 0;
    std::int64_t resident = 0;
    return in >> all >> resident ? resident * ::sysconf(_SC_PAGESIZE) : -1;
#endif
}

std::int64_t heap_bytes() {
#if defined(ONEX_SANITIZED)
    return static_cast<std::int64_t>(__sanitizer_get_current_allocated_bytes());
#elif defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
    const auto info = ::mallinfo2();
    return static_cast<std::int64_t>(info.uordblks + info.hblkhd);
#else
    return -1;
#endif
}

std::int64_t descriptors() {
    std::int64_t count = 0;
    for (int fd = 0; fd < kDescriptorsLooked; ++fd)
        count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return count;
}

std::int64_t threads() {
#ifdef __APPLE__
    thread_act_array_t list = nullptr;
    mach_msg_type_number_t count = 0;
    if (task_threads(mach_task_self(), &list, &count) != KERN_SUCCESS) return -1;
    for (mach_msg_type_number_t i = 0; i < count; ++i)
        mach_port_deallocate(mach_task_self(), list[i]);
    vm_deallocate(mach_task_self(), reinterpret_cast<vm_address_t>(list), count * sizeof(*list));
    return count;
#else
    std::error_code ec;
    const std::filesystem::directory_iterator tasks("/proc/self/task", ec);
    return ec ? -1 : std::distance(begin(tasks), end(tasks));
#endif
}

}  // namespace

Reading read_gauges() {
    return {resident_bytes(), heap_bytes(), descriptors(), threads()};
}

Readings::Readings() {
    kept_.reserve(kKeptMax);
}

void Readings::take() {
    if (seen_++ % stride_ != 0) return;
    if (kept_.size() == kKeptMax) {
        for (std::size_t i = 0; i < kKeptMax / 2; ++i)
            kept_[i] = kept_[2 * i];
        kept_.resize(kKeptMax / 2);
        stride_ *= 2;
    }
    kept_.push_back(read_gauges());
}

std::int64_t Readings::rise(const std::vector<std::int64_t>& values, std::int64_t tolerance) {
    if (values.size() < kNeeded) return 0;
    // The least of each third of what is left: a peak is no growth, a higher floor is.
    const auto begin = values.size() / 4;
    const auto third = (values.size() - begin) / 3;
    std::array<std::int64_t, 3> floors{};
    for (std::size_t i = 0; i < floors.size(); ++i) {
        const auto from = values.begin() + static_cast<std::ptrdiff_t>(begin + i * third);
        const auto to =
            i + 1 == floors.size() ? values.end() : from + static_cast<std::ptrdiff_t>(third);
        floors.at(i) = *std::min_element(from, to);
    }
    if (floors[0] < 0 || floors[1] <= floors[0] || floors[2] <= floors[1]) return 0;
    return floors[2] - floors[0] > tolerance ? floors[2] - floors[0] : 0;
}

std::vector<std::string> Readings::growth() const {
    std::vector<std::string> out;
    for (std::size_t kind = 0; kind < kGauges; ++kind) {
        std::vector<std::int64_t> values;
        for (const auto& reading : kept_)
            values.push_back(reading.at(kind));
        const auto more = rise(values, kKinds.at(kind).tolerance);
        if (more == 0) continue;
        out.push_back(std::string(kKinds.at(kind).name) + " from " +
                      std::to_string(values.front()) + " to " + std::to_string(values.back()));
    }
    return out;
}

}  // namespace onex::host::check
