#include "host/router/multipart.hpp"

#include <algorithm>
#include <utility>

namespace onex::host {

namespace {

constexpr std::size_t kPartHeaderMax = 8 * 1024;
constexpr int kPartsMax = 64;

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) {
        return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    });
    return out;
}

/// The value of `name="value"` or `name=value` in a header.
std::string parameter(std::string_view header, std::string_view name) {
    const auto text = lower(header);
    for (auto at = text.find(';'); at != std::string::npos; at = text.find(';', at + 1)) {
        auto from = at + 1;
        while (from < text.size() && text[from] == ' ')
            ++from;
        if (text.compare(from, name.size(), name) != 0 || from + name.size() >= text.size() ||
            text[from + name.size()] != '=') {
            continue;
        }
        auto value = header.substr(from + name.size() + 1);
        if (value.starts_with('"')) {
            value.remove_prefix(1);
            return std::string(value.substr(0, value.find('"')));
        }
        return std::string(value.substr(0, value.find_first_of("; \r\n")));
    }
    return {};
}

}  // namespace

std::string multipart_boundary(std::string_view content_type) {
    if (!lower(content_type).starts_with("multipart/form-data")) return {};
    auto boundary = parameter(content_type, "boundary");
    return boundary.size() > 70 ? std::string() : boundary;
}

MultipartParser::MultipartParser(std::string boundary, Events events)
    : delimiter_("\r\n--" + std::move(boundary)), events_(std::move(events)), buffer_("\r\n") {}

Result<void> MultipartParser::feed(std::string_view bytes) {
    buffer_ += bytes;
    while (true) {
        auto more = step();
        if (!more) return std::unexpected(std::move(more).error());
        if (!*more) return {};
    }
}

/// False when it needs more bytes.
Result<bool> MultipartParser::step() {
    const auto broken = [] {
        return fail("VALIDATION_ERROR", "the multipart body is not framed as RFC 7578 says");
    };
    switch (state_) {
        case State::preamble: {
            const auto at = buffer_.find(delimiter_);
            if (at == std::string::npos) {
                if (buffer_.size() > kPartHeaderMax) return broken();
                return false;
            }
            buffer_.erase(0, at + delimiter_.size());
            state_ = State::after_boundary;
            return true;
        }
        case State::after_boundary: {
            if (buffer_.size() < 2) return false;
            if (buffer_.starts_with("--")) {
                state_ = State::done;
                return true;
            }
            if (!buffer_.starts_with("\r\n")) return broken();
            state_ = State::headers;
            return true;
        }
        case State::headers: {
            const auto end = buffer_.find("\r\n\r\n");
            if (end == std::string::npos) {
                if (buffer_.size() > kPartHeaderMax) return broken();
                return false;
            }
            const auto headers = buffer_.substr(0, end);
            buffer_.erase(0, end + 4);
            state_ = State::body;
            auto begun = begin_part(headers);
            if (!begun) return std::unexpected(std::move(begun).error());
            return true;
        }
        case State::body: {
            const auto at = buffer_.find(delimiter_);
            if (at != std::string::npos) {
                if (at > 0) {
                    auto told = events_.data(std::string_view(buffer_).substr(0, at));
                    if (!told) return std::unexpected(std::move(told).error());
                }
                buffer_.erase(0, at + delimiter_.size());
                state_ = State::after_boundary;
                auto ended = events_.end();
                if (!ended) return std::unexpected(std::move(ended).error());
                return true;
            }
            // Keep what could be the beginning of a delimiter.
            if (buffer_.size() < delimiter_.size()) return false;
            const auto sure = buffer_.size() - delimiter_.size() + 1;
            auto told = events_.data(std::string_view(buffer_).substr(0, sure));
            if (!told) return std::unexpected(std::move(told).error());
            buffer_.erase(0, sure);
            return false;
        }
        case State::done:
            buffer_.clear();
            return false;
    }
    return false;
}

Result<void> MultipartParser::begin_part(std::string_view headers) {
    if (++parts_ > kPartsMax) return fail("VALIDATION_ERROR", "over 64 parts in one body");
    Part part;
    while (!headers.empty()) {
        const auto end = headers.find("\r\n");
        const auto line = headers.substr(0, end);
        headers = end == std::string_view::npos ? std::string_view{} : headers.substr(end + 2);
        const auto name = lower(line.substr(0, line.find(':')));
        if (name == "content-disposition") {
            part.name = parameter(line, "name");
            part.filename = parameter(line, "filename");
        } else if (name == "content-type") {
            auto value = line.substr(line.find(':') + 1);
            while (value.starts_with(' '))
                value.remove_prefix(1);
            part.content_type = std::string(value);
        }
    }
    if (part.name.empty())
        return fail("VALIDATION_ERROR", "a part of the multipart body has no name");
    return events_.begin(part);
}

}  // namespace onex::host
