// The admin API's words for the lifecycle: verbs in, JSON out.
#pragma once

#include "host/nodes/lifecycle.hpp"

#include <boost/json/value.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace onex::host {

/// GET: "list", "inspect" (`name`: the node). POST: "reload", "rollback", "unload", "enable",
/// "disable" (`name`: the node), "load" (`name`: the plugin; body {"as"?}), "config" (reads the
/// configuration anew by `read`). Errors: NOT_FOUND for another verb or node, and what the
/// lifecycle answers. Blocks.
Result<boost::json::value> administer(Lifecycle& lifecycle,
                                      const std::function<Result<Config>()>& read,
                                      std::string_view verb,
                                      const std::string& name,
                                      const boost::json::object& body);

}  // namespace onex::host
