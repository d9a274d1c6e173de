#include "plugins/deployment_sender/image_stream.hpp"

#include "digest/digest.hpp"
#include "package/compress.hpp"

#include <utility>

namespace onex::sender {
namespace {

constexpr std::int64_t kProgressEveryUs = 200'000;

Result<void> pump(const Host& host,
                  docker::Engine& engine,
                  Request& request,
                  const ExportOrder& order,
                  package::Compressor& compressor,
                  StreamSum& sum,
                  Stream& out) {
    Buffer first;
    Result<Stream> image;
    {
        // The engine writes the whole image to its disk before the first byte comes.
        const Heartbeat heartbeat(host, request, "the engine prepares the image");
        image = engine.open_export(order.image_ref, request.wait());
        if (!image) return std::unexpected(std::move(image).error());
        auto buffer = image->read(request.wait());
        if (!buffer) return std::unexpected(std::move(buffer).error());
        first = std::move(*buffer);
    }
    digest::Blake3 hash;
    std::string piece;
    const auto flush = [&]() -> Result<void> {
        hash.update(std::string_view(piece));
        sum.bytes_sent += piece.size();
        auto done = out.write(piece, request.wait());
        piece.clear();
        return done;
    };
    // Compressors hand out pieces of any size; the stream moves whole buffers.
    const auto collect = [&](std::string_view bytes) -> Result<void> {
        if (piece.size() + bytes.size() > ONEX_BUF_BYTES) {
            if (auto done = flush(); !done) return done;
        }
        piece += bytes;
        return {};
    };
    std::int64_t told_us = 0;
    for (Buffer buffer = std::move(first); buffer;) {
        sum.bytes_raw += buffer.bytes().size();
        if (auto done = compressor.write(buffer.text(), collect); !done) return done;
        if (const auto now = host.monotonic_us(); now - told_us > kProgressEveryUs) {
            told_us = now;
            request.progress_bytes(sum.bytes_raw, std::max(order.size_bytes, sum.bytes_raw));
        }
        auto next = image->read(request.wait());
        if (!next) return std::unexpected(std::move(next).error());
        buffer = std::move(*next);
    }
    if (auto done = compressor.finish(collect); !done) return done;
    if (auto done = flush(); !done) return done;
    sum.checksum = hash.hex();
    request.progress_bytes(sum.bytes_raw, sum.bytes_raw);
    return {};
}

}  // namespace

Result<ImageStream> ImageStream::start(
    const Host& host, docker::Engine& engine, Request& request, ExportOrder order, Stream& reader) {
    auto compressor = package::Compressor::make(order.compression, order.level);
    if (!compressor) return std::unexpected(std::move(compressor).error());
    auto sum = std::make_shared<StreamSum>();
    auto shared = std::make_shared<package::Compressor>(std::move(*compressor));
    auto producer = Producer::start(
        host,
        [&host, &engine, &request, order = std::move(order), shared, sum](Stream& out) {
            return pump(host, engine, request, order, *shared, *sum, out);
        },
        reader);
    if (!producer) return std::unexpected(std::move(producer).error());
    return ImageStream(std::move(*producer), std::move(sum));
}

}  // namespace onex::sender
