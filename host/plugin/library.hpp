// Loads a plugin's shared library. The only file pair that knows Boost.DLL.
#pragma once

#include <onex/abi.h>
#include <onex/error.hpp>

#include <memory>
#include <string>

namespace onex::host {

/// One loaded image, always from a private copy under a fresh path: the same path could give old
/// code, and overwriting a mapped file kills the process (plugin-abi 2.1). Unloads when destroyed,
/// after every node of it has been destroyed.
class Library {
  public:
    /// Copies `file` into `private_dir`, loads the copy and checks its entry. Errors: NOT_FOUND,
    /// POLICY_DENIED (folder writable by everybody), FAILED_PRECONDITION (not a plugin, other ABI),
    /// each with its reason.
    static Result<std::shared_ptr<Library>> load(const std::string& file,
                                                 const std::string& private_dir);

    ~Library();
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;

    [[nodiscard]] const onex_plugin_entry& entry() const { return *entry_; }
    [[nodiscard]] const std::string& file() const { return file_; }

  private:
    Library() = default;
    struct Image;
    std::unique_ptr<Image> image_;
    const onex_plugin_entry* entry_ = nullptr;
    std::string file_;
    std::string copy_;
};

}  // namespace onex::host
