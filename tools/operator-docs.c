/* operator-docs [--list] NAME…: the records of these operators as Markdown, gradients in one table after the others;
 * with
 * --list the names of those that are no gradients. Driven by the script tools/operator-docs. */
#include "backend/backend.h"
#include "cases.h"

#include <stdio.h>
#include <string.h>

static bool is_gradient(const op_def *op) {
    size_t length = strlen(op->name);
    return length > 8 && strcmp(op->name + length - 8, "Gradient") == 0;
}

/* ---- what the record says ---- */

static void counts_print(const char *what, int from, int to) {
    if (to == OP_UNBOUNDED) printf("| %s | %d or more |\n", what, from);
    else if (from == to) printf("| %s | %d |\n", what, from);
    else printf("| %s | %d to %d |\n", what, from, to);
}

static void attributes_print(const op_def *op) {
    static const char *const kinds[] = {
        [ATTR_INT] = "integer",    [ATTR_FLOAT] = "number",  [ATTR_STRING] = "text",  [ATTR_INTS] = "integers",
        [ATTR_FLOATS] = "numbers", [ATTR_STRINGS] = "words", [ATTR_TENSOR] = "tensor"};
    if (!op->fields || !op->fields->name) return;
    printf("| attributes | ");
    for (const attr_field *f = op->fields; f->name; f++) {
        printf("%s`%s` %s", f == op->fields ? "" : "; ", f->name, kinds[f->kind]);
        if (f->required) printf(", must be given");
        else if (f->standard && *f->standard) printf(", %s", f->standard);
    }
    printf(" |\n");
}

static void bits_print(const char *what, uint32_t bits) {
    if (!bits) return;
    printf("| %s |", what);
    for (int i = 0; i < 32; i++)
        if (bits >> i & 1) printf("%s %d", bits & ((1u << i) - 1) ? "," : "", i);
    printf(" |\n");
}

static const char *storage_text(op_layouts layouts) {
    switch (layouts) {
    case LAYOUT_IMAGE:
        return "images channels-last or batch-last, or plain";
    case LAYOUT_SAME:
        return "any, the same for all operands";
    case LAYOUT_STRIDED:
        return "any";
    case LAYOUT_KEEP_BATCH:
        return "plain or batch-last";
    default:
        return layouts == LAYOUT_PLAIN ? "plain" : "as its input";
    }
}

/* ---- what trying shows ---- */

/* Types that the first case's floating inputs may have instead. */
static void types_print(const op_def *op) {
    static const dtype types[] = {STRIA_FLOAT32, STRIA_FLOAT64, STRIA_FLOAT16, STRIA_BFLOAT16, STRIA_INT8,
                                  STRIA_INT16,   STRIA_INT32,   STRIA_INT64,   STRIA_UINT8,    STRIA_UINT16,
                                  STRIA_UINT32,  STRIA_UINT64,  STRIA_BOOL};
    case_graph c;
    int count = 0;
    if (!op->cases || !op->cases->inputs || op->in_max == 0) return;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (case_new(&c, op, op->cases, types[i], NULL) != STRIA_OK) continue;
        case_release(&c);
        printf("%s%s", count++ ? ", " : "| types | ", dtype_name(types[i]));
    }
    if (count) printf(" |\n");
}

static void layout_set(const case_graph *c, int which) {
    const op_def *op = c->n->op;
    for (int i = 0; i < c->n->in_count; i++) {
        value *v = c->n->in[i];
        if (!v || (op->layouts == LAYOUT_IMAGE && !(op->image_inputs >> i & 1))) continue;
        v->layout = which == 1 ? layout_channels_last(v->shape.rank) : layout_batch_last(v->shape.rank);
    }
    for (int i = 0; i < c->n->out_count; i++) {
        value *v = c->n->out[i];
        if (!v || op->plain_outputs >> i & 1) continue;
        v->layout = which == 1 ? layout_channels_last(v->shape.rank) : layout_batch_last(v->shape.rank);
    }
}

#define REASONS 4

