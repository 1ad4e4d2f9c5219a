/* Layers and operators of .net text. */
#include "model/net_reader.h"

#include <assert.h>
#include <string.h>

#define NUMBERS_MAX RANK_MAX

static stria_status no_memory(stria_error *err) {
    FAIL(err, STRIA_NO_MEMORY, "not enough memory for a network");
}

/* ---- operators ---- */

static stria_status inputs_find(net_reader *r, const net_statement *s, value **in, int *count, stria_error *err) {
    *count = 0;
    for (int i = 0; i < s->argument_count; i++) {
        if (s->arguments[i].key) continue;
        TRY(net_value_find(r, &s->arguments[i], &in[(*count)++], err));
    }
    return STRIA_OK;
}

static stria_status attributes_read(net_reader *r, const net_statement *s, const op_def *op, void *attributes,
                                    stria_error *err) {
    for (int i = 0; i < s->argument_count; i++) {
        const net_item *o = &s->arguments[i];
        if (!o->key || strcmp(o->key, "name") == 0) continue;
        r->column = o->column;
        TRY(attribute_set(op, attributes, o->key, o->text, &r->arena, err));
    }
    for (const attr_field *f = op->fields; f->name; f++)
        if (f->required && !net_option_find(s, f->name)) FAIL_AT(r, &s->call, "%s needs %s=…", op->name, f->name);
    return STRIA_OK;
}

static stria_status operator_add(net_reader *r, const net_statement *s, const op_def *op, void *attributes,
                                 stria_error *err) {
    value **in = arena_alloc(&r->arena, sizeof *in * ((size_t)s->argument_count + 1));
    const char **names = arena_alloc(&r->arena, sizeof *names * ((size_t)s->result_count + 1));
    const net_item *given = net_option_find(s, "name");
    int count;
    node *n;
    if (!in || !names) return no_memory(err);
    if (s->result_count < op->out_min || s->result_count > op->out_max)
        FAIL_AT(r, &s->call, "%s makes %d value%s, not %d", op->name, op->out_min, text_s(op->out_min),
                s->result_count);
    TRY(inputs_find(r, s, in, &count, err));
    TRY(attributes_read(r, s, op, attributes, err));
    r->column = s->call.column;
    for (int i = 0; i < s->result_count; i++) {
        bool absent = s->results[i].kind == NET_WORD && strcmp(s->results[i].text, "-") == 0;
        names[i] = absent ? "" : s->results[i].text;
    }
    assert(s->result_count > 0);
    const char *name = given ? given->text : *names[0] ? names[0] : NULL;
    TRY(graph_add_node(r->g, op, name, in, count, attributes, s->result_count, names, &n, err));
    for (int i = 0; i < s->result_count; i++)
        if (n->out[i]) TRY(net_value_name(r, &s->results[i], n->out[i], err));
    r->last = n->out[0];
    return STRIA_OK;
}

stria_status net_call_operator(net_reader *r, const net_statement *s, const op_def *op, stria_error *err) {
    void *attributes = arena_alloc(&r->arena, op->attribute_bytes + 1);
    if (!attributes) return no_memory(err);
    TRY(attributes_default(op, attributes, &r->arena, err));
    stria_status status = operator_add(r, s, op, attributes, err);
    attributes_release(op, attributes);
    return status;
}

/* ---- layers ---- */

const layer_def *net_layer_find(const char *name) {
    for (const layer_def *l = layer_all(); l->name; l++)
        if (strcmp(l->name, name) == 0) return l;
    return NULL;
}

static int64_t times(int64_t a, int64_t b) {
    int64_t c;
    return a < 0 || b < 0 || __builtin_mul_overflow(a, b, &c) ? -1 : c;
}

/* The elements of a kernel "K" or "KH,KW". A side that the layer will refuse counts as 1. */
static int64_t taps_of(const char *words) {
    int64_t all = 1, side = 1;
    for (int i = 0; i < 2; i++) {
        char item[32];
        size_t length = strcspn(words, ",");
        if (length && length < sizeof item) {
            memcpy(item, words, length);
            item[length] = 0;
            if (!text_to_int(item, &side) || side < 0) side = 1;
        }
        all = times(all, side);
        words += length + (words[length] == ',');
    }
    return all;
}

/* The weights that a layer is about to make: number × channels × kernel, or number × everything of an image. */
static int64_t layer_elements(const net_statement *s, const value *x, int64_t number) {
    const net_item *kernel = net_option_find(s, "kernel");
    int64_t n = number;
    if (!kernel) {
        for (int i = 1; i < x->shape.rank; i++) n = times(n, x->shape.dim[i]);
        return n;
    }
    if (x->shape.rank > 1) n = times(n, x->shape.dim[1]);
    return times(n, taps_of(kernel->text));
}

