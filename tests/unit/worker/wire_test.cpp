// The other side of the socket may be anything: nothing that it sends may do harm.
#include "host/worker/channel.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <random>
#include <thread>

namespace onex::host::worker {
namespace {

std::pair<Fd, Fd> sockets() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    return {Fd(ends[0]), Fd(ends[1])};
}

TEST(Wire, ReadsBackWhatWasWritten) {
    Packer out;
    out.number(std::int64_t{-7}).text("ünï").number(2.5).text("").number(std::uint8_t{1});
    Unpacker in(out.bytes());
    EXPECT_EQ(in.number<std::int64_t>(), -7);
    EXPECT_EQ(in.text(), "ünï");
    EXPECT_EQ(in.number<double>(), 2.5);
    EXPECT_EQ(in.text(), "");
    EXPECT_EQ(in.number<std::uint8_t>(), 1);
    EXPECT_TRUE(in.done());
    Packer failure;
    failure.result(-5, {"CONFLICT", "no", "{}", {}});
    Unpacker back(failure.bytes());
    Error error;
    EXPECT_EQ(back.result(error), -5);
    EXPECT_EQ(error.code + error.message + error.details, "CONFLICTno{}");
}

TEST(Wire, WhatIsMissingReadsAsNothing) {
    Packer whole;
    whole.number(std::uint32_t{9}).text("a text").number(std::uint64_t{1});
    for (std::size_t size = 0; size < whole.bytes().size(); ++size) {
        SCOPED_TRACE(size);
        Unpacker in(std::string_view(whole.bytes()).substr(0, size));
        (void)in.number<std::uint32_t>();
        (void)in.text();
        (void)in.number<std::uint64_t>();
        EXPECT_FALSE(in.ok());
        EXPECT_EQ(in.text(), "");
    }
    // A length far beyond the end.
    Packer liar;
    liar.number(std::uint32_t{0xFFFFFFFF});
    Unpacker in(liar.bytes());
    EXPECT_EQ(in.text(), "");
    EXPECT_FALSE(in.ok());
}

TEST(Wire, RefusesHeadsThatAreNotSound) {
    EXPECT_TRUE(is_sound({16, Type::call, Method::ping, 1}));
    EXPECT_FALSE(is_sound({kFrameBytesMax + 1, Type::call, Method::ping, 1}));
    EXPECT_FALSE(is_sound({0, static_cast<Type>(3), Method::ping, 1}));
    EXPECT_FALSE(is_sound({0, Type::call, Method::count_, 1}));
}

TEST(Channel, AsksAndAnswers) {
    auto [a, b] = sockets();
    Channel near(std::move(a));
    Channel far(std::move(b));
    std::thread near_reader([&] { near.run([](Type, Method, std::uint64_t, std::string) {}); });
    std::thread far_reader([&] {
        far.run([&](Type type, Method method, std::uint64_t id, std::string body) {
            EXPECT_EQ(type, Type::call);
            EXPECT_EQ(method, Method::secret);
            // Notices of a call come before its answer, in their order.
            far.notice(Method::progress, id, Packer().text("1"));
            far.notice(Method::progress, id, Packer().text("2"));
            far.reply(id, Packer().text("to " + body.substr(4)));
        });
    });
    // hand_over() is the reader's business: here the notices are nobody's, and do no harm.
    for (int i = 0; i < 3; ++i) {
        const auto told = near.call(Method::secret, Packer().text("you"), deadline_in(10'000));
        ASSERT_TRUE(told) << told.error().message;
        EXPECT_EQ(Unpacker(*told).text(), "to you");
    }
    Packer large;
    large.text(std::string(kFrameBytesMax, 'x'));
    EXPECT_EQ(near.call(Method::secret, large, deadline_in(1'000)).error().code,
              "RESOURCE_LIMIT_EXCEEDED");
    far.close();
    EXPECT_EQ(near.call(Method::secret, {}, deadline_in(10'000)).error().code, "UNAVAILABLE");
    near_reader.join();
    far_reader.join();
}

TEST(Channel, ACallEndsByItsDeadlineOrWithTheChannel) {
    auto [a, b] = sockets();
    Channel near(std::move(a));
    std::thread reader([&] { near.run([](Type, Method, std::uint64_t, std::string) {}); });
    EXPECT_EQ(near.call(Method::ping, {}, deadline_in(30)).error().code, "TIMEOUT");
    auto waiting = std::async(std::launch::async, [&] {
        return near.call(Method::ping, {}, SteadyClock::time_point::max());
    });
    b.reset();
    EXPECT_EQ(waiting.get().error().code, "UNAVAILABLE");
    reader.join();
}

TEST(Channel, NonsenseClosesItAndNothingElse) {
    std::mt19937 random(20260101);
    for (int round = 0; round < 200; ++round) {
        SCOPED_TRACE(round);
        auto [a, b] = sockets();
        Channel near(std::move(a));
        std::thread reader([&] {
            near.run([&](Type, Method, std::uint64_t id, std::string body) {
                Unpacker in(body);
                (void)in.text();
                (void)in.number<std::uint64_t>();
                near.hand_over(Method::line, id, std::move(body));
            });
        });
        std::string noise(16 + random() % 400, '\0');
        for (auto& c : noise)
            c = static_cast<char>(random());
        if (round % 2 == 0) {  // A sound head, so that the body is looked at.
            const Head head{static_cast<std::uint32_t>(random() % 64),
                            static_cast<Type>(random() % 3),
                            static_cast<Method>(random() % 40),
                            random() % 4};
            noise.replace(0, sizeof(head), reinterpret_cast<const char*>(&head), sizeof(head));
        }
        (void)::write(b.get(), noise.data(), noise.size());
        b.reset();
        reader.join();
        EXPECT_TRUE(near.closed());
    }
}

}  // namespace
}  // namespace onex::host::worker
