#include "host/router/multipart.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace onex::host {
namespace {

/// What a body says, as "name(filename)=content;", however it is cut.
struct Heard {
    std::string text;
    bool complete = false;
    std::string error;
};

Heard hear(const std::string& body, std::size_t piece) {
    Heard heard;
    MultipartParser parser("XYZ",
                           {[&](const MultipartParser::Part& part) -> Result<void> {
                                heard.text += part.name + "(" + part.filename + ")=";
                                return {};
                            },
                            [&](std::string_view bytes) -> Result<void> {
                                heard.text += bytes;
                                return {};
                            },
                            [&]() -> Result<void> {
                                heard.text += ";";
                                return {};
                            }});
    for (std::size_t at = 0; at < body.size(); at += piece) {
        if (auto fed = parser.feed(std::string_view(body).substr(at, piece)); !fed) {
            heard.error = fed.error().message;
            return heard;
        }
    }
    heard.complete = parser.complete();
    return heard;
}

TEST(Multipart, TellsPartsHoweverTheBodyIsCut) {
    const std::string body =
        "--XYZ\r\nContent-Disposition: form-data; name=\"checksum\"\r\n\r\nabc\r\n"
        "--XYZ\r\nContent-Disposition: form-data; name=\"package\"; filename=\"a.tar\"\r\n"
        "Content-Type: application/gzip\r\n\r\nbytes\r\n--XY not the end\r\n--XYZ--\r\n";
    for (std::size_t piece = 1; piece <= body.size(); ++piece) {
        const auto heard = hear(body, piece);
        EXPECT_EQ(heard.text, "checksum()=abc;package(a.tar)=bytes\r\n--XY not the end;") << piece;
        EXPECT_TRUE(heard.complete) << piece;
    }
}

TEST(Multipart, RefusesWhatIsNotFramed) {
    struct Case {
        const char* name;
        std::string body;
        bool complete;
        bool error;
    };
    const Case cases[] = {
        {"cut in a part",
         "--XYZ\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nabc",
         false,
         false},
        {"no name", "--XYZ\r\nContent-Disposition: form-data\r\n\r\nabc\r\n--XYZ--", false, true},
        {"garbage after the boundary", "--XYZgarbage\r\n", false, true},
        {"no boundary at all", std::string(20'000, 'x'), false, true},
        {"headers without end", "--XYZ\r\nA: " + std::string(20'000, 'x'), false, true},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto heard = hear(c.body, 7);
        EXPECT_EQ(heard.complete, c.complete);
        EXPECT_EQ(!heard.error.empty(), c.error);
    }
}

TEST(Multipart, FindsTheBoundary) {
    EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=abc"), "abc");
    EXPECT_EQ(multipart_boundary("Multipart/Form-Data; charset=x; Boundary=\"a b\""), "a b");
    EXPECT_EQ(multipart_boundary("application/json"), "");
    EXPECT_EQ(multipart_boundary("multipart/form-data"), "");
    EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=" + std::string(71, 'x')), "");
}

}  // namespace
}  // namespace onex::host
