#include "host/http/wire.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <limits>

namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace onex::host {
namespace {

constexpr std::size_t kChunkLineMax = 1024;

bool equal_names(std::string_view a, std::string_view b) {
    return beast::iequals(a, b);
}

std::unexpected<Error> invalid(std::string message) {
    return fail("VALIDATION_ERROR", std::move(message));
}

std::unexpected<Error> trailers_too_long() {
    return invalid("the trailers are over 16 KiB");
}

template <class Fields>
Headers copy_fields(const Fields& fields) {
    Headers headers;
    for (const auto& field : fields) {
        headers.add(std::string(field.name_string()), std::string(field.value()));
    }
    return headers;
}

// The framing that the fields announce; nothing when they announce none.
Result<std::optional<Framing>> framing_of(const Headers& headers) {
    const auto codings = headers.count("Transfer-Encoding");
    const auto lengths = headers.count("Content-Length");
    if (codings > 0 && lengths > 0) {
        return invalid("Content-Length and Transfer-Encoding came together; send one of them");
    }
    if (codings > 0) {
        if (codings > 1 || !equal_names(headers.get("Transfer-Encoding"), "chunked")) {
            return fail("UNIMPLEMENTED", "the only known Transfer-Encoding is chunked");
        }
        return Framing{Framing::Kind::chunked, 0};
    }
    if (lengths == 0) return std::nullopt;
    const auto text = headers.get("Content-Length");
    std::uint64_t length = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), length);
    if (lengths > 1 || parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) {
        return invalid("Content-Length must be one decimal number");
    }
    return Framing{length > 0 ? Framing::Kind::length : Framing::Kind::none, length};
}

template <class Parser>
Result<void> parse(Parser& parser, std::string_view head) {
    const auto limit = std::numeric_limits<std::uint32_t>::max();
    parser.header_limit(limit);
    parser.body_limit(boost::none);
    boost::system::error_code ec;
    parser.put(boost::asio::buffer(head), ec);
    // Content-Length beside Transfer-Encoding and the like come out here.
    if (ec && !(ec == http::error::need_more)) {
        return invalid("the head is not valid HTTP/1.1: " + ec.message());
    }
    if (!parser.is_header_done()) return invalid("the head is not complete");
    return {};
}

}  // namespace

Result<RequestHead> parse_request_head(std::string_view text) {
    http::request_parser<http::empty_body> parser;
    if (auto parsed = parse(parser, text); !parsed) {
        return std::unexpected(std::move(parsed).error());
    }
    const auto& message = parser.get();
    RequestHead head;
    head.method = message.method_string();
    for (char& c : head.method) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    head.target = message.target();
    head.headers = copy_fields(message);
    head.http_1_1 = message.version() >= 11;
    head.keep_alive = parser.keep_alive();
    auto framing = framing_of(head.headers);
    if (!framing) return std::unexpected(std::move(framing).error());
    if (*framing) head.framing = **framing;
    if (!head.http_1_1 && head.framing.kind == Framing::Kind::chunked) {
        return invalid("HTTP/1.0 knows no Transfer-Encoding");
    }
    const auto hosts = head.headers.count("Host");
    if (hosts > 1 || (hosts == 0 && head.http_1_1)) return invalid("expected one Host header");
    head.expect_continue = head.http_1_1 && head.framing.kind != Framing::Kind::none &&
                           equal_names(head.headers.get("Expect"), "100-continue");
    return head;
}

Result<ResponseHead> parse_response_head(std::string_view text, std::string_view method) {
    http::response_parser<http::empty_body> parser;
    parser.skip(true);
    if (auto parsed = parse(parser, text); !parsed) {
        return std::unexpected(std::move(parsed).error());
    }
    const auto& message = parser.get();
    ResponseHead head;
    head.status = message.result_int();
    head.headers = copy_fields(message);
    const bool bodiless =
        method == "HEAD" || head.status / 100 == 1 || head.status == 204 || head.status == 304;
    if (!bodiless) {
        auto framing = framing_of(head.headers);
        if (!framing) return std::unexpected(std::move(framing).error());
        head.framing = framing->value_or(Framing{Framing::Kind::until_close, 0});
    }
    http::token_list connection{head.headers.get("Connection")};
    head.keep_alive =
        head.framing.kind != Framing::Kind::until_close &&
        (message.version() >= 11 ? !connection.exists("close") : connection.exists("keep-alive"));
    return head;
}

BodyDecoder::BodyDecoder(Framing framing) : announced_(framing.length), left_(framing.length) {
    switch (framing.kind) {
        case Framing::Kind::none:
            state_ = State::done;
            break;
        case Framing::Kind::length:
            state_ = State::data;
            break;
        case Framing::Kind::chunked:
            state_ = State::chunk_size;
            break;
        case Framing::Kind::until_close:
            state_ = State::until_close;
            break;
    }
}

