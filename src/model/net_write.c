/* Graph → .net text. */
#include "model/net.h"

#include "graph/op_def.h"
#include "model/model.h"
#include "model/net_lexer.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- words ---- */

static bool is_bare(const char *s) {
    if (!*s || strcmp(s, "-") == 0 || net_is_number(s)) return false;
    for (; *s; s++)
        if ((unsigned char)*s <= ' ' || *s == 0x7f || strchr("(),=[]#\"", *s)) return false;
    return true;
}

/* As it is where it can be, else quoted. */
static void write_word(text *t, const char *s) {
    if (is_bare(s)) {
        text_printf(t, "%s", s);
        return;
    }
    text_append(t, "\"", 1);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') text_append(t, "\\", 1);
        if (*s == '\n' || *s == '\t') text_printf(t, "\\%c", *s == '\n' ? 'n' : 't');
        else text_append(t, s, 1);
    }
    text_append(t, "\"", 1);
}

/* The name of an open dimension, made to look like one. */
static void write_symbol(text *t, const char *symbol, int64_t nominal) {
    if (net_is_number(symbol) || strcmp(symbol, "x") == 0 || !*symbol) text_printf(t, "n_");
    for (; *symbol; symbol++) {
        bool good = (unsigned char)*symbol > ' ' && *symbol != 0x7f && !strchr("(),=[]#\":", *symbol);
        text_append(t, good ? symbol : "_", 1);
    }
    if (nominal != 1) text_printf(t, ":%" PRId64, nominal);
}

static void write_shape(text *t, const value *v) {
    if (v->type != STRIA_FLOAT32) text_printf(t, "%s, ", dtype_name(v->type));
    if (!v->shape.rank) text_printf(t, "scalar");
    for (int i = 0; i < v->shape.rank; i++) {
        if (i) text_printf(t, " x ");
        if (v->symbol[i]) write_symbol(t, v->symbol[i], v->shape.dim[i]);
        else text_printf(t, "%" PRId64, v->shape.dim[i]);
    }
}

/* To `digits` digits; a NaN without its sign. */
static void write_real(text *t, double x, int digits) {
    if (isfinite(x)) text_printf(t, "%.*g", digits, x);
    else text_printf(t, "%s", isnan(x) ? "nan" : x > 0 ? "inf" : "-inf");
}

static void write_element(text *t, const tensor *data, int64_t i) {
    if (dtype_is_float(data->type)) write_real(t, tensor_f64(data, i), data->type == STRIA_FLOAT64 ? 17 : 9);
    else text_printf(t, "%" PRId64, tensor_i64(data, i));
}

/* ---- values ---- */

/* All elements are one finite number. */
static bool is_uniform(const tensor *data, double *number) {
    int64_t n = shape_count(&data->shape);
    size_t one = dtype_bytes(data->type);
    if (n < 1 || !isfinite(*number = tensor_f64(data, 0))) return false;
    return memcmp(data->data, (const char *)data->data + one, data->bytes - one) == 0;
}

static void write_state(text *t, const value *v) {
    double fill;
    write_word(t, v->name);
    text_printf(t, " = %s(", v->role == ROLE_STATISTIC ? "statistic" : "parameter");
    write_shape(t, v);
    if (is_uniform(v->data, &fill)) text_printf(t, ", fill=%.9g", fill);
    if (v->frozen) text_printf(t, ", frozen=1");
    text_printf(t, ")\n");
}

/* beside: the contents of large ones lie in a file. */
static stria_status write_constant(text *t, const value *v, bool beside, stria_error *err) {
    int64_t n = shape_count(&v->shape);
    if (net_is_large(v) && !beside)
        FAIL(err, STRIA_UNSUPPORTED,
             "constant '%s' has %" PRId64 " elements, text holds at most %d; a .net file has such a constant beside it",
             v->name, n, NET_CONSTANT_MAX);
    write_word(t, v->name);
    text_printf(t, " = constant(");
    write_shape(t, v);
    if (net_is_large(v)) {
        text_printf(t, ")\n");
        return STRIA_OK;
    }
    for (int64_t i = 0; i < n; i++) {
        text_printf(t, "%s", i ? ", " : ", [");
        write_element(t, v->data, i);
    }
    text_printf(t, n ? "])\n" : ", [])\n");
    return STRIA_OK;
}

