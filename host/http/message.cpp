#include "host/http/message.hpp"

#include <algorithm>
#include <charconv>

namespace onex::host {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::unexpected<Error> bad_url(std::string_view url, std::string_view why) {
    return fail("VALIDATION_ERROR",
                "URL '" + std::string(url) + "' " + std::string(why) +
                    "; expected http://host:port, https://host[:port] or unix:///path");
}

Result<Endpoint> parse_authority(std::string_view url, std::string_view authority, bool tls) {
    Endpoint endpoint;
    endpoint.tls = tls;
    endpoint.port = tls ? 443 : 80;
    if (authority.find('@') != authority.npos) return bad_url(url, "carries a user name");
    std::string_view port;
    if (authority.starts_with('[')) {
        const auto end = authority.find(']');
        if (end == authority.npos) return bad_url(url, "has '[' without ']'");
        endpoint.host = authority.substr(1, end - 1);
        port = authority.substr(end + 1);
        if (!port.empty() && port.front() != ':') return bad_url(url, "has text after ']'");
    } else {
        const auto colon = authority.find(':');
        endpoint.host = authority.substr(0, colon);
        if (colon != authority.npos) port = authority.substr(colon);
    }
    if (endpoint.host.empty()) return bad_url(url, "names no host");
    if (port.empty()) return endpoint;
    port.remove_prefix(1);
    std::uint16_t number = 0;
    const auto parsed = std::from_chars(port.data(), port.data() + port.size(), number);
    if (parsed.ec != std::errc{} || parsed.ptr != port.data() + port.size() || number == 0) {
        return bad_url(url, "has a port outside 1..65535");
    }
    endpoint.port = number;
    return endpoint;
}

}  // namespace

void Headers::add(std::string name, std::string value) {
    fields_.push_back({std::move(name), std::move(value)});
}

void Headers::set(std::string_view name, std::string value) {
    remove(name);
    fields_.push_back({std::string(name), std::move(value)});
}

void Headers::remove(std::string_view name) {
    std::erase_if(fields_, [&](const Header& field) { return same_name(field.name, name); });
}

std::string_view Headers::get(std::string_view name) const {
    for (const auto& field : fields_) {
        if (same_name(field.name, name)) return field.value;
    }
    return {};
}

std::size_t Headers::count(std::string_view name) const {
    const auto same = [&](const Header& field) { return same_name(field.name, name); };
    return static_cast<std::size_t>(std::ranges::count_if(fields_, same));
}

Result<Endpoint> parse_url(std::string_view url, std::string* target) {
    if (target) *target = "/";
    if (url.starts_with("unix://")) {
        Endpoint endpoint;
        endpoint.unix_path = url.substr(7);
        if (!endpoint.unix_path.starts_with('/')) return bad_url(url, "has no absolute path");
        return endpoint;
    }
    std::string_view rest = url;
    const bool tls = url.starts_with("https://");
    if (tls) {
        rest.remove_prefix(8);
    } else if (url.starts_with("http://")) {
        rest.remove_prefix(7);
    } else {
        return bad_url(url, "has no known scheme");
    }
    rest = rest.substr(0, rest.find('#'));
    const auto end = std::min(rest.find_first_of("/?"), rest.size());
    if (target && end < rest.size()) {
        *target = rest.substr(end);
        if (target->front() == '?') target->insert(0, 1, '/');
    }
    return parse_authority(url, rest.substr(0, end), tls);
}

std::string url_decode(std::string_view text, bool plus_is_space) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            const int high = hex_digit(text[i + 1]);
            const int low = hex_digit(text[i + 2]);
            if (high >= 0 && low >= 0) {
                out += static_cast<char>(high * 16 + low);
                i += 2;
                continue;
            }
        }
        out += text[i] == '+' && plus_is_space ? ' ' : text[i];
    }
    return out;
}

std::string url_encode(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const char low = lower(c);
        if ((low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
            c == '.' || c == '~') {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += {'%', digits[byte >> 4], digits[byte & 15]};
        }
    }
    return out;
}

std::vector<Header> parse_query(std::string_view query) {
    std::vector<Header> out;
    while (!query.empty()) {
        const auto pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        if (pair.empty()) continue;
        const auto equals = pair.find('=');
        const auto value = equals == pair.npos ? std::string_view{} : pair.substr(equals + 1);
        out.push_back({url_decode(pair.substr(0, equals), true), url_decode(value, true)});
    }
    return out;
}

}  // namespace onex::host
