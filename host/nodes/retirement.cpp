#include "host/nodes/retirement.hpp"

#include "host/log.hpp"
#include "host/nodes/control.hpp"
#include "host/plugin/library.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace onex::host {

namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(20);
constexpr std::int64_t kEndMs = 20'000;    // for stop() and tasks, when no request is left
constexpr std::int64_t kGraceMs = 10'000;  // beyond what the node was given
constexpr auto kLeaveWithin = std::chrono::seconds(5);

}  // namespace

Retirement::Retirement(Runtime& runtime, Workers& control, std::chrono::milliseconds tell_after)
    : runtime_(runtime),
      control_(control),
      tell_after_(tell_after),
      pinned_(runtime.metrics
                  .define(MetricKind::gauge,
                          "onex_plugin_images_pinned",
                          "Images of ended generations that are still mapped",
                          {"node"})
                  .value_or(0)),
      thread_([this] { run(); }) {}

Retirement::~Retirement() {
    (void)stop(SteadyClock::now());
}

void Retirement::retire(std::shared_ptr<NodeInstance> node) {
    node->set_phase(Phase::retired);
    const std::scoped_lock lock(mutex_);
    nodes_.push_back({std::move(node), SteadyClock::now()});
    changed_.notify_all();
}

void Retirement::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        const auto leaving = [](const Image& image) { return !image.told; };
        if (nodes_.empty() && std::none_of(images_.begin(), images_.end(), leaving)) {
            changed_.wait(lock, [this] { return stopping_ || !nodes_.empty(); });
            continue;
        }
        const auto done = std::find_if(
            nodes_.begin(), nodes_.end(), [](const auto& one) { return !one.node->is_busy(); });
        if (done != nodes_.end()) {
            auto node = done->node;
            lock.unlock();
            shut_down(node, deadline_in(kEndMs));
            node.reset();  // Unloads, perhaps: no lock is held while a plugin's code runs.
            lock.lock();
            continue;
        }
        if (auto late = take_late()) {
            lock.unlock();
            const auto held = late->busy_with();
            log(LogLevel::warn,
                "generation " + std::to_string(late->generation()) +
                    " is to end, and stays until this has: " +
                    (held.empty() ? "a task or a call of its own" : held),
                {{"node", late->name()}});
            late.reset();
            lock.lock();
            continue;
        }
        look_at_images();
        changed_.wait_for(lock, kLookEvery, [this] { return stopping_; });
    }
}

std::shared_ptr<NodeInstance> Retirement::take_late() {
    const auto late = std::find_if(nodes_.begin(), nodes_.end(), [this](const auto& one) {
        return !one.told && SteadyClock::now() - one.since >= tell_after_;
    });
    if (late == nodes_.end()) return nullptr;
    late->told = true;
    return late->node;
}

void Retirement::shut_down(const std::shared_ptr<NodeInstance>& node,
                           SteadyClock::time_point deadline) {
    std::function<Result<void>()> end = [node, deadline] {
        node->shut_down(deadline);
        return Result<void>{};
    };
    const auto latest =
        std::max(deadline, SteadyClock::now()) + std::chrono::milliseconds(kGraceMs);
    const auto ended = on_control(control_, latest, std::move(end));
    end = nullptr;
    const bool clean = ended && node->in_flight() == 0;
    if (!clean) {
        log(LogLevel::error,
            "generation " + std::to_string(node->generation()) +
                " does not end; its library stays mapped" +
                (ended ? "" : ": " + ended.error().message),
            {{"node", node->name()}});
    }
    const std::scoped_lock lock(mutex_);
    stuck_ = stuck_ || !clean;
    if (node->image()->isolation() == "inproc")
        images_.push_back({node->name(), node->image()->copy(), SteadyClock::now()});
    std::erase_if(nodes_, [&](const auto& one) { return one.node == node; });
    changed_.notify_all();
}

void Retirement::look_at_images() {
    std::erase_if(images_, [](const Image& image) { return !Library::is_mapped(image.copy); });
    for (auto& image : images_) {
        if (image.told || SteadyClock::now() - image.since < kLeaveWithin) continue;
        image.told = true;
        log(LogLevel::warn,
            "an ended generation's library stays mapped: " + image.copy +
                "; a thread_local with a destructor or UNIQUE symbols keep it "
                "(onex-host plugin check tells)",
            {{"node", image.node}});
        const auto count = std::count_if(images_.begin(), images_.end(), [&](const auto& other) {
            return other.told && other.node == image.node;
        });
        (void)runtime_.metrics.record(pinned_, {image.node}, static_cast<double>(count));
    }
}

bool Retirement::wait_fewer(const std::string& node,
                            std::size_t most,
                            SteadyClock::time_point deadline) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, deadline, [&] {
        const auto alive = std::count_if(nodes_.begin(), nodes_.end(), [&](const auto& one) {
            return one.node->name() == node;
        });
        return static_cast<std::size_t>(alive) < most;
    });
}

std::size_t Retirement::retiring(const std::string& node) const {
    const std::scoped_lock lock(mutex_);
    return static_cast<std::size_t>(std::count_if(
        nodes_.begin(), nodes_.end(), [&](const auto& one) { return one.node->name() == node; }));
}

std::string Retirement::busy_with(const std::string& node) const {
    std::vector<Leaving> nodes;
    {
        const std::scoped_lock lock(mutex_);
        nodes = nodes_;
    }
    std::string out;
    for (const auto& [one, since, told] : nodes) {
        if (one->name() != node) continue;
        out += (out.empty() ? "" : "; ") + ("generation " + std::to_string(one->generation())) +
               ": " + one->busy_with();
    }
    return out;
}

std::size_t Retirement::images_mapped(const std::string& node) const {
    const std::scoped_lock lock(mutex_);
    return static_cast<std::size_t>(std::count_if(images_.begin(), images_.end(), [&](auto& one) {
        return one.node == node && Library::is_mapped(one.copy);
    }));
}

bool Retirement::stop(SteadyClock::time_point deadline) {
    // Called once by whoever owns it, and then by the destructor.
    std::vector<Leaving> nodes;
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
    {
        const std::scoped_lock lock(mutex_);
        nodes = nodes_;
    }
    for (const auto& one : nodes)
        shut_down(one.node, deadline);
    const std::scoped_lock lock(mutex_);
    return !stuck_;
}

}  // namespace onex::host
