// A folder as a tar stream: the context that a Docker build gets.
#pragma once

#include "package/docker_ignore.hpp"
#include "package/tar.hpp"

#include <filesystem>

namespace onex::package {

/// Reads `folder`/.dockerignore; none at all is an empty list. Errors: VALIDATION_ERROR for a bad
/// pattern or a file over 1 MiB. [may block]
[[nodiscard]] Result<DockerIgnore> read_docker_ignore(const std::filesystem::path& folder);

/// Streams every file, folder and symlink below `folder` that `ignore` keeps, in the order of their
/// names, with mode and time and without owner. Symlinks stay symlinks and are never followed;
/// sockets, pipes and devices are left out. Errors: NOT_FOUND or POLICY_DENIED for what can't be
/// read, FAILED_PRECONDITION when a file changes its size meanwhile, those of `out`. [may block]
Result<void> tar_folder(const std::filesystem::path& folder,
                        const DockerIgnore& ignore,
                        const Sink& out);

}  // namespace onex::package
