// A schema made ready for valijson: patterns and formats taken out, references checked. Internal to
// Schema.
#pragma once

#include "host/contract/pattern.hpp"

#include <onex/error.hpp>

#include <boost/json/value.hpp>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace onex::host {

/// The words that replace `pattern`, `format` and `patternProperties` in the text that valijson
/// reads.
inline constexpr const char* kPatternWord = "onexPattern";
inline constexpr const char* kFormatWord = "onexFormat";
inline constexpr const char* kMembersWord = "onexMembers";

struct PreparedSchema;

/// `patternProperties` with the `additionalProperties` that depends on it.
struct MemberRules {
    std::vector<std::pair<Pattern, std::shared_ptr<const PreparedSchema>>> by_pattern;
    std::set<std::string, std::less<>> named;          ///< checked by `properties`
    std::shared_ptr<const PreparedSchema> additional;  ///< null: anything
};

struct PreparedSchema {
    boost::json::value text;                  ///< what valijson compiles
    std::map<std::string, Pattern> patterns;  ///< by their own text
    std::vector<MemberRules> members;         ///< by the number under kMembersWord
    std::vector<std::string> remarks;
    bool has_defaults = false;
};

/// Errors: see Schema::compile.
Result<PreparedSchema> prepare_schema(const boost::json::value& schema);

/// The schema behind `$ref`s, or `schema` itself; null when a reference leads nowhere.
const boost::json::value* follow_refs(const boost::json::value& root,
                                      const boost::json::value* schema);

}  // namespace onex::host
