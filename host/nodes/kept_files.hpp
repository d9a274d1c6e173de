// What a host remembers of its plugins from one life to the next.
#pragma once

#include "host/crash_guard.hpp"

#include <onex/error.hpp>

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace onex::host {

struct KeptFile {
    std::string path;
    std::string digest;
    std::string why;  ///< instead_of(): what is wrong with the file that it stands for
};

/// A folder per node: the library that serves and the one before it, under their digests, and
/// state.json, always written whole. What can't be written is logged: a reload does not fail by it.
/// [any thread], blocks
class KeptFiles {
  public:
    explicit KeptFiles(std::string folder) : folder_(std::move(folder)) {}

    /// `file` serves now; what served becomes `previous`.
    void keep(const std::string& node, const std::string& file, const std::string& digest);
    [[nodiscard]] std::optional<KeptFile> current(const std::string& node) const;
    [[nodiscard]] std::optional<KeptFile> previous(const std::string& node) const;

    /// From now on for 30 s a crash in the node's code is blamed on this digest.
    void begin_probation(const std::string& node, const std::string& digest);
    /// At start: the file to load instead of `file`, when that was refused, or crashed the host
    /// while it was on probation.
    [[nodiscard]] std::optional<KeptFile> instead_of(const std::string& node,
                                                     const std::string& file,
                                                     const std::vector<CrashRecord>& crashes);
    /// Later on: the file to load instead of `file`, when that was refused.
    [[nodiscard]] std::optional<KeptFile> instead_of(const std::string& node,
                                                     const std::string& file) const;

    /// A digest that is not loaded by itself any more.
    void refuse(const std::string& node, const std::string& digest, const std::string& why);
    [[nodiscard]] std::optional<std::string> refused(const std::string& node,
                                                     const std::string& digest) const;
    void accept(const std::string& node, const std::string& digest);  ///< undoes refuse()
    void forget_refusals(const std::string& node);

    /// Why the node is not to run, if so.
    [[nodiscard]] std::optional<std::string> disabled(const std::string& node) const;
    void set_disabled(const std::string& node, const std::string& why);
    void clear_disabled(const std::string& node);

  private:
    struct State {
        std::string current, previous;               ///< digests
        std::string on_probation;                    ///< a digest
        std::int64_t probation_us = 0;               ///< since when
        std::map<std::string, std::string> refused;  ///< digest → why
        std::string disabled;                        ///< why; empty: it may run
    };
    [[nodiscard]] State read(const std::string& node) const;
    void write(const std::string& node, const State& state) const;
    [[nodiscard]] std::string path(const std::string& node, const std::string& digest) const;
    [[nodiscard]] std::optional<KeptFile> file(const std::string& node,
                                               const std::string& digest) const;
    [[nodiscard]] std::optional<KeptFile> stand_in(const std::string& node,
                                                   const State& state,
                                                   const std::string& wanted) const;

    std::string folder_;
    mutable std::mutex mutex_;
};

}  // namespace onex::host
