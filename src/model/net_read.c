/* .net text → graph: each statement is a layer, an operator, or one of the few calls of the table `calls`. */
#include "model/net.h"

#include "graph/names.h"
#include "model/net_lexer.h"
#include "op/build.h"
#include "op/init.h"

#include <string.h>

#define HEADER         "stria-net 1"
#define FILE_MAX       ((size_t)64 << 20)
#define ARGUMENTS_MAX  1024
#define NUMBERS_MAX    RANK_MAX
#define PARAMETERS_MAX ((int64_t)1 << 28) /* elements in a file: a line of text must not take the machine's memory */

typedef struct net_reader {
    net_lexer lexer;
    arena arena;
    graph *g;
    name_table *names; /* of values, as the file calls them */
    uint64_t seed;
    int64_t parameters; /* elements so far */
    value *last;
    int column; /* of what is being looked at, for sentences */
} net_reader;

/* A failure of the statement, at one of its items. */
#define FAIL_AT(r, item, ...)                                                                                          \
    do {                                                                                                               \
        (r)->column = (item)->column;                                                                                  \
        FAIL(err, STRIA_BAD_FILE, __VA_ARGS__);                                                                        \
    } while (0)

static stria_status no_memory(stria_error *err) { FAIL(err, STRIA_NO_MEMORY, "not enough memory for a network"); }

/* ---- names ---- */

static stria_status value_unknown(net_reader *r, const net_item *item, stria_error *err) {
    const char *names[256], *nearest;
    int n = 0;
    for (int i = r->g->value_count - 1; i >= 0 && n < 256; i--) names[n++] = r->g->values[i]->name;
    nearest = text_nearest(item->text, names, n);
    FAIL_AT(r, item, "there is no '%s' so far%s%s%s", item->text, nearest ? "; did you mean '" : "", nearest ? nearest : "",
            nearest ? "'?" : "");
}

static stria_status value_find(net_reader *r, const net_item *item, value **out, stria_error *err) {
    *out = NULL;
    if (item->kind == NET_WORD && strcmp(item->text, "-") == 0) return STRIA_OK;
    *out = name_table_value(r->names, item->text);
    if (!*out) *out = graph_find_value(r->g, item->text);
    return *out ? STRIA_OK : value_unknown(r, item, err);
}

static stria_status value_name(net_reader *r, const net_item *item, value *v, stria_error *err) {
    const char *name = arena_strdup(&r->arena, item->text);
    if (name_table_value(r->names, item->text)) FAIL_AT(r, item, "'%s' is there already", item->text);
    if (!name) return no_memory(err);
    r->last = v;
    return name_table_put_value(r->names, name, v, err);
}

/* ---- arguments ---- */

static const net_item *option_find(const net_statement *s, const char *key) {
    for (int i = 0; i < s->argument_count; i++)
        if (s->arguments[i].key && strcmp(s->arguments[i].key, key) == 0) return &s->arguments[i];
    return NULL;
}

/* Refuses options that are not in the NULL-terminated list. */
static stria_status options_check(net_reader *r, const net_statement *s, const char *const *known, stria_error *err) {
    for (int i = 0; i < s->argument_count; i++) {
        int k = 0;
        if (!s->arguments[i].key) continue;
        while (known[k] && strcmp(known[k], s->arguments[i].key) != 0) k++;
        if (!known[k]) FAIL_AT(r, &s->arguments[i], "%s has no option '%s'", s->call.text, s->arguments[i].key);
    }
    return STRIA_OK;
}

static stria_status option_number(net_reader *r, const net_statement *s, const char *key, double *out, stria_error *err) {
    const net_item *o = option_find(s, key);
    if (o && !text_to_double(o->text, out)) FAIL_AT(r, o, "%s is '%s', expected a number", key, o->text);
    return STRIA_OK;
}

