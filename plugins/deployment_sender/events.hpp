// The facts that a sender tells, in the original's shape.
#pragma once

#include <onex/json.hpp>

#include <string>
#include <string_view>

namespace onex::sender {

/// What an event is about; empty members are told as null.
struct EventSubject {
    std::string correlation_id;
    std::string workflow_id;
    std::string package_id;
    std::string container_name;
    std::string image_tag;
};

/// Publishes `type` (BUILD_STARTED …) with `payload`; its topic follows from the type. Answers the
/// event's id. [may block]
Result<std::string> publish_event(const Host& host,
                                  std::string_view type,
                                  const EventSubject& subject,
                                  json::object payload);

/// Publishes DEPLOYMENT_FAILED with what went wrong in `step`. Not within a run: its engine tells
/// once that the run has failed, however many attempts that took. [may block]
void publish_failure(const Host& host,
                     const EventSubject& subject,
                     const json::object& input,
                     std::string_view step,
                     const Error& error);

/// `wall_us` as ISO-8601 in UTC with milliseconds.
[[nodiscard]] std::string iso_time(std::int64_t wall_us);

}  // namespace onex::sender
