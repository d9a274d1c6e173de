#include "plugins/deployment_sender/build.hpp"

#include "package/context_tar.hpp"
#include "plugins/deployment_sender/buildkit_needed.hpp"
#include "plugins/deployment_sender/producer.hpp"
#include "plugins/deployment_sender/registry_config.hpp"

#include <cstdlib>
#include <fstream>
#include <utility>

namespace onex::sender {
namespace {

constexpr std::int64_t kProgressEveryUs = 200'000;
constexpr std::uintmax_t kConfigBytesMax = 1 << 20;
constexpr std::string_view kBuildxAdvice =
    "install BuildKit (the package docker-buildx-plugin or docker-buildx) and list docker in "
    "[process] allow, or change the Dockerfile";

/// Docker's config.json of the user that runs the host; empty if there is none.
std::string docker_config() {
    // NOLINTBEGIN(concurrency-mt-unsafe): nobody sets the environment
    const char* folder = std::getenv("DOCKER_CONFIG");
    const char* home = std::getenv("HOME");
    // NOLINTEND(concurrency-mt-unsafe)
    const auto path = folder ? std::filesystem::path(folder) / "config.json"
                             : std::filesystem::path(home ? home : "/") / ".docker/config.json";
    std::error_code ec;
    if (const auto size = std::filesystem::file_size(path, ec); ec || size > kConfigBytesMax)
        return {};
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

Error buildkit_error(std::string what) {
    return {"BUILDKIT_NEEDED", std::move(what) + "; " + std::string(kBuildxAdvice), {}, {}};
}

/// A build error that Docker told, as the person should see it; other errors stay as they are.
Error build_error(Error error, const BuildLog& log) {
    if (asks_for_buildkit(error.message)) return buildkit_error(error.message);
    if (error.code != "BUILD_FAILED") return error;
    std::string_view cause = error.message;
    if (cause.starts_with("Docker says: ")) cause.remove_prefix(13);
    return log.failure(cause);
}

}  // namespace

bool Builder::has_buildx(Wait wait) const {
    Host::Process process;
    process.args = {"docker", "buildx", "version"};
    const auto code = host_.run(std::move(process), wait);
    return code && *code == 0;
}

Result<void> Builder::classic(Request& request, const BuildPlan& plan, BuildLog& log) {
    auto query = build_query(plan);
    if (!query) return std::unexpected(std::move(query).error());
    auto ignore = package::read_docker_ignore(plan.context);
    if (!ignore) return std::unexpected(std::move(ignore).error());
    // The engine needs both, and leaves them out of the image itself where the patterns say so.
    ignore->keep(plan.dockerfile);
    ignore->keep(".dockerignore");

    Stream context;
    auto packed = Producer::start(
        host_,
        [&](Stream& out) -> Result<void> {
            std::uint64_t sent = 0;
            std::int64_t told_us = 0;
            std::string piece;
            const auto flush = [&]() -> Result<void> {
                sent += piece.size();
                auto done = out.write(piece, request.wait());
                piece.clear();
                if (const auto now = host_.monotonic_us(); now - told_us > kProgressEveryUs) {
                    told_us = now;
                    request.progress_bytes(sent, 0, "sending the build context");
                }
                return done;
            };
            // Tar heads are small; the engine shouldn't get each as a chunk of its own.
            const auto collect = [&](std::string_view bytes) -> Result<void> {
                if (piece.size() + bytes.size() > ONEX_BUF_BYTES) {
                    if (auto done = flush(); !done) return done;
                }
                piece += bytes;
                return {};
            };
            if (auto done = package::tar_folder(plan.context, *ignore, collect); !done) return done;
            return flush();
        },
        context);
    if (!packed) return std::unexpected(std::move(packed).error());

    Headers headers;
    if (auto logins = registry_header(docker_config()); !logins.empty()) {
        headers.emplace_back("X-Registry-Config", std::move(logins));
    }
    const auto on_line = [&](const json::object& line) {
        if (const auto* text = line.if_contains("stream"); text && text->is_string()) {
            // The classic builder's housekeeping would push what matters out of the last lines.
            if (!text->as_string().starts_with("Removing intermediate container")) {
                log.push(text->as_string());
            }
        } else if (line.contains("progressDetail") && !get_object(line, "progressDetail").empty()) {
            request.progress_step();  // A layer of a base image that is being pulled.
        } else if (line.contains("status")) {
            log.push(docker::line_text(line) + "\n");
        }
    };
    auto built = engine_.build(std::move(context), *query, headers, on_line, request.wait());
    auto settled = packed->settle(std::move(built));
    log.flush();
    if (!settled) return std::unexpected(build_error(std::move(settled).error(), log));
    return {};
}

Result<void> Builder::buildx(Request& request, const BuildPlan& plan, BuildLog& log) {
    auto args = buildx_arguments(plan);
    if (!args) return std::unexpected(std::move(args).error());
    // Makes the engine known that the other calls use; the program would look for its own.
    if (auto version = engine_.api_version(request.wait()); !version) {
        return std::unexpected(std::move(version).error());
    }
    Host::Process process;
    process.args = std::move(*args);
    process.folder = plan.context.string();
    process.environment = {{"DOCKER_HOST", engine_.address()},
                           {"BUILDX_NO_DEFAULT_ATTESTATIONS", "1"}};
    process.on_line = [&](bool, std::string_view line) {
        log.push(line);
        log.push("\n");
    };
    auto code = host_.run(std::move(process), request.wait());
    log.flush();
    if (!code) return std::unexpected(std::move(code).error());
    if (*code == 0) return {};
    const auto cause = log.last().empty()
                           ? std::string("docker buildx ended with " + std::to_string(*code))
                           : log.last().back();
    return std::unexpected(build_error({"BUILD_FAILED", cause, {}, {}}, log));
}

Result<Built> Builder::build(Request& request, const json::object& input) {
    const auto started = host_.monotonic_us();
    auto plan = plan_build(input, settings_);
    if (!plan) return std::unexpected(std::move(plan).error());
    BuildLog log([&](std::string_view line) { request.progress_line(line); });
    Result<void> done;
    if (const auto need = buildkit_needed(plan->dockerfile_text); !need) {
        done = classic(request, *plan, log);
    } else if (has_buildx(request.wait(10'000))) {
        done = buildx(request, *plan, log);
    } else {
        done = std::unexpected(buildkit_error(plan->dockerfile + " line " +
                                              std::to_string(need->line) + ": " + need->what +
                                              " needs BuildKit, which this host lacks"));
    }
    if (!done) return std::unexpected(std::move(done).error());
    auto image = engine_.image(plan->tag, request.wait());
    if (!image) return std::unexpected(std::move(image).error());
    return Built{plan->tag, image->id, (host_.monotonic_us() - started) / 1000};
}

}  // namespace onex::sender
