#include "host/maintenance.hpp"

#include "host/store/ids.hpp"
#include "store_fixture.hpp"

#include <tuple>

namespace onex::host::test {
namespace {

constexpr std::int64_t kDayUs = 24LL * 3600 * 1'000'000;
constexpr std::int64_t kEventBytes = 1'000;

class MaintenanceTest : public StoreTest {
  protected:
    void SetUp() override {
        StoreTest::SetUp();
        keys = std::make_unique<OperationKeys>(*store, "boot");
        nonces = std::make_unique<Nonces>(*store);
    }
    /// Ten events of kEventBytes, a day apart; the newest is of now.
    void add_events() {
        for (int i = 0; i < 10; ++i) {
            auto done = execute_once(
                *store,
                TxMode::write,
                "INSERT INTO events (id, type, topic, partition_key, correlation_id, workflow_id,"
                " source, host_id, time_us, payload, metadata) VALUES (:id, 'T', 't', '', '', '',"
                " 's', 'h', :time_us, :payload, '{}')",
                {{"id", "e" + std::to_string(i)},
                 {"time_us", now_us() - (9 - i) * kDayUs},
                 {"payload", std::string(kEventBytes - 258, 'x')}});
            ASSERT_TRUE(done) << done.error().message;
        }
    }
    void forget(Keep keep) { prune(*store, *keys, *nonces, keep); }
    std::unique_ptr<OperationKeys> keys;
    std::unique_ptr<Nonces> nonces;
};

TEST_F(MaintenanceTest, ForgetsEventsByAgeAndBySize) {
    add_events();
    forget({20, 1 << 20});
    EXPECT_EQ(number("SELECT count(*) FROM events"), 10);
    forget({5, 1 << 20});
    EXPECT_EQ(number("SELECT count(*) FROM events"), 5);
    forget({5, 3 * kEventBytes});
    EXPECT_LE(number("SELECT count(*) FROM events"), 3);
    EXPECT_EQ(number("SELECT count(*) FROM events WHERE id = 'e9'"), 1) << "the newest stays";
}

TEST_F(MaintenanceTest, KeepsWhatAReaderHasNotSeen) {
    add_events();
    const auto fourth = number("SELECT sequence FROM events WHERE id = 'e3'");
    for (const auto& [group, position, days_ago] :
         {std::tuple{"slow", fourth, 89}, std::tuple{"removed", fourth - 3, 91}}) {
        ASSERT_TRUE(execute_once(*store,
                                 TxMode::write,
                                 "INSERT INTO subscriptions (group_name, topic_prefix, position,"
                                 " updated_us) VALUES (:group, '', :position, :updated_us)",
                                 {{"group", group},
                                  {"position", position},
                                  {"updated_us", now_us() - days_ago * kDayUs}}));
    }
    forget({90, kEventBytes});
    EXPECT_EQ(number("SELECT count(*) FROM events"), 6) << "those after the slow one's position";
}

}  // namespace
}  // namespace onex::host::test
