// What people see of the nodes of a running host. Pure: answers of the admin API in, text out.
#pragma once

#include <boost/json/object.hpp>

#include <cstdint>
#include <string>

namespace onex::host::cli {

/// `plugin list`: a table, what went wrong last with each node, and the libraries that no node
/// uses, with the TOML to paste. `now_us`: wall clock.
std::string nodes_text(const boost::json::object& answer, std::int64_t now_us);
/// `plugin inspect NODE`.
std::string node_text(const boost::json::object& node, std::int64_t now_us);
/// One sentence on the node that a change answered.
std::string change_text(const boost::json::object& node);
/// `config reload`: what was done, and which keys wait for a restart.
std::string config_change_text(const boost::json::object& answer);

}  // namespace onex::host::cli
