// What is told when a run has ended. Pure: a final status document in, text out.
#pragma once

#include "host/cli/progress.hpp"

#include <onex/error.hpp>

#include <boost/json/object.hpp>

#include <deque>
#include <string>

namespace onex::host::cli {

/// The report of a success: the service's URL first, ids, milliseconds per stage, bytes sent, what
/// next.
std::string success_report(const boost::json::object& status);
/// The report of a failure, without the error itself: the latest log lines, the rollback, what
/// next.
std::string failure_report(const boost::json::object& status,
                           const std::deque<LogLine>& last_lines);
/// The error of a final status document that is not a success.
Error error_of(const boost::json::object& status);
/// The name of the first operation that failed, or empty.
std::string failed_operation(const boost::json::object& status);
/// One document for --json: the status document with `status: success|failed` and what scripts ask
/// for first at the top.
boost::json::object report_document(const boost::json::object& status);

/// A status document at any time, for `status ID`.
std::string describe_run(const boost::json::object& status);

}  // namespace onex::host::cli
