/* Every allocation that something makes fails once: it must say so, leave nothing behind, and work afterwards. */
#ifndef TESTS_TORTURE_H
#define TESTS_TORTURE_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "check.h"

typedef stria_status torture_use(void *what, stria_error *err);

/* Set where some memory only saves work or room: it may succeed without. */
static bool torture_spares;

static inline bool torture_at(torture_use *use, void *what, const char *name, long n, long of) {
    stria_error err = {0};
    size_t before = mem_bytes_now();
    mem_fail_at(n);
    stria_status status = use(what, &err);
    mem_fail_at(0);
    bool said = status == STRIA_NO_MEMORY && err.status == status && strstr(err.text, "memory");
    return CHECK(said || (torture_spares && status == STRIA_OK), "%s: allocation %ld of %ld fails: status %d, '%s'",
                 name, n, of, (int)status, err.text) &&
           CHECK(mem_bytes_now() == before, "%s: allocation %ld of %ld fails: %zd bytes are left", name, n, of,
                 (ssize_t)(mem_bytes_now() - before));
}

/* Whatever it comes to undisturbed, it comes to again at the end; with an allocation that fails it is STRIA_NO_MEMORY.
 * Every `step`-th allocation is tried (1: all). Returns the number of allocations. */
static inline long torture_each(torture_use *use, void *what, const char *name, long step) {
    stria_error err = {0}, again = {0};
    use(what, &err); /* what is made once and kept is made now */
    size_t before = mem_bytes_now();
    mem_fail_at(0);
    stria_status status = use(what, &err);
    long allocations = mem_count();
    CHECK(mem_bytes_now() == before, "%s leaves %zd bytes", name, (ssize_t)(mem_bytes_now() - before));
    for (long n = 1; n <= allocations; n += step)
        if (!torture_at(use, what, name, n, allocations)) return allocations; /* one sentence is enough */
    CHECK(use(what, &again) == status && (status == STRIA_OK || strcmp(err.text, again.text) == 0),
          "%s: afterwards: %s", name, again.text);
    return allocations;
}

#endif
