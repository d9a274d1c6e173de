/* What frozen_c.c needs to write and to tell. Never edit it: see README.md. */
#ifndef FROZEN_PARTS_H
#define FROZEN_PARTS_H

#include <onex/abi.h>

#include <stdio.h>
#include <string.h>

static onex_str text_of(const char* text) {
    onex_str view;
    view.data = text;
    view.size = strlen(text);
    return view;
}

static int same(onex_str view, const char* text) {
    return view.size == strlen(text) && memcmp(view.data, text, (size_t)view.size) == 0;
}

/* Text that is being written; what doesn't fit fails. */
typedef struct page {
    char data[16384];
    size_t size;
} page;

static onex_status append(void* ctx, const void* data, uint64_t size) {
    page* out = (page*)ctx;
    if (size >= sizeof out->data - out->size) return ONEX_E_OUT_OF_RANGE;
    memcpy(out->data + out->size, data, (size_t)size);
    out->size += (size_t)size;
    out->data[out->size] = '\0';
    return ONEX_OK;
}

static onex_writer writer_of(page* out) {
    onex_writer writer;
    memset(&writer, 0, sizeof writer);
    writer.struct_size = sizeof writer;
    writer.ctx = out;
    writer.append = append;
    return writer;
}

/* Why a service failed. */
typedef struct reason {
    onex_error error;
    char code[64];
    char message[512];
} reason;

static onex_error* clear(reason* why) {
    memset(why, 0, sizeof *why);
    why->error.struct_size = sizeof why->error;
    why->error.code = why->code;
    why->error.code_capacity = sizeof why->code - 1;
    why->error.message = why->message;
    why->error.message_capacity = sizeof why->message - 1;
    return &why->error;
}

/* Notes how the visit to a service ended: "OK", or the code. */
static void note(page* out, const char* service, onex_status status, const reason* why) {
    char line[256];
    snprintf(line,
             sizeof line,
             "%s\"%s\":\"%s\"",
             out->size > 1 ? "," : "",
             service,
             status >= 0           ? "OK"
             : why && why->code[0] ? why->code
                                   : "a status alone");
    append(out, line, strlen(line));
}

static onex_status answer(const onex_call_v1* call, onex_token token, const char* output) {
    onex_answer good;
    memset(&good, 0, sizeof good);
    good.struct_size = sizeof good;
    good.output = text_of(output);
    return call->answer(call->ctx, token, &good);
}

static onex_status answer_failure(const onex_call_v1* call, onex_token token, const reason* why) {
    onex_failure failure;
    memset(&failure, 0, sizeof failure);
    failure.struct_size = sizeof failure;
    failure.code = text_of(why->code);
    failure.message = text_of(why->message);
    return call->answer_error(call->ctx, token, &failure);
}

#endif
