/* Every operator × its cases, spoilt: an input of another rank, size, type or contents, absent or unknown, or another
 * attribute. What is refused is refused in the words of golden/op_refusals.txt, a line for each form of sentence that
 * the operator has; what is taken is inferred alike by a copy, and its reference and its kernels agree. After a change
 * of sentences "op_refusals write FILE" makes the list anew: read its difference. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "cases.h"
#include "check.h"
#include "graph/op_def.h"
#include "op/optimizer.h"
#include "run.h"

enum { FORMS_MAX = 8192, ELEMENTS_MAX = 20000 };

/* The sentences, each with the spoilt case that first led to it. */
static char *lines[FORMS_MAX], *forms[FORMS_MAX];
static int line_count, taken;
static pool *workers;

/* ---- sentences ---- */

/* A sentence without numbers, quoted words and types: one per place in the source, nearly. */
static char *form_of(const op_def *op, const char *sentence) {
    static const char numeric[] = "-0123456789.e+, ";
    text t = {0};
    text_printf(&t, "%s ", op->name);
    for (const char *at = sentence; *at;) {
        size_t word = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789");
        const char *quote = *at == '\'' ? strchr(at + 1, '\'') : NULL;
        bool type = word && (isdigit((unsigned char)at[word - 1]) || strncmp(at, "bool", word) == 0);
        if (quote) at = quote + 1;
        else if (isdigit((unsigned char)*at) || (*at == '-' && isdigit((unsigned char)at[1])))
            at += strspn(at, numeric);
        else if (type) at += word;
        else {
            text_append(&t, at, word ? word : 1);
            at += word ? word : 1;
        }
    }
    char *form = strdup(text_string(&t));
    text_release(&t);
    return form;
}

static bool known(const char *form) {
    for (int i = 0; i < line_count; i++)
        if (strcmp(forms[i], form) == 0) return true;
    return false;
}

static void refused(const op_def *op, const op_case *text, const stria_error *err) {
    char start[128];
    snprintf(start, sizeof start, "layer 'case' (%s): ", op->name);
    size_t length = strlen(start), end = strlen(err->text);
    if (!CHECK(strncmp(err->text, start, length) == 0 && end > length + 8 && err->text[end - 1] != '.' &&
                   !strstr(err->text, "(null)") && !strchr(err->text, '%'),
               "%s: %s", case_name(op, text), err->text))
        return;
    char *form = form_of(op, err->text + length);
    if (known(form) || line_count == FORMS_MAX) {
        free(form);
        return;
    }
    char line[1400];
    snprintf(line, sizeof line, "%s: %s", case_name(op, text), err->text + length);
    forms[line_count] = form;
    lines[line_count++] = strdup(line);
}

/* ---- what is taken after all ---- */

static bool near(const value *v, const void *a, const void *b) {
    int64_t count = shape_count(&v->shape);
    if (v->type == STRIA_FLOAT16) return true; /* rounded at other places */
    if (v->type != STRIA_FLOAT32) return memcmp(a, b, (size_t)count * dtype_bytes(v->type)) == 0;
    for (int64_t i = 0; i < count; i++) {
        float x = ((const float *)a)[i], y = ((const float *)b)[i];
        if (!(fabsf(x - y) <= 1e-3f * fmaxf(1, fabsf(y))) && !(isnan(x) && isnan(y)) && !(x == y)) return false;
    }
    return true;
}

static stria_status session_of(const case_graph *c, bool reference, session **out, stria_error *err) {
    run_config config = {.ks = kernel_set_find(NULL), .pool = workers, .reference = reference};
    TRY(run_new(out, c->g, &config, err));
    for (int i = 0; i < c->n->in_count; i++) {
        const value *v = c->n->in[i];
        stria_status status = STRIA_OK;
        if (v && v->kind == VALUE_INPUT)
            status = session_write(*out, v->name, c->contents[i]->data, c->contents[i]->bytes, err);
        if (status != STRIA_OK) return status;
    }
    return session_run(*out, err);
}

/* A decay that is none, of which every step's formula makes nonsense of its own. */
static bool nonsense(const case_graph *c) {
    const lamb_attributes *a = c->n->attributes;
    return c->n->op == &op_LambUpdate && (a->beta1 >= 1 || a->beta2 >= 1);
}

