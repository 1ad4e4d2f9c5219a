/* Nodes that mean something else here: operators whose meaning changed between opsets, built of today's. */
#include "model/onnx/importer.h"

#include "op/resize.h"
#include "op/shape.h"

#include <string.h>

static stria_status no_memory(const char *name, stria_error *err) {
    FAIL(err, STRIA_NO_MEMORY, "not enough memory for node '%s'", name);
}

/* "NAME.SUFFIX", free for a value and for a node. */
static const char *helper_name(importer *im, const char *name, const char *suffix) {
    const char *stem = arena_printf(&im->arena, "%s.%s", name, suffix);
    return stem ? import_node_name(im, stem) : NULL;
}

static stria_status shape_constant(importer *im, const char *name, const shape *dims, value **out, stria_error *err) {
    int64_t rank = dims->rank;
    shape s = shape_of(1, &rank);
    tensor *t;
    const char *stem = arena_printf(&im->arena, "%s.shape", name);
    if (!stem) return no_memory(name, err);
    TRY(tensor_new(&t, STRIA_INT64, &s, stem, err));
    memcpy(t->data, dims->dim, t->bytes);
    return import_constant(im, stem, t, out, err);
}

/* A new attribute of this name, in place of one that is there. */
static stria_status attribute_new(importer *im, Onnx__NodeProto *n, const char *key, Onnx__AttributeProto **out,
                                  stria_error *err) {
    Onnx__AttributeProto *p = arena_alloc(&im->arena, sizeof *p);
    Onnx__AttributeProto **list = arena_alloc(&im->arena, sizeof *list * (n->n_attribute + 1));
    if (!p || !list) return no_memory(n->op_type, err);
    size_t count = 0;
    for (size_t i = 0; i < n->n_attribute; i++)
        if (!n->attribute[i]->name || strcmp(n->attribute[i]->name, key) != 0) list[count++] = n->attribute[i];
    onnx__attribute_proto__init(p);
    p->name = (char *)(uintptr_t)key;
    p->has_type = 1;
    list[count++] = p;
    n->attribute = list;
    n->n_attribute = count;
    *out = p;
    return STRIA_OK;
}

static stria_status attribute_set_int(importer *im, Onnx__NodeProto *n, const char *key, int64_t number,
                                      stria_error *err) {
    Onnx__AttributeProto *p;
    TRY(attribute_new(im, n, key, &p, err));
    p->has_i = 1;
    p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
    p->i = number;
    return STRIA_OK;
}

