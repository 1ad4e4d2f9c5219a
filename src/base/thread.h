/* The only place that makes threads: pools and loaders have theirs from here. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

/* pthread_create with every signal blocked: signals belong to the program's own threads. Returns 0 or an errno. */
int thread_start(pthread_t *out, void *(*main)(void *argument), void *argument);

#endif