static void agree(const case_graph *c, const char *name) {
    session *fast = NULL, *slow = NULL;
    stria_error err = {0}, other = {0};
    stria_status status = session_of(c, false, &fast, &err), wanted = session_of(c, true, &slow, &other);
    if (CHECK(status == wanted, "%s: %s; by the reference: %s", name, err.text, other.text) && status == STRIA_OK)
        for (int i = 0; i < c->g->output_count; i++) {
            const value *v, *w;
            const void *a = run_memory(fast, c->g->output_names[i], &v),
                       *b = run_memory(slow, c->g->output_names[i], &w);
            CHECK(shape_equal(&v->shape, &w->shape) && near(v, a, b), "%s: output %d is not as the reference has it",
                  name, i);
        }
    session_free(fast);
    session_free(slow);
}

static bool small_enough(const case_graph *c) {
    int64_t all = 0;
    for (int i = 0; i < c->g->value_count; i++) {
        const value *v = c->g->values[i];
        if (value_bytes(v) > ELEMENTS_MAX * 8) return false;
        all += shape_count(&v->shape);
    }
    return all < ELEMENTS_MAX;
}

static void accepted(case_graph *c, const char *name) {
    stria_error err = {0};
    graph *copy = NULL;
    taken++;
    for (int i = 0; i < c->n->out_count; i++) {
        char output[16];
        snprintf(output, sizeof output, "out%d", i);
        if (c->n->out[i])
            CHECK(graph_add_output(c->g, c->n->out[i], output, &err) == STRIA_OK, "%s: %s", name, err.text);
    }
    CHECK(graph_check(c->g, &err) == STRIA_OK, "%s: %s", name, err.text);
    if (CHECK(graph_copy(c->g, NULL, &copy, &err) == STRIA_OK, "%s: %s", name, err.text))
        for (int i = 0; i < c->g->output_count; i++)
            CHECK(shape_equal(&c->g->outputs[i]->shape, &copy->outputs[i]->shape), "%s: a copy infers otherwise", name);
    graph_free(copy);
    if (small_enough(c) && !nonsense(c)) agree(c, name);
}

/* ---- spoiling ---- */

static void try(const op_def *op, const char *inputs, const char *attributes) {
    op_case text = {inputs, attributes};
    stria_error err = {0};
    case_graph c;
    stria_status status = case_new(&c, op, &text, STRIA_FLOAT32, &err);
    if (status == STRIA_OK) {
        char name[512];
        snprintf(name, sizeof name, "%s", case_name(op, &text));
        accepted(&c, name);
        case_release(&c);
    } else if (strncmp(err.text, "layer ", 6) == 0) refused(op, &text, &err);
}

/* inputs with the item from `at`, `length` long, replaced. */
static void replaced(const op_def *op, const op_case *text, const char *at, size_t length, const char *item) {
    char inputs[1400];
    snprintf(inputs, sizeof inputs, "%.*s%s%s", (int)(at - text->inputs), text->inputs, item, at + length);
    try(op, inputs, text->attributes);
}

/* Each number of the words from `at` becomes another. */
static void numbers(const op_def *op, const op_case *text, const char *at, const char *end, const char *const *others) {
    while (at < end) {
        size_t digits = strspn(at, "-0123456789");
        bool number = digits > 0 && (at == text->inputs || !isalpha((unsigned char)at[-1]));
        for (int i = 0; number && others[i]; i++) replaced(op, text, at, digits, others[i]);
        at += digits ? digits : 1;
        if (!number && digits == 0)
            while (at < end && isalpha((unsigned char)at[-1]) && isdigit((unsigned char)*at)) at++;
    }
}

static void input_spoil(const op_def *op, const op_case *text, const char *at, size_t length) {
    static const char *const sizes[] = {"0", "1", "2", "3", "5", "7", NULL};
    static const char *const contents[] = {"-1", "0", "1", "9", "-9", "9223372036854775807", NULL};
    static const char *const types[] = {"i64", "f64", "f16", "u8", "bool", NULL};
    char item[1200], kept[1000];
    snprintf(kept, sizeof kept, "%.*s", (int)length, at);
    const char *colon = strrchr(kept, ':'), *shape = colon ? colon + 1 : strchr(kept, '=') ? "" : kept;
    replaced(op, text, at, length, "-");
    snprintf(item, sizeof item, "?%s", kept);
    replaced(op, text, at, length, item);
    for (int i = 0; types[i]; i++) {
        snprintf(item, sizeof item, "%s:%s", types[i], shape);
        replaced(op, text, at, length, item);
    }
    if (!strchr(kept, '=')) {
        const char *first = strchr(shape, 'x');
        int prefix = (int)(shape - kept);
        snprintf(item, sizeof item, "%.*s%s", prefix, kept, first ? first + 1 : ""); /* a dimension less */
        replaced(op, text, at, length, *item ? item : ":");
        snprintf(item, sizeof item, "%.*s2%s%s", prefix, kept, *shape ? "x" : "", shape);
        replaced(op, text, at, length, item);
        snprintf(item, sizeof item, "%s%s2", kept, *shape ? "x" : "");
        replaced(op, text, at, length, item);
        numbers(op, text, at + prefix, at + length, sizes);
    } else numbers(op, text, at + (strchr(kept, '=') - kept) + 1, colon ? at + (colon - kept) : at + length, contents);
}