Result<std::size_t> BodyDecoder::decode(std::string_view in,
                                        std::string& out,
                                        std::size_t out_max) {
    std::size_t used = 0;
    while (state_ != State::done && used < in.size()) {
        const auto rest = in.substr(used);
        if (state_ == State::data || state_ == State::chunk_data || state_ == State::until_close) {
            auto take = std::min(rest.size(), out_max);
            if (state_ != State::until_close) take = std::min<std::uint64_t>(take, left_);
            if (take == 0) break;
            out.append(rest.substr(0, take));
            used += take;
            out_max -= take;
            if (state_ == State::until_close) continue;
            left_ -= take;
            if (left_ == 0) state_ = state_ == State::data ? State::done : State::chunk_end;
            continue;
        }
        const auto end = rest.find("\r\n");
        if (end == rest.npos) {
            const bool trailer = state_ == State::trailers;
            if (trailer && rest.size() > kTrailerBytesMax) return trailers_too_long();
            if (!trailer && rest.size() > kChunkLineMax) {
                return invalid("a line of the chunk framing has no end");
            }
            break;
        }
        auto taken = take_line(rest.substr(0, end));
        if (!taken) return std::unexpected(std::move(taken).error());
        used += end + 2;
    }
    return used;
}

Result<void> BodyDecoder::take_line(std::string_view line) {
    if (state_ == State::chunk_end) {
        if (!line.empty()) return invalid("a chunk is longer than its announced size");
        state_ = State::chunk_size;
        return {};
    }
    if (state_ == State::chunk_size) {
        const auto size = line.substr(0, line.find_first_of("; \t"));
        const auto parsed = std::from_chars(size.data(), size.data() + size.size(), left_, 16);
        const bool whole = parsed.ec == std::errc{} && parsed.ptr == size.data() + size.size();
        if (!whole || line.size() > kChunkLineMax || line.find('\r') != line.npos ||
            line.find('\n') != line.npos) {
            return invalid("a chunk has no valid size");
        }
        state_ = left_ > 0 ? State::chunk_data : State::trailers;
        return {};
    }
    if (line.empty()) {
        state_ = State::done;
        return {};
    }
    trailer_bytes_ += line.size() + 2;
    if (trailer_bytes_ > kTrailerBytesMax) return trailers_too_long();
    const auto colon = line.find(':');
    const auto name = line.substr(0, colon);
    const bool token = colon != line.npos && !name.empty() &&
                       name.find_first_of(" \t\"(),/:;<=>?@[\\]{}") == name.npos;
    auto value = colon == line.npos ? std::string_view{} : line.substr(colon + 1);
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 32 && c != '\t'; };
    if (!token || std::ranges::any_of(line, control)) return invalid("a trailer is not valid");
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t'))
        value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t'))
        value.remove_suffix(1);
    trailers_.add(std::string(name), std::string(value));
    return {};
}

Result<void> BodyDecoder::end_of_input() {
    if (state_ == State::until_close) state_ = State::done;
    if (state_ == State::done) return {};
    if (state_ != State::data) return invalid("the chunked body ended before its last chunk");
    return invalid("the body ended after " + std::to_string(announced_ - left_) + " of " +
                   std::to_string(announced_) + " announced bytes");
}

std::optional<std::uint64_t> BodyDecoder::left() const {
    if (state_ == State::done) return 0;
    if (state_ != State::data) return std::nullopt;
    return left_;
}

void append_fields(std::string& out, const Headers& headers) {
    constexpr std::array own{"Connection", "Content-Length", "Transfer-Encoding", "Date"};
    for (const auto& field : headers.all()) {
        const auto same = [&](const char* name) { return equal_names(name, field.name); };
        if (std::ranges::any_of(own, same)) continue;
        const auto start = out.size();
        out.append(field.name).append(": ").append(field.value);
        const auto breaks_line = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
        std::replace_if(
            out.begin() + static_cast<std::ptrdiff_t>(start), out.end(), breaks_line, ' ');
        out += "\r\n";
    }
}

std::string status_line(unsigned status) {
    const std::string_view reason = http::obsolete_reason(static_cast<http::status>(status));
    return "HTTP/1.1 " + std::to_string(status) + " " + std::string(reason) + "\r\n";
}

std::string last_chunk(const std::function<Headers()>& trailers) {
    std::string out = "0\r\n";
    if (trailers) append_fields(out, trailers());
    return out + "\r\n";
}

std::string chunk_head(std::size_t bytes) {
    std::array<char, 20> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), bytes, 16).ptr;
    return std::string(text.data(), end) + "\r\n";
}

std::string http_date() {
    constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array months{
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    const auto two = [](int n) { return std::string(n < 10 ? "0" : "") + std::to_string(n); };
    return std::string(days[static_cast<std::size_t>(parts.tm_wday)]) + ", " + two(parts.tm_mday) +
           " " + months[static_cast<std::size_t>(parts.tm_mon)] + " " +
           std::to_string(parts.tm_year + 1900) + " " + two(parts.tm_hour) + ":" +
           two(parts.tm_min) + ":" + two(parts.tm_sec) + " GMT";
}

std::string error_json(std::string_view code,
                       std::string_view message,
                       std::string_view correlation_id) {
    std::string text;
    for (const char c : message) {
        if (static_cast<unsigned char>(c) < 32) continue;
        if (c == '"' || c == '\\') text += '\\';
        text += c;
    }
    return R"({"error":{"code":")" + std::string(code) + R"(","message":")" + text +
           R"(","correlation_id":")" + std::string(correlation_id) + R"("}})";
}

}  // namespace onex::host
