/* Storage orders of dense values. */
#include "graph/graph.h"

layout layout_identity(void) {
    layout l;
    for (uint8_t i = 0; i < RANK_MAX; i++) l.perm[i] = i;
    return l;
}

layout layout_channels_last(int rank) {
    layout l = layout_identity();
    if (rank < 3) return l;
    for (int i = 1; i < rank - 1; i++) l.perm[i] = (uint8_t)(i + 1);
    l.perm[rank - 1] = 1;
    return l;
}

layout layout_batch_last(int rank) {
    layout l = layout_identity();
    for (int i = 0; i < rank - 1; i++) l.perm[i] = (uint8_t)(i + 1);
    if (rank > 0) l.perm[rank - 1] = 0;
    return l;
}

bool layout_equal(const layout *a, const layout *b, int rank) {
    for (int i = 0; i < rank; i++)
        if (a->perm[i] != b->perm[i]) return false;
    return true;
}

bool layout_is_identity(const layout *a, int rank) {
    layout identity = layout_identity();
    return layout_equal(a, &identity, rank);
}

void layout_pitches(const layout *l, const shape *s, int64_t stride[RANK_MAX]) {
    int64_t step = 1;
    for (int i = s->rank - 1; i >= 0; i--) {
        int d = l->perm[i];
        stride[d] = step;
        step *= s->dim[d];
    }
}
