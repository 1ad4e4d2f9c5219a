/* Dropout in any storage order: units fall by their index in ONNX's order. */
#include "kernel/elements/dropout.h"

#include <string.h>

#include "backend/cpu/cpu.h"
#include "op/dropout.h"

static bool accept(const node *n, refusal *why) {
    if (n->in[0]->type != STRIA_FLOAT32) return REFUSE(why, "the input is %s", dtype_name(n->in[0]->type));
    for (int k = 0; k < n->out_count; k++)
        if (n->out[k] && !layout_equal(&n->in[0]->layout, &n->out[k]->layout, n->in[0]->shape.rank))
            return REFUSE(why, "'%.40s' is %s, but '%.20s' is %s", n->in[0]->name, storage_name(n->in[0]),
                          n->out[k]->name, storage_name(n->out[k]));
    return true;
}

static dropout_box box_of(const value *x) {
    const shape *s = &x->shape;
    int64_t count = shape_count(s), pixels = 1;
    if (value_is_plain(x)) return (dropout_box){1, 1, count, 0, 1};
    for (int d = 2; d < s->rank; d++) pixels *= s->dim[d];
    int64_t image = s->dim[1] * pixels;
    if (value_is_channels_last(x)) return (dropout_box){s->dim[0], pixels, s->dim[1], image, pixels};
    return (dropout_box){1, image, s->dim[0], 0, image};
}

/* How many of the units fall in this run. */
static stria_status share_of(const impl_call *c, double *share, stria_error *err) {
    const node *n = c->node;
    double ratio = 0;
    bool has_ratio = n->in_count > 1 && n->in[1], has_mode = n->in_count > 2 && n->in[2];
    int64_t training = has_mode ? *(const uint8_t *)c->in[2] : 0;
    if (has_ratio) convert_to_f64(&ratio, c->in[1], n->in[1]->type, 1);
    return dropout_share(has_ratio ? &ratio : NULL, &training, share, err);
}

static stria_status check(const impl_call *c, stria_error *err) {
    double share;
    return share_of(c, &share, err);
}

static void run(const impl_call *c) {
    const node *n = c->node;
    double share = 0;
    uint8_t *mask = n->out_count > 1 ? c->out[1] : NULL;
    share_of(c, &share, NULL);
    size_t count = (size_t)shape_count(&n->in[0]->shape);
    if (share == 0) {
        if (c->out[0] != c->in[0]) memcpy(c->out[0], c->in[0], count * sizeof(float));
        if (mask) memset(mask, 1, count);
        return;
    }
    struct dropout d = {.key = dropout_key_of(n, c->seed, c->step), .dropped = random_threshold(share)};
    d.scale = share < 1 ? (float)(1 / (1 - share)) : 0;
    dropout_box box = box_of(n->in[0]);
    dropout_run(c->ks, c->pool, &d, &box, c->out[0], mask, c->in[0]);
}

static const op_impl dropout_impl = {.name = "vector", .accept = accept, .check = check, .run = run};

const op_impl *const cpu_dropout[] = {&dropout_impl, &impl_reference, NULL};
