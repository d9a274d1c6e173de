// onex.kv/1 over the real store.
#include "plugin_fixture.hpp"

namespace onex::host::test {
namespace {

class KvTest : public PluginTest {
  protected:
    void SetUp() override {
        PluginTest::SetUp();
        kv = script.table<onex_kv_v1>(ONEX_KV_ID);
        ASSERT_NE(kv, nullptr);
    }
    static onex_kv_change change(std::uint32_t kind,
                                 const std::string& key,
                                 const std::string& value = "") {
        return {
            kind, 0, abi(key), {reinterpret_cast<const std::uint8_t*>(value.data()), value.size()}};
    }
    [[nodiscard]] onex_status write(const std::vector<onex_kv_change>& changes,
                                    onex_handle tx = 0) const {
        return kv->write(
            kv->ctx, tx, changes.data(), static_cast<std::uint32_t>(changes.size()), nullptr);
    }
    [[nodiscard]] onex_status put(const std::string& key, const std::string& value) const {
        return write({change(ONEX_KV_PUT, key, value)});
    }
    [[nodiscard]] std::string get(const std::string& key, onex_handle tx = 0) const {
        Slot slot;
        const auto status = kv->get(kv->ctx, tx, abi(key), &slot.writer, nullptr);
        return status == ONEX_OK ? slot.text : "status " + std::to_string(status);
    }
    [[nodiscard]] std::string scan(const std::string& prefix,
                                   const std::string& after,
                                   std::uint32_t limit) const {
        std::string out;
        const auto add = [](void* user, onex_str key, onex_bytes value) -> onex_status {
            auto& to = *static_cast<std::string*>(user);
            to += std::string(key.data, key.size) + "=" +
                  std::string(reinterpret_cast<const char*>(value.data), value.size) + " ";
            return ONEX_OK;
        };
        const auto status =
            kv->scan(kv->ctx, 0, abi(prefix), abi(after), limit, add, &out, nullptr);
        return status == ONEX_OK ? out : "status " + std::to_string(status);
    }
    const onex_kv_v1* kv = nullptr;
};

const std::string kMissing = "status " + std::to_string(ONEX_E_NOT_FOUND);

TEST_F(KvTest, KeepsWhatWasPutInTheOrderOfKeys) {
    inside([&](const onex_request&) {
        EXPECT_EQ(get("a"), kMissing);
        EXPECT_EQ(put("b/2", "two"), ONEX_OK);
        EXPECT_EQ(put("b/1", std::string("o\0ne", 4)), ONEX_OK);
        EXPECT_EQ(put("a", ""), ONEX_OK);
        EXPECT_EQ(put("b/2", "zwei"), ONEX_OK);
        EXPECT_EQ(get("b/1"), std::string("o\0ne", 4));
        EXPECT_EQ(get("a"), "");
        EXPECT_EQ(scan("b/", "", 10), std::string("b/1=o\0ne b/2=zwei ", 18));
        EXPECT_EQ(scan("", "a", 1), std::string("b/1=o\0ne ", 9));
        EXPECT_EQ(scan("b/", "b/2", 10), "");
        EXPECT_EQ(write({change(ONEX_KV_REMOVE, "b/2"), change(ONEX_KV_REMOVE, "nothing")}),
                  ONEX_OK);
        EXPECT_EQ(get("b/2"), kMissing);
    });
}

TEST_F(KvTest, AllOfAWriteOrNothing) {
    inside([&](const onex_request&) {
        ASSERT_EQ(put("taken", "mine"), ONEX_OK);
        EXPECT_EQ(write({change(ONEX_KV_PUT, "new", "1"),
                         change(ONEX_KV_PUT_IF_ABSENT, "taken", "yours")}),
                  ONEX_E_CONFLICT);
        EXPECT_EQ(get("new"), kMissing);
        EXPECT_EQ(get("taken"), "mine");
        EXPECT_EQ(write({change(ONEX_KV_PUT_IF_ABSENT, "free", "1")}), ONEX_OK);
    });
}

TEST_F(KvTest, RefusesWhatDoesNotFit) {
    inside([&](const onex_request&) {
        EXPECT_EQ(put("", "x"), ONEX_E_INVALID_INPUT);
        EXPECT_EQ(put(std::string(513, 'k'), "x"), ONEX_E_INVALID_INPUT);
        EXPECT_EQ(put("\xFF", "x"), ONEX_E_INVALID_INPUT);
        EXPECT_LT(put("large", std::string((1 << 20) + 1, 'x')), 0);
        EXPECT_EQ(write({change(77, "k", "x")}), ONEX_E_INVALID_INPUT);
        EXPECT_EQ(write({}), ONEX_E_INVALID_INPUT);
        EXPECT_EQ(scan("", "", 0), "status " + std::to_string(ONEX_E_INVALID_INPUT));
        EXPECT_EQ(get("k", 4711), "status " + std::to_string(ONEX_E_BAD_HANDLE));
        const std::string megabyte(1 << 20, 'x');
        onex_status last = ONEX_OK;
        for (int i = 0; i < 70 && last == ONEX_OK; ++i)
            last = put("m" + std::to_string(i), megabyte);
        EXPECT_EQ(last, ONEX_E_DENIED) << "64 MiB a node";
        EXPECT_EQ(get("m64"), kMissing) << "what was too much is not there";
    });
}

TEST_F(KvTest, IsPartOfATransaction) {
    const auto* store_table = script.table<onex_store_v1>(ONEX_STORE_ID);
    inside([&](const onex_request& request) {
        const onex_wait wait{5'000, request.token};
        for (const bool keep : {false, true}) {
            onex_handle tx = 0;
            ASSERT_EQ(store_table->begin(store_table->ctx, ONEX_TX_WRITE, wait, &tx, nullptr),
                      ONEX_OK);
            EXPECT_EQ(write({change(ONEX_KV_PUT, "in", "side")}, tx), ONEX_OK);
            EXPECT_EQ(get("in", tx), "side");
            if (keep) {
                EXPECT_EQ(store_table->commit(store_table->ctx, tx, nullptr), ONEX_OK);
            } else {
                store_table->rollback(store_table->ctx, tx);
            }
            EXPECT_EQ(get("in"), keep ? "side" : kMissing);
        }
    });
}

TEST_F(KvTest, ARefusedWriteGivesTheWholeTransactionUp) {
    const auto* store_table = script.table<onex_store_v1>(ONEX_STORE_ID);
    inside([&](const onex_request& request) {
        const onex_wait wait{5'000, request.token};
        ASSERT_EQ(put("taken", "mine"), ONEX_OK);
        const std::string megabyte(1 << 20, 'x');
        for (int i = 0; i < 63; ++i)
            ASSERT_EQ(put("m" + std::to_string(i), megabyte), ONEX_OK);
        for (const auto& refused : {change(ONEX_KV_PUT, "m63", megabyte),
                                    change(ONEX_KV_PUT_IF_ABSENT, "taken", "yours")}) {
            onex_handle tx = 0;
            ASSERT_EQ(store_table->begin(store_table->ctx, ONEX_TX_WRITE, wait, &tx, nullptr),
                      ONEX_OK);
            EXPECT_EQ(write({change(ONEX_KV_PUT, "before", "1")}, tx), ONEX_OK);
            EXPECT_LT(write({refused}, tx), 0);
            EXPECT_EQ(write({change(ONEX_KV_PUT, "after", "1")}, tx), ONEX_E_FAILED_PRECONDITION);
            EXPECT_EQ(store_table->commit(store_table->ctx, tx, nullptr),
                      ONEX_E_FAILED_PRECONDITION);
            EXPECT_EQ(get("before"), kMissing);
        }
        EXPECT_EQ(get("m63"), kMissing);
    });
}

TEST_F(KvTest, IsTheNodesOwn) {
    inside([&](const onex_request&) { ASSERT_EQ(put("mine", "1"), ONEX_OK); });
    EXPECT_EQ(number("SELECT count(*) FROM node_kv WHERE node = 'scripted'"), 1);
    ASSERT_TRUE(execute_once(*store,
                             TxMode::write,
                             "INSERT INTO node_kv (node, key, value, updated_us)"
                             " VALUES ('other', 'theirs', x'31', 0)",
                             {}));
    inside([&](const onex_request&) {
        EXPECT_EQ(get("theirs"), kMissing);
        EXPECT_EQ(scan("", "", 10), "mine=1 ");
    });
}

}  // namespace
}  // namespace onex::host::test
