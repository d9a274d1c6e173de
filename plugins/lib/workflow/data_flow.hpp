// How data flows through a run: one JSON object, the context, and what operations take from it and
// add to it (semantics 1.5). Pure.
#pragma once

#include "plugins/lib/workflow/machine.hpp"

#include <boost/json/object.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace onex::workflow {

/// What an operation may leave in the context by one call; more is an artifact.
inline constexpr std::size_t kOutputBytesMax = 256 * 1024;

/// The properties of the context that `input_schema` names. `with` renames: the operation's
/// property on the left is taken from the context's property (or "a.b" path) on the right.
[[nodiscard]] boost::json::object project(const boost::json::object& context,
                                          const boost::json::object& input_schema,
                                          const std::map<std::string, std::string>& with);

/// Has the context, at each path of `when`, that value? A path that leads nowhere has null.
[[nodiscard]] bool holds(const boost::json::object& when, const boost::json::object& context);

/// Does a schema name this property?
[[nodiscard]] bool names_property(const boost::json::object& schema, std::string_view property);

/// Merges an output: objects key by key, scalars and arrays replaced, later wins. `as` renames its
/// top-level properties first.
void merge_output(boost::json::object& context,
                  const boost::json::object& output,
                  const std::map<std::string, std::string>& as = {});

/// The property `run` that an operation gets.
[[nodiscard]] boost::json::object run_property(const Model& model,
                                               std::string_view workflow_id,
                                               const Step& step,
                                               std::int64_t deadline_ms);

struct Artifact {
    std::string name;
    std::string content;
};
/// What an operation's answer splits into.
struct SplitOutput {
    boost::json::object output;
    Checks checks;
    std::vector<Artifact> artifacts;
};
/// Takes `checks` and `artifacts` out. Errors: RESOURCE_LIMIT_EXCEEDED when the rest or one
/// artifact is larger than kOutputBytesMax, VALIDATION_ERROR when one of both is no object.
Result<SplitOutput> split_output(boost::json::object output);

/// `<name>:<port>`, `<name>`, or empty, from the inputs that the contract names.
[[nodiscard]] std::string target_of(const Model& model, const boost::json::object& input);

/// The input's property that says what the run is about, as text; or empty.
[[nodiscard]] std::string subject_of(const Model& model, const boost::json::object& input);

/// Names of `input` that the contract's schema lacks, each with the nearest one that it has, as one
/// VALIDATION_ERROR. A schema that sets additionalProperties, or names nothing, accepts all.
Result<void> check_names(const Model& model, const boost::json::object& input);

}  // namespace onex::workflow
