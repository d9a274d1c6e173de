#include "host/router/shared_answer.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include <stdexcept>

namespace onex::host {
namespace {

namespace asio = boost::asio;

class SharedAnswerTest : public testing::Test {
  protected:
    /// Starts a request; what it was answered lands in `answers`.
    void ask(SharedAnswer& shared) {
        const SharedAnswer::Make make = [this]() -> asio::awaitable<ServerResponse> {
            const int run = ++runs;
            // Long enough for all requests that were started before.
            for (int i = 0; i < 50; ++i)
                co_await asio::post(io.get_executor(), asio::use_awaitable);
            if (run <= failing) throw std::runtime_error("no answer");
            ServerResponse response;
            response.body = std::to_string(run);
            co_return response;
        };
        asio::co_spawn(io.get_executor(),
                       shared.get(io.get_executor(), make),
                       [this](const std::exception_ptr& thrown, const ServerResponse& response) {
                           answers.push_back(thrown ? "thrown" : response.body);
                       });
    }
    void run_all() {
        io.run();
        io.restart();
    }

    asio::io_context io{1};
    int runs = 0;
    int failing = 0;
    std::vector<std::string> answers;
};

TEST_F(SharedAnswerTest, OneRunServesAllWhoAskMeanwhile) {
    SharedAnswer shared(std::chrono::milliseconds(0));
    for (int i = 0; i < 10; ++i)
        ask(shared);
    run_all();
    EXPECT_EQ(answers, std::vector<std::string>(10, "1"));
    ask(shared);
    run_all();
    EXPECT_EQ(answers.back(), "2");  // Nothing is fresh for no time.
}

TEST_F(SharedAnswerTest, AFreshAnswerIsToldAgain) {
    SharedAnswer shared(std::chrono::hours(1));
    ask(shared);
    run_all();
    ask(shared);
    run_all();
    EXPECT_EQ(answers, std::vector<std::string>(2, "1"));
}

TEST_F(SharedAnswerTest, ARunThatFailsIsRepeatedByTheNext) {
    failing = 1;
    SharedAnswer shared(std::chrono::hours(1));
    for (int i = 0; i < 3; ++i)
        ask(shared);
    run_all();
    EXPECT_EQ(answers, (std::vector<std::string>{"thrown", "2", "2"}));
}

}  // namespace
}  // namespace onex::host
