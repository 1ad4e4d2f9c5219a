/* NumPy's .npz (data/npz.h) as weights: names are those of the members. */
#include "data/npz.h"
#include "model/weights/weights.h"

#include <string.h>

/* Any zip archive that is no other format's. */
bool weights_is_npz(const uint8_t *bytes, size_t size) {
    return size >= 4 && (memcmp(bytes, "PK\3\4", 4) == 0 || memcmp(bytes, "PK\5\6", 4) == 0);
}

static stria_status member_add(weights *w, const npz_member *m, stria_error *err) {
    shape s = shape_of(m->array.rank, m->array.shape);
    tensor *t;
    TRY(weights_charge(w, m->array.bytes, err));
    TRY(tensor_raw(&t, (dtype)m->array.type, &s, m->name, err));
    if (t->bytes) memcpy(t->data, m->array.data, t->bytes);
    return weights_add(w, m->name, strlen(m->name), t, err);
}

stria_status weights_npz(weights *w, const uint8_t *bytes, size_t size, stria_error *err) {
    npz_member *members;
    int count;
    stria_status status = STRIA_OK;
    TRY(npz_parse(bytes, size, &members, &count, err));
    for (int i = 0; i < count && status == STRIA_OK; i++) status = member_add(w, &members[i], err);
    npz_release(members, count);
    return status;
}
