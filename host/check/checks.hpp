// The single checks; check.cpp puts them in order. Each runs in a child process.
#pragma once

#include "host/check/child.hpp"

#include <onex/abi.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace onex::host {
class Library;
struct NodeContract;
}  // namespace onex::host

namespace onex::host::check {

class DrivenNode;

using NamedCheck = std::pair<std::string, std::function<Verdict()>>;

/// A library loaded from a private copy that goes with it.
struct Loaded {
    Loaded() = default;
    ~Loaded();
    Loaded(Loaded&&) = default;
    Loaded& operator=(Loaded&&) = delete;
    std::shared_ptr<Library> library;
    std::string folder;
};
/// Throws std::runtime_error with the reason.
Loaded load(const std::string& file);

// --- file_checks.cpp
Verdict check_exports(const std::string& file);
Verdict check_needed(const std::string& file);
Verdict check_loading(const std::string& file);
Verdict check_entry(const std::string& file);
Verdict check_unloading(const std::string& file, const std::string& settings);

// --- node_checks.cpp
Verdict check_settings(const std::string& file, const std::string& settings);
Verdict check_create(const std::string& file, const std::string& settings);
Verdict check_missing_services(const std::string& file);
Verdict check_interfaces(const std::string& file);
Verdict check_bad_settings(const std::string& file);
Verdict check_many_instances(const std::string& file);
Verdict check_life(const std::string& file);
Verdict check_start_half_way(const std::string& file, const std::string& settings);
Verdict check_refusing_host(const std::string& file);
Verdict check_operation(const std::string& file, const std::string& operation);

// --- other_hosts.cpp, state_check.cpp
Verdict check_newer_host(const std::string& file);
Verdict check_older_host(const std::string& file, const std::string& settings);
Verdict check_state(const std::string& file, const std::string& settings);

/// Calls each operation a few times with inputs that its schema allows, always the same ones. What
/// is answered is not looked at.
void call_validly(DrivenNode& node, const NodeContract& contract);

/// `settings` with the defaults of the plugin's contract, as a host hands them over.
std::string complete_settings(const onex_plugin_entry& entry, const std::string& settings);

// --- fuzz.cpp, soak.cpp: one outcome a subject; each makes its own children
std::vector<Outcome> fuzz(const std::string& file,
                          const std::string& settings,
                          const Bounds& bounds);
std::vector<Outcome> soak(const std::string& file,
                          const std::string& settings,
                          const Bounds& bounds);

/// The operations of the embedded contract, learned in a child; empty when that fails.
std::vector<std::string> operations_of(const std::string& file);

}  // namespace onex::host::check
