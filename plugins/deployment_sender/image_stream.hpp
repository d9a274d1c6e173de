// An image of the engine as a compressed stream, hashed on its way, in constant memory.
#pragma once

#include "docker/engine.hpp"
#include "plugins/deployment_sender/producer.hpp"

#include <onex/json.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace onex::sender {

/// What went over the stream.
struct StreamSum {
    std::uint64_t bytes_raw = 0;
    std::uint64_t bytes_sent = 0;  ///< compressed
    std::string checksum;          ///< BLAKE3 of the compressed bytes
};

/// How an image is exported.
struct ExportOrder {
    std::string image_ref;  ///< what to export: exactly one tag
    std::string compression;
    int level = 0;
    std::uint64_t size_bytes = 0;  ///< of the image, for the progress; 0: unknown
};

/// A running export. The reader is consumed by somebody else; then finish() tells what it was.
class ImageStream {
  public:
    /// Starts the export on another worker; `reader` becomes its compressed bytes. Progress goes to
    /// `request`, which must outlive this object. Errors: VALIDATION_ERROR for the compression,
    /// QUEUE_FULL.
    static Result<ImageStream> start(const Host& host,
                                     docker::Engine& engine,
                                     Request& request,
                                     ExportOrder order,
                                     Stream& reader);

    /// Settles both sides: `consumed` is the reader's. [may block]
    template <class T>
    Result<T> settle(Result<T> consumed) {
        return producer_.settle(std::move(consumed));
    }
    /// What went over it; valid after settle().
    [[nodiscard]] const StreamSum& sum() const { return *sum_; }

  private:
    ImageStream(Producer producer, std::shared_ptr<StreamSum> sum)
        : sum_(std::move(sum)), producer_(std::move(producer)) {}

    std::shared_ptr<StreamSum> sum_;
    Producer producer_;
};

}  // namespace onex::sender
