// Small measurements for ./x bench; each prints one number.
//   onex_bench blake3 FILE      seconds to hash FILE, read in 256 KiB pieces
//   onex_bench publish FOLDER   milliseconds from publish to committed, median of 200
//   onex_bench authenticate     milliseconds to sign and verify one request, mean of 1000
#include "host/async/pipe.hpp"
#include "host/http/auth.hpp"
#include "host/store/digest.hpp"
#include "host/store/events.hpp"
#include "host/store/store.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace onex::host {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

int tell(double value) {
    std::printf("%.6f\n", value);
    return 0;
}

int give_up(const Error& error) {
    std::fprintf(stderr, "%s: %s\n", error.code.c_str(), error.message.c_str());
    return 1;
}

int blake3(const std::string& file) {
    const auto start = Clock::now();
    std::ifstream in(file, std::ios::binary);
    std::string chunk(kChunkBytes, '\0');
    Digest digest;
    while (in.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) || in.gcount() > 0) {
        digest.update(std::string_view(chunk).substr(0, static_cast<std::size_t>(in.gcount())));
    }
    std::fprintf(stderr, "%s\n", digest.hex().c_str());
    return tell(seconds_since(start));
}

int publish(const std::string& folder) {
    SqliteConfig config;
    config.file = folder + "/bench.db";
    auto store = open_sqlite(config);
    if (!store) return give_up(store.error());
    auto migrations = Migrations::read(ONEX_SOURCE_DIR "/migrations/sqlite");
    if (!migrations) return give_up(migrations.error());
    if (auto up = migrations->up(**store); !up) return give_up(up.error());
    EventBus bus(**store, "bench", "bench");
    std::vector<double> times;
    for (int i = 0; i < 200; ++i) {
        const auto start = Clock::now();
        auto tx = (*store)->begin(TxMode::write, Wait::for_ms(5000));
        if (!tx) return give_up(tx.error());
        Event event;
        event.type = "BENCH";
        event.topic = "dev.bench.v1";
        event.payload = R"({"n": 1})";
        auto id = bus.publish(**tx, event);
        if (!id) return give_up(id.error());
        if (auto done = (*tx)->commit(); !done) return give_up(done.error());
        times.push_back(seconds_since(start) * 1000);
    }
    std::nth_element(times.begin(), times.begin() + 100, times.end());
    return tell(times[100]);
}

int authenticate() {
    const std::vector<SigningKey> keys{{"a:b", "a-secret-of-this-bench", "b"}};
    const std::string body(1024, 'x');
    constexpr int rounds = 1000;
    const auto start = Clock::now();
    for (int i = 0; i < rounds; ++i) {
        Headers headers{{"Content-Type", "application/json"}};
        sign_request(headers, keys[0], "here", "POST", "/onex/v1/x", body, 1000);
        auto verified = verify_request("POST", "/onex/v1/x", headers, keys, {"here"}, 1000);
        if (!verified) return give_up(verified.error());
        if (auto whole = verify_body(*verified, body); !whole) return give_up(whole.error());
    }
    return tell(seconds_since(start) * 1000 / rounds);
}

}  // namespace
}  // namespace onex::host

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    if (what == "blake3" && argc == 3) return onex::host::blake3(argv[2]);
    if (what == "publish" && argc == 3) return onex::host::publish(argv[2]);
    if (what == "authenticate") return onex::host::authenticate();
    std::fprintf(stderr, "usage: onex_bench blake3 FILE | publish FOLDER | authenticate\n");
    return 2;
}
