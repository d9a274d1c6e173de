/*
 * The ABI between onex-host and its plugins, version 1.0. C99, fixed-width integers only.
 *
 *   abi/base.h      status codes, text and buffer views, errors, writers, handles
 *   abi/plugin.h    the one exported symbol, the host as a plugin sees it, the node as the host
 * sees it abi/services.h  the tables that a node gets from its host, looked up by id ("onex.log/1")
 *   abi/state.h     what a node may offer to its host: state that outlives a reload
 *
 * Rules that hold everywhere:
 *  - Two kinds of struct. A LEAF struct is frozen for ever and may stand in arrays. An EXTENSIBLE
 * struct begins with struct_size, set by whoever fills it, is passed by pointer only and grows only
 * at its end: a reader touches a member only if ONEX_HAS() says that it is there.
 *  - A text or byte view is valid until the called function returns; copy it to keep it. Text is
 * UTF-8 and not NUL-terminated. `const char*` stands only in the entry, with the life of the image.
 *  - A result of variable size goes to a writer of the caller, or into a host buffer with a count.
 *    Nothing is freed across the boundary.
 *  - A callback is called exactly once, with dropped = 1 if it will never run for real, and never
 * inside the call that registered it. (A repeating task: any number of times, then once with
 * dropped = 1.)
 *  - No exception, longjmp or C++ type crosses. Every function is noexcept in effect.
 *
 * Thread tags at each function: [control] one thread at a time per node, may block · [worker] a
 * pool thread, may block · [io] the host's I/O thread, must return within 1 ms · [any] any thread,
 * doesn't wait · [may wait] any worker or control thread; on an I/O thread it answers
 * ONEX_E_FAILED_PRECONDITION.
 */
#ifndef ONEX_ABI_H
#define ONEX_ABI_H

#include "onex/abi/base.h"
#include "onex/abi/plugin.h"
#include "onex/abi/services.h"
#include "onex/abi/state.h"
#include "onex/version.h"

#endif
