#include "host/nodes/kept_files.hpp"

#include "host/data_dir.hpp"
#include "host/log.hpp"
#include "host/plugin/library.hpp"
#include "host/store/digest.hpp"
#include "host/store/ids.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace onex::host {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

constexpr std::int64_t kProbationUs = 30LL * 1'000'000;
constexpr std::size_t kRefusedMax = 50;  // of one node; the oldest are forgotten with all others

std::string text_of(const json::object& from, std::string_view key) {
    const auto* value = from.if_contains(key);
    return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

}  // namespace

std::string KeptFiles::path(const std::string& node, const std::string& digest) const {
    return folder_ + "/" + node + "/" + digest + ".so";
}

KeptFiles::State KeptFiles::read(const std::string& node) const {
    State out;
    const auto name = folder_ + "/" + node + "/state.json";
    std::ifstream in(name);
    if (!in) return out;
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    boost::system::error_code ec;
    const auto value = json::parse(text, ec);
    if (ec || !value.is_object()) {
        log(LogLevel::warn, name + " is damaged and counts as absent", {{"node", node}});
        return out;
    }
    const auto& object = value.as_object();
    out.current = text_of(object, "current");
    out.previous = text_of(object, "previous");
    out.on_probation = text_of(object, "on_probation");
    out.disabled = text_of(object, "disabled");
    if (const auto* since = object.if_contains("probation_us"); since && since->is_int64())
        out.probation_us = since->as_int64();
    if (const auto* refused = object.if_contains("refused"); refused && refused->is_object()) {
        for (const auto& one : refused->as_object())
            out.refused[std::string(one.key())] = text_of(refused->as_object(), one.key());
    }
    return out;
}

void KeptFiles::write(const std::string& node, const State& state) const {
    json::object refused;
    for (const auto& [digest, why] : state.refused)
        refused[digest] = why;
    const json::object all{{"current", state.current},
                           {"previous", state.previous},
                           {"on_probation", state.on_probation},
                           {"probation_us", state.probation_us},
                           {"refused", std::move(refused)},
                           {"disabled", state.disabled}};
    std::error_code ec;
    const auto folder = folder_ + "/" + node;
    fs::create_directories(folder, ec);
    for (const auto& own : {folder_, folder})
        fs::permissions(own, fs::perms::owner_all, ec);
    if (auto done = write_durably(folder, "state.json", json::serialize(all)); !done) {
        log(LogLevel::warn,
            "what is remembered of its plugin could not be written: " + done.error().message,
            {{"node", node}});
    }
}

std::optional<KeptFile> KeptFiles::file(const std::string& node, const std::string& digest) const {
    if (!is_digest(digest)) return std::nullopt;
    KeptFile out{path(node, digest), digest, ""};
    // What the disk gives back is loaded as code: only if it is what was kept.
    const auto found = digest_of_file(out.path);
    if (!found || *found != digest) return std::nullopt;
    return out;
}

void KeptFiles::keep(const std::string& node, const std::string& from, const std::string& digest) {
    const std::scoped_lock lock(mutex_);
    auto state = read(node);
    if (state.current == digest && file(node, digest)) return;
    std::error_code ec;
    const auto folder = folder_ + "/" + node;
    fs::create_directories(folder, ec);
    const auto kept = path(node, digest);
    if (!file(node, digest)) {
        fs::copy_file(from, kept + ".new", fs::copy_options::overwrite_existing, ec);
        if (!ec) fs::rename(kept + ".new", kept, ec);
        if (ec) {
            log(LogLevel::warn,
                "its library could not be kept for a rollback: " + ec.message(),
                {{"node", node}});
            return;
        }
    }
    if (state.current != digest) state.previous = std::exchange(state.current, digest);
    write(node, state);
    for (const auto& entry : fs::directory_iterator(folder, ec)) {
        const auto name = entry.path().stem().string();
        const bool library =
            entry.path().extension() == ".so" || entry.path().extension() == ".new";
        if (library && name != state.current && name != state.previous)
            fs::remove(entry.path(), ec);
    }
}

