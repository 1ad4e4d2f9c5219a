#include "kernel/kernel.h"

#include <pthread.h>
#include <string.h>

extern const kernel_set kernel_set_portable;
#if defined(__x86_64__)
extern const kernel_set kernel_set_avx2, kernel_set_avx512;
#elif defined(__aarch64__)
extern const kernel_set kernel_set_neon;
#endif

static const kernel_set *sets[4];

static void sets_find(void) {
    int n = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        sets[n++] = &kernel_set_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) sets[n++] = &kernel_set_avx2;
#elif defined(__aarch64__)
    sets[n++] = &kernel_set_neon;
#endif
    sets[n] = &kernel_set_portable;
}

const kernel_set *const *kernel_sets(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, sets_find);
    return sets;
}

const kernel_set *kernel_set_find(const char *isa) {
    const kernel_set *const *all = kernel_sets();
    if (!isa) return all[0];
    for (int i = 0; all[i]; i++)
        if (strcmp(all[i]->isa, isa) == 0) return all[i];
    return NULL;
}
