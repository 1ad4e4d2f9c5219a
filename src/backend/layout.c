#include "backend/backend.h"

/* Two storage orders are the same memory where they differ only in where dimensions of size 1 stand. */
static bool same_memory(const value *v, const layout *wanted) {
    int a = 0, b = 0, rank = v->shape.rank;
    for (;;) {
        while (a < rank && v->shape.dim[v->layout.perm[a]] == 1) a++;
        while (b < rank && v->shape.dim[wanted->perm[b]] == 1) b++;
        if (a == rank || b == rank) return a == b;
        if (v->layout.perm[a++] != wanted->perm[b++]) return false;
    }
}

bool value_is_like(const value *v, const value *other) {
    return same_memory(v, &other->layout);
}

bool value_is_plain(const value *v) {
    layout l = layout_identity();
    return same_memory(v, &l);
}

bool value_is_channels_last(const value *v) {
    layout l = layout_channels_last(v->shape.rank);
    return same_memory(v, &l);
}

bool value_is_batch_last(const value *v) {
    layout l = layout_batch_last(v->shape.rank);
    return same_memory(v, &l);
}
