// Streaming compression: zstd, gzip or none, with bounded memory in both directions.
#pragma once

#include <onex/error.hpp>

#include <functional>
#include <memory>
#include <string_view>

namespace onex::package {

/// Takes the next bytes of a stream; an error from it ends the work and is returned unchanged.
using Sink = std::function<Result<void>(std::string_view bytes)>;

/// Compresses a stream piece by piece. Movable; one thread at a time.
class Compressor {
  public:
    /// `method` is zstd, gzip or none; level 0 is the method's own default (zstd 3, gzip 6).
    /// Errors: VALIDATION_ERROR for another method or a level outside 1..19 (zstd) or 1..9 (gzip).
    static Result<Compressor> make(std::string_view method, int level = 0);

    Compressor(Compressor&&) noexcept;
    Compressor& operator=(Compressor&&) noexcept;
    ~Compressor();

    /// Hands what `in` becomes to `out`, in pieces of at most 256 KiB; some of it may stay inside.
    Result<void> write(std::string_view in, const Sink& out);
    /// Ends the stream: hands out what is left. Nothing may be written afterwards.
    Result<void> finish(const Sink& out);

    class Codec;

  private:
    explicit Compressor(std::unique_ptr<Codec> codec);
    std::unique_ptr<Codec> codec_;
};

/// Restores a stream piece by piece. Memory is bounded (zstd windows up to 2^27 bytes), the output
/// is not: the sink counts it and fails when it is too much. Movable; one thread at a time.
class Decompressor {
  public:
    /// `method` is zstd, gzip or none. Errors: VALIDATION_ERROR for another one.
    static Result<Decompressor> make(std::string_view method);

    Decompressor(Decompressor&&) noexcept;
    Decompressor& operator=(Decompressor&&) noexcept;
    ~Decompressor();

    /// Hands what `in` holds to `out`, in pieces of at most 256 KiB. Several frames after each
    /// other are one stream. Errors: CHECKSUM_MISMATCH when the data is damaged or wants a larger
    /// window; those of `out`.
    Result<void> write(std::string_view in, const Sink& out);
    /// Errors: CHECKSUM_MISMATCH when the stream ends before its last frame does.
    Result<void> finish();

    class Codec;

  private:
    explicit Decompressor(std::unique_ptr<Codec> codec);
    std::unique_ptr<Codec> codec_;
};

}  // namespace onex::package
