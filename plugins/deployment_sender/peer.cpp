#include "plugins/deployment_sender/peer.hpp"

#include <algorithm>
#include <utility>

namespace onex::sender {

Peer::Peer(const Host& host, Request& request, const json::object& input)
    : host_(host),
      request_(request),
      target_(get_text(input, "remote_host") + ":" +
              std::to_string(get_number(input, "remote_port", 8001))) {}

Result<json::object> Peer::call(std::string_view operation,
                                const json::object& input,
                                bool is_effect,
                                Stream body) {
    Call call;
    call.target = target_;
    call.operation = operation;
    call.input = json::serialize(input);
    if (is_effect && !request_.key().empty())
        call.key = request_.key() + "/" + std::string(operation);
    call.stream_in = std::move(body);
    // What the receiver does with the bytes is progress of ours: it takes its time after the last
    // one.
    call.on_progress = [this](const Progress&) { request_.progress_step(); };
    auto answer = host_.call(std::move(call), request_.wait());
    if (!answer) {
        auto error = std::move(answer).error();
        if (error.code == "UNAVAILABLE" && operation == "announce_deployment") {
            error.code = "REMOTE_ENDPOINT_UNREACHABLE";
        }
        return std::unexpected(std::move(error));
    }
    return parse_object(*answer);
}

Result<std::string> target_of_url(std::string_view url) {
    const auto bad = [&] {
        return fail("VALIDATION_ERROR",
                    "remote_receiver_url is " + std::string(url.substr(0, 200)) +
                        "; expected http://host:port");
    };
    const bool is_tls = url.starts_with("https://");
    if (!is_tls && !url.starts_with("http://")) return bad();
    url.remove_prefix(is_tls ? 8 : 7);
    url = url.substr(0, url.find_first_of("/?#"));
    if (url.empty() || url.front() == ':' || url.find('@') != url.npos) return bad();
    const auto colon = url.rfind(':');
    const bool has_port = colon != url.npos && url.find(']', colon) == url.npos;
    if (!has_port) return std::string(url) + (is_tls ? ":443" : ":80");
    const auto port = url.substr(colon + 1);
    const bool is_number = !port.empty() && port.size() <= 5 &&
                           std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
    return is_number ? Result<std::string>(std::string(url)) : bad();
}

}  // namespace onex::sender
