// onex.process/1: allow-listed programs.
#include "host/process/process.hpp"

#include "host/plugin/background.hpp"
#include "host/plugin/services.hpp"

#include <utility>

namespace onex::host {

namespace {

onex_status run(
    void* ctx, const onex_process* in, onex_wait wait, std::int32_t* exit_code, onex_error* error) {
    return guarded(error, [&]() -> onex_status {
        auto& node = node_of(ctx);
        ProcessRequest request;
        std::shared_ptr<StreamEnd> input;
        if (in->input != 0) {
            input = node.runtime().streams.take(in->input);
            if (!input || input->side != StreamEnd::Side::reader) {
                return report({"BAD_HANDLE", "input is not the reading end of a stream", {}, {}},
                              error);
            }
            request.input = input->pipe;
        }
        if (auto allowed = may_wait(); !allowed) return report(allowed.error(), error);
        const auto waiting = to_wait(node, wait);
        if (!waiting) return report(waiting.error(), error);
        for (std::uint32_t i = 0; i < in->arg_count; ++i)
            request.args.emplace_back(view(in->args[i]));
        if (in->folder.size) request.folder = std::string(view(in->folder));
        for (std::uint32_t i = 0; i < in->environment_count; ++i) {
            request.environment.emplace_back(view(in->environment[i].name),
                                             view(in->environment[i].value));
        }
        if (in->on_line) {
            request.on_line = [in](int stream, std::string_view line) {
                in->on_line(in->user, static_cast<std::uint32_t>(stream), view(line));
            };
        }
        auto code = run_process(node.runtime().processes, std::move(request), waiting->wait);
        if (!code) return report(waiting->translate(std::move(code).error()), error);
        *exit_code = *code;
        return ONEX_OK;
    });
}

}  // namespace

void fill_process_service(ServiceTables& tables) {
    tables.process = {sizeof(onex_process_v1), 0, nullptr, run};
}

}  // namespace onex::host
