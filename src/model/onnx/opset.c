/* A model is written in the lowest opset from OPSET_WRITTEN on that has its operators with their types and attributes,
 * so that programs which do not know the newest can open it. The graph speaks GRAPH_OPSET; between the two, operators
 * of ours got types and attributes, but no other meaning. */
#include "model/onnx/opset.h"

#include <string.h>

#define TYPE(t)    (1u << STRIA_##t)
#define NEW_FLOATS (TYPE(FLOAT16) | TYPE(BFLOAT16))
#define SIGNED     (TYPE(INT8) | TYPE(INT16) | TYPE(INT32) | TYPE(INT64))

static const struct row {
    const char *op;
    int opset;
    uint32_t types;    /* only where an operand has one of them; 0: always */
    const char *field; /* only where this attribute is not at its default */
} rows[] = {
    {"RMSNormalization", 23, 0, NULL},    {"Swish", 24, 0, NULL},
    {"TopK", 24, TYPE(BFLOAT16), NULL},   {"Range", 27, NEW_FLOATS, NULL},
    {"BitShift", 28, SIGNED, NULL},       {"Celu", 28, NEW_FLOATS | TYPE(FLOAT64), NULL},
    {"OneHot", 28, TYPE(BFLOAT16), NULL}, {"SpaceToDepth", 28, 0, "mode"},
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

/* Of a text attribute. */
static bool field_set(const node *n, const char *name) {
    for (const attr_field *f = n->op->fields; f && f->name; f++)
        if (strcmp(f->name, name) == 0 && f->kind == ATTR_STRING) {
            const char *text = *(const char *const *)(const void *)((const char *)n->attributes + f->offset);
            return text && f->standard && strcmp(text, f->standard) != 0;
        }
    return false;
}

static bool applies(const struct row *r, const node *n, uint32_t types) {
    return strcmp(n->op->name, r->op) == 0 && (!r->types || r->types & types) && (!r->field || field_set(n, r->field));
}

int opset_needed(const graph *g) {
    int opset = OPSET_WRITTEN;
    for (int k = 0; k < g->node_count; k++) {
        const node *n = g->nodes[k];
        uint32_t types = types_of(n);
        if (opset < 22 && types & TYPE(BFLOAT16)) opset = 22; /* Conv, poolings and most functions got it there */
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            if (rows[i].opset > opset && applies(&rows[i], n, types)) opset = rows[i].opset;
    }
    return opset;
}

int opset_ir_version(int opset) {
    return opset <= 22 ? 10 : opset == 23 ? 11 : opset == 24 ? 12 : opset <= 27 ? 13 : 14;
}
