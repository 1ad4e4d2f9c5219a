#include "model/weights/keras_child.h"

#include "base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What goes through the pipe: a head for each tensor, its name, its contents; then one with count −1 and the error. */
typedef struct head {
    int32_t name_length, type;
    shape shape;
    bool last;
    stria_error err;
} head;

/* ---- in the child ---- */

static bool say(int to, const void *data, size_t bytes) {
    for (const char *at = data; bytes > 0;) {
        ssize_t n = write(to, at, bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        at += n, bytes -= (size_t)n;
    }
    return true;
}

static bool tensors_say(int to, const weights *w) {
    for (int i = 0; i < w->count; i++) {
        const tensor *t = w->items[i].data;
        head h = {.name_length = (int32_t)strlen(w->items[i].name), .type = (int32_t)t->type, .shape = t->shape};
        if (!say(to, &h, sizeof h) || !say(to, w->items[i].name, (size_t)h.name_length) || !say(to, t->data, t->bytes))
            return false;
    }
    return true;
}

static void limits_set(size_t size) {
    rlim_t seconds = 10 + size / (8 << 20);
    setrlimit(RLIMIT_CPU, &(struct rlimit){seconds, seconds});
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

static void child(int to, weights *w, const uint8_t *bytes, size_t size, child_work *work) {
    head end = {.last = true};
    weights own = {.keras = w->keras, .room = w->room};
    limits_set(size);
    end.err.status = work(&own, bytes, size, &end.err);
    bool said = (end.err.status != STRIA_OK || tensors_say(to, &own)) && say(to, &end, sizeof end);
    _exit(said ? 0 : 1); /* nothing of the parent's is flushed or released */
}

/* ---- in the parent ---- */

static stria_status hear(int from, void *data, size_t bytes, stria_error *err) {
    for (char *at = data; bytes > 0;) {
        ssize_t n = read(from, at, bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) FAIL(err, STRIA_BAD_FILE, "the HDF5 library breaks on it, so it is damaged");
        at += n, bytes -= (size_t)n;
    }
    return STRIA_OK;
}

static stria_status tensor_hear(weights *w, const head *h, int from, stria_error *err) {
    char name[1200];
    tensor *t;
    if (h->name_length < 0 || h->name_length >= (int32_t)sizeof name || h->shape.rank < 0 || h->shape.rank > RANK_MAX)
        FAIL(err, STRIA_BAD_FILE, "the HDF5 library breaks on it, so it is damaged");
    TRY(hear(from, name, (size_t)h->name_length, err));
    TRY(shape_check(&h->shape, (dtype)h->type, err, "an array"));
    TRY(weights_charge(w, (uint64_t)shape_bytes(&h->shape, (dtype)h->type), err));
    TRY(tensor_raw(&t, (dtype)h->type, &h->shape, "an array", err));
    stria_status status = hear(from, t->data, t->bytes, err);
    if (status == STRIA_OK) return weights_add(w, name, (size_t)h->name_length, t, err);
    tensor_release(t);
    return status;
}

static stria_status tensors_hear(weights *w, int from, stria_error *err) {
    for (;;) {
        head h;
        TRY(hear(from, &h, sizeof h, err));
        if (!h.last) TRY(tensor_hear(w, &h, from, err));
        else if (h.err.status == STRIA_OK) return STRIA_OK;
        else FAIL(err, h.err.status, "%s", h.err.text);
    }
}

stria_status child_run(weights *w, const uint8_t *bytes, size_t size, child_work *work, stria_error *err) {
    int ends[2], code;
    if (pipe(ends) != 0) FAIL(err, STRIA_IO, "no pipe for a process that reads the file: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        child(ends[1], w, bytes, size, work);
    }
    close(ends[1]);
    stria_status status = pid < 0 ? error_set(err, STRIA_IO, "no process to read the file in: %s", strerror(errno))
                                  : tensors_hear(w, ends[0], err);
    close(ends[0]); /* a child that still writes ends by that */
    while (pid > 0 && waitpid(pid, &code, 0) < 0 && errno == EINTR) continue;
    return status;
}
