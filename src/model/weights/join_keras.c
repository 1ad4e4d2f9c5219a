/* Keras' names and orders: LAYER/ROLE, convolutions' kernels as [kh, kw, ic, oc], dense ones as [in, units], pictures
 * as [height, width, channels]. */
#include "model/weights/join.h"

#include "base/memory.h"
#include "graph/op_def.h"
#include "op/shape.h"

#include <stdio.h>
#include <string.h>

/* ---- names of Keras Applications ---- */

/* block3_conv2, fc1, fc2, predictions */
static bool vgg_name(const graph *g, const char *layer, char *name, size_t room) {
    static const struct {
        const char *keras, *zoo;
    } dense[] = {{"fc1", "classifier.0"}, {"fc2", "classifier.3"}, {"predictions", "classifier.6"}};
    int block, convolution, number = 0;
    for (size_t i = 0; i < sizeof dense / sizeof *dense; i++)
        if (strcmp(layer, dense[i].keras) == 0) return snprintf(name, room, "%s", dense[i].zoo), true;
    if (sscanf(layer, "block%1d_conv%1d", &block, &convolution) != 2) return false;
    /* torchvision counts convolutions, activations and poolings: two each, and one a block. */
    const int deep = strcmp(g->name, "vgg19") == 0 ? 4 : 3, before[] = {0, 2, 4, 4 + deep, 4 + 2 * deep};
    if (block < 1 || block > 5 || convolution < 1) return false;
    number = 2 * (before[block - 1] + convolution - 1) + block - 1;
    snprintf(name, room, "features.%d", number);
    return true;
}

/* conv1, conv1_bn, conv_dw_3, conv_dw_3_bn, conv_pw_3, conv_pw_3_bn, conv_preds */
static bool mobilenet_name(const graph *g, const char *layer, char *name, size_t room) {
    int block;
    bool norm = strlen(layer) > 3 && strcmp(layer + strlen(layer) - 3, "_bn") == 0;
    if (strncmp(layer, "conv_preds", 10) == 0) snprintf(name, room, "fc");
    else if (strcmp(layer, "conv1") == 0 || strcmp(layer, "conv1_bn") == 0)
        snprintf(name, room, "conv1.%s", norm ? "bn" : "conv");
    else if (sscanf(layer, "conv_dw_%2d", &block) == 1)
        snprintf(name, room, "block%d.depthwise%s", block, norm ? "_bn" : "");
    else if (sscanf(layer, "conv_pw_%2d", &block) == 1)
        snprintf(name, room, "block%d.pointwise%s", block, norm ? "_bn" : "");
    else return false;
    return true;
}

/* conv1_conv, conv1_bn and predictions are called so in style=keras; conv2_block1_3_conv is conv3 of its block, and 0
 * the shortcut's. */
static bool resnet_name(const graph *g, const char *layer, char *name, size_t room) {
    int stage, block, part, end = 0;
    (void)g;
    if (sscanf(layer, "conv%1d_block%2d_%1d_%n", &stage, &block, &part, &end) != 3 || !end) return false;
    bool norm = strcmp(layer + end, "bn") == 0;
    if (!norm && strcmp(layer + end, "conv") != 0) return false;
    if (part == 0) snprintf(name, room, "conv%d_block%d.downsample.%d", stage, block, norm);
    else snprintf(name, room, "conv%d_block%d.%s%d", stage, block, norm ? "bn" : "conv", part);
    return true;
}

/* Conv1, bn_Conv1, block_3_expand, block_3_expand_BN, …_depthwise, …_project, Conv_1, Conv_1_bn. The parts of a block
 * have numbers here, one less in the first, which does not expand. */
static bool mobilenet_v2_name(const graph *g, const char *layer, char *name, size_t room) {
    static const struct {
        const char *keras, *inside;
    } parts[] = {{"_expand", "0.0"},       {"_expand_BN", "0.1"}, {"_depthwise", "1.0"},
                 {"_depthwise_BN", "1.1"}, {"_project", "2"},     {"_project_BN", "3"}},
      ends[] = {{"Conv1", "Conv1.0"}, {"bn_Conv1", "Conv1.1"}, {"Conv_1", "Conv_1.0"}, {"Conv_1_bn", "Conv_1.1"}};
    static const char first[] = "expanded_conv";
    int block, length = 0;
    (void)g;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (strcmp(layer, ends[i].keras) == 0) return snprintf(name, room, "%s", ends[i].inside), true;
    bool whole = strncmp(layer, first, sizeof first - 1) == 0;
    if (whole) length = (int)sizeof first - 1;
    else if (sscanf(layer, "block_%2d%n", &block, &length) != 1) return false;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *inside = parts[i].inside;
        if (strcmp(layer + length, parts[i].keras) != 0) continue;
        snprintf(name, room, "%.*s.conv.%c%s", length, layer, whole ? *inside - 1 : *inside, inside + 1);
        return true;
    }
    return false;
}

