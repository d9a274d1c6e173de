#include "plugins/deployment_sender/registry_config.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <array>
#include <cstdint>
#include <optional>

namespace onex::sender {
namespace {

namespace json = boost::json;

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// With '-' and '_' and padding: RFC 4648, section 5.
std::string base64_url(std::string_view bytes) {
    const auto digit = [](std::uint32_t n) { return n < 62 ? kAlphabet[n] : n == 62 ? '-' : '_'; };
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const auto left = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k) {
            group = (group << 8) | (k < left ? static_cast<std::uint8_t>(bytes[i + k]) : 0U);
        }
        for (std::size_t k = 0; k < 4; ++k) {
            out += k <= left ? digit((group >> (18 - 6 * k)) & 63) : '=';
        }
    }
    return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
    while (text.ends_with('='))
        text.remove_suffix(1);
    std::string out;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const auto at = kAlphabet.find(c);
        if (at == kAlphabet.npos && c != '+' && c != '-' && c != '/' && c != '_') return {};
        const auto value = at != kAlphabet.npos   ? static_cast<std::uint32_t>(at)
                           : c == '+' || c == '-' ? 62U
                                                  : 63U;
        bits = (bits << 6) | value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            out += static_cast<char>((bits >> count) & 0xFF);
        }
    }
    return out;
}

std::string text_of(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

}  // namespace

std::string registry_header(std::string_view config_json) {
    boost::system::error_code ec;
    const auto config = json::parse(json::string_view(config_json.data(), config_json.size()), ec);
    if (ec || !config.is_object()) return {};
    const auto* auths = config.as_object().if_contains("auths");
    if (!auths || !auths->is_object()) return {};
    json::object out;
    for (const auto& [registry, entry] : auths->as_object()) {
        if (!entry.is_object()) continue;
        json::object login;
        const auto pair = base64_decode(text_of(entry.as_object(), "auth")).value_or("");
        if (const auto colon = pair.find(':'); colon != pair.npos) {
            login["username"] = pair.substr(0, colon);
            // Old versions of Docker closed the password with zeros.
            login["password"] = pair.substr(colon + 1, pair.find('\0') - colon - 1);
        }
        if (const auto token = text_of(entry.as_object(), "identitytoken"); !token.empty()) {
            login["identitytoken"] = token;
        }
        if (!login.empty()) out[registry] = std::move(login);
    }
    return out.empty() ? std::string() : base64_url(json::serialize(out));
}

}  // namespace onex::sender
