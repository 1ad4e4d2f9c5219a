#include "op/window.h"

#include <string.h>

/* Larger strides, kernels and pads only make sums overflow. */
#define WINDOW_LIMIT INT32_MAX

static stria_status check_list(const ints *list, const char *name, int64_t count, int64_t least, stria_error *err) {
    if (list->count != 0 && list->count != count)
        FAIL(err, STRIA_BAD_SHAPE, "%s has %lld entr%s, expected %lld", name, (long long)list->count,
             text_ies(list->count), (long long)count);
    for (int64_t i = 0; i < list->count; i++)
        if (list->value[i] < least || list->value[i] > WINDOW_LIMIT)
            FAIL(err, STRIA_BAD_SHAPE, "%s has the entry %lld, expected %lld to %d", name, (long long)list->value[i],
                 (long long)least, WINDOW_LIMIT);
    return STRIA_OK;
}

static stria_status check_auto_pad(const char *auto_pad, stria_error *err) {
    static const char *const known[] = {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"};
    for (int i = 0; i < 4; i++)
        if (strcmp(auto_pad, known[i]) == 0) return STRIA_OK;
    FAIL(err, STRIA_BAD_ARGUMENT, "auto_pad is '%s', expected NOTSET, SAME_UPPER, SAME_LOWER or VALID", auto_pad);
}

/* SAME_*: as many windows as strides fit into the input; what is missing is padded, the odd one at the end (UPPER) or
 * before. */
static void pad_same(window *w, bool upper) {
    w->out = (w->in + w->stride - 1) / w->stride;
    int64_t missing = (w->out - 1) * w->stride + window_extent(w) - w->in;
    if (missing < 0) missing = 0;
    w->before = upper ? missing / 2 : missing - missing / 2;
    w->after = missing - w->before;
}

static stria_status count_windows(window *w, bool ceil_mode, const char *what, stria_error *err) {
    int64_t room = w->in + w->before + w->after - window_extent(w);
    /* A window larger than all there is counts if it starts there, as in PyTorch. */
    if (room < 0 && ceil_mode && room > -w->stride && w->in + w->before > 0) {
        w->out = 1;
        return STRIA_OK;
    }
    if (room < 0)
        FAIL(err, STRIA_BAD_SHAPE, "a window of %lld does not fit into the %s of %lld with pads %lld and %lld",
             (long long)window_extent(w), what, (long long)w->in, (long long)w->before, (long long)w->after);
    w->out = room / w->stride + 1;
    if (ceil_mode && room % w->stride != 0 && w->out * w->stride < w->in + w->before) w->out++;
    return STRIA_OK;
}

static const char *axis_name(int axis, int rank) {
    return axis == rank - 1 ? "width" : axis == rank - 2 ? "height" : "depth";
}

static stria_status infer_one(window *w, const window_attributes *a, int axis, int rank, stria_error *err) {
    const char *what = axis_name(axis, rank);
    w->stride = a->strides.count ? a->strides.value[axis] : 1;
    w->dilation = a->dilations.count ? a->dilations.value[axis] : 1;
    if (w->kernel < 1 || w->kernel > WINDOW_LIMIT || w->in > INT64_MAX / 4)
        FAIL(err, STRIA_BAD_SHAPE, "a window of %lld cannot slide over a %s of %lld", (long long)w->kernel, what,
             (long long)w->in);
    if (strcmp(a->auto_pad, "NOTSET") == 0) {
        w->before = a->pads.count ? a->pads.value[axis] : 0;
        w->after = a->pads.count ? a->pads.value[axis + rank] : 0;
    } else if (strcmp(a->auto_pad, "VALID") == 0) {
        w->before = w->after = 0;
    } else {
        TRY(check_auto_pad(a->auto_pad, err));
        pad_same(w, strcmp(a->auto_pad, "SAME_UPPER") == 0);
        return STRIA_OK;
    }
    return count_windows(w, a->ceil_mode != 0, what, err);
}

static stria_status check_lists(const window_attributes *a, int rank, stria_error *err) {
    TRY(check_list(&a->strides, "strides", rank, 1, err));
    TRY(check_list(&a->dilations, "dilations", rank, 1, err));
    TRY(check_list(&a->pads, "pads", 2 * rank, 0, err));
    return check_list(&a->kernel_shape, "kernel_shape", rank, 1, err);
}

stria_status window_infer(window *w, const window_attributes *a, int rank, const int64_t *in, const int64_t *kernel,
                          stria_error *err) {
    TRY(check_lists(a, rank, err));
    w[0] = window_single();
    for (int axis = 0; axis < rank; axis++) {
        window *one = window_along(w, rank, axis);
        *one = (window){.in = in[axis], .kernel = kernel[axis]};
        TRY(infer_one(one, a, axis, rank, err));
    }
    return STRIA_OK;
}

stria_status window_limit(const window_attributes *a, int64_t most, stria_error *err) {
    for (int64_t i = 0; i < a->kernel_shape.count; i++)
        if (a->kernel_shape.value[i] > most)
            FAIL(err, STRIA_UNSUPPORTED, "a window of %lld is larger than %lld", (long long)a->kernel_shape.value[i],
                 (long long)most);
    return STRIA_OK;
}

/* ---- transposed ---- */

/* Pads make up for what the result is too long; where it is too short, its end stays unreached. */
static void pad_transposed(window *w, int64_t reach, bool upper) {
    int64_t total = reach > w->in ? reach - w->in : 0;
    w->before = upper ? total / 2 : total - total / 2;
    w->after = total - w->before;
}

static stria_status infer_transposed(window *w, const window_attributes *a, const ints *output_padding,
                                     const ints *output_shape, int axis, int rank, stria_error *err) {
    const char *what = axis_name(axis, rank);
    bool same = strncmp(a->auto_pad, "SAME_", 5) == 0, valid = strcmp(a->auto_pad, "VALID") == 0;
    w->stride = a->strides.count ? a->strides.value[axis] : 1;
    w->dilation = a->dilations.count ? a->dilations.value[axis] : 1;
    if (w->kernel < 1 || w->kernel > WINDOW_LIMIT || w->out > WINDOW_LIMIT / 2)
        FAIL(err, STRIA_BAD_SHAPE, "a window of %lld cannot slide over a %s of %lld", (long long)w->kernel, what,
             (long long)w->out);
    int64_t reach = w->stride * (w->out - 1) + window_extent(w);
    reach += output_padding->count ? output_padding->value[axis] : 0;
    if (output_shape->count || same) {
        w->in = output_shape->count ? output_shape->value[axis] : w->out * w->stride;
        pad_transposed(w, reach, strcmp(a->auto_pad, "SAME_UPPER") == 0);
        return STRIA_OK;
    }
    w->before = a->pads.count && !valid ? a->pads.value[axis] : 0;
    w->after = a->pads.count && !valid ? a->pads.value[axis + rank] : 0;
    w->in = reach - w->before - w->after;
    if (w->in < 0)
        FAIL(err, STRIA_BAD_SHAPE, "pads %lld and %lld leave nothing of a result of %s %lld", (long long)w->before,
             (long long)w->after, what, (long long)reach);
    return STRIA_OK;
}

stria_status window_transpose_infer(window *w, const window_attributes *a, const ints *output_padding,
                                    const ints *output_shape, int rank, const int64_t *in, const int64_t *kernel,
                                    stria_error *err) {
    TRY(check_lists(a, rank, err));
    TRY(check_auto_pad(a->auto_pad, err));
    TRY(check_list(output_padding, "output_padding", rank, 0, err));
    TRY(check_list(output_shape, "output_shape", rank, 0, err));
    w[0] = window_single();
    for (int axis = 0; axis < rank; axis++) {
        window *one = window_along(w, rank, axis);
        *one = (window){.out = in[axis], .kernel = kernel[axis]};
        TRY(infer_transposed(one, a, output_padding, output_shape, axis, rank, err));
    }
    return STRIA_OK;
}
