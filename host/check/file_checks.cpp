// What can be said of the library without a node: its file, its loading, its entry.
#include "host/check/driven_node.hpp"
#include "host/check/image_file.hpp"
#include "host/contract/contract.hpp"
#include "host/plugin/library.hpp"

#include <onex/testing.hpp>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <future>
#include <stdexcept>
#include <system_error>
#include <thread>

#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

extern char** environ;  // NOLINT(readability-redundant-declaration): macOS declares it nowhere

namespace onex::host::check {

namespace fs = std::filesystem;

namespace {

constexpr int kDescriptorsLooked = 256;
constexpr int kSignalsLooked = 32;
constexpr double kLoadSecondsMax = 0.1;

std::string join(const std::vector<std::string>& parts) {
    std::string out;
    for (std::size_t i = 0; i < parts.size() && i < 5; ++i)
        out += (i == 0 ? "" : ", ") + parts[i];
    if (parts.size() > 5) out += " and " + std::to_string(parts.size() - 5) + " more";
    return out;
}

/// What static constructors must leave as it is.
struct Surroundings {
    std::vector<int> descriptors;
    std::string folder;
    mode_t mask = 0;
    std::size_t environment = 0;
    std::array<void (*)(int), kSignalsLooked> handlers{};
    std::ptrdiff_t threads = 0;

    static Surroundings look() {
        Surroundings out;
        for (int fd = 0; fd < kDescriptorsLooked; ++fd) {
            if (::fcntl(fd, F_GETFD) >= 0) out.descriptors.push_back(fd);
        }
        std::error_code ec;
        out.folder = fs::current_path(ec).string();
        out.mask = ::umask(0);
        ::umask(out.mask);
        for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
            out.environment = out.environment * 31 + std::hash<std::string>{}(*entry);
        for (int number = 1; number < kSignalsLooked; ++number) {
            struct sigaction action{};
            if (::sigaction(number, nullptr, &action) == 0)
                out.handlers.at(static_cast<std::size_t>(number)) = action.sa_handler;
        }
#ifdef __linux__
        for ([[maybe_unused]] const auto& task : fs::directory_iterator("/proc/self/task", ec))
            ++out.threads;
#endif
        return out;
    }
    [[nodiscard]] std::string difference(const Surroundings& before) const {
        if (descriptors != before.descriptors) return "leaves a file descriptor open";
        if (folder != before.folder) return "changes the working folder";
        if (mask != before.mask) return "changes the umask";
        if (environment != before.environment) return "changes the environment";
        if (handlers != before.handlers) return "installs a signal handler";
        if (threads != before.threads) return "starts a thread";
        return "";
    }
};

double cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

bool is_id(std::string_view text) {
    if (text.empty() || text.size() > 64 || text.front() < 'a' || text.front() > 'z') return false;
    return text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == text.npos;
}

bool is_version(std::string_view text) {
    int dots = 0;
    for (const char c : text.substr(0, text.find_first_of("-+"))) {
        if (c == '.')
            ++dots;
        else if (c < '0' || c > '9')
            return false;
    }
    return dots == 2 && text.front() != '.';
}

/// A thread that is still there when its work is done, as a host's pool threads are: what was left
/// behind for its end keeps a library in the process.
class LivingThread {
  public:
    LivingThread() = default;
    ~LivingThread() {
        if (!thread_.joinable()) return;
        leave_.set_value();
        thread_.join();
    }
    LivingThread(const LivingThread&) = delete;  // Owns a thread.
    LivingThread& operator=(const LivingThread&) = delete;

    /// Once. Returns when `work` is done; throws what it threw.
    void run(const std::function<void()>& work) {
        std::packaged_task<void()> task(work);
        auto done = task.get_future();
        thread_ = std::thread([task = std::move(task), leave = leave_.get_future()]() mutable {
            task();
            leave.wait();
        });
        done.get();
    }

  private:
    std::promise<void> leave_;
    std::thread thread_;
};

bool still_mapped(const std::string& folder) {
#ifdef __APPLE__
    for (std::uint32_t i = 0; i < _dyld_image_count(); ++i) {
        const char* name = _dyld_get_image_name(i);
        if (name != nullptr && std::string_view(name).find(folder) != std::string_view::npos)
            return true;
    }
    return false;
#else
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        if (line.find(folder) != std::string::npos) return true;
    }
    return false;
#endif
}

}  // namespace

Loaded::~Loaded() {
    library.reset();
    std::error_code ec;
    if (!folder.empty()) fs::remove_all(folder, ec);
}

