#include "host/contract/schema.hpp"

#include <boost/json/serialize.hpp>

// valijson 1.0 stands in this file alone. Without this word it ends the process on a bad schema.
#define VALIJSON_USE_EXCEPTIONS 1
#include "host/contract/formats.hpp"
#include "host/contract/schema_defaults.hpp"
#include "host/contract/schema_explain.hpp"
#include "host/contract/schema_prepare.hpp"
#include "host/text/text.hpp"

#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/constraint_builder.hpp>
#include <valijson/constraints/concrete_constraints.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <new>
#include <utility>

namespace json = boost::json;

namespace onex::host {
namespace {

constexpr std::size_t kDepthMax = 64;
constexpr std::size_t kMembersMax = 10'000;
constexpr std::size_t kViolationsMax = 10;

using Compiled = std::shared_ptr<const valijson::Schema>;

/// valijson 1.0 keeps a copy of each constraint in memory of its own: this supplies the copying.
template <class Self>
class Check : public valijson::constraints::PolyConstraint {
  private:
    valijson::constraints::Constraint* cloneInto(void* place) const override {
        return new (place) Self(static_cast<const Self&>(*this));
    }
    [[nodiscard]] std::size_t sizeOf() const override { return sizeof(Self); }
};

void report(valijson::ValidationResults* results,
            const std::vector<std::string>& context,
            const std::string& what) {
    if (results != nullptr) results->pushError(context, std::string(kOwnWords) + what);
}

class PatternCheck final : public Check<PatternCheck> {
  public:
    explicit PatternCheck(Pattern pattern) : pattern_(std::move(pattern)) {}
    bool validate(const valijson::adapters::Adapter& target,
                  const std::vector<std::string>& context,
                  valijson::ValidationResults* results) const override {
        if (!target.isString() || pattern_.found_in(target.asString())) return true;
        report(results, context, "does not match " + cut(pattern_.text(), 128));
        return false;
    }

  private:
    Pattern pattern_;
};

class FormatCheck final : public Check<FormatCheck> {
  public:
    explicit FormatCheck(std::string format) : format_(std::move(format)) {}
    bool validate(const valijson::adapters::Adapter& target,
                  const std::vector<std::string>& context,
                  valijson::ValidationResults* results) const override {
        if (!target.isString() || fits_format(format_, target.asString())) return true;
        report(results, context, "is no valid " + format_);
        return false;
    }

  private:
    std::string format_;
};

/// A MemberRules with its schemas compiled.
struct CompiledMembers {
    std::vector<std::pair<Pattern, Compiled>> by_pattern;
    std::set<std::string, std::less<>> named;
    Compiled additional;
};

class MembersCheck final : public Check<MembersCheck> {
  public:
    explicit MembersCheck(std::shared_ptr<const CompiledMembers> rules)
        : rules_(std::move(rules)) {}
    bool validate(const valijson::adapters::Adapter& target,
                  const std::vector<std::string>& context,
                  valijson::ValidationResults* results) const override {
        if (!target.isObject()) return true;
        bool good = true;
        target.applyToObject(
            [&](const std::string& name, const valijson::adapters::Adapter& value) {
                good = member(name, value, context, results) && good;
                return good || results != nullptr;
            });
        return good;
    }

  private:
    bool member(const std::string& name,
                const valijson::adapters::Adapter& value,
                const std::vector<std::string>& context,
                valijson::ValidationResults* results) const {
        bool good = true;
        bool matched = rules_->named.contains(name);
        for (const auto& [pattern, schema] : rules_->by_pattern) {
            if (!pattern.found_in(name)) continue;
            matched = true;
            good = inner(*schema, name, value, context, results) && good;
        }
        if (!matched && rules_->additional != nullptr && rules_->additional->getAlwaysInvalid()) {
            // As valijson words it, so that explain() knows it.
            if (results != nullptr) {
                results->pushError(
                    context, "Object contains a property that is not allowed: '" + name + "'.");
            }
            return false;
        }
        if (!matched && rules_->additional != nullptr) {
            good = inner(*rules_->additional, name, value, context, results) && good;
        }
        return good;
    }

    static bool inner(const valijson::Schema& schema,
                      const std::string& name,
                      const valijson::adapters::Adapter& value,
                      const std::vector<std::string>& context,
                      valijson::ValidationResults* results) {
        // Members of a Boost.JSON object are always Boost.JSON values.
        const auto& target = dynamic_cast<const valijson::adapters::BoostJsonAdapter&>(value);
        valijson::Validator validator;
        valijson::ValidationResults found;
        if (validator.validate(schema, target, results == nullptr ? nullptr : &found)) return true;
        if (results == nullptr) return false;
        auto here = context;
        here.push_back('[' + name + ']');
        if (schema.getAlwaysInvalid()) report(results, here, "is not allowed here");
        for (const auto& error : found) {
            auto place = here;
            place.insert(place.end(), error.context.begin() + 1, error.context.end());
            results->pushError(place, error.description);
        }
        return false;
    }

    std::shared_ptr<const CompiledMembers> rules_;
};

/// Makes one kind of check from the value of our own keyword.
template <class Function>
class Builder final : public valijson::ConstraintBuilder {
  public:
    explicit Builder(Function make) : make_(std::move(make)) {}
    // valijson deletes what it gets.
    valijson::constraints::Constraint* make(
        const valijson::adapters::Adapter& node) const override {
        return make_(node).release();
    }

