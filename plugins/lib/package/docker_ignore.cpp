#include "package/docker_ignore.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <utility>

namespace onex::package {
namespace {

std::string_view trim(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n\v\f";
    const auto from = text.find_first_not_of(kSpace);
    if (from == text.npos) return {};
    return text.substr(from, text.find_last_not_of(kSpace) - from + 1);
}

/// "./a//b/../c/" → "a/c": a pattern is compared with clean relative paths.
std::string clean(std::string_view glob) {
    auto path = std::filesystem::path(glob).lexically_normal().generic_string();
    while (path.size() > 1 && path.back() == '/')
        path.pop_back();
    if (path.size() > 1 && path.front() == '/') path.erase(0, 1);
    return path;
}

bool in_set(const std::string& bounds, char c) {
    for (std::size_t i = 0; i + 1 < bounds.size(); i += 2) {
        if (c >= bounds[i] && c <= bounds[i + 1]) return true;
    }
    return false;
}

}  // namespace

Result<DockerIgnore::Pattern> DockerIgnore::compile(std::string_view glob) {
    using Kind = Token::Kind;
    Pattern out;
    const auto literal = [&](char c) { out.tokens.push_back({Kind::literal, std::string(1, c)}); };
    for (std::size_t i = 0; i < glob.size(); ++i) {
        const char c = glob[i];
        if (c == '*' && i + 1 < glob.size() && glob[i + 1] == '*') {
            ++i;
            if (i + 1 < glob.size() && glob[i + 1] == '/') ++i;
            if (i + 1 == glob.size()) {
                out.tokens.push_back({Kind::all, {}});
            } else {
                out.tokens.push_back({Kind::enter_folders, {}});
                out.tokens.push_back({Kind::folders, {}});
            }
        } else if (c == '*') {
            out.tokens.push_back({Kind::some, {}});
        } else if (c == '?') {
            out.tokens.push_back({Kind::one, {}});
        } else if (c == '\\' && i + 1 < glob.size()) {
            literal(glob[++i]);
        } else if (c == '[') {
            Token set{Kind::set, {}};
            std::size_t at = i + 1;
            if (at < glob.size() && glob[at] == '^') {
                set.is_negated = true;
                ++at;
            }
            const auto next = [&] {
                if (glob[at] == '\\' && at + 1 < glob.size()) ++at;
                return glob[at++];
            };
            while (at < glob.size() && (glob[at] != ']' || set.text.empty())) {
                const char low = next();
                char high = low;
                if (at + 1 < glob.size() && glob[at] == '-' && glob[at + 1] != ']') {
                    ++at;
                    high = next();
                }
                set.text += low;
                set.text += high;
            }
            if (at >= glob.size()) return fail("VALIDATION_ERROR", "\"[\" without \"]\"");
            out.tokens.push_back(std::move(set));
            i = at;
        } else {
            literal(c);
        }
    }
    return out;
}

// Steps all possible places of the pattern at once, so that no pattern takes more than tokens ×
// characters.
bool DockerIgnore::matches(const Pattern& pattern, std::string_view path) {
    using Kind = Token::Kind;
    const auto& tokens = pattern.tokens;
    std::vector<char> now(tokens.size() + 1, 0);
    std::vector<char> after(tokens.size() + 1, 0);
    const auto skip = [&](std::vector<char>& places) {
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            if (!places[i]) continue;
            if (tokens[i].kind == Kind::some || tokens[i].kind == Kind::all) places[i + 1] = 1;
            if (tokens[i].kind == Kind::enter_folders) places[i + 1] = places[i + 2] = 1;
        }
    };
    now[0] = 1;
    skip(now);
    for (const char c : path) {
        std::ranges::fill(after, char{0});
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            if (!now[i]) continue;
            switch (tokens[i].kind) {
                case Kind::literal:
                    after[i + 1] |= tokens[i].text[0] == c;
                    break;
                case Kind::one:
                    after[i + 1] |= c != '/';
                    break;
                case Kind::set:
                    after[i + 1] |= in_set(tokens[i].text, c) != tokens[i].is_negated;
                    break;
                case Kind::some:
                    after[i] |= c != '/';
                    break;
                case Kind::all:
                    after[i] = 1;
                    break;
                case Kind::enter_folders:
                    break;
                case Kind::folders:
                    after[i] = 1;
                    after[i + 1] |= c == '/';
                    break;
            }
        }
        skip(after);
        std::swap(now, after);
    }
    return now[tokens.size()] != 0;
}

Result<DockerIgnore> DockerIgnore::parse(std::string_view text) {
    DockerIgnore out;
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    std::size_t number = 0;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        ++number;
        if (line.starts_with('#')) continue;
        line = trim(line);
        if (line.empty()) continue;
        const bool is_exception = line.front() == '!';
        if (is_exception) line = trim(line.substr(1));
        auto pattern = line.empty() ? fail("VALIDATION_ERROR", "\"!\" without a pattern")
                                    : compile(clean(line));
        if (!pattern) {
            return fail(
                "VALIDATION_ERROR",
                ".dockerignore line " + std::to_string(number) + ": " + pattern.error().message);
        }
        pattern->is_exception = is_exception;
        out.has_exceptions_ = out.has_exceptions_ || is_exception;
        out.patterns_.push_back(std::move(*pattern));
    }
    return out;
}

void DockerIgnore::keep(std::string_view path) {
    // Only where it changes something: an exception costs a walk through every ignored folder.
    if (!ignores(path)) return;
    Pattern pattern;
    for (const char c : path)
        pattern.tokens.push_back({Token::Kind::literal, std::string(1, c)});
    pattern.is_exception = true;
    has_exceptions_ = true;
    patterns_.push_back(std::move(pattern));
}

bool DockerIgnore::ignores(std::string_view path) const {
    bool is_ignored = false;
    for (const auto& pattern : patterns_) {
        if (is_ignored != pattern.is_exception) continue;  // It could only say what already holds.
        bool matched = matches(pattern, path);
        for (auto at = path.find('/'); !matched && at != path.npos; at = path.find('/', at + 1)) {
            matched = matches(pattern, path.substr(0, at));
        }
        if (matched) is_ignored = !pattern.is_exception;
    }
    return is_ignored;
}

}  // namespace onex::package
