/* NumPy's .npz (data/npz.h) as weights: names are those of the members. */
#include "data/npz.h"
#include "base/memory.h"
#include "model/weights/weights.h"

#include <string.h>

/* Any zip archive that is not another format's. */
bool weights_is_npz(const uint8_t *bytes, size_t size) {
    return size >= 4 && (memcmp(bytes, "PK\3\4", 4) == 0 || memcmp(bytes, "PK\5\6", 4) == 0);
}

static stria_status member_add(weights *w, const npz_member *m, stria_error *err) {
    shape s = shape_of(m->array.rank, m->array.shape);
    tensor *t;
    TRY(tensor_raw(&t, (dtype)m->array.type, &s, m->name, err));
    if (t->bytes) memcpy(t->data, m->array.data, t->bytes);
    return weights_add(w, m->name, strlen(m->name), t, err);
}

/* One member after the other, so that only one is held twice. */
stria_status weights_npz(weights *w, const uint8_t *bytes, size_t size, stria_error *err) {
    zip_archive a;
    stria_status status = STRIA_OK;
    w->ordered = true;
    TRY(zip_open(&a, bytes, size, err));
    while (a.left > 0 && status == STRIA_OK) {
        npz_member m;
        TRY(npz_next(&a, &w->room, &m, err));
        status = member_add(w, &m, err);
        npy_release(&m.array);
        mem_free(m.name);
    }
    return status;
}
