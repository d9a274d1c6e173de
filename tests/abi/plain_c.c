/* A node in C99 against the ABI alone: what any language can do. */
#include <onex/abi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const char onex_contract_text[];

typedef struct plain_node {
    onex_node base;
    const onex_log_v1* log;
    const onex_config_v1* config;
    const onex_call_v1* call;
    const onex_exec_v1* exec;
    const onex_stream_v1* stream;
    onex_token forgotten; /* of `drop`: answered too late, when the node stops */
} plain_node;

/* A request that is answered later: its own copy of what it needs. */
typedef struct pending {
    const onex_call_v1* call;
    onex_token token;
    char output[4096];
} pending;

static onex_str text_of(const char* text) {
    onex_str view;
    view.data = text;
    view.size = strlen(text);
    return view;
}

static int same(onex_str view, const char* text) {
    return view.size == strlen(text) && memcmp(view.data, text, (size_t)view.size) == 0;
}

/* A writer that collects into a fixed buffer. */
typedef struct buffer {
    char data[2048];
    size_t size;
} buffer;

static onex_status append_to_buffer(void* ctx, const void* data, uint64_t size) {
    buffer* out = (buffer*)ctx;
    if (size >= sizeof out->data - out->size) return ONEX_E_OUT_OF_RANGE;
    memcpy(out->data + out->size, data, (size_t)size);
    out->size += (size_t)size;
    out->data[out->size] = '\0';
    return ONEX_OK;
}

static onex_status answer(plain_node* node, onex_token token, const char* output) {
    onex_answer good;
    memset(&good, 0, sizeof good);
    good.struct_size = sizeof good;
    good.output = text_of(output);
    return node->call->answer(node->call->ctx, token, &good);
}

static onex_status answer_failure(plain_node* node,
                                  onex_token token,
                                  onex_str code,
                                  onex_str message) {
    onex_failure failure;
    memset(&failure, 0, sizeof failure);
    failure.struct_size = sizeof failure;
    failure.code = code;
    failure.message = message;
    return node->call->answer_error(node->call->ctx, token, &failure);
}

static onex_status echo(plain_node* node, const onex_request* request) {
    char output[4096];
    buffer settings;
    onex_writer writer;
    memset(&settings, 0, sizeof settings);
    memset(&writer, 0, sizeof writer);
    writer.struct_size = sizeof writer;
    writer.ctx = &settings;
    writer.append = append_to_buffer;
    if (node->config->settings(node->config->ctx, &writer) != ONEX_OK) return ONEX_E_INTERNAL;
    snprintf(output,
             sizeof output,
             "{\"input\":%.*s,\"settings\":%s}",
             (int)request->input.size,
             request->input.data,
             settings.data);
    return answer(node, request->token, output);
}

static void answer_pending(void* user, uint32_t dropped) {
    pending* later = (pending*)user;
    if (!dropped) {
        onex_answer good;
        memset(&good, 0, sizeof good);
        good.struct_size = sizeof good;
        good.output = text_of(later->output);
        later->call->answer(later->call->ctx, later->token, &good);
    }
    free(later);
}

static onex_status echo_later(plain_node* node, const onex_request* request) {
    onex_handle task = 0;
    onex_status status;
    pending* later = (pending*)malloc(sizeof *later);
    if (later == NULL) return ONEX_E_EXHAUSTED;
    later->call = node->call;
    later->token = request->token;
    snprintf(later->output,
             sizeof later->output,
             "{\"input\":%.*s}",
             (int)request->input.size,
             request->input.data);
    status = node->exec->after(node->exec->ctx, 20, answer_pending, later, &task);
    if (status != ONEX_OK) free(later);
    return status;
}

