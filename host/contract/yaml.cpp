#include "host/contract/yaml.hpp"

#include "host/text/text.hpp"

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/emitterstyle.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <sstream>
#include <utility>
#include <vector>

namespace json = boost::json;

namespace onex::host {
namespace {

constexpr std::size_t kTextBytesMax = 4U << 20;
constexpr std::size_t kValuesMax = 100'000;
constexpr std::size_t kDepthMax = 64;

/// Leaves yaml-cpp's parser from inside an event; caught in parse_yaml.
struct Refused : std::exception {
    Refused(const YAML::Mark& at, std::string what) : mark(at), text(std::move(what)) {}
    [[nodiscard]] const char* what() const noexcept override { return text.c_str(); }
    YAML::Mark mark;
    std::string text;
};

[[nodiscard]] bool one_of(std::string_view text, std::initializer_list<std::string_view> words) {
    for (const auto word : words) {
        if (text == word) return true;
    }
    return false;
}

[[nodiscard]] bool is_decimal(std::string_view digits) {
    return !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Integers of the core schema: -12, 0o17, 0xff. What fits no 64 bits becomes a double.
[[nodiscard]] bool read_integer(const std::string& text, json::value& out) {
    std::string_view digits = text;
    if (digits.starts_with("0o") || digits.starts_with("0x")) {
        const int base = digits[1] == 'o' ? 8 : 16;
        digits.remove_prefix(2);
        const char* allowed = base == 8 ? "01234567" : "0123456789abcdefABCDEF";
        if (digits.empty() || digits.find_first_not_of(allowed) != std::string_view::npos) {
            return false;
        }
        errno = 0;
        const auto number = std::strtoull(text.c_str() + 2, nullptr, base);
        if (errno == ERANGE) return false;
        out = number;
        return true;
    }
    const bool negative = digits.starts_with('-');
    if (negative || digits.starts_with('+')) digits.remove_prefix(1);
    if (!is_decimal(digits)) return false;
    errno = 0;
    const auto number = std::strtoll(text.c_str(), nullptr, 10);
    if (errno == 0) {
        out = static_cast<std::int64_t>(number);
        return true;
    }
    errno = 0;
    const auto large = std::strtoull(text.c_str(), nullptr, 10);
    if (errno == 0 && !negative) {
        out = static_cast<std::uint64_t>(large);
    } else {
        out = std::strtod(text.c_str(), nullptr);
    }
    return true;
}

/// [-+]? ( \.[0-9]+ | [0-9]+(\.[0-9]*)? ) ([eE][-+]?[0-9]+)?
[[nodiscard]] bool is_float(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    const auto exponent = text.find_first_of("eE");
    if (exponent != std::string_view::npos) {
        auto power = text.substr(exponent + 1);
        if (power.starts_with('-') || power.starts_with('+')) power.remove_prefix(1);
        if (!is_decimal(power)) return false;
        text = text.substr(0, exponent);
    }
    const auto point = text.find('.');
    if (point == std::string_view::npos) return is_decimal(text);
    const auto whole = text.substr(0, point);
    const auto rest = text.substr(point + 1);
    if (whole.empty()) return is_decimal(rest);
    return is_decimal(whole) && (rest.empty() || is_decimal(rest));
}

/// A plain scalar by the core schema of YAML 1.2.
[[nodiscard]] json::value plain_scalar(const YAML::Mark& mark, const std::string& text) {
    if (one_of(text, {"", "~", "null", "Null", "NULL"})) return nullptr;
    if (one_of(text, {"true", "True", "TRUE"})) return true;
    if (one_of(text, {"false", "False", "FALSE"})) return false;
    json::value number;
    if (read_integer(text, number)) return number;
    if (is_float(text)) {
        const double value = std::strtod(text.c_str(), nullptr);
        if (!std::isfinite(value)) throw Refused(mark, "the number " + text + " is too large");
        return value;
    }
    std::string_view bare = text;
    if (bare.starts_with('-') || bare.starts_with('+')) bare.remove_prefix(1);
    if (one_of(bare, {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"})) {
        throw Refused(mark, text + " has no JSON form; write a finite number");
    }
    return json::string(text);
}

[[nodiscard]] json::value tagged_scalar(const YAML::Mark& mark,
                                        const std::string& tag,
                                        const std::string& text) {
    if (tag.empty() || tag == "?") return plain_scalar(mark, text);
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return json::string(text);
    const auto value = plain_scalar(mark, text);
    const std::string_view name = tag;
    const bool fits =
        (name == "tag:yaml.org,2002:int" && (value.is_int64() || value.is_uint64())) ||
        (name == "tag:yaml.org,2002:float" && value.is_number()) ||
        (name == "tag:yaml.org,2002:bool" && value.is_bool()) ||
        (name == "tag:yaml.org,2002:null" && value.is_null());
    if (!fits) throw Refused(mark, "the tag " + tag + " is not supported here; leave it out");
    return value;
}

[[nodiscard]] std::size_t count_values(const json::value& value) {
    std::size_t count = 1;
    if (const auto* array = value.if_array()) {
        for (const auto& item : *array)
            count += count_values(item);
    } else if (const auto* object = value.if_object()) {
        for (const auto& member : *object)
            count += count_values(member.value());
    }
    return count;
}

[[nodiscard]] std::size_t depth_of(const json::value& value) {
    std::size_t depth = 0;
    if (const auto* array = value.if_array()) {
        for (const auto& item : *array)
            depth = std::max(depth, depth_of(item));
    } else if (const auto* object = value.if_object()) {
        for (const auto& member : *object)
            depth = std::max(depth, depth_of(member.value()));
    }
    return depth + 1;
}

/// Builds JSON from yaml-cpp's events, so that limits hold before memory is spent.
class Builder final : public YAML::EventHandler {
  public:
    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        // yaml-cpp reports a plain `null` key as a null too; as a key it is that word.
        if (expects_key()) {
            set_key(mark, "null");
            return;
        }
        scalar(mark, anchor, nullptr);
    }

    void OnScalar(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t anchor,
                  const std::string& text) override {
        if (expects_key()) {
            set_key(mark, text);
            return;
        }
        scalar(mark, anchor, tagged_scalar(mark, tag, text));
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        if (expects_key()) throw Refused(mark, "an alias can't be a key; write the key out");
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) throw Refused(mark, "this alias contains itself");
        count(mark, count_values(found->second));
        if (frames_.size() + depth_of(found->second) > kDepthMax) too_deep(mark);
        add(mark, json::value(found->second));
    }

    void OnSequenceStart(const YAML::Mark& mark,
                         const std::string& /*tag*/,
                         YAML::anchor_t anchor,
                         YAML::EmitterStyle::value /*style*/) override {
        open(mark, anchor, json::array());
    }
    void OnSequenceEnd() override { close(); }

    void OnMapStart(const YAML::Mark& mark,
                    const std::string& /*tag*/,
                    YAML::anchor_t anchor,
                    YAML::EmitterStyle::value /*style*/) override {
        open(mark, anchor, json::object());
    }
    void OnMapEnd() override { close(); }

    YamlDocument document;

  private:
    struct Frame {
        json::value value;
        YAML::anchor_t anchor = 0;
        YAML::Mark mark;
        std::string pointer;
        std::string key;
        YAML::Mark key_mark;
        bool has_key = false;
    };

    [[nodiscard]] bool expects_key() const {
        return !frames_.empty() && frames_.back().value.is_object() && !frames_.back().has_key;
    }

    void set_key(const YAML::Mark& mark, const std::string& text) {
        auto& frame = frames_.back();
        if (text == "<<") throw Refused(mark, "merge keys (<<) are not supported; write it out");
        if (frame.value.get_object().contains(text)) {
            throw Refused(mark, "the key '" + text + "' stands twice in this mapping");
        }
        frame.key = text;
        frame.key_mark = mark;
        frame.has_key = true;
    }

    void count(const YAML::Mark& mark, std::size_t more) {
        values_ += more;
        if (values_ > kValuesMax) {
            throw Refused(
                mark, "more than " + std::to_string(kValuesMax) + " values with aliases expanded");
        }
    }

    [[noreturn]] static void too_deep(const YAML::Mark& mark) {
        throw Refused(mark, "nested deeper than " + std::to_string(kDepthMax));
    }

    void scalar(const YAML::Mark& mark, YAML::anchor_t anchor, json::value value) {
        count(mark, 1);
        if (anchor != 0) anchors_[anchor] = value;
        add(mark, std::move(value));
    }

    void open(const YAML::Mark& mark, YAML::anchor_t anchor, json::value empty) {
        if (expects_key()) throw Refused(mark, "a key must be a scalar");
        if (frames_.size() >= kDepthMax) too_deep(mark);
        count(mark, 1);
        Frame frame;
        frame.pointer = next_pointer();
        frame.value = std::move(empty);
        frame.anchor = anchor;
        frame.mark = mark;
        frames_.push_back(std::move(frame));
    }

    void close() {
        auto frame = std::move(frames_.back());
        frames_.pop_back();
        if (frame.anchor != 0) anchors_[frame.anchor] = frame.value;
        add(frame.mark, std::move(frame.value));
    }

    [[nodiscard]] std::string next_pointer() const {
        if (frames_.empty()) return {};
        const auto& parent = frames_.back();
        if (parent.value.is_object()) return parent.pointer + '/' + pointer_escape(parent.key);
        return parent.pointer + '/' + std::to_string(parent.value.get_array().size());
    }

    /// A member's place is its key's: that is where a person looks.
    void add(const YAML::Mark& mark, json::value value) {
        const auto pointer = next_pointer();
        const auto* at = &mark;
        if (!frames_.empty() && frames_.back().value.is_object()) at = &frames_.back().key_mark;
        document.places[pointer] = {at->line + 1, at->column + 1};
        if (frames_.empty()) {
            document.root = std::move(value);
            return;
        }
        auto& parent = frames_.back();
        if (auto* object = parent.value.if_object()) {
            object->emplace(parent.key, std::move(value));
            parent.has_key = false;
        } else {
            parent.value.get_array().push_back(std::move(value));
        }
    }

    std::vector<Frame> frames_;
    std::map<YAML::anchor_t, json::value> anchors_;
    std::size_t values_ = 0;
};

[[nodiscard]] auto refused(const YAML::Mark& mark, const std::string& text) {
    return fail("VALIDATION_ERROR",
                "line " + std::to_string(mark.line + 1) + ", column " +
                    std::to_string(mark.column + 1) + ": " + text);
}

}  // namespace

std::string YamlDocument::where(std::string_view file, std::string_view pointer) const {
    for (;;) {
        const auto found = places.find(pointer);
        if (found != places.end()) {
            return std::string(file) + ':' + std::to_string(found->second.line) + ':' +
                   std::to_string(found->second.column);
        }
        const auto slash = pointer.rfind('/');
        if (slash == std::string_view::npos) return std::string(file) + ":1:1";
        pointer = pointer.substr(0, slash);
    }
}

Result<YamlDocument> parse_yaml(std::string_view text) {
    if (text.size() > kTextBytesMax) {
        return fail("VALIDATION_ERROR",
                    "the YAML text has " + std::to_string(text.size()) + " bytes; at most " +
                        std::to_string(kTextBytesMax) + " are read");
    }
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        Builder builder;
        if (!parser.HandleNextDocument(builder)) return YamlDocument{};
        Builder second;
        if (parser.HandleNextDocument(second)) {
            return fail("VALIDATION_ERROR",
                        "the text holds several YAML documents; keep one per file");
        }
        return std::move(builder.document);
    } catch (const Refused& error) {
        return refused(error.mark, error.text);
    } catch (const YAML::Exception& error) {
        return refused(error.mark, error.msg);
    }
}

}  // namespace onex::host
