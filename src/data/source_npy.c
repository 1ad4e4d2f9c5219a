/* Arrays: "X.npy,Y.npy". Bytes stay bytes, pixels 0…255; every other type of X becomes float32. */
#include <limits.h>
#include <math.h>
#include <stria/model.h>
#include <string.h>

#include "data/npy.h"
#include "data/source.h"

/* The item's coordinates for a message: "[3,0,5,7]". */
static void place(const npy_array *x, int64_t at, char *out, size_t size) {
    int64_t index[NPY_MAX_RANK];
    text t = {0};
    for (int i = x->rank - 1; i >= 0; i--) {
        index[i] = at % x->shape[i];
        at /= x->shape[i];
    }
    for (int i = 0; i < x->rank; i++) text_printf(&t, "%s%lld", i ? "," : "", (long long)index[i]);
    size_t n = t.length < size - 1 ? t.length : size - 1;
    memcpy(out, text_string(&t), n);
    out[n] = 0;
    text_release(&t);
}

static stria_status check_finite(const npy_array *x, const char *path, stria_error *err) {
    const float *value = x->data;
    for (int64_t i = 0; i < x->count; i++) {
        if (isfinite(value[i])) continue;
        char where[128];
        place(x, i, where, sizeof where);
        FAIL(err, STRIA_NOT_FINITE, "%s: the value at [%s] is %s", path, where, isnan(value[i]) ? "NaN" : "infinite");
    }
    return STRIA_OK;
}

static value_range range_of(const npy_array *x) {
    const float *value = x->data;
    value_range r = {INFINITY, -INFINITY, true};
    for (int64_t i = 0; i < x->count; i++) {
        r.least = fmin(r.least, (double)value[i]);
        r.most = fmax(r.most, (double)value[i]);
        r.whole = r.whole && value[i] == rintf(value[i]);
    }
    return r;
}

static stria_status take_shape(store *s, const npy_array *x, const char *path, stria_error *err) {
    if (x->rank < 2 || x->rank > 4) {
        FAIL(err, STRIA_BAD_SHAPE, "%s: an array of %d dimension%s; expected [N,C,H,W], [N,H,W] or [N,features]", path,
             x->rank, text_s(x->rank));
    }
    for (int i = 0; i < x->rank; i++) {
        if (x->shape[i] == 0) FAIL(err, STRIA_BAD_SHAPE, "%s: dimension %d is empty", path, i);
        if (i > 0 && x->shape[i] > INT_MAX) FAIL(err, STRIA_BAD_SHAPE, "%s: dimension %d is too large", path, i);
    }
    s->count = x->shape[0];
    s->channels = x->rank == 4 ? (int)x->shape[1] : 1;
    s->height = x->rank > 2 ? (int)x->shape[x->rank - 2] : 1;
    s->width = (int)x->shape[x->rank - 1];
    if (x->rank == 4 && x->shape[3] <= 4 && x->shape[1] > 4)
        text_printf(&s->note,
                    "%s is [%lld, %lld, %lld, %lld], which is read as [N,C,H,W]: %d channels of %d x %d; "
                    "npy-nhwc:X.npy,Y.npy reads [N,H,W,C]",
                    path, (long long)x->shape[0], (long long)x->shape[1], (long long)x->shape[2],
                    (long long)x->shape[3], s->channels, s->height, s->width);
    return text_check(&s->note, err);
}

static stria_status take_pixels(store *s, npy_array *x, const char *path, stria_error *err) {
    TRY(take_shape(s, x, path, err));
    if (x->type == STRIA_UINT8) {
        s->bytes = x->data;
    } else {
        TRY(npy_to_float(x, err));
        TRY(check_finite(x, path, err));
        s->range = range_of(x);
        s->values = x->data;
    }
    x->data = NULL;
    return STRIA_OK;
}

