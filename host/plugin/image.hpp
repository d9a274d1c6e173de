// The code of a plugin, wherever it runs.
#pragma once

#include <onex/abi.h>

#include <boost/json/value.hpp>

#include <string>

namespace onex::host {

/// A library that is mapped into this process, or a worker process that has it. Goes after every
/// node that was made of it. [any thread]
class PluginImage {
  public:
    PluginImage() = default;
    virtual ~PluginImage() = default;
    PluginImage(const PluginImage&) = delete;
    PluginImage& operator=(const PluginImage&) = delete;

    /// Valid as long as the image.
    [[nodiscard]] virtual const onex_plugin_entry& entry() const = 0;
    /// Where it came from, for people.
    [[nodiscard]] virtual const std::string& file() const = 0;
    /// The private copy of `file` that runs: what is on disk may have changed since.
    [[nodiscard]] virtual const std::string& copy() const = 0;
    /// BLAKE3 of the copy, 64 lower-case hexadecimal digits.
    [[nodiscard]] virtual const std::string& digest() const = 0;
    [[nodiscard]] virtual std::string isolation() const = 0;  ///< "inproc" | "process"
    /// Makes a node: the entry's create, wherever it runs. [control]
    virtual onex_status create(const onex_host& host,
                               const onex_create_args& args,
                               const onex_node*& out,
                               onex_error& error) {
        return entry().create(&host, &args, &out, &error);
    }
    /// What there is to tell of its process, for people; null for a mapped library.
    [[nodiscard]] virtual boost::json::value describe() const { return nullptr; }
};

}  // namespace onex::host
