#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

/* One item of a case's inputs. */
typedef struct item {
    bool absent, given, open;
    dtype type;
    shape shape;
    double low, high, value[256];
    uint64_t whole[256]; /* the same of integer types, exactly */
    int value_count;
} item;

static bool parse_shape(const char *at, shape *s) {
    s->rank = 0;
    while (*at) {
        char *end;
        if (s->rank == RANK_MAX) return false;
        s->dim[s->rank++] = strtoll(at, &end, 10);
        if (end == at || (*end && *end != 'x')) return false;
        at = *end ? end + 1 : end;
    }
    return true;
}

static bool parse_values(const char *at, item *it) {
    it->given = true;
    while (*at && it->value_count < 256) {
        char *end;
        it->whole[it->value_count] = strtoull(at, NULL, 10);
        it->value[it->value_count++] = strtod(at, &end);
        if (end == at || (*end && *end != ',')) return false;
        at = *end ? end + 1 : end;
    }
    return true;
}

/* "a..b"; strtod would take the first of the dots. */
static void parse_range(const char *range, item *it) {
    char low[32];
    size_t length = (size_t)(strstr(range, "..") - range);
    snprintf(low, sizeof low, "%.*s", (int)length, range);
    it->low = atof(low);
    it->high = atof(range + length + 2);
}

static bool parse_prefix(const char *prefix, item *it, dtype float_type) {
    static const struct {
        const char *name;
        dtype type;
    } kinds[] = {{"i64=", STRIA_INT64},
                 {"u64=", STRIA_UINT64},
                 {"i32=", STRIA_INT32},
                 {"u8=", STRIA_UINT8},
                 {"bool=", STRIA_BOOL},
                 {"f8=", STRIA_FLOAT8E4M3FN},
                 {"f=", 0}},
      types[] = {{"i64", STRIA_INT64},
                 {"f64", STRIA_FLOAT64},
                 {"f16", STRIA_FLOAT16},
                 {"u8", STRIA_UINT8},
                 {"bool", STRIA_BOOL}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(prefix, types[i].name) == 0) {
            it->type = types[i].type;
            it->low = 0, it->high = 2;
            return true;
        }
    it->type = float_type;
    it->low = -1, it->high = 1;
    if (strcmp(prefix, "pos") == 0) it->low = 0.5, it->high = 1.5;
    if (!*prefix || strcmp(prefix, "pos") == 0) return true;
    if (strstr(prefix, "..")) {
        parse_range(prefix, it);
        return true;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t length = strlen(kinds[i].name);
        if (strncmp(prefix, kinds[i].name, length) != 0) continue;
        if (kinds[i].type) it->type = kinds[i].type;
        return parse_values(prefix + length, it);
    }
    return false;
}

static bool parse_item(const char *from, size_t length, item *it, dtype float_type) {
    char copy[1024];
    if (length >= sizeof copy) return false;
    memcpy(copy, from, length);
    copy[length] = 0;
    *it = (item){.absent = strcmp(copy, "-") == 0, .open = *copy == '?'};
    if (it->absent) return true;
    char *word = copy + it->open, *colon = strrchr(word, ':');
    bool scalar = !colon && strchr(word, '=');
    if (colon) *colon = 0;
    return parse_shape(colon    ? colon + 1
                       : scalar ? ""
                                : word,
                       &it->shape) &&
           parse_prefix(colon || scalar ? word : "", it, float_type);
}

tensor *random_tensor(dtype type, const shape *s, double low, double high, uint64_t stream) {
    tensor *t = NULL;
    if (tensor_new(&t, type, s, "a test", NULL) != STRIA_OK) return NULL;
    int64_t count = shape_count(s);
    for (int64_t i = 0; i < count; i++)
        tensor_put(t, i, low + (high - low) * (double)random_uniform(7, stream, (uint64_t)i));
    return t;
}

