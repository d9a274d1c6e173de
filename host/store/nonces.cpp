#include "host/store/nonces.hpp"

#include "nonces_sql.hpp"

#include <utility>

namespace onex::host {

Result<bool> Nonces::remember(const std::string& key_id,
                              const std::string& nonce,
                              std::int64_t expires_us) {
    auto inserted =
        execute_once(store_,
                     TxMode::write,
                     sql::insert_nonce,
                     {{"key_id", key_id}, {"nonce", nonce}, {"expires_us", expires_us}});
    if (!inserted) return std::unexpected(std::move(inserted).error());
    return inserted->rows_affected == 1;
}

Result<std::int64_t> Nonces::prune(std::int64_t before_us) {
    auto removed =
        execute_once(store_, TxMode::write, sql::prune_nonces, {{"before_us", before_us}});
    if (!removed) return std::unexpected(std::move(removed).error());
    return removed->rows_affected;
}

}  // namespace onex::host
