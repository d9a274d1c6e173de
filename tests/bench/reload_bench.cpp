// A node with state is replaced again and again while clients ask it without a pause; then the
// watch picks up what a linker writes. Prints "name value" lines; measures, and never fails on
// time.
//   onex_bench_reload [RELOADS [inproc|process]]
#include "tests/bench/reload_clients.hpp"
#include "tests/support/host_process.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/wait.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace onex::test {
namespace {

using Times = std::vector<double>;

constexpr int kWarmUp = 50;  // reloads, before memory is looked at
constexpr int kWatched = 20;

double ms_between(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double, std::milli>(to - from).count();
}

double part_of(Times times, double part) {
    if (times.empty()) return 0;
    std::sort(times.begin(), times.end());
    return times[static_cast<std::size_t>(part * static_cast<double>(times.size() - 1))];
}

void tell(const std::string& name, double value) {
    std::printf("%s %.3f\n", name.c_str(), value);
}

/// The counter of the reload tests, whose answers name this version. See counter.cpp there.
std::string counter_library(int version) {
    static const auto built = read_file(ONEX_BINARY_DIR "/tests/reload/counter_1.so");
    const auto text = "variant:v" + std::to_string(version) + " ";
    auto bytes = built;
    bytes.replace(bytes.find("variant:one"), text.size(), text);
    return bytes;
}

/// A host with one node, whose library is changed here.
class Lab {
  public:
    Lab(const std::string& isolation, bool watch)
        : host_(options(folder_.path(), port_, isolation, watch)) {
        std::filesystem::create_directory(folder_.path() + "/plugins");
    }
    bool start() {
        write(1);
        if (host_.start()) return true;
        std::fprintf(stderr, "the host did not start:\n%s", host_.log().c_str());
        return false;
    }
    /// As a linker would: in pieces, into a file that everybody can see. Returns the last moment.
    Clock::time_point write(int version) const {
        constexpr std::size_t piece = 64 * 1024;
        const auto bytes = counter_library(version);
        const auto file = folder_.path() + "/plugins/counter.so";
        std::filesystem::remove(file);
        std::ofstream out(file, std::ios::binary);
        for (std::size_t at = 0; at < bytes.size(); at += piece)
            out << bytes.substr(at, piece) << std::flush;
        out.close();
        return Clock::now();
    }
    bool reload() const {
        const auto answer = host_.ask("POST", "/onex/v1/plugins/counter/reload");
        if (answer.status != 200) std::fprintf(stderr, "%s\n", answer.body.c_str());
        return answer.status == 200;
    }
    [[nodiscard]] std::int64_t of_node(const char* member) const {
        const auto answer = host_.ask("GET", "/onex/v1/plugins/counter");
        const auto* value =
            answer.json.is_object() ? answer.json.as_object().if_contains(member) : nullptr;
        return value && value->is_int64() ? value->as_int64() : -1;
    }
    /// Memory in KiB, once all earlier generations have gone.
    [[nodiscard]] double memory_kib() const {
        (void)wait_until([&] { return of_node("retiring") == 0; });
        const auto status = read_file("/proc/" + std::to_string(host_.pid()) + "/status");
        const auto at = status.find("VmRSS:");
        return at == std::string::npos ? 0 : std::stod(status.substr(at + 6));
    }
    [[nodiscard]] std::uint16_t port() const { return port_; }

  private:
    static HostOptions options(const std::string& folder,
                               std::uint16_t port,
                               const std::string& isolation,
                               bool watch) {
        HostOptions out;
        out.folder = folder;
        out.in_host = "plugin_dirs = ['" + folder +
                      "/plugins']\nwatch = " + (watch ? "true" : "false") + "\n";
        out.toml =
            "[nodes.counter]\nplugin = 'counter'\nlisten = '127.0.0.1:" + std::to_string(port) +
            "'\nisolation = '" + isolation + "'\n";
        return out;
    }

