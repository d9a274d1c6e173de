/* A node with one defect, which DEFECT names; each must be found by plugin check. */
#include <onex/abi.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern const char onex_contract_text[];

static int is(const char* defect) {
    return strcmp(DEFECT, defect) == 0;
}

typedef struct bad_node {
    onex_node base;
    const onex_call_v1* call;
    const onex_stream_v1* stream;
    const onex_kv_v1* kv;
    const onex_exec_v1* exec;
    int worked;
} bad_node;

/* Found before there is a node. */

static void start_a_thread(void) {
    pthread_t thread;
    union {
        int (*plain)(void);
        void* (*of_thread)(void*);
    } sleep_on; /* code of the C library, which stays when this library goes */
    sleep_on.plain = pause;
    if (pthread_create(&thread, NULL, sleep_on.of_thread, NULL) == 0) pthread_detach(thread);
}

__attribute__((constructor)) static void at_load(void) {
    if (is("opens_at_load")) (void)open("/dev/null", O_RDONLY);
    if (is("moves_at_load") && chdir("/") != 0) abort();
    if (is("masks_at_load")) umask(0123);
    if (is("sets_at_load")) setenv("ONEX_BAD_PLUGIN", "was here", 1);
    if (is("handles_at_load")) signal(SIGUSR1, SIG_IGN);
    if (is("threads_at_load")) start_a_thread();
}

#ifdef __linux__
#ifdef UNIQUE_SYMBOL /* as g++ makes for inline variables */
__asm__(
    ".pushsection .data\n"
    ".globl onex_bad_unique\n"
    ".type onex_bad_unique, @gnu_unique_object\n"
    ".size onex_bad_unique, 8\n"
    "onex_bad_unique: .quad 0\n"
    ".popsection\n");
#endif
#ifdef PATCHED_TEXT /* an address in the code, as without -fPIC */
__asm__(".pushsection .text\n.balign 8\n.quad onex_contract_text\n.popsection\n");
#endif
#endif
#ifdef FOREIGN_LIBRARY
void onex_bad_foreign(void);
#else
static void onex_bad_foreign(void) {}
#endif

/* Found by random inputs only: the few valid inputs of level full hold no such value, and no stream
 * of it breaks. */

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

