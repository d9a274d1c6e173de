/* ABI 1.0: what a node with state in memory offers to the host, so that a new version of its plugin
 * can go on where the old one stood. Found by onex_node.get_interface("onex.state/1"). C99. */
#ifndef ONEX_ABI_STATE_H
#define ONEX_ABI_STATE_H

#include "onex/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ONEX_STATE_ID "onex.state/1"

/* EXTENSIBLE. The plugin owns the table; valid as long as the node is. `self` is onex_node.self.
 * Most nodes keep their state in the store and don't offer this: then a reload needs no pause at
 * all. */
typedef struct onex_state_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* Writes the state to `out`, in pieces if it likes, and its schema's number to `*schema`.
     * Nothing of the node is in flight; it stays usable if the reload fails afterwards. [control &
     * quiesced] */
    onex_status (*save)(void* self, onex_writer* out, uint32_t* schema, onex_error* error);
    /* Takes over what save() of this or an earlier version wrote. Must accept its own schema number
     * and the one before it, and refuse a newer one and damaged bytes with INVALID_INPUT or
     * CORRUPT, leaving nothing half-loaded. [control, before start] */
    onex_status (*load)(void* self, uint32_t schema, onex_bytes state, onex_error* error);
} onex_state_v1;

#ifdef __cplusplus
}
#endif
#endif
