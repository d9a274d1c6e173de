#include "host/peer/answer.hpp"

#include "host/ids.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace onex::host {

namespace json = boost::json;

namespace {

constexpr std::size_t kLineBytesMax = 64
                                      << 20;  // An output may be large; a line without end may not.

// Outputs may be 64 deep (semantics 8.1), and stand a few levels down in a line.
constexpr std::size_t kDepthMax = 80;

json::value parse_deep(std::string_view text, boost::system::error_code& ec) {
    json::parse_options options;
    options.max_depth = kDepthMax;
    return json::parse(text, ec, {}, options);
}

/// A line ends at its first line feed; in JSON text one can only be white space.
std::string one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

json::object error_object(const Error& error) {
    json::object out{
        {"code", error.code}, {"message", error.message}, {"correlation_id", error.correlation_id}};
    if (!error.details.empty()) {
        boost::system::error_code ec;
        auto details = parse_deep(error.details, ec);
        if (!ec) out["details"] = std::move(details);
    }
    return out;
}

std::string text_of(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

Error to_error(const json::object& object) {
    Error out{
        text_of(object, "code"), text_of(object, "message"), {}, text_of(object, "correlation_id")};
    if (out.code.empty()) out.code = "INTERNAL";
    if (const auto* details = object.if_contains("details"))
        out.details = json::serialize(*details);
    return out;
}

}  // namespace

std::string progress_line(const ProgressInfo& info) {
    const json::object line{
        {"progress",
         {{"kind", info.kind}, {"done", info.done}, {"total", info.total}, {"text", info.text}}}};
    return json::serialize(line) + "\n";
}

std::string alive_line() {
    return "{\"alive\":true}\n";
}

std::string result_lines(const Outcome& outcome, const SigningKey& key, std::string_view nonce) {
    // The output is JSON text already; it is put in as it stands.
    std::string line =
        outcome.output
            ? R"({"result":{"output":)" +
                  (outcome.output->empty() ? "{}" : one_line(*outcome.output)) + "}}"
            : R"({"result":)" +
                  json::serialize(json::object{{"error", error_object(outcome.output.error())}}) +
                  "}";
    const auto signature = sign_response(key, nonce, 200, sha256_hex(line));
    return line + "\n{\"signature\":\"" + signature + "\"}\n";
}

std::string error_body(const Error& error) {
    return json::serialize(json::object{{"error", error_object(error)}});
}

Error parse_error_body(std::string_view body, unsigned status) {
    boost::system::error_code ec;
    const auto value = parse_deep(body, ec);
    if (!ec && value.is_object()) {
        const auto* error = value.as_object().if_contains("error");
        if (error && error->is_object()) return to_error(error->as_object());
    }
    return {"TRANSFER_FAILED",
            "the peer answered HTTP " + std::to_string(status) + " without a reason",
            {},
            {}};
}

Result<void> LineReader::feed(std::string_view bytes,
                              const std::function<void(const ProgressInfo&)>& on_progress) {
    buffer_ += bytes;
    std::size_t from = 0;
    for (auto end = buffer_.find('\n'); end != std::string::npos; end = buffer_.find('\n', from)) {
        if (auto done = line(std::string_view(buffer_).substr(from, end - from), on_progress);
            !done)
            return done;
        from = end + 1;
    }
    buffer_.erase(0, from);
    if (buffer_.size() > kLineBytesMax)
        return onex::fail("TRANSFER_FAILED", "the peer's answer has a line over 64 MiB");
    return {};
}

Result<void> LineReader::line(std::string_view line,
                              const std::function<void(const ProgressInfo&)>& on_progress) {
    boost::system::error_code ec;
    const auto value = parse_deep(line, ec);
    if (ec || !value.is_object())
        return onex::fail("TRANSFER_FAILED", "the peer's answer is not what a host sends");
    const auto& object = value.as_object();
    if (const auto* progress = object.if_contains("progress"); progress && progress->is_object()) {
        const auto number = [&](std::string_view name) -> std::uint64_t {
            const auto* n = progress->as_object().if_contains(name);
            return n && n->is_number() ? n->to_number<std::uint64_t>(ec) : 0;
        };
        if (on_progress) {
            on_progress({static_cast<std::uint32_t>(number("kind")),
                         number("done"),
                         number("total"),
                         text_of(progress->as_object(), "text")});
        }
    } else if (object.contains("result")) {
        result_line_ = std::string(line);
    } else if (object.contains("signature") && !result_line_.empty()) {
        const Headers headers{{"X-Onex-Signature", text_of(object, "signature")}};
        if (auto valid = verify_response(key_, nonce_, 200, sha256_hex(result_line_), headers);
            !valid)
            return valid;
        const auto result = parse_deep(result_line_, ec).at("result");
        const auto* error = result.is_object() ? result.as_object().if_contains("error") : nullptr;
        const auto* output =
            result.is_object() ? result.as_object().if_contains("output") : nullptr;
        if (error && error->is_object()) {
            result_ = std::unexpected(to_error(error->as_object()));
        } else {
            result_ = output ? json::serialize(*output) : std::string("{}");
        }
    }
    return {};
}

}  // namespace onex::host