static onex_status count(plain_node* node, const onex_request* request) {
    char code[64];
    char message[1024];
    char output[64];
    unsigned long long bytes = 0;
    onex_error error;
    onex_wait wait;
    onex_status status;
    memset(&error, 0, sizeof error);
    error.struct_size = sizeof error;
    error.code = code;
    error.code_capacity = sizeof code;
    error.message = message;
    error.message_capacity = sizeof message;
    wait.timeout_ms = -1;
    wait.token = request->token;
    for (;;) {
        onex_buf* buf = NULL;
        status = node->stream->read(node->stream->ctx, request->stream_in, wait, &buf, &error);
        if (status != ONEX_OK) break;
        bytes += buf->size;
        node->stream->release(node->stream->ctx, buf);
    }
    if (status == ONEX_END) {
        snprintf(output, sizeof output, "{\"bytes\":%llu}", bytes);
        return answer(node, request->token, output);
    }
    {
        onex_str why_code;
        onex_str why;
        why_code.data = code;
        why_code.size = error.code_size;
        why.data = message;
        why.size = error.message_size;
        return answer_failure(node, request->token, why_code, why);
    }
}

static onex_status start(void* self, onex_error* error) {
    plain_node* node = (plain_node*)self;
    (void)error;
    node->log->write(
        node->log->ctx, ONEX_LOG_INFO, text_of("plain C is here"), text_of(""), NULL, 0);
    return ONEX_OK;
}

static onex_status nothing(void* self, onex_error* error) {
    (void)self;
    (void)error;
    return ONEX_OK;
}

static void stop(void* self) {
    plain_node* node = (plain_node*)self;
    if (node->forgotten != 0) answer(node, node->forgotten, "{}");
    node->forgotten = 0;
}

static void destroy(void* self) {
    free(self);
}

static onex_status invoke(void* self, const onex_request* request, onex_error* error) {
    plain_node* node = (plain_node*)self;
    (void)error;
    if (same(request->operation, "echo")) return echo(node, request);
    if (same(request->operation, "echo_later")) return echo_later(node, request);
    if (same(request->operation, "count")) return count(node, request);
    if (same(request->operation, "wrong_output")) return answer(node, request->token, "{}");
    if (same(request->operation, "refuse")) {
        return answer_failure(node,
                              request->token,
                              text_of("POLICY_DENIED"),
                              text_of("plain C says no; ask for something else"));
    }
    if (same(request->operation, "drop")) {
        node->forgotten = request->token;
        return ONEX_OK;
    }
    return ONEX_E_UNIMPLEMENTED;
}

static const void* get_interface(void* self, onex_str id) {
    (void)self;
    (void)id;
    return NULL;
}

static onex_status create(const onex_host* host,
                          const onex_create_args* args,
                          const onex_node** out,
                          onex_error* error) {
    plain_node* node = (plain_node*)calloc(1, sizeof *node);
    (void)args;
    (void)error;
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
    node->log = (const onex_log_v1*)host->get_service(host->ctx, text_of(ONEX_LOG_ID));
    node->config = (const onex_config_v1*)host->get_service(host->ctx, text_of(ONEX_CONFIG_ID));
    node->call = (const onex_call_v1*)host->get_service(host->ctx, text_of(ONEX_CALL_ID));
    node->exec = (const onex_exec_v1*)host->get_service(host->ctx, text_of(ONEX_EXEC_ID));
    node->stream = (const onex_stream_v1*)host->get_service(host->ctx, text_of(ONEX_STREAM_ID));
    if (node->log == NULL || node->config == NULL || node->call == NULL || node->exec == NULL ||
        node->stream == NULL) {
        free(node);
        return ONEX_E_FAILED_PRECONDITION;
    }
    *out = &node->base;
    return ONEX_OK;
}

static const char* const required_services[] = {
    ONEX_LOG_ID, ONEX_CONFIG_ID, ONEX_CALL_ID, ONEX_EXEC_ID, ONEX_STREAM_ID, NULL};
static const char* const optional_services[] = {NULL};

#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
extern const onex_plugin_entry onex_plugin_entry_v1;
const onex_plugin_entry onex_plugin_entry_v1 = {sizeof(onex_plugin_entry),
                                                ONEX_PLUGIN_MAGIC,
                                                ONEX_ABI_MAJOR,
                                                0,
                                                0,
                                                "plain_c",
                                                "1.0.0",
                                                "C99",
                                                onex_contract_text,
                                                required_services,
                                                optional_services,
                                                create};