static stria_status take_shares(store *s, npy_array *y, const char *path, stria_error *err) {
    int64_t classes = y->shape[1];
    if (y->shape[0] != s->count || classes > SOURCE_MAX_CLASSES)
        FAIL(err, STRIA_BAD_SHAPE, "%s: shares of classes [%lld, %lld] for %lld item%s; expected [%lld, classes]%s",
             path, (long long)y->shape[0], (long long)classes, (long long)s->count, text_s(s->count),
             (long long)s->count, classes > SOURCE_MAX_CLASSES ? " with at most 65,536 classes" : "");
    TRY(npy_to_float(y, err));
    float *shares = y->data;
    for (int64_t i = 0; i < s->count; i++)
        TRY(source_check_shares(path, "row", i, shares + i * classes, (int)classes, err));
    y->data = NULL;
    stria_status status = source_take_shares(s, &shares, NULL, (int)classes, err);
    mem_free(shares);
    return status;
}

static stria_status take_labels(store *s, npy_array *y, const char *path, stria_error *err) {
    int64_t label, most = 0;
    bool column = y->rank == 1 || (y->rank == 2 && y->shape[1] == 1);
    bool real = y->type == STRIA_FLOAT32 || y->type == STRIA_FLOAT64 || y->type == STRIA_FLOAT16;
    if (real && y->rank == 2 && !column) return take_shares(s, y, path, err);
    if (real)
        FAIL(err, STRIA_UNSUPPORTED,
             "%s: labels are integers, one per item, or a row of shares of classes [%lld, classes], not floats in %d "
             "dimension%s",
             path, (long long)s->count, y->rank, text_s(y->rank));
    if (!column)
        FAIL(err, STRIA_BAD_SHAPE, "%s: labels of %d dimensions, expected one for each image, [%lld]", path, y->rank,
             (long long)s->count);
    if (y->shape[0] != s->count)
        FAIL(err, STRIA_BAD_SHAPE, "%s: %lld label%s for %lld image%s", path, (long long)y->shape[0],
             text_s(y->shape[0]), (long long)s->count, text_s(s->count));
    TRY(mem_new(&s->labels, (size_t)s->count, sizeof *s->labels, "labels", err));
    for (int64_t i = 0; i < s->count; i++) {
        if (!npy_integer(y, i, &label) || label < 0 || label >= SOURCE_MAX_CLASSES) {
            FAIL(err, STRIA_BAD_FILE, "%s: label %lld of item %lld is outside 0 to %d", path, (long long)label,
                 (long long)i, SOURCE_MAX_CLASSES - 1);
        }
        s->labels[i] = (int32_t)label;
        if (label > most) most = label;
    }
    return source_name_classes(s, NULL, (int)most + 1, err);
}

stria_status source_take_arrays(store *s, npy_array *x, const char *x_name, npy_array *y, const char *y_name,
                                stria_error *err) {
    TRY(take_pixels(s, x, x_name, err));
    return take_labels(s, y, y_name, err);
}

/* last: pictures are [N,H,W,C]. */
static stria_status open_arrays(const char *path, bool last, dataset_part part, store *s, stria_error *err) {
    const char *comma = strrchr(path, ',');
    npy_array x = {0}, y = {0};
    if (!comma || comma == path || !comma[1]) FAIL(err, STRIA_BAD_ARGUMENT, "npy needs two files: npy:X.npy,Y.npy");
    char *x_path = arena_printf(&s->texts, "%.*s", (int)(comma - path), path);
    if (!x_path) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the name of %s", path);
    TRY(source_whole(path, part, s, err));
    TRY(source_add_file(s, x_path, "x", true, err));
    TRY(source_add_file(s, comma + 1, "y", true, err));
    stria_status (*read)(const char *file, npy_array *out, stria_error *e) = s->pipes ? npy_read_named : npy_read;
    stria_status status = read(x_path, &x, err);
    if (status == STRIA_OK && last) {
        status = npy_channels_first(&x, err);
        if (status == STRIA_BAD_SHAPE) error_prefix(err, "%s: ", x_path);
    }
    if (status == STRIA_OK) status = take_pixels(s, &x, x_path, err);
    if (status == STRIA_OK) status = read(comma + 1, &y, err);
    if (status == STRIA_OK) status = take_labels(s, &y, comma + 1, err);
    npy_release(&x);
    npy_release(&y);
    return status;
}

stria_status source_open_npy(const char *path, dataset_part part, store *s, stria_error *err) {
    return open_arrays(path, false, part, s, err);
}

stria_status source_open_npy_nhwc(const char *path, dataset_part part, store *s, stria_error *err) {
    return open_arrays(path, true, part, s, err);
}
