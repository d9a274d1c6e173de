/* A plugin of the first ABI, in C99. Never edit it: see README.md. */
#include "frozen_parts.h"

#include <onex/version.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef ONEX_ABI_DATA_H
#error "built with headers that came later"
#endif

extern const char onex_contract_text[];

typedef struct frozen_node {
    onex_node base;
    const onex_log_v1* log;
    const onex_config_v1* config;
    const onex_exec_v1* exec;
    const onex_call_v1* call;
    const onex_stream_v1* stream;
    const onex_http_v1* http;
    const onex_blob_v1* blob;
    const onex_store_v1* store; /* NULL in a process of its own: a host keeps SQL for itself */
    const onex_events_v1* events;
    const onex_metrics_v1* metrics;
    const onex_clock_v1* clock;
    const onex_process_v1* process;
    const onex_contract_v1* contract;
    onex_handle tick; /* a task that runs every minute */
    onex_handle tours;
} frozen_node;

/* ------------------------------------------------------------------------ tour */

static onex_status take_row(void* user, const onex_value* values, uint32_t count) {
    if (count == 1 && values[0].type == ONEX_VALUE_INT) *(int64_t*)user = values[0].number;
    return ONEX_OK;
}

static onex_status visit_store(frozen_node* node, onex_wait wait, reason* why, int64_t* sum) {
    onex_handle tx = 0;
    onex_param param;
    onex_status status;
    if (node->store == NULL) {
        snprintf(why->code, sizeof why->code, "NOT_OFFERED");
        return ONEX_E_UNAVAILABLE;
    }
    memset(&param, 0, sizeof param);
    param.name = text_of("more");
    param.value.type = ONEX_VALUE_INT;
    param.value.number = 2;
    status = node->store->begin(node->store->ctx, ONEX_TX_READ, wait, &tx, clear(why));
    if (status < 0) return status;
    status = node->store->execute(node->store->ctx,
                                  tx,
                                  text_of("SELECT 40 + :more"),
                                  &param,
                                  1,
                                  take_row,
                                  sum,
                                  NULL,
                                  clear(why));
    if (status < 0) {
        node->store->rollback(node->store->ctx, tx);
        return status;
    }
    return node->store->commit(node->store->ctx, tx, clear(why));
}

static onex_status visit_events(frozen_node* node, const onex_request* request, reason* why) {
    page id;
    onex_event event;
    onex_writer writer = writer_of(&id);
    memset(&event, 0, sizeof event);
    id.size = 0;
    event.struct_size = sizeof event;
    event.type = text_of("FROZEN_TOUR");
    event.correlation_id = request->correlation_id;
    event.payload = text_of("{\"abi\":\"1.0\"}");
    return node->events->publish(node->events->ctx, 0, &event, &writer, clear(why));
}

/* Through a pipe and back. */
static onex_status visit_stream(frozen_node* node, onex_wait wait, reason* why) {
    onex_handle reader = 0;
    onex_handle writer = 0;
    onex_buf* buf = NULL;
    onex_status status;
    clear(why);
    status = node->stream->pipe(node->stream->ctx, 4, &reader, &writer);
    if (status < 0) return status;
    status = node->stream->alloc(node->stream->ctx, &buf);
    if (status >= 0) {
        memcpy(buf->data, "frozen", 6);
        buf->size = 6;
        status = node->stream->write(node->stream->ctx, writer, wait, buf, clear(why));
        node->stream->release(node->stream->ctx, buf);
    }
    if (status >= 0) status = node->stream->finish(node->stream->ctx, writer);
    if (status >= 0) {
        status = node->stream->read(node->stream->ctx, reader, wait, &buf, clear(why));
        if (status == ONEX_OK) {
            if (buf->size != 6 || memcmp(buf->data, "frozen", 6) != 0) status = ONEX_E_CORRUPT;
            node->stream->release(node->stream->ctx, buf);
        }
    } else {
        node->stream->close(node->stream->ctx, writer);
    }
    node->stream->close(node->stream->ctx, reader);
    return status;
}

