/* A node in C99: one operation, one that answers later, one that streams, and state that a reload
 * keeps. */
#include <onex/abi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const char onex_contract_text[];

typedef struct example {
    onex_node base;
    const onex_call_v1* call;
    const onex_exec_v1* exec;
    const onex_stream_v1* stream;
    unsigned long count;
} example;

typedef struct pending {
    const onex_call_v1* call;
    onex_token token;
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

static onex_status answer(const onex_call_v1* call, onex_token token, const char* output) {
    onex_answer good = {sizeof good, 0, {NULL, 0}};
    good.output = text_of(output);
    return call->answer(call->ctx, token, &good);
}

static onex_status count(example* self, const onex_request* request) {
    char output[64];
    snprintf(output, sizeof output, "{\"count\":%lu}", __sync_add_and_fetch(&self->count, 1));
    return answer(self->call, request->token, output);
}

static void answer_pending(void* user, uint32_t dropped) {
    pending* later = (pending*)user;
    if (!dropped) answer(later->call, later->token, "{\"late\":true}");
    free(later);
}

static onex_status later(example* self, const onex_request* request) {
    onex_handle task = 0;
    onex_status status;
    pending* waiting = (pending*)malloc(sizeof *waiting);
    if (waiting == NULL) return ONEX_E_EXHAUSTED;
    waiting->call = self->call;
    waiting->token = request->token;
    status = self->exec->after(self->exec->ctx, 20, answer_pending, waiting, &task);
    if (status != ONEX_OK) free(waiting);
    return status;
}

static onex_status lines(example* self, const onex_request* request, onex_error* error) {
    static const char* const texts[] = {"one\n", "two\n", "three\n"};
    onex_wait wait;
    size_t i;
    wait.timeout_ms = -1;
    wait.token = request->token;
    for (i = 0; i < sizeof texts / sizeof *texts; ++i) {
        onex_buf* buf = NULL;
        onex_status status = self->stream->alloc(self->stream->ctx, &buf);
        if (status != ONEX_OK) return status;
        buf->size = strlen(texts[i]);
        memcpy(buf->data, texts[i], (size_t)buf->size);
        status = self->stream->write(self->stream->ctx, request->stream_out, wait, buf, error);
        self->stream->release(self->stream->ctx, buf);
        if (status != ONEX_OK) return status;
    }
    return answer(self->call, request->token, "{}");
}

static onex_status invoke(void* self, const onex_request* request, onex_error* error) {
    example* node = (example*)self;
    if (same(request->operation, "count")) return count(node, request);
    if (same(request->operation, "later")) return later(node, request);
    if (same(request->operation, "lines")) return lines(node, request, error);
    return ONEX_E_UNIMPLEMENTED;
}

static onex_status save(void* self, onex_writer* out, uint32_t* schema, onex_error* error) {
    char text[32];
    const int size = snprintf(text, sizeof text, "%lu", ((example*)self)->count);
    (void)error;
    *schema = 1;
    return out->append(out->ctx, text, (uint64_t)size);
}

static onex_status load(void* self, uint32_t schema, onex_bytes state, onex_error* error) {
    unsigned long value = 0;
    uint64_t i;
    (void)error;
    if (schema != 1 || state.size == 0 || state.size > 18) return ONEX_E_INVALID_INPUT;
    for (i = 0; i < state.size; ++i) {
        if (state.data[i] < '0' || state.data[i] > '9') return ONEX_E_CORRUPT;
        value = value * 10 + (unsigned long)(state.data[i] - '0');
    }
    ((example*)self)->count = value;
    return ONEX_OK;
}

static const onex_state_v1 state_table = {sizeof(onex_state_v1), 0, save, load};

static const void* get_interface(void* self, onex_str id) {
    (void)self;
    return same(id, ONEX_STATE_ID) ? &state_table : NULL;
}

/* clang-format off */
static onex_status nothing(void* self, onex_error* error) { return (void)self, (void)error, ONEX_OK; }
static void stop(void* self) { (void)self; }

static onex_status create(const onex_host* host, const onex_create_args* args, const onex_node** out,
                          onex_error* error) {
    static const onex_node functions = {sizeof functions, 0, NULL, nothing, nothing, nothing, stop, free,
                                        invoke, get_interface};
    example* self = (example*)calloc(1, sizeof *self);
    (void)args, (void)error;
    if (self == NULL) return ONEX_E_EXHAUSTED;
    self->base = functions;
    self->base.self = self;
    self->call = (const onex_call_v1*)host->get_service(host->ctx, text_of(ONEX_CALL_ID));
    self->exec = (const onex_exec_v1*)host->get_service(host->ctx, text_of(ONEX_EXEC_ID));
    self->stream = (const onex_stream_v1*)host->get_service(host->ctx, text_of(ONEX_STREAM_ID));
    *out = &self->base;
    if (self->call != NULL && self->exec != NULL && self->stream != NULL) return ONEX_OK;
    *out = NULL;
    free(self);
    return ONEX_E_FAILED_PRECONDITION;
}

static const char* const required[] = {ONEX_CALL_ID, ONEX_EXEC_ID, ONEX_STREAM_ID, NULL};
static const char* const optional[] = {NULL};

extern const onex_plugin_entry onex_plugin_entry_v1;
__attribute__((visibility("default"))) const onex_plugin_entry onex_plugin_entry_v1 = {
    sizeof(onex_plugin_entry), ONEX_PLUGIN_MAGIC, ONEX_ABI_MAJOR, 0, 0, "example_c", "1.0.0", "C99",
    onex_contract_text, required, optional, create};
