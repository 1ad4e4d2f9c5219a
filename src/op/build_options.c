#include "op/build_options.h"

#include <string.h>

#include "base/text.h"

stria_status layer_no_memory(stria_error *err) {
    FAIL(err, STRIA_NO_MEMORY, "not enough memory for a layer");
}

stria_status layer_option_next(graph *g, spec *s, const char **key, const char **words, stria_error *err) {
    bool more;
    *key = NULL;
    TRY(spec_next(s, &more, err));
    if (!more) return STRIA_OK;
    *key = arena_printf(&g->arena, "%.*s", (int)s->key.length, s->key.at);
    *words = arena_printf(&g->arena, "%.*s", (int)s->value.length, s->value.at);
    return *key && *words ? STRIA_OK : layer_no_memory(err);
}

static int option_index(const layer_def *l, const char *name) {
    for (int i = 0; i < LAYER_OPTIONS && l->options[i].name; i++)
        if (strcmp(l->options[i].name, name) == 0) return i;
    return -1;
}

/* Takes one option of the row, or name=NAME. */
static stria_status option_take(layer_call *c, const spec *s, const char *words, stria_error *err) {
    layer_option all[LAYER_OPTIONS + 1] = {{.name = "name"}};
    int i;
    memcpy(all + 1, c->layer->options, sizeof c->layer->options);
    TRY(spec_choose(s, "option", s->key, SPEC_ROWS(all), &i, err));
    if (i == 0) c->name = words;
    else c->option[i - 1] = words;
    return STRIA_OK;
}

stria_status layer_options(layer_call *c, const char *options, stria_error *err) {
    const char *key, *words;
    spec s = spec_open_list("", options);
    for (;;) {
        TRY(layer_option_next(c->g, &s, &key, &words, err));
        if (!key) break;
        TRY(option_take(c, &s, words, err));
    }
    for (int i = 0; i < LAYER_OPTIONS && c->layer->options[i].name; i++) {
        if (!c->option[i]) c->option[i] = c->layer->options[i].standard;
        if (!c->option[i]) FAIL(err, STRIA_BAD_ARGUMENT, "option '%s' is missing", c->layer->options[i].name);
    }
    return STRIA_OK;
}

const char *layer_text(const layer_call *c, const char *name) {
    int i = option_index(c->layer, name);
    return i < 0 ? NULL : c->option[i];
}

int layer_numbers(const layer_call *c, const char *name, int64_t least, int most, int64_t *out) {
    const char *words = layer_text(c, name);
    for (int count = 0; count < most;) {
        char item[24];
        size_t length = strcspn(words, ",");
        if (length >= sizeof item) return 0;
        memcpy(item, words, length);
        item[length] = 0;
        if (!text_to_int(item, &out[count]) || out[count] < least || out[count] > LAYER_SIZE_LIMIT) return 0;
        count++;
        words += length;
        if (!*words) return count;
        words++;
    }
    return 0;
}

stria_status layer_sizes(const layer_call *c, const char *name, int64_t least, int rank, int64_t out[2],
                         stria_error *err) {
    int count = layer_numbers(c, name, least, 2, out);
    if (count == 1) out[1] = out[0];
    if (count == 1 || (count > 0 && count == rank)) return STRIA_OK;
    FAIL(err, STRIA_BAD_ARGUMENT, "option %s is '%s', expected a number of %lld or more, or %d of them with commas",
         name, layer_text(c, name), (long long)least, rank);
}

stria_status layer_int(const layer_call *c, const char *name, int64_t least, int64_t most, int64_t *out,
                       stria_error *err) {
    const char *words = layer_text(c, name);
    if (!text_to_int(words, out) || *out < least || *out > most)
        FAIL(err, STRIA_BAD_ARGUMENT, "option %s is '%s', expected a number from %lld to %lld", name, words,
             (long long)least, (long long)most);
    return STRIA_OK;
}

stria_status layer_real(const layer_call *c, const char *name, double least, double most, double *out,
                        stria_error *err) {
    const char *words = layer_text(c, name);
    if (!text_to_double(words, out) || !(*out >= least && *out <= most))
        FAIL(err, STRIA_BAD_ARGUMENT, "option %s is '%s', expected a number from %g to %g", name, words, least, most);
    return STRIA_OK;
}

stria_status layer_number(const layer_call *c, int64_t *out, stria_error *err) {
    if (c->number_count != 1)
        FAIL(err, STRIA_BAD_ARGUMENT, "%d numbers are given, expected one: %s", c->number_count, c->layer->numbers);
    *out = c->numbers[0];
    if (*out < 1 || *out > LAYER_SIZE_LIMIT)
        FAIL(err, STRIA_BAD_ARGUMENT, "%s is %lld, expected 1 or more", c->layer->numbers, (long long)*out);
    return STRIA_OK;
}
