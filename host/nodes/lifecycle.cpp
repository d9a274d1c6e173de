#include "host/nodes/lifecycle.hpp"

#include "host/crash_guard.hpp"
#include "host/log.hpp"
#include "host/nodes/control.hpp"
#include "host/nodes/probe.hpp"
#include "host/worker/worker.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>

namespace onex::host {

namespace {

constexpr std::size_t kControlThreadsMax = 8;
constexpr std::size_t kControlQueueMax = 64;
constexpr std::int64_t kProbeMs = 15'000;
constexpr std::int64_t kStartMs = 120'000;  // of one node's create or start
constexpr std::int64_t kStopGraceMs = 10'000;

}  // namespace

Lifecycle::Lifecycle(Runtime& runtime, Listeners& listeners, Places places)
    : runtime_(runtime),
      listeners_(listeners),
      places_(std::move(places)),
      control_("onex-control", kControlThreadsMax, kControlQueueMax),
      kept_(places_.kept_dir),
      current_(runtime.config),
      reloads_(runtime.metrics
                   .define(MetricKind::counter,
                           "onex_plugin_reloads_total",
                           "Reloads of a node's plugin, by result (ok, refused, back)",
                           {"node", "result"})
                   .value_or(0)),
      generations_(runtime.metrics
                       .define(MetricKind::gauge,
                               "onex_plugin_generation",
                               "Which generation of the node serves",
                               {"node"})
                       .value_or(0)),
      retirement_(runtime, control_) {
    runtime_.dispatcher->on_internal = [this](const NodeInstance& node, const Error& error) {
        heard_internal(node, error);
    };
}

Lifecycle::~Lifecycle() = default;

Result<void> Lifecycle::on_control(std::int64_t ms, std::function<Result<void>()> work) {
    auto done = host::on_control<void>(control_, deadline_in(ms), std::move(work));
    if (!done && done.error().code == "TIMEOUT") {
        const std::scoped_lock lock(mutex_);
        stuck_ = true;
    }
    return done;
}

Result<Lifecycle::Found> Lifecycle::locate(const NodeSection& section) const {
    auto found = find_plugin(runtime_.config.host, places_.program, section.plugin);
    if (!found) {
        auto error = std::move(found).error();
        error.message = place_of(section, runtime_.config.file) + "]: " + error.message;
        return std::unexpected(std::move(error));
    }
    return Found{std::move(found->file), found->own};
}

std::string Lifecycle::isolation_of(const NodeSection& section, bool own) const {
    if (!section.isolation.empty()) return section.isolation;
    return own ? "inproc" : "process";
}

Result<Lifecycle::Found> Lifecycle::choose(const NodeSection& section) const {
    auto from = locate(section);
    if (!from) return from;
    if (const auto good = kept_.instead_of(section.name, from->file)) {
        log(LogLevel::warn,
            "not " + from->file + " but the version before it: " + good->why +
                "; `onex-host plugin reload " + section.name + "` takes the file all the same",
            {{"node", section.name}});
        from->file = good->path;
        from->digest = good->digest;
        from->proven = true;
    }
    return from;
}

Result<void> Lifecycle::stage(const NodeSection& section, Found& from) const {
    const auto& pin = section.blake3;
    if (!pin.empty() && !from.digest.empty() && from.digest != pin) {
        return fail("POLICY_DENIED",
                    from.file + " has the BLAKE3 " + from.digest + ", but [nodes." + section.name +
                        "] blake3 pins " + pin);
    }
    auto staged =
        stage_plugin(from.file, places_.private_dir, from.digest.empty() ? pin : from.digest);
    if (!staged) return std::unexpected(std::move(staged).error());
    from.staged = std::move(*staged);
    return {};
}

Result<void> Lifecycle::prepare(const NodeSection& section, Found& from) const {
    if (!from.staged.path.empty()) return {};
    if (auto staged = stage(section, from); !staged) return staged;
    return probe_plugin(places_.program,
                        from.staged,
                        boost::json::serialize(section.settings),
                        places_.private_dir,
                        kProbeMs);
}

Result<std::shared_ptr<PluginImage>> Lifecycle::open_image(const NodeSection& section,
                                                           const Found& from,
                                                           std::uint32_t generation) {
    std::shared_ptr<PluginImage> image;
    if (isolation_of(section, from.own) == "process") {
        const WorkerLimits limits{static_cast<std::uint64_t>(section.memory_mb) << 20,
                                  static_cast<std::uint64_t>(section.open_files)};
        // On the supervisor's thread, which the end of the node waits for: so it only leaves word.
        WorkerEnded ended = [this, name = section.name, generation](const std::string& how) {
            const bool posted = runtime_.workers.post(
                [this, name, generation, how] { heard_worker_end(name, generation, how); });
            if (!posted) log(LogLevel::warn, "all workers are busy: " + how, {{"node", name}});
        };
        auto worker = start_worker(places_.program, from.staged, limits, std::move(ended));
        if (!worker) return std::unexpected(std::move(worker).error());
        image = std::move(*worker);
    } else {
        auto library = Library::load(from.staged);
        if (!library) return std::unexpected(std::move(library).error());
        image = std::move(*library);
    }
    if (section.plugin != image->entry().id) {
        return fail("FAILED_PRECONDITION",
                    from.file + " says that it is `" + image->entry().id + "`, not `" +
                        section.plugin + "`");
    }
    return image;
}

Result<std::shared_ptr<NodeInstance>> Lifecycle::create(const NodeSection& section,
                                                        const Found& from,
                                                        std::uint32_t generation) {
    auto made = std::make_shared<std::shared_ptr<NodeInstance>>();
    auto done = on_control(kStartMs, [this, made, section, from, generation] {
        const CrashScope scope(section.name.c_str(), section.plugin.c_str(), generation, "create");
        auto image = open_image(section, from, generation);
        if (!image) return Result<void>(std::unexpected(std::move(image).error()));
        auto node = NodeInstance::create(
            runtime_, section, std::move(*image), CreateOptions{from.own, generation});
        if (!node) return Result<void>(std::unexpected(std::move(node).error()));
        *made = std::move(*node);
        return Result<void>{};
    });
    if (!done) return std::unexpected(std::move(done).error());
    return std::move(*made);
}

Result<void> Lifecycle::start(const std::shared_ptr<NodeInstance>& node) {
    auto started = on_control(kStartMs, [node, place = node->hold()] { return node->start(); });
    if (started) return started;
    auto error = std::move(started).error();
    error.message = "node " + node->name() + " did not start: " + error.message;
    return std::unexpected(std::move(error));
}

Result<void> Lifecycle::load_all() {
    const auto crashes = read_crashes(places_.crash_file);
    NodeList nodes;
    for (const auto& section : runtime_.config.nodes) {
        Slot slot;
        slot.section = section;
        slot.state = section.enabled ? "serving" : "disabled";
        if (section.enabled && crashed_twice(crashes, section.name) &&
            !kept_.disabled(section.name)) {
            kept_.set_disabled(section.name, "it crashed the host twice within a minute");
        }
        if (const auto why = kept_.disabled(section.name); why && section.enabled) {
            slot.state = "disabled";
            slot.last_error = *why;
            log(LogLevel::warn,
                "stays disabled: " + *why + "; `onex-host plugin enable " + section.name +
                    "` starts it",
                {{"node", section.name}});
        }
        if (slot.state == "serving") {
            auto from = locate(section);
            if (!from) return std::unexpected(std::move(from).error());
            if (const auto good = kept_.instead_of(section.name, from->file, crashes)) {
                log(LogLevel::warn,
                    "not " + from->file + " but the version before it: " + good->why,
                    {{"node", section.name}});
                slot.last_error = good->why;
                from->file = good->path;
                from->digest = good->digest;
            }
            if (auto staged = stage(section, *from); !staged) return staged;
            auto node = create(section, *from, 1);
            if (!node) return std::unexpected(std::move(node).error());
            log(LogLevel::info,
                "loaded " + section.plugin + " " + (*node)->plugin_version(),
                {{"node", section.name}});
            slot.node = std::move(*node);
            slot.generation = slot.generation_made = 1;
            nodes.push_back(slot.node);
        }
        const std::scoped_lock lock(mutex_);
        order_.push_back(section.name);
        slots_.emplace(section.name, std::move(slot));
    }
    runtime_.dispatcher->set_nodes(std::move(nodes));
    return {};
}

Result<void> Lifecycle::start_all() {
    const auto nodes = runtime_.dispatcher->nodes();
    auto& parking = runtime_.dispatcher->parking();
    // A node that has started may call one whose turn comes later: that call waits for it.
    for (const auto& node : *nodes)
        parking.close(node->name());
    for (const auto& node : *nodes) {
        if (auto started = start(node); !started) return started;
        parking.open(node->name());
        (void)runtime_.metrics.record(generations_, {node->name()}, 1);
        kept_.keep(node->name(), node->image()->copy(), node->image()->digest());
    }
    return {};
}

void Lifecycle::quiesce_all(SteadyClock::time_point deadline) {
    {
        std::unique_lock lock(mutex_);
        closing_ = true;
        turn_free_.notify_all();
        // A change under way ends by its own limits; what it made is among the nodes below.
        turn_free_.wait_until(lock, deadline, [this] { return !turn_taken_; });
    }
    const auto nodes = runtime_.dispatcher->nodes();
    for (const auto& node : *nodes) {
        runtime_.dispatcher->parking().open(node->name());
        std::function<Result<void>()> quiesce = [node, place = node->hold()] {
            return node->quiesce();
        };
        auto done = host::on_control<void>(control_, deadline, std::move(quiesce));
        if (!done) {
            log(LogLevel::warn,
                "quiesce failed: " + done.error().message,
                {{"node", node->name()}});
        }
    }
}

bool Lifecycle::stop_all(SteadyClock::time_point deadline) {
    bool ended = retirement_.stop(deadline);
    const auto nodes = runtime_.dispatcher->nodes();
    for (auto node = nodes->rbegin(); node != nodes->rend(); ++node) {
        std::function<Result<void>()> end = [ending = *node, deadline] {
            ending->shut_down(deadline);
            return Result<void>{};
        };
        const auto latest =
            std::max(deadline, SteadyClock::now()) + std::chrono::milliseconds(kStopGraceMs);
        const auto done = host::on_control<void>(control_, latest, std::move(end));
        ended = ended && done && (*node)->in_flight() == 0;
    }
    const std::scoped_lock lock(mutex_);
    return ended && !stuck_;
}

void Lifecycle::release() {
    runtime_.dispatcher->set_nodes({});
    const std::scoped_lock lock(mutex_);
    slots_.clear();
    order_.clear();
}

NodeStatus Lifecycle::status_of(const Slot& slot) const {
    NodeStatus out;
    out.name = slot.section.name;
    out.plugin = slot.section.plugin;
    out.state = slot.state;
    out.listen = slot.section.listen;
    out.last_error = slot.last_error;
    out.generation = slot.generation;
    out.retiring = retirement_.retiring(out.name);
    out.images_mapped = retirement_.images_mapped(out.name);
    if (!slot.node) return out;
    const auto& image = *slot.node->image();
    out.version = slot.node->plugin_version();
    out.abi = std::to_string(image.entry().abi_major) + "." +
              std::to_string(image.entry().abi_minor_needed);
    out.file = image.file();
    out.digest = image.digest();
    out.isolation = image.isolation();
    out.since_us = slot.node->since_us();
    out.in_flight = slot.node->requests_in_flight();
    return out;
}

std::vector<NodeStatus> Lifecycle::list() const {
    const std::scoped_lock lock(mutex_);
    std::vector<NodeStatus> out;
    for (const auto& name : order_) {
        const auto slot = slots_.find(name);
        if (slot != slots_.end()) out.push_back(status_of(slot->second));
    }
    return out;
}

void Lifecycle::note_error(const std::string& name, const std::string& message) {
    log(LogLevel::warn, message, {{"node", name}});
    const std::scoped_lock lock(mutex_);
    const auto slot = slots_.find(name);
    if (slot != slots_.end()) slot->second.last_error = message;
}

Result<NodeSection> Lifecycle::section_of(const std::string& name) const {
    const std::scoped_lock lock(mutex_);
    const auto slot = slots_.find(name);
    if (slot != slots_.end()) return slot->second.section;
    std::string known;
    for (const auto& other : order_)
        known += (known.empty() ? "" : ", ") + other;
    return fail("NOT_FOUND", "no node " + name + " on this host; there are " + known);
}

NodeList Lifecycle::serving_with(const std::shared_ptr<NodeInstance>& next,
                                 const std::string& without) const {
    const std::scoped_lock lock(mutex_);
    NodeList out;
    for (const auto& name : order_) {
        if (next && name == next->name()) {
            out.push_back(next);
        } else if (const auto& node = slots_.at(name).node; node && name != without) {
            out.push_back(node);
        }
    }
    return out;
}

}  // namespace onex::host
