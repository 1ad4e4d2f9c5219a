/* A model is written in the lowest opset from OPSET_WRITTEN on that has its operators with their types and attributes,
 * so that programs which do not know the newest can open it. The graph speaks GRAPH_OPSET; between the two, operators
 * got types, attributes and a few names of modes, but those of ours no other meaning. The table follows onnx.defs of
 * the package's 1.23. */
#include "model/onnx/opset.h"

#include "model/onnx/attribute.h"

#include <string.h>

#define TYPE(t)    (1u << STRIA_##t)
#define NEW_FLOATS (TYPE(FLOAT16) | TYPE(BFLOAT16))
#define SIGNED     (TYPE(INT8) | TYPE(INT16) | TYPE(INT32) | TYPE(INT64))

#define SMALL   (TYPE(INT8) | TYPE(INT16) | TYPE(UINT8) | TYPE(UINT16))
#define SIXTEEN (TYPE(INT16) | TYPE(UINT16))
#define HALVES  (TYPE(FLOAT16) | TYPE(BFLOAT16))
#define FLOAT8  (TYPE(FLOAT8E4M3FN) | TYPE(FLOAT8E4M3FNUZ) | TYPE(FLOAT8E5M2) | TYPE(FLOAT8E5M2FNUZ))

static const struct row {
    const char *op;
    int opset;
    uint32_t types;    /* only where an operand has one of them; 0: always */
    const char *field; /* only where this attribute is not at its default */
} rows[] = {
    {"Add", 14, SMALL, NULL},
    {"Sub", 14, SMALL, NULL},
    {"Mul", 14, SMALL, NULL},
    {"Div", 14, SMALL, NULL},
    {"Relu", 14, SIGNED, NULL},
    {"HardSwish", 14, 0, NULL},
    {"Trilu", 14, 0, NULL},
    {"CumSum", 14, TYPE(FLOAT16), NULL},
    {"BatchNormalization", 14, 0, "training_mode"},
    {"Reshape", 14, 0, "allowzero"},
    {"LSTM", 14, 0, "layout"},
    {"GRU", 14, 0, "layout"},
    {"RNN", 14, 0, "layout"},
    {"Bernoulli", 15, 0, NULL},
    {"CastLike", 15, 0, NULL},
    {"Shape", 15, 0, "start"},
    {"Shape", 15, 0, "end"},
    {"RoiAlign", 16, 0, NULL}, /* another default before */
    {"ScatterElements", 18, 0, "reduction"},
    {"ScatterND", 18, 0, "reduction"},
    {"LayerNormalization", 17, 0, NULL},
    {"Mish", 18, 0, NULL},
    {"BitwiseAnd", 18, 0, NULL},
    {"BitwiseOr", 18, 0, NULL},
    {"BitwiseXor", 18, 0, NULL},
    {"BitwiseNot", 18, 0, NULL},
    {"CenterCropPad", 18, 0, NULL},
    {"Col2Im", 18, 0, NULL},
    {"LpPool", 18, 0, "ceil_mode"},
    {"LpPool", 18, 0, "dilations"},
    {"Split", 18, 0, "num_outputs"},
    {"Resize", 18, 0, "antialias"},
    {"Resize", 18, 0, "axes"},
    {"Resize", 18, 0, "keep_aspect_ratio_policy"},
    {"AveragePool", 19, 0, "dilations"},
    {"DeformConv", 19, 0, NULL},
    {"Cast", 19, 0, "saturate"},
    {"Cast", 24, 0, "round_mode"},
    {"CastLike", 19, 0, "saturate"},
    {"CastLike", 24, 0, "round_mode"},
    {"QuantizeLinear", 19, 0, "saturate"},
    {"QuantizeLinear", 19, HALVES, NULL},
    {"DequantizeLinear", 19, HALVES, NULL},
    {"ConstantOfShape", 20, FLOAT8, NULL},
    {"Gelu", 20, 0, NULL},
    {"AffineGrid", 20, 0, NULL},
    {"GridSample", 20, 0, NULL}, /* modes had other names before */
    {"IsInf", 20, TYPE(FLOAT16), NULL},
    {"ReduceMax", 20, TYPE(BOOL), NULL},
    {"ReduceMin", 20, TYPE(BOOL), NULL},
    {"Pad", 21, FLOAT8, NULL},
    {"Flatten", 21, FLOAT8, NULL},
    {"Squeeze", 21, FLOAT8, NULL},
    {"Transpose", 21, FLOAT8, NULL},
    {"Unsqueeze", 21, FLOAT8, NULL},
    {"GroupNormalization", 21, 0, NULL}, /* scales per group before */
    {"QuantizeLinear", 21, SIXTEEN, NULL},
    {"DequantizeLinear", 21, SIXTEEN, NULL},
    {"QuantizeLinear", 21, 0, "block_size"},
    {"DequantizeLinear", 21, 0, "block_size"},
    {"QuantizeLinear", 21, 0, "output_dtype"},
    {"QLinearMatMul", 21, HALVES, NULL},
    {"RMSNormalization", 23, 0, NULL},
    {"Swish", 24, 0, NULL},
    {"TopK", 24, TYPE(BFLOAT16), NULL},
    {"BitCast", 26, 0, NULL},
    {"CumProd", 26, 0, NULL},
    {"Range", 27, NEW_FLOATS, NULL},
    {"BitShift", 28, SIGNED, NULL},
    {"Celu", 28, NEW_FLOATS | TYPE(FLOAT64), NULL},
    {"OneHot", 28, TYPE(BFLOAT16), NULL},
    {"SpaceToDepth", 28, 0, "mode"},
};

