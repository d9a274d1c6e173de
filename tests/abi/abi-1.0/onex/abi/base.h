/* ABI 1.0: values that cross the boundary. See abi.h for the rules. C99. */
#ifndef ONEX_ABI_BASE_H
#define ONEX_ABI_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Is `member` inside what the side that filled `*pointer` knew of? */
#define ONEX_HAS(pointer, member)                                           \
    ((pointer)->struct_size >= (uint32_t)((const char*)&(pointer)->member - \
                                          (const char*)(pointer) + sizeof((pointer)->member)))

/* 0 is success, negative a failure, positive a success with a word to say. Treat an unknown
 * negative value as ONEX_E_INTERNAL, an unknown positive one as ONEX_OK. */
typedef int32_t onex_status;
#define ONEX_OK 0
#define ONEX_END 1 /* the stream has ended, nothing was returned */
#define ONEX_E_CANCELLED (-1)
#define ONEX_E_INVALID_INPUT (-2)
#define ONEX_E_TIMEOUT (-3)
#define ONEX_E_NOT_FOUND (-4)
#define ONEX_E_CONFLICT (-5)
#define ONEX_E_DENIED (-6)
#define ONEX_E_EXHAUSTED (-7)
#define ONEX_E_FAILED_PRECONDITION (-8)
#define ONEX_E_ABORTED (-9)
#define ONEX_E_OUT_OF_RANGE (-10)
#define ONEX_E_UNIMPLEMENTED (-11)
#define ONEX_E_INTERNAL (-12)
#define ONEX_E_UNAVAILABLE (-13)
#define ONEX_E_CORRUPT (-14)
#define ONEX_E_UNAUTHENTICATED (-15)
#define ONEX_E_BAD_HANDLE (-16)

/* LEAF. UTF-8 text, not NUL-terminated. {NULL, 0} is the empty text. */
typedef struct onex_str {
    const char* data;
    uint64_t size;
} onex_str;

/* LEAF. Bytes. */
typedef struct onex_bytes {
    const uint8_t* data;
    uint64_t size;
} onex_bytes;

/* Made and ended by the host; 0 is none. A stale one answers ONEX_E_BAD_HANDLE, it never means
 * another. */
typedef uint64_t onex_handle;

/* The right to answer one request, and the handle of its deadline and cancellation. 0 is none. */
typedef uint64_t onex_token;

/* LEAF. How long a function may wait: `timeout_ms` from now (negative: no limit of its own), and no
 * longer than the request behind `token` lives. 0 is nobody's: background work, or clean-up after a
 * cancel; it must name a time (else 30 s), which the host caps at 30 s inside a cancelled request.
 * Cancelling the request ends the wait with ONEX_E_CANCELLED, the time with ONEX_E_TIMEOUT. */
typedef struct onex_wait {
    int64_t timeout_ms;
    onex_token token;
} onex_wait;

/* EXTENSIBLE. Where a result of variable size goes. `append` may be called several times during one
 * call, on its thread, and returns ONEX_OK or the status with which that call shall fail. */
typedef struct onex_writer {
    uint32_t struct_size;
    uint32_t reserved;
    void* ctx;
    onex_status (*append)(void* ctx, const void* data, uint64_t size);
} onex_writer;

/* EXTENSIBLE. Why something failed. The caller owns the struct and its three buffers; whoever fails
 * writes up to the capacities (text is cut at a character's edge) and sets the sizes. May be NULL
 * where the caller doesn't want to know. */
typedef struct onex_error {
    uint32_t struct_size;
    uint32_t reserved;
    char* code; /* "BUILD_FAILED" */
    uint64_t code_capacity;
    uint64_t code_size;
    char* message; /* one sentence: what, with which value, what to do */
    uint64_t message_capacity;
    uint64_t message_size;
    char* details; /* a JSON object or nothing */
    uint64_t details_capacity;
    uint64_t details_size;
} onex_error;

/* EXTENSIBLE. A failure that a plugin reports; views. An empty code means INTERNAL. */
typedef struct onex_failure {
    uint32_t struct_size;
    uint32_t reserved;
    onex_str code;
    onex_str message;
    onex_str details; /* a JSON object or empty */
} onex_failure;

/* EXTENSIBLE. A counted host buffer of `capacity` bytes, of which `size` are in use. Whoever got it
 * from alloc() or read() holds one count and gives it back by release(). Its maker writes into
 * `data` until it passed the buffer to anybody; from then on nobody writes. A buffer counts as in
 * flight. */
typedef struct onex_buf {
    uint32_t struct_size;
    uint32_t reserved;
    uint8_t* data;
    uint64_t size;
    uint64_t capacity;
} onex_buf;

/* The size of the buffers that streams move. */
#define ONEX_BUF_BYTES 262144u

#ifdef __cplusplus
}
#endif
#endif