static stria_status size_parse(net_reader *r, const net_item *item, char *text, value *symbols, int64_t *size,
                               const char **symbol, stria_error *err) {
    char *colon = strrchr(text, ':'), *copy;
    *symbol = NULL;
    *size = 1;
    if (text_to_int(text, size) && *size >= 0) return STRIA_OK;
    if (!symbols || !*text || net_is_number(text)) FAIL_AT(r, item, "'%s' is not a size", text);
    *symbol = copy = arena_strdup(&r->g->arena, text);
    if (!copy) return no_memory(err);
    *size = 1;
    if (colon && colon > text && text_to_int(colon + 1, size) && *size > 0) copy[colon - text] = 0;
    else if (colon) FAIL_AT(r, item, "'%s' is not a size", text);
    return STRIA_OK;
}

/* Sizes are separated by commas (the lexer's "a x b") and, within one that starts with a digit, by x: "1x28x28".
 * symbols: where names of open dimensions go, NULL: none are allowed. */
static stria_status shape_parse(net_reader *r, const net_item *item, shape *out, value *symbols, stria_error *err) {
    char *text = arena_strdup(&r->arena, item->text), *at = text;
    *out = (shape){0};
    if (!text) return no_memory(err);
    if (item->kind == NET_WORD && strcmp(text, "scalar") == 0) return STRIA_OK;
    while (at) {
        char *next = strpbrk(at, *at >= '0' && *at <= '9' ? ",x" : ",");
        const char *symbol;
        if (next) *next++ = 0;
        if (out->rank == RANK_MAX) FAIL_AT(r, item, "more than %d dimensions", RANK_MAX);
        TRY(size_parse(r, item, at, symbols, &out->dim[out->rank], &symbol, err));
        if (symbols) symbols->symbol[out->rank] = symbol;
        out->rank++;
        at = next;
    }
    if (shape_count(out) < 0) FAIL_AT(r, item, "the shape has too many elements");
    return STRIA_OK;
}

/* "[type,] shape" at the front of the arguments; *used says how many there were. */
static stria_status typed_shape(net_reader *r, const net_statement *s, dtype *type, shape *out, value *symbols, int *used,
                                stria_error *err) {
    int i = 0;
    *type = STRIA_FLOAT32;
    if (s->argument_count && !s->arguments[0].key && dtype_from_name(s->arguments[0].text)) *type = dtype_from_name(s->arguments[i++].text);
    if (i >= s->argument_count || s->arguments[i].key || s->arguments[i].kind == NET_LIST)
        FAIL_AT(r, &s->call, "%s needs a shape, as in %s(1 x 28 x 28)", s->call.text, s->call.text);
    TRY(shape_parse(r, &s->arguments[i], out, symbols, err));
    *used = i + 1;
    return STRIA_OK;
}

static stria_status positional_end(net_reader *r, const net_statement *s, int used, stria_error *err) {
    for (int i = used; i < s->argument_count; i++)
        if (!s->arguments[i].key) FAIL_AT(r, &s->arguments[i], "%s takes no '%s' here", s->call.text, s->arguments[i].text);
    return STRIA_OK;
}

/* ---- calls that are no operators ---- */

static const char *const no_options[] = {NULL};

static stria_status one_result(net_reader *r, const net_statement *s, stria_error *err) {
    if (s->result_count != 1) FAIL_AT(r, &s->call, "%s makes one value: NAME = %s(…)", s->call.text, s->call.text);
    return STRIA_OK;
}

static stria_status call_input(net_reader *r, const net_statement *s, stria_error *err) {
    dtype type;
    shape dims;
    value *v, symbols = {0};
    int used;
    TRY(one_result(r, s, err));
    TRY(options_check(r, s, no_options, err));
    TRY(typed_shape(r, s, &type, &dims, &symbols, &used, err));
    TRY(positional_end(r, s, used, err));
    TRY(graph_add_input(r->g, s->results[0].text, type, &dims, &v, err));
    memcpy(v->symbol, symbols.symbol, sizeof v->symbol);
    return value_name(r, &s->results[0], v, err);
}

static stria_status budget_take(net_reader *r, const net_item *item, int64_t elements, stria_error *err) {
    if (elements < 0 || elements > PARAMETERS_MAX - r->parameters)
        FAIL_AT(r, item, "the network would have more than %lld parameters", (long long)PARAMETERS_MAX);
    r->parameters += elements;
    return STRIA_OK;
}

