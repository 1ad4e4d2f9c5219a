/* Files of Keras that reach out for others, or for memory, are refused (tests/golden/weights by golden_weights.py); and
 * the process that reads them neither blocks, nor breaks, nor deceives the one that asked. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "check.h"
#include "model/weights/keras_child.h"

#ifdef STRIA_HAVE_HDF5
/* The others lie beside the files, where a library that looks for them finds them. */
static void folder_enter(void) {
    char folder[600];
    const char *source = getenv("SOURCE");
    snprintf(folder, sizeof folder, "%s/tests/golden/weights", source ? source : ".");
    CHECK(chdir(folder) == 0, "no folder %s", folder);
}

static void refused_check(void) {
    static const struct {
        const char *file, *sentence;
    } rows[] = {{"external_link.h5", "layer 'ext/"},
                {"external_array.h5", "array 'first/kernel' is not in it"},
                {"soft_link.h5", "layer 'first' is not in it"},
                {"external_storage.h5", "array 'first/kernel' lies in another file"},
                {"virtual_set.h5", "array 'first/kernel' lies in another file"},
                {"shared_text.h5", "damaged"}, /* not: "more than 1023 bytes", for which all must be in memory */
                {"opaque.h5", "array 'a/kernel' is of a type that is not read"},
                {"odd_half.h5", "array 'a/kernel' is of a type that is not read"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        weights w = {0};
        stria_error err = {0};
        stria_status status = weights_read(&w, rows[i].file, &err);
        CHECK(status != STRIA_OK && strstr(err.text, rows[i].sentence), "%s: '%s' does not say '%s'", rows[i].file,
              err.text, rows[i].sentence);
        if (status == STRIA_OK) weights_release(&w);
    }
}

static void types_check(void) {
    weights w = {0};
    stria_error err = {0};
    if (!CHECK(weights_read(&w, "two_bytes.h5", &err) == STRIA_OK, "%s", err.text)) return;
    CHECK(w.count == 2, "%d arrays", w.count);
    for (int i = 0; i < w.count; i++) {
        const tensor *t = w.items[i].data;
        CHECK(t->type == (i ? STRIA_FLOAT16 : STRIA_BFLOAT16), "'%s' is %s", w.items[i].name, dtype_name(t->type));
        CHECK(tensor_f64(t, 0) == 1.5 && tensor_f64(t, 1) == -2, "'%s' is %g, %g", w.items[i].name, tensor_f64(t, 0),
              tensor_f64(t, 1));
    }
    weights_release(&w);
}

/* Layers in a layer do not share a name. */
static void nested_check(void) {
    weights w = {0};
    stria_error err = {0};
    if (!CHECK(weights_read(&w, "nested.h5", &err) == STRIA_OK, "%s", err.text)) return;
    CHECK(w.count == 2 && strcmp(w.items[0].name, "inner/kernel") == 0 &&
              strcmp(w.items[1].name, "inner/two/kernel") == 0,
          "%d arrays, '%s' and '%s'", w.count, w.items[0].name, w.items[w.count - 1].name);
    weights_release(&w);
}

/* ---- the child ---- */

static stria_status blocks(weights *w, const uint8_t *bytes, size_t size, stria_error *err) {
    (void)w, (void)bytes, (void)size, (void)err;
    while (pause()) continue;
    return STRIA_OK;
}

static stria_status computes(weights *w, const uint8_t *bytes, size_t size, stria_error *err) {
    (void)w, (void)bytes, (void)err;
    for (volatile size_t i = size; i > 0; i++) continue;
    return STRIA_OK;
}

/* Its own timer ends it before the parent's clock does, as on a machine where the parent waits for its turn. */
static stria_status is_ended(weights *w, const uint8_t *bytes, size_t size, stria_error *err) {
    (void)w, (void)bytes, (void)size, (void)err;
    raise(SIGALRM);
    return STRIA_OK;
}

static stria_status breaks(weights *w, const uint8_t *bytes, size_t size, stria_error *err) {
    (void)w, (void)bytes, (void)size, (void)err;
    raise(SIGSEGV);
    return STRIA_OK;
}

static stria_status hoards(weights *w, const uint8_t *bytes, size_t size, stria_error *err) {
    (void)w, (void)bytes;
    void *p = mem_alloc(((size_t)1 << 30) + size);
    if (p) FAIL(err, STRIA_UNSUPPORTED, "it got a GiB");
    FAIL(err, STRIA_NO_MEMORY, "it got no GiB");
}

/* A message that the parent must not believe, by the one end of a pipe for writing that it finds. */
static stria_status deceive(const int64_t *numbers, size_t bytes, stria_error *err) {
    char junk[4096];
    memset(junk, 'x', sizeof junk);
    for (int fd = 3; fd < 64; fd++) {
        struct stat s;
        bool pipe = fstat(fd, &s) == 0 && S_ISFIFO(s.st_mode) && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY;
        if (pipe && (fcntl(fd, F_GETFD) & FD_CLOEXEC) && write(fd, numbers, bytes) > 0) write(fd, junk, sizeof junk);
    }
    FAIL(err, STRIA_UNSUPPORTED, "no message was sent");
}

static stria_status lies_of_rank(weights *w, const uint8_t *bytes, size_t size, stria_error *err) {
    (void)w, (void)bytes, (void)size;
    return deceive((int64_t[12]){1, 1, STRIA_FLOAT32, 200}, sizeof(int64_t[12]), err);
}

static stria_status lies_of_type(weights *w, const uint8_t *bytes, size_t size, stria_error *err) {
    (void)w, (void)bytes, (void)size;
    return deceive((int64_t[12]){1, 1, (int64_t)1 << 32 | STRIA_FLOAT32, 1, 2}, sizeof(int64_t[12]), err);
}

static stria_status lies_of_length(weights *w, const uint8_t *bytes, size_t size, stria_error *err) {
    (void)w, (void)bytes, (void)size;
    return deceive((int64_t[12]){1, 3000, STRIA_FLOAT32, 1, 2}, sizeof(int64_t[12]), err);
}

static stria_status lies_of_status(weights *w, const uint8_t *bytes, size_t size, stria_error *err) {
    (void)w, (void)bytes, (void)size;
    return deceive((int64_t[12]){2, 4, 99}, sizeof(int64_t[12]), err);
}

static stria_status lies_of_size(weights *w, const uint8_t *bytes, size_t size, stria_error *err) {
    (void)w, (void)bytes, (void)size;
    return deceive((int64_t[12]){1, 1, STRIA_FLOAT32, 1, (int64_t)1 << 40}, sizeof(int64_t[12]), err);
}

static void handler(int number) {
    (void)number;
    _exit(0);
}

static void child_check(void) {
    static const struct {
        const char *name;
        child_work *work;
        const char *sentence;
    } rows[] = {{"blocks", blocks, "is not done with it after 1 second,"},
                {"computes", computes, "is not done with it after 1 second,"},
                {"is ended", is_ended, "is not done with it after 20 seconds,"},
                {"breaks", breaks, "breaks on it, so it is damaged"},
                {"lies of rank", lies_of_rank, "breaks on it, so it is damaged"},
                {"lies of type", lies_of_type, "breaks on it, so it is damaged"},
                {"lies of length", lies_of_length, "breaks on it, so it is damaged"},
                {"lies of status", lies_of_status, "breaks on it, so it is damaged"},
                {"lies of size", lies_of_size, "far more memory than the file has bytes"}};
    signal(SIGSEGV, handler); /* the child does not keep it */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        weights w = {.room = 1 << 20};
        stria_error err = {0};
        uint8_t byte = 0;
        stria_status status = child_run(&w, &byte, 1, i < 2 ? 1 : 20, rows[i].work, &err);
        CHECK(status == STRIA_BAD_FILE && w.count == 0 && strstr(err.text, rows[i].sentence), "%s: '%s', %d tensors",
              rows[i].name, err.text, w.count);
        weights_release(&w);
    }
    signal(SIGSEGV, SIG_DFL);
    weights w = {.room = 1 << 20};
    stria_error err = {0};
    stria_status status = child_run(&w, (const uint8_t *)"", 1, 20, hoards, &err);
#ifdef __linux__
    CHECK(status == STRIA_NO_MEMORY || status == STRIA_BAD_FILE, "%s", err.text); /* a sanitizer ends the process */
#else
    CHECK(status != STRIA_OK, "%s", err.text);
#endif
}

int main(void) {
    child_check();
    folder_enter();
    refused_check();
    types_check();
    nested_check();
    return check_report();
}
#else
int main(void) {
    return 0;
}
#endif
