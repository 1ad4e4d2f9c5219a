#include "model/dims.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* One of "key=size,key=size": where its key ends, and where the next begins. */
typedef struct item {
    const char *key;
    size_t length;
    int64_t size;
} item;

static bool item_next(const char **at, item *out) {
    char number[32];
    size_t length = strcspn(*at, ","), key = 0;
    for (size_t i = 0; i < length; i++)
        if ((*at)[i] == '=') key = i;
    size_t digits = key ? length - key - 1 : 0;
    *out = (item){.key = *at, .length = key, .size = 0};
    if (digits > 0 && digits < sizeof number) {
        memcpy(number, *at + key + 1, digits);
        number[digits] = 0;
        if (!text_to_int(number, &out->size)) out->size = 0;
    }
    *at += length + ((*at)[length] == ',');
    return out->size > 0;
}

stria_status dims_check(const char *dims, stria_error *err) {
    int count = 0;
    for (const char *at = dims ? dims : ""; *at;) {
        item one;
        const char *from = at;
        if (!item_next(&at, &one))
            FAIL(err, STRIA_BAD_ARGUMENT,
                 "dimension '%.*s' is not NAME=SIZE or INPUT:AXIS=SIZE with a size of 1 or more",
                 (int)strcspn(from, ",") > 60 ? 60 : (int)strcspn(from, ","), from);
        if (++count > DIMS_MAX) FAIL(err, STRIA_BAD_ARGUMENT, "more than %d dimensions", DIMS_MAX);
    }
    return STRIA_OK;
}

static bool is_key(const item *one, const char *text) {
    return text && strlen(text) == one->length && memcmp(text, one->key, one->length) == 0;
}

bool dims_find(const char *dims, const char *symbol, const char *input, int axis, int64_t *size, dims_used *used) {
    char place[512];
    int index = 0;
    snprintf(place, sizeof place, "%s:%d", input, axis);
    for (const char *at = dims ? dims : ""; *at; index++) {
        item one;
        if (!item_next(&at, &one)) return false;
        if (!is_key(&one, symbol) && !is_key(&one, place)) continue;
        *size = one.size;
        *used |= (dims_used)1 << index;
        return true;
    }
    return false;
}

/* "batch, height, width" */
static void open_list(const graph *g, char text[256]) {
    size_t length = 0;
    text[0] = 0;
    for (int i = 0; i < g->input_count; i++)
        for (int d = 0; d < g->inputs[i]->shape.rank; d++) {
            const char *symbol = g->inputs[i]->symbol[d];
            if (!symbol || length > 200 || strstr(text, symbol)) continue;
            length += (size_t)snprintf(text + length, 256 - length, "%s%.40s", length ? ", " : "", symbol);
        }
}

stria_status dims_check_used(const char *dims, dims_used used, const graph *g, stria_error *err) {
    char open[256];
    int index = 0;
    for (const char *at = dims ? dims : ""; *at; index++) {
        item one;
        (void)item_next(&at, &one);
        if (used >> index & 1) continue;
        open_list(g, open);
        FAIL(err, STRIA_BAD_ARGUMENT, "the model leaves no dimension '%.*s' open%s%s",
             one.length > 60 ? 60 : (int)one.length, one.key, *open ? "; open are " : "", open);
    }
    return STRIA_OK;
}