static int is_refused(bad_node* node) {
    static const onex_str key = {"key", 3};
    return node->kv != NULL &&
           node->kv->get(node->kv->ctx, 0, key, NULL, NULL) == ONEX_E_UNAVAILABLE;
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

#ifdef WITH_THREAD_LOCAL
void touch_thread_local(void);
#else
static void touch_thread_local(void) {}
#endif

static onex_status invoke(void* self, const onex_request* request, onex_error* error) {
    bad_node* node = (bad_node*)self;
    onex_answer good = {sizeof good, 0, {"{}", 2}};
    (void)error;
    __atomic_store_n(&node->worked, 1, __ATOMIC_SEQ_CST);
    if (is("never_answers")) return ONEX_OK;
    if (is("forgets_what_is_refused") && is_refused(node)) return ONEX_OK;
    if (is("crashes_on_input") && request->input.size > 60000) abort();
    if (is("crashes_on_a_value") && holds(request->input, "\"count\":-10")) abort();
    if (is("hangs_on_a_value") && holds(request->input, "\"count\":-10")) pause();
    if (is("forgets_broken_streams") && !read_well(node, request)) return ONEX_OK;
    leave_behind();
    if (holds(request->input, "\"count\":")) touch_thread_local();
    if (is("answers_no_object") && holds(request->input, "slow")) good.output.size = 1;
    if (is("answers_twice")) node->call->answer(node->call->ctx, request->token, &good);
    node->call->answer(node->call->ctx, request->token, &good);
    return ONEX_OK;
}

static onex_status save(void* self, onex_writer* out, uint32_t* schema, onex_error* error) {
    const bad_node* node = (const bad_node*)self;
    const char* text = is("forgets_its_work") && node->worked ? "staff" : "state";
    onex_status status = ONEX_OK;
    size_t i;
    (void)error;
    *schema = 1;
    for (i = 0; i < 5 && status == ONEX_OK; ++i)
        status = out->append(out->ctx, text + i, 1);
    return is("trusts_its_writer") ? ONEX_OK : status;
}

static onex_status load(void* self, uint32_t schema, onex_bytes state, onex_error* error) {
    (void)self;
    (void)error;
    if (is("believes_any_state") || is("any_interface")) return ONEX_OK;
    if (schema > 1) return ONEX_E_INVALID_INPUT;
    if (state.size < 5 || state.data[0] != 's') return ONEX_E_CORRUPT;
    /* As one who copies it into five bytes. */
    if (state.size > 5 && is("trusts_its_state")) abort();
    return state.size > 5 ? ONEX_E_CORRUPT : ONEX_OK;
}

static const onex_state_v1 state_table = {sizeof(onex_state_v1), 0, save, load};

static const void* get_interface(void* self, onex_str id) {
    (void)self;
    if (is("any_interface")) return &state_table;
    if (id.size == strlen(ONEX_STATE_ID) && memcmp(id.data, ONEX_STATE_ID, (size_t)id.size) == 0)
        return &state_table;
    return NULL;
}

static onex_status nothing(void* self, onex_error* error) {
    (void)self;
    (void)error;
    return ONEX_OK;
}

static void tick(void* user, uint32_t dropped) {
    (void)user;
    (void)dropped;
}

static onex_status start(void* self, onex_error* error) {
    bad_node* node = (bad_node*)self;
    onex_handle tasks[2] = {0, 0};
    (void)error;
    if (is("leaves_threads")) start_a_thread();
    if (is("starts_once_and_for_all") && node->exec != NULL) {
        if (node->exec->every(node->exec->ctx, 1000, tick, node, &tasks[0]) != ONEX_OK)
            return ONEX_E_UNAVAILABLE;
        if (node->exec->every(node->exec->ctx, 1000, tick, node, &tasks[1]) != ONEX_OK) abort();
    }
    return ONEX_OK;
}

static onex_status resume(void* self, onex_error* error) {
    (void)self;
    (void)error;
    return is("never_resumes") ? ONEX_E_INTERNAL : ONEX_OK;
}

static void stop(void* self) {
    (void)self;
}

static int instances;

static void destroy(void* self) {
    --instances;
    free(self);
}

static const void* service(const onex_host* host, const char* id) {
    const onex_str text = {id, strlen(id)};
    return host->get_service(host->ctx, text);
}

static onex_status put_settings(void* first, const void* data, uint64_t size) {
    if (*(char*)first == 0 && size != 0) *(char*)first = *(const char*)data;
    return ONEX_OK;
}

static char first_of_settings(const onex_host* host) {
    const onex_config_v1* config = (const onex_config_v1*)service(host, ONEX_CONFIG_ID);
    char first = 0;
    onex_writer out = {sizeof out, 0, NULL, put_settings};
    out.ctx = &first;
    if (config == NULL) return '{';
    config->settings(config->ctx, &out);
    return first;
}

static const void* volatile behind; /* so that no compiler leaves the reading out */

/* What is wrong with this host, if anything is. */
static onex_status judge(const onex_host* host) {
    if (is("crashes_in_create")) abort();
    if (is("exits_in_create")) exit(0);
    if (is("fears_newer_hosts") && host->struct_size != sizeof *host) return ONEX_E_UNIMPLEMENTED;
    if (is("expects_newer_hosts")) behind = ((const void* const*)(host + 1))[0];
    if (is("expects_settings") && first_of_settings(host) != '{') abort();
    if (is("refuses_without_a_word") && first_of_settings(host) != '{') return ONEX_E_INVALID_INPUT;
    if (is("lives_alone") && instances > 0) return ONEX_E_CONFLICT;
    return ONEX_OK;
}

static onex_status create(const onex_host* host,
                          const onex_create_args* args,
                          const onex_node** out,
                          onex_error* error) {
    static const onex_node functions = {
        sizeof functions, 0, NULL, start, nothing, resume, stop, destroy, invoke, get_interface};
    onex_buf* buffer = NULL;
    const onex_status fit = judge(host);
    bad_node* self = NULL;
    (void)args;
    (void)error;
    onex_bad_foreign();
    if (fit != ONEX_OK) return fit;
    self = (bad_node*)calloc(1, sizeof *self);
    if (self == NULL) return ONEX_E_EXHAUSTED;
    self->base = functions;
    self->base.self = self;
    self->call = (const onex_call_v1*)service(host, ONEX_CALL_ID);
    self->stream = (const onex_stream_v1*)service(host, ONEX_STREAM_ID);
    self->exec = (const onex_exec_v1*)service(host, ONEX_EXEC_ID);
    self->kv = (const onex_kv_v1*)service(host, ONEX_KV_ID);
    if (self->call == NULL && !is("ignores_missing_service")) {
        free(self);
        return ONEX_E_FAILED_PRECONDITION;
    }
    if (is("keeps_a_buffer") && self->stream != NULL)
        self->stream->alloc(self->stream->ctx, &buffer);
    ++instances;
    *out = &self->base;
    return ONEX_OK;
}

static const char* const required[] = {ONEX_CALL_ID, NULL};
static const char* const optional[] = {
    ONEX_STREAM_ID, ONEX_KV_ID, ONEX_CONFIG_ID, ONEX_EXEC_ID, NULL};

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
