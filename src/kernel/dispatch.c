#include "kernel/kernel.h"

#include <string.h>

extern const kernel_set kernel_set_portable;
#if defined(__x86_64__)
extern const kernel_set kernel_set_avx2, kernel_set_avx512;
#elif defined(__aarch64__)
extern const kernel_set kernel_set_neon;
#endif

const kernel_set *const *kernel_sets(void) {
    static const kernel_set *sets[4]; /* every thread that comes first writes the same pointers */
    const kernel_set *found[4] = {0};
    int n = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        found[n++] = &kernel_set_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found[n++] = &kernel_set_avx2;
#elif defined(__aarch64__)
    found[n++] = &kernel_set_neon;
#endif
    found[n++] = &kernel_set_portable;
    for (int i = 0; i < n; i++) sets[i] = found[i];
    return sets;
}

const kernel_set *kernel_set_find(const char *isa) {
    const kernel_set *const *sets = kernel_sets();
    if (!isa) return sets[0];
    for (int i = 0; sets[i]; i++)
        if (strcmp(sets[i]->isa, isa) == 0) return sets[i];
    return NULL;
}