/* A state filled with one number. */
static stria_status state_filled(net_reader *r, const net_statement *s, value_role role, dtype type, const shape *dims,
                                 value **out, stria_error *err) {
    tensor *t;
    double fill = 0;
    TRY(option_number(r, s, "fill", &fill, err));
    TRY(tensor_new(&t, type, dims, s->results[0].text, err));
    for (int64_t i = 0, n = shape_count(dims); fill != 0 && i < n; i++) tensor_put(t, i, fill);
    stria_status status = graph_add_state(r->g, s->results[0].text, role, t, out, err);
    tensor_release(t);
    return status;
}

static stria_status state_call(net_reader *r, const net_statement *s, value_role role, stria_error *err) {
    static const char *const options[] = {"init", "fill", "frozen", NULL};
    dtype type;
    shape dims;
    value *v;
    int used;
    double frozen = 0;
    TRY(one_result(r, s, err));
    TRY(options_check(r, s, options, err));
    TRY(typed_shape(r, s, &type, &dims, NULL, &used, err));
    TRY(positional_end(r, s, used, err));
    TRY(option_number(r, s, "frozen", &frozen, err));
    TRY(budget_take(r, &s->call, shape_count(&dims), err));
    const net_item *init = option_find(s, "init"), *name = &s->results[0];
    bool filled = option_find(s, "fill") || (!init && (role == ROLE_STATISTIC || dims.rank < 2)) || !dtype_is_float(type);
    if (filled) TRY(state_filled(r, s, role, type, &dims, &v, err));
    else TRY(init_parameter(r->g, name->text, type, &dims, init ? init->text : "glorot-uniform", r->seed, &v, err));
    v->role = role;
    v->frozen = frozen != 0;
    return value_name(r, name, v, err);
}

static stria_status call_parameter(net_reader *r, const net_statement *s, stria_error *err) { return state_call(r, s, ROLE_PARAMETER, err); }
static stria_status call_statistic(net_reader *r, const net_statement *s, stria_error *err) { return state_call(r, s, ROLE_STATISTIC, err); }

static int64_t list_count(const char *list) {
    int64_t n = *list != 0;
    for (; *list; list++) n += *list == ',';
    return n;
}

/* One number of a list into element i; whole types are read as integers, so that 64 bits stay exact. */
static bool element_parse(tensor *t, int64_t i, const char *text) {
    int64_t whole;
    double real;
    if (!dtype_is_float(t->type) && text_to_int(text, &whole)) {
        convert_from_i64((char *)t->data + (size_t)i * dtype_bytes(t->type), t->type, &whole, 1);
        return true;
    }
    if (!text_to_double(text, &real) || !dtype_is_float(t->type)) return false;
    tensor_put(t, i, real);
    return true;
}

static stria_status list_parse(net_reader *r, const net_item *item, tensor *t, stria_error *err) {
    char *at = arena_strdup(&r->arena, item->text);
    if (!at) return no_memory(err);
    for (int64_t i = 0, n = shape_count(&t->shape); i < n; i++) {
        size_t length = strcspn(at, ",");
        char *next = at[length] ? at + length + 1 : at + length;
        at[length] = 0;
        if (!element_parse(t, i, at)) FAIL_AT(r, item, "'%s' is not of type %s", at, dtype_name(t->type));
        at = next;
    }
    return STRIA_OK;
}

static stria_status call_constant(net_reader *r, const net_statement *s, stria_error *err) {
    dtype type;
    shape dims;
    value *v;
    tensor *t;
    int used;
    TRY(one_result(r, s, err));
    TRY(options_check(r, s, no_options, err));
    TRY(typed_shape(r, s, &type, &dims, NULL, &used, err));
    if (used >= s->argument_count || s->arguments[used].kind != NET_LIST) FAIL_AT(r, &s->call, "a constant needs a list, as in [1, 2]");
    TRY(positional_end(r, s, used + 1, err));
    const net_item *list = &s->arguments[used];
    if (list_count(list->text) != shape_count(&dims))
        FAIL_AT(r, list, "%lld numbers for %lld elements", (long long)list_count(list->text), (long long)shape_count(&dims));
    TRY(tensor_new(&t, type, &dims, s->results[0].text, err));
    stria_status status = list_parse(r, list, t, err);
    if (status == STRIA_OK) status = graph_add_constant(r->g, s->results[0].text, t, &v, err);
    tensor_release(t);
    return status == STRIA_OK ? value_name(r, &s->results[0], v, err) : status;
}

