// Loads a plugin's shared library. The only file pair that knows Boost.DLL.
#pragma once

#include "host/config/config.hpp"
#include "host/plugin/image.hpp"

#include <onex/error.hpp>

#include <memory>
#include <string>

namespace onex::host {

/// A private copy of a plugin's file. What has been looked at is what is loaded: whoever has one
/// need not look at the source again.
struct StagedFile {
    std::string source;
    std::string path;
    std::string digest;
    std::shared_ptr<void> last;  ///< its end removes the copy, unless that is mapped
};

/// One loaded image, always from a private copy under a fresh path: the same path could give old
/// code, and overwriting a mapped file kills the process (plugin-abi 2.1). Unloads when destroyed,
/// after every node of it has been destroyed.
class Library final : public PluginImage {
  public:
    /// Copies `file` into `private_dir`, loads the copy and checks its entry. `expected_digest`
    /// (may be empty) pins the copy's content. Errors: NOT_FOUND, POLICY_DENIED (file or folder
    /// may be changed by others, or not the pinned content), FAILED_PRECONDITION (not a plugin,
    /// other ABI), each with its reason.
    static Result<std::shared_ptr<Library>> load(const std::string& file,
                                                 const std::string& private_dir,
                                                 const std::string& expected_digest = "");
    /// The same from a copy that was staged before.
    static Result<std::shared_ptr<Library>> load(const StagedFile& staged);
    ~Library() override;

    [[nodiscard]] const onex_plugin_entry& entry() const override { return *entry_; }
    [[nodiscard]] const std::string& file() const override { return staged_.source; }
    [[nodiscard]] const std::string& copy() const override { return staged_.path; }
    [[nodiscard]] const std::string& digest() const override { return staged_.digest; }
    [[nodiscard]] std::string isolation() const override { return "inproc"; }

    /// Is this file mapped into the process? Correctness never rests on the answer: what stays
    /// mapped after its Library went costs memory, and is reported.
    static bool is_mapped(const std::string& copy);

  private:
    Library() = default;
    struct Image;
    StagedFile staged_;  ///< goes after the image
    std::unique_ptr<Image> image_;
    const onex_plugin_entry* entry_ = nullptr;
};

/// A plugin's file in one of the folders of [host] plugin_dirs.
struct FoundPlugin {
    std::string file;
    bool own = false;  ///< of the installation, or trusted with SQL: it may have the store
};
/// The first that there is. The installation's own folder lies beside `program`. Errors: NOT_FOUND,
/// which names the folders.
Result<FoundPlugin> find_plugin(const HostSection& host,
                                const std::string& program,
                                const std::string& plugin);

/// BLAKE3 of a file, 64 hexadecimal digits. Errors: FAILED_PRECONDITION.
Result<std::string> digest_of_file(const std::string& path);

/// Copies `file` into `private_dir` under a name that was never used, and digests the copy. Errors:
/// NOT_FOUND, POLICY_DENIED, FAILED_PRECONDITION (cannot be copied).
Result<StagedFile> stage_plugin(const std::string& file,
                                const std::string& private_dir,
                                const std::string& expected_digest);

}  // namespace onex::host
