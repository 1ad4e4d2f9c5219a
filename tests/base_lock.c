/* The lock: one holder at a time, and a forked child takes it over from threads that it does not have. A child that
 * hangs is killed by its alarm. */
#include "base/lock.h"
#include "check.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 6, ROUNDS = 5000, SECONDS = 20 };

static lock guard;
static int64_t count, other; /* under the guard, always the same between its holders */

static void *count_up(void *context) {
    for (int i = 0; i < ROUNDS; i++) {
        lock_take(&guard);
        count++;
        if (i % 64 == 0) usleep(1);
        other++;
        CHECK(count == other, "%lld and %lld", (long long)count, (long long)other);
        lock_leave(&guard);
    }
    return context;
}

static void one_at_a_time(void) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, count_up, NULL) != 0) abort();
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    CHECK(count == THREADS * ROUNDS, "%lld", (long long)count);
}

static int child_works(void) {
    alarm(SECONDS);
    lock_take(&guard); /* its parent's */
    lock_leave(&guard);
    count = other = 0;
    one_at_a_time();
    return count == THREADS * ROUNDS ? 0 : 1;
}

static void child_takes_over(void) {
    int status = -1;
    lock_take(&guard);
    pid_t child = fork();
    if (child == 0) _exit(child_works());
    CHECK(waitpid(child, &status, 0) == child && status == 0, "the child ended with %d", status);
    lock_leave(&guard);
    lock_take(&guard); /* the child's taking over is not seen here */
    lock_leave(&guard);
}

int main(void) {
    one_at_a_time();
    child_takes_over();
    return check_report();
}
