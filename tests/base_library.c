/* Libraries that are loaded when used: what is missing is said with its name, every time; threads may load at once. */
#include <pthread.h>
#include <string.h>

#include "base/library.h"
#include "check.h"

size_t json_object_size(const void *object); /* Jansson, which every build has */
int json_no_such_function(void);

#define FOUND(X)   X(json_object_size)
#define MISSING(X) X(json_object_size) X(json_no_such_function)
LIBRARY(found, "libjansson.so.4", FOUND)
LIBRARY(older, "libjansson.so.4", MISSING)
LIBRARY(absent, "libstria-nowhere.so.9", FOUND)

static void check_missing(void) {
    for (int again = 0; again < 2; again++) {
        stria_error err = {0};
        CHECK(older_load(&err) == STRIA_IO, "time %d", again);
        CHECK(strcmp(err.text, "libjansson.so.4 on this machine has no json_no_such_function") == 0, "%s", err.text);
        CHECK(absent_load(&err) == STRIA_IO, "time %d", again);
        CHECK(strstr(err.text, "libstria-nowhere.so.9 cannot be loaded: ") != NULL, "%s", err.text);
    }
}

static void *load_often(void *failures) {
    for (int i = 0; i < 100; i++)
        if (found_load(NULL) != STRIA_OK || found.json_object_size(NULL) != 0) ++*(int *)failures;
    return NULL;
}

static void check_threads(void) {
    pthread_t thread[4];
    int failures[4] = {0};
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&thread[i], NULL, load_often, &failures[i]) == 0, "thread %d", i);
    for (int i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
        CHECK(failures[i] == 0, "thread %d: %d", i, failures[i]);
    }
}

int main(void) {
    check_missing();
    check_threads();
    return check_report();
}
