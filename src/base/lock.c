#include "base/lock.h"

#include <stdbool.h>
#include <time.h>
#include <unistd.h>

enum { NAP_NS = 50000 };

static bool lock_try(lock *l, long process) {
    long holder = 0;
    if (atomic_compare_exchange_strong(&l->holder, &holder, process)) return true;
    return holder != process && atomic_compare_exchange_strong(&l->holder, &holder, process);
}

void lock_take(lock *l) {
    long process = (long)getpid();
    while (!lock_try(l, process)) nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
}

void lock_leave(lock *l) {
    atomic_store(&l->holder, 0);
}
