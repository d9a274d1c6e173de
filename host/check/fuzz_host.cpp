#include "host/check/fuzz_host.hpp"

#include "host/check/random_values.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace onex::host::check {

namespace json = boost::json;

FuzzHost::FuzzHost() {
    on_call = [this](const testing::CallSeen&) { return answer_call(); };
    on_http = [this](const testing::HttpSeen&) { return answer_http(); };
    on_run = [this](const std::vector<std::string>&) -> Result<int> {
        meanwhile();
        if (dice_.one_in(3)) return std::unexpected(some_error());
        return static_cast<int>(dice_.below(4)) - 1;
    };
    on_sql = [this](const std::string&, const testing::Arguments&) -> Result<Rows> {
        if (dice_.one_in(6)) return std::unexpected(some_error());
        return Rows{};  // Rows are what the node itself stored: nothing that chance could make up.
    };
    // A call also reports progress, any number of times. The tables are this object's own.
    auto& call = const_cast<onex_call_v1&>(
        *static_cast<const onex_call_v1*>(abi()->get_service(abi()->ctx, to_abi(ONEX_CALL_ID))));
    plain_call_ = call.call;
    call.call = [](void* ctx,
                   const onex_call* what,
                   onex_wait wait,
                   onex_writer* out,
                   onex_error* error) -> onex_status {
        auto& host = of(ctx);
        for (auto left = what->on_progress ? host.dice_.below(4) : 0; left > 0; --left) {
            const auto text = random_text(host.dice_, 0, 30);
            onex_progress progress{};
            progress.struct_size = sizeof(progress);
            progress.kind = static_cast<std::uint32_t>(host.dice_.below(4));
            progress.done = host.dice_.next() >> host.dice_.below(64);
            progress.total = host.dice_.next() >> host.dice_.below(64);
            progress.text = to_abi(text);
            what->on_progress(what->progress_user, &progress);
        }
        return host.plain_call_(ctx, what, wait, out, error);
    };
}

Dice& FuzzHost::begin_round(Dice dice) {
    dice_ = dice;
    refusal = dice_.one_in(12) ? some_error() : Error{};
    // What a test would look at; here it would only grow.
    logs.clear();
    FakeState::progress.clear();
    events.clear();
    metrics.clear();
    calls.clear();
    http_requests.clear();
    statements.clear();
    return dice_;
}

onex_token FuzzHost::open(std::string operation, std::string input) {
    current_ = open_request();
    auto& request = this->request(current_);
    request.operation = std::move(operation);
    request.input = std::move(input);
    request.caller = dice_.any_of({"anonymous", "token", "admin", "peer:other", "node:other"});
    if (dice_.one_in(4)) request.key = random_text(dice_, 1, 60);
    if (!dice_.one_in(3)) {
        auto bytes = random_bytes(dice_, dice_.one_in(8) ? 600'000 : 300);
        request.stream_in = make_stream(std::move(bytes), false);
        auto& line = *streams_.at(request.stream_in);
        switch (dice_.below(6)) {
            case 0:
                line.broken = some_error();
                break;
            case 1:
                line.closed = true;  // Its writer goes away.
                break;
            case 2:
                break;  // Nothing more comes, not even an end.
            default:
                line.finished = true;
        }
    }
    if (!dice_.one_in(3)) {
        request.stream_out = make_stream({}, false);
        streams_.at(request.stream_out)->closed = dice_.one_in(4);  // Its reader goes away.
    }
    return current_;
}

void FuzzHost::cancel_soon(onex_token token) {
    auto& open = request(token);
    open.cancelled = true;
    const auto fn = std::exchange(open.on_cancel, nullptr);
    if (fn) tasks_[++last_handle_] = {now_ms(), 0, fn, open.on_cancel_user};
}

void FuzzHost::meanwhile() {
    if (current_ != 0 && dice_.one_in(10)) cancel_soon(current_);
}

Error FuzzHost::some_error() {
    return {dice_.any_of({"INTERNAL",
                          "UNAVAILABLE",
                          "TIMEOUT",
                          "CANCELLED",
                          "NOT_FOUND",
                          "CONFLICT",
                          "POLICY_DENIED",
                          "RESOURCE_LIMIT_EXCEEDED",
                          "DISK_FULL",
                          "A_CODE_THAT_NOBODY_KNOWS"}),
            "by chance: " + random_text(dice_, 0, 60),
            {},
            {}};
}

Result<std::string> FuzzHost::answer_call() {
    meanwhile();
    if (dice_.one_in(3)) return std::unexpected(some_error());
    auto output = random_json(dice_, 3);
    return output.is_object() ? json::serialize(output) : "{}";
}

Result<testing::HttpScript> FuzzHost::answer_http() {
    meanwhile();
    if (dice_.one_in(3)) return std::unexpected(some_error());
    testing::HttpScript out;
    out.status = dice_.any_of({200U, 200U, 201U, 204U, 304U, 400U, 404U, 409U, 500U, 503U});
    if (dice_.one_in(2)) out.headers = "content-type: application/json\n";
    out.body = dice_.one_in(3) ? random_bytes(dice_, 2000) : json::serialize(random_json(dice_, 4));
    return out;
}

}  // namespace onex::host::check
