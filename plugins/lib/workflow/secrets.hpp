// Keeps secret values out of everything that is stored or shown: the context has {"$secret": id} in
// their place (semantics 10.4). Pure.
#pragma once

#include <onex/error.hpp>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace onex::workflow {

struct Secret {
    std::string id;
    std::string value;  ///< the text itself, or the reference `env:NAME` / `file:PATH`; other
                        ///< scalars as JSON
    bool operator==(const Secret&) const = default;
};

/// Replaces every scalar at or below the paths ("a.b") in `input` by {"$secret": id}. `make_id` is
/// asked once for each.
[[nodiscard]] std::vector<Secret> take_secrets(boost::json::object& input,
                                               const std::vector<std::string>& redact_fields,
                                               const std::function<std::string()>& make_id);

/// The ids that stand in `value`.
[[nodiscard]] std::vector<std::string> secret_ids(const boost::json::value& value);

/// Puts the values back. `lookup` gives the text for an id. Errors: those of `lookup`.
Result<void> reveal(boost::json::value& value,
                    const std::function<Result<std::string>(const std::string& id)>& lookup);

/// The same input whatever ids its secrets got, with the values that `secrets` has, as they were
/// given: for comparing two submissions.
[[nodiscard]] boost::json::value without_ids(const boost::json::value& value,
                                             const std::vector<Secret>& secrets);

/// `text` with every occurrence of a value replaced. Values under 6 bytes stay: they are words.
[[nodiscard]] std::string scrub(std::string text, const std::vector<std::string>& values);
/// The same in every text of `value`, also in the names of members.
void scrub(boost::json::value& value, const std::vector<std::string>& values);

}  // namespace onex::workflow