/* Types of all operands. */
static uint32_t types_of(const node *n) {
    uint32_t types = 0;
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i]) types |= 1u << n->in[i]->type;
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i]) types |= 1u << n->out[i]->type;
    return types;
}

/* Returns true if an attribute would be written; dilations of one are none. *known: false where memory was missing. */
static bool field_set(const node *n, const char *name, bool *known) {
    Onnx__AttributeProto **list;
    size_t count = 0;
    bool set = false;
    arena a;
    arena_init(&a);
    if (onnx_attributes_encode(n->op, n->attributes, &list, &count, &a, NULL) != STRIA_OK) *known = false, count = 0;
    for (size_t i = 0; i < count && !set; i++) {
        bool ones = list[i]->n_ints > 0;
        for (size_t k = 0; k < list[i]->n_ints; k++) ones = ones && list[i]->ints[k] == 1;
        set = strcmp(list[i]->name, name) == 0 && !(strcmp(name, "dilations") == 0 && ones);
    }
    arena_release(&a);
    return set;
}

static bool applies(const struct row *r, const node *n, uint32_t types, bool *known) {
    return strcmp(n->op->name, r->op) == 0 && (!r->types || r->types & types) &&
           (!r->field || field_set(n, r->field, known));
}

static bool reduces(const node *n) {
    return strncmp(n->op->name, "Reduce", 6) == 0 && !*n->op->domain && strcmp(n->op->name, "ReduceSum") != 0;
}

const tensor *opset_axes_attribute(const node *n, int opset) {
    return opset < 18 && reduces(n) && n->in_count > 1 && n->in[1] ? value_contents(n->in[1]) : NULL;
}

/* Reductions got their axes as an input in 18; until then they are an attribute, and none are all. */
static int reduction_opset(const node *n, bool *known) {
    bool input = n->in_count > 1 && n->in[1];
    if (!reduces(n)) return 1;
    if (field_set(n, "noop_with_empty_axes", known) || (input && !value_contents(n->in[1]))) return 18;
    return 1;
}

/* Pad's axes, and the mode that wraps around. */
static int pad_opset(const node *n) {
    if (strcmp(n->op->name, "Pad") != 0) return 1;
    const attr_field *f = n->op->fields;
    while (f->name && strcmp(f->name, "mode") != 0) f++;
    const char *mode = f->name ? *(const char *const *)(const void *)((const char *)n->attributes + f->offset) : NULL;
    return mode && strcmp(mode, "wrap") == 0 ? 19 : n->in_count > 3 && n->in[3] ? 18 : 1;
}

int opset_of_node(const node *n) {
    uint32_t types = types_of(n);
    bool known = true;
    int opset = OPSET_WRITTEN, special[] = {reduction_opset(n, &known), pad_opset(n)};
    if (types & TYPE(BFLOAT16) && strcmp(n->op->name, "Cast") != 0)
        opset = 22; /* Conv, poolings and most functions got it there */
    if (types & FLOAT8 && opset < 19) opset = 19;
    if (types & TYPE(FLOAT8E8M0) && opset < 24) opset = 24;
    for (int i = 0; i < 2; i++)
        if (special[i] > opset) opset = special[i];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].opset > opset && applies(&rows[i], n, types, &known)) opset = rows[i].opset;
    return known ? opset : 0;
}

int opset_needed(const graph *g) {
    int opset = OPSET_WRITTEN;
    for (int k = 0; k < g->node_count; k++) {
        int needed = opset_of_node(g->nodes[k]);
        if (needed == 0) return 0;
        if (needed > opset) opset = needed;
    }
    return opset;
}

int opset_ir_version(int opset) {
    return opset <= 14   ? 7
           : opset <= 18 ? 8
           : opset <= 20 ? 9
           : opset <= 22 ? 10
           : opset == 23 ? 11
           : opset == 24 ? 12
           : opset <= 27 ? 13
                         : 14;
}

void opset_inlined(const graph *g, int opset, bool *inlined) {
    for (int i = 0; i < g->node_count; i++)
        if (opset_axes_attribute(g->nodes[i], opset)) inlined[g->nodes[i]->in[1]->id] = true;
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; k < g->nodes[i]->in_count; k++)
            if (g->nodes[i]->in[k] && !(k == 1 && opset_axes_attribute(g->nodes[i], opset)))
                inlined[g->nodes[i]->in[k]->id] = false;
    for (int i = 0; i < g->output_count; i++) inlined[g->outputs[i]->id] = false;
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->optional || g->values[i]->kind != VALUE_CONSTANT) inlined[i] = false;
}

bool opset_axes_write(Onnx__NodeProto *p, const tensor *axes, arena *from) {
    int64_t count = shape_count(&axes->shape), *list = arena_alloc(from, sizeof *list * (size_t)(count + 1));
    Onnx__AttributeProto **all = arena_alloc(from, sizeof *all * (p->n_attribute + 1)),
                         *a = arena_alloc(from, sizeof *a);
    if (!list || !all || !a) return false;
    p->n_input = 1;
    if (count == 0) return true; /* all of them */
    for (int64_t i = 0; i < count; i++) list[i] = tensor_i64(axes, i);
    onnx__attribute_proto__init(a);
    a->name = (char *)(uintptr_t) "axes";
    a->has_type = 1;
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
    a->n_ints = (size_t)count;
    a->ints = list;
    if (p->n_attribute) memcpy((void *)all, (const void *)p->attribute, sizeof *all * p->n_attribute);
    all[p->n_attribute++] = a;
    p->attribute = all;
    return true;
}
