// What one call costs, in nanoseconds; prints "name value" lines.
//   onex_bench_calls PLUGIN     PLUGIN: the library of greeter
//
//   virtual_ns   a virtual call that is answered by a virtual call
//   abi_ns       onex_node::invoke that is answered by onex_call_v1::answer
//   json_ns      the same into the library, whose operation takes and returns a small JSON
#include <onex/abi.h>

#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string_view>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRounds = 5;
constexpr std::string_view kOutput = R"({"text":"Hello, Ada!"})";

/// Nanoseconds a call, of the fastest round: the others were disturbed.
template <class Call>
double fastest(int calls, Call&& call) {
    double best = 1e9;
    for (int round = 0; round < kRounds; ++round) {
        const auto start = Clock::now();
        for (onex_token token = 1; token <= static_cast<onex_token>(calls); ++token)
            call(token);
        const std::chrono::duration<double, std::nano> took = Clock::now() - start;
        best = std::min(best, took.count() / calls);
    }
    return best;
}

/// The compiler no longer knows what the pointer points to.
template <class T>
T* forgotten(T* pointer) {
    asm volatile("" : "+r"(pointer) : : "memory");
    return pointer;
}

/// What both ways answer into.
struct Answers {
    std::uint64_t count = 0;
    std::uint64_t bytes = 0;
};

// --- virtual

class Asking {
  public:
    virtual ~Asking() = default;
    virtual void answer(onex_token token, std::string_view output) = 0;
};
class Answering {
  public:
    virtual ~Answering() = default;
    virtual int invoke(onex_token token, std::string_view input) = 0;
};

class Asks final : public Asking {
  public:
    explicit Asks(Answers& answers) : answers_(answers) {}
    void answer(onex_token /*token*/, std::string_view output) override {
        ++answers_.count;
        answers_.bytes += output.size();
    }

  private:
    Answers& answers_;
};
class AnswersAtOnce final : public Answering {
  public:
    explicit AnswersAtOnce(Asking& asking) : asking_(asking) {}
    int invoke(onex_token token, std::string_view /*input*/) override {
        asking_.answer(token, kOutput);
        return 0;
    }

  private:
    Asking& asking_;
};
/// A second one of each, or a compiler could see that there is nothing to choose.
class AnswersNever final : public Answering {
  public:
    int invoke(onex_token /*token*/, std::string_view /*input*/) override { return -1; }
};
class AsksNobody final : public Asking {
  public:
    void answer(onex_token /*token*/, std::string_view /*output*/) override {}
};

double virtual_ns(Answers& answers, bool odd) {
    Asks asks(answers);
    AsksNobody nobody;
    AnswersAtOnce at_once(*forgotten(odd ? static_cast<Asking*>(&nobody) : &asks));
    AnswersNever never;
    auto* const callee = forgotten(odd ? static_cast<Answering*>(&never) : &at_once);
    return fastest(20'000'000,
                   [&](onex_token token) { (void)callee->invoke(token, R"({"name":"Ada"})"); });
}

// --- over the ABI

onex_status take(void* ctx, onex_token /*token*/, const onex_answer* answer) {
    auto& answers = *static_cast<Answers*>(ctx);
    ++answers.count;
    answers.bytes += answer->output.size;
    return ONEX_OK;
}
onex_status refuse(void* /*ctx*/, onex_token /*token*/, const onex_failure* /*failure*/) {
    return ONEX_OK;
}
onex_status no_settings(void* /*ctx*/, onex_writer* out) {
    return out->append(out->ctx, "{}", 2);
}

/// The two tables that a small node needs.
struct Services {
    onex_call_v1 call{};
    onex_config_v1 config{};
};
const void* find_service(void* ctx, onex_str id) {
    const auto& services = *static_cast<Services*>(ctx);
    const std::string_view wanted(id.data, id.size);
    if (wanted == ONEX_CALL_ID) return &services.call;
    if (wanted == ONEX_CONFIG_ID) return &services.config;
    return nullptr;
}

onex_str view(std::string_view text) {
    return {text.data(), text.size()};
}

double invoke_ns(const onex_node& node, int calls) {
    onex_request request{};
    request.struct_size = sizeof(request);
    request.operation = view("greet");
    request.input = view(R"({"name":"Ada"})");
    request.correlation_id = view("bench");
    request.caller = view("anonymous");
    request.timeout_ms = 1000;
    onex_error error{};
    error.struct_size = sizeof(error);
    return fastest(calls, [&](onex_token token) {
        request.token = token;
        (void)node.invoke(node.self, &request, &error);
    });
}

onex_status answer_at_once(void* self, const onex_request* request, onex_error* /*error*/) {
    const auto& call = *static_cast<const onex_call_v1*>(self);
    onex_answer answer{};
    answer.struct_size = sizeof(answer);
    answer.output = view(kOutput);
    return call.answer(call.ctx, request->token, &answer);
}

double abi_ns(Services& services) {
    onex_node node{};
    node.struct_size = sizeof(node);
    node.self = &services.call;
    node.invoke = &answer_at_once;
    return invoke_ns(*forgotten(&node), 20'000'000);
}

double json_ns(Services& services, const char* file) {
    void* library = ::dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!library) return -1;
    const auto* entry =
        static_cast<const onex_plugin_entry*>(::dlsym(library, ONEX_PLUGIN_ENTRY_SYMBOL));
    onex_host host{};
    host.struct_size = sizeof(host);
    host.abi_major = ONEX_ABI_MAJOR;
    host.abi_minor = ONEX_ABI_MINOR;
    host.ctx = &services;
    host.version = "bench";
    host.get_service = &find_service;
    onex_create_args args{};
    args.struct_size = sizeof(args);
    args.generation = 1;
    args.node = view("greeter");
    const onex_node* node = nullptr;
    if (!entry || entry->create(&host, &args, &node, nullptr) != ONEX_OK) return -1;
    const auto out = invoke_ns(*node, 500'000);
    node->destroy(node->self);
    ::dlclose(library);
    return out;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: onex_bench_calls PLUGIN\n");
        return 2;
    }
    Answers answers;
    Services services;
    services.call.struct_size = sizeof(services.call);
    services.call.ctx = &answers;
    services.call.answer = &take;
    services.call.answer_error = &refuse;
    services.config.struct_size = sizeof(services.config);
    services.config.settings = &no_settings;
    std::printf("virtual_ns %.2f\n", virtual_ns(answers, forgotten(&answers)->count != 0));
    std::printf("abi_ns %.2f\n", abi_ns(services));
    const auto before = answers.count;
    std::printf("json_ns %.1f\n", json_ns(services, argv[1]));
    if (answers.count == before) {
        std::fprintf(stderr, "%s did not answer\n", argv[1]);
        return 1;
    }
    return 0;
}
