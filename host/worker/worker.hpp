// isolation = "process": a plugin's library in a process of its own.
#pragma once

#include "host/plugin/image.hpp"
#include "host/plugin/library.hpp"

#include <onex/error.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace onex::host {

struct WorkerLimits {
    std::uint64_t memory_bytes = 0;  ///< of address space; 0: no limit
    std::uint64_t open_files = 256;
};

/// A life of the process ended that should not have; how. Called on the thread that starts it
/// again, which the image's end waits for: it must not wait itself.
using WorkerEnded = std::function<void(const std::string& how)>;

/// Starts `program worker`, which loads the private copy. The image makes one node; its
/// calls go to the process, and the services that it asks for are done here. When the process ends,
/// the calls in flight are answered UNAVAILABLE and it is started again, with a back-off. Errors:
/// those of Library::load, TIMEOUT, UNAVAILABLE.
Result<std::shared_ptr<PluginImage>> start_worker(const std::string& program,
                                                  const StagedFile& staged,
                                                  WorkerLimits limits,
                                                  WorkerEnded ended = {});

/// The worker process: speaks on descriptor 0 until its host is gone. Returns the exit code.
int worker_main();

}  // namespace onex::host
