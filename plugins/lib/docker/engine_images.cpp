#include "docker/engine.hpp"

namespace onex::docker {

namespace {

std::string image_path(std::string_view reference, std::string_view action = {}) {
    return "/images/" + encode(reference, "/:@") + std::string(action);
}

}  // namespace

ImageInfo image_info(const json::object& inspected) {
    ImageInfo out;
    out.id = get_text(inspected, "Id");
    out.architecture = get_text(inspected, "Architecture");
    out.os = get_text(inspected, "Os");
    out.created = get_text(inspected, "Created");
    out.size_bytes = get_number(inspected, "Size");
    const auto texts = [](const json::object& from, std::string_view name) {
        std::vector<std::string> found;
        const auto* list = from.if_contains(name);
        if (!list || !list->is_array()) return found;
        for (const auto& value : list->as_array()) {
            if (value.is_string()) found.emplace_back(value.as_string());
        }
        return found;
    };
    out.layers = texts(get_object(inspected, "RootFS"), "Layers");
    out.tags = texts(inspected, "RepoTags");
    out.labels = get_object(get_object(inspected, "Config"), "Labels");
    return out;
}

Result<json::object> Engine::inspect_image(std::string_view reference, Wait wait) {
    auto answer = request("GET", image_path(reference, "/json"), {}, nullptr, wait);
    if (!answer) return std::unexpected(std::move(answer).error());
    if (!answer->is_object())
        return fail("DOCKER_ERROR",
                    "Docker answered no object for the image " + std::string(reference));
    return std::move(answer->as_object());
}

Result<ImageInfo> Engine::image(std::string_view reference, Wait wait) {
    auto inspected = inspect_image(reference, wait);
    if (!inspected) return std::unexpected(std::move(inspected).error());
    return image_info(*inspected);
}

Result<void> Engine::tag_image(std::string_view reference,
                               std::string_view repository,
                               std::string_view tag,
                               Wait wait) {
    auto done = request("POST",
                        image_path(reference, "/tag"),
                        {{"repo", std::string(repository)}, {"tag", std::string(tag)}},
                        nullptr,
                        wait);
    if (!done) return std::unexpected(std::move(done).error());
    return {};
}

Result<void> Engine::remove_tag(std::string_view tag, Wait wait) {
    if (!is_tag(tag)) {
        return fail("VALIDATION_ERROR",
                    std::string(tag) + " is no tag; images are never removed by id");
    }
    auto done = request("DELETE", image_path(tag), {}, nullptr, wait);
    if (!done && done.error().code != "NOT_FOUND") return std::unexpected(std::move(done).error());
    return {};
}

Result<Stream> Engine::open_export(std::string_view reference, Wait wait) {
    auto found = engine(wait);
    if (!found) return std::unexpected(std::move(found).error());
    HttpRequest request;
    request.url = image_path(reference, "/get");
    // The classic store writes the whole image to disk before the first byte comes.
    request.idle_ms = 300'000;
    auto response = open(*found, std::move(request), wait);
    if (!response) return std::unexpected(std::move(response).error());
    return std::move(response->stream);
}

Result<void> Engine::read_lines(HttpResponse response, const OnLine& on_line, Wait wait) {
    JsonLines lines(on_line);
    while (true) {
        auto buffer = response.stream.read(wait);
        if (!buffer) return std::unexpected(std::move(buffer).error());
        if (!*buffer) return lines.finish();
        if (auto done = lines.push(buffer->text()); !done) return done;
    }
}

Result<void> Engine::load(Stream archive,
                          std::string_view platform,
                          const OnLine& on_line,
                          Wait wait) {
    auto found = engine(wait);
    if (!found) return std::unexpected(std::move(found).error());
    Query query{{"quiet", "0"}};
    // Without it the containerd store takes an incomplete archive for a success.
    if (!platform.empty() && api_at_least(found->api, "1.48")) {
        const auto slash = platform.find('/');
        const json::object wanted{
            {"os", platform.substr(0, slash)},
            {"architecture",
             slash == std::string_view::npos ? std::string_view() : platform.substr(slash + 1)}};
        query.emplace_back("platform", json::serialize(wanted));
    }
    HttpRequest request;
    request.method = "POST";
    request.url = "/images/load" + query_text(query);
    request.headers.emplace_back("Content-Type", "application/x-tar");
    request.body_stream = std::move(archive);
    request.idle_ms = 300'000;
    auto response = open(*found, std::move(request), wait);
    if (!response) return std::unexpected(std::move(response).error());
    return read_lines(std::move(*response), on_line, wait);
}

Result<std::string> Engine::build(
    Stream context, const Query& query, const Headers& headers, const OnLine& on_line, Wait wait) {
    auto found = engine(wait);
    if (!found) return std::unexpected(std::move(found).error());
    HttpRequest request;
    request.method = "POST";
    request.url = "/build" + query_text(query);
    request.headers = headers;
    request.headers.emplace_back("Content-Type", "application/x-tar");
    request.body_stream = std::move(context);
    request.idle_ms = 600'000;
    auto response = open(*found, std::move(request), wait);
    std::string id;
    Result<void> done;
    if (response) {
        const auto watch = [&](const json::object& line) {
            if (auto built = get_text(get_object(line, "aux"), "ID"); !built.empty())
                id = std::move(built);
            if (on_line) on_line(line);
        };
        done = read_lines(std::move(*response), watch, wait);
    } else {
        done = std::unexpected(std::move(response).error());
    }
    if (done) return id;
    // Whatever Docker says of a build, it is the build that failed.
    auto& error = done.error();
    if (error.message.starts_with("Docker says: ") && error.code != "DISK_FULL")
        error.code = "BUILD_FAILED";
    return std::unexpected(std::move(error));
}

}  // namespace onex::docker
