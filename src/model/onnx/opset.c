/* A model is written in the lowest opset from OPSET_WRITTEN on that has its operators with their types and attributes,
 * so that programs which do not know the newest can open it. The graph speaks GRAPH_OPSET; between the two, operators
 * of ours got types and attributes, but no other meaning. */
#include "model/onnx/opset.h"

#include <string.h>

static const struct row {
    const char *op;
    int opset;
    bool floats;       /* only for float16, bfloat16 and float64 */
    bool brain;        /* only for bfloat16 */
    const char *field; /* only where this attribute is not at its default */
} rows[] = {
    {"RMSNormalization", 23, false, false, NULL},
    {"Swish", 24, false, false, NULL},
    {"TopK", 24, false, true, NULL},
    {"Range", 27, true, false, NULL},
    {"Celu", 28, true, false, NULL},
    {"OneHot", 28, false, true, NULL},
    {"SpaceToDepth", 28, false, false, "mode"},
};

static bool has_type(const node *n, dtype t) {
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && n->in[i]->type == t) return true;
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i] && n->out[i]->type == t) return true;
    return false;
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

static bool applies(const struct row *r, const node *n) {
    if (strcmp(n->op->name, r->op) != 0) return false;
    if (r->brain && !has_type(n, STRIA_BFLOAT16)) return false;
    if (r->floats && !has_type(n, STRIA_BFLOAT16) && !has_type(n, STRIA_FLOAT16) && !has_type(n, STRIA_FLOAT64))
        return false;
    return !r->field || field_set(n, r->field);
}

int opset_needed(const graph *g) {
    int opset = OPSET_WRITTEN;
    for (int k = 0; k < g->node_count; k++) {
        const node *n = g->nodes[k];
        if (opset < 22 && has_type(n, STRIA_BFLOAT16)) opset = 22; /* Conv, poolings and most functions got it there */
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            if (rows[i].opset > opset && applies(&rows[i], n)) opset = rows[i].opset;
    }
    return opset;
}

int opset_ir_version(int opset) {
    return opset <= 22 ? 10 : opset == 23 ? 11 : opset == 24 ? 12 : opset <= 27 ? 13 : 14;
}
