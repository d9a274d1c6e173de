/* A node with one defect, which DEFECT names; each must be found by plugin check. */
#include <onex/abi.h>

#include <stdlib.h>
#include <string.h>

extern const char onex_contract_text[];

static int is(const char* defect) {
    return strcmp(DEFECT, defect) == 0;
}

typedef struct bad_node {
    onex_node base;
    const onex_call_v1* call;
    const onex_stream_v1* stream;
} bad_node;

static onex_status invoke(void* self, const onex_request* request, onex_error* error) {
    bad_node* node = (bad_node*)self;
    onex_answer good = {sizeof good, 0, {"{}", 2}};
    (void)error;
    if (is("never_answers")) return ONEX_OK;
    if (is("crashes_on_input") && request->input.size > 60000) abort();
    if (is("answers_twice")) node->call->answer(node->call->ctx, request->token, &good);
    node->call->answer(node->call->ctx, request->token, &good);
    return ONEX_OK;
}

static onex_status save(void* self, onex_writer* out, uint32_t* schema, onex_error* error) {
    (void)self;
    (void)error;
    *schema = 1;
    return out->append(out->ctx, "state", 5);
}

static onex_status load(void* self, uint32_t schema, onex_bytes state, onex_error* error) {
    (void)self;
    (void)schema;
    (void)state;
    (void)error;
    return ONEX_OK;
}

static const onex_state_v1 believes_everything = {sizeof(onex_state_v1), 0, save, load};

static const void* get_interface(void* self, onex_str id) {
    (void)self;
    if (is("any_interface")) return &believes_everything;
    if (is("believes_any_state") && id.size == strlen(ONEX_STATE_ID) &&
        memcmp(id.data, ONEX_STATE_ID, (size_t)id.size) == 0)
        return &believes_everything;
    return NULL;
}

static onex_status nothing(void* self, onex_error* error) {
    (void)self;
    (void)error;
    return ONEX_OK;
}

static void stop(void* self) {
    (void)self;
}

static onex_status create(const onex_host* host,
                          const onex_create_args* args,
                          const onex_node** out,
                          onex_error* error) {
    static const onex_str call_id = {ONEX_CALL_ID, sizeof ONEX_CALL_ID - 1};
    static const onex_str stream_id = {ONEX_STREAM_ID, sizeof ONEX_STREAM_ID - 1};
    static const onex_node functions = {
        sizeof functions, 0, NULL, nothing, nothing, nothing, stop, free, invoke, get_interface};
    onex_buf* buffer = NULL;
    bad_node* self = (bad_node*)calloc(1, sizeof *self);
    (void)args;
    (void)error;
    if (is("crashes_in_create")) abort();
    if (is("exits_in_create")) exit(0);
    if (self == NULL) return ONEX_E_EXHAUSTED;
    self->base = functions;
    self->base.self = self;
    self->call = (const onex_call_v1*)host->get_service(host->ctx, call_id);
    self->stream = (const onex_stream_v1*)host->get_service(host->ctx, stream_id);
    if (self->call == NULL && !is("ignores_missing_service")) {
        free(self);
        return ONEX_E_FAILED_PRECONDITION;
    }
    if (is("keeps_a_buffer") && self->stream != NULL)
        self->stream->alloc(self->stream->ctx, &buffer);
    *out = &self->base;
    return ONEX_OK;
}

static const char* const required[] = {ONEX_CALL_ID, NULL};
static const char* const optional[] = {ONEX_STREAM_ID, NULL};

extern const onex_plugin_entry onex_plugin_entry_v1;
__attribute__((visibility("default")))
const onex_plugin_entry onex_plugin_entry_v1 = {sizeof(onex_plugin_entry),
                                                ONEX_PLUGIN_MAGIC,
                                                BAD_ABI_MAJOR,
                                                0,
                                                0,
                                                "bad_plugin",
                                                BAD_VERSION,
                                                "C99",
                                                onex_contract_text,
                                                required,
                                                optional,
                                                create};
