#include "train/classifier.h"

#include "base/memory.h"
#include "base/text.h"
#include "op/op.h"
#include "op/shape.h"
#include "train/class_names.h"

#include <inttypes.h>

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
    TRY(picture_input_of(g, &c.in, err));
    if (g->output_count < 1) FAIL(err, STRIA_BAD_SHAPE, "model '%s' has no output", g->name);
    c.scores = g->outputs[0];
    TRY(scores_check(g, c.scores, err));
    TRY(output_kind_of(g, c.scores, &c.kind, err));
    c.classes = c.kind.relation == OUTPUT_BINARY ? 2 : c.scores->shape.dim[1];
    *out = c;
    return STRIA_OK;
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

stria_status classifier_prediction(graph *g, int64_t batch, graph **out, stria_error *err) {
    graph *copy;
    classifier c;
    head h;
    TRY(picture_input_copy(g, batch, &copy, err));
    stria_status status = classifier_of(copy, &c, err);
    if (status == STRIA_OK) status = classifier_head(copy, c.scores, &h, err);
    copy->output_count = 0;
    if (status == STRIA_OK)
        status = c.kind.probabilities ? graph_add_output(copy, h.scores, CLASSIFIER_PROBABILITIES, err)
                                      : graph_add_output(copy, h.logits, CLASSIFIER_LOGITS, err);
    if (status != STRIA_OK) graph_free(copy);
    else *out = copy;
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

stria_status classifier_adopt(graph *g, const dataset *d, stria_error *err) {
    classifier c;
    TRY(classifier_of(g, &c, err));
    if (!graph_metadata(g, CLASS_NAMES_KEY) && dataset_classes(d) == 1 && c.classes > 1)
        FAIL(err, STRIA_BAD_SHAPE, "the data has one class, '%s': a classifier tells two or more apart",
             dataset_class_name(d, 0));
    if (!graph_metadata(g, CLASS_NAMES_KEY) && dataset_classes(d) != c.classes)
        FAIL(err, STRIA_BAD_SHAPE, "the data has %d class%s, the model's output '%s' has %" PRId64, dataset_classes(d),
             text_es(dataset_classes(d)), c.scores->name, c.classes);
    if (!graph_metadata(g, CLASS_NAMES_KEY)) TRY(classes_store(g, d, err));
    return picture_input_adopt(g, d, err);
}
