#include "host/nodes/config_change.hpp"

#include <algorithm>
#include <utility>

namespace onex::host {

namespace {

const NodeSection* find(const std::vector<NodeSection>& in, const std::string& name) {
    const auto found = std::find_if(
        in.begin(), in.end(), [&](const auto& node) { return node.name == name && node.enabled; });
    return found == in.end() ? nullptr : &*found;
}

/// Where a table stands in the file means nothing.
bool same(NodeSection a, NodeSection b) {
    a.line = b.line = 0;
    return a == b;
}

void compare_peers(const Config& now, const Config& next, std::vector<std::string>& out) {
    if (now.peers == next.peers) return;
    const auto changed = [&](const std::vector<PeerSection>& in, const PeerSection& peer) {
        return std::find(in.begin(), in.end(), peer) == in.end();
    };
    for (const auto& peer : next.peers)
        if (changed(now.peers, peer)) out.push_back("[peers." + peer.name + "]");
    for (const auto& peer : now.peers) {
        const auto name = "[peers." + peer.name + "]";
        if (changed(next.peers, peer) && std::find(out.begin(), out.end(), name) == out.end())
            out.push_back(name);
    }
}

}  // namespace

ConfigChange compare(const Config& now, const Config& next) {
    ConfigChange out;
    for (const auto& node : next.nodes) {
        if (!node.enabled) continue;
        const auto* before = find(now.nodes, node.name);
        if (!before) {
            out.added.push_back(node);
        } else if (!same(*before, node)) {
            out.changed.push_back(node);
        }
    }
    for (const auto& node : now.nodes) {
        if (node.enabled && !find(next.nodes, node.name)) out.removed.push_back(node.name);
    }
    const auto section = [&out](const char* name, bool changed) {
        if (changed) out.restart_needed.emplace_back(name);
    };
    section("[host]", !(now.host == next.host));
    section("[log]", !(now.log == next.log));
    section("[admin]", !(now.admin == next.admin));
    section("[tls]", !(now.tls == next.tls));
    section("[store]", !(now.store == next.store));
    section("[limits]", !(now.limits == next.limits));
    section("[process]", !(now.process == next.process));
    compare_peers(now, next, out.restart_needed);
    return out;
}

}  // namespace onex::host
