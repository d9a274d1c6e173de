// JSON Schema, compiled once at load. Wraps valijson; patterns are matched by RE2 (semantics 8).
#pragma once

#include <onex/error.hpp>

#include <boost/json/value.hpp>

#include <memory>
#include <string>
#include <vector>

namespace onex::host {

/// A compiled schema: immutable, [any thread].
class Schema {
  public:
    /// Compiles. Errors: VALIDATION_ERROR with the place (JSON pointer) and what would be right:
    /// not a schema, a pattern that RE2 refuses, a reference that leads nowhere or outside, nesting
    /// over 64.
    static Result<Schema> compile(const boost::json::value& schema);
    /// A schema that accepts everything.
    Schema();

    /// Fills in defaults (also inside objects that are there), then checks. On failure
    /// VALIDATION_ERROR with one sentence that names the first offending place, and details
    /// {"violations":[{path, message}]}, at most 10. `value` may be changed by defaults even then.
    /// Depth ≤ 64, members ≤ 10 000.
    Result<void> check(boost::json::value& value) const;
    /// Only the defaults.
    void fill_defaults(boost::json::value& value) const;

    /// Text from a query, path or form field → the type that property `name` has in this schema
    /// (integer, number, boolean, string; array from repeated fields is not supported).
    Result<boost::json::value> typed(const std::string& name, const std::string& text) const;

    [[nodiscard]] const boost::json::value& source() const;
    /// Things that the schema says but nobody checks, e.g. an unknown format: for `contract check`.
    [[nodiscard]] const std::vector<std::string>& remarks() const;

  private:
    struct State;
    std::shared_ptr<const State> state_;
};

}  // namespace onex::host
