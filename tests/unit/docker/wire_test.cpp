#include "docker/wire.hpp"

#include "docker/engine.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace onex::docker {
namespace {

TEST(DockerWire, AddressesAreRead) {
    const struct {
        std::string text, unix_socket, base_url;
    } cases[] = {
        {"unix:///var/run/docker.sock", "/var/run/docker.sock", ""},
        {"/tmp/d.sock", "/tmp/d.sock", ""},
        {"tcp://10.0.0.7:2375", "", "http://10.0.0.7:2375"},
        {"http://10.0.0.7:2375/", "", "http://10.0.0.7:2375"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.text);
        const auto address = parse_address(c.text);
        ASSERT_TRUE(address);
        EXPECT_EQ(address->unix_socket, c.unix_socket);
        EXPECT_EQ(address->base_url, c.base_url);
    }
    for (const auto* bad : {"", "docker.sock", "ssh://me@there", "npipe:////./pipe/docker"}) {
        SCOPED_TRACE(bad);
        ASSERT_FALSE(parse_address(bad));
        EXPECT_EQ(parse_address(bad).error().code, "VALIDATION_ERROR");
    }
}

class DockerSearch : public ::testing::Test {
  protected:
    DockerSearch()
        : home_(std::filesystem::temp_directory_path() /
                ("onex_docker_search_" + std::to_string(::getpid()) + "_" +
                 ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
        std::filesystem::create_directories(home_);
    }
    ~DockerSearch() override { std::filesystem::remove_all(home_); }
    void write(const std::string& path, const std::string& text) const {
        std::filesystem::create_directories((home_ / path).parent_path());
        std::ofstream(home_ / path) << text;
    }
    [[nodiscard]] std::vector<std::string> found(const std::string& setting = {},
                                                 const std::string& docker_host = {}) const {
        std::vector<std::string> out;
        const auto addresses = engine_addresses({setting, docker_host, home_.string()});
        if (!addresses) return {addresses.error().code};
        for (const auto& address : *addresses)
            out.push_back(address.text());
        return out;
    }

    std::filesystem::path home_;
};

TEST_F(DockerSearch, SettingThenDockerHostThenUsualPlaces) {
    const std::string fallback = "unix:///var/run/docker.sock";
    EXPECT_EQ(found(), std::vector{fallback});
    EXPECT_EQ(found("/a.sock", "unix:///b.sock"), std::vector<std::string>{"unix:///a.sock"});
    EXPECT_EQ(found("", "unix:///b.sock"), std::vector<std::string>{"unix:///b.sock"});
    EXPECT_EQ(found("nonsense"), std::vector<std::string>{"VALIDATION_ERROR"});
    write(".orbstack/run/docker.sock", "");
    write(".docker/run/docker.sock", "");
    const auto desktop = "unix://" + (home_ / ".docker/run/docker.sock").string();
    const auto orbstack = "unix://" + (home_ / ".orbstack/run/docker.sock").string();
    EXPECT_EQ(found(), (std::vector{desktop, orbstack, fallback}));
}

TEST_F(DockerSearch, CurrentContextComesFirst) {
    write(".docker/contexts/meta/1/meta.json",
          R"({"Name":"other","Endpoints":{"docker":{"Host":"unix:///other.sock"}}})");
    write(".docker/contexts/meta/2/meta.json",
          R"({"Name":"lab","Endpoints":{"docker":{"Host":"tcp://10.0.0.9:2375"}}})");
    write(".docker/config.json", R"({"currentContext":"lab"})");
    EXPECT_EQ(found(),
              (std::vector<std::string>{"http://10.0.0.9:2375", "unix:///var/run/docker.sock"}));
    for (const auto* config : {R"({"currentContext":"default"})",
                               R"({"currentContext":"gone"})",
                               "{}",
                               "[1]",
                               "no JSON"}) {
        SCOPED_TRACE(config);
        write(".docker/config.json", config);
        EXPECT_EQ(found(), std::vector<std::string>{"unix:///var/run/docker.sock"});
    }
}

TEST(DockerWire, ApiVersionIsNegotiated) {
    const struct {
        std::string lowest, newest, chosen;
    } cases[] = {
        {"1.12", "1.41", "1.41"},
        {"1.24", "1.48", "1.48"},
        {"1.24", "1.52", "1.48"},
        {"1.44", "1.52", "1.48"},
        {"1.50", "1.60", "1.50"},
        {"", "1.9", "1.9"},
        {"", "2.0", "1.48"},
        {"1.24", "", ""},
        {"1.24", "new", ""},
        {"1.24", "1.", ""},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.lowest + ".." + c.newest);
        EXPECT_EQ(choose_api(c.lowest, c.newest), c.chosen);
    }
    EXPECT_TRUE(api_at_least("1.24", "1.9"));
    EXPECT_FALSE(api_at_least("1.9", "1.24"));
}

TEST(DockerWire, PathsAndQueriesAreEncoded) {
    EXPECT_EQ(encode("onex/a b:c@d", "/:@"), "onex/a%20b:c@d");
    EXPECT_EQ(encode("../x?y#z"), "..%2Fx%3Fy%23z");
    EXPECT_EQ(encode("\xC3\xA9%"), "%C3%A9%25");
    EXPECT_EQ(query_text({}), "");
    EXPECT_EQ(query_text({{"t", "a&b=c"}, {"q", ""}}), "?t=a%26b%3Dc&q=");
}

TEST(DockerWire, ErrorsKeepDockersWords) {
    const struct {
        unsigned status;
        std::string body, code, part;
    } cases[] = {
        {404, R"({"message":"No such image: x"})", "NOT_FOUND", "No such image: x"},
        {409, R"({"message":"name in use"})", "CONFLICT", "name in use"},
        {400, R"({"message":"bad spec"})", "VALIDATION_ERROR", "bad spec"},
        {500, R"({"message":"write: no space left on device"})", "DISK_FULL", "no space"},
        {500, R"({"message":"driver failed"})", "DOCKER_ERROR", "driver failed"},
        {502, "not JSON", "DOCKER_ERROR", "not JSON"},
        {500, "", "DOCKER_ERROR", "HTTP status 500"},
        {500, R"({"message":7})", "DOCKER_ERROR", "HTTP status 500"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.body);
        const auto error = answer_error(c.status, c.body);
        EXPECT_EQ(error.code, c.code);
        EXPECT_NE(error.message.find(c.part), std::string::npos) << error.message;
    }
    EXPECT_LT(answer_error(500, std::string(1 << 20, 'x')).message.size(), 2000U);
}

TEST(DockerWire, LogFramesBecomeText) {
    const auto frame = [](char stream, const std::string& text) {
        return std::string{stream, 0, 0, 0, 0, 0, 0, static_cast<char>(text.size())} + text;
    };
    EXPECT_EQ(plain_log(frame(1, "out\n") + frame(2, "err\n")), "out\nerr\n");
    EXPECT_EQ(plain_log("a plain line of a terminal\n"), "a plain line of a terminal\n");
    EXPECT_EQ(plain_log(frame(1, "whole") + std::string("\x01\0\0\0\0\0\1\0cut", 11)), "wholecut");
    EXPECT_EQ(plain_log(""), "");
}

TEST(DockerWire, OnlyTagsAreTags) {
    for (const auto* tag : {"web:1", "onex/ns/web:4f1c", "localhost:5000/web:1"})
        EXPECT_TRUE(is_tag(tag)) << tag;
    for (const auto* other :
         {"web", "localhost:5000/web", "sha256:0123", "web@sha256:0123", ":1", "web:", ""}) {
        EXPECT_FALSE(is_tag(other)) << other;
    }
}

TEST(DockerJsonLines, ASuccessWithAnErrorLineIsAnError) {
    const struct {
        std::string name, body, code;
    } cases[] = {
        {"good", "{\"stream\":\"Loaded image: x\"}\n", ""},
        {"empty", "", ""},
        {"detail",
         "{\"status\":\"a\"}\n{\"errorDetail\":{\"message\":\"no manifest\"},\"error\":\"no "
         "manifest\"}\n",
         "DOCKER_ERROR"},
        {"no newline at the end", R"({"error":"unexpected EOF"})", "DOCKER_ERROR"},
        {"disk", R"({"errorDetail":{"message":"no space left on device"}})", "DISK_FULL"},
        {"unpacking", R"({"stream":"Error unpacking image x: boom"})", "DOCKER_ERROR"},
        {"error without text", R"({"error":""})", "DOCKER_ERROR"},
        {"noise", "<html>\n{]\n", ""},
    };
    for (const auto& c : cases) {
        for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
            SCOPED_TRACE(c.name + " in pieces of " + std::to_string(piece));
            JsonLines lines({});
            for (std::size_t at = 0; at < c.body.size(); at += piece)
                ASSERT_TRUE(lines.push(c.body.substr(at, piece)));
            const auto done = lines.finish();
            EXPECT_EQ(done ? "" : done.error().code, c.code);
        }
    }
}

TEST(DockerJsonLines, ALineHasABound) {
    JsonLines lines({});
    Result<void> done;
    for (int i = 0; i < 20 && done; ++i)
        done = lines.push(std::string(100'000, 'x'));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, "DOCKER_ERROR");
}

TEST(DockerImage, IsReadFromInspect) {
    const auto inspected = parse_object(
        R"({"Id":"sha256:1","Architecture":"arm64","Os":"linux","Size":42,"RepoTags":["a:1"],
        "RootFS":{"Layers":["sha256:a","sha256:b"]},"Config":{"Labels":{"k":"v"}}})");
    const auto image = image_info(*inspected);
    EXPECT_EQ(image.id, "sha256:1");
    EXPECT_EQ(image.layers.size(), 2U);
    EXPECT_EQ(image.size_bytes, 42);
    EXPECT_EQ(get_text(image.labels, "k"), "v");
    const auto bare = image_info(
        *parse_object(R"({"Id":7,"RootFS":null,"Config":{"Labels":null},"RepoTags":null})"));
    EXPECT_TRUE(bare.id.empty() && bare.layers.empty() && bare.labels.empty() && bare.tags.empty());
}

}  // namespace
}  // namespace onex::docker
