// Bad days of uploads: an operation never sees a stream end well that did not.
#include "host/store/digest.hpp"
#include "tests/integration/plain_host.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace onex::test {
namespace {

class BadStreams : public PlainHost {
  protected:
    struct Upload {
        host::ClientRequest request;
        std::string nonce;
    };
    /// The head of an upload as a peer signs it.
    Upload head(std::optional<std::uint64_t> announced) const {
        Upload upload{peer_call("count", ""), {}};
        upload.request.headers = {{"Content-Type", "application/octet-stream"}};
        upload.nonce = host::sign_stream(upload.request.headers,
                                         key_,
                                         "studio",
                                         upload.request.method,
                                         upload.request.target,
                                         announced,
                                         now_s());
        return upload;
    }
    /// Sends `bytes` in chunks; `trailers` gets the nonce.
    Answer upload(const std::string& bytes,
                  std::optional<std::uint64_t> announced,
                  const std::function<host::Headers(const std::string& nonce)>& trailers) const {
        auto sent = head(announced);
        auto pipe = std::make_shared<host::Pipe>(64);
        for (std::size_t at = 0; at < bytes.size(); at += host::kChunkBytes) {
            auto chunk = std::make_shared<const std::string>(bytes.substr(at, host::kChunkBytes));
            if (!pipe->push(std::move(chunk), host::Wait::for_ms(1'000))) break;
        }
        pipe->finish();
        sent.request.stream = pipe;
        if (trailers) {
            sent.request.trailers = [fields = trailers(sent.nonce)] { return fields; };
        }
        return send(std::move(sent.request));
    }
};

TEST_F(BadStreams, AreProvedByTheirTrailer) {
    const std::string bytes(1'000'000, 'b');
    const auto digest = host::digest_of(bytes);
    auto flipped = bytes;
    flipped[500'000] ^= 1;
    const auto good = [&](const std::string& nonce) {
        return host::sign_trailer(key_, nonce, bytes.size(), digest);
    };
    const auto forged = [&](const std::string& nonce) {
        auto fields = host::sign_trailer(key_, nonce, bytes.size(), digest);
        fields.set("X-Onex-Blake3", host::digest_of(flipped));
        return fields;
    };
    const auto of_another = [&](const std::string&) {
        return host::sign_trailer(key_, std::string(32, 'a'), bytes.size(), digest);
    };
    const struct {
        const char* name;
        std::string bytes;
        std::optional<std::uint64_t> announced;
        std::function<host::Headers(const std::string&)> trailers;
        unsigned status;
        std::string code;
    } cases[] = {
        {"good", bytes, bytes.size(), good, 200, ""},
        {"good, length not announced", bytes, {}, good, 200, ""},
        {"flipped bit", flipped, bytes.size(), good, 422, "CHECKSUM_MISMATCH"},
        {"flipped bit and forged trailer", flipped, {}, forged, 401, "AUTHENTICATION_FAILED"},
        {"trailer of another request", bytes, {}, of_another, 401, "AUTHENTICATION_FAILED"},
        {"no trailer", bytes, {}, {}, 401, "AUTHENTICATION_FAILED"},
        {"longer than announced", bytes, 999'999, good, 400, "VALIDATION_ERROR"},
        {"shorter than announced", bytes, 1'000'001, good, 400, "VALIDATION_ERROR"},
        {"cut where chunks end",
         bytes.substr(0, host::kChunkBytes),
         {},
         good,
         401,
         "AUTHENTICATION_FAILED"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto answer = upload(c.bytes, c.announced, c.trailers);
        if (c.status == 200) {
            ASSERT_EQ(answer.status, 200U) << answer;
            EXPECT_EQ(answer.json.at("bytes").to_number<std::size_t>(), bytes.size());
        } else {
            expect_error(answer, c.status, c.code);
        }
    }
}

TEST_F(BadStreams, ThatBreakOffLeaveTheHostWell) {
    const auto half_of = [&](const std::string& framing, const std::string& body) {
        RawConnection connection(port_);
        EXPECT_TRUE(connection.write(raw_head(head({}).request) + framing + "\r\n\r\n" + body));
        connection.finish();
        return connection.read_answer();
    };
    const struct {
        const char* name;
        std::string framing, body;
    } cases[] = {
        {"shorter than its Content-Length", "Content-Length: 100000", std::string(50'000, 'x')},
        {"nothing at all", "Content-Length: 100000", ""},
        {"in the middle of a chunk", "Transfer-Encoding: chunked", "ffff\r\nabc"},
        {"without the last chunk", "Transfer-Encoding: chunked", "3\r\nabc\r\n"},
        {"a chunk that lies", "Transfer-Encoding: chunked", "3\r\nabcdef\r\n0\r\n\r\n"},
        {"a chunk beyond all", "Transfer-Encoding: chunked", "fffffffffffffffff\r\nabc\r\n"},
        {"a body longer than its length", "Content-Length: 3", "abcdef"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto answer = half_of(c.framing, c.body);
        EXPECT_FALSE(answer.starts_with("HTTP/1.1 2")) << answer;
        expect_alive();
    }
}

TEST_F(BadStreams, TooLargeIsSaidBeforeAllOfItWasSent) {
    // The contract allows 64 MiB.
    RawConnection connection(port_);
    ASSERT_TRUE(
        connection.write(raw_head(head({}).request) + "Content-Length: 99999999999\r\n\r\n"));
    const auto answer = connection.read_answer();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 413")) << answer;
    expect_alive();
}

}  // namespace
}  // namespace onex::test