/* An option's whole number; `standard` also for what the layer will refuse. */
static int64_t option_of(const net_statement *s, const char *name, int64_t standard) {
    const net_item *o = net_option_find(s, name);
    int64_t x;
    if (!o) return standard;
    return text_to_int(o->text, &x) && x >= 0 ? x : standard;
}

/* At most what a block of convolutions is about to make: each of its numbers of channels against the greatest, through
 * its kernel, twice. */
static int64_t block_elements(const net_statement *s, const layer_def *l, const value *x, const int64_t *numbers,
                              int count) {
    bool inverted = strcmp(l->name, "inverted_residual") == 0, deep = inverted || strstr(l->name, "depthwise");
    const net_item *kernel = net_option_find(s, "kernel");
    int64_t taps = taps_of(kernel ? kernel->text : strcmp(l->name, "inception") == 0 ? "5" : "3");
    int64_t wider = option_of(s, "expand", inverted ? 6 : 1), sum = option_of(s, "squeeze", 0);
    int64_t most = x->shape.rank > 1 ? x->shape.dim[1] : 1;
    for (int i = -1; i < count; i++) {
        int64_t n = i < 0 ? sum : numbers[i];
        if (n > most) most = n;
        if (i >= 0 && __builtin_add_overflow(sum, n > 0 ? n : 0, &sum)) return -1;
    }
    int64_t pairs = times(times(sum, most), wider), all;
    int64_t filters = times(times(most, wider), taps); /* of depthwise convolutions */
    if (!deep) return times(times(pairs, taps), 2);
    return filters < 0 || pairs < 0 || __builtin_add_overflow(filters, times(pairs, 2), &all) ? -1 : all;
}

static stria_status layer_arguments(net_reader *r, const net_statement *s, const layer_def *l, value **in,
                                    int *in_count, int64_t *numbers, int *number_count, stria_error *err) {
    *in_count = *number_count = 0;
    for (int i = 0; i < s->argument_count; i++) {
        const net_item *o = &s->arguments[i];
        int64_t number;
        if (o->key) continue;
        if (o->kind == NET_WORD && text_to_int(o->text, &number)) {
            if (!l->numbers) FAIL_AT(r, o, "%s takes no numbers", l->name);
            if (*number_count == NUMBERS_MAX) FAIL_AT(r, o, "more than %d numbers", NUMBERS_MAX);
            numbers[(*number_count)++] = number;
        } else if (o->kind == NET_WORD && l->numbers && net_is_number(o->text)) {
            FAIL_AT(r, o, "%s takes whole numbers (%s), not '%s'", l->name, l->numbers, o->text);
        } else {
            if (*in_count == l->in)
                FAIL_AT(r, o, "%s takes %d value%s, '%s' is one more", l->name, l->in, text_s(l->in), o->text);
            TRY(net_value_find(r, o, &in[(*in_count)++], err));
        }
    }
    return STRIA_OK;
}

/* "name=NAME key=value key=value": the name first, so that a sentence about an option names the layer. */
static stria_status layer_options(net_reader *r, const net_statement *s, text *out, stria_error *err) {
    if (!net_option_find(s, "name")) text_printf(out, "name=%s ", s->results[0].text);
    for (int i = 0; i < s->argument_count; i++) {
        const net_item *o = &s->arguments[i];
        if (o->key && strpbrk(o->text, " \t\n")) FAIL_AT(r, o, "a layer's option has no spaces");
        if (o->key) text_printf(out, "%s=%s ", o->key, o->text);
    }
    if (strpbrk(s->results[0].text, " \t\n")) FAIL_AT(r, &s->results[0], "a layer's name has no spaces");
    return text_check(out, err);
}

stria_status net_call_layer(net_reader *r, const net_statement *s, const layer_def *l, stria_error *err) {
    value *in[8], *v;
    int64_t numbers[NUMBERS_MAX];
    int in_count, number_count;
    text options = {0};
    if (s->result_count != 1 || l->in > 8) FAIL_AT(r, &s->call, "a layer makes one value: NAME = %s(…)", l->name);
    TRY(layer_arguments(r, s, l, in, &in_count, numbers, &number_count, err));
    bool weights = l->numbers && (strcmp(l->numbers, "channels") == 0 || strcmp(l->numbers, "units") == 0);
    if (layer_is_block(l) && in_count && in[0])
        TRY(net_budget_take(r, &s->call, block_elements(s, l, in[0], numbers, number_count), err));
    else if (weights && number_count == 1 && numbers[0] > 0 && in_count && in[0])
        TRY(net_budget_take(r, &s->call, layer_elements(s, in[0], numbers[0]), err));
    r->column = s->call.column;
    stria_status status = layer_options(r, s, &options, err);
    if (status == STRIA_OK)
        status =
            layer_build(r->g, l->name, in, in_count, numbers, number_count, text_string(&options), r->seed, &v, err);
    text_release(&options);
    return status == STRIA_OK ? net_value_name(r, &s->results[0], v, err) : status;
}