/* Calls `count` of this very node, with a stream. */
static onex_status visit_call(frozen_node* node, onex_wait wait, page* out, reason* why) {
    onex_handle reader = 0;
    onex_handle writer = 0;
    onex_buf* buf = NULL;
    onex_call call;
    onex_writer output = writer_of(out);
    onex_status status;
    clear(why);
    status = node->stream->pipe(node->stream->ctx, 4, &reader, &writer);
    if (status < 0) return status;
    if (node->stream->alloc(node->stream->ctx, &buf) == ONEX_OK) {
        memset(buf->data, 'x', 1000);
        buf->size = 1000;
        node->stream->write(node->stream->ctx, writer, wait, buf, NULL);
        node->stream->release(node->stream->ctx, buf);
    }
    node->stream->finish(node->stream->ctx, writer);
    memset(&call, 0, sizeof call);
    call.struct_size = sizeof call;
    call.operation = text_of("count");
    call.input = text_of("{}");
    call.stream_in = reader;
    return node->call->call(node->call->ctx, &call, wait, &output, clear(why));
}

static onex_status visit_http(frozen_node* node, onex_wait wait, reason* why) {
    page body;
    onex_http_request request;
    onex_http_response response;
    onex_writer writer = writer_of(&body);
    body.size = 0;
    memset(&request, 0, sizeof request);
    memset(&response, 0, sizeof response);
    request.struct_size = sizeof request;
    request.method = text_of("GET");
    request.url = text_of("http://127.0.0.1:1/nobody");
    request.body_bytes_max = 1000;
    response.struct_size = sizeof response;
    return node->http->send(node->http->ctx, &request, wait, &response, NULL, &writer, clear(why));
}

static onex_status visit_process(frozen_node* node, onex_wait wait, reason* why) {
    onex_process process;
    onex_str args[1];
    int32_t exit_code = 0;
    memset(&process, 0, sizeof process);
    process.struct_size = sizeof process;
    process.arg_count = 1;
    process.args = args;
    args[0] = text_of("/not/allowed");
    return node->process->run(node->process->ctx, &process, wait, &exit_code, clear(why));
}

static onex_status visit_contract(frozen_node* node, reason* why) {
    page json;
    onex_handle schema = 0;
    onex_writer writer = writer_of(&json);
    onex_status status;
    json.size = 0;
    status =
        node->contract->parse_yaml(node->contract->ctx, text_of("a: 1"), &writer, NULL, clear(why));
    if (status < 0) return status;
    status = node->contract->compile(
        node->contract->ctx, text_of("{\"type\":\"object\"}"), &schema, clear(why));
    if (status < 0) return status;
    status =
        node->contract->check(node->contract->ctx, schema, text_of("{\"a\":1}"), NULL, clear(why));
    node->contract->release(node->contract->ctx, schema);
    return status;
}

static onex_status visit_clock(frozen_node* node) {
    unsigned char bytes[16];
    const int64_t before = node->clock->monotonic_us(node->clock->ctx);
    node->clock->random(node->clock->ctx, bytes, sizeof bytes);
    if (node->clock->wall_us(node->clock->ctx) < 1600000000000000) return ONEX_E_OUT_OF_RANGE;
    return node->clock->monotonic_us(node->clock->ctx) < before ? ONEX_E_OUT_OF_RANGE : ONEX_OK;
}

static onex_status visit_config(frozen_node* node, page* settings, page* info) {
    onex_writer to_settings = writer_of(settings);
    onex_writer to_info = writer_of(info);
    const onex_status status = node->config->settings(node->config->ctx, &to_settings);
    if (status < 0) return status;
    return node->config->host_info(node->config->ctx, &to_info);
}

/* What a tour finds; too much for a stack of a worker. */
typedef struct findings {
    page status;
    page settings;
    page info;
    page called;
    char output[65536];
} findings;

