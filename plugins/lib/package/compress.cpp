#include "package/compress.hpp"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace onex::package {

/// One way of compressing.
class Compressor::Codec {
  public:
    virtual ~Codec() = default;
    virtual Result<void> write(std::string_view in, bool is_last, const Sink& out) = 0;
};

/// One way of restoring.
class Decompressor::Codec {
  public:
    virtual ~Codec() = default;
    virtual Result<void> write(std::string_view in, const Sink& out) = 0;
    /// Whether the stream may end here.
    [[nodiscard]] virtual bool complete() const = 0;
};

namespace {

constexpr std::size_t kPieceBytes = 256 * 1024;
// As large as zstd's own decoder accepts by default: more would let a peer choose our memory.
constexpr int kWindowLogMax = 27;

template <auto Free>
struct Deleter {
    template <class T>
    void operator()(T* handle) const noexcept {
        Free(handle);
    }
};

std::unexpected<Error> unknown_method(std::string_view method) {
    return fail("VALIDATION_ERROR",
                "compression \"" + std::string(method.substr(0, 40)) +
                    "\" is unknown; use zstd, gzip or none");
}

Result<void> pass(std::string_view in, const Sink& out) {
    while (!in.empty()) {
        const auto piece = in.substr(0, kPieceBytes);
        in.remove_prefix(piece.size());
        if (auto done = out(piece); !done) return done;
    }
    return {};
}

class NoCompressor final : public Compressor::Codec {
  public:
    Result<void> write(std::string_view in, bool, const Sink& out) override {
        return pass(in, out);
    }
};

class NoDecompressor final : public Decompressor::Codec {
  public:
    Result<void> write(std::string_view in, const Sink& out) override { return pass(in, out); }
    [[nodiscard]] bool complete() const override { return true; }
};

class ZstdCompressor final : public Compressor::Codec {
  public:
    explicit ZstdCompressor(int level) : context_(ZSTD_createCCtx()), piece_(kPieceBytes) {
        ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level);
        ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
    }

    Result<void> write(std::string_view in, bool is_last, const Sink& out) override {
        ZSTD_inBuffer source{in.data(), in.size(), 0};
        const auto mode = is_last ? ZSTD_e_end : ZSTD_e_continue;
        while (true) {
            ZSTD_outBuffer target{piece_.data(), piece_.size(), 0};
            const auto left = ZSTD_compressStream2(context_.get(), &target, &source, mode);
            if (ZSTD_isError(left))
                return fail("INTERNAL", std::string("zstd: ") + ZSTD_getErrorName(left));
            if (target.pos > 0) {
                if (auto done = out({piece_.data(), target.pos}); !done) return done;
            }
            if (is_last ? left == 0 : source.pos == source.size) return {};
        }
    }

  private:
    std::unique_ptr<ZSTD_CCtx, Deleter<ZSTD_freeCCtx>> context_;
    std::vector<char> piece_;
};

class ZstdDecompressor final : public Decompressor::Codec {
  public:
    ZstdDecompressor() : context_(ZSTD_createDCtx()), piece_(kPieceBytes) {
        ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kWindowLogMax);
    }

    Result<void> write(std::string_view in, const Sink& out) override {
        ZSTD_inBuffer source{in.data(), in.size(), 0};
        bool is_full = false;
        // A full piece may leave more inside than the input still holds.
        while (source.pos < source.size || is_full) {
            ZSTD_outBuffer target{piece_.data(), piece_.size(), 0};
            wanted_ = ZSTD_decompressStream(context_.get(), &target, &source);
            if (ZSTD_isError(wanted_)) {
                return fail("CHECKSUM_MISMATCH",
                            std::string("the zstd stream is damaged: ") +
                                ZSTD_getErrorName(wanted_) + "; send it again");
            }
            is_full = target.pos == target.size && wanted_ != 0;
            if (target.pos > 0) {
                if (auto done = out({piece_.data(), target.pos}); !done) return done;
            }
        }
        return {};
    }
    [[nodiscard]] bool complete() const override { return wanted_ == 0; }

  private:
    std::unique_ptr<ZSTD_DCtx, Deleter<ZSTD_freeDCtx>> context_;
    std::vector<char> piece_;
    std::size_t wanted_ = 1;
};

/// zlib's input counter has 32 bits, and its pointer is not const.
void set_input(z_stream& stream, std::string_view in) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream.avail_in = static_cast<uInt>(in.size());
}

