// Folders, ports and files of tests.
#pragma once

#include <cstdint>
#include <string>

namespace onex::test {

/// A new folder (0700) with a short path, because sockets live in it; removed with its owner.
class TempDir {
  public:
    TempDir();
    ~TempDir();
    TempDir(const TempDir&) = delete;  // Owns a folder.
    TempDir& operator=(const TempDir&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

/// A TCP port of 127.0.0.1 that nobody listens on just now.
[[nodiscard]] std::uint16_t free_port();

[[nodiscard]] std::string read_file(const std::string& path);
/// Writes a file with mode 0600.
void write_file(const std::string& path, const std::string& text);

}  // namespace onex::test
