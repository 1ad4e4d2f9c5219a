#include "train/classifier.h"

#include "base/memory.h"
#include "base/text.h"
#include "model/model.h"
#include "op/op.h"
#include "op/shape.h"
#include "train/class_names.h"
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

static stria_status scores_check(const graph *g, const value *scores, stria_error *err) {
    char t[192];
    int64_t count = shape_count(&scores->shape), batch = g->inputs[0]->shape.dim[0];
    if (!dtype_is_float(scores->type) || scores->shape.rank < 2 || scores->shape.dim[0] != batch ||
        count != batch * scores->shape.dim[1])
        FAIL(err, STRIA_BAD_SHAPE, "output '%s' is %s; a classifier gives [batch, classes]", scores->name,
             shape_text(&scores->shape, t));
    return STRIA_OK;
}

stria_status classifier_of(graph *g, classifier *out, stria_error *err) {
    classifier c = {0};
    TRY(input_find(g, &c.image, err));
    if (g->output_count < 1) FAIL(err, STRIA_BAD_SHAPE, "model '%s' has no output", g->name);
    c.scores = g->outputs[0];
    TRY(scores_check(g, c.scores, err));
    TRY(output_kind_of(g, c.scores, &c.kind, err));
    c.classes = c.kind.relation == OUTPUT_BINARY ? 2 : c.scores->shape.dim[1];
    TRY(preprocess_load(g, &c.preprocess, err));
    *out = c;
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

stria_status classifier_batch(graph *g, int64_t *batch, stria_error *err) {
    graph *open;
    if (g->input_count != 1 || !batch_fixed(g)) return STRIA_OK;
    stria_status status = graph_rebatch(&open, g, err);
    if (status == STRIA_NO_MEMORY) return status;
    if (status == STRIA_OK) graph_free(open);
    else *batch = g->inputs[0]->shape.dim[0];
    return STRIA_OK;
}

stria_status classifier_copy(graph *g, int64_t batch, graph **out, stria_error *err) {
    graph *copy;
    value *image;
    classifier c;
    TRY(input_find(g, &image, err));
    TRY(rebatch(g, batch, &copy, err));
    stria_status status = graph_float32(&copy, err);
    if (status == STRIA_OK) status = classifier_of(copy, &c, err);
    if (status == STRIA_OK) *out = copy;
    else graph_free(copy);
    return status;
}

/* v as [batch, numbers]. */
static value *flat(builder *b, value *v, const shape *scores) {
    int64_t two[2] = {scores->dim[0], scores->dim[1]};
    if (v->shape.rank == 2 && v->shape.dim[0] == two[0]) return v;
    if (v->shape.rank > 2 && v->shape.dim[0] == two[0]) return build1(b, &op_Flatten, v, NULL);
    return build2(b, &op_Reshape, v, build_i64(b, two, 2), NULL);
}

/* log p, or log(p / (1 − p)), where p is moved off 0 and 1 by as much as Keras does. */
static value *logits_of(builder *b, value *p, output_relation relation) {
    if (relation == OUTPUT_EXCLUSIVE) return build1(b, &op_Log, p, NULL);
    value *bounds[3] = {p, build_scalar(b, p->type, 1e-7), build_scalar(b, p->type, 1 - 1e-7)};
    p = build(b, &op_Clip, bounds, 3, NULL);
    if (b->status != STRIA_OK) return NULL;
    value *rest = build2(b, &op_Sub, build_scalar(b, p->type, 1), p, NULL);
    return build2(b, &op_Sub, build1(b, &op_Log, p, NULL), build1(b, &op_Log, rest, NULL), NULL);
}

static value *beside(builder *b, value *first, value *second) {
    value *in[2] = {first, second};
    return build(b, &op_Concat, in, 2, &(axis_attributes){1});
}

/* One number per picture as two classes: softmax of (0, z) is (1 − σ(z), σ(z)). */
static void two_classes(builder *b, const output_kind *kind, head *h) {
    if (b->status != STRIA_OK) return;
    value *none = build_filled(b, h->logits->type, &h->logits->shape, 0);
    value *rest = kind->probabilities ? build2(b, &op_Sub, build_scalar(b, h->scores->type, 1), h->scores, NULL) : none;
    h->scores = beside(b, rest, h->scores);
    h->logits = beside(b, none, h->logits);
}

stria_status classifier_head(graph *g, value *output, head *out, stria_error *err) {
    builder b = {.g = g, .origin = "logits", .err = err};
    output_kind kind;
    TRY(scores_check(g, output, err));
    TRY(output_kind_of(g, output, &kind, err));
    head h = {.scores = flat(&b, output, &output->shape), .relation = kind.relation};
    TRY(b.status);
    h.logits = kind.logits ? flat(&b, kind.logits, &output->shape) : logits_of(&b, h.scores, kind.relation);
    if (kind.relation == OUTPUT_BINARY) two_classes(&b, &kind, &h);
    if (b.status == STRIA_OK) *out = h;
    return b.status;
}

static stria_status graph_of(graph *g, int64_t batch, bool probabilities, graph **out, stria_error *err) {
    graph *copy;
    head h;
    TRY(classifier_copy(g, batch, &copy, err));
    stria_status status = classifier_head(copy, copy->outputs[0], &h, err);
    copy->output_count = 0;
    if (status == STRIA_OK)
        status = probabilities ? graph_add_output(copy, h.scores, CLASSIFIER_PROBABILITIES, err)
                               : graph_add_output(copy, h.logits, CLASSIFIER_LOGITS, err);
    if (status != STRIA_OK) graph_free(copy);
    else *out = copy;
    return status;
}

stria_status classifier_graph(graph *g, int64_t batch, graph **out, stria_error *err) {
    return graph_of(g, batch, false, out, err);
}

stria_status classifier_prediction(graph *g, int64_t batch, graph **out, stria_error *err) {
    classifier c;
    TRY(classifier_of(g, &c, err));
    return graph_of(g, batch, c.kind.probabilities, out, err);
}

/* ---- pictures ---- */

static stria_status shape_match(const classifier *c, const dataset *d, const loader *l, stria_error *err) {
    const int64_t *x = c->image->shape.dim;
    int shape[3];
    loader_shape(l, shape);
    bool match = shape[0] == x[1] && shape[1] == x[2] && shape[2] == x[3];
    if (dataset_uniform(d) && dataset_height(d) == shape[1] && dataset_width(d) == shape[2])
        shape[0] = dataset_channels(d); /* as the user knows them, not as colours are repeated or turned grey */
    if (!match)
        FAIL(err, STRIA_BAD_SHAPE, "pictures come as %dx%dx%d, but input '%s' takes %" PRId64 "x%" PRId64 "x%" PRId64,
             shape[0], shape[1], shape[2], c->image->name, x[1], x[2], x[3]);
    return STRIA_OK;
}

stria_status classifier_loader(const classifier *c, const dataset *d, const loader_options *options, loader **out,
                               stria_error *err) {
    loader *l;
    loader_options o = *options;
    for (int i = 0; i < 3; i++) o.shape[i] = (int)c->image->shape.dim[i + 1];
    TRY(loader_new(&l, d, &c->preprocess, &o, err));
    stria_status status = shape_match(c, d, l, err);
    if (status == STRIA_OK) *out = l;
    else loader_free(l);
    return status;
}

/* ---- adopting a dataset ---- */

static stria_status classes_store(graph *g, const dataset *d, stria_error *err) {
    const char **names;
    TRY(mem_new(&names, (size_t)dataset_classes(d) + 1, sizeof *names, "class names", err));
    for (int i = 0; i < dataset_classes(d); i++) names[i] = dataset_class_name(d, i);
    stria_status status = class_names_store(g, names, dataset_classes(d), err);
    mem_free(names);
    return status;
}

/* What the pictures decide, so that the model says it from now on. A folder's pictures may have any size and be grey or
 * in colour, whatever those of today are. */
static preprocess preprocess_choose(const classifier *c, const dataset *d, bool scaled) {
    static const float none;
    const int64_t *x = c->image->shape.dim;
    const int shape[3] = {(int)x[1], (int)x[2], (int)x[3]};
    bool values = dataset_is_float(d);
    image_view v = {.values = values ? &none : NULL,
                    .channels = dataset_uniform(d) ? dataset_channels(d) : 0,
                    .height = dataset_height(d),
                    .width = dataset_width(d)};
    preprocess p = preprocess_fit(&c->preprocess, &v, shape); /* no range in v: the scale stays */
    p.scale = values && !scaled ? 1 : c->preprocess.scale;
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

stria_status classifier_preset(graph *g, const char *name, stria_error *err) {
    preprocess p;
    TRY(preprocess_load(g, &p, err));
    TRY(preprocess_preset(&p, name, err));
    return preprocess_store(g, &p, err);
}

stria_status classifier_adopt(graph *g, const dataset *d, stria_error *err) {
    classifier c;
    preprocess p;
    TRY(classifier_of(g, &c, err));
    if (!graph_metadata(g, CLASS_NAMES_KEY) && dataset_classes(d) != c.classes)
        FAIL(err, STRIA_BAD_SHAPE, "the data has %d class%s, the model's output '%s' has %" PRId64, dataset_classes(d),
             text_es(dataset_classes(d)), c.scores->name, c.classes);
    if (!graph_metadata(g, CLASS_NAMES_KEY)) TRY(classes_store(g, d, err));
    p = preprocess_choose(&c, d, graph_metadata(g, "stria.scale") != NULL);
    return preprocess_store(g, &p, err);
}
