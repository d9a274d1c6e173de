// What a library's entry says, as a worker process read it.
#pragma once

#include "host/worker/wire.hpp"

#include <onex/abi.h>

#include <cstdint>
#include <string>
#include <vector>

namespace onex::host::worker {

/// Owns the texts of `entry`. Must not move once it is complete.
struct Description {
    std::string id, version, build, contract;
    std::vector<std::string> required, optional;
    std::vector<const char*> required_list, optional_list;
    onex_plugin_entry entry{};

    /// False when the worker describes its plugin badly; then it is as it was.
    bool read(Unpacker& in) {
        if (entry.magic == ONEX_PLUGIN_MAGIC) return true;  // As in the life before: same file.
        const auto minor = in.number<std::uint16_t>();
        for (auto* text : {&id, &version, &build, &contract})
            *text = std::string(in.text());
        for (auto* list : {&required, &optional}) {
            list->clear();
            for (auto left = in.number<std::uint32_t>(); left > 0 && in.ok(); --left)
                list->emplace_back(in.text());
        }
        if (!in.done()) return false;
        const auto pointers = [](const std::vector<std::string>& from,
                                 std::vector<const char*>& to) {
            for (const auto& text : from)
                to.push_back(text.c_str());
            to.push_back(nullptr);
        };
        pointers(required, required_list);
        pointers(optional, optional_list);
        entry.struct_size = sizeof(entry);
        entry.magic = ONEX_PLUGIN_MAGIC;
        entry.abi_major = ONEX_ABI_MAJOR;
        entry.abi_minor_needed = minor;
        entry.id = id.c_str();
        entry.version = version.c_str();
        entry.build = build.c_str();
        entry.contract = contract.c_str();
        entry.requires_services = required_list.data();
        entry.optional_services = optional_list.data();
        return true;
    }
};

}  // namespace onex::host::worker
