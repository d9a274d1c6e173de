// The receiver's own HTTP: uploads as the original sender posts them, and the two-header request.
#include "host/store/digest.hpp"
#include "tests/integration/deployment_lab.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/serialize.hpp>

namespace onex::test {
namespace json = boost::json;
namespace {

class Uploads : public DeploymentLab {
  protected:
    /// A service's image as `docker save` writes it.
    std::string package(const std::string& version) {
        const auto context = make_context(version, Service::healthy);
        const auto tar = folder_.path() + "/package.tar";
        const auto tag = app_ + ":" + version;
        EXPECT_EQ(engine->docker("build -t " + tag + " " + context).code, 0);
        EXPECT_EQ(engine->docker("save -o " + tar + " " + tag).code, 0);
        EXPECT_EQ(engine->docker("rmi " + tag).code, 0);
        return read_file(tar);
    }
    host::ClientRequest to_studio(const std::string& target, std::string body) const {
        host::ClientRequest request;
        request.endpoint = tcp(studio_port_);
        request.method = "POST";
        request.target = target;
        request.body = std::move(body);
        return request;
    }
    /// multipart/form-data: fields, then the package as a file.
    host::ClientRequest multipart(const std::string& bytes,
                                  const std::string& checksum,
                                  const std::string& name) const {
        std::string body;
        const auto field = [&](const std::string& key, const std::string& value) {
            body += "--cut\r\nContent-Disposition: form-data; name=\"" + key + "\"\r\n\r\n" +
                    value + "\r\n";
        };
        field("container_name", name);
        field("image_tag", "v1");
        field("checksum", checksum);
        body +=
            "--cut\r\nContent-Disposition: form-data; name=\"package\"; filename=\"p.tar\"\r\n"
            "Content-Type: application/octet-stream\r\n\r\n" +
            bytes + "\r\n--cut--\r\n";
        auto request = to_studio("/deploy", std::move(body));
        request.headers = {{"Content-Type", "multipart/form-data; boundary=cut"}};
        return request;
    }
    /// The original's JSON request, signed by two headers.
    host::ClientRequest two_headers(const json::object& input,
                                    const std::string& secret,
                                    std::int64_t at_s) const {
        auto request = to_studio("/api/deploy", json::serialize(input));
        request.headers = {{"Content-Type", "application/json"}};
        host::sign_deployment(request.headers, secret, request.body, at_s);
        return request;
    }
    json::object request_for(const std::string& id) const {
        return {{"container_name", app_},
                {"image_tag", "v1"},
                {"deployment_id", id},
                {"deployment_config",
                 {{"port_mappings", {{{"host_port", app_port_}, {"container_port", 8080}}}}}},
                {"health_check_config",
                 {{"health_endpoint", "/health"}, {"max_retries", 5}, {"retry_interval_ms", 200}}}};
    }
};

TEST_F(Uploads, UnsignedOnesAreClosedUnlessOpened) {
    ASSERT_NO_FATAL_FAILURE(start_studio());
    const auto answer = send(multipart("bytes", host::digest_of("bytes"), app_));
    EXPECT_EQ(answer.status, 401U) << answer;
    EXPECT_EQ(answer.code, "AUTHENTICATION_FAILED");
    EXPECT_NE(answer.message.find("allow_unsigned_upload"), std::string::npos) << answer;
}

TEST_F(Uploads, AreStoredAndRunOnlyByASignedRequest) {
    receiver_settings_ = "allow_unsigned_upload = true\n";
    ASSERT_NO_FATAL_FAILURE(start_studio());
    const auto bytes = package("v1");
    const auto uploaded = send(multipart(bytes, host::digest_of(bytes), app_));
    ASSERT_EQ(uploaded.status, 202U) << uploaded;
    const auto id = std::string(uploaded.json.at("deployment_id").as_string());
    EXPECT_EQ(containers(), 0);

    auto forged = request_for(id);
    const auto wrong = send(two_headers(forged, "a secret of nobody here at all", now_s()));
    EXPECT_EQ(wrong.status, 401U) << wrong;
    const auto stale = send(two_headers(forged, studio_secret_, now_s() - 400));
    EXPECT_EQ(stale.status, 401U) << stale;
    EXPECT_EQ(send(to_studio("/api/deploy", json::serialize(forged))).status, 401U);
    EXPECT_EQ(containers(), 0);

    const auto request = two_headers(request_for(id), studio_secret_, now_s());
    const auto accepted = send(request);
    ASSERT_EQ(accepted.status, 202U) << accepted;
    EXPECT_EQ(send(request).status, 401U) << "replayed";
    Answer status;
    const auto ended = [&] {
        status = studio_->ask("GET", "/api/deploy/" + id + "/status");
        if (status.status != 200) return false;
        const auto& state = status.json.at("status").as_string();
        return state == "deployed" || state == "failed";
    };
    EXPECT_TRUE(wait_until(ended, 60'000)) << status;
    EXPECT_EQ(status.json.at("status"), "deployed") << status;
    EXPECT_EQ(served(), "v1");
}

TEST_F(Uploads, ThatAreNotWhatTheySayNeverReachDocker) {
    receiver_settings_ = "allow_unsigned_upload = true\n";
    ASSERT_NO_FATAL_FAILURE(start_studio());
    const auto bytes = package("v1");
    auto flipped = bytes;
    flipped[flipped.size() / 2] ^= 1;
    const std::string garbage(100'000, 'g');
    const struct {
        const char* name;
        host::ClientRequest request;
        unsigned status;
    } cases[] = {
        {"flipped bit", multipart(flipped, host::digest_of(bytes), app_), 422},
        {"path as name", multipart(bytes, host::digest_of(bytes), "../../etc/passwd"), 400},
        {"no digest", multipart(bytes, "not a digest", app_), 400},
        {"no package",
         [&] {
             auto request = multipart("", "", app_);
             request.body =
                 "--cut\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--cut--\r\n";
             return request;
         }(),
         400},
        {"cut off",
         [&] {
             auto request = multipart(bytes, host::digest_of(bytes), app_);
             request.body.resize(request.body.size() / 2);
             return request;
         }(),
         400},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto answer = send(c.request);
        EXPECT_EQ(answer.status, c.status) << answer;
        EXPECT_FALSE(answer.message.empty()) << answer;
    }
    // Garbage with a right digest is stored, but Docker never sees it.
    const auto stored = send(multipart(garbage, host::digest_of(garbage), app_));
    if (stored.status == 202U) {
        const auto id = std::string(stored.json.at("deployment_id").as_string());
        (void)send(two_headers(request_for(id), studio_secret_, now_s()));
        Answer status;
        const auto failed = [&] {
            status = studio_->ask("GET", "/api/deploy/" + id + "/status");
            return status.status == 200 && status.json.at("status") == "failed";
        };
        EXPECT_TRUE(wait_until(failed, 30'000)) << status;
    } else {
        EXPECT_EQ(stored.status, 400U) << stored;
    }
    EXPECT_EQ(containers(), 0);
    EXPECT_EQ(studio_->ask("GET", "/health").status, 200U);
}

}  // namespace
}  // namespace onex::test
