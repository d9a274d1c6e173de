// The folder that a host keeps its state in; one process at a time.
#pragma once

#include <onex/error.hpp>

#include <memory>
#include <string>

namespace onex::host {

/// Holds the lock on the folder as long as it lives.
class DataDir {
  public:
    /// Makes the folder (0700) if need be, locks it, reads or makes the host id, empties tmp/.
    /// Errors: CONFLICT (another process has it; says which), POLICY_DENIED (no rights to it, or
    /// other users may write to it), DISK_FULL, VALIDATION_ERROR (not a folder, broken host_id
    /// file).
    static Result<DataDir> open(const std::string& path);

    DataDir(DataDir&&) noexcept;
    DataDir& operator=(DataDir&&) noexcept;
    ~DataDir();

    [[nodiscard]] const std::string& path() const { return path_; }
    /// <path>/tmp: emptied at each start, same file system as the rest.
    [[nodiscard]] std::string tmp() const { return path_ + "/tmp"; }
    [[nodiscard]] const std::string& host_id() const {
        return host_id_;
    }  ///< a UUID, for ever the same
    [[nodiscard]] const std::string& boot_id() const {
        return boot_id_;
    }  ///< a UUID, new each start

  private:
    struct Lock;
    DataDir();
    std::string path_;
    std::string host_id_;
    std::string boot_id_;
    std::unique_ptr<Lock> lock_;
};

/// Writes `text` and a newline to `folder`/`name`: under another name first, so that a power cut
/// leaves the whole file or the one before it. Errors: DISK_FULL, POLICY_DENIED, UNAVAILABLE.
Result<void> write_durably(const std::string& folder, const std::string& name, std::string text);

}  // namespace onex::host
