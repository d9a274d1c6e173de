/* A node with one defect, which DEFECT names; each must be found by plugin check. */
#include <onex/abi.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const char onex_contract_text[];

static int is(const char* defect) {
    return strcmp(DEFECT, defect) == 0;
}

typedef struct bad_node {
    onex_node base;
    const onex_call_v1* call;
    const onex_stream_v1* stream;
} bad_node;

/* Found by random inputs only: the checks of level full hand over no such value, and no stream that
 * breaks. */

static int holds(onex_str text, const char* part) {
    const size_t size = strlen(part);
    uint64_t at;
    for (at = 0; at + size <= text.size; ++at) {
        if (memcmp(text.data + at, part, size) == 0) return 1;
    }
    return 0;
}

/* Reads to the end; 0 when the stream breaks. */
static int read_well(bad_node* node, const onex_request* request) {
    onex_wait wait = {1000, 0};
    onex_buf* buf = NULL;
    onex_status status = ONEX_OK;
    if (request->stream_in == 0 || node->stream == NULL) return 1;
    wait.token = request->token;
    while (status == ONEX_OK) {
        status = node->stream->read(node->stream->ctx, request->stream_in, wait, &buf, NULL);
        if (status == ONEX_OK) node->stream->release(node->stream->ctx, buf);
    }
    return status == ONEX_END || status == ONEX_E_EXHAUSTED;
}

/* Found by many calls only. */

static void* volatile kept; /* so that no compiler leaves the allocation out */

static void leave_behind(void) {
    static int inside;
    if (is("leaks_files")) (void)open("/dev/null", O_RDONLY);
    if (is("leaks_memory")) __atomic_store_n(&kept, calloc(1, 500), __ATOMIC_SEQ_CST);
    if (is("is_called_alone")) {
        if (__atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST) > 1) abort();
        poll(NULL, 0, 1);
        __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
    }
}

static onex_status invoke(void* self, const onex_request* request, onex_error* error) {
    bad_node* node = (bad_node*)self;
    onex_answer good = {sizeof good, 0, {"{}", 2}};
    (void)error;
    if (is("never_answers")) return ONEX_OK;
    if (is("crashes_on_input") && request->input.size > 60000) abort();
    if (is("crashes_on_a_value") && holds(request->input, "\"count\":-")) abort();
    if (is("hangs_on_a_value") && holds(request->input, "\"count\":-")) pause();
    if (is("forgets_broken_streams") && !read_well(node, request)) return ONEX_OK;
    leave_behind();
    if (is("answers_no_object") && holds(request->input, "slow")) good.output.size = 1;
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
    (void)error;
    if (!is("trusts_its_state")) return ONEX_OK;
    if (schema > 1) return ONEX_E_INVALID_INPUT;
    if (state.size < 5 || state.data[0] != 's') return ONEX_E_CORRUPT;
    if (state.size > 5) abort(); /* as one who copies it into five bytes */
    return ONEX_OK;
}

static const onex_state_v1 believes_everything = {sizeof(onex_state_v1), 0, save, load};

static const void* get_interface(void* self, onex_str id) {
    (void)self;
    if (is("any_interface")) return &believes_everything;
    if ((is("believes_any_state") || is("trusts_its_state")) && id.size == strlen(ONEX_STATE_ID) &&
        memcmp(id.data, ONEX_STATE_ID, (size_t)id.size) == 0)
        return &believes_everything;
    return NULL;
}

static onex_status nothing(void* self, onex_error* error) {
    (void)self;
    (void)error;
    return ONEX_OK;
}

static onex_status start(void* self, onex_error* error) {
    pthread_t thread;
    union {
        int (*plain)(void);
        void* (*of_thread)(void*);
    } sleep_on; /* code of the C library, which stays when this library goes */
    sleep_on.plain = pause;
    (void)self;
    (void)error;
    if (is("leaves_threads") && pthread_create(&thread, NULL, sleep_on.of_thread, NULL) == 0)
        pthread_detach(thread);
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
        sizeof functions, 0, NULL, start, nothing, nothing, stop, free, invoke, get_interface};
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
