// Secrets behind `env:NAME` and `file:PATH`. No message here ever holds a value.
#include "host/config/config.hpp"

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace onex::host {
namespace {

constexpr std::size_t kLengthMin = 16;
constexpr std::size_t kLengthMax = 4096;

Result<std::string> from_file(const std::string& path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) {
        return fail(
            "NOT_FOUND",
            "the secret file " + path + " does not exist; write the secret there, mode 0600");
    }
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return fail("POLICY_DENIED",
                    "the secret file " + path + " is open to others; run chmod 600 " + path);
    }
    std::ifstream stream(path, std::ios::binary);
    std::string value(kLengthMax + 1, '\0');
    stream.read(value.data(), static_cast<std::streamsize>(value.size()));
    value.resize(static_cast<std::size_t>(stream.gcount()));
    if (stream.bad() || !stream.eof() || value.size() > kLengthMax) {
        return fail("VALIDATION_ERROR",
                    "the secret file " + path + " can't be read or is longer than " +
                        std::to_string(kLengthMax) + " bytes");
    }
    return value;
}

}  // namespace

Result<std::string> resolve_secret(const SecretRef& ref) {
    Result<std::string> value = std::string();
    if (ref.text.starts_with("env:") && ref.text.size() > 4) {
        const auto name = ref.text.substr(4);
        const char* found = std::getenv(name.c_str());
        if (found == nullptr) {
            return fail("NOT_FOUND",
                        "the environment variable " + name + " is not set; set it to the secret");
        }
        value = found;
    } else if (ref.text.starts_with("file:") && ref.text.size() > 5) {
        value = from_file(ref.text.substr(5));
        if (!value) return value;
    } else {
        return fail("VALIDATION_ERROR",
                    "a secret must be env:NAME or file:PATH, not the value itself");
    }
    if (value->ends_with('\n')) value->pop_back();
    if (value->ends_with('\r')) value->pop_back();
    return value;
}

Result<std::string> resolve_key(const SecretRef& ref) {
    auto value = resolve_secret(ref);
    if (!value) return value;
    if (value->empty()) return fail("NOT_FOUND", ref.text + " is empty; put the secret there");
    if (value->size() < kLengthMin) {
        return fail("VALIDATION_ERROR",
                    "the secret behind " + ref.text + " has " + std::to_string(value->size()) +
                        " characters; at least " + std::to_string(kLengthMin) + " are needed");
    }
    return value;
}

std::vector<std::string> check_secrets(const Config& config) {
    std::vector<std::string> problems;
    auto check = [&](const std::string& section, const std::string& key, const SecretRef& ref) {
        if (ref.empty()) return;
        const auto value = resolve_key(ref);
        if (value) return;
        problems.push_back(config.where(section + '.' + key) + ": [" + section + "] " + key + ": " +
                           value.error().message);
    };
    check("host", "token", config.host.token);
    for (const auto& peer : config.peers) {
        check("peers." + peer.name, "key", peer.key);
        check("peers." + peer.name, "key_next", peer.key_next);
    }
    return problems;
}

}  // namespace onex::host
