#include "host/cli/output.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace onex::host::cli {

namespace json = boost::json;

namespace {

std::string one_decimal(double value) {
    std::array<char, 32> out{};
    std::snprintf(out.data(), out.size(), "%.1f", value);
    return out.data();
}

/// Characters, not bytes: continuation bytes of UTF-8 take no column.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }));
}

}  // namespace

std::string human_bytes(std::int64_t bytes) {
    constexpr std::array units{"kB", "MB", "GB", "TB"};
    if (bytes < 1000) return std::to_string(bytes) + " B";
    double value = static_cast<double>(bytes) / 1000;
    std::size_t unit = 0;
    while (value >= 999.95 && unit + 1 < units.size()) {
        value /= 1000;
        ++unit;
    }
    return one_decimal(value) + " " + units.at(unit);
}

std::string human_duration(std::int64_t ms) {
    if (ms < 1000) return std::to_string(ms) + " ms";
    if (ms < 59'950) return one_decimal(static_cast<double>(ms) / 1000) + " s";
    const auto seconds = (ms + 500) / 1000;
    if (seconds < 3600) {
        return std::to_string(seconds / 60) + " min " + std::to_string(seconds % 60) + " s";
    }
    return std::to_string(seconds / 3600) + " h " + std::to_string(seconds % 3600 / 60) + " min";
}

std::string printable(std::string_view text) {
    std::string out(text);
    for (auto& c : out) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte < 0x20 && c != '\t') || byte == 0x7F) c = ' ';
    }
    return out;
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width(row[i]));
    }
    std::string out;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += printable(row[i]);
            if (i + 1 < row.size()) line.append(widths[i] - width(row[i]) + 2, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    }
    return out;
}

void print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

void print_json(const json::value& value) {
    print(json::serialize(value) + "\n");
}

void print_error(const Error& error, bool json) {
    if (json) {
        json::object inside{{"code", error.code}, {"message", error.message}};
        inside["correlation_id"] = error.correlation_id;
        boost::system::error_code ec;
        if (!error.details.empty()) inside["details"] = json::parse(error.details, ec);
        print_json(json::object{{"error", std::move(inside)}});
        return;
    }
    // The message may have several lines on purpose (a configuration's problems, a build log).
    std::string text = error.code + ": ";
    std::size_t start = 0;
    while (start <= error.message.size()) {
        const auto end = std::min(error.message.find('\n', start), error.message.size());
        text += printable(std::string_view(error.message).substr(start, end - start)) + "\n";
        start = end + 1;
    }
    if (!error.correlation_id.empty()) text += "correlation id: " + error.correlation_id + "\n";
    std::fwrite(text.data(), 1, text.size(), stderr);
}

bool output_is_terminal() {
    const char* kind = std::getenv("TERM");
    return ::isatty(STDOUT_FILENO) == 1 && kind && std::string_view(kind) != "dumb";
}

}  // namespace onex::host::cli
