#include "base/thread.h"

#include <signal.h>

int thread_start(pthread_t *out, void *(*main)(void *argument), void *argument) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int result = pthread_create(out, NULL, main, argument);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return result;
}