// zlib keeps a pointer to its z_stream: these two can't be moved and live behind a unique_ptr.
class GzipCompressor final : public Compressor::Codec {
  public:
    explicit GzipCompressor(int level) : piece_(kPieceBytes) {
        // 15 + 16: the largest window, with a gzip header.
        ready_ = deflateInit2(&stream_, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK;
    }
    GzipCompressor(const GzipCompressor&) = delete;
    GzipCompressor& operator=(const GzipCompressor&) = delete;
    ~GzipCompressor() override {
        if (ready_) deflateEnd(&stream_);
    }

    Result<void> write(std::string_view in, bool is_last, const Sink& out) override {
        if (!ready_) return fail("INTERNAL", "gzip: no memory left to start");
        do {
            const auto part = in.substr(0, std::numeric_limits<uInt>::max());
            in.remove_prefix(part.size());
            set_input(stream_, part);
            int status = Z_OK;
            do {
                stream_.next_out = reinterpret_cast<Bytef*>(piece_.data());
                stream_.avail_out = static_cast<uInt>(piece_.size());
                status = deflate(&stream_, is_last && in.empty() ? Z_FINISH : Z_NO_FLUSH);
                if (status == Z_STREAM_ERROR)
                    return fail("INTERNAL", "gzip: written after its end");
                const auto made = piece_.size() - stream_.avail_out;
                if (made > 0) {
                    if (auto done = out({piece_.data(), made}); !done) return done;
                }
            } while (stream_.avail_out == 0);
        } while (!in.empty());
        return {};
    }

  private:
    z_stream stream_{};
    std::vector<char> piece_;
    bool ready_ = false;
};

class GzipDecompressor final : public Decompressor::Codec {
  public:
    GzipDecompressor() : piece_(kPieceBytes) { ready_ = inflateInit2(&stream_, 15 + 16) == Z_OK; }
    GzipDecompressor(const GzipDecompressor&) = delete;
    GzipDecompressor& operator=(const GzipDecompressor&) = delete;
    ~GzipDecompressor() override {
        if (ready_) inflateEnd(&stream_);
    }

    Result<void> write(std::string_view in, const Sink& out) override {
        if (!ready_) return fail("INTERNAL", "gzip: no memory left to start");
        while (!in.empty()) {
            const auto part = in.substr(0, std::numeric_limits<uInt>::max());
            in.remove_prefix(part.size());
            set_input(stream_, part);
            do {
                // A further member: gzip files may be put one after the other.
                if (ended_ && stream_.avail_in > 0) {
                    inflateReset(&stream_);
                    ended_ = false;
                }
                stream_.next_out = reinterpret_cast<Bytef*>(piece_.data());
                stream_.avail_out = static_cast<uInt>(piece_.size());
                const int status = inflate(&stream_, Z_NO_FLUSH);
                if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
                    return fail("CHECKSUM_MISMATCH",
                                std::string("the gzip stream is damaged: ") +
                                    (stream_.msg ? stream_.msg : "unexpected data") +
                                    "; send it again");
                }
                ended_ = status == Z_STREAM_END;
                const auto made = piece_.size() - stream_.avail_out;
                if (made > 0) {
                    if (auto done = out({piece_.data(), made}); !done) return done;
                }
            } while (stream_.avail_in > 0 || (stream_.avail_out == 0 && !ended_));
        }
        return {};
    }
    [[nodiscard]] bool complete() const override { return ended_; }

  private:
    z_stream stream_{};
    std::vector<char> piece_;
    bool ready_ = false;
    bool ended_ = false;
};

Result<int> checked_level(std::string_view method, int level, int fallback, int max) {
    if (level == 0) return fallback;
    if (level < 1 || level > max) {
        return fail("VALIDATION_ERROR",
                    std::string(method) + " level is " + std::to_string(level) + "; expected 1.." +
                        std::to_string(max));
    }
    return level;
}

}  // namespace

Compressor::Compressor(std::unique_ptr<Codec> codec) : codec_(std::move(codec)) {}
Compressor::Compressor(Compressor&&) noexcept = default;
Compressor& Compressor::operator=(Compressor&&) noexcept = default;
Compressor::~Compressor() = default;

Result<Compressor> Compressor::make(std::string_view method, int level) {
    if (method == "none") return Compressor(std::make_unique<NoCompressor>());
    if (method == "zstd") {
        auto checked = checked_level(method, level, 3, 19);
        if (!checked) return std::unexpected(std::move(checked).error());
        return Compressor(std::make_unique<ZstdCompressor>(*checked));
    }
    if (method == "gzip") {
        auto checked = checked_level(method, level, 6, 9);
        if (!checked) return std::unexpected(std::move(checked).error());
        return Compressor(std::make_unique<GzipCompressor>(*checked));
    }
    return unknown_method(method);
}

Result<void> Compressor::write(std::string_view in, const Sink& out) {
    if (in.empty()) return {};
    return codec_->write(in, false, out);
}
Result<void> Compressor::finish(const Sink& out) {
    return codec_->write({}, true, out);
}

Decompressor::Decompressor(std::unique_ptr<Codec> codec) : codec_(std::move(codec)) {}
Decompressor::Decompressor(Decompressor&&) noexcept = default;
Decompressor& Decompressor::operator=(Decompressor&&) noexcept = default;
Decompressor::~Decompressor() = default;

Result<Decompressor> Decompressor::make(std::string_view method) {
    if (method == "none") return Decompressor(std::make_unique<NoDecompressor>());
    if (method == "zstd") return Decompressor(std::make_unique<ZstdDecompressor>());
    if (method == "gzip") return Decompressor(std::make_unique<GzipDecompressor>());
    return unknown_method(method);
}

Result<void> Decompressor::write(std::string_view in, const Sink& out) {
    return codec_->write(in, out);
}

Result<void> Decompressor::finish() {
    if (codec_->complete()) return {};
    return fail("CHECKSUM_MISMATCH", "the compressed stream ends too early; send it again");
}

}  // namespace onex::package
