#include "plugins/deployment_sender/events.hpp"

#include <array>
#include <cstdio>
#include <ctime>
#include <utility>

namespace onex::sender {
namespace {

json::value text_or_null(const std::string& text) {
    return text.empty() ? json::value(nullptr) : json::value(text);
}

}  // namespace

std::string iso_time(std::int64_t wall_us) {
    const std::time_t seconds = wall_us / 1'000'000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> date{};
    const auto size = std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    std::array<char, 8> ms{};
    std::snprintf(ms.data(), ms.size(), ".%03dZ", static_cast<int>(wall_us / 1000 % 1000));
    return std::string(date.data(), size) + ms.data();
}

Result<std::string> publish_event(const Host& host,
                                  std::string_view type,
                                  const EventSubject& subject,
                                  json::object payload) {
    std::string node_id;
    std::string name_space;
    if (const auto info = parse_object(host.info())) {
        node_id = get_text(*info, "host") + "/" + get_text(*info, "node");
        name_space = get_text(*info, "topic_namespace", "dev.omninode-bridge");
    }
    Event event;
    event.type = type;
    event.key = subject.container_name;
    event.correlation_id = subject.correlation_id;
    event.workflow_id = subject.workflow_id;
    event.payload =
        json::serialize(json::object{{"correlation_id", text_or_null(subject.correlation_id)},
                                     {"event_type", type},
                                     {"package_id", text_or_null(subject.package_id)},
                                     {"container_name", text_or_null(subject.container_name)},
                                     {"image_tag", text_or_null(subject.image_tag)},
                                     {"payload", std::move(payload)},
                                     {"timestamp", iso_time(host.wall_us())},
                                     {"node_id", node_id}});
    event.metadata = json::serialize(json::object{{"event_category", "deployment_lifecycle"},
                                                  {"node_type", "deployment_sender"},
                                                  {"namespace", name_space}});
    return host.publish(event, nullptr);
}

void publish_failure(const Host& host,
                     const EventSubject& subject,
                     const json::object& input,
                     std::string_view step,
                     const Error& error) {
    if (!get_text(get_object(input, "run"), "workflow_id").empty()) return;
    (void)publish_event(
        host,
        "DEPLOYMENT_FAILED",
        subject,
        {{"step", step}, {"error_code", error.code}, {"error_message", error.message}});
}

}  // namespace onex::sender