static stria_status call_output(net_reader *r, const net_statement *s, stria_error *err) {
    value *v = NULL;
    TRY(options_check(r, s, no_options, err));
    if (s->result_count || s->argument_count < 1 || s->argument_count > 2) FAIL_AT(r, &s->call, "expected output(VALUE) or output(VALUE, NAME)");
    TRY(value_find(r, &s->arguments[0], &v, err));
    if (!v) FAIL_AT(r, &s->arguments[0], "an output cannot be absent");
    return graph_add_output(r->g, v, s->argument_count == 2 ? s->arguments[1].text : s->arguments[0].text, err);
}

static stria_status call_metadata(net_reader *r, const net_statement *s, stria_error *err) {
    TRY(options_check(r, s, no_options, err));
    if (s->result_count || s->argument_count != 2) FAIL_AT(r, &s->call, "expected metadata(KEY, TEXT)");
    if (r->g->metadata_count >= 1000) FAIL_AT(r, &s->call, "more than 1000 entries of metadata");
    return graph_set_metadata(r->g, s->arguments[0].text, s->arguments[1].text, err);
}

static stria_status call_name(net_reader *r, const net_statement *s, stria_error *err) {
    if (s->result_count || s->argument_count != 1 || s->arguments[0].key) FAIL_AT(r, &s->call, "expected name(NAME)");
    r->g->name = arena_strdup(&r->g->arena, s->arguments[0].text);
    return r->g->name ? STRIA_OK : no_memory(err);
}

static const struct {
    const char *name;
    stria_status (*read)(net_reader *r, const net_statement *s, stria_error *err);
} calls[] = {
    {"input", call_input},   {"parameter", call_parameter}, {"statistic", call_statistic}, {"constant", call_constant},
    {"output", call_output}, {"metadata", call_metadata},   {"name", call_name},
};
#define CALLS (int)(sizeof calls / sizeof *calls)

/* ---- operators ---- */

static stria_status inputs_find(net_reader *r, const net_statement *s, value **in, int *count, stria_error *err) {
    *count = 0;
    for (int i = 0; i < s->argument_count; i++) {
        if (s->arguments[i].key) continue;
        if (*count == ARGUMENTS_MAX) FAIL_AT(r, &s->arguments[i], "more than %d inputs", ARGUMENTS_MAX);
        TRY(value_find(r, &s->arguments[i], &in[(*count)++], err));
    }
    return STRIA_OK;
}

static stria_status attributes_read(net_reader *r, const net_statement *s, const op_def *op, void *attributes, stria_error *err) {
    TRY(attributes_default(op, attributes, &r->arena, err));
    for (int i = 0; i < s->argument_count; i++) {
        const net_item *o = &s->arguments[i];
        if (!o->key || strcmp(o->key, "name") == 0) continue;
        r->column = o->column;
        TRY(attribute_set(op, attributes, o->key, o->text, &r->arena, err));
    }
    for (const attr_field *f = op->fields; f && f->name; f++)
        if (f->required && !option_find(s, f->name)) FAIL_AT(r, &s->call, "%s needs %s=…", op->name, f->name);
    return STRIA_OK;
}

