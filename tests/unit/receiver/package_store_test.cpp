#include "plugins/deployment_receiver/package_store.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace onex::receiver {
namespace {

Package stored(const std::string& id,
               const std::string& digest,
               std::int64_t bytes,
               const std::string& blob = {}) {
    Package out;
    out.deployment_id = id;
    out.config_digest = digest;
    out.bytes = bytes;
    out.blob = blob.empty() ? "blob-" + id : blob;
    return out;
}

TEST(PackageStore, LetsGoOfWhatIsNeededLeast) {
    // Latest first, as the journal tells them.
    const std::vector<Package> all{
        stored("d5", "E", 10), stored("d4", "D", 40), stored("d3", "C", 10), stored("d2", "B", 10)};
    const struct {
        std::string name;
        std::vector<Package> stored;
        std::map<std::string, int> needs;
        std::uint64_t bytes_max;
        std::vector<std::string> gone;
    } cases[] = {
        {"nothing is stored", {}, {{"A", 0}}, 100, {}},
        {"all fit", all, {{"E", 0}, {"D", 1}, {"C", 2}, {"B", 3}}, 70, {}},
        {"nobody needs them", all, {}, 100, {"d2", "d3", "d4", "d5"}},
        {"the store is off", all, {{"E", 0}, {"D", 1}}, 0, {"d2", "d3", "d4", "d5"}},
        {"the furthest back goes first", all, {{"E", 0}, {"D", 1}, {"C", 2}, {"B", 3}}, 60, {"d2"}},
        {"rank is not age", all, {{"B", 0}, {"C", 1}, {"D", 2}, {"E", 3}}, 60, {"d5"}},
        {"one that is too large leaves room for others",
         all,
         {{"D", 0}, {"E", 1}, {"C", 2}},
         30,
         {"d2", "d4"}},
        {"the latest of twins stays",
         {stored("d3", "A", 10), stored("d2", "A", 10)},
         {{"A", 1}},
         100,
         {"d2"}},
        {"one file counts once",
         {stored("d3", "A", 10, "same"), stored("d2", "B", 10, "same")},
         {{"A", 0}, {"B", 1}},
         10,
         {}},
        {"whose image nobody knows", {stored("d1", "", 10)}, {{"A", 0}}, 100, {"d1"}},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        std::vector<std::string> gone;
        for (const auto& package : surplus(c.stored, c.needs, c.bytes_max))
            gone.push_back(package.deployment_id);
        std::ranges::sort(gone);
        EXPECT_EQ(gone, c.gone);
    }
}

}  // namespace
}  // namespace onex::receiver
