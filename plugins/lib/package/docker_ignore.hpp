// The rules of a .dockerignore file, as the Docker command line reads them.
#pragma once

#include <onex/error.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace onex::package {

/// A list of patterns; the last one that matches a path or one of its parents decides. Immutable.
/// [any thread]
class DockerIgnore {
  public:
    /// No patterns: everything is kept.
    DockerIgnore() = default;
    /// Reads the text of a .dockerignore. Errors: VALIDATION_ERROR with the line for a pattern
    /// without end.
    static Result<DockerIgnore> parse(std::string_view text);

    /// Adds "!path": that file is kept whatever the patterns before say.
    void keep(std::string_view path);
    /// Whether `path` (relative, '/' between names) is left out.
    [[nodiscard]] bool ignores(std::string_view path) const;
    /// Whether something below an ignored folder may be kept ("!" patterns).
    [[nodiscard]] bool has_exceptions() const { return has_exceptions_; }

  private:
    struct Token {
        enum class Kind { literal, one, some, enter_folders, folders, all, set } kind;
        std::string text;  ///< literal: the character; set: its pairs of bounds
        bool is_negated = false;
    };
    struct Pattern {
        std::vector<Token> tokens;
        bool is_exception = false;
    };
    static Result<Pattern> compile(std::string_view glob);
    static bool matches(const Pattern& pattern, std::string_view path);

    std::vector<Pattern> patterns_;
    bool has_exceptions_ = false;
};

}  // namespace onex::package