    TempDir folder_;
    std::uint16_t port_ = free_port();
    HostProcess host_;
};

struct Reload {
    Clock::time_point began;
    Clock::time_point ended;
};

/// For how long the gate kept requests: the longest of those that were open at the moment of the
/// new version's first answer. It has the time of one request in it, so the gate was shorter.
Times gates(const std::vector<std::vector<Asked>>& asked) {
    std::map<int, Clock::time_point> first;
    for (const auto& list : asked) {
        for (const auto& one : list) {
            if (one.version < 2) continue;
            const auto [at, fresh] = first.emplace(one.version, one.ended);
            if (!fresh) at->second = std::min(at->second, one.ended);
        }
    }
    Times out;
    for (const auto& [version, moment] : first) {
        double longest = 0;
        for (const auto& list : asked) {
            const auto open = std::lower_bound(
                list.begin(), list.end(), moment, [](const Asked& one, Clock::time_point when) {
                    return one.ended < when;
                });
            if (open != list.end() && open->began < moment)
                longest = std::max(longest, ms_between(open->began, open->ended));
        }
        out.push_back(longest);
    }
    return out;
}

/// Answers by a version that did not serve at that time, and numbers that were not given once.
int count_wrong(const std::vector<std::vector<Asked>>& asked, const std::vector<Reload>& reloads) {
    int wrong = 0;
    std::vector<std::uint64_t> counts;
    for (const auto& list : asked) {
        for (const auto& one : list) {
            if (one.version == 0) continue;
            counts.push_back(one.count);
            const auto done = std::partition_point(
                reloads.begin(), reloads.end(), [&](auto& r) { return r.ended <= one.began; });
            const auto begun = std::partition_point(
                reloads.begin(), reloads.end(), [&](auto& r) { return r.began < one.ended; });
            if (one.version < 1 + (done - reloads.begin()) ||
                one.version > 1 + (begun - reloads.begin()))
                ++wrong;
        }
    }
    // Numbers that were given twice, and numbers that nobody got.
    std::sort(counts.begin(), counts.end());
    const auto given = counts.size();
    counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
    wrong += static_cast<int>(given - counts.size());
    if (!counts.empty()) wrong += static_cast<int>(counts.back() - counts.size());
    return wrong;
}

bool measure_reloads(int count, const std::string& isolation) {
    Lab lab(isolation, false);
    if (!lab.start()) return false;
    Load load(lab.port());
    std::vector<Reload> reloads;
    Times took;
    double warm_kib = lab.memory_kib();
    for (int i = 0; i < count; ++i) {
        if (i == std::min(kWarmUp, count / 2)) warm_kib = lab.memory_kib();
        lab.write(i + 2);
        Reload reload;
        reload.began = Clock::now();
        if (!lab.reload()) return false;
        reload.ended = Clock::now();
        took.push_back(ms_between(reload.began, reload.ended));
        reloads.push_back(reload);
    }
    const auto& asked = load.end();
    std::size_t answers = 0;
    std::size_t failed = 0;
    for (const auto& list : asked) {
        answers += list.size();
        failed += static_cast<std::size_t>(
            std::count_if(list.begin(), list.end(), [](auto& one) { return one.version == 0; }));
    }
    const auto kept_closed = gates(asked);
    tell("reloads", count);
    tell("requests", static_cast<double>(answers));
    tell("failed", static_cast<double>(failed));
    tell("wrong", count_wrong(asked, reloads));
    tell("reload_p50_ms", part_of(took, 0.5));
    tell("reload_p99_ms", part_of(took, 0.99));
    tell("gate_p50_ms", part_of(kept_closed, 0.5));
    tell("gate_p99_ms", part_of(kept_closed, 0.99));
    tell("growth_kib", lab.memory_kib() - warm_kib);
    tell("memory_kib", warm_kib);
    tell("images_mapped", static_cast<double>(lab.of_node("images_mapped")));
    return true;
}

bool measure_watch(const std::string& isolation) {
    Lab lab(isolation, true);
    if (!lab.start()) return false;
    Asker asker(lab.port());
    Times times;
    for (int version = 2; version < 2 + kWatched; ++version) {
        const auto written = lab.write(version);
        auto asked = asker.ask();
        while (asked.version != version && ms_between(written, asked.ended) < 20'000)
            asked = asker.ask();
        times.push_back(ms_between(written, asked.ended));
    }
    tell("watch_p50_ms", part_of(times, 0.5));
    tell("watch_max_ms", part_of(times, 1));
    return true;
}

}  // namespace
}  // namespace onex::test

int main(int argc, char** argv) {
    const int count = argc > 1 ? std::atoi(argv[1]) : 1000;
    const std::string isolation = argc > 2 ? argv[2] : "inproc";
    if (count > 0 && onex::test::measure_reloads(count, isolation) &&
        onex::test::measure_watch(isolation))
        return 0;
    return 1;
}
