/* ABI 1.0: the services of the host. Each table is EXTENSIBLE; `ctx` is the first argument of its
 * functions. C99. */
#ifndef ONEX_ABI_SERVICES_H
#define ONEX_ABI_SERVICES_H

#include "onex/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ onex.log/1 */
#define ONEX_LOG_ID "onex.log/1"
#define ONEX_LOG_TRACE 0u
#define ONEX_LOG_DEBUG 1u
#define ONEX_LOG_INFO 2u
#define ONEX_LOG_WARN 3u
#define ONEX_LOG_ERROR 4u

/* LEAF. A name and a text. */
typedef struct onex_field {
    onex_str name;
    onex_str value;
} onex_field;

typedef struct onex_log_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    void* ctx;
    /* 1 if lines of this level are kept. [any] */
    uint32_t (*enabled)(void* ctx, uint32_t level);
    /* Writes one line; the host adds time, host and node. `correlation_id` may be empty. [any] */
    void (*write)(void* ctx,
                  uint32_t level,
                  onex_str message,
                  onex_str correlation_id,
                  const onex_field* fields,
                  uint32_t field_count);
} onex_log_v1;

/* --------------------------------------------------------------- onex.config/1 */
#define ONEX_CONFIG_ID "onex.config/1"

typedef struct onex_config_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    void* ctx;
    /* The node's settings as JSON, valid by the contract, with defaults. [any] */
    onex_status (*settings)(void* ctx, onex_writer* out);
    /* {"host", "host_id", "boot_id", "generation", "namespace", "environment", "node", "data_dir",
     * "version", "architecture", "workflow_dirs":[…], "listen":"address:port", "keep_days",
     * "size_budget_bytes", "topic_namespace":"dev.omninode-bridge"}. [any] */
    onex_status (*host_info)(void* ctx, onex_writer* out);
    /* The value behind `env:NAME` or `file:PATH`. NOT_FOUND, INVALID_INPUT. Never log it. [may
     * wait] */
    onex_status (*secret)(void* ctx, onex_str reference, onex_writer* out, onex_error* error);
} onex_config_v1;

/* ----------------------------------------------------------------- onex.exec/1 */
#define ONEX_EXEC_ID "onex.exec/1"

/* dropped = 1: the task won't run (any more); free what `user` points to. [worker] */
typedef void (*onex_task_fn)(void* user, uint32_t dropped);

typedef struct onex_exec_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    void* ctx;
    /* Runs `fn` soon on a worker. EXHAUSTED when the queue is full; then `fn` isn't called at all.
     * [any] */
    onex_status (*post)(void* ctx, onex_task_fn fn, void* user, onex_handle* task);
    /* Runs `fn` once, `delay_ms` from now. [any] */
    onex_status (*after)(
        void* ctx, int64_t delay_ms, onex_task_fn fn, void* user, onex_handle* task);
    /* Runs `fn` every `period_ms` (≥ 10), never twice at a time. [any] */
    onex_status (*every)(
        void* ctx, int64_t period_ms, onex_task_fn fn, void* user, onex_handle* task);
    /* Asks that the task doesn't run any more; one that runs now ends first. `fn` still gets its
     * dropped = 1, unless it ran for the last time already (BAD_HANDLE). [any] */
    onex_status (*cancel)(void* ctx, onex_handle task);
} onex_exec_v1;

/* ----------------------------------------------------------------- onex.call/1 */
#define ONEX_CALL_ID "onex.call/1"

#define ONEX_PROGRESS_STEP 0u  /* something moved; `text` may say what */
#define ONEX_PROGRESS_BYTES 1u /* `done` of `total` bytes (0: total unknown) */
#define ONEX_PROGRESS_LINE 2u  /* `text` is one line of a log that people read */

/* EXTENSIBLE. A sign of life of a running operation: re-arms its timeout, and travels to the
 * caller. */
typedef struct onex_progress {
    uint32_t struct_size;
    uint32_t kind;
    uint64_t done;
    uint64_t total;
    onex_str text;
} onex_progress;

/* EXTENSIBLE. The good answer of a request. */
typedef struct onex_answer {
    uint32_t struct_size;
    uint32_t http_status; /* 0: as the contract says */
    onex_str output;      /* a JSON object; empty counts as {} */
} onex_answer;

/* Any number of times while the call runs, on a host thread. Must not wait. */
typedef void (*onex_progress_fn)(void* user, const onex_progress* progress);

/* EXTENSIBLE. A call of an operation, here or on a peer. */
typedef struct onex_call {
    uint32_t struct_size;
    uint32_t reserved;
    onex_str
        target;    /* empty: this host; else a peer's name, or "host[:port]" of a configured peer */
    onex_str node; /* empty: whichever one node there offers the operation */
    onex_str operation;
    onex_str input;          /* a JSON object */
    onex_str correlation_id; /* empty: that of wait.token's request */
    onex_str key;            /* idempotency key, or empty */
    int64_t
        timeout_ms; /* for the callee: per contract's meaning of timeout; 0: the contract's own */
    onex_handle stream_in; /* the body for an operation with stream_in: a reader's handle, taken
                              over; or 0 */
    onex_handle
        stream_out; /* a writer's handle for what the operation streams out, taken over; or 0 */
    onex_progress_fn on_progress; /* or NULL */
    void* progress_user;
} onex_call;

