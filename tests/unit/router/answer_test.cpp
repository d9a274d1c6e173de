#include "host/peer/answer.hpp"

#include "host/ids.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace onex::host {
namespace {

const SigningKey kKey{"a:b", "a secret of sixteen", "b"};

TEST(PeerAnswer, CarriesProgressAndASignedResult) {
    const auto text = progress_line({1, 5, 10, "line"}) + alive_line() +
                      result_lines({std::string(R"({"x":1})"), 0}, kKey, "nonce");
    for (std::size_t piece : {std::size_t{1}, std::size_t{7}, text.size()}) {
        LineReader reader(kKey, "nonce");
        std::vector<ProgressInfo> heard;
        for (std::size_t at = 0; at < text.size(); at += piece) {
            auto fed = reader.feed(std::string_view(text).substr(at, piece),
                                   [&](const ProgressInfo& info) { heard.push_back(info); });
            ASSERT_TRUE(fed) << fed.error().message;
        }
        ASSERT_EQ(heard.size(), 1U);
        EXPECT_EQ(heard[0].done, 5U);
        EXPECT_EQ(heard[0].text, "line");
        ASSERT_TRUE(reader.result());
        EXPECT_EQ(**reader.result(), R"({"x":1})");
    }
}

TEST(PeerAnswer, AnOutputKeepsToItsLineAndMayBeDeep) {
    const auto deep = std::string(60, '[') + std::string(60, ']');
    for (const auto& output : {std::string("{\n  \"x\":\r\n 1\n}"), R"({"a":)" + deep + "}"}) {
        LineReader reader(kKey, "nonce");
        const auto fed = reader.feed(result_lines({output, 0}, kKey, "nonce"), {});
        ASSERT_TRUE(fed) << fed.error().message;
        ASSERT_TRUE(reader.result() && *reader.result());
    }
}

TEST(PeerAnswer, KeepsAnErrorsCodeAndDetails) {
    const Error error{"DISK_FULL", "no room", R"({"free":3})", "id"};
    LineReader reader(kKey, "nonce");
    ASSERT_TRUE(reader.feed(result_lines({std::unexpected(error), 0}, kKey, "nonce"), {}));
    ASSERT_TRUE(reader.result());
    ASSERT_FALSE(*reader.result());
    EXPECT_EQ(reader.result()->error().code, "DISK_FULL");
    EXPECT_EQ(reader.result()->error().details, R"({"free":3})");
    EXPECT_EQ(reader.result()->error().correlation_id, "id");
}

TEST(PeerAnswer, IsNotBelievedWithoutItsSignature) {
    const auto good = result_lines({std::string("{}"), 0}, kKey, "nonce");
    struct Case {
        const char* name;
        std::string text;
        std::string nonce;
    };
    auto changed = good;
    changed.replace(changed.find("{}"), 2, "[]");
    const Case cases[] = {
        {"changed result", changed, "nonce"},
        {"answer to another request", good, "other"},
        {"signed by another",
         result_lines({std::string("{}"), 0}, {"a:b", "another secret of 16", "b"}, "nonce"),
         "nonce"},
        {"not json", "hello\n", "nonce"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        LineReader reader(kKey, c.nonce);
        EXPECT_FALSE(reader.feed(c.text, {}));
        EXPECT_FALSE(reader.result());
    }
    LineReader unsigned_result(kKey, "nonce");
    EXPECT_TRUE(unsigned_result.feed(good.substr(0, good.find('\n') + 1), {}));
    EXPECT_FALSE(unsigned_result.result());
}

}  // namespace
}  // namespace onex::host