static const struct {
    const char *network;
    bool (*name)(const graph *g, const char *layer, char *name, size_t room);
} networks[] = {{"vgg16", vgg_name},
                {"vgg19", vgg_name},
                {"mobilenet-v1", mobilenet_name},
                {"resnet50", resnet_name},
                {"resnet101", resnet_name},
                {"resnet152", resnet_name},
                {"mobilenet-v2", mobilenet_v2_name}};

/* ---- networks of Keras Applications that have the zoo's name and are others ---- */

/* A layer of theirs, a tensor of the zoo's network that is theirs, and why no other one is. */
static const struct {
    const char *network, *layer, *own, *why;
} others[] = {
    {"resnet", "conv2_block1_1_conv/", "conv2_block1.conv1.weight",
     "the ResNet of Keras Applications strides in its 1x1 convolutions and has biases there; style=keras is that form "
     "(resnet50:style=keras, resnet101, resnet152)"},
    {"mobilenet-v2", "expanded_conv_depthwise/", "expanded_conv.conv.0.0.weight",
     "the MobileNetV2 of Keras Applications pads at the right and bottom only and has epsilon 0.001; "
     "mobilenet-v2:style=keras is that form"},
};

/* The MobileNet of Keras pads a strided convolution at the right and bottom, whatever the size; SAME does so where the
 * size is even. */
static bool strides_odd(const graph *g) {
    for (int i = 0; i < g->node_count; i++) {
        const node *n = g->nodes[i];
        const value *x = n->in_count > 1 ? n->in[0] : NULL, *w = x ? n->in[1] : NULL;
        bool depthwise = strcmp(n->op->name, "Conv") == 0 && w && w->shape.rank == 4 && w->shape.dim[1] == 1;
        if (!depthwise || x->shape.dim[2] == n->out[0]->shape.dim[2]) continue;
        if (x->shape.dim[2] % 2 || x->shape.dim[3] % 2) return true;
    }
    return false;
}

static bool has_layer(const weights *w, const char *layer) {
    for (int k = 0; k < w->count; k++)
        if (strncmp(w->items[k].name, layer, strlen(layer)) == 0) return true;
    return false;
}

const char *keras_other_network(const joining *j) {
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strncmp(j->g->name, others[i].network, strlen(others[i].network)) == 0 &&
            has_layer(j->w, others[i].layer) && !graph_find_value(j->g, others[i].own))
            return others[i].why;
    if (strcmp(j->g->name, "mobilenet-v1") == 0 && has_layer(j->w, "conv_dw_1/") && strides_odd(j->g))
        return "the MobileNet of Keras Applications pads strided convolutions at the right and bottom only, which the "
               "zoo's does at even sizes; give it pictures whose sides halve evenly, as 224, 192, 160 or 128 pixels";
    return NULL;
}

static bool keras_join(joining *j, int item) {
    char layer[520], mapped[600];
    const char *name = j->w->items[item].name, *slash = strrchr(name, '/');
    if (!slash) return false;
    snprintf(layer, sizeof layer, "%.*s", (int)(slash - name), name);
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        if (strcmp(j->g->name, networks[i].network) == 0 && networks[i].name(j->g, layer, mapped, sizeof mapped))
            return join_set_role(j, mapped, strlen(mapped), slash + 1, item);
    for (char *p = layer; *p; p++)
        if (*p == '/') *p = '.'; /* a layer in a layer, as scopes are named here */
    return join_set_role(j, layer, strlen(layer), slash + 1, item);
}

int join_keras_names(joining *j) {
    int found = 0;
    for (int i = 0; i < j->w->count; i++) found += keras_join(j, i);
    return found;
}

/* ---- orders of dimensions ---- */

/* from's dimensions in another order and under another shape of as many elements: to dimension d goes perm[d]. */
static stria_status permuted(const tensor *from, const int *perm, int rank, const int64_t *dims, const shape *as,
                             const char *name, tensor **out, stria_error *err) {
    int64_t stride[RANK_MAX], step[RANK_MAX], size[RANK_MAX], at[RANK_MAX] = {0}, place = 0, count = shape_count(as);
    size_t each = dtype_bytes(from->type);
    for (int d = rank - 1, next = 1; d >= 0; next = 0, d--) stride[d] = next ? 1 : stride[d + 1] * dims[d + 1];
    for (int d = 0; d < rank; d++) step[d] = stride[perm[d]], size[d] = dims[perm[d]];
    TRY(tensor_raw(out, from->type, as, name, err));
    for (int64_t i = 0; i < count; i++) {
        memcpy((char *)(*out)->data + (size_t)i * each, (const char *)from->data + (size_t)place * each, each);
        for (int d = rank - 1; d >= 0; d--) {
            place += step[d];
            if (++at[d] < size[d]) break;
            place -= at[d] * step[d];
            at[d] = 0;
        }
    }
    return STRIA_OK;
}

