/* ABI 1.0: the services that keep what nodes tell them: blobs, the store with its transactions,
 * events, and a node's private storage. Each table is EXTENSIBLE; `ctx` is the first argument of
 * its functions. C99. */
#ifndef ONEX_ABI_DATA_H
#define ONEX_ABI_DATA_H

#include "onex/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ----------------------------------------------------------------- onex.blob/1 */
#define ONEX_BLOB_ID "onex.blob/1"

/* EXTENSIBLE. */
typedef struct onex_blob_info {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t bytes;
    char digest[64]; /* BLAKE3, lower-case hex, no NUL: the blob's id */
} onex_blob_info;

typedef struct onex_blob_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    void* ctx;
    /* Moves a stream to its end into the store; no byte crosses the ABI. The blob exists afterwards
     * exactly if this succeeded. CHECKSUM_MISMATCH against `expected_digest` (may be empty),
     * PACKAGE_TOO_LARGE, DISK_FULL. Re-arms the timeout of wait.token as bytes come. [may wait] */
    onex_status (*spool)(void* ctx,
                         onex_handle stream,
                         uint64_t bytes_max,
                         onex_str expected_digest,
                         onex_wait wait,
                         onex_blob_info* out,
                         onex_error* error);
    /* A stream of the blob from `offset` on; verified while it is read when offset is 0. [any] */
    onex_status (*open)(
        void* ctx, onex_str digest, uint64_t offset, onex_handle* stream, onex_error* error);
    onex_status (*stat)(void* ctx, onex_str digest, onex_blob_info* out, onex_error* error);
    onex_status (*remove)(void* ctx, onex_str digest, onex_error* error);
    /* What the disk has left for blobs. [any] */
    onex_status (*free_bytes)(void* ctx, uint64_t* out);
} onex_blob_v1;

/* ---------------------------------------------------------------- onex.store/1 */
#define ONEX_STORE_ID "onex.store/1"

#define ONEX_VALUE_NULL 0u
#define ONEX_VALUE_INT 1u
#define ONEX_VALUE_DOUBLE 2u
#define ONEX_VALUE_TEXT 3u
#define ONEX_VALUE_BYTES 4u

/* LEAF. `type` says which one member counts: `number`, `real`, or `text` (also for bytes). */
typedef struct onex_value {
    uint32_t type;
    uint32_t reserved;
    int64_t number;
    double real;
    onex_str text;
} onex_value;

/* LEAF. `:name` in the SQL. */
typedef struct onex_param {
    onex_str name;
    onex_value value;
} onex_param;

#define ONEX_TX_READ 0u
#define ONEX_TX_WRITE 1u

/* One row, copied out before; called during execute on its thread. Another status than OK ends it.
 */
typedef onex_status (*onex_row_fn)(void* user, const onex_value* values, uint32_t count);

typedef struct onex_store_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    void* ctx;
    /* Begins a transaction; at most 5 s, then it rolls back. While one is open on a thread, call,
     * http, process and stream waits on that thread answer FAILED_PRECONDITION. [may wait] */
    onex_status (*begin)(
        void* ctx, uint32_t mode, onex_wait wait, onex_handle* tx, onex_error* error);
    /* One statement. `row` may be NULL; `affected` may be NULL. [may wait] */
    onex_status (*execute)(void* ctx,
                           onex_handle tx,
                           onex_str sql,
                           const onex_param* params,
                           uint32_t count,
                           onex_row_fn row,
                           void* user,
                           int64_t* affected,
                           onex_error* error);
    /* Ends the handle, whatever it answers. [may wait] */
    onex_status (*commit)(void* ctx, onex_handle tx, onex_error* error);
    void (*rollback)(void* ctx, onex_handle tx);
} onex_store_v1;

/* --------------------------------------------------------------- onex.events/1 */
#define ONEX_EVENTS_ID "onex.events/1"