Loaded load(const std::string& file) {
    Loaded out;
    out.folder = folder_prefix(::getpid()) + "XXXXXX";
    if (::mkdtemp(out.folder.data()) == nullptr)
        throw std::runtime_error("can't make a folder like " + out.folder);
    std::error_code ec;
    auto library = Library::load(fs::absolute(file, ec).string(), out.folder);
    if (!library) throw std::runtime_error(library.error().message);
    out.library = std::move(*library);
    return out;
}

Verdict check_exports(const std::string& file) {
    const auto image = read_image_file(file);
    if (!image) return failed(image.error().message);
    if (!image->is_bundle) return failed("is no Mach-O bundle; build it with onex_add_plugin()");
    if (!image->unique.empty())
        return failed("has UNIQUE symbols, which keep it mapped: " + join(image->unique) +
                      "; build with -fno-gnu-unique");
    if (image->exports != std::vector<std::string>{ONEX_PLUGIN_ENTRY_SYMBOL})
        return failed("must export " ONEX_PLUGIN_ENTRY_SYMBOL " alone, exports " +
                      (image->exports.empty() ? "nothing" : join(image->exports)));
    if (image->never_unloads) return failed("is linked with -z nodelete: it can't be unloaded");
    if (image->patches_text) return failed("has relocations in its code; build with -fPIC");
    return passed();
}

Verdict check_needed(const std::string& file) {
    const auto image = read_image_file(file);
    if (!image) return failed(image.error().message);
    std::vector<std::string> foreign;
    for (const auto& library : image->needed) {
        const auto name = fs::path(library).filename().string();
        bool own = false;
        for (const auto* known :
             {"libc.", "libm.", "libstdc++.", "libc++", "libgcc_s.", "ld-linux", "libSystem."})
            own = own || name.starts_with(known);
        if (!own) foreign.push_back(name);
    }
    if (foreign.empty()) return passed();
    return warned("needs " + join(foreign) +
                  "; link it statically, else another plugin's copy may be taken");
}

Verdict check_loading(const std::string& file) {
    const auto before = Surroundings::look();
    const auto begin = cpu_seconds();
    const auto loaded = load(file);
    const auto seconds = cpu_seconds() - begin;
    if (const auto found = Surroundings::look().difference(before); !found.empty())
        return failed("a static constructor " + found);
    if (seconds > kLoadSecondsMax)
        return warned("loading takes " + std::to_string(static_cast<int>(seconds * 1000)) +
                      " ms of processor time; 100 ms at most is good");
    return passed();
}

Verdict check_entry(const std::string& file) {
    const auto loaded = load(file);
    const auto& entry = loaded.library->entry();
    if (!is_id(entry.id))
        return failed("its id `" + std::string(entry.id) + "` must match ^[a-z][a-z0-9_]*$");
    if (!is_version(entry.version))
        return failed("its version `" + std::string(entry.version) +
                      "` is no semantic version, as in 1.0.0");
    if (entry.flags != 0) return failed("sets flags that ABI 1.0 does not know");
    const auto contract = read_node_contract(entry.contract, std::string(entry.id) + " (contract)");
    if (!contract) return failed(contract.error().message);
    const testing::FakeHost host;
    for (const auto* id = entry.requires_services; *id != nullptr; ++id) {
        if (host.abi()->get_service(host.abi()->ctx, to_abi(*id)) == nullptr)
            return failed("requires the service " + std::string(*id) + ", which no host has");
    }
    return passed();
}

Verdict check_unloading(const std::string& file, const std::string& settings) {
    if (::getenv("ONEX_NO_DLCLOSE") != nullptr) return skipped("ONEX_NO_DLCLOSE is set");
    auto loaded = load(file);
    const auto contract = read_node_contract(loaded.library->entry().contract, "contract");
    if (!contract) return failed(contract.error().message);
    LivingThread pool;
    {
        testing::FakeHost host;
        if (const auto complete = complete_settings(loaded.library->entry(), settings);
            !complete.empty())
            host.settings = complete;
        DrivenNode node(loaded.library->entry(), host);
        (void)node.start();
        pool.run([&] { call_validly(node, *contract); });
    }
    loaded.library.reset();
    if (still_mapped(loaded.folder))
        return failed(
            "its image stays mapped after dlclose; the usual reasons are a thread_local with a "
            "destructor, a UNIQUE symbol or a thread of its own");
    return passed();
}

}  // namespace onex::host::check