static stria_status call_operator(net_reader *r, const net_statement *s, const op_def *op, stria_error *err) {
    value *in[ARGUMENTS_MAX];
    const char *names[32];
    const net_item *given = option_find(s, "name");
    int count;
    node *n;
    if (s->result_count < op->out_min || s->result_count > op->out_max || s->result_count > 32)
        FAIL_AT(r, &s->call, "%s makes %d values, %d are named", op->name, op->out_min, s->result_count);
    TRY(inputs_find(r, s, in, &count, err));
    void *attributes = arena_alloc(&r->arena, op->attribute_bytes + 1);
    if (!attributes) return no_memory(err);
    TRY(attributes_read(r, s, op, attributes, err));
    r->column = s->call.column;
    for (int i = 0; i < s->result_count; i++) {
        bool absent = s->results[i].kind == NET_WORD && strcmp(s->results[i].text, "-") == 0;
        names[i] = absent ? "" : s->results[i].text;
    }
    const char *name = given ? given->text : *names[0] ? names[0] : NULL;
    TRY(graph_add_node(r->g, op, name, in, count, attributes, s->result_count, names, &n, err));
    for (int i = 0; i < s->result_count; i++)
        if (n->out[i]) TRY(value_name(r, &s->results[i], n->out[i], err));
    r->last = n->out[0];
    return STRIA_OK;
}

/* ---- layers ---- */

static const layer_def *layer_find(const char *name) {
    for (const layer_def *l = layer_all(); l->name; l++)
        if (strcmp(l->name, name) == 0) return l;
    return NULL;
}

static int64_t times(int64_t a, int64_t b) {
    int64_t c;
    return a < 0 || b < 0 || __builtin_mul_overflow(a, b, &c) ? -1 : c;
}

/* The weights that a layer is about to make: number × channels × kernel, or number × everything of an image. */
static int64_t layer_elements(const net_statement *s, const value *x, int64_t number) {
    const net_item *kernel = option_find(s, "kernel");
    int64_t n = number, k, last = 1;
    if (!kernel) {
        for (int i = 1; i < x->shape.rank; i++) n = times(n, x->shape.dim[i]);
        return n;
    }
    if (x->shape.rank > 1) n = times(n, x->shape.dim[1]);
    char item[32];
    const char *at = kernel->text;
    for (int i = 0; i < 2; i++) {
        size_t length = strcspn(at, ",");
        if (length && length < sizeof item) {
            memcpy(item, at, length);
            item[length] = 0;
            if (text_to_int(item, &k)) last = k;
        }
        n = times(n, last);
        at += length + (at[length] == ',');
    }
    return n;
}

static stria_status layer_arguments(net_reader *r, const net_statement *s, const layer_def *l, value **in, int *in_count,
                                    int64_t *numbers, int *number_count, stria_error *err) {
    *in_count = *number_count = 0;
    for (int i = 0; i < s->argument_count; i++) {
        const net_item *o = &s->arguments[i];
        int64_t number;
        if (o->key) continue;
        if (o->kind == NET_WORD && text_to_int(o->text, &number)) {
            if (!l->numbers) FAIL_AT(r, o, "%s takes no numbers", l->name);
            if (*number_count == NUMBERS_MAX) FAIL_AT(r, o, "more than %d numbers", NUMBERS_MAX);
            numbers[(*number_count)++] = number;
        } else {
            if (*in_count == l->in) FAIL_AT(r, o, "%s takes %d value%s, '%s' is one more", l->name, l->in, l->in == 1 ? "" : "s", o->text);
            TRY(value_find(r, o, &in[(*in_count)++], err));
        }
    }
    return STRIA_OK;
}

/* "key=value key=value name=NAME". */
static stria_status layer_options(net_reader *r, const net_statement *s, text *out, stria_error *err) {
    for (int i = 0; i < s->argument_count; i++) {
        const net_item *o = &s->arguments[i];
        if (o->key && strpbrk(o->text, " \t\n")) FAIL_AT(r, o, "a layer's option has no spaces");
        if (o->key) text_printf(out, "%s=%s ", o->key, o->text);
    }
    if (strpbrk(s->results[0].text, " \t\n")) FAIL_AT(r, &s->results[0], "a layer's name has no spaces");
    if (!option_find(s, "name")) text_printf(out, "name=%s", s->results[0].text);
    return text_check(out, err);
}