/* EXTENSIBLE. A fact. The host fills id, time and source. */
typedef struct onex_event {
    uint32_t struct_size;
    uint32_t reserved;
    onex_str type;  /* "BUILD_STARTED" */
    onex_str topic; /* empty: "<env>.omninode-bridge.deployment.<type in kebab case>.v1" */
    onex_str key;   /* partition key; may be empty */
    onex_str correlation_id;
    onex_str workflow_id; /* may be empty */
    onex_str payload;     /* a JSON object */
    onex_str metadata;    /* a JSON object or empty */
} onex_event;

/* A batch: a JSON array of envelopes, each with "sequence" beside the original's fields. What the
 * handler writes through `tx` commits together with the position. A failure: the batch comes again.
 * [worker] */
typedef onex_status (*onex_batch_fn)(void* user, onex_handle tx, onex_str batch, uint32_t dropped);

typedef struct onex_events_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    void* ctx;
    /* Appends an event to the journal inside `tx`, or in a transaction of its own (0). `id` (may be
     * NULL) gets its UUID. [may wait] */
    onex_status (*publish)(
        void* ctx, onex_handle tx, const onex_event* event, onex_writer* id, onex_error* error);
    /* Delivers events whose topic starts with `topic_prefix`, from the stored position of `group`
     * on, until unsubscribe; then `fn` comes once with dropped = 1. [any] */
    onex_status (*subscribe)(void* ctx,
                             onex_str group,
                             onex_str topic_prefix,
                             uint32_t batch_max,
                             onex_batch_fn fn,
                             void* user,
                             onex_handle* subscription,
                             onex_error* error);
    onex_status (*unsubscribe)(void* ctx, onex_handle subscription);
    /* Events after `after_sequence`, of one workflow or of all, as a JSON array of envelopes with
     * "sequence"; at most `limit` (1–1000). [may wait] */
    onex_status (*read)(void* ctx,
                        int64_t after_sequence,
                        onex_str workflow_id,
                        uint32_t limit,
                        onex_writer* out,
                        onex_error* error);
} onex_events_v1;

/* ------------------------------------------------------------------- onex.kv/1 */
#define ONEX_KV_ID "onex.kv/1"

#define ONEX_KV_PUT 0u
#define ONEX_KV_REMOVE 1u        /* what is not there counts as removed */
#define ONEX_KV_PUT_IF_ABSENT 2u /* CONFLICT when the key is there */

/* LEAF. One change of the node's own storage. `value` counts for the two kinds of put. */
typedef struct onex_kv_change {
    uint32_t kind;
    uint32_t reserved;
    onex_str key;
    onex_bytes value;
} onex_kv_change;

/* One entry, copied out before. Another status than OK ends the scan. */
typedef onex_status (*onex_kv_entry_fn)(void* user, onex_str key, onex_bytes value);

/* Storage of the node's own, under its name in the TOML; no other node sees it, and it survives
 * reloads and restarts. Keys are UTF-8 of 1 to 512 bytes, values have at most 1 MiB; a node has at
 * most 10 000 entries and 64 MiB (RESOURCE_LIMIT_EXCEEDED). `tx` is 0, or the transaction of a
 * batch or of onex.store/1, with which the change then becomes true. */
typedef struct onex_kv_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    void* ctx;
    /* NOT_FOUND when there is no such key. [may wait] */
    onex_status (*get)(
        void* ctx, onex_handle tx, onex_str key, onex_writer* value, onex_error* error);
    /* Calls `fn` for entries whose key begins with `prefix` and comes after `after` (may be empty),
     * in the order of keys, at most `limit` (1–1000) of them, and in a process of its own no more
     * than 16 MiB: a scan that gives none is the end. [may wait] */
    onex_status (*scan)(void* ctx,
                        onex_handle tx,
                        onex_str prefix,
                        onex_str after,
                        uint32_t limit,
                        onex_kv_entry_fn fn,
                        void* user,
                        onex_error* error);
    /* All of the changes (1–1000) or none, in their order; after a failure inside `tx` that whole
     * transaction must be given up. [may wait] */
    onex_status (*write)(void* ctx,
                         onex_handle tx,
                         const onex_kv_change* changes,
                         uint32_t count,
                         onex_error* error);
} onex_kv_v1;

#ifdef __cplusplus
}
#endif
#endif
