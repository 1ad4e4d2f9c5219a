/* The limits of this process: its control group (cgroup, versions 1 and 2) and the free memory. root is "" (for tests:
 * a folder with proc/ and sys/). */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#include <stdint.h>

/* The quota of CPUs, rounded up, or 0 if there is none. */
int limits_cpus(const char *root);

/* Bytes that the process may still take before others, or itself, are stopped: the least of what is free on the machine
 * and what its group and those above it have left, where pages of files count as free, those used lately by half.
 * UINT64_MAX if the system does not tell. */
uint64_t limits_memory(const char *root);

#endif