static stria_status write_value(text *t, const value *v, bool beside, stria_error *err) {
    if (v->kind == VALUE_CONSTANT) return write_constant(t, v, beside, err);
    if (v->kind == VALUE_STATE && v->role == ROLE_OPTIMIZER)
        FAIL(err, STRIA_UNSUPPORTED, "'%s' is the optimiser's and belongs to training, not to a model", v->name);
    if (v->kind == VALUE_STATE) write_state(t, v);
    if (v->kind != VALUE_INPUT) return STRIA_OK;
    write_word(t, v->name);
    text_printf(t, " = input(");
    write_shape(t, v);
    text_printf(t, ")\n");
    return STRIA_OK;
}

/* ---- nodes ---- */

/* Between arguments, not before the first; a word that ends in a bracket would be quoted. */
static void write_comma(text *t) {
    if (t->length && t->data[t->length - 1] != '(') text_printf(t, ", ");
}

/* "float32:0.5". Of one element, whose shape does not matter, or of one dimension. */
static stria_status write_tensor(text *t, const node *n, const attr_field *f, const tensor *x, stria_error *err) {
    int64_t count = shape_count(&x->shape);
    if (x->shape.rank > 1 || count > NET_CONSTANT_MAX)
        FAIL(err, STRIA_UNSUPPORTED, "layer '%s': attribute '%s' is a tensor of %d dimensions and %" PRId64 " elements",
             n->name, f->name, x->shape.rank, count);
    if (count != 1) text_append(t, "\"", 1);
    text_printf(t, "%s:", dtype_name(x->type));
    for (int64_t i = 0; i < count; i++) {
        if (i) text_printf(t, ",");
        write_element(t, x, i);
    }
    if (count != 1) text_append(t, "\"", 1);
    return STRIA_OK;
}

static stria_status write_attribute(text *t, const node *n, const attr_field *f, stria_error *err) {
    const void *p = (const char *)n->attributes + f->offset;
    const ints *whole = p;
    const floats *real = p;
    const strings *word = p;
    write_comma(t);
    text_printf(t, "%s=", f->name);
    switch (f->kind) {
    case ATTR_INT:
        text_printf(t, "%" PRId64, *(const int64_t *)p);
        break;
    case ATTR_FLOAT:
        write_real(t, (double)*(const float *)p, 9);
        break;
    case ATTR_STRING:
        write_word(t, *(const char *const *)p);
        break;
    case ATTR_INTS:
        for (int64_t i = 0; i < whole->count; i++) text_printf(t, "%s%" PRId64, i ? "," : "[", whole->value[i]);
        text_printf(t, whole->count ? "]" : "[]");
        break;
    case ATTR_FLOATS:
        for (int64_t i = 0; i < real->count; i++) {
            text_printf(t, "%s", i ? "," : "[");
            write_real(t, (double)real->value[i], 9);
        }
        text_printf(t, real->count ? "]" : "[]");
        break;
    case ATTR_STRINGS:
        for (int64_t i = 0; i < word->count; i++) text_printf(t, "%s%s", i ? "," : "[", word->value[i]);
        text_printf(t, word->count ? "]" : "[]");
        break;
    case ATTR_TENSOR:
        return write_tensor(t, n, f, *(tensor *const *)p, err);
    }
    return STRIA_OK;
}

/* Writes the fields that differ from what reading sets. A string without a default may be NULL, which text cannot
 * express. */
static stria_status write_attributes(text *t, const node *n, const void *defaults, stria_error *err) {
    for (const attr_field *f = n->op->fields; f->name; f++) {
        attr_field one[2] = {*f, {0}};
        op_def single = *n->op;
        single.fields = one;
        if (f->required || !attributes_equal(&single, n->attributes, defaults)) TRY(write_attribute(t, n, f, err));
    }
    return STRIA_OK;
}

