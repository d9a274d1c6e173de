// What `foreach` repeats: the calls that a stage makes, and what each one sees. Pure.
#pragma once

#include "plugins/lib/workflow/machine.hpp"

#include <onex/error.hpp>

#include <boost/json/object.hpp>

#include <string>
#include <vector>

namespace onex::workflow {

/// The calls of a stage in the order in which they are made, not yet begun. A list that the input
/// does not have, or that is empty, gives none.
[[nodiscard]] std::vector<OperationRecord> calls_of(const StageSpec& stage,
                                                    const boost::json::object& input);

/// The context as the step sees it: with its item, if it has one.
[[nodiscard]] boost::json::object seen_by(const Step& step, const boost::json::object& context);

/// Does the `when` of the step's operation hold?
[[nodiscard]] bool is_wanted(const Step& step, const boost::json::object& context);

/// The host that a call is aimed at: `target`, or the one that its item names as "host",
/// "host:port" or {host, port}; the port is the input's when the item has none. Errors:
/// VALIDATION_ERROR.
Result<std::string> target_of_call(const Model& model,
                                   const boost::json::object& input,
                                   const Item* item,
                                   const std::string& target);

/// For people: the text itself, or JSON, at most 64 bytes of it.
[[nodiscard]] std::string item_text(const Item& item);

}  // namespace onex::workflow