static void attribute_spoil(const op_def *op, const op_case *text, const attr_field *field) {
    static const char
        *const ints[] = {"-1", "0", "1", "2", "3", "7", "-9", "9223372036854775807", NULL},
               *const reals[] = {"-1", "0", "0.5", "1", "2", "10", NULL}, *const words[] = {"odd", "", NULL},
               *const lists[] = {"0",   "1",     "2",       "-1",    "0,0",          "1,1",
                                 "2,2", "-1,-1", "1,1,1,1", "5,5,5", "2147483648,1", "9223372036854775807",
                                 NULL},
               *const real_lists[] = {"0", "1", "0,0", "-1,2", NULL}, *const none[] = {NULL};
    const char *const *values = field->kind == ATTR_INT      ? ints
                                : field->kind == ATTR_FLOAT  ? reals
                                : field->kind == ATTR_INTS   ? lists
                                : field->kind == ATTR_FLOATS ? real_lists
                                : field->kind == ATTR_TENSOR ? none
                                                             : words;
    for (int i = 0; values[i]; i++) {
        char attributes[700];
        snprintf(attributes, sizeof attributes, "%s%s%s=%s", text->attributes, *text->attributes ? " " : "",
                 field->name, values[i]);
        try(op, text->inputs, attributes);
    }
}

static void case_spoil(const op_def *op, const op_case *text) {
    for (const char *at = text->inputs; *at;) {
        const char *end = strstr(at, ", ");
        size_t length = end ? (size_t)(end - at) : strlen(at);
        input_spoil(op, text, at, length);
        at = end ? end + 2 : at + length;
    }
    for (const attr_field *f = op->fields; f->name; f++) attribute_spoil(op, text, f);
}

/* ---- the list ---- */

static void compare(const char *path) {
    FILE *f = fopen(path, "r");
    char stored[2000];
    int i = 0;
    if (!CHECK(f != NULL, "%s cannot be read", path)) return;
    while (fgets(stored, sizeof stored, f)) {
        stored[strcspn(stored, "\n")] = 0;
        CHECK(i < line_count && strcmp(stored, lines[i]) == 0, "line %d of %s is '%s', now '%s'", i + 1, path, stored,
              i < line_count ? lines[i] : "(none)");
        i++;
    }
    fclose(f);
    CHECK(i == line_count, "%s has %d lines, now there are %d", path, i, line_count);
}

static void write_list(const char *path) {
    FILE *f = fopen(path, "w");
    for (int i = 0; f && i < line_count; i++) fprintf(f, "%s\n", lines[i]);
    CHECK(f && fclose(f) == 0, "%s cannot be written", path);
}

int main(int argc, char **argv) {
    char path[600];
    const char *source = getenv("SOURCE"); /* as ctest sets it */
    bool writes = argc == 3 && strcmp(argv[1], "write") == 0, one = argc == 2;
    snprintf(path, sizeof path, "%s/tests/golden/op_refusals.txt", source ? source : ".");
    if (!CHECK(pool_new(&workers, 2, NULL) == STRIA_OK, "no pool")) return check_report();
    for (const op_def *const *op = op_all(); *op; op++)
        for (const op_case *c = (*op)->cases; c->inputs && (!one || strcmp((*op)->name, argv[1]) == 0); c++)
            case_spoil(*op, c);
    pool_release(workers);
    if (writes) write_list(argv[2]);
    else if (!one) compare(path);
    else
        for (int i = 0; i < line_count; i++) puts(lines[i]);
    printf("%d forms of refusal, %d spoilt cases taken\n", line_count, taken);
    return check_report();
}
