#include "plugins/deployment_sender/buildkit_needed.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace onex::sender {
namespace {

// What came with BuildKit's Dockerfile front end; the classic builder knows none of these.
constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kFlags{{
    {"RUN", "--mount"},
    {"RUN", "--network"},
    {"RUN", "--security"},
    {"COPY", "--link"},
    {"COPY", "--chmod"},
    {"COPY", "--parents"},
    {"COPY", "--exclude"},
    {"ADD", "--link"},
    {"ADD", "--chmod"},
    {"ADD", "--checksum"},
    {"ADD", "--keep-git-dir"},
    {"ADD", "--exclude"},
}};

std::string_view trim(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\f\v";
    const auto from = text.find_first_not_of(kSpace);
    if (from == text.npos) return {};
    return text.substr(from, text.find_last_not_of(kSpace) - from + 1);
}

char upper(char c) {
    return static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
}

/// Takes the next word off `text`.
std::string_view word(std::string_view& text) {
    text = trim(text);
    const auto end = std::min(text.find_first_of(" \t"), text.size());
    const auto out = text.substr(0, end);
    text.remove_prefix(end);
    return out;
}

/// `<<EOF`, `<<-"EOF"` as a word of its own, but not `<<<here` and not `1 << 2`.
bool is_heredoc(std::string_view text) {
    if (!text.starts_with("<<") || text.starts_with("<<<")) return false;
    text.remove_prefix(2);
    if (text.starts_with('-')) text.remove_prefix(1);
    if (text.starts_with('"') || text.starts_with('\'')) text.remove_prefix(1);
    return !text.empty() && (std::isalpha(static_cast<unsigned char>(text[0])) || text[0] == '_');
}

/// `# name = value`: the value if `line` is that directive.
std::optional<std::string_view> directive(std::string_view line, std::string_view name) {
    line = trim(line.substr(1));
    const auto equals = line.find('=');
    if (equals == line.npos) return {};
    const auto key = trim(line.substr(0, equals));
    const bool same =
        std::ranges::equal(key, name, [](char a, char b) { return upper(a) == upper(b); });
    return same ? std::optional(trim(line.substr(equals + 1))) : std::nullopt;
}

std::optional<std::string> need_of(std::string_view instruction) {
    std::string name(word(instruction));
    std::ranges::transform(name, name.begin(), upper);
    if (name == "ONBUILD") return need_of(instruction);
    if (name != "RUN" && name != "COPY" && name != "ADD") return {};
    for (auto rest = instruction; !(rest = trim(rest)).empty() && rest.starts_with("--");) {
        const auto flag = word(rest);
        for (const auto& [of, known] : kFlags) {
            const bool has_value = flag.size() > known.size() && flag[known.size()] == '=';
            if (of == name && flag.starts_with(known) && (flag == known || has_value)) {
                return name + " " + std::string(known);
            }
        }
    }
    while (!trim(instruction).empty()) {
        if (is_heredoc(word(instruction))) return "a heredoc in " + name;
    }
    return {};
}

}  // namespace

std::optional<BuildkitNeed> buildkit_needed(std::string_view text) {
    char escape = '\\';
    bool in_directives = true;
    std::string instruction;  // with its continuation lines
    std::size_t first = 0;
    std::size_t number = 0;
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        auto line = trim(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        ++number;
        if (line.starts_with('#')) {
            // Directives count only before everything else; comments may stand inside an
            // instruction.
            if (!in_directives) continue;
            if (directive(line, "syntax")) return BuildkitNeed{number, "# syntax="};
            if (const auto value = directive(line, "escape")) {
                if (!value->empty()) escape = value->front();
            } else if (!directive(line, "check")) {
                in_directives = false;
            }
            continue;
        }
        in_directives = false;
        if (line.empty()) continue;
        if (instruction.empty()) first = number;
        const bool goes_on = line.back() == escape;
        if (goes_on) line.remove_suffix(1);
        instruction += line;
        instruction += ' ';
        if (goes_on && !text.empty()) continue;
        if (auto what = need_of(instruction)) return BuildkitNeed{first, std::move(*what)};
        instruction.clear();
    }
    return {};
}

bool asks_for_buildkit(std::string_view message) {
    std::string lower(message);
    std::ranges::transform(
        lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower.find("requires buildkit") != lower.npos ||
           lower.find("enable buildkit") != lower.npos ||
           lower.find("docker_buildkit=1") != lower.npos ||
           lower.find("buildkit not supported") != lower.npos;
}

}  // namespace onex::sender
