#include "base/library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

static stria_status symbols_find(library *l, void *handle, stria_error *err) {
    for (int i = 0; i < l->count; i++) {
        void *address = dlsym(handle, l->names[i]);
        if (!address) FAIL(err, STRIA_IO, "%s on this machine has no %s", l->file, l->names[i]);
        memcpy((char *)l->pointers + (size_t)i * sizeof address, &address, sizeof address); /* of functions, too */
    }
    l->loaded = true;
    return STRIA_OK;
}

static stria_status load(library *l, stria_error *err) {
    void *handle = dlopen(l->file, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char *why = dlerror();
        FAIL(err, STRIA_IO, "%s cannot be loaded: %s", l->file, why ? why : "no reason is given");
    }
    stria_status status = symbols_find(l, handle, err);
    if (status != STRIA_OK) dlclose(handle);
    return status;
}

stria_status library_load(library *l, stria_error *err) {
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&one_at_a_time);
    stria_status status = l->loaded ? STRIA_OK : load(l, err);
    pthread_mutex_unlock(&one_at_a_time);
    return status;
}
