#include "host/worker/wire.hpp"

namespace onex::host::worker {

bool is_sound(const Head& head) {
    return head.size <= kFrameBytesMax && head.type <= Type::notice && head.method < Method::count_;
}

Packer& Packer::result(std::int32_t status, const Error& error) {
    number(status);
    if (status < 0) text(error.code).text(error.message).text(error.details);
    return *this;
}

std::int32_t Unpacker::result(Error& error) {
    const auto status = number<std::int32_t>();
    if (status < 0) {
        error.code = std::string(text());
        error.message = std::string(text());
        error.details = std::string(text());
    }
    return status;
}

}  // namespace onex::host::worker
