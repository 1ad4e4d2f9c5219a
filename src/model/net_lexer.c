#include "model/net_lexer.h"

#include "base/text.h"

#include <string.h>

bool net_is_number(const char *word) {
    double x;
    return text_to_double(word, &x);
}

static int column_of(const net_lexer *x) {
    return (int)(x->at - x->line_start) + 1;
}

static void skip_space(net_lexer *x, const char *end) {
    while (x->at < end && (*x->at == ' ' || *x->at == '\t' || *x->at == '\r')) x->at++;
}

static bool is_word(char c) {
    return (unsigned char)c > ' ' && c != 0x7f && !strchr("(),=[]#\"", c);
}

static char peek(const net_lexer *x, const char *end) {
    return x->at < end ? *x->at : 0;
}

static stria_status expect(net_lexer *x, const char *end, char c, stria_error *err) {
    skip_space(x, end);
    if (peek(x, end) == c) {
        x->at++;
        return STRIA_OK;
    }
    if (x->at < end) FAIL(err, STRIA_BAD_FILE, "expected '%c', found '%c'", c, *x->at);
    FAIL(err, STRIA_BAD_FILE, "expected '%c' before the end of the line", c);
}

static stria_status no_memory(stria_error *err) {
    FAIL(err, STRIA_NO_MEMORY, "not enough memory for a network");
}

/* ---- items ---- */

/* Bytes up to the closing character, or to the end of the line; enough for what is between, whatever escapes it has. */
static size_t span_to(const net_lexer *x, const char *end, char close) {
    const char *p = x->at + 1;
    while (p < end && *p != close) p += *p == '\\' && p + 1 < end ? 2 : 1;
    return (size_t)(p - x->at) + 1;
}

static stria_status read_string(net_lexer *x, const char *end, const char **out, stria_error *err) {
    char *to = arena_alloc(x->arena, span_to(x, end, '"'));
    *out = to;
    if (!to) return no_memory(err);
    for (x->at++; x->at < end && *x->at != '"'; x->at++) {
        char c = *x->at;
        if (c == '\\' && x->at + 1 < end) {
            c = *++x->at;
            if (c == 'n') c = '\n';
            else if (c == 't') c = '\t';
            else if (c != '"' && c != '\\')
                FAIL(err, STRIA_BAD_FILE, "'\\%c' is not known; there are \\\" \\\\ \\n \\t", c);
        }
        *to++ = c;
    }
    return expect(x, end, '"', err);
}

static stria_status read_word(net_lexer *x, const char *end, const char **out, stria_error *err) {
    const char *from = x->at;
    while (x->at < end && is_word(*x->at)) x->at++;
    if (x->at == from) {
        if (from == end) FAIL(err, STRIA_BAD_FILE, "the line ends too early");
        FAIL(err, STRIA_BAD_FILE, "'%c' does not belong here", *from);
    }
    char *copy = arena_alloc(x->arena, (size_t)(x->at - from) + 1);
    if (!copy) return no_memory(err);
    memcpy(copy, from, (size_t)(x->at - from));
    *out = copy;
    return STRIA_OK;
}

static stria_status read_list(net_lexer *x, const char *end, const char **out, stria_error *err) {
    char *to = arena_alloc(x->arena, span_to(x, end, ']'));
    if (!to) return no_memory(err);
    *out = to;
    for (x->at++;;) {
        skip_space(x, end);
        if (peek(x, end) == ']') break;
        while (x->at < end && is_word(*x->at)) *to++ = *x->at++;
        skip_space(x, end);
        if (peek(x, end) != ',') break;
        *to++ = *x->at++;
    }
    return expect(x, end, ']', err);
}

/* "batch x 1 x 28" after its first word: more words up to the comma; sizes in *text with commas between. */
static stria_status read_shape(net_lexer *x, const char *end, net_item *item, stria_error *err) {
    text t = {0};
    const char *word;
    text_printf(&t, "%s", item->text);
    item->kind = NET_SHAPE;
    stria_status status = STRIA_OK;
    while (status == STRIA_OK && is_word(peek(x, end))) {
        status = read_word(x, end, &word, err);
        if (status == STRIA_OK && strcmp(word, "x") != 0)
            status = error_set(err, STRIA_BAD_FILE, "expected 'x' or ',' before '%s'", word);
        skip_space(x, end);
        if (status == STRIA_OK) status = read_word(x, end, &word, err);
        if (status == STRIA_OK) text_printf(&t, ",%s", word);
        skip_space(x, end);
    }
    if (status == STRIA_OK) status = text_check(&t, err);
    if (status == STRIA_OK && !(item->text = arena_strdup(x->arena, text_string(&t)))) status = no_memory(err);
    text_release(&t);
    return status;
}

