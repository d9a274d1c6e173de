// onex.contract/1: YAML and JSON Schema for plugins that read contracts of their own.
#include "host/contract/schema.hpp"
#include "host/contract/yaml.hpp"
#include "host/plugin/services.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace onex::host {

namespace json = boost::json;

namespace {

Result<json::value> parse(onex_str text) {
    boost::system::error_code ec;
    json::parse_options options;
    options.max_depth = 64;
    auto value = json::parse(view(text), ec, {}, options);
    if (ec) return fail("VALIDATION_ERROR", "not valid JSON: " + ec.message());
    return value;
}

onex_status parse_yaml_text(
    void*, onex_str text, onex_writer* out, onex_writer* places, onex_error* error) {
    return guarded(error, [&]() -> onex_status {
        auto document = parse_yaml(view(text));
        if (!document) return report(document.error(), error);
        if (places) {
            json::object lines;
            for (const auto& [pointer, place] : document->places)
                lines[pointer] = json::array{place.line, place.column};
            if (const auto status = append(places, json::serialize(lines)); status < 0)
                return status;
        }
        return append(out, json::serialize(document->root));
    });
}

onex_status compile(void* ctx, onex_str schema, onex_handle* out, onex_error* error) {
    return guarded(error, [&]() -> onex_status {
        auto source = parse(schema);
        if (!source) return report(source.error(), error);
        auto compiled = Schema::compile(*source);
        if (!compiled) return report(compiled.error(), error);
        *out = node_of(ctx).schemas.add(std::make_shared<Schema>(std::move(*compiled)));
        return ONEX_OK;
    });
}

onex_status check(
    void* ctx, onex_handle schema, onex_str text, onex_writer* out, onex_error* error) {
    return guarded(error, [&]() -> onex_status {
        const auto compiled = node_of(ctx).schemas.find(schema);
        if (!compiled) return report({"BAD_HANDLE", "this schema was released", {}, {}}, error);
        auto value = parse(text);
        if (!value) return report(value.error(), error);
        if (auto valid = compiled->check(*value); !valid) return report(valid.error(), error);
        return append(out, json::serialize(*value));
    });
}

onex_status release(void* ctx, onex_handle schema) {
    return guarded(nullptr,
                   [&] { return node_of(ctx).schemas.take(schema) ? ONEX_OK : ONEX_E_BAD_HANDLE; });
}

}  // namespace

void fill_contract_service(ServiceTables& tables) {
    tables.contract = {
        sizeof(onex_contract_v1), 0, nullptr, parse_yaml_text, compile, check, release};
}

}  // namespace onex::host
