#include "plugins/lib/workflow/data_flow.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include <algorithm>
#include <numeric>

namespace json = boost::json;

namespace onex::workflow {
namespace {

const json::object* properties_of(const json::object& schema) {
    const auto* properties = schema.if_contains("properties");
    return properties ? properties->if_object() : nullptr;
}

/// The value at "a.b.c", or nullptr. A property that itself has dots in its name wins.
const json::value* at_path(const json::object& from, std::string_view path) {
    if (const auto* whole = from.if_contains(path)) return whole;
    const auto dot = path.find('.');
    if (dot == std::string_view::npos) return nullptr;
    const auto* inner = from.if_contains(path.substr(0, dot));
    return inner && inner->is_object() ? at_path(inner->get_object(), path.substr(dot + 1))
                                       : nullptr;
}

std::string scalar_text(const json::object& from, const std::string& name) {
    const auto* value = name.empty() ? nullptr : from.if_contains(name);
    if (!value || value->is_structured() || value->is_null()) return {};
    return value->is_string() ? std::string(value->get_string()) : json::serialize(*value);
}

std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const auto above = row[j + 1];
            row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row.back();
}

}  // namespace

bool holds(const json::object& when, const json::object& context) {
    return std::ranges::all_of(when, [&](const auto& wanted) {
        const auto* found = at_path(context, wanted.key());
        return found ? *found == wanted.value() : wanted.value().is_null();
    });
}

json::object project(const json::object& context,
                     const json::object& input_schema,
                     const std::map<std::string, std::string>& with) {
    json::object out;
    const auto* properties = properties_of(input_schema);
    if (!properties) return out;
    for (const auto& property : *properties) {
        const auto renamed = with.find(std::string(property.key()));
        const auto* value = renamed == with.end() ? context.if_contains(property.key())
                                                  : at_path(context, renamed->second);
        if (value) out.insert_or_assign(property.key(), *value);
    }
    return out;
}

bool names_property(const json::object& schema, std::string_view property) {
    const auto* properties = properties_of(schema);
    return properties && properties->contains(property);
}

void merge_output(json::object& context,
                  const json::object& output,
                  const std::map<std::string, std::string>& as) {
    for (const auto& member : output) {
        const auto renamed = as.find(std::string(member.key()));
        const std::string_view name = renamed == as.end() ? std::string_view(member.key())
                                                          : std::string_view(renamed->second);
        auto* old = context.if_contains(name);
        if (old && old->is_object() && member.value().is_object()) {
            merge_output(old->get_object(), member.value().get_object());
        } else {
            context.insert_or_assign(name, member.value());
        }
    }
}

json::object run_property(const Model& model,
                          std::string_view workflow_id,
                          const Step& step,
                          std::int64_t deadline_ms) {
    return {{"workflow_id", workflow_id},
            {"stage", step.stage},
            {"operation", step.operation},
            {"attempt", step.attempt},
            {"key", std::string(workflow_id) + '/' + step.key},
            {"deadline_ms", deadline_ms},
            {"gates", gate_settings(model, step.stage)}};
}

Result<SplitOutput> split_output(json::object output) {
    SplitOutput out;
    for (const std::string_view part : {"checks", "artifacts"}) {
        const auto* value = output.if_contains(part);
        if (!value) continue;
        if (!value->is_object()) {
            return fail("VALIDATION_ERROR",
                        "the operation's output " + std::string(part) + " must be an object");
        }
        if (part == "checks") out.checks = read_checks(value->get_object());
    }
    if (const auto* artifacts = output.if_contains("artifacts")) {
        for (const auto& member : artifacts->get_object()) {
            const auto& value = member.value();
            Artifact artifact{
                std::string(member.key()),
                value.is_string() ? std::string(value.get_string()) : json::serialize(value)};
            if (artifact.content.size() > kOutputBytesMax) {
                return fail("RESOURCE_LIMIT_EXCEEDED",
                            "the artifact " + artifact.name + " has " +
                                std::to_string(artifact.content.size()) + " bytes; at most " +
                                std::to_string(kOutputBytesMax));
            }
            out.artifacts.push_back(std::move(artifact));
        }
    }
    output.erase("checks");
    output.erase("artifacts");
    if (const auto bytes = json::serialize(output).size(); bytes > kOutputBytesMax) {
        return fail("RESOURCE_LIMIT_EXCEEDED",
                    "the operation's output has " + std::to_string(bytes) + " bytes; at most " +
                        std::to_string(kOutputBytesMax) + ", more belongs into artifacts");
    }
    out.output = std::move(output);
    return out;
}

std::string target_of(const Model& model, const json::object& input) {
    const auto host = scalar_text(input, model.target_host);
    if (host.empty()) return {};
    const auto port = scalar_text(input, model.target_port);
    return port.empty() ? host : host + ':' + port;
}

std::string subject_of(const Model& model, const json::object& input) {
    return scalar_text(input, model.subject);
}

Result<void> check_names(const Model& model, const json::object& input) {
    const auto* properties = properties_of(model.input_schema);
    if (!properties || model.input_schema.contains("additionalProperties")) return {};
    std::string problem;
    for (const auto& member : input) {
        if (properties->contains(member.key())) continue;
        const std::string_view name = member.key();
        std::string_view nearest;
        std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
        for (const auto& known : *properties) {
            if (const auto d = distance(name.substr(0, 64), known.key()); d < least) {
                least = d;
                nearest = known.key();
            }
        }
        if (!problem.empty()) problem += "; ";
        problem += "unknown input '" + std::string(name.substr(0, 64)) + "'";
        if (!nearest.empty()) problem += ", did you mean '" + std::string(nearest) + "'?";
    }
    if (problem.empty()) return {};
    return fail("VALIDATION_ERROR", model.name + ": " + problem);
}

}  // namespace onex::workflow
