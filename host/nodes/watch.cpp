#include "host/nodes/watch.hpp"

#include "host/log.hpp"
#include "host/process/spawn.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <future>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#ifdef __linux__
#include <sys/inotify.h>
#else
#include <sys/event.h>
#include <sys/time.h>
#endif

namespace onex::host {

namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

constexpr auto kQuiet = std::chrono::milliseconds(100);  // twice: two looks that see the same
constexpr auto kLookFor = std::chrono::seconds(2);       // folders that do not exist yet

/// What tells one state of a file from another.
using Stamp = std::tuple<std::uint64_t, std::int64_t, std::int64_t, std::int64_t>;

Stamp stamp_of(const struct stat& info) {
#ifdef __APPLE__
    const auto& time = info.st_mtimespec;
#else
    const auto& time = info.st_mtim;
#endif
    return {static_cast<std::uint64_t>(info.st_ino),
            static_cast<std::int64_t>(info.st_size),
            static_cast<std::int64_t>(time.tv_sec),
            static_cast<std::int64_t>(time.tv_nsec)};
}

/// The kernel's word that something moved in a folder, as a descriptor that becomes readable.
class Notifier {
  public:
#ifdef __linux__
    Notifier() : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}
    bool add(const std::string& folder) {
        return ::inotify_add_watch(fd_,
                                   folder.c_str(),
                                   IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_TO | IN_MOVED_FROM |
                                       IN_CREATE | IN_DELETE) >= 0;
    }
    void drain() const {
        std::array<char, 4096> buffer{};
        while (::read(fd_, buffer.data(), buffer.size()) > 0) {
        }
    }
#else
    Notifier() : fd_(::kqueue()) {}
    bool add(const std::string& folder) {
        Fd held(::open(folder.c_str(), O_EVTONLY | O_CLOEXEC));
        if (!held.open()) return false;
        struct kevent change{};
        EV_SET(&change,
               held.get(),
               EVFILT_VNODE,
               EV_ADD | EV_CLEAR,
               NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB | NOTE_RENAME | NOTE_DELETE,
               0,
               nullptr);
        if (::kevent(fd_, &change, 1, nullptr, 0, nullptr) != 0) return false;
        folders_.push_back(std::move(held));
        return true;
    }
    void drain() const {
        const timespec now{};
        struct kevent event{};
        while (::kevent(fd_, nullptr, 0, &event, 1, &now) > 0) {
        }
    }

  private:
    std::vector<Fd> folders_;

  public:
#endif
    /// Taken over by whoever waits on it.
    [[nodiscard]] int descriptor() const { return fd_; }

  private:
    int fd_;
};

}  // namespace

struct Watch::State : std::enable_shared_from_this<State> {
    State(const asio::any_io_executor& executor,
          std::vector<std::string> folders,
          std::function<void(std::string)> changed)
        : strand(asio::make_strand(executor)),
          folders_(std::move(folders)),
          changed_(std::move(changed)),
          readable_(strand),
          quiet_(strand),
          missing_(strand) {}

    void begin() {
        boost::system::error_code ec;
        if (notifier_.descriptor() >= 0) readable_.assign(notifier_.descriptor(), ec);
        if (notifier_.descriptor() < 0 || ec) {
            log(LogLevel::warn,
                std::string("plugin folders can't be watched: ") + std::strerror(errno));
            return;
        }
        add_folders();
        known_ = look();
        settled_ = known_;
        wait_readable();
    }
    void end() {
        boost::system::error_code ignored;
        ended_ = true;
        readable_.close(ignored);
        quiet_.cancel();
        missing_.cancel();
    }

  private:
    void add_folders() {
        bool all = true;
        for (const auto& folder : folders_) {
            if (watched_.contains(folder)) continue;
            if (notifier_.add(folder)) {
                watched_.insert(folder);
                arm_quiet();
            } else {
                all = false;
            }
        }
        if (all || ended_) return;
        missing_.expires_after(kLookFor);
        missing_.async_wait([self = shared_from_this()](boost::system::error_code ec) {
            if (!ec) self->add_folders();
        });
    }
    void wait_readable() {
        readable_.async_wait(asio::posix::descriptor_base::wait_read,
                             [self = shared_from_this()](boost::system::error_code ec) {
                                 if (ec || self->ended_) return;
                                 self->notifier_.drain();
                                 self->arm_quiet();
                                 self->wait_readable();
                             });
    }
    void arm_quiet() {
        quiet_.expires_after(kQuiet);
        quiet_.async_wait([self = shared_from_this()](boost::system::error_code ec) {
            if (!ec && !self->ended_) self->compare();
        });
    }
    /// Tells what has the same stamp as at the last look, but another than when it was told last.
    void compare() {
        auto now = look();
        bool moving = false;
        for (const auto& [file, stamp] : now) {
            const auto before = known_.find(file);
            const auto told = settled_.find(file);
            if (told != settled_.end() && told->second == stamp) continue;
            if (before != known_.end() && before->second == stamp) {
                settled_[file] = stamp;
                changed_(file);
            } else {
                moving = true;
            }
        }
        std::erase_if(settled_, [&](const auto& one) { return !now.contains(one.first); });
        known_ = std::move(now);
        if (moving) arm_quiet();
    }
    [[nodiscard]] std::map<std::string, Stamp> look() const {
        std::map<std::string, Stamp> out;
        for (const auto& folder : folders_) {
            std::error_code ec;
            for (const auto& entry : fs::directory_iterator(folder, ec)) {
                const auto ending = entry.path().extension();
                if (ending != ".so" && ending != ".dylib") continue;
                struct stat info{};
                if (::stat(entry.path().c_str(), &info) == 0 && S_ISREG(info.st_mode))
                    out.emplace(entry.path().string(), stamp_of(info));
            }
        }
        return out;
    }

  public:
    asio::strand<asio::any_io_executor> strand;

  private:
    std::vector<std::string> folders_;
    std::function<void(std::string)> changed_;
    Notifier notifier_;
    asio::posix::stream_descriptor readable_;
    asio::steady_timer quiet_;
    asio::steady_timer missing_;
    std::set<std::string> watched_;
    std::map<std::string, Stamp> known_;    ///< at the last look
    std::map<std::string, Stamp> settled_;  ///< as told, or as it was at first
    bool ended_ = false;
};

Watch::Watch(asio::any_io_executor executor,
             std::vector<std::string> folders,
             std::function<void(std::string)> changed)
    : state_(std::make_shared<State>(executor, std::move(folders), std::move(changed))) {
    state_->begin();  // At once: what comes after this line is new.
}

Watch::~Watch() {
    // `changed` may refer to what goes right after this: wait until none runs.
    std::promise<void> ended;
    asio::post(state_->strand, [state = state_, &ended] {
        state->end();
        ended.set_value();
    });
    ended.get_future().wait();
}

}  // namespace onex::host
