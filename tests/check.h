/* Assertions for tests that must build with a libc and nothing else (the kernel tests also run under an emulator).
 * CHECK(condition, "format", …) counts; a failure prints one line with the formatted sizes that repeat it and goes on,
 * and the condition's value is returned, so `if (!CHECK(…)) return;` leaves a loop. End main with `return
 * check_report();`. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHECK_SHOWN = 20, CHECK_SKIPPED = 77 };

static atomic_long check_count, check_failures; /* tests may check from several threads */

#define CHECK(condition, ...) check_that((condition), __FILE__, __LINE__, #condition, __VA_ARGS__)

__attribute__((unused, format(printf, 5, 6))) static bool check_that(bool holds, const char *file, int line,
                                                                     const char *condition, const char *format, ...) {
    atomic_fetch_add(&check_count, 1);
    if (holds) return true;
    if (atomic_fetch_add(&check_failures, 1) >= CHECK_SHOWN) return false;
    char sizes[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sizes, sizeof sizes, format, arguments);
    va_end(arguments);
    const char *isa = getenv("STRIA_ISA");
    printf("%s:%d: not true: %s; with %s%s%s\n", file, line, condition, sizes, isa ? " STRIA_ISA=" : "",
           isa ? isa : "");
    return false;
}

/* The program's exit status; prints the counts. A test that checked nothing has failed. */
__attribute__((unused)) static int check_report(void) {
    long count = atomic_load(&check_count), failures = atomic_load(&check_failures);
    if (failures > CHECK_SHOWN) printf("… and %ld more\n", failures - CHECK_SHOWN);
    printf("%ld checks, %ld failed\n", count, failures);
    return count == 0 || failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* return check_skip("no AVX-512 here"); shows up as skipped, with its reason. */
__attribute__((unused)) static int check_skip(const char *reason) {
    printf("skipped: %s\n", reason);
    return CHECK_SKIPPED;
}

#endif
