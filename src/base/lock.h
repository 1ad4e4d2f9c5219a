/* A lock for what is rarely held by two at once. A forked child takes it over from its parent's threads, which it does
 * not have: what it guards must therefore be consistent after every single store. */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <stdatomic.h>

typedef struct lock {
    atomic_long holder; /* the process that has it; 0: none */
} lock;

void lock_take(lock *l); /* sleeps while another thread has it; not recursive */
void lock_leave(lock *l);

#endif
