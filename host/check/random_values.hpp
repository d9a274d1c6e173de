// Random inputs: by a schema, against it, and such as no schema knows.
#pragma once

#include "host/check/dice.hpp"

#include <boost/json/value.hpp>

#include <optional>
#include <string>

namespace onex::host {
class Schema;
}

namespace onex::host::check {

/// Any JSON, at most `depth` deep.
boost::json::value random_json(Dice& dice, int depth);
/// Bytes of any kind, fewer than `size_max`.
std::string random_bytes(Dice& dice, std::size_t size_max);
/// A text of `min` to `max` characters; some are more than a byte long or need an escape.
std::string random_text(Dice& dice, std::size_t min, std::size_t max);

/// What `schema` describes, with a liking for its limits. Patterns, formats, references and most
/// combinations are followed; the result need not be valid.
boost::json::value guess_by_schema(const boost::json::value& schema, Dice& dice);
/// The same, but certainly valid, with the defaults filled in; nothing when no guess was right.
std::optional<boost::json::value> random_by_schema(const Schema& schema, Dice& dice);
/// The same as text; `{}` when no guess was right.
std::string valid_input(const Schema& schema, Dice& dice);

/// `value` with a member too much, too few, or of another kind.
boost::json::value spoil(boost::json::value value, Dice& dice);
/// `text` with a few bytes changed, doubled, lost or put in between.
std::string mutate(std::string text, Dice& dice);

/// A text that fits a regular expression; a wrong one where it uses what is not understood here
/// (assertions inside of it, Unicode classes).
std::string text_of_pattern(const std::string& pattern, Dice& dice);

}  // namespace onex::host::check
