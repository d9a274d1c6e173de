// 1 MiB of text in every string of every contract: a clear refusal, or the answer that a short text
// gets where the schema knows no bound; never a crash.
#include "tests/support/host_process.hpp"
#include "tests/support/temp_dir.hpp"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <functional>
#include <memory>

namespace onex::test {
namespace json = boost::json;
namespace {

const json::object* object_at(const json::object& schema, const char* name) {
    const auto* value = schema.if_contains(name);
    return value != nullptr ? value->if_object() : nullptr;
}

bool allows(const json::object& schema, std::string_view type) {
    const auto* given = schema.if_contains("type");
    if (given == nullptr) return true;
    if (given->is_string()) return given->as_string() == type;
    for (const auto& one : given->as_array()) {
        if (one.as_string() == type) return true;
    }
    return false;
}

/// Something that fits a property well enough to get past it.
json::value sample(const json::object& schema) {
    for (const auto* name : {"example", "default"}) {
        if (const auto* value = schema.if_contains(name)) return *value;
    }
    if (const auto* values = schema.if_contains("enum")) return values->at(0);
    if (allows(schema, "string")) return "sample-name";
    if (allows(schema, "integer") || allows(schema, "number")) return 2000;
    if (allows(schema, "boolean")) return false;
    if (allows(schema, "array")) return json::array{};
    return json::object{};
}

constexpr std::size_t kMebibyte = 1 << 20;
/// Short enough for a body to be let in, so that it is the schema that judges.
constexpr std::size_t kBelowTheLimit = 1'000'000;

/// No text as long as ours can fit it.
bool is_bounded(const json::object& schema) {
    const auto* most = schema.if_contains("maxLength");
    return (most != nullptr && most->to_number<std::size_t>() < kBelowTheLimit) ||
           schema.contains("enum") || schema.contains("const") || schema.contains("format");
}

/// Makes the whole input out of what stands at one place of it.
using Wrap = std::function<json::value(json::value inner)>;
/// A place where a string may stand.
using Use = std::function<void(const std::string& path, bool is_bounded, const Wrap& wrap)>;

/// Calls `use` for each place of `schema` where a string may stand.
void each_string(const json::object& schema,
                 const std::string& path,
                 const Wrap& wrap,
                 const Use& use) {
    if (allows(schema, "string")) use(path, is_bounded(schema), wrap);
    for (const auto* name : {"anyOf", "oneOf", "allOf"}) {
        const auto* choices = schema.if_contains(name);
        if (choices == nullptr) continue;
        for (const auto& choice : choices->as_array())
            each_string(choice.as_object(), path, wrap, use);
    }
    if (const auto* items = object_at(schema, "items")) {
        const auto in_array = [&](json::value inner) {
            return wrap(json::array{std::move(inner)});
        };
        each_string(*items, path + "/0", in_array, use);
    }
    if (const auto* any = object_at(schema, "additionalProperties")) {
        const auto in_object = [&](json::value inner) {
            return wrap(json::object{{"x", std::move(inner)}});
        };
        each_string(*any, path + "/x", in_object, use);
    }
    const auto* properties = object_at(schema, "properties");
    if (properties == nullptr) return;
    json::object base;
    if (const auto* required = schema.if_contains("required")) {
        for (const auto& name : required->as_array()) {
            if (const auto* property = object_at(*properties, name.as_string().c_str())) {
                base[name.as_string()] = sample(*property);
            }
        }
    }
    for (const auto& [name, property] : *properties) {
        if (!property.is_object()) continue;
        const auto in_place = [&, key = std::string(name)](json::value inner) {
            auto whole = base;
            whole[key] = std::move(inner);
            return wrap(std::move(whole));
        };
        each_string(property.as_object(), path + "/" + std::string(name), in_place, use);
    }
}

class LongStrings : public testing::Test {
  protected:
    void SetUp() override {
        const auto docker = "docker_socket = 'unix://" + folder_.path() + "/no.sock'\n";
        HostOptions options{.folder = folder_.path(), .name = "studio"};
        options.toml =
            "[nodes.orchestrator]\nplugin = 'orchestrator'\nlisten = '127.0.0.1:" +
            std::to_string(free_port()) +
            "'\n[nodes.sender]\nplugin = 'deployment_sender'\n[nodes.sender.settings]\n" + docker +
            "[nodes.receiver]\nplugin = 'deployment_receiver'\n" + "[nodes.receiver.settings]\n" +
            docker;
        host_ = std::make_unique<HostProcess>(options);
        ASSERT_TRUE(host_->start()) << host_->log();
    }
    /// Sends an input, as the head of an upload where that is how the operation takes it.
    [[nodiscard]] Answer post(const std::string& target,
                              const json::value& input,
                              bool is_upload) const {
        host::ClientRequest request;
        request.endpoint = host_->admin();
        request.method = "POST";
        request.target = target;
        request.body = json::serialize(input);
        if (is_upload) {
            const std::string part = "--part\r\nContent-Disposition: form-data; name=";
            request.body = part + "\"input\"\r\nContent-Type: application/json\r\n\r\n" +
                           request.body + "\r\n" + part +
                           "\"stream\"; filename=\"x\"\r\n\r\nno package\r\n--part--\r\n";
        }
        request.headers.add("Content-Type",
                            is_upload ? "multipart/form-data; boundary=part" : "application/json");
        return send(std::move(request));
    }
    /// Sends each string that `schema` allows by `post`, and looks at the answers. How many strings
    /// there are.
    int send_each(const json::object& schema,
                  const std::string& what,
                  const std::function<Answer(const json::value& input)>& post) const {
        int places = 0;
        const auto check = [&](const std::string& path, bool is_bounded, const Wrap& wrap) {
            ++places;
            const auto usual = is_bounded ? 400U : post(wrap(json::string(8, 'a'))).status;
            for (const std::size_t size : {kMebibyte, kBelowTheLimit}) {
                const auto answer = post(wrap(json::string(size, 'a')));
                EXPECT_TRUE(answer.status == 400 || answer.status == 413 || answer.status == usual)
                    << what << ' ' << path << ' ' << size << ": not as usual (" << usual << ") "
                    << answer;
                EXPECT_LT(answer.message.size(), 4'096U) << path;
                ASSERT_TRUE(host_->running()) << path << " ended the host";
            }
        };
        each_string(schema, "", [](json::value whole) { return whole; }, check);
        return places;
    }
    void expect_well() const {
        EXPECT_EQ(host_->ask("GET", "/onex/v1/host").status, 200U);
        EXPECT_LT(host_->log().size(), 4'000'000U);  // nobody writes such texts into the log
    }

    TempDir folder_;
    std::unique_ptr<HostProcess> host_;
};

TEST_F(LongStrings, InEveryFieldOfEveryContract) {
    const auto offers = host_->ask("GET", "/onex/v1/operations");
    ASSERT_EQ(offers.status, 200U) << offers;
    int places = 0;
    int uploads = 0;
    for (const auto& offer : offers.json.at("operations").as_array()) {
        const auto& operation = offer.as_object();
        const auto* schema = operation.if_contains("input");
        if (schema == nullptr || !schema->is_object()) continue;
        const auto name = std::string(operation.at("operation").as_string());
        const auto target = "/onex/v1/nodes/" + std::string(operation.at("node").as_string()) +
                            "/operations/" + name;
        const auto* stream = operation.if_contains("stream_in");
        const bool is_upload = stream != nullptr && stream->is_bool() && stream->as_bool();
        uploads += is_upload ? 1 : 0;
        places += send_each(schema->as_object(), name, [&](const json::value& input) {
            return post(target, input, is_upload);
        });
    }
    EXPECT_GT(places, 50);
    EXPECT_GT(uploads, 0);
    expect_well();
}

TEST_F(LongStrings, InEveryInputOfEveryWorkflow) {
    int begun = 0;
    // What is accepted begins a run; nothing of it shall go on.
    const auto start_and_cancel = [&](const std::string& target, const json::value& input) {
        auto answer = post(target, input, false);
        if (answer.status != 202) return answer;
        ++begun;
        const auto id = std::string(answer.json.at("workflow_id").as_string());
        const auto cancelled = host_->ask("POST", "/workflows/" + id + "/cancel", "{}");
        EXPECT_TRUE(cancelled.status == 202 || cancelled.status == 409) << cancelled;
        return answer;
    };
    for (const auto* name : {"deployment_workflow", "rollback_workflow"}) {
        SCOPED_TRACE(name);
        const auto target = std::string("/api/v1/workflows/") + name;
        const auto told = host_->ask("GET", target);
        ASSERT_EQ(told.status, 200U) << told;
        const auto start = [&](const json::value& input) {
            return start_and_cancel(target, input);
        };
        EXPECT_GT(send_each(told.json.at("input").as_object(), name, start), 3);
    }
    EXPECT_LT(begun, 10) << "bounds of the contracts are gone";
    expect_well();
}

}  // namespace
}  // namespace onex::test