static onex_status tour(frozen_node* node, const onex_request* request) {
    reason why;
    onex_wait wait;
    onex_status status;
    onex_status done;
    int64_t sum = -1;
    uint64_t free_bytes = 0;
    findings* found = (findings*)calloc(1, sizeof *found);
    page* out;
    if (found == NULL) return ONEX_E_EXHAUSTED;
    out = &found->status;
    wait.timeout_ms = 5000;
    wait.token = request->token;
    append(out, "{", 1);
    node->log->write(node->log->ctx,
                     ONEX_LOG_INFO,
                     text_of("a tour of the first ABI"),
                     request->correlation_id,
                     NULL,
                     0);
    status = visit_config(node, &found->settings, &found->info);
    note(out, "config", status, NULL);
    status = visit_store(node, wait, &why, &sum);
    note(out, "store", status, &why);
    status = visit_events(node, request, &why);
    note(out, "events", status, &why);
    status = visit_stream(node, wait, &why);
    note(out, "stream", status, &why);
    status = visit_call(node, wait, &found->called, &why);
    note(out, "call", status, &why);
    status = visit_http(node, wait, &why);
    note(out, "http", status, &why);
    status = visit_process(node, wait, &why);
    note(out, "process", status, &why);
    status = visit_contract(node, &why);
    note(out, "contract", status, &why);
    note(out, "blob", node->blob->free_bytes(node->blob->ctx, &free_bytes), NULL);
    note(out, "clock", visit_clock(node), NULL);
    status = node->metrics->record(node->metrics->ctx, node->tours, NULL, 0, 1);
    note(out, "metrics", status, NULL);
    append(out, "}", 1);
    snprintf(found->output,
             sizeof found->output,
             "{\"status\":%s,\"sum\":%lld,\"settings\":%s,\"info\":%s,\"called\":%s}",
             out->data,
             (long long)sum,
             found->settings.size ? found->settings.data : "{}",
             found->info.size ? found->info.data : "{}",
             found->called.size ? found->called.data : "{}");
    done = answer(node->call, request->token, found->output);
    free(found);
    return done;
}

/* ----------------------------------------------------------------------- later */

typedef struct pending {
    const onex_call_v1* call;
    onex_token token;
} pending;

static void answer_pending(void* user, uint32_t dropped) {
    pending* later = (pending*)user;
    if (!dropped) {
        onex_progress step;
        memset(&step, 0, sizeof step);
        step.struct_size = sizeof step;
        step.kind = ONEX_PROGRESS_STEP;
        step.text = text_of("nearly there");
        later->call->progress(later->call->ctx, later->token, &step);
        answer(later->call, later->token, "{\"later\":true}");
    } else {
        answer(later->call, later->token, "{\"later\":false}");
    }
    free(later);
}

static onex_status later(frozen_node* node, const onex_request* request) {
    onex_handle task = 0;
    onex_status status;
    pending* what = (pending*)malloc(sizeof *what);
    if (what == NULL) return ONEX_E_EXHAUSTED;
    what->call = node->call;
    what->token = request->token;
    status = node->exec->after(node->exec->ctx, 20, answer_pending, what, &task);
    if (status < 0) free(what);
    return status;
}

/* ----------------------------------------------------------------------- count */

static onex_status count(frozen_node* node, const onex_request* request) {
    reason why;
    char output[64];
    unsigned long long bytes = 0;
    onex_wait wait;
    onex_status status;
    wait.timeout_ms = -1;
    wait.token = request->token;
    for (;;) {
        onex_buf* buf = NULL;
        status = node->stream->read(node->stream->ctx, request->stream_in, wait, &buf, clear(&why));
        if (status != ONEX_OK) break;
        bytes += buf->size;
        node->stream->release(node->stream->ctx, buf);
    }
    if (status != ONEX_END) return answer_failure(node->call, request->token, &why);
    snprintf(output, sizeof output, "{\"bytes\":%llu}", bytes);
    return answer(node->call, request->token, output);
}

/* -------------------------------------------------------------------- the node */

static void tick(void* user, uint32_t dropped) {
    (void)user;
    (void)dropped;
}

static onex_status start(void* self, onex_error* error) {
    frozen_node* node = (frozen_node*)self;
    onex_status status = node->metrics->define(node->metrics->ctx,
                                               ONEX_METRIC_COUNTER,
                                               text_of("frozen_tours_total"),
                                               text_of("Tours of the first ABI"),
                                               NULL,
                                               0,
                                               NULL,
                                               0,
                                               &node->tours,
                                               error);
    if (status < 0) return status;
    return node->exec->every(node->exec->ctx, 60000, tick, node, &node->tick);
}

static onex_status nothing(void* self, onex_error* error) {
    (void)self;
    (void)error;
    return ONEX_OK;
}

static void stop(void* self) {
    frozen_node* node = (frozen_node*)self;
    node->exec->cancel(node->exec->ctx, node->tick);
}

static void destroy(void* self) {
    free(self);
}

