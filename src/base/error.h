/* Status and sentence: how every function of Stria fails. The world's mistakes come back as a status and a sentence;
 * the programmer's mistakes assert. Outputs are written only on success. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stria/base.h>

/* Sets status and formatted sentence (truncated to the buffer; err may be NULL). Returns status, so that
 * `return error_set(…)` reads well. What could drive a terminal is masked by text_mask: names may come from
 * strangers. */
stria_status error_set(stria_error *err, stria_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts a formatted prefix in front of the sentence that is there: "lenet.onnx: " + "truncated at byte 100". */
void error_prefix(stria_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Fails the current function with a compulsory sentence. */
#define FAIL(err, status, ...)                                                                                         \
    do {                                                                                                               \
        const stria_status fail_status = (status);                                                                     \
        error_set((err), fail_status, __VA_ARGS__);                                                                    \
        return fail_status; /* not what error_set returned: static analysis then sees which paths fail */              \
    } while (0)

/* Forwards a failure to the caller. */
#define TRY(expression)                                                                                                \
    do {                                                                                                               \
        stria_status try_status = (expression);                                                                        \
        if (try_status != STRIA_OK) return try_status;                                                                 \
    } while (0)

/* Forwards a failure through `done:`, where something is released; needs a local `stria_status status`. */
#define TRY_DONE(expression)                                                                                           \
    do {                                                                                                               \
        status = (expression);                                                                                         \
        if (status != STRIA_OK) goto done;                                                                             \
    } while (0)

/* The ending of a noun after a number: "%d channel%s", "%d class%s", "%d entr%s". */
static inline const char *text_s(int64_t count) {
    return count == 1 ? "" : "s";
}
static inline const char *text_es(int64_t count) {
    return count == 1 ? "" : "es";
}
static inline const char *text_ies(int64_t count) {
    return count == 1 ? "y" : "ies";
}

#endif