/* The end of call_async: exactly once. `failure` is NULL on success. Views live during the call.
 * [worker] */
typedef void (*onex_call_done_fn)(void* user,
                                  onex_status status,
                                  onex_str output,
                                  const onex_failure* failure);

typedef struct onex_call_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    void* ctx;
    /* Answers a request. BAD_HANDLE if it was answered already. [any] */
    onex_status (*answer)(void* ctx, onex_token token, const onex_answer* answer);
    onex_status (*answer_error)(void* ctx, onex_token token, const onex_failure* failure);
    /* [any] */
    onex_status (*progress)(void* ctx, onex_token token, const onex_progress* progress);
    /* 1 when the request was cancelled or its time is up (also for a stale token). [any] */
    uint32_t (*cancelled)(void* ctx, onex_token token);
    /* Calls `fn` with dropped = 0 on a worker when the request is cancelled, with dropped = 1 when
     * it was answered without that. [any] */
    onex_status (*on_cancel)(void* ctx, onex_token token, onex_task_fn fn, void* user);
    /* Calls an operation and waits. A local one runs on this thread. `out` gets the output. The
     * error is the operation's own, or OPERATION_NOT_FOUND, OPERATION_AMBIGUOUS,
     * REMOTE_ENDPOINT_UNREACHABLE, TIMEOUT, CANCELLED. [may wait] */
    onex_status (*call)(
        void* ctx, const onex_call* call, onex_wait wait, onex_writer* out, onex_error* error);
    /* The same without waiting. A failure here means that `done` isn't called. [any] */
    onex_status (*call_async)(void* ctx,
                              const onex_call* call,
                              onex_wait wait,
                              onex_call_done_fn done,
                              void* user,
                              onex_error* error);
    /* Who would run `operation` for a workflow aimed at `target` (semantics 2.3): an offer with
     * placement target counts on the target, one with placement source here; `on` ("source",
     * "target" or empty) overrides that, `node` decides between several. JSON: {"host", "host_id",
     * "target", "node", "operation", "placement", "timeout_ms", "progress", "errors":[{code, as,
     * permanent}], "gates":[…], "redact":[…], "run_end":"name or empty", "input":{schema},
     * "output":{schema}, "input_digest", "output_digest"}; "target" is what onex_call takes. [may
     * wait] */
    onex_status (*resolve)(void* ctx,
                           onex_str target,
                           onex_str node,
                           onex_str on,
                           onex_str operation,
                           onex_wait wait,
                           onex_writer* out,
                           onex_error* error);
    /* Cancels the calls that this node has made with this idempotency key and that still run, here
     * and on the peer; they return CANCELLED. NOT_FOUND when there is none. [any] */
    onex_status (*cancel_call)(void* ctx, onex_str key);
} onex_call_v1;

/* --------------------------------------------------------------- onex.stream/1 */
#define ONEX_STREAM_ID "onex.stream/1"

typedef struct onex_stream_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    void* ctx;
    /* A fresh buffer of ONEX_BUF_BYTES, one count. [any] */
    onex_status (*alloc)(void* ctx, onex_buf** out);
    void (*retain)(void* ctx, onex_buf* buf);  /* [any] */
    void (*release)(void* ctx, onex_buf* buf); /* [any] */
    /* The next buffer of a stream (one count for the caller), ONEX_END at its end, or the error
     * that broke it. [may wait] */
    onex_status (*read)(
        void* ctx, onex_handle stream, onex_wait wait, onex_buf** out, onex_error* error);
    /* Hands a buffer over: the host takes its own count. Waits while the stream is full. CANCELLED
     * when the reader went away. [may wait] */
    onex_status (*write)(
        void* ctx, onex_handle stream, onex_wait wait, onex_buf* buf, onex_error* error);
    /* The writer is done well; the handle ends. [any] */
    onex_status (*finish)(void* ctx, onex_handle stream);
    /* Breaks the stream for both sides; the handle ends. [any] */
    onex_status (*fail)(void* ctx, onex_handle stream, const onex_failure* failure);
    /* Gives the handle back: a reader's close tells the writer to stop, a writer's counts as a
     * failure with CANCELLED. [any] */
    onex_status (*close)(void* ctx, onex_handle stream);
    /* A new pipe that holds at most `chunks_max` (1–16) buffers. [any] */
    onex_status (*pipe)(void* ctx, uint32_t chunks_max, onex_handle* reader, onex_handle* writer);
} onex_stream_v1;

/* ----------------------------------------------------------------- onex.http/1 */
#define ONEX_HTTP_ID "onex.http/1"

/* EXTENSIBLE. A request to some HTTP server. */
typedef struct onex_http_request {
    uint32_t struct_size;
    uint32_t header_count;
    onex_str method;
    onex_str url; /* "http://host:port/path?query", "https://…", or "/path" with unix_socket */
    onex_str unix_socket; /* path of the socket, or empty */
    const onex_field* headers;
    onex_bytes body;
    onex_handle
        body_stream; /* instead of body: sent chunked; a reader's handle, taken over; or 0 */
    uint64_t body_bytes_max; /* of the answer, for send */
    int64_t idle_ms;         /* for open: between two reads of the body; 0: 60 000 */
} onex_http_request;