static stria_status item_tensor(const item *it, uint64_t stream, tensor **out, stria_error *err) {
    int64_t count = shape_count(&it->shape);
    if (it->given && it->value_count != count)
        FAIL(err, STRIA_BAD_ARGUMENT, "%d contents for %lld elements", it->value_count, (long long)count);
    *out = random_tensor(it->type, &it->shape, it->low, it->high, stream);
    if (!*out) FAIL(err, STRIA_NO_MEMORY, "no memory for a case");
    for (int64_t i = 0; it->given && i < count; i++)
        if (dtype_bytes(it->type) == 8 && !dtype_is_float(it->type)) ((uint64_t *)(*out)->data)[i] = it->whole[i];
        else tensor_put(*out, i, it->value[i]);
    return STRIA_OK;
}

static stria_status add_inputs(case_graph *c, const op_def *op, const op_case *text, dtype float_type,
                               value *in[CASE_INPUTS], int *count, stria_error *err) {
    const char *at = text->inputs;
    for (*count = 0; *at; ++*count) {
        const char *end = strstr(at, ", ");
        size_t length = end ? (size_t)(end - at) : strlen(at);
        int i = *count;
        item it;
        char name[16];
        snprintf(name, sizeof name, "in%d", i);
        if (i == CASE_INPUTS || !parse_item(at, length, &it, float_type))
            FAIL(err, STRIA_BAD_ARGUMENT, "cannot read '%s'", at);
        in[i] = NULL;
        uint64_t stream = random_hash(case_name(op, text)) + (uint64_t)i;
        if (!it.absent) TRY(item_tensor(&it, stream, &c->contents[i], err));
        if (!it.absent && !it.open && op->value_inputs >> i & 1)
            TRY(graph_add_constant(c->g, name, c->contents[i], &in[i], err));
        else if (!it.absent) TRY(graph_add_input(c->g, name, it.type, &it.shape, &in[i], err));
        at = end ? end + 2 : at + length;
    }
    return STRIA_OK;
}

stria_status case_attributes(const op_def *op, const char *text, void *attributes, arena *a, stria_error *err) {
    char copy[512], *save = NULL;
    snprintf(copy, sizeof copy, "%s", text);
    TRY(attributes_default(op, attributes, a, err));
    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        char *equals = strchr(word, '=');
        if (!equals) FAIL(err, STRIA_BAD_ARGUMENT, "'%s' has no '='", word);
        *equals = 0;
        if (strcmp(word, "outputs") == 0) continue;
        TRY(attribute_set(op, attributes, word, equals + 1, a, err));
    }
    return STRIA_OK;
}

/* How many outputs the node gets: all, or of an operator with any number what "outputs=" says. */
static int output_count(const op_def *op, const char *attributes) {
    const char *word = strstr(attributes, "outputs=");
    return op->out_max != OP_UNBOUNDED ? op->out_max : word ? atoi(word + strlen("outputs=")) : 1;
}

static stria_status fill(case_graph *c, const op_def *op, const op_case *text, dtype float_type, stria_error *err) {
    value *in[CASE_INPUTS];
    int count;
    TRY(graph_new(&c->g, "case", err));
    TRY(add_inputs(c, op, text, float_type, in, &count, err));
    void *attributes = arena_alloc(&c->g->arena, op->attribute_bytes + 1);
    if (!attributes) FAIL(err, STRIA_NO_MEMORY, "no memory for a case");
    TRY(case_attributes(op, text->attributes, attributes, &c->g->arena, err));
    return graph_add_node(c->g, op, "case", in, count, attributes, output_count(op, text->attributes), NULL, &c->n,
                          err);
}

stria_status case_new(case_graph *c, const op_def *op, const op_case *text, dtype float_type, stria_error *err) {
    *c = (case_graph){0};
    stria_status status = fill(c, op, text, float_type, err);
    if (status != STRIA_OK) case_release(c);
    return status;
}

void case_release(case_graph *c) {
    graph_free(c->g);
    for (int i = 0; i < CASE_INPUTS; i++) tensor_release(c->contents[i]);
    *c = (case_graph){0};
}

const char *case_name(const op_def *op, const op_case *text) {
    static _Thread_local char name[512];
    snprintf(name, sizeof name, "%s (%s; %s)", op->name, text->inputs, text->attributes);
    return name;
}
