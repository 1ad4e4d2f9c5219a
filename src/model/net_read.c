/* .net text → graph: each statement is a layer, an operator, or one of the few calls of the table `calls`. */
#include "model/net_reader.h"

#include "op/init.h"

#include <string.h>

#define HEADER         "stria-net 1"
#define FILE_MAX       ((size_t)64 << 20)
#define PARAMETERS_MAX ((int64_t)1 << 28) /* elements in a file: a line of text must not take the machine's memory */

static stria_status no_memory(stria_error *err) {
    FAIL(err, STRIA_NO_MEMORY, "not enough memory for a network");
}

/* ---- names ---- */

static stria_status value_unknown(net_reader *r, const net_item *item, stria_error *err) {
    const char *names[256], *nearest;
    int n = 0;
    for (int i = r->g->value_count - 1; i >= 0 && n < 256; i--) names[n++] = r->g->values[i]->name;
    nearest = text_nearest(item->text, names, n);
    FAIL_AT(r, item, "no line above defines '%s'%s%s%s", item->text, nearest ? "; did you mean '" : "",
            nearest ? nearest : "", nearest ? "'?" : "");
}

stria_status net_value_find(net_reader *r, const net_item *item, value **out, stria_error *err) {
    *out = NULL;
    if (item->kind == NET_WORD && strcmp(item->text, "-") == 0) return STRIA_OK;
    *out = name_table_value(r->names, item->text);
    if (!*out) *out = graph_find_value(r->g, item->text);
    return *out ? STRIA_OK : value_unknown(r, item, err);
}

stria_status net_value_name(net_reader *r, const net_item *item, value *v, stria_error *err) {
    const char *name = arena_strdup(&r->arena, item->text);
    if (name_table_value(r->names, item->text)) FAIL_AT(r, item, "'%s' is there already", item->text);
    if (!name) return no_memory(err);
    r->last = v;
    return name_table_put_value(r->names, name, v, err);
}

/* ---- arguments ---- */