static stria_status attribute_set_text(importer *im, Onnx__NodeProto *n, const char *key, const char *text,
                                       stria_error *err) {
    Onnx__AttributeProto *p;
    TRY(attribute_new(im, n, key, &p, err));
    p->has_s = 1;
    p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
    p->s = (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
    return STRIA_OK;
}

static stria_status attribute_set_ints(importer *im, Onnx__NodeProto *n, const char *key, const int64_t *numbers,
                                       size_t count, stria_error *err) {
    Onnx__AttributeProto *p;
    TRY(attribute_new(im, n, key, &p, err));
    p->n_ints = count;
    p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
    p->ints = arena_copy(&im->arena, numbers, count * sizeof *numbers);
    return p->ints ? STRIA_OK : no_memory(n->op_type, err);
}

/* ---- other names, other inputs ---- */

/* The contents of input `i` where it is an initialiser or already an attribute's; NULL if it is neither. */
static const tensor *input_contents(const importer *im, const upgraded *u, int i) {
    if (i < u->input_count && u->input[i].data) return u->input[i].data;
    const definition *d = i < (int)u->node.n_input ? definition_find(im, u->node.input[i]) : NULL;
    return d ? d->kind == FROM_INITIALIZER ? d->data : value_contents(d->value) : NULL;
}

/* Upsample, and Resize of opset 10, read (x, scales) and left open how a position is rounded: asymmetric coordinates,
 * downwards along axes that grow and upwards along those that shrink, as ONNX Runtime does. Where there are both,
 * resize_shrink_before_11 makes the node that shrinks. */
static stria_status resize_before_11(importer *im, upgraded *u, stria_error *err) {
    Onnx__NodeProto *n = &u->node;
    bool shrinks = false, grows = false;
    n->op_type = (char *)(uintptr_t) "Resize";
    if (n->n_input > 1) {
        char **input = arena_alloc(&im->arena, 3 * sizeof *input);
        if (!input) return no_memory(n->op_type, err);
        input[0] = n->input[0], input[1] = (char *)(uintptr_t) "", input[2] = n->input[1];
        n->input = input;
        n->n_input = 3;
    }
    const tensor *scales = input_contents(im, u, 2);
    for (int64_t i = 0; scales && i < shape_count(&scales->shape); i++) {
        shrinks = shrinks || tensor_f64(scales, i) < 1;
        grows = grows || tensor_f64(scales, i) > 1;
    }
    TRY(attribute_set_text(im, n, "coordinate_transformation_mode", "asymmetric", err));
    return attribute_set_text(im, n, "nearest_mode", shrinks && !grows ? "ceil" : "floor", err);
}

/* Before 18, Split without sizes made as many parts as it had outputs; now their number is said. */
static stria_status split_before_18(importer *im, upgraded *u, stria_error *err) {
    bool sized = u->input_count > 1 || (u->node.n_input > 1 && name_given(u->node.input[1]));
    return sized ? STRIA_OK : attribute_set_int(im, &u->node, "num_outputs", (int64_t)u->node.n_output, err);
}

stria_status old_operator_rename(importer *im, upgraded *u, stria_error *err) {
    const char *op = u->node.op_type;
    if (im->opset < 16 && strcmp(op, "RoiAlign") == 0) /* regions were not shifted by half a pixel */
        return attribute_set_text(im, &u->node, "coordinate_transformation_mode", "output_half_pixel", err);
    if (strcmp(op, "Upsample") == 0 || (im->opset < 11 && strcmp(op, "Resize") == 0))
        return resize_before_11(im, u, err);
    if (im->opset < 18 && strcmp(op, "Split") == 0) return split_before_18(im, u, err);
    if (strcmp(op, "Scatter") == 0) u->node.op_type = (char *)(uintptr_t) "ScatterElements";
    return STRIA_OK;
}

/* ---- other meanings ---- */

/* Before 21, GroupNormalization had a scale and a bias for each group; now for each channel. */
static stria_status group_scale_repeat(importer *im, const char *name, const char *what, value **scale, int64_t each,
                                       stria_error *err) {
    int64_t groups = shape_count(&(*scale)->shape);
    const shape steps[3] = {{2, {groups, 1}}, {2, {groups, each}}, {1, {groups * each}}};
    for (int i = 0; i < 3; i++) {
        const char *stem = arena_printf(&im->arena, "%s.%s_%d", name, what, i), *helper;
        value *in[2] = {*scale, NULL};
        node *n;
        if (!stem || !(helper = import_node_name(im, stem))) return no_memory(name, err);
        TRY(shape_constant(im, stem, &steps[i], &in[1], err));
        TRY(graph_add_node(im->g, i == 1 ? &op_Expand : &op_Reshape, helper, in, 2, NULL, 1, NULL, &n, err));
        *scale = n->out[0];
    }
    return STRIA_OK;
}

static stria_status groups_before_21(importer *im, const char *name, value **in, int in_count, stria_error *err) {
    static const char *const what[] = {"", "scale", "bias"};
    if (in_count != 3 || !in[0] || in[0]->shape.rank < 2) return STRIA_OK; /* today's shape rule refuses it */
    for (int i = 1; i < 3; i++) {
        int64_t groups = in[i] && in[i]->shape.rank == 1 ? in[i]->shape.dim[0] : 0, channels = in[0]->shape.dim[1];
        if (groups < 1 || channels % groups)
            FAIL(err, STRIA_BAD_SHAPE, "%s does not divide %lld channel%s into groups", what[i], (long long)channels,
                 text_s(channels));
        if (channels != groups) TRY(group_scale_repeat(im, name, what[i], &in[i], channels / groups, err));
    }
    return STRIA_OK;
}

/* Before 13, Softmax flattened x to [product of dimensions before axis, product of the rest] and worked on the rows.
 * That is Softmax along one dimension if only that one of the rest is not 1; else Flatten, Softmax, Reshape say it. */
static stria_status softmax_before_13(importer *im, upgraded *u, const char *name, value **in, value **after,
                                      stria_error *err) {
    const Onnx__AttributeProto *p = onnx_attribute_find(&u->node, "axis");
    const shape *s = &in[0]->shape;
    int64_t axis = p ? p->i : 1, last = s->rank - 1;
    if (axis < 0) axis += s->rank;
    if (axis < 0 || axis > last)
        FAIL(err, STRIA_BAD_SHAPE, "axis %lld of a tensor of rank %d", (long long)axis, s->rank);
    int wide = 0;
    for (int i = (int)axis; i < s->rank; i++)
        if (s->dim[i] != 1) wide++, last = i;
    if (wide <= 1) return attribute_set_int(im, &u->node, "axis", last, err);
    shape back = *s;
    back.dim[0] = axis == 1 ? 0 : -1; /* 0: what the flattened tensor has there, the batch */
    TRY(shape_constant(im, name, &back, after, err));
    const char *flat = helper_name(im, name, "flatten");
    node *n;
    if (!flat) return no_memory(name, err);
    flatten_attributes attributes = {.axis = axis};
    TRY(graph_add_node(im->g, &op_Flatten, flat, in, 1, &attributes, 1, NULL, &n, err));
    in[0] = n->out[0];
    return attribute_set_int(im, &u->node, "axis", -1, err);
}

/* *b with as many ones after its shape: for broadcasting, which lines up the ends. */
static stria_status ones_append(importer *im, const char *name, value **b, int64_t count, stria_error *err) {
    shape s = (*b)->shape;
    value *pair[2] = {*b, NULL};
    node *n;
    if (count <= 0) return STRIA_OK;
    while (count--) s.dim[s.rank++] = 1;
    TRY(shape_constant(im, name, &s, &pair[1], err));
    const char *helper = helper_name(im, name, "reshape");
    if (!helper) return no_memory(name, err);
    TRY(graph_add_node(im->g, &op_Reshape, helper, pair, 2, NULL, 1, NULL, &n, err));
    *b = n->out[0];
    return STRIA_OK;
}

/* Before 7, PRelu's slopes stood for channels; now they broadcast. */
static stria_status slopes_before_7(importer *im, const char *name, value **in, int in_count, stria_error *err) {
    if (in_count != 2 || !in[0] || !in[1] || in[1]->shape.rank != 1 || in[1]->shape.dim[0] == 1) return STRIA_OK;
    return ones_append(im, name, &in[1], in[0]->shape.rank - 2, err);
}

/* Before 7, b's dimensions stood at a's from `axis` on; now they stand at the end, so b gets ones at its end. */
static stria_status broadcast_before_7(importer *im, upgraded *u, const char *name, value **in, int in_count,
                                       stria_error *err) {
    const Onnx__AttributeProto *p = onnx_attribute_find(&u->node, "axis");
    if (!p) return STRIA_OK;
    if (in_count != 2 || !in[0] || !in[1]) FAIL(err, STRIA_BAD_FILE, "it needs two inputs");
    int64_t axis = p->i < 0 ? p->i + in[0]->shape.rank : p->i, after = in[0]->shape.rank - axis - in[1]->shape.rank;
    if (after < 0 || axis < 0) FAIL(err, STRIA_BAD_SHAPE, "axis %lld does not fit", (long long)p->i);
    size_t kept = 0;
    for (size_t i = 0; i < u->node.n_attribute; i++)
        if (u->node.attribute[i] != p) u->node.attribute[kept++] = u->node.attribute[i];
    u->node.n_attribute = kept;
    return ones_append(im, name, &in[1], after, err);
}

/* The scales below 1 (above: false), 1 for the others. */
static stria_status scales_constant(importer *im, const char *name, const tensor *scales, bool below, value **out,
                                    stria_error *err) {
    tensor *t;
    const char *stem = arena_printf(&im->arena, "%s.%s", name, below ? "shrink" : "grow");
    if (!stem) return no_memory(name, err);
    TRY(tensor_new(&t, STRIA_FLOAT32, &scales->shape, stem, err));
    for (int64_t i = 0; i < shape_count(&scales->shape); i++) {
        double s = tensor_f64(scales, i);
        tensor_put(t, i, (s < 1) == below ? s : 1);
    }
    return import_constant(im, stem, t, out, err);
}

/* Mode nearest with axes that shrink and others that grow (see resize_before_11): a node of its own shrinks, rounding
 * upwards, and the node itself grows. */
static stria_status resize_shrink_before_11(importer *im, const char *name, value **in, int in_count,
                                            const Onnx__NodeProto *n, stria_error *err) {
    const Onnx__AttributeProto *mode = onnx_attribute_find(n, "mode");
    const tensor *scales = in_count > 2 && in[0] && in[2] ? value_contents(in[2]) : NULL;
    bool nearest = !mode || (mode->s.len == 7 && memcmp(mode->s.data, "nearest", 7) == 0), shrinks = false,
         grows = false;
    for (int64_t i = 0; scales && i < shape_count(&scales->shape); i++) {
        shrinks = shrinks || tensor_f64(scales, i) < 1;
        grows = grows || tensor_f64(scales, i) > 1;
    }
    if (!nearest || !shrinks || !grows) return STRIA_OK;
    value *shrink[3] = {in[0], NULL, NULL};
    const char *helper = helper_name(im, name, "shrink");
    node *made;
    resize_attributes a = {.coordinate_transformation_mode = "asymmetric",
                           .mode = "nearest",
                           .nearest_mode = "ceil",
                           .keep_aspect_ratio_policy = "stretch",
                           .cubic_coeff_a = -0.75f};
    if (!helper) return no_memory(name, err);
    TRY(scales_constant(im, name, scales, true, &shrink[2], err));
    TRY(scales_constant(im, name, scales, false, &in[2], err));
    TRY(graph_add_node(im->g, &op_Resize, helper, shrink, 3, &a, 1, NULL, &made, err));
    in[0] = made->out[0];
    return STRIA_OK;
}

/* From 7 to 13, batch normalisation with more outputs than one was one in training. */
static stria_status batch_norm_before_14(importer *im, upgraded *u, stria_error *err) {
    bool training = false;
    for (size_t i = 1; i < u->node.n_output; i++) training |= name_given(u->node.output[i]);
    return training ? attribute_set_int(im, &u->node, "training_mode", 1, err) : STRIA_OK;
}

/* Entry i of a list of integers, `standard` where the attribute is not there. */
static int64_t listed(const Onnx__NodeProto *n, const char *key, size_t i, int64_t standard) {
    const Onnx__AttributeProto *p = onnx_attribute_find(n, key);
    return p && i < p->n_ints ? p->ints[i] : standard;
}

/* Pooling of [batch, channels, depth, height, width] whose windows reach along depth alone is pooling of pictures of
 * depth × (height · width); PyTorch exports LocalResponseNorm so. Other windows stay, and the shape rule refuses them.
 */
static stria_status pool_depth(importer *im, upgraded *u, const char *name, value **in, value **after,
                               stria_error *err) {
    Onnx__NodeProto *n = &u->node;
    const shape *x = &in[0]->shape;
    const Onnx__AttributeProto *automatic = onnx_attribute_find(n, "auto_pad");
    bool padded = automatic && automatic->s.len && memcmp(automatic->s.data, "NOTSET", 6) != 0;
    bool indices = n->n_output > 1 && name_given(n->output[1]);
    for (size_t i = 1; i < 3; i++)
        if (listed(n, "kernel_shape", i, 0) != 1 || listed(n, "strides", i, 1) != 1 || listed(n, "pads", i, 0) != 0 ||
            listed(n, "pads", i + 3, 0) != 0 || padded || indices)
            return STRIA_OK;
    const int64_t kernel[2] = {listed(n, "kernel_shape", 0, 1), 1}, strides[2] = {listed(n, "strides", 0, 1), 1};
    const int64_t pads[4] = {listed(n, "pads", 0, 0), 0, listed(n, "pads", 3, 0), 0};
    const int64_t dilations[2] = {listed(n, "dilations", 0, 1), 1};
    const shape flat = {4, {0, x->dim[1], x->dim[2], x->dim[3] * x->dim[4]}}; /* 0: as it is, the batch */
    const shape back = {5, {0, x->dim[1], -1, x->dim[3], x->dim[4]}};
    value *pair[2] = {in[0], NULL};
    const char *helper = helper_name(im, name, "flatten"), *stem = arena_printf(&im->arena, "%s.flat", name);
    node *made;
    if (!helper || !stem) return no_memory(name, err);
    TRY(attribute_set_ints(im, n, "kernel_shape", kernel, 2, err));
    TRY(attribute_set_ints(im, n, "strides", strides, 2, err));
    TRY(attribute_set_ints(im, n, "dilations", dilations, 2, err));
    TRY(attribute_set_ints(im, n, "pads", pads, 4, err));
    TRY(shape_constant(im, stem, &flat, &pair[1], err));
    TRY(graph_add_node(im->g, &op_Reshape, helper, pair, 2, NULL, 1, NULL, &made, err));
    in[0] = made->out[0];
    return shape_constant(im, name, &back, after, err);
}

stria_status old_operator_before(importer *im, upgraded *u, const char *name, value **in, int in_count, value **after,
                                 stria_error *err) {
    static const char *const broadcasting[] = {"Add",  "Sub",     "Mul", "Div", "Pow", "Equal",
                                               "Less", "Greater", "And", "Or",  "Xor"};
    const char *op = u->node.op_type;
    *after = NULL;
    if (im->opset < 13 && in_count == 1 && in[0] &&
        (strcmp(op, "Softmax") == 0 || strcmp(op, "LogSoftmax") == 0 || strcmp(op, "Hardmax") == 0))
        return softmax_before_13(im, u, name, in, after, err);
    bool pools = strcmp(op, "AveragePool") == 0 || strcmp(op, "MaxPool") == 0 || strcmp(op, "LpPool") == 0;
    if (pools && in_count == 1 && in[0] && in[0]->shape.rank == 5) return pool_depth(im, u, name, in, after, err);
    if (im->opset < 11 && strcmp(op, "Resize") == 0)
        return resize_shrink_before_11(im, name, in, in_count, &u->node, err);
    if (im->opset < 21 && strcmp(op, "GroupNormalization") == 0) return groups_before_21(im, name, in, in_count, err);
    if (im->opset < 14 && strcmp(op, "BatchNormalization") == 0) return batch_norm_before_14(im, u, err);
    if (im->opset < 7 && strcmp(op, "PRelu") == 0) return slopes_before_7(im, name, in, in_count, err);
    for (size_t i = 0; im->opset < 7 && i < sizeof broadcasting / sizeof *broadcasting; i++)
        if (strcmp(op, broadcasting[i]) == 0) return broadcast_before_7(im, u, name, in, in_count, err);
    return STRIA_OK;
}