static bool dims_are(const shape *s, int64_t a, int64_t b, int64_t c, int64_t d) {
    return s->rank == 4 && s->dim[0] == a && s->dim[1] == b && s->dim[2] == c && s->dim[3] == d;
}

/* [kh, kw, ic, oc] as [oc, ic, kh, kw]; a depthwise one, [kh, kw, c, m], as [c·m, 1, kh, kw]. A transposed
 * convolution's is [kh, kw, oc, ic], and ONNX's [ic, oc, kh, kw]. */
static stria_status kernel_tensor(const value *v, const tensor *from, tensor **out, stria_error *err) {
    static const int full[] = {3, 2, 0, 1}, depthwise[] = {2, 3, 0, 1};
    const int64_t *k = from->shape.dim;
    if (from->shape.rank != 4) return STRIA_BAD_SHAPE;
    if (dims_are(&v->shape, k[3], k[2], k[0], k[1])) return permuted(from, full, 4, k, &v->shape, v->name, out, err);
    if (dims_are(&v->shape, size_mul(k[2], k[3]), 1, k[0], k[1]))
        return permuted(from, depthwise, 4, k, &v->shape, v->name, out, err);
    return STRIA_BAD_SHAPE;
}

/* A transposition to [batch, h, w, c], as converters put one before a flattening. */
static bool to_channels_last(const node *n) {
    const ints *perm = &((const transpose_attributes *)n->attributes)->perm;
    static const int64_t order[] = {0, 2, 3, 1};
    return perm->count == 4 && memcmp(perm->value, order, sizeof order) == 0;
}

/* Sets *picture to the value [batch, c, h, w] that is flattened before a dense layer's input x; NULL: none is, or it is
 * in Keras' order already. false: it is in an order of which nothing is known. */
static bool flattened(const value *x, const value **picture) {
    *picture = NULL;
    for (int steps = 0; steps < 64 && x->producer && x->producer->in_count > 0; steps++) {
        const node *n = x->producer;
        const value *before = n->in[0];
        bool flat = strcmp(n->op->name, "Flatten") == 0 || strcmp(n->op->name, "Reshape") == 0;
        if (!before) break;
        if (*picture && strcmp(n->op->name, "Transpose") == 0) {
            *picture = NULL;
            return to_channels_last(n);
        }
        if (!flat && !shape_equal(&before->shape, &x->shape)) break; /* an activation or dropout keeps it */
        if (*picture && (flat || n->in_count > 1 || text_ends(n->op->name, "Pool"))) break; /* it sees [c, h, w] */
        if (flat && before->shape.rank == 4) *picture = before;
        x = before;
    }
    return true;
}

/* [in, units] as [units, in] of a Gemm with transB, or as it is of a MatMul; after a flattening `in` is h·w·c there
 * and c·h·w here. A 1×1 convolution does what a dense layer does. */
static stria_status dense_tensor(const node *user, const value *v, const tensor *from, tensor **out, stria_error *err) {
    const shape *s = &from->shape;
    bool one = s->rank == 4 && s->dim[0] == 1 && s->dim[1] == 1;
    if (s->rank != 2 && !one) return STRIA_BAD_SHAPE;
    int64_t in = s->dim[s->rank - 2], units = s->dim[s->rank - 1];
    bool turned = strcmp(user->op->name, "Gemm") == 0 && v->shape.dim[0] == units && v->shape.dim[1] == in;
    if (v->shape.rank != 2 || (!turned && (v->shape.dim[0] != in || v->shape.dim[1] != units))) return STRIA_BAD_SHAPE;
    const value *picture;
    if (!flattened(user->in[0], &picture)) return STRIA_BAD_SHAPE;
    int64_t c = in, h = 1, w = 1;
    if (picture && size_mul(size_mul(picture->shape.dim[1], picture->shape.dim[2]), picture->shape.dim[3]) == in)
        c = picture->shape.dim[1], h = picture->shape.dim[2], w = picture->shape.dim[3];
    static const int units_first[] = {3, 2, 0, 1}, units_last[] = {2, 0, 1, 3};
    return permuted(from, turned ? units_first : units_last, 4, (int64_t[]){h, w, c, units}, &v->shape, v->name, out,
                    err);
}

stria_status keras_tensor(const graph *g, const value *v, const tensor *from, tensor **out, stria_error *err) {
    int input = 0;
    const node *user = join_user(g, v, &input);
    const char *op = user ? user->op->name : "";
    if (input == 1 && (strcmp(op, "Conv") == 0 || strcmp(op, "ConvTranspose") == 0))
        return kernel_tensor(v, from, out, err);
    if (input == 1 && (strcmp(op, "Gemm") == 0 || strcmp(op, "MatMul") == 0))
        return dense_tensor(user, v, from, out, err);
    if (from->shape.rank != 1 || !shape_equal(&from->shape, &v->shape)) return STRIA_BAD_SHAPE;
    *out = tensor_retain((tensor *)(uintptr_t)from);
    return STRIA_OK;
}
