#include "plugins/deployment_receiver/container_log.hpp"

#include <gtest/gtest.h>

namespace onex::receiver {
namespace {

TEST(ContainerLog, StarsWhatTheContainerWasGiven) {
    const json::object config{{"Env",
                               {"PASSWORD=hunter2-is-long",
                                "PART=hunter2",
                                "SHORT=12345",
                                "EMPTY=",
                                "URL=http://x/?a=b",
                                "PATH=/usr/bin:/bin",
                                "NO_VALUE"}}};
    const json::object image{{"Env", {"PATH=/usr/bin:/bin", "URL=http://other"}}};
    const struct {
        const char *log, *told;
    } cases[] = {
        {"", ""},
        {"all is well", "all is well"},
        {"no hunter2-is-long, hunter2hunter2!", "no ***, ******!"},
        {"12345 of 12345", "12345 of 12345"},
        {"connect http://x/?a=b: refused", "connect ***: refused"},
        {"not in /usr/bin:/bin", "not in /usr/bin:/bin"},
        {"NO_VALUE", "NO_VALUE"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.log);
        EXPECT_EQ(without_values(c.log, config, image), c.told);
    }
    EXPECT_EQ(without_values("hunter2", {}, {}), "hunter2");
    EXPECT_EQ(without_values("in /usr/bin:/bin", config, {}), "in ***")
        << "an image that has gone tells nothing of what is no secret";
}

}  // namespace
}  // namespace onex::receiver
