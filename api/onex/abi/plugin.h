/* ABI 1.0: the plugin's entry, the host as a node sees it, the node as the host sees it. C99. */
#ifndef ONEX_ABI_PLUGIN_H
#define ONEX_ABI_PLUGIN_H

#include "onex/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* EXTENSIBLE. The host, as one node instance sees it. Valid from create() until destroy() has
 * returned. */
typedef struct onex_host {
    uint32_t struct_size;
    uint16_t abi_major;
    uint16_t abi_minor;
    void* ctx;
    const char* version; /* of the host program, for people only */

    /* The table with exactly this id ("onex.log/1"), or NULL when the host has none or doesn't give
     * it to this plugin. Valid as long as the host is. [any] */
    const void* (*get_service)(void* ctx, onex_str id);
} onex_host;

/* EXTENSIBLE. What create() gets beside the host. */
typedef struct onex_create_args {
    uint32_t struct_size;
    uint32_t generation; /* 1 for the first instance of this node in the process, then counting */
    onex_str node;       /* the node's name in the host's TOML */
} onex_create_args;

/* Flags of onex_request. */
#define ONEX_REQUEST_FROM_PEER \
    1u /* came from another host (hop 1): only local operations may be called */

/* EXTENSIBLE. One call of an operation. Views are valid until the token was given back AND invoke
 * returned. The input is valid by the contract's schema, with its defaults filled in. */
typedef struct onex_request {
    uint32_t struct_size;
    uint32_t flags;
    onex_token token;
    onex_str operation;
    onex_str input;          /* a JSON object */
    onex_str correlation_id; /* never empty */
    onex_str key;            /* idempotency key (semantics 1.3), or empty */
    onex_str caller;         /* "peer:<name>", "token", "admin", "node:<name>" or "anonymous" */
    int64_t
        timeout_ms; /* what is left for it now; without progress, if the contract says `progress` */
    onex_handle stream_in; /* a stream to read, or 0. Closed by the host when the request ends */
    onex_handle
        stream_out;        /* a stream to write, or 0. An answer ends it well, an error breaks it */
    onex_str content_type; /* of stream_in, as the sender named it; may be empty */
} onex_request;

/* EXTENSIBLE. A node. The plugin owns it from create() until destroy() has returned. */
typedef struct onex_node {
    uint32_t struct_size;
    uint32_t reserved;
    void* self;

    /* Begins work: timers, subscriptions, recovery. Called once. Failing keeps the node out.
     * [control] */
    onex_status (*start)(void* self, onex_error* error);
    /* Takes no new background work; what is in hand may end. invoke may still come. [control &
     * started] */
    onex_status (*quiesce)(void* self, onex_error* error);
    /* Undoes quiesce. [control & quiesced] */
    onex_status (*resume)(void* self, onex_error* error);
    /* The end of background work; all of it is cancelled or done when this returns. [control &
     * started] */
    void (*stop)(void* self);
    /* Frees the node. Nothing is in flight, nothing comes after. [control] */
    void (*destroy)(void* self);
    /* Runs one operation. ONEX_OK: the plugin has taken the token and answers it exactly once,
     * during this call or later from any thread. A failure: the plugin has not taken it, the host
     * answers. [worker], or [io] for an operation that its contract marks nonblocking */
    onex_status (*invoke)(void* self, const onex_request* request, onex_error* error);
    /* What the node offers beside operations, by id ("onex.state/1"); NULL if nothing. [any] */
    const void* (*get_interface)(void* self, onex_str id);
} onex_node;

#define ONEX_PLUGIN_MAGIC 0x58454e4fu /* "ONEX" in memory on a little-endian machine */
#define ONEX_PLUGIN_ENTRY_SYMBOL "onex_plugin_entry_v1"

/* EXTENSIBLE. The one exported symbol, a const object named onex_plugin_entry_v1. Readable before
 * any code of the plugin runs, but for static constructors. */
typedef struct onex_plugin_entry {
    uint32_t struct_size;
    uint32_t magic;
    uint16_t abi_major;        /* ONEX_ABI_MAJOR */
    uint16_t abi_minor_needed; /* the lowest minor that this plugin can live with */
    uint32_t flags;            /* 0 */
    const char* id;            /* "deployment_sender": what `plugin =` in TOML names */
    const char* version;       /* semantic version */
    const char* build;         /* compiler and the like, for people only */
    const char* contract;      /* the node contract, YAML */
    const char* const*
        requires_services; /* NULL-terminated ids without which create() can't work */
    const char* const* optional_services; /* NULL-terminated */

    /* Makes a node. On success *out is set and lives until its destroy. On failure nothing is left
     * behind. Must not start work or call operations. [control] */
    onex_status (*create)(const onex_host* host,
                          const onex_create_args* args,
                          const onex_node** out,
                          onex_error* error);
} onex_plugin_entry;

#ifdef __cplusplus
}
#endif
#endif
