// 1 MB of text in every string of every contract: a clear refusal or a normal answer, never a
// crash.
#include "tests/support/host_process.hpp"
#include "tests/support/temp_dir.hpp"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>

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

/// Calls `use` with an input for each place where a string may stand, that string being `text`.
void each_string(const json::object& schema,
                 const json::string& text,
                 const std::string& path,
                 const std::function<void(const std::string& path, json::value)>& use) {
    if (allows(schema, "string")) use(path, text);
    if (const auto* items = object_at(schema, "items")) {
        each_string(*items, text, path + "/0", [&](const std::string& place, json::value inner) {
            use(place, json::array{std::move(inner)});
        });
    }
    if (const auto* any = object_at(schema, "additionalProperties")) {
        each_string(*any, text, path + "/x", [&](const std::string& place, json::value inner) {
            use(place, json::object{{"x", std::move(inner)}});
        });
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
        each_string(property.as_object(),
                    text,
                    path + "/" + std::string(name),
                    [&, key = name](const std::string& place, json::value inner) {
                        auto whole = base;
                        whole[key] = std::move(inner);
                        use(place, std::move(whole));
                    });
    }
}

TEST(LongStrings, InEveryFieldOfEveryContract) {
    const TempDir folder;
    const auto docker = "docker_socket = 'unix://" + folder.path() + "/no.sock'\n";
    HostOptions options{.folder = folder.path(), .name = "studio"};
    options.toml = "[nodes.orchestrator]\nplugin = 'orchestrator'\nlisten = '127.0.0.1:" +
                   std::to_string(free_port()) +
                   "'\n[nodes.sender]\nplugin = 'deployment_sender'\n[nodes.sender.settings]\n" +
                   docker + "[nodes.receiver]\nplugin = 'deployment_receiver'\n" +
                   "[nodes.receiver.settings]\n" + docker;
    HostProcess host(options);
    ASSERT_TRUE(host.start()) << host.log();
    const auto offers = host.ask("GET", "/onex/v1/operations");
    ASSERT_EQ(offers.status, 200U) << offers;

    const json::string text(1'000'000, 'a');
    int fields = 0;
    for (const auto& offer : offers.json.at("operations").as_array()) {
        const auto& operation = offer.as_object();
        const auto name = std::string(operation.at("operation").as_string());
        const auto target = "/onex/v1/nodes/" + std::string(operation.at("node").as_string()) +
                            "/operations/" + name;
        const auto* schema = operation.if_contains("input");
        if (schema == nullptr || !schema->is_object()) continue;
        each_string(
            schema->as_object(), text, name, [&](const std::string& place, json::value input) {
                ++fields;
                const auto before = std::chrono::steady_clock::now();
                const auto answer = host.ask("POST", target, json::serialize(input));
                const auto took = std::chrono::steady_clock::now() - before;
                EXPECT_NE(answer.status, 0U) << place << ' ' << answer;
                EXPECT_NE(answer.status, 500U) << place << ' ' << answer;
                EXPECT_LT(took, std::chrono::seconds(10)) << place << ' ' << answer;
                EXPECT_LT(answer.message.size(), 4'096U) << place;
                ASSERT_TRUE(host.running()) << place << " ended the host";
            });
    }
    EXPECT_GT(fields, 50);
    EXPECT_EQ(host.ask("GET", "/onex/v1/host").status, 200U);
    EXPECT_LT(host.log().size(), 4'000'000U);  // nobody writes such texts into the log
}

}  // namespace
}  // namespace onex::test
