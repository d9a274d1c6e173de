#include "host/plugin/request.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace onex::host {
namespace {

struct Heard {
    int done = 0;
    int settled = 0;
    std::string code;
};

std::shared_ptr<RequestState> make(boost::asio::io_context& io,
                                   Heard& heard,
                                   std::int64_t timeout_ms,
                                   CancelPtr parent = {}) {
    RequestState::Parts parts;
    parts.operation = "op";
    parts.timeout_ms = timeout_ms;
    parts.parent = std::move(parent);
    parts.done = [&heard](const Outcome& outcome) {
        ++heard.done;
        heard.code = outcome.output ? "OK" : outcome.output.error().code;
    };
    parts.settled = [&heard](const Outcome&) { ++heard.settled; };
    auto out = std::make_shared<RequestState>(io.get_executor(), std::move(parts));
    out->arm();
    return out;
}

TEST(Request, IsAnsweredExactlyOnce) {
    boost::asio::io_context io;
    Heard heard;
    const auto request = make(io, heard, 60'000);
    EXPECT_TRUE(request->answer({}));
    EXPECT_FALSE(request->answer({fail("INTERNAL", "late"), 0}));
    EXPECT_EQ(heard.done, 1);
    EXPECT_EQ(heard.settled, 1);
    EXPECT_EQ(heard.code, "OK");
}

TEST(Request, TellsTimeoutAtItsDeadlineButSettlesByTheRealAnswer) {
    boost::asio::io_context io;
    Heard heard;
    const auto request = make(io, heard, 1);
    io.run();
    EXPECT_EQ(heard.code, "TIMEOUT");
    EXPECT_EQ(heard.settled, 0);
    EXPECT_TRUE(request->cancelled()->cancelled());
    EXPECT_TRUE(request->answer({}));
    EXPECT_EQ(heard.done, 1);
    EXPECT_EQ(heard.settled, 1);
}

TEST(Request, ADroppedTokenIsAnsweredUnavailable) {
    boost::asio::io_context io;
    Heard heard;
    make(io, heard, 60'000).reset();
    EXPECT_EQ(heard.done, 1);
    EXPECT_EQ(heard.settled, 1);
    EXPECT_EQ(heard.code, "UNAVAILABLE");
}

TEST(Request, IsCancelledWithItsParent) {
    boost::asio::io_context io;
    Heard heard;
    auto parent = std::make_shared<Cancel>();
    const auto request = make(io, heard, 60'000, parent);
    EXPECT_FALSE(request->cancelled()->cancelled());
    parent->cancel();
    EXPECT_TRUE(request->cancelled()->cancelled());
    EXPECT_EQ(request->end_error().code, "CANCELLED");
    EXPECT_EQ(heard.done, 0);  // The node still has to answer.
    request->answer({std::unexpected(request->end_error()), 0});
    EXPECT_EQ(heard.code, "CANCELLED");
}

}  // namespace
}  // namespace onex::host
