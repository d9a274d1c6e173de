#include "plugins/deployment_receiver/images.hpp"

#include "plugins/deployment_receiver/archive.hpp"

#include <chrono>
#include <future>

namespace onex::receiver {

namespace {

constexpr std::size_t kLogBytesMax = 64 << 10;

std::string_view compression_of(std::string_view head) {
    if (head.starts_with("\x28\xb5\x2f\xfd")) return "zstd";
    if (head.starts_with("\x1f\x8b")) return "gzip";
    return "none";
}

/// The part before the last colon, and the part after it.
std::pair<std::string, std::string> split(std::string_view reference) {
    const auto colon = reference.rfind(':');
    return {std::string(reference.substr(0, colon)), std::string(reference.substr(colon + 1))};
}

}  // namespace

std::string name_part(std::string_view text) {
    std::string out;
    for (char c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        const bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (is_plain) {
            out += c;
        } else if (!out.empty() && out.back() != '-') {
            out += '-';
        }
    }
    while (out.ends_with('-'))
        out.pop_back();
    return out.empty() ? "host" : out;
}

Result<void> check_architecture(std::string_view image, std::string_view engine) {
    if (image.empty() || engine.empty() || image == engine) return {};
    return fail("ARCHITECTURE_MISMATCH",
                "the image is made for " + std::string(image) + ", this machine's Docker runs " +
                    std::string(engine) + "; build it with platform linux/" + std::string(engine));
}

/// What the loading and the feeding side share; lives until both are done with it.
struct Images::Pump {
    Pump(const Host& of, std::string temporary, std::uint64_t most)
        : host(of),
          retag(std::move(temporary), [this](std::string_view bytes) { return hand_on(bytes); }),
          bytes_max(most) {}

    Result<void> hand_on(std::string_view bytes) {
        written += bytes.size();
        if (written > bytes_max) {
            return fail("PACKAGE_TOO_LARGE",
                        "the unpacked image is larger than " + std::to_string(bytes_max) +
                            " bytes (unpacked_bytes_max of the receiver)");
        }
        return writer.write(bytes, wait);
    }