/* EXTENSIBLE. */
typedef struct onex_http_response {
    uint32_t struct_size;
    uint32_t status;
} onex_http_response;

typedef struct onex_http_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    void* ctx;
    /* Sends and collects the answer. Any HTTP status is a success. `headers` (may be NULL) gets
     * lines "name: value\n". [may wait] */
    onex_status (*send)(void* ctx,
                        const onex_http_request* request,
                        onex_wait wait,
                        onex_http_response* response,
                        onex_writer* headers,
                        onex_writer* body,
                        onex_error* error);
    /* Returns with the head; the body is the stream `*body`, which the caller reads and closes.
     * [may wait] */
    onex_status (*open)(void* ctx,
                        const onex_http_request* request,
                        onex_wait wait,
                        onex_http_response* response,
                        onex_writer* headers,
                        onex_handle* body,
                        onex_error* error);
} onex_http_v1;

/* -------------------------------------------------------------- onex.metrics/1 */
#define ONEX_METRICS_ID "onex.metrics/1"
#define ONEX_METRIC_COUNTER 0u
#define ONEX_METRIC_GAUGE 1u
#define ONEX_METRIC_HISTOGRAM 2u

typedef struct onex_metrics_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    void* ctx;
    /* Defines a metric, or finds it by name (kind and labels must be the same: CONFLICT). [any] */
    onex_status (*define)(void* ctx,
                          uint32_t kind,
                          onex_str name,
                          onex_str help,
                          const onex_str* labels,
                          uint32_t label_count,
                          const double* buckets,
                          uint32_t bucket_count,
                          onex_handle* metric,
                          onex_error* error);
    /* Counter: adds. Gauge: sets. Histogram: observes. Label values in the order of the names; at
     * most 1 000 combinations a metric, further ones are dropped and counted. [any] */
    onex_status (*record)(
        void* ctx, onex_handle metric, const onex_str* label_values, uint32_t count, double value);
    /* Forgets one combination of a gauge. [any] */
    onex_status (*forget)(void* ctx,
                          onex_handle metric,
                          const onex_str* label_values,
                          uint32_t count);
} onex_metrics_v1;

/* ---------------------------------------------------------------- onex.clock/1 */
#define ONEX_CLOCK_ID "onex.clock/1"

typedef struct onex_clock_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    void* ctx;
    int64_t (*wall_us)(void* ctx);                        /* since 1970-01-01 UTC [any] */
    int64_t (*monotonic_us)(void* ctx);                   /* never goes back [any] */
    void (*random)(void* ctx, void* data, uint64_t size); /* fit for keys and ids [any] */
} onex_clock_v1;

/* -------------------------------------------------------------- onex.process/1 */
#define ONEX_PROCESS_ID "onex.process/1"

/* One line (without its end) of stdout (1) or stderr (2). [worker] */
typedef void (*onex_line_fn)(void* user, uint32_t stream, onex_str line);

/* EXTENSIBLE. A program from the host's allow list; no shell, no inherited environment but PATH,
 * HOME, LANG. */
typedef struct onex_process {
    uint32_t struct_size;
    uint32_t arg_count;
    const onex_str* args; /* args[0]: absolute path, or a name that the allow list has a path for */
    onex_str folder;      /* working folder; empty: "/" */
    const onex_field* environment;
    uint32_t environment_count;
    uint32_t reserved;
    onex_handle input;    /* a stream for stdin, taken over; or 0 */
    onex_line_fn on_line; /* or NULL */
    void* user;
} onex_process;

typedef struct onex_process_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    void* ctx;
    /* Runs it and waits; killed with its group when the wait is over. POLICY_DENIED, NOT_FOUND.
     * [may wait] */
    onex_status (*run)(void* ctx,
                       const onex_process* process,
                       onex_wait wait,
                       int32_t* exit_code,
                       onex_error* error);
} onex_process_v1;

/* ------------------------------------------------------------- onex.contract/1 */
#define ONEX_CONTRACT_ID "onex.contract/1"

typedef struct onex_contract_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    void* ctx;
    /* YAML → JSON; `places` (may be NULL) gets {"<json pointer>": [line, column], …}. [any] */
    onex_status (*parse_yaml)(
        void* ctx, onex_str text, onex_writer* json, onex_writer* places, onex_error* error);
    /* Compiles a JSON Schema (semantics 8). [any] */
    onex_status (*compile)(void* ctx, onex_str schema, onex_handle* out, onex_error* error);
    /* Fills defaults in and checks; `out` (may be NULL) gets the value with its defaults. [any] */
    onex_status (*check)(
        void* ctx, onex_handle schema, onex_str json, onex_writer* out, onex_error* error);
    onex_status (*release)(void* ctx, onex_handle schema);
} onex_contract_v1;

#ifdef __cplusplus
}
#endif
#endif
