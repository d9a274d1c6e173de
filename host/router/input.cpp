#include "host/router/input.hpp"

#include "host/async/report.hpp"
#include "host/router/multipart.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/json/parse.hpp>

#include <memory>

namespace onex::host {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::size_t kFieldsMax = 64 * 1024;
constexpr std::int64_t kIdleMs = 60'000;

Result<void> merge_json(json::object& into, std::string_view text) {
    if (text.size() > kFieldsMax) return fail("VALIDATION_ERROR", "`input` is over 64 KiB");
    auto parsed = parse_body(std::string(text));
    if (!parsed) return std::unexpected(std::move(parsed).error());
    for (auto& member : *parsed)
        into[member.key()] = std::move(member.value());
    return {};
}

Result<void> add_field(json::object& into,
                       const OperationContract& operation,
                       const std::string& name,
                       const std::string& text) {
    if (name == "input") return merge_json(into, text);
    auto value = operation.input.typed(name, text);
    if (!value) return std::unexpected(std::move(value).error());
    into[name] = std::move(*value);
    return {};
}

/// Reads a multipart body up to its stream, then moves the stream on in the background.
class MultipartBody : public std::enable_shared_from_this<MultipartBody> {
  public:
    MultipartBody(PipePtr body,
                  const std::string& boundary,
                  const OperationContract& operation,
                  CancelPtr gone)
        : body_(std::move(body)),
          gone_(std::move(gone)),
          operation_(operation),
          parser_(boundary,
                  {[this](const auto& part) { return begin(part); },
                   [this](std::string_view bytes) { return data(bytes); },
                   [this] { return end(); }}) {}

    asio::awaitable<Result<StreamedBody>> read_fields() {
        while (!out_.stream) {
            auto more = co_await feed_one();
            if (!more) co_return std::unexpected(std::move(more).error());
            if (!*more)
                co_return fail("VALIDATION_ERROR",
                               "the multipart body has no part `stream` or `package`");
        }
        co_return out_;
    }

    asio::awaitable<void> move_stream() {
        while (true) {
            for (auto& chunk : pending_) {
                auto pushed = co_await out_.stream->async_push(std::move(chunk), wait());
                if (!pushed) {
                    body_->close_reader();
                    co_return;
                }
            }
            pending_.clear();
            if (ended_) out_.stream->finish();
            auto more = co_await feed_one();
            if (!more) {
                out_.stream->fail(std::move(more).error());
                co_return;
            }
            if (!*more) co_return;
        }
    }

  private:
    [[nodiscard]] Wait wait() const { return Wait::for_ms(kIdleMs, gone_); }

    /// False at the end of the body.
    asio::awaitable<Result<bool>> feed_one() {
        auto chunk = co_await body_->async_pop(wait());
        if (!chunk) co_return std::unexpected(std::move(chunk).error());
        if (!*chunk) {
            if (!parser_.complete())
                co_return fail("VALIDATION_ERROR", "the multipart body ends in the middle");
            co_return false;
        }
        auto fed = parser_.feed(**chunk);
        if (!fed) co_return std::unexpected(std::move(fed).error());
        co_return true;
    }
    Result<void> begin(const MultipartParser::Part& part) {
        name_ = part.name;
        text_.clear();
        in_stream_ = !out_.stream &&
                     (part.name == "stream" || part.name == "package" || !part.filename.empty());
        if (in_stream_) {
            out_.stream = std::make_shared<Pipe>();
            out_.content_type = part.content_type;
        }
        return {};
    }
    Result<void> data(std::string_view bytes) {
        if (in_stream_) {
            pending_.push_back(std::make_shared<const std::string>(bytes));
            return {};
        }
        field_bytes_ += bytes.size();
        if (field_bytes_ > kFieldsMax)
            return fail("VALIDATION_ERROR", "the fields of the multipart body are over 64 KiB");
        text_ += bytes;
        return {};
    }
    Result<void> end() {
        if (in_stream_) {
            in_stream_ = false;
            ended_ = true;
            return {};
        }
        if (out_.stream) return {};  // Behind the stream: too late to be part of the input.
        return add_field(out_.fields, operation_, name_, text_);
    }

    PipePtr body_;
    CancelPtr gone_;
    const OperationContract& operation_;
    MultipartParser parser_;
    StreamedBody out_;
    std::vector<Chunk> pending_;
    std::string name_;
    std::string text_;
    std::size_t field_bytes_ = 0;
    bool in_stream_ = false;
    bool ended_ = false;
};

}  // namespace

Result<json::object> parse_body(const std::string& body) {
    if (body.empty()) return json::object{};
    boost::system::error_code ec;
    json::parse_options options;
    options.max_depth = 64;
    auto value = json::parse(body, ec, {}, options);
    if (ec) return fail("VALIDATION_ERROR", "the body is not valid JSON: " + ec.message());
    if (!value.is_object()) return fail("VALIDATION_ERROR", "the body must be a JSON object");
    return std::move(value.as_object());
}

Result<void> add_parameters(json::object& input,
                            const OperationContract& operation,
                            std::string_view query,
                            const PathParams& params) {
    for (const auto& field : parse_query(query)) {
        if (auto added = add_field(input, operation, field.name, field.value); !added) return added;
    }
    for (const auto& [name, text] : params) {
        auto value = operation.input.typed(name, text);
        if (!value) return std::unexpected(std::move(value).error());
        input[name] = std::move(*value);
    }
    return {};
}

asio::awaitable<Result<StreamedBody>> open_streamed_body(PipePtr body,
                                                         std::string content_type,
                                                         const OperationContract* operation,
                                                         asio::any_io_executor executor,
                                                         CancelPtr gone) {
    const auto boundary = multipart_boundary(content_type);
    if (boundary.empty()) {
        StreamedBody out;
        out.stream = std::move(body);
        out.content_type = std::move(content_type);
        co_return out;
    }
    auto multipart = std::make_shared<MultipartBody>(body, boundary, *operation, gone);
    auto fields = co_await multipart->read_fields();
    if (!fields) {
        body->close_reader();
        co_return fields;
    }
    asio::co_spawn(executor,
                   multipart->move_stream(),
                   [multipart](const std::exception_ptr& failed) { report_task(failed); });
    co_return fields;
}

}  // namespace onex::host
