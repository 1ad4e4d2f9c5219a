/* Files of weights that are put into a network and written again, with each allocation failing in turn: also those of
 * the process that reads Keras' files, which nobody but its own sentence tells of. */
#include "torture.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "model/model.h"
#include "model/weights/weights.h"

enum { TRIES = 300, CHILD_MAX = 3000 };

typedef struct subject {
    const char *net, *file;
    graph *g;
} subject;

static const char *golden(const char *name, const char *ending) {
    static char paths[2][600];
    static int turn;
    const char *source = getenv("SOURCE");
    char *path = paths[turn++ % 2];
    snprintf(path, sizeof paths[0], "%s/tests/golden/weights/%s%s", source ? source : ".", name, ending);
    return path;
}

static stria_status join(void *what, stria_error *err) {
    const subject *s = what;
    weights w = {0};
    graph *g;
    text report = {0};
    TRY(graph_copy(s->g, NULL, &g, err));
    stria_status status = weights_read(&w, golden(s->file, ""), err);
    if (status == STRIA_OK) status = weights_join(g, &w, &report, err);
    if (status == STRIA_OK) status = text_check(&report, err);
    text_release(&report);
    weights_release(&w);
    graph_free(g);
    return status;
}

static char out[600];

static stria_status write_again(void *what, stria_error *err) {
    const subject *s = what;
    return weights_write(s->g, out, NULL, err);
}

/* Allocations beyond those of this process fail in the other one, whose count goes on from ours where it began. */
static void child_check(subject *s) {
    size_t before = mem_bytes_now();
    stria_error err = {0};
    mem_fail_at(0);
    CHECK(join(s, &err) == STRIA_OK, "%s: %s", s->file, err.text);
    long n = mem_count() + 1, failed = 0;
    for (; n < CHILD_MAX; n++) {
        mem_fail_at(n);
        stria_status status = join(s, &err);
        mem_fail_at(0);
        if (status == STRIA_OK) break;
        failed++;
        if (!CHECK(status == STRIA_NO_MEMORY && strstr(err.text, "memory"), "%s: allocation %ld: status %d, '%s'",
                   s->file, n, (int)status, err.text))
            break;
    }
    CHECK(n < CHILD_MAX && mem_bytes_now() == before, "%s: %ld allocations", s->file, failed);
}

static void row_check(const char *net, const char *file) {
    stria_error err = {0};
    subject s = {.net = net, .file = file};
    if (!CHECK(graph_load(&s.g, golden(net, ".net"), 7, &err) == STRIA_OK, "%s", err.text)) return;
    mem_fail_at(0);
    stria_status status = join(&s, &err);
    bool keras = strstr(file, ".h5") || strstr(file, ".keras");
    if (CHECK(status == STRIA_OK, "%s: %s", file, err.text)) torture_each(join, &s, file, 1 + mem_count() / TRIES);
    if (keras) child_check(&s);
    for (int i = 0; i < 2 && !keras; i++) {
        const char *folder = getenv("TMPDIR");
        snprintf(out, sizeof out, "%s/stria-weights-%ld%s", folder ? folder : "/tmp", (long)getpid(),
                 i ? ".npz" : ".safetensors");
        torture_each(write_again, &s, out, 1);
        CHECK(unlink(out) == 0, "%s is not there", out);
    }
    graph_free(s.g);
}

int main(void) {
    static const char *const files[] = {"zip.pth",  "old.pth",         "views_old.pth", "checkpoint.pth",
                                        "half.pth", "net.safetensors", "net.npz",       "double.npz"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) row_check("torch", files[i]);
#ifdef STRIA_HAVE_HDF5
    static const char *const named[] = {"named.keras", "named.weights.h5", "named.h5", "keras2.h5"};
    static const char *const unnamed[] = {"unnamed.keras", "unnamed.weights.h5", "unnamed.h5"};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) row_check("named", named[i]);
    for (size_t i = 0; i < sizeof unnamed / sizeof *unnamed; i++) row_check("unnamed", unnamed[i]);
#endif
    return check_report();
}
