#include "data/kept.h"

#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"

enum { FREE, BEING_FILLED, FULL };

typedef struct place {
    _Atomic int state;
    image picture;
    float *values;
} place;

struct kept {
    int64_t items;
    size_t most;
    _Atomic size_t bytes;
    place *places;
};

stria_status kept_new(kept **out, int64_t items, size_t most_bytes, stria_error *err) {
    kept *k = NULL;
    TRY(mem_new(&k, 1, sizeof *k, "pictures that are kept", err));
    k->items = items;
    k->most = most_bytes;
    stria_status status = mem_new(&k->places, (size_t)items, sizeof *k->places, "pictures that are kept", err);
    if (status == STRIA_OK) *out = k;
    else kept_free(k);
    return status;
}

void kept_free(kept *k) {
    if (!k) return;
    for (int64_t i = 0; k->places && i < k->items; i++) {
        image_release(&k->places[i].picture);
        mem_free(k->places[i].values);
    }
    mem_free(k->places);
    mem_free(k);
}

static const place *full(const kept *k, int64_t item) {
    const place *p = k ? &k->places[item] : NULL;
    return p && atomic_load_explicit(&p->state, memory_order_acquire) == FULL ? p : NULL;
}

const image *kept_image(const kept *k, int64_t item) {
    const place *p = full(k, item);
    return p && p->picture.pixels ? &p->picture : NULL;
}

const float *kept_values(const kept *k, int64_t item) {
    const place *p = full(k, item);
    return p ? p->values : NULL;
}

/* The item's place with room for `bytes` bytes, for this thread alone; NULL if there is none. */
static place *claim(kept *k, int64_t item, size_t bytes) {
    int expected = FREE;
    if (!k) return NULL;
    if (atomic_fetch_add(&k->bytes, bytes) + bytes > k->most ||
        !atomic_compare_exchange_strong(&k->places[item].state, &expected, BEING_FILLED)) {
        atomic_fetch_sub(&k->bytes, bytes);
        return NULL;
    }
    return &k->places[item];
}

static void publish(place *p) {
    atomic_store_explicit(&p->state, FULL, memory_order_release);
}

bool kept_take(kept *k, int64_t item, image *m) {
    place *p = claim(k, item, (size_t)m->height * (size_t)m->width * (size_t)m->channels);
    if (!p) return false;
    p->picture = *m;
    publish(p);
    return true;
}

void kept_copy(kept *k, int64_t item, const float *values, int64_t count) {
    place *p = claim(k, item, (size_t)count * sizeof *values);
    if (!p) return;
    p->values = mem_alloc((size_t)count * sizeof *values);
    if (p->values) memcpy(p->values, values, (size_t)count * sizeof *values);
    publish(p); /* without memory: full of nothing */
}

size_t kept_bytes(const kept *k) {
    return k ? atomic_load(&k->bytes) : 0;
}