typedef struct tried {
    int cases, taken, reason_count;
    char reasons[REASONS][sizeof((refusal *)0)->reason];
} tried;

static void reason_add(tried *t, const char *reason) {
    for (int i = 0; i < t->reason_count; i++)
        if (strcmp(t->reasons[i], reason) == 0) return;
    if (t->reason_count < REASONS) snprintf(t->reasons[t->reason_count++], sizeof t->reasons[0], "%s", reason);
}

/* Every case in every storage order that the operator may get. */
static tried implementation_try(const op_def *op, const op_impl *impl) {
    tried t = {0};
    for (const op_case *text = op->cases; text && text->inputs; text++) {
        bool taken = false;
        refusal why = {{0}};
        for (int which = 0; which < 3 && !taken; which++) {
            case_graph c;
            if (case_new(&c, op, text, STRIA_FLOAT32, NULL) != STRIA_OK) break;
            if (which && op->layouts != LAYOUT_PLAIN) layout_set(&c, which);
            taken = impl->accept(c.n, &why);
            case_release(&c);
        }
        t.cases++;
        t.taken += taken;
        if (!taken) reason_add(&t, why.reason);
    }
    return t;
}

static void implementations_print(const op_def *op) {
    printf("| implementations | ");
    if (op->expand) {
        printf("those of what it is built of |\n");
        return;
    }
    const op_impl *const *list = backend_cpu(op);
    for (int i = 0; list[i]; i++) {
        tried t = implementation_try(op, list[i]);
        printf("%s`%s`", i ? "; " : "", list[i]->name);
        if (list[i] == &impl_reference) continue;
        if (t.taken == t.cases) continue;
        printf(" (declines:");
        for (int k = 0; k < t.reason_count; k++) printf("%s %s", k ? "," : "", t.reasons[k]);
        printf(")");
    }
    printf(" |\n");
}

static void operator_print(const op_def *op) {
    printf("\n## %s\n\n%s%s%s\n\n| | |\n| --- | --- |\n", op->name, op->text ? "`" : "", op->text ? op->text : "",
           op->text ? "`" : "");
    if (*op->domain) printf("| domain | `%s` |\n", op->domain);
    counts_print("inputs", op->in_min, op->in_max);
    counts_print("outputs", op->out_min, op->out_max);
    attributes_print(op);
    types_print(op);
    bits_print("inputs that decide the shape", op->value_inputs);
    bits_print("inputs that are learned", op->learnable_inputs);
    bits_print("running statistics", op->statistic_inputs);
    printf("| gradient | %s |\n", op->expand ? "of what it is built of" : op->gradient ? "yes" : "none");
    printf("| storage | %s |\n", storage_text(op->layouts));
    implementations_print(op);
    if (op->note) printf("\n%s\n", op->note);
}

/* In a table's cell. */
static void cell_print(const char *text) {
    for (; *text; text++) printf(*text == '|' ? "\\|" : "%c", *text);
}

static void gradients_print(const op_def *const *ops, int count) {
    bool any = false;
    for (int i = 0; i < count; i++) {
        if (!is_gradient(ops[i])) continue;
        if (!any)
            printf("\n## Gradients\n\nWhat differentiation puts in, in domain `stria`.\n\n| | |\n| --- | --- |\n");
        any = true;
        printf("| %s | ", ops[i]->name);
        cell_print(ops[i]->text ? ops[i]->text : "");
        printf(" |\n");
    }
}

int main(int argc, char **argv) {
    bool list = argc > 1 && strcmp(argv[1], "--list") == 0;
    const op_def *ops[512];
    int count = 0;
    for (int i = 1 + list; i < argc && count < 512; i++)
        if (op_find_any(argv[i], &ops[count], NULL) == STRIA_OK) count++;
    for (int i = 0; i < count; i++)
        if (list && !is_gradient(ops[i])) printf("%s\n", ops[i]->name);
        else if (!list && !is_gradient(ops[i])) operator_print(ops[i]);
    if (!list) gradients_print(ops, count);
    return 0;
}