    const Host& host;
    Stream package;
    Stream writer;
    ArchiveRetag retag;
    Wait wait;
    Tell tell{host, 0};
    std::uint64_t bytes_max;
    std::uint64_t written = 0;
    std::uint64_t total = 0;
    std::promise<Result<void>> done;
};

Images::Images(const Host& host,
               docker::Engine& engine,
               const Journal& journal,
               std::string name_space,
               std::uint64_t unpacked_bytes_max)
    : host_(host),
      engine_(engine),
      journal_(journal),
      name_space_(std::move(name_space)),
      unpacked_bytes_max_(unpacked_bytes_max) {}

std::string Images::reference(std::string_view container_name,
                              std::string_view deployment_id) const {
    return "onex/" + name_part(name_space_) + "/" + name_part(container_name) + ":" +
           std::string(deployment_id);
}

Result<std::optional<OwnImage>> Images::present(std::string_view config_digest, Wait wait) {
    if (config_digest.empty()) return std::optional<OwnImage>();
    auto known = journal_.images_with_digest(config_digest);
    if (!known) return std::unexpected(std::move(known).error());
    for (auto& image : *known) {
        const auto found = engine_.image(image.image_ref, wait);
        if (found && found->id == image.image_id) return std::optional(std::move(image));
        if (!found && found.error().code != "NOT_FOUND") return std::unexpected(found.error());
    }
    return std::optional<OwnImage>();
}

Result<OwnImage> Images::keep(const Wanted& wanted,
                              std::string_view from,
                              const std::string& image_id,
                              std::string_view digest,
                              Wait wait) {
    OwnImage image{reference(wanted.container_name, wanted.deployment_id), image_id};
    if (from != image.image_ref) {
        const auto [repository, tag] = split(image.image_ref);
        if (auto done = engine_.tag_image(from, repository, tag, wait); !done) {
            return std::unexpected(std::move(done).error());
        }
    }
    if (auto done = journal_.put_image(wanted.container_name, wanted.deployment_id, digest, image);
        !done) {
        return std::unexpected(std::move(done).error());
    }
    return image;
}

Result<OwnImage> Images::ensure(const Wanted& wanted,
                                const Tell& tell,
                                std::string& log,
                                Wait wait) {
    const auto own = reference(wanted.container_name, wanted.deployment_id);
    auto known = journal_.images_of(wanted.container_name);
    if (!known) return std::unexpected(std::move(known).error());
    for (const auto& [image_ref, deployment_id] : *known) {
        if (image_ref != own) continue;
        const auto found = engine_.image(own, wait);
        if (found) {
            drop_incoming(wanted.deployment_id);  // A crash may have come before that.
            return OwnImage{own, found->id};
        }
        if (found.error().code != "NOT_FOUND") return std::unexpected(found.error());
    }
    auto held = present(wanted.config_digest, wait);
    if (!held) return std::unexpected(std::move(held).error());
    if (*held) {
        log += "the image is here already, as " + (*held)->image_ref + "\n";
        return keep(wanted, (*held)->image_ref, (*held)->image_id, wanted.config_digest, wait);
    }
    if (wanted.blob.empty()) {
        return fail("NOT_FOUND",
                    "deployment " + wanted.deployment_id +
                        " has neither an image nor a package here; send it again");
    }
    const auto temporary = incoming(wanted.deployment_id);
    auto loaded = load(wanted, temporary, tell, log, wait);
    Result<OwnImage> out =
        loaded ? keep(wanted, temporary, loaded->image.id, loaded->config_digest, wait)
               : Result<OwnImage>(std::unexpected(std::move(loaded).error()));
    // Whatever came of it: the name under which it arrived goes, and with it an image that was
    // refused.
    drop_incoming(wanted.deployment_id);
    return out;
}

std::string Images::incoming(std::string_view deployment_id) const {
    return "onex-incoming/" + name_part(name_space_) + ":" + std::string(deployment_id);
}

void Images::drop_incoming(std::string_view deployment_id) {
    const auto tag = incoming(deployment_id);
    auto removed = engine_.remove_tag(tag, cleanup());
    if (!removed && removed.error().code != "NOT_FOUND") {
        host_.log(LogLevel::warn,
                  "the tag " + tag + " could not be removed: " + removed.error().message);
    }
}

Result<void> Images::run(Pump& pump) {
    std::optional<package::Decompressor> plain;
    std::uint64_t read = 0;
    const package::Sink sink = [&](std::string_view bytes) { return pump.retag.write(bytes); };
    while (true) {
        auto buffer = pump.package.read(pump.wait);
        if (!buffer) return std::unexpected(std::move(buffer).error());
        if (!*buffer) break;
        if (!plain) {
            auto made = package::Decompressor::make(compression_of(buffer->text()));
            if (!made) return std::unexpected(std::move(made).error());
            plain.emplace(std::move(*made));
        }
        if (auto done = plain->write(buffer->text(), sink); !done) return done;
        read += buffer->bytes().size();
        pump.tell.bytes(read, pump.total);
    }
    if (!plain)
        return fail("VALIDATION_ERROR", "the package is empty; send what docker save makes");
    if (auto done = plain->finish(); !done) return done;
    return pump.retag.finish();
}

Result<Images::Loaded> Images::load(const Wanted& wanted,
                                    const std::string& temporary,
                                    const Tell& tell,
                                    std::string& log,
                                    Wait wait) {
    auto architecture = engine_.architecture(wait);
    if (!architecture) return std::unexpected(std::move(architecture).error());
    auto package = host_.open_blob(wanted.blob);
    if (!package) return std::unexpected(std::move(package).error());
    auto ends = host_.pipe(4);
    if (!ends) return std::unexpected(std::move(ends).error());
    auto pump = std::make_shared<Pump>(host_, temporary, unpacked_bytes_max_);
    pump->package = std::move(*package);
    pump->writer = std::move(ends->second);
    pump->wait = wait;
    pump->tell = tell;
    if (const auto size = host_.stat_blob(wanted.blob)) pump->total = size->bytes;
    auto fed = pump->done.get_future();
    auto task = host_.post([pump] {
        auto done = run(*pump);
        if (done) {
            pump->writer.finish();
        } else {
            pump->writer.fail(done.error());
        }
        pump->done.set_value(std::move(done));
    });
    if (!task) return std::unexpected(std::move(task).error());

    const auto on_line = [&](const json::object& line) {
        const auto text = docker::line_text(line);
        tell.step();
        if (log.size() + text.size() < kLogBytesMax && !line.contains("progressDetail"))
            log += text + "\n";
    };
    const auto loaded =
        engine_.load(std::move(ends->first), "linux/" + *architecture, on_line, wait);
    // The engine has let go of the stream, so that the feeding side ends by itself.
    if (fed.wait_for(std::chrono::seconds(60)) != std::future_status::ready) {
        return fail("UNAVAILABLE", "the package could not be read in time; try again");
    }
    const auto sent = fed.get();
    // CANCELLED: the engine took no more, because it has all it needs or for a reason that it tells
    // itself.
    if (!sent && sent.error().code != "CANCELLED") return std::unexpected(sent.error());
    if (!loaded) return std::unexpected(loaded.error());

    auto image = engine_.image(temporary, wait);
    if (!image) return std::unexpected(std::move(image).error());
    if (auto done = check_architecture(image->architecture, *architecture); !done) {
        return std::unexpected(std::move(done).error());
    }
    const auto& retag = pump->retag;
    const auto found = retag.config_digest();
    const auto& asked = wanted.config_digest;
    if (!asked.empty() && !retag.is_same(asked, image->id, *architecture)) {
        return fail("CHECKSUM_MISMATCH",
                    "the package holds the image " + (found.empty() ? image->id : found) +
                        ", announced was " + asked + "; send the package again");
    }
    const bool is_known = retag.is_same(found, image->id, *architecture);
    auto digest = !asked.empty() ? asked : is_known ? found : image->id;
    return Loaded{std::move(*image), std::move(digest)};
}

Result<void> Images::remove(std::string_view container_name,
                            std::string_view deployment_id,
                            Wait wait) {
    const auto own = reference(container_name, deployment_id);
    drop_incoming(deployment_id);
    auto removed = engine_.remove_tag(own, wait);
    if (!removed && removed.error().code == "CONFLICT") return {};
    if (!removed) return removed;
    return journal_.forget_image(own);
}

}  // namespace onex::receiver
