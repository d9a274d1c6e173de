#include "host/router/respond.hpp"

#include "host/peer/answer.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <utility>

namespace onex::host {

namespace json = boost::json;

ServerResponse json_response(unsigned status, std::string body) {
    ServerResponse out;
    out.status = status;
    out.headers.add("Content-Type", "application/json");
    out.body = std::move(body);
    return out;
}

ServerResponse error_response(Error error, const std::string& correlation_id, bool unified) {
    if (error.correlation_id.empty()) error.correlation_id = correlation_id;
    const auto status = code_info(error.code).http_status;
    ServerResponse out;
    if (unified) {
        const json::object body{
            {"status", "error"},
            {"data", nullptr},
            {"error", error.code},
            {"message", error.message},
            {"metadata", {{"status_code", status}, {"correlation_id", error.correlation_id}}}};
        out = json_response(status, json::serialize(body));
    } else {
        out = json_response(status, error_body(error));
    }
    if (status == 401) out.headers.add("WWW-Authenticate", "Bearer");
    if (status == 429 || status == 503) out.headers.add("Retry-After", "1");
    return out;
}

ServerResponse outcome_response(Outcome outcome,
                                unsigned status,
                                const std::string& correlation_id,
                                bool unified) {
    if (!outcome.output)
        return error_response(std::move(outcome.output).error(), correlation_id, unified);
    const auto code = outcome.http_status ? outcome.http_status : status;
    if (!unified) return json_response(code, std::move(*outcome.output));
    // As deep as the check of the answer lets it be.
    boost::system::error_code ec;
    json::parse_options options;
    options.max_depth = 64;
    auto data = json::parse(*outcome.output, ec, {}, options);
    const json::object body{{"status", "success"},
                            {"data", std::move(data)},
                            {"error", nullptr},
                            {"message", nullptr},
                            {"metadata", {{"correlation_id", correlation_id}}}};
    return json_response(code, json::serialize(body));
}

}  // namespace onex::host