/* Only arguments may be shapes. */
static stria_status read_item(net_lexer *x, const char *end, bool shapes, net_item *item, stria_error *err) {
    skip_space(x, end);
    *item = (net_item){.column = column_of(x)};
    if (peek(x, end) == '"') {
        item->kind = NET_STRING;
        return read_string(x, end, &item->text, err);
    }
    if (peek(x, end) == '[') {
        item->kind = NET_LIST;
        return read_list(x, end, &item->text, err);
    }
    item->kind = NET_WORD;
    TRY(read_word(x, end, &item->text, err));
    skip_space(x, end);
    return shapes && is_word(peek(x, end)) ? read_shape(x, end, item, err) : STRIA_OK;
}

static stria_status read_argument(net_lexer *x, const char *end, net_item *item, stria_error *err) {
    TRY(read_item(x, end, true, item, err));
    skip_space(x, end);
    if (peek(x, end) != '=') return STRIA_OK;
    const char *key = item->text;
    int column = item->column;
    if (item->kind != NET_WORD) FAIL(err, STRIA_BAD_FILE, "only a word can stand before '='");
    x->at++;
    TRY(read_item(x, end, false, item, err));
    if (is_word(peek(x, end))) FAIL(err, STRIA_BAD_FILE, "a value with spaces must be quoted");
    item->key = key;
    item->column = column;
    return STRIA_OK;
}

/* ---- lines ---- */

static bool at_comment(const net_lexer *x, const char *end) {
    return x->at == end || *x->at == '#';
}

static stria_status items_append(net_lexer *x, net_item **items, int *count, const net_item *item, stria_error *err) {
    if (*count >= NET_ITEMS_MAX) FAIL(err, STRIA_BAD_FILE, "more than %d items in a line", NET_ITEMS_MAX);
    if ((*count & (*count - 1)) == 0) { /* grows at powers of two */
        net_item *more = arena_alloc(x->arena, sizeof *more * (size_t)(*count ? 2 * *count : 1));
        if (!more) return no_memory(err);
        if (*count) memcpy(more, *items, sizeof *more * (size_t)*count);
        *items = more;
    }
    (*items)[(*count)++] = *item;
    return STRIA_OK;
}

/* "a, b =" or the call's own word, which then is in s->results and moved. */
static stria_status read_results(net_lexer *x, const char *end, net_statement *s, stria_error *err) {
    net_item item;
    do {
        TRY(read_item(x, end, false, &item, err));
        if (item.kind == NET_LIST) FAIL(err, STRIA_BAD_FILE, "expected a name");
        TRY(items_append(x, &s->results, &s->result_count, &item, err));
        skip_space(x, end);
    } while (peek(x, end) == ',' && x->at++);
    if (s->result_count == 1 && peek(x, end) == '(') {
        s->call = s->results[0];
        s->result_count = 0;
        return STRIA_OK;
    }
    TRY(expect(x, end, '=', err));
    return read_item(x, end, false, &s->call, err);
}

static stria_status read_statement(net_lexer *x, const char *end, net_statement *s, stria_error *err) {
    TRY(read_results(x, end, s, err));
    if (s->call.kind != NET_WORD) FAIL(err, STRIA_BAD_FILE, "expected a layer or an operator");
    TRY(expect(x, end, '(', err));
    skip_space(x, end);
    net_item item;
    while (peek(x, end) != ')') {
        if (s->argument_count) TRY(expect(x, end, ',', err));
        TRY(read_argument(x, end, &item, err));
        TRY(items_append(x, &s->arguments, &s->argument_count, &item, err));
        skip_space(x, end);
    }
    x->at++;
    skip_space(x, end);
    if (!at_comment(x, end)) FAIL(err, STRIA_BAD_FILE, "only a comment may follow ')'");
    return STRIA_OK;
}

stria_status net_next(net_lexer *x, net_statement *s, bool *more, int *column, stria_error *err) {
    *s = (net_statement){0};
    *more = x->at < x->end;
    if (!*more) return STRIA_OK;
    const char *end = memchr(x->at, '\n', (size_t)(x->end - x->at));
    if (!end) end = x->end;
    x->line++;
    x->line_start = x->at;
    *column = 1;
    if (end - x->at > NET_LINE_BYTES_MAX)
        FAIL(err, STRIA_BAD_FILE, "the line is longer than %d bytes", NET_LINE_BYTES_MAX);
    if (memchr(x->at, 0, (size_t)(end - x->at)))
        FAIL(err, STRIA_BAD_FILE, "the line has a zero byte: this is not text");
    skip_space(x, end);
    stria_status status = at_comment(x, end) ? STRIA_OK : read_statement(x, end, s, err);
    *column = column_of(x);
    x->at = end < x->end ? end + 1 : end;
    return status;
}