const net_item *net_option_find(const net_statement *s, const char *key) {
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

static stria_status option_number(net_reader *r, const net_statement *s, const char *key, double *out,
                                  stria_error *err) {
    const net_item *o = net_option_find(s, key);
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
static stria_status typed_shape(net_reader *r, const net_statement *s, dtype *type, shape *out, value *symbols,
                                int *used, stria_error *err) {
    int i = 0;
    *type = STRIA_FLOAT32;
    if (s->argument_count && !s->arguments[0].key && dtype_from_name(s->arguments[0].text))
        *type = dtype_from_name(s->arguments[i++].text);
    if (i >= s->argument_count || s->arguments[i].key || s->arguments[i].kind == NET_LIST)
        FAIL_AT(r, &s->call, "%s needs a shape, as in %s(1 x 28 x 28)", s->call.text, s->call.text);
    TRY(shape_parse(r, &s->arguments[i], out, symbols, err));
    *used = i + 1;
    return STRIA_OK;
}

static stria_status positional_end(net_reader *r, const net_statement *s, int used, stria_error *err) {
    for (int i = used; i < s->argument_count; i++)
        if (!s->arguments[i].key)
            FAIL_AT(r, &s->arguments[i], "%s takes no '%s' here", s->call.text, s->arguments[i].text);
    return STRIA_OK;
}

/* ---- calls that are not operators ---- */

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
    return net_value_name(r, &s->results[0], v, err);
}

stria_status net_budget_take(net_reader *r, const net_item *item, int64_t elements, stria_error *err) {
    char most[32];
    if (elements < 0 || elements > PARAMETERS_MAX - r->parameters)
        FAIL_AT(r, item, "the network would have more than %s parameters", text_thousands(PARAMETERS_MAX, most));
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
    TRY(net_budget_take(r, &s->call, shape_count(&dims), err));
    const net_item *init = net_option_find(s, "init"), *name = &s->results[0];
    bool filled =
        net_option_find(s, "fill") || (!init && (role == ROLE_STATISTIC || dims.rank < 2)) || !dtype_is_float(type);
    if (filled) TRY(state_filled(r, s, role, type, &dims, &v, err));
    else TRY(init_parameter(r->g, name->text, type, &dims, init ? init->text : "glorot-uniform", r->seed, &v, err));
    v->role = role;
    v->frozen = frozen != 0;
    return net_value_name(r, name, v, err);
}

static stria_status call_parameter(net_reader *r, const net_statement *s, stria_error *err) {
    return state_call(r, s, ROLE_PARAMETER, err);
}
static stria_status call_statistic(net_reader *r, const net_statement *s, stria_error *err) {
    return state_call(r, s, ROLE_STATISTIC, err);
}

static int64_t list_count(const char *list) {
    int64_t n = *list != 0;
    for (; *list; list++) n += *list == ',';
    return n;
}

static stria_status list_parse(net_reader *r, const net_item *item, tensor *t, stria_error *err) {
    char *at = arena_strdup(&r->arena, item->text);
    if (!at) return no_memory(err);
    for (int64_t i = 0, n = shape_count(&t->shape); i < n; i++) {
        size_t length = strcspn(at, ",");
        char *next = at[length] ? at + length + 1 : at + length;
        at[length] = 0;
        if (!tensor_parse(t, i, at)) FAIL_AT(r, item, "'%s' is not of type %s", at, dtype_name(t->type));
        at = next;
    }
    return STRIA_OK;
}

static stria_status list_read(net_reader *r, const net_statement *s, const net_item *list, dtype type,
                              const shape *dims, tensor **out, stria_error *err) {
    if (list->kind != NET_LIST) FAIL_AT(r, list, "a constant needs a list, as in [1, 2]");
    if (list_count(list->text) != shape_count(dims))
        FAIL_AT(r, list, "%lld number%s for %lld element%s", (long long)list_count(list->text),
                text_s(list_count(list->text)), (long long)shape_count(dims), text_s(shape_count(dims)));
    TRY(tensor_new(out, type, dims, s->results[0].text, err));
    stria_status status = list_parse(r, list, *out, err);
    if (status != STRIA_OK) tensor_release(*out);
    return status;
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
    TRY(positional_end(r, s, used + 1, err));
    if (used < s->argument_count) TRY(list_read(r, s, &s->arguments[used], type, &dims, &t, err));
    else TRY(net_tensor_find(r, s, type, &dims, &t, err));
    stria_status status = graph_add_constant(r->g, s->results[0].text, t, &v, err);
    tensor_release(t);
    return status == STRIA_OK ? net_value_name(r, &s->results[0], v, err) : status;
}

static stria_status call_output(net_reader *r, const net_statement *s, stria_error *err) {
    value *v = NULL;
    TRY(options_check(r, s, no_options, err));
    if (s->result_count || s->argument_count < 1 || s->argument_count > 2)
        FAIL_AT(r, &s->call, "expected output(VALUE) or output(VALUE, NAME)");
    TRY(net_value_find(r, &s->arguments[0], &v, err));
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
    {"input", call_input},       {"parameter", call_parameter}, {"statistic", call_statistic},
    {"constant", call_constant}, {"output", call_output},       {"metadata", call_metadata},
    {"name", call_name},         {"tensors", net_call_tensors},
};
#define CALLS (int)(sizeof calls / sizeof *calls)

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
    const layer_def *layer = net_layer_find(s->call.text);
    if (layer) return net_call_layer(r, s, layer, err);
    if (op_find_any(s->call.text, &op, NULL) != STRIA_OK) return call_unknown(r, s, err);
    return net_call_operator(r, s, op, err);
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

static stria_status read(graph **out, const char *data, size_t size, const char *file_name, const char *path,
                         uint64_t seed, stria_error *err) {
    net_reader r = {.path = path, .seed = seed, .column = 1};
    arena_init(&r.arena);
    r.lexer = (net_lexer){.data = data, .at = data, .end = data + size, .line_start = data, .arena = &r.arena};
    stria_status status = graph_new(&r.g, "net", err);
    if (status == STRIA_OK) status = name_table_new(&r.names, err);
    if (status == STRIA_OK) {
        status = statements_read(&r, size, err);
        if (status != STRIA_OK) error_prefix(err, "%s:%d:%d: ", file_name ? file_name : "net", r.lexer.line, r.column);
    }
    name_table_free(r.names);
    safetensors_release(&r.tensors);
    arena_release(&r.arena);
    if (status == STRIA_OK) *out = r.g;
    else graph_free(r.g);
    return status;
}

stria_status net_read(graph **out, const char *data, size_t size, const char *file_name, uint64_t seed,
                      stria_error *err) {
    return read(out, data, size, file_name, NULL, seed, err);
}

stria_status net_read_file(graph **out, const char *data, size_t size, const char *path, uint64_t seed,
                           stria_error *err) {
    return read(out, data, size, path, path, seed, err);
}
