// The table of one listener: method and path → operation. Pure.
#pragma once

#include "host/plugin/node.hpp"

#include <onex/error.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onex::host {

struct Route {
    std::string method;
    std::vector<std::string> segments;  ///< "{name}" matches one segment
    unsigned status = 200;
    std::shared_ptr<NodeInstance> node;
    const OperationContract* operation = nullptr;
};

class RouteTable {
  public:
    /// Adds the routes of a node. Errors: CONFLICT (claimed twice, or by the host itself).
    Result<void> add(const std::shared_ptr<NodeInstance>& node);

    struct Match {
        const Route* route = nullptr;
        std::vector<std::pair<std::string, std::string>> params;
        std::string allow;  ///< with route null: the methods that the path has, or empty
    };
    /// `path` is decoded. A fixed segment wins over a parameter.
    [[nodiscard]] Match match(std::string_view method, std::string_view path) const;

  private:
    std::vector<Route> routes_;
};

std::vector<std::string> split_path(std::string_view path);

}  // namespace onex::host
