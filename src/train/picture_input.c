#include "train/picture_input.h"

#include "base/text.h"
#include "model/model.h"
#include "transform/transform.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static stria_status preprocess_load(const graph *g, preprocess *p, stria_error *err) {
    char key[64];
    *p = preprocess_default();
    for (int i = 0; i < preprocess_keys(); i++) {
        snprintf(key, sizeof key, "stria.%s", preprocess_key(i));
        const char *stored = graph_metadata(g, key);
        if (stored) TRY(preprocess_set(p, preprocess_key(i), stored, err));
    }
    return STRIA_OK;
}

static stria_status input_find(const graph *g, value **image, stria_error *err) {
    char t[192];
    if (g->input_count != 1)
        FAIL(err, STRIA_BAD_SHAPE, "model '%s' has %d input%s; a classifier of pictures has one", g->name,
             g->input_count, text_s(g->input_count));
    *image = g->inputs[0];
    const shape *s = &(*image)->shape;
    if (!dtype_is_float((*image)->type) || s->rank != 4)
        FAIL(err, STRIA_BAD_SHAPE,
             "input '%s' is %s %s; a classifier of pictures takes float32 [batch, channels, height, width]",
             (*image)->name, dtype_name((*image)->type), shape_text(s, t));
    return STRIA_OK;
}

stria_status picture_input_of(const graph *g, picture_input *out, stria_error *err) {
    picture_input in = {0};
    TRY(input_find(g, &in.image, err));
    TRY(preprocess_load(g, &in.preprocess, err));
    *out = in;
    return STRIA_OK;
}

static stria_status copy_at(graph *g, int64_t batch, graph **out, stria_error *err) {
    shape s = g->inputs[0]->shape;
    const shape *pointer = &s;
    s.dim[0] = batch;
    return graph_copy(g, &pointer, out, err);
}

static bool batch_fixed(const graph *g) {
    return !g->inputs[0]->symbol[0];
}

/* A copy for this batch. A model whose file fixes another batch is opened first, where that is proved right. */
static stria_status rebatch(graph *g, int64_t batch, graph **out, stria_error *err) {
    graph *open;
    if (!batch_fixed(g) || g->inputs[0]->shape.dim[0] == batch) return copy_at(g, batch, out, err);
    TRY(graph_rebatch(&open, g, err));
    stria_status status = copy_at(open, batch, out, err);
    graph_free(open);
    return status;
}

stria_status picture_input_batch(graph *g, int64_t *batch, stria_error *err) {
    graph *open;
    if (g->input_count != 1 || !batch_fixed(g)) return STRIA_OK;
    stria_status status = graph_rebatch(&open, g, err);
    if (status == STRIA_NO_MEMORY) return status;
    if (status == STRIA_OK) graph_free(open);
    else *batch = g->inputs[0]->shape.dim[0];
    return STRIA_OK;
}

stria_status picture_input_copy(graph *g, int64_t batch, graph **out, stria_error *err) {
    graph *copy;
    value *image;
    TRY(input_find(g, &image, err));
    TRY(rebatch(g, batch, &copy, err));
    stria_status status = graph_float32(&copy, err);
    if (status == STRIA_OK) *out = copy;
    else graph_free(copy);
    return status;
}

/* ---- pictures ---- */

static stria_status shape_match(const picture_input *in, const dataset *d, const loader *l, stria_error *err) {
    const int64_t *x = in->image->shape.dim;
    int shape[3];
    loader_shape(l, shape);
    bool match = shape[0] == x[1] && shape[1] == x[2] && shape[2] == x[3];
    if (dataset_uniform(d) && dataset_height(d) == shape[1] && dataset_width(d) == shape[2])
        shape[0] = dataset_channels(d); /* as the user knows them, not as colours are repeated or turned grey */
    if (!match)
        FAIL(err, STRIA_BAD_SHAPE, "pictures come as %dx%dx%d, but input '%s' takes %" PRId64 "x%" PRId64 "x%" PRId64,
             shape[0], shape[1], shape[2], in->image->name, x[1], x[2], x[3]);
    return STRIA_OK;
}

stria_status picture_input_loader(const picture_input *in, const dataset *d, const loader_options *options,
                                  loader **out, stria_error *err) {
    loader *l;
    loader_options o = *options;
    for (int i = 0; i < 3; i++) o.shape[i] = (int)in->image->shape.dim[i + 1];
    TRY(loader_new(&l, d, &in->preprocess, &o, err));
    stria_status status = shape_match(in, d, l, err);
    if (status == STRIA_OK) *out = l;
    else loader_free(l);
    return status;
}

/* ---- adopting a dataset ---- */

/* What the pictures decide, so that the model says it from now on. A folder's pictures may have any size and be grey or
 * in colour, whatever those of today are. */
static preprocess preprocess_choose(const picture_input *in, const dataset *d, bool scaled) {
    static const float none;
    const int64_t *x = in->image->shape.dim;
    const int shape[3] = {(int)x[1], (int)x[2], (int)x[3]};
    bool values = dataset_is_float(d);
    image_view v = {.values = values ? &none : NULL,
                    .channels = dataset_uniform(d) ? dataset_channels(d) : 0,
                    .height = dataset_height(d),
                    .width = dataset_width(d)};
    preprocess p = preprocess_fit(&in->preprocess, &v, shape); /* no range in v: the scale stays */
    p.scale = values && !scaled ? 1 : in->preprocess.scale;
    if (!scaled) preprocess_set_range(&p, dataset_range(d));
    return p;
}

/* Neutral values are not stored, but replace what is. */
static stria_status preprocess_store(graph *g, const preprocess *p, stria_error *err) {
    for (int i = 0; i < preprocess_keys(); i++) {
        char key[64];
        text line = {0};
        snprintf(key, sizeof key, "stria.%s", preprocess_key(i));
        stria_status status = preprocess_get(p, preprocess_key(i), &line, err);
        if (status == STRIA_OK) status = text_check(&line, err);
        if (status == STRIA_OK && (line.length || graph_metadata(g, key)))
            status = graph_set_metadata(g, key, text_string(&line), err);
        text_release(&line);
        TRY(status);
    }
    return STRIA_OK;
}

stria_status picture_input_preset(graph *g, const char *name, stria_error *err) {
    preprocess p;
    TRY(preprocess_load(g, &p, err));
    TRY(preprocess_preset(&p, name, err));
    return preprocess_store(g, &p, err);
}

stria_status picture_input_adopt(graph *g, const dataset *d, stria_error *err) {
    picture_input in;
    TRY(picture_input_of(g, &in, err));
    preprocess p = preprocess_choose(&in, d, graph_metadata(g, "stria.scale") != NULL);
    return preprocess_store(g, &p, err);
}