/* What a reader would refuse is not written. Items are within its limit: a node has at most OP_UNBOUNDED inputs. */
static stria_status line_check(const text *t, size_t start, const node *n, stria_error *err) {
    if (t->length - start > NET_LINE_BYTES_MAX)
        FAIL(err, STRIA_UNSUPPORTED,
             "layer '%s' (%s) is a line of %zu bytes, of .net text at most %d; ONNX has no such limit", n->name,
             n->op->name, t->length - start, NET_LINE_BYTES_MAX);
    return STRIA_OK;
}

static stria_status write_node(text *t, const node *n, stria_error *err) {
    size_t start = t->length;
    if (*n->op->domain || n->epilogue.activation || node_own_inputs(n) != n->in_count)
        FAIL(err, STRIA_UNSUPPORTED, "layer '%s' (%s) belongs to training or is fused, not part of a model", n->name,
             n->op->name);
    for (int i = 0; i < n->out_count; i++) {
        if (i) text_printf(t, ", ");
        if (n->out[i]) write_word(t, n->out[i]->name);
        else text_printf(t, "-");
    }
    text_printf(t, " = %s(", n->op->name);
    int count = n->in_count;
    while (count && !n->in[count - 1]) count--;
    for (int i = 0; i < count; i++) {
        write_comma(t);
        if (n->in[i]) write_word(t, n->in[i]->name);
        else text_printf(t, "-");
    }
    arena a;
    arena_init(&a);
    void *defaults = arena_alloc(&a, n->op->attribute_bytes + 1);
    stria_status status = defaults ? attributes_default(n->op, defaults, &a, err)
                                   : error_set(err, STRIA_NO_MEMORY, "not enough memory for a node");
    if (status == STRIA_OK) status = write_attributes(t, n, defaults, err);
    arena_release(&a);
    TRY(status);
    if (!n->out[0] || strcmp(n->name, n->out[0]->name) != 0) {
        write_comma(t);
        text_printf(t, "name=");
        write_word(t, n->name);
    }
    TRY(line_check(t, start, n, err));
    text_printf(t, ")\n");
    return STRIA_OK;
}

/* ---- the whole ---- */

stria_status net_write_beside(const graph *g, const char *file, text *out, stria_error *err) {
    if (g->update_count)
        FAIL(err, STRIA_UNSUPPORTED, "variable '%s' is assigned on every run; this file format cannot express that",
             g->updates[0].state->name);
    text_printf(out, "stria-net 1\nname(");
    write_word(out, g->name);
    text_printf(out, ")\n");
    for (int i = 0; i < g->metadata_count; i++) {
        if (strcmp(g->metadata[i].key, MODEL_WEIGHTS) == 0) continue; /* the text has none */
        text_printf(out, "metadata(");
        write_word(out, g->metadata[i].key);
        text_printf(out, ", ");
        write_word(out, g->metadata[i].value);
        text_printf(out, ")\n");
    }
    if (file) {
        text_printf(out, "tensors(");
        write_word(out, file);
        text_printf(out, ")\n");
    }
    for (int i = 0; i < g->value_count; i++) TRY(write_value(out, g->values[i], file != NULL, err));
    for (int i = 0; i < g->node_count; i++) TRY(write_node(out, g->nodes[i], err));
    for (int i = 0; i < g->output_count; i++) {
        text_printf(out, "output(");
        write_word(out, g->outputs[i]->name);
        if (g->output_names[i] && strcmp(g->output_names[i], g->outputs[i]->name) != 0) {
            text_printf(out, ", ");
            write_word(out, g->output_names[i]);
        }
        text_printf(out, ")\n");
    }
    return text_check(out, err);
}

stria_status net_write(const graph *g, text *out, stria_error *err) {
    return net_write_beside(g, NULL, out, err);
}