std::optional<KeptFile> KeptFiles::current(const std::string& node) const {
    const std::scoped_lock lock(mutex_);
    return file(node, read(node).current);
}

std::optional<KeptFile> KeptFiles::previous(const std::string& node) const {
    const std::scoped_lock lock(mutex_);
    return file(node, read(node).previous);
}

void KeptFiles::begin_probation(const std::string& node, const std::string& digest) {
    const std::scoped_lock lock(mutex_);
    auto state = read(node);
    state.on_probation = digest;
    state.probation_us = now_us();
    write(node, state);
}

std::optional<KeptFile> KeptFiles::instead_of(const std::string& node,
                                              const std::string& wanted,
                                              const std::vector<CrashRecord>& crashes) {
    const std::scoped_lock lock(mutex_);
    auto state = read(node);
    if (state.current.empty()) return std::nullopt;
    const bool crashed = std::any_of(crashes.begin(), crashes.end(), [&](const auto& crash) {
        return crash.node == node && crash.time_us >= state.probation_us &&
               crash.time_us <= state.probation_us + kProbationUs;
    });
    if (!state.on_probation.empty() && crashed)
        state.refused[state.on_probation] = "it crashed the host within its first 30 s";
    if (!state.on_probation.empty()) {
        state.on_probation.clear();
        write(node, state);
    }
    return stand_in(node, state, wanted);
}

std::optional<KeptFile> KeptFiles::instead_of(const std::string& node,
                                              const std::string& wanted) const {
    const std::scoped_lock lock(mutex_);
    return stand_in(node, read(node), wanted);
}

std::optional<KeptFile> KeptFiles::stand_in(const std::string& node,
                                            const State& state,
                                            const std::string& wanted) const {
    if (state.refused.empty()) return std::nullopt;
    const auto digest = digest_of_file(wanted);
    const auto bad = digest ? state.refused.find(*digest) : state.refused.end();
    if (bad == state.refused.end()) return std::nullopt;
    for (const auto& other : {state.current, state.previous}) {
        if (state.refused.contains(other)) continue;
        if (auto found = file(node, other)) {
            found->why = bad->second;
            return found;
        }
    }
    return std::nullopt;
}

void KeptFiles::refuse(const std::string& node, const std::string& digest, const std::string& why) {
    const std::scoped_lock lock(mutex_);
    auto state = read(node);
    if (state.refused.size() >= kRefusedMax) state.refused.clear();
    state.refused[digest] = why;
    write(node, state);
}

std::optional<std::string> KeptFiles::refused(const std::string& node,
                                              const std::string& digest) const {
    const std::scoped_lock lock(mutex_);
    const auto state = read(node);
    const auto found = state.refused.find(digest);
    if (found == state.refused.end()) return std::nullopt;
    return found->second;
}

void KeptFiles::accept(const std::string& node, const std::string& digest) {
    const std::scoped_lock lock(mutex_);
    auto state = read(node);
    if (state.refused.erase(digest) > 0) write(node, state);
}

void KeptFiles::forget_refusals(const std::string& node) {
    const std::scoped_lock lock(mutex_);
    auto state = read(node);
    if (state.refused.empty()) return;
    state.refused.clear();
    write(node, state);
}

std::optional<std::string> KeptFiles::disabled(const std::string& node) const {
    const std::scoped_lock lock(mutex_);
    const auto state = read(node);
    if (state.disabled.empty()) return std::nullopt;
    return state.disabled;
}

void KeptFiles::set_disabled(const std::string& node, const std::string& why) {
    const std::scoped_lock lock(mutex_);
    auto state = read(node);
    state.disabled = why;
    write(node, state);
}

void KeptFiles::clear_disabled(const std::string& node) {
    const std::scoped_lock lock(mutex_);
    auto state = read(node);
    if (state.disabled.empty()) return;
    state.disabled.clear();
    write(node, state);
}

}  // namespace onex::host
