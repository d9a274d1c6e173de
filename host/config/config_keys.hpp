// The tables of every key of the TOML: the reader and the reference are both made from them.
// Internal.
#pragma once

#include "host/config/config.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace onex::host {

/// What a key's text must be. Each kind has one check, in config.cpp.
enum class KeyKind {
    text,
    plain_name,  ///< ^[a-z0-9-]+$
    word,        ///< one of Key::choices
    path,        ///< ~ and relative paths are resolved
    path_list,
    program_list,  ///< absolute paths
    text_list,
    cidr_list,
    address_list,  ///< host or host:port
    listen,        ///< address:port
    peer_url,
    uuid,
    fingerprint,
    secret,
    flag,
    integer,
    days,   ///< "90d"
    bytes,  ///< "8GiB", or an integer
};

/// A value that passed its check.
struct KeyValue {
    std::string text;
    std::vector<std::string> list;
    std::int64_t number = 0;
    bool flag = false;
};

template <class Section>
struct Key {
    std::string_view name;
    KeyKind kind;
    std::string_view standard;  ///< the default, for people
    std::string_view meaning;
    void (*store)(Section&, const KeyValue&);
    bool required = false;
    std::string_view choices = {};  ///< "a|b|c" for KeyKind::word
    std::int64_t least = 0;         ///< for integer, days and bytes
    std::int64_t most = 0;
};

template <auto member, class Section>
void store_in(Section& section, const KeyValue& value) {
    using Field = std::remove_reference_t<decltype(section.*member)>;
    if constexpr (std::is_same_v<Field, std::string>) {
        section.*member = value.text;
    } else if constexpr (std::is_same_v<Field, SecretRef>) {
        (section.*member).text = value.text;
    } else if constexpr (std::is_same_v<Field, std::vector<std::string>>) {
        section.*member = value.list;
    } else if constexpr (std::is_same_v<Field, bool>) {
        section.*member = value.flag;
    } else {
        section.*member = static_cast<Field>(value.number);
    }
}

/// The keys of a section; specialised for each in config_keys.cpp.
template <class Section>
std::span<const Key<Section>> keys_of();

template <>
std::span<const Key<HostSection>> keys_of<HostSection>();
template <>
std::span<const Key<LogSection>> keys_of<LogSection>();
template <>
std::span<const Key<AdminSection>> keys_of<AdminSection>();
template <>
std::span<const Key<TlsSection>> keys_of<TlsSection>();
template <>
std::span<const Key<StoreSection>> keys_of<StoreSection>();
template <>
std::span<const Key<LimitsSection>> keys_of<LimitsSection>();
template <>
std::span<const Key<ProcessSection>> keys_of<ProcessSection>();
template <>
std::span<const Key<PeerSection>> keys_of<PeerSection>();
template <>
std::span<const Key<NodeSection>> keys_of<NodeSection>();

/// "an integer from 1 to 64": what a value of a key looks like, in messages and in the reference.
std::string describe(KeyKind kind, std::string_view choices, std::int64_t least, std::int64_t most);
template <class Section>
std::string describe(const Key<Section>& key) {
    return describe(key.kind, key.choices, key.least, key.most);
}

}  // namespace onex::host
