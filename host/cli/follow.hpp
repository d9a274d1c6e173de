// Following a run to its end: status and log are asked for until it is final.
#pragma once

#include "host/cli/progress.hpp"
#include "host/cli/session.hpp"

#include <boost/json/object.hpp>

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace onex::host::cli {

/// The lines of a logs answer, and the position to go on from.
struct LogPage {
    std::vector<LogLine> lines;
    std::int64_t next = 0;
    bool final = false;
};
LogPage read_log_page(const boost::json::object& answer, std::int64_t after);

struct Followed {
    std::optional<boost::json::object>
        status;                      ///< the final one; empty when following ended before
    std::deque<LogLine> last_lines;  ///< of the operation that failed, if one did
    bool interrupted = false;        ///< by Ctrl-C: the run goes on without us
};

/// Shows the run's progress until it is final, or until Ctrl-C. A host that goes away is waited
/// for, up to 60 s, because it resumes its runs. After a failure the session has printed it and
/// holds the exit code.
Followed follow_run(Session& session, const std::string& workflow_id, bool verbose);

/// Calls `on_page` for each page of log lines until the run is final, or (without `wait`) until no
/// line is left. False after a failure, which the session has printed.
bool each_log_page(Session& session,
                   const std::string& workflow_id,
                   bool wait,
                   const std::function<void(const LogPage&)>& on_page);

}  // namespace onex::host::cli
