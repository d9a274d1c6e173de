#include "host/http/tls.hpp"

#include "host/http/server.hpp"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>

namespace onex::host {
namespace {

template <auto Free>
struct Deleter {
    template <class T>
    void operator()(T* handle) const noexcept {
        Free(handle);
    }
};
template <class T, auto Free>
using Handle = std::unique_ptr<T, Deleter<Free>>;
using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
using Certificate = Handle<X509, X509_free>;
using Bio = Handle<BIO, BIO_free_all>;
using Extension = Handle<X509_EXTENSION, X509_EXTENSION_free>;

std::string ssl_reason() {
    const auto code = ERR_get_error();
    ERR_clear_error();
    std::array<char, 256> text{};
    ERR_error_string_n(code, text.data(), text.size());
    return code == 0 ? "no reason given" : text.data();
}

std::string hex_fingerprint(X509* certificate) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned bytes = 0;
    if (X509_digest(certificate, EVP_sha256(), digest.data(), &bytes) != 1) return {};
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (unsigned i = 0; i < bytes; ++i)
        out += {digits[digest[i] >> 4], digits[digest[i] & 15]};
    return out;
}

// Through a new file of mode 0600 and a rename, so that no half key is ever seen.
Result<void> write_private(const std::string& path, BIO* content) {
    char* data = nullptr;
    const long bytes = BIO_get_mem_data(content, &data);
    const std::string temporary = path + ".new";
    ::unlink(temporary.c_str());
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail("POLICY_DENIED", "cannot create " + temporary + "; check the folder's owner");
    }
    const bool written = ::write(fd, data, static_cast<std::size_t>(bytes)) == bytes;
    const bool synced = ::fsync(fd) == 0;
    ::close(fd);
    if (!written || !synced || std::rename(temporary.c_str(), path.c_str()) != 0) {
        ::unlink(temporary.c_str());
        return fail("DISK_FULL", "cannot write " + path + "; check disk space");
    }
    return {};
}

Certificate make_certificate(EVP_PKEY* key, const std::string& common_name) {
    Certificate certificate{X509_new()};
    if (!certificate) return {};
    X509* const x = certificate.get();
    std::array<unsigned char, 8> serial{};
    RAND_bytes(serial.data(), static_cast<int>(serial.size()));
    std::uint64_t number = 1;
    for (const auto byte : serial)
        number = (number << 8 | byte) >> 1;
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), number | 1);
    constexpr long day = 24L * 3600;
    X509_gmtime_adj(X509_getm_notBefore(x), -day);  // A peer's clock may be behind.
    X509_gmtime_adj(X509_getm_notAfter(x), 3650 * day);
    X509_set_pubkey(x, key);
    const auto name_text = common_name.substr(0, 64);  // The bound of X.520 for a common name.
    X509_NAME* const name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name,
                               "CN",
                               MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name_text.data()),
                               static_cast<int>(name_text.size()),
                               -1,
                               0);
    X509_set_issuer_name(x, name);
    const Extension constraints{
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:FALSE")};
    if (!constraints || X509_add_ext(x, constraints.get(), -1) != 1) return {};
    if (X509_sign(x, key, EVP_sha256()) == 0) return {};
    return certificate;
}

Result<std::string> read_fingerprint(const std::string& cert_file) {
    const Bio file{BIO_new_file(cert_file.c_str(), "r")};
    const Certificate certificate{file ? PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr)
                                       : nullptr};
    if (!certificate) {
        return fail("VALIDATION_ERROR",
                    "cannot read the certificate " + cert_file + ": " + ssl_reason());
    }
    return hex_fingerprint(certificate.get());
}

Handle<SSL_CTX, SSL_CTX_free> make_context(const SSL_METHOD* method) {
    Handle<SSL_CTX, SSL_CTX_free> context{SSL_CTX_new(method)};
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    // What Asio's own contexts set: partial writes, and buffers that may move between tries.
    SSL_CTX_set_mode(context.get(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                         SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    return context;
}

}  // namespace

TlsContext::~TlsContext() {
    SSL_CTX_free(context_);
}

ssl_ctx_st* TlsContext::share() const {
    SSL_CTX_up_ref(context_);
    return context_;
}

Result<TlsContextPtr> make_server_tls(const std::string& cert_file, const std::string& key_file) {
    auto context = make_context(TLS_server_method());
    ERR_clear_error();
    const bool good =
        SSL_CTX_use_certificate_chain_file(context.get(), cert_file.c_str()) == 1 &&
        SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_check_private_key(context.get()) == 1;
    if (!good) {
        return fail("VALIDATION_ERROR",
                    "cannot use TLS certificate " + cert_file + " with key " + key_file + ": " +
                        ssl_reason());
    }
    return std::make_shared<TlsContext>(context.release());
}

TlsContextPtr make_client_tls(bool verify) {
    auto context = make_context(TLS_client_method());
    if (verify) {
        SSL_CTX_set_default_verify_paths(context.get());
        SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    }
    return std::make_shared<TlsContext>(context.release());
}

bool set_tls_host(ssl_st* ssl, const std::string& host, bool verify) {
    X509_VERIFY_PARAM* const rules = SSL_get0_param(ssl);
    // True only for a numeric address, which must not be sent as a server name.
    const bool address = X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) == 1;
    ERR_clear_error();
    if (address) return true;
    if (SSL_set_tlsext_host_name(ssl, host.c_str()) != 1) return false;
    return !verify || SSL_set1_host(ssl, host.c_str()) == 1;
}

std::string peer_fingerprint(ssl_st* ssl) {
    const Certificate certificate{SSL_get1_peer_certificate(ssl)};
    return certificate ? hex_fingerprint(certificate.get()) : std::string{};
}

Result<std::string> ensure_tls_key(const std::string& cert_file,
                                   const std::string& key_file,
                                   const std::string& common_name) {
    std::error_code ignored;
    if (std::filesystem::exists(cert_file, ignored) && std::filesystem::exists(key_file, ignored)) {
        return read_fingerprint(cert_file);
    }
    const Key key{EVP_EC_gen("P-256")};
    const Certificate certificate = key ? make_certificate(key.get(), common_name) : Certificate{};
    const Bio key_text{BIO_new(BIO_s_mem())};
    const Bio cert_text{BIO_new(BIO_s_mem())};
    if (!certificate || !key_text || !cert_text ||
        PEM_write_bio_PKCS8PrivateKey(
            key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
        PEM_write_bio_X509(cert_text.get(), certificate.get()) != 1) {
        return fail("INTERNAL", "cannot make a TLS key: " + ssl_reason());
    }
    // The key first: after a crash in between, the certificate is missing and both are made anew.
    for (const auto& [path, text] : {std::pair{&key_file, &key_text}, {&cert_file, &cert_text}}) {
        const auto folder = std::filesystem::path(*path).parent_path();
        // A folder that is there keeps its mode.
        if (std::filesystem::create_directories(folder, ignored)) {
            std::filesystem::permissions(folder, std::filesystem::perms::owner_all, ignored);
        }
        if (auto written = write_private(*path, text->get()); !written) {
            return std::unexpected(std::move(written).error());
        }
    }
    return hex_fingerprint(certificate.get());
}

}  // namespace onex::host