  private:
    Function make_;
};

template <class Function>
void add_builder(valijson::SchemaParser& parser, const char* word, Function make) {
    // valijson's parser owns its builders.
    parser.addConstraintBuilder(word,
                                std::make_unique<Builder<Function>>(std::move(make)).release());
}

/// Throws what valijson throws: caught in Schema::compile.
Compiled build(const PreparedSchema& prepared) {
    std::vector<std::shared_ptr<const CompiledMembers>> members;
    for (const auto& rules : prepared.members) {
        auto compiled = std::make_shared<CompiledMembers>();
        compiled->named = rules.named;
        for (const auto& [pattern, schema] : rules.by_pattern) {
            compiled->by_pattern.emplace_back(pattern, build(*schema));
        }
        if (rules.additional != nullptr) compiled->additional = build(*rules.additional);
        members.push_back(std::move(compiled));
    }
    using valijson::adapters::Adapter;
    valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
    add_builder(parser, kPatternWord, [&](const Adapter& node) {
        return std::make_unique<PatternCheck>(prepared.patterns.at(node.asString()));
    });
    add_builder(parser, kFormatWord, [](const Adapter& node) {
        return std::make_unique<FormatCheck>(node.asString());
    });
    add_builder(parser, kMembersWord, [&](const Adapter& node) {
        return std::make_unique<MembersCheck>(
            members.at(static_cast<std::size_t>(node.asInteger())));
    });
    auto schema = std::make_shared<valijson::Schema>();
    parser.populateSchema(valijson::adapters::BoostJsonAdapter(prepared.text), *schema);
    return schema;
}

/// False when the value is nested too deeply or holds too much; `left` counts members and items
/// down.
[[nodiscard]] bool within(const json::value& value, std::size_t depth, std::size_t& left) {
    const auto* object = value.if_object();
    const auto* array = value.if_array();
    if (object == nullptr && array == nullptr) return true;
    if (depth == 0) return false;
    const std::size_t size = object != nullptr ? object->size() : array->size();
    if (size > left) return false;
    left -= size;
    if (object != nullptr) {
        for (const auto& member : *object) {
            if (!within(member.value(), depth - 1, left)) return false;
        }
        return true;
    }
    for (const auto& item : *array) {
        if (!within(item, depth - 1, left)) return false;
    }
    return true;
}

std::unexpected<Error> violated(const std::vector<Violation>& violations) {
    json::array list;
    for (const auto& violation : violations) {
        if (list.size() == kViolationsMax) break;
        list.push_back(json::object{{"path", violation.pointer}, {"message", violation.message}});
    }
    return fail("VALIDATION_ERROR",
                violations.front().message,
                json::serialize(json::object{{"violations", std::move(list)}}));
}

}  // namespace

struct Schema::State {
    json::value source;
    PreparedSchema prepared;
    Compiled compiled;
};

Schema::Schema() {
    static const auto anything = [] {
        auto state = std::make_shared<State>();
        state->source = true;
        state->prepared.text = true;
        state->compiled = build(state->prepared);
        return std::shared_ptr<const State>(std::move(state));
    }();
    state_ = anything;
}

Result<Schema> Schema::compile(const json::value& schema) {
    auto prepared = prepare_schema(schema);
    if (!prepared) return std::unexpected(std::move(prepared).error());
    auto state = std::make_shared<State>();
    state->source = schema;
    state->prepared = std::move(*prepared);
    try {
        state->compiled = build(state->prepared);
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& error) {
        return fail("VALIDATION_ERROR", std::string("schema: ") + error.what());
    }
    Schema result;
    result.state_ = std::move(state);
    return result;
}

Result<void> Schema::check(json::value& value) const {
    std::size_t left = kMembersMax;
    if (!within(value, kDepthMax, left)) {
        return fail("VALIDATION_ERROR",
                    "the document is too large: at most " + std::to_string(kDepthMax) +
                        " levels and " + std::to_string(kMembersMax) + " members");
    }
    fill_defaults(value);
    const valijson::adapters::BoostJsonAdapter target(value);
    valijson::Validator validator;
    // Without results valijson stops at the first miss: the fast way for what is right.
    if (validator.validate(*state_->compiled, target, nullptr)) return {};
    valijson::ValidationResults results;
    validator.validate(*state_->compiled, target, &results);
    std::vector<Failure> failures;
    for (const auto& error : results)
        failures.push_back({error.context, error.description});
    return violated(explain(state_->source, value, failures));
}

void Schema::fill_defaults(json::value& value) const {
    if (state_->prepared.has_defaults) onex::host::fill_defaults(state_->source, value);
}

Result<json::value> Schema::typed(const std::string& name, const std::string& text) const {
    const auto types = types_of(state_->source, name);
    auto wants = [&](std::string_view type) {
        return std::ranges::find(types, type) != types.end();
    };
    const bool decimal =
        !text.empty() && text.find_first_not_of("+-.0123456789eE") == std::string::npos;
    if (decimal && (wants("integer") || wants("number"))) {
        boost::system::error_code failed;
        auto number = json::parse(text, failed);
        const bool finite = !number.is_double() || std::isfinite(number.get_double());
        if (!failed && finite && (number.is_int64() || number.is_uint64() || wants("number")))
            return number;
    }
    if (wants("boolean") && (text == "true" || text == "1")) return true;
    if (wants("boolean") && (text == "false" || text == "0")) return false;
    if (wants("null") && text.empty()) return nullptr;
    if (types.empty() || wants("string")) return json::string(text);
    std::string expected;
    for (const auto& type : types)
        expected += (expected.empty() ? "" : " or ") + type;
    return fail("VALIDATION_ERROR", name + ": '" + cut(text, 64) + "' is not of type " + expected);
}

const json::value& Schema::source() const {
    return state_->source;
}
const std::vector<std::string>& Schema::remarks() const {
    return state_->prepared.remarks;
}

}  // namespace onex::host
