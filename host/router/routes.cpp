#include "host/router/routes.hpp"

namespace onex::host {

namespace {

bool is_param(std::string_view segment) {
    return segment.starts_with('{') && segment.ends_with('}');
}

/// Do two patterns accept the same paths, as far as one could not choose between them?
bool same_shape(const Route& a, const Route& b) {
    if (a.method != b.method || a.segments.size() != b.segments.size()) return false;
    for (std::size_t i = 0; i < a.segments.size(); ++i) {
        const bool both_params = is_param(a.segments[i]) && is_param(b.segments[i]);
        if (!both_params && a.segments[i] != b.segments[i]) return false;
    }
    return true;
}

/// Adds to a list like "GET, HEAD", unless it is in there.
void add_method(std::string& list, const std::string& method) {
    if ((", " + list + ",").find(", " + method + ",") != std::string::npos) return;
    list += (list.empty() ? "" : ", ") + method;
}

bool is_hosts_own(std::string_view path) {
    return path == "/health" || path == "/metrics" || path == "/docs" || path == "/openapi.json" ||
           path.starts_with("/onex/");
}

}  // namespace

std::vector<std::string> split_path(std::string_view path) {
    std::vector<std::string> out;
    while (!path.empty()) {
        path.remove_prefix(path.front() == '/' ? 1 : 0);
        const auto end = path.find('/');
        out.emplace_back(path.substr(0, end));
        path = end == std::string_view::npos ? std::string_view{} : path.substr(end);
    }
    return out;
}

Result<void> RouteTable::add(const std::shared_ptr<NodeInstance>& node) {
    for (const auto& operation : node->contract().operations) {
        for (const auto& http : operation.http) {
            if (is_hosts_own(http.path)) {
                return fail(
                    "CONFLICT",
                    "node " + node->name() + ": the path " + http.path + " belongs to the host");
            }
            Route route{http.method, split_path(http.path), http.status, node, &operation};
            for (const auto& other : routes_) {
                if (same_shape(route, other)) {
                    return fail("CONFLICT",
                                "nodes " + other.node->name() + " and " + node->name() +
                                    " both claim " + http.method + " " + http.path +
                                    " on one listener; give one another `listen`");
                }
            }
            routes_.push_back(std::move(route));
        }
    }
    return {};
}

RouteTable::Match RouteTable::match(std::string_view method, std::string_view path) const {
    const auto segments = split_path(path);
    Match best;
    std::size_t best_fixed = 0;
    for (const auto& route : routes_) {
        if (route.segments.size() != segments.size()) continue;
        Match candidate;
        std::size_t fixed = 0;
        bool fits = true;
        for (std::size_t i = 0; i < segments.size() && fits; ++i) {
            const auto& pattern = route.segments[i];
            if (is_param(pattern)) {
                fits = !segments[i].empty();
                candidate.params.emplace_back(pattern.substr(1, pattern.size() - 2), segments[i]);
            } else {
                fits = pattern == segments[i];
                ++fixed;
            }
        }
        if (!fits) continue;
        if (route.method != method) {
            add_method(best.allow, route.method);
            if (route.method == "GET") add_method(best.allow, "HEAD");
        } else if (!best.route || fixed > best_fixed) {
            candidate.route = &route;
            candidate.allow = best.allow;
            best = std::move(candidate);
            best_fixed = fixed;
        }
    }
    return best;
}

}  // namespace onex::host