static onex_status invoke(void* self, const onex_request* request, onex_error* error) {
    frozen_node* node = (frozen_node*)self;
    (void)error;
    if (same(request->operation, "tour")) return tour(node, request);
    if (same(request->operation, "later")) return later(node, request);
    if (same(request->operation, "count")) return count(node, request);
    return ONEX_E_UNIMPLEMENTED;
}

static onex_status save(void* self, onex_writer* out, uint32_t* schema, onex_error* error) {
    (void)self;
    (void)error;
    *schema = 1;
    return out->append(out->ctx, "frozen", 6);
}

static onex_status load(void* self, uint32_t schema, onex_bytes state, onex_error* error) {
    (void)self;
    (void)error;
    if (schema > 1) return ONEX_E_INVALID_INPUT;
    return state.size == 6 && memcmp(state.data, "frozen", 6) == 0 ? ONEX_OK : ONEX_E_CORRUPT;
}

static const void* get_interface(void* self, onex_str id) {
    static const onex_state_v1 state = {sizeof state, 0, save, load};
    (void)self;
    return same(id, ONEX_STATE_ID) ? &state : NULL;
}

static const char* const required_services[] = {ONEX_LOG_ID,
                                                ONEX_CONFIG_ID,
                                                ONEX_EXEC_ID,
                                                ONEX_CALL_ID,
                                                ONEX_STREAM_ID,
                                                ONEX_HTTP_ID,
                                                ONEX_BLOB_ID,
                                                ONEX_EVENTS_ID,
                                                ONEX_METRICS_ID,
                                                ONEX_CLOCK_ID,
                                                ONEX_PROCESS_ID,
                                                ONEX_CONTRACT_ID,
                                                NULL};
static const char* const optional_services[] = {ONEX_STORE_ID, NULL};

static onex_status create(const onex_host* host,
                          const onex_create_args* args,
                          const onex_node** out,
                          onex_error* error) {
    frozen_node* node;
    const char* const* id;
    (void)args;
    (void)error;
    for (id = required_services; *id != NULL; ++id) {
        if (host->get_service(host->ctx, text_of(*id)) == NULL) return ONEX_E_FAILED_PRECONDITION;
    }
    node = (frozen_node*)calloc(1, sizeof *node);
    if (node == NULL) return ONEX_E_EXHAUSTED;
    node->base.struct_size = sizeof node->base;
    node->base.self = node;
    node->base.start = start;
    node->base.quiesce = nothing;
    node->base.resume = nothing;
    node->base.stop = stop;
    node->base.destroy = destroy;
    node->base.invoke = invoke;
    node->base.get_interface = get_interface;
#define SERVICE(member, name, ID) \
    node->member = (const name*)host->get_service(host->ctx, text_of(ID))
    SERVICE(log, onex_log_v1, ONEX_LOG_ID);
    SERVICE(config, onex_config_v1, ONEX_CONFIG_ID);
    SERVICE(exec, onex_exec_v1, ONEX_EXEC_ID);
    SERVICE(call, onex_call_v1, ONEX_CALL_ID);
    SERVICE(stream, onex_stream_v1, ONEX_STREAM_ID);
    SERVICE(http, onex_http_v1, ONEX_HTTP_ID);
    SERVICE(blob, onex_blob_v1, ONEX_BLOB_ID);
    SERVICE(store, onex_store_v1, ONEX_STORE_ID);
    SERVICE(events, onex_events_v1, ONEX_EVENTS_ID);
    SERVICE(metrics, onex_metrics_v1, ONEX_METRICS_ID);
    SERVICE(clock, onex_clock_v1, ONEX_CLOCK_ID);
    SERVICE(process, onex_process_v1, ONEX_PROCESS_ID);
    SERVICE(contract, onex_contract_v1, ONEX_CONTRACT_ID);
    *out = &node->base;
    return ONEX_OK;
}

extern const onex_plugin_entry onex_plugin_entry_v1;
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const onex_plugin_entry onex_plugin_entry_v1 = {sizeof(onex_plugin_entry),
                                                ONEX_PLUGIN_MAGIC,
                                                ONEX_ABI_MAJOR,
                                                ONEX_ABI_MINOR,
                                                0,
                                                "frozen_c",
                                                "1.0.0",
                                                "C99",
                                                onex_contract_text,
                                                required_services,
                                                optional_services,
                                                create};
