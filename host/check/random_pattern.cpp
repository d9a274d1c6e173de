// Texts that fit a regular expression, for values whose schema has a pattern.
#include "host/check/random_values.hpp"

#include <algorithm>
#include <cctype>

namespace onex::host::check {

namespace {

constexpr int kDepthMax = 20;
constexpr std::size_t kCountMax = 10'000;
constexpr std::size_t kMoreMax = 6;  ///< repetitions beyond what `*`, `+` and `{n,}` ask for

/// Reads a pattern and writes what fits it, in one pass.
class Writer {
  public:
    Writer(const std::string& pattern, Dice& dice) : in_(pattern), dice_(dice) {}

    /// One of the alternatives up to the end or a closing bracket.
    std::string alternatives(int depth) {
        std::string chosen = sequence(depth);
        std::size_t seen = 1;
        while (look() == '|') {
            ++at_;
            auto other = sequence(depth);
            if (dice_.one_in(++seen)) chosen = std::move(other);
        }
        return chosen;
    }

  private:
    [[nodiscard]] char look() const { return at_ < in_.size() ? in_[at_] : '\0'; }
    char take() { return at_ < in_.size() ? in_[at_++] : '\0'; }

    std::string sequence(int depth) {
        std::string out;
        while (at_ < in_.size() && look() != '|' && look() != ')') {
            const auto begin = at_;
            auto atom = this->atom(depth);
            const auto end = at_;
            auto count = repetitions();
            const auto after = at_;
            if (count == 0) continue;
            out += atom;
            for (; count > 1; --count) {  // Each repetition is another text.
                at_ = begin;
                out += this->atom(depth);
                at_ = end;
            }
            at_ = after;
        }
        return out;
    }

    std::string atom(int depth) {
        const char c = take();
        if (c == '^' || c == '$') return "";
        if (c == '.') return std::string(1, static_cast<char>(' ' + dice_.below(95)));
        if (c == '[') return std::string(1, one_of(brackets()));
        if (c == '\\') return escape();
        if (c != '(') return std::string(1, c);
        if (look() == '?') {  // (?:…), (?i)…: whatever it says about the group
            while (look() != ':' && look() != ')' && at_ < in_.size())
                ++at_;
            if (look() == ':') ++at_;
        }
        std::string out = depth < kDepthMax ? alternatives(depth + 1) : "";
        if (look() == ')') ++at_;
        return out;
    }

    std::string escape() {
        const char c = take();
        if (c == 'b' || c == 'B' || c == 'A' || c == 'z') return "";
        const auto set = class_of(c);
        return std::string(1, set.empty() ? c : one_of(set));
    }

    static std::string class_of(char c) {
        std::string out;
        for (int i = ' '; i < 127; ++i) {
            const bool word = std::isalnum(i) != 0 || i == '_';
            const bool in = (c == 'd' && std::isdigit(i) != 0) || (c == 'w' && word) ||
                            (c == 's' && i == ' ') || (c == 'D' && std::isdigit(i) == 0) ||
                            (c == 'W' && !word) || (c == 'S' && i != ' ');
            if (in) out += static_cast<char>(i);
        }
        if (c == 'n') out = "\n";
        if (c == 't') out = "\t";
        return out;
    }

    char one_of(const std::string& set) { return set.empty() ? 'x' : set[dice_.below(set.size())]; }

    /// The characters of […].
    std::string brackets() {
        const bool negated = look() == '^';
        if (negated) ++at_;
        std::string set;
        for (bool first = true; at_ < in_.size() && (first || look() != ']'); first = false) {
            const char c = take();
            if (c == '\\') {
                const char escaped = take();
                const auto known = class_of(escaped);
                set += known.empty() ? std::string(1, escaped) : known;
            } else if (look() == '-' && at_ + 1 < in_.size() && in_[at_ + 1] != ']') {
                ++at_;
                const char last = take();
                for (int i = c; i <= last; ++i)
                    set += static_cast<char>(i);
            } else {
                set += c;
            }
        }
        ++at_;
        if (!negated) return set;
        std::string rest;
        for (char c = ' '; c < 127; ++c) {
            if (set.find(c) == std::string::npos) rest += c;
        }
        return rest;
    }

    std::size_t number() {
        std::size_t out = 0;
        while (std::isdigit(static_cast<unsigned char>(look())) != 0)
            out = std::min(out * 10 + static_cast<std::size_t>(take() - '0'), kCountMax);
        return out;
    }

    /// How often the atom before comes.
    std::size_t repetitions() {
        std::size_t low = 1;
        std::size_t high = 1;
        const char c = look();
        if (c == '*' || c == '?') low = 0;
        if (c == '*') high = kMoreMax;
        if (c == '+') high = 1 + kMoreMax;
        if (c == '*' || c == '+' || c == '?') {
            ++at_;
        } else if (c == '{') {
            ++at_;
            low = high = number();
            if (look() == ',') {
                ++at_;
                high = look() == '}' ? low + kMoreMax : number();
            }
            if (look() == '}') ++at_;
        } else {
            return 1;
        }
        if (look() == '?') ++at_;  // Lazy or not is one to a writer.
        if (dice_.one_in(4)) return low;
        return low + dice_.below(std::max(low, high) - low + 1);
    }

    const std::string& in_;
    Dice& dice_;
    std::size_t at_ = 0;
};

}  // namespace

std::string text_of_pattern(const std::string& pattern, Dice& dice) {
    return Writer(pattern, dice).alternatives(0);
}

}  // namespace onex::host::check
