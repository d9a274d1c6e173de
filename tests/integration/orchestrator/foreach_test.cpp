// Operations and stages that are repeated for each item of a list, also on several hosts.
#include "tests/integration/orchestrator/steps_lab.hpp"
#include "tests/support/network.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <array>

namespace onex::test {
namespace {

namespace json = boost::json;

class Foreach : public StepsLab {
  protected:
    [[nodiscard]] static std::string repeated(const std::string& operations) {
        auto yaml = contract(operations);
        const std::string before = "    garden: {type: string, minLength: 1, maxLength: 32}\n";
        const auto at = yaml.find(before);
        EXPECT_NE(at, std::string::npos);
        return yaml.insert(at, "    places: {type: array}\n");
    }
    [[nodiscard]] json::object places(json::array list, json::object plan = {}) const {
        auto out = input(std::move(plan));
        out["places"] = std::move(list);
        return out;
    }
    /// "paint rose, paint lily" of the second stage.
    static std::string second_stage(const json::object& status) {
        std::string out;
        for (const auto& one : status.at("stages").as_array().at(1).at("operations").as_array()) {
            const auto* item = one.as_object().if_contains("item");
            out += (out.empty() ? "" : ", ") + std::string(one.at("operation_name").as_string());
            if (item) out += " " + json::serialize(*item);
        }
        return out;
    }
    /// To which peer each call with a key like that went.
    [[nodiscard]] std::string peers_of(const std::string& id, const std::string& keys) const {
        const auto column =
            "SELECT json_extract(resolution, '$.target') FROM steps WHERE "
            "workflow_id = ? AND key LIKE '" +
            keys + "' ORDER BY idx";
        return query(column, id);
    }
};

TEST_F(Foreach, CallsAnOperationForEachItem) {
    const auto id = begin_contract(repeated("[{name: paint, foreach: {in: places, as: garden}}]"),
                                   places({"lily", "tulip"}));
    const auto end = wait_for(id);
    EXPECT_EQ(text(end, "state"), "COMPLETED") << json::serialize(end);
    EXPECT_EQ(second_stage(end), R"(paint "lily", paint "tulip")");
    EXPECT_EQ(
        query("SELECT key FROM steps WHERE workflow_id = ? AND stage = 'colour' ORDER BY idx", id),
        "colour/paint/0 colour/paint/1");
}

TEST_F(Foreach, GoesOnWithTheItemInHandAfterACrash) {
    const auto id =
        begin_contract(repeated("[{name: paint, foreach: {in: places}}]"),
                       places({1, 2, 3}, {{"colour/paint", "wait_for:" + folder_.path() + "/go"}}));
    ASSERT_TRUE(in_operation(id, "paint"));
    host_->kill();
    touch("go");
    ASSERT_TRUE(host_->start()) << host_->log();
    const auto end = wait_for(id);
    EXPECT_EQ(text(end, "state"), "COMPLETED") << json::serialize(end);
    EXPECT_NE(journal().find("paint colour/paint/0 , paint colour/paint/0 , paint colour/paint/1 "
                             ", paint colour/paint/2 "),
              std::string::npos)
        << journal();
}

TEST_F(Foreach, RefusesAListThatIsTooLong) {
    const auto answer =
        host_->ask("POST",
                   "/api/v1/workflows",
                   json::serialize(json::object{
                       {"contract", repeated("[{name: paint, foreach: {in: places}}]")},
                       {"input", places(json::array(101, json::value(1)))}}));
    EXPECT_EQ(answer.status, 400U) << answer;
    EXPECT_NE(answer.body.find("places"), std::string::npos) << answer;
}

/// Two further hosts with gardens.
class ForeachHost : public Foreach {
  protected:
    void SetUp() override {
        Foreach::SetUp();
        write_file(folder_.path() + "/key", std::string(64, 'k'));
        std::string peers;
        for (std::size_t i = 0; i < kNames.size(); ++i) {
            const auto port = std::to_string(free_port());
            addresses_[i] = "127.0.0.1:" + port;
            peers += peer(kNames[i], port);
            HostOptions options{.folder = folder_.path(), .name = kNames[i]};
            options.in_host = "plugin_dirs = ['" ONEX_BINARY_DIR "/tests/plugins']\n";
            options.toml = "[nodes.garden]\nplugin = 'garden'\nlisten = '" + addresses_[i] + "'\n" +
                           peer("laptop", std::to_string(port_));
            hosts_[i] = std::make_unique<HostProcess>(options);
            ASSERT_TRUE(hosts_[i]->start()) << hosts_[i]->log();
        }
        start_host(peers);
    }
    [[nodiscard]] std::string peer(const std::string& name, const std::string& port) const {
        return "[peers." + name + "]\nurl = 'http://127.0.0.1:" + port +
               "'\nkey = 'file:" + folder_.path() + "/key'\n";
    }

    static constexpr std::array<const char*, 2> kNames{"north", "south"};
    std::array<std::string, 2> addresses_;
    std::array<std::unique_ptr<HostProcess>, 2> hosts_;
};

constexpr const char* kRolling =
    "[{name: paint, on: target, compensate: {name: fill, on: target}}, {name: dig}]\n"
    "    foreach: {in: places, as: place, target: true}";

TEST_F(ForeachHost, RollsOutHostAfterHost) {
    const auto id = begin_contract(
        repeated(kRolling),
        places({addresses_[0],
                json::object{{"host", "127.0.0.1"}, {"port", addresses_[1].substr(10)}}}));
    const auto end = wait_for(id);
    EXPECT_EQ(text(end, "state"), "COMPLETED") << json::serialize(end);
    EXPECT_EQ(peers_of(id, "colour/paint%"), "north south");
    EXPECT_EQ(peers_of(id, "colour/dig%"), "") << "an operation of the source stays there";
    EXPECT_EQ(peers_of(id, "COMPLETED/farewell%"), "north south") << "and this host";
    EXPECT_EQ(end.at("gates").as_array().size(), 3U) << "is_bright is scored for each host";
}

TEST_F(ForeachHost, RollsBackTheHostsThatItReachedTheLastFirst) {
    const auto id =
        begin_contract(repeated("[{name: paint, on: target, compensate: {name: fill, on: target}, "
                                "foreach: {in: places, target: true}}, {name: dig}]"),
                       places({addresses_[0], addresses_[1]}, {{"colour/dig", "fail:NEVER"}}));
    const auto end = wait_for(id);
    EXPECT_EQ(text(end, "state"), "ROLLBACK_COMPLETED") << json::serialize(end);
    EXPECT_EQ(peers_of(id, "colour/paint%"), "north south");
    EXPECT_EQ(peers_of(id, "ROLLING_BACK/fill%"), "south north");
}

TEST_F(ForeachHost, RefusesAnItemThatNamesNoHost) {
    const auto id = begin_contract(repeated(kRolling), places({7}));
    const auto end = wait_for(id);
    EXPECT_NE(json::serialize(end.at("error")).find("names no host"), std::string::npos)
        << json::serialize(end);
}

}  // namespace
}  // namespace onex::test
