// How things look to people: sizes, times, tables, errors. Standard output is for results, standard
// error for failures.
#pragma once

#include <onex/error.hpp>

#include <boost/json/value.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace onex::host::cli {

/// "8.3 MB": decimal units, one digit after the point from kB on.
std::string human_bytes(std::int64_t bytes);
/// "850 ms", "1.2 s", "2 min 5 s", "3 h 10 min".
std::string human_duration(std::int64_t ms);

/// Columns padded to their widest cell, two spaces between them; the first row is the head. Control
/// characters in cells are replaced, since cells may hold what other machines sent.
std::string table(const std::vector<std::vector<std::string>>& rows);
/// `text` without control characters (but tab), so that it cannot steer a terminal.
std::string printable(std::string_view text);

void print(std::string_view text);  ///< standard output, flushed
void print_json(const boost::json::value& value);
void print_error(const Error& error, bool json);

/// Whether standard output is a terminal that understands cursor movement.
bool output_is_terminal();

}  // namespace onex::host::cli