static stria_status call_layer(net_reader *r, const net_statement *s, const layer_def *l, stria_error *err) {
    value *in[8], *v;
    int64_t numbers[NUMBERS_MAX];
    int in_count, number_count;
    text options = {0};
    if (s->result_count != 1 || l->in > 8) FAIL_AT(r, &s->call, "a layer makes one value: NAME = %s(…)", l->name);
    TRY(layer_arguments(r, s, l, in, &in_count, numbers, &number_count, err));
    if (l->numbers && number_count == 1 && in_count && in[0] && strcmp(l->numbers, "shape") != 0)
        TRY(budget_take(r, &s->call, layer_elements(s, in[0], numbers[0]), err));
    r->column = s->call.column;
    stria_status status = layer_options(r, s, &options, err);
    if (status == STRIA_OK)
        status = layer_build(r->g, l->name, in, in_count, numbers, number_count, text_string(&options), r->seed, &v, err);
    text_release(&options);
    return status == STRIA_OK ? value_name(r, &s->results[0], v, err) : status;
}

/* ---- the whole ---- */

static stria_status call_unknown(net_reader *r, const net_statement *s, stria_error *err) {
    const char *names[512], *nearest;
    int n = 0;
    for (int i = 0; i < CALLS; i++) names[n++] = calls[i].name;
    for (const layer_def *l = layer_all(); l->name && n < 512; l++) names[n++] = l->name;
    for (const op_def *const *op = op_all(); *op && n < 512; op++) names[n++] = (*op)->name;
    nearest = text_nearest(s->call.text, names, n);
    FAIL_AT(r, &s->call, "there is no layer or operator '%s'%s%s%s", s->call.text, nearest ? "; did you mean '" : "",
            nearest ? nearest : "", nearest ? "'?" : "");
}

static stria_status statement_read(net_reader *r, const net_statement *s, stria_error *err) {
    const op_def *op;
    r->column = s->call.column;
    for (int i = 0; i < CALLS; i++)
        if (strcmp(calls[i].name, s->call.text) == 0) return calls[i].read(r, s, err);
    const layer_def *layer = layer_find(s->call.text);
    if (layer) return call_layer(r, s, layer, err);
    if (op_find_any(s->call.text, &op, NULL) != STRIA_OK) return call_unknown(r, s, err);
    return call_operator(r, s, op, err);
}

static stria_status header_check(net_reader *r, size_t size, stria_error *err) {
    size_t n = strlen(HEADER);
    r->lexer.line = r->column = 1;
    if (size > FILE_MAX) FAIL(err, STRIA_BAD_FILE, "a .net file of more than 64 MiB");
    if (size < n || memcmp(r->lexer.at, HEADER, n) != 0 || (size > n && !strchr(" \t\r\n#", r->lexer.at[n])))
        FAIL(err, STRIA_BAD_FILE, "the first line of a .net file is '" HEADER "'");
    const char *end = memchr(r->lexer.at, '\n', size);
    r->lexer.at = end ? end + 1 : r->lexer.end;
    return STRIA_OK;
}

static stria_status statements_read(net_reader *r, size_t size, stria_error *err) {
    net_statement s;
    bool more = true;
    TRY(header_check(r, size, err));
    while (more) {
        TRY(net_next(&r->lexer, &s, &more, &r->column, err));
        if (s.call.text) TRY(statement_read(r, &s, err));
    }
    if (r->g->output_count) return STRIA_OK;
    if (!r->last) FAIL(err, STRIA_BAD_FILE, "the network is empty");
    return graph_add_output(r->g, r->last, NULL, err);
}

stria_status net_read(graph **out, const char *data, size_t size, const char *file_name, uint64_t seed, stria_error *err) {
    net_reader r = {.seed = seed, .column = 1};
    arena_init(&r.arena);
    r.lexer = (net_lexer){.data = data, .at = data, .end = data + size, .line_start = data, .arena = &r.arena};
    stria_status status = graph_new(&r.g, "net", err);
    if (status == STRIA_OK) status = name_table_new(&r.names, err);
    if (status == STRIA_OK) {
        status = statements_read(&r, size, err);
        if (status != STRIA_OK)
            error_prefix(err, "%s:%d:%d: ", file_name ? file_name : "net", r.lexer.line, r.column);
    }
    name_table_free(r.names);
    arena_release(&r.arena);
    if (status == STRIA_OK) *out = r.g;
    else graph_free(r.g);
    return status;
}
