// Does a Dockerfile need BuildKit? Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace onex::sender {

/// The first line that the classic builder can't do.
struct BuildkitNeed {
    std::size_t line = 0;  ///< counted from 1
    std::string what;      ///< "RUN --mount", "a heredoc", "# syntax="
};

/// Looks for `# syntax=`, flags that only BuildKit knows, and heredocs.
[[nodiscard]] std::optional<BuildkitNeed> buildkit_needed(std::string_view dockerfile);

/// Whether the classic builder's own message says that BuildKit is needed.
[[nodiscard]] bool asks_for_buildkit(std::string_view message);

}  // namespace onex::sender
