/* Every operator × its cases, with each allocation failing in turn: a graph of it is made, copied, written as ONNX and
 * as text and read again, differentiated, made ready with and without the kernels, and run. */
#include "torture.h"

#include "base/text.h"
#include "cases.h"
#include "model/net.h"
#include "model/onnx/onnx.h"
#include "op/op.h"
#include "run.h"
#include "transform/transform.h"

typedef struct subject {
    const op_def *op;
    const op_case *text;
    case_graph made;
    pool *pool;
    int wanted;     /* gradients are of so many inputs, the first ones */
    bool reference; /* run by the rules' own formulas */
} subject;

static stria_status make(void *what, stria_error *err) {
    const subject *s = what;
    case_graph c;
    TRY(case_new(&c, s->op, s->text, STRIA_FLOAT32, err));
    stria_status status = graph_check(c.g, err);
    case_release(&c);
    return status;
}

static stria_status copy(void *what, stria_error *err) {
    graph *g;
    TRY(graph_copy(((subject *)what)->made.g, NULL, &g, err));
    graph_free(g);
    return STRIA_OK;
}

static stria_status as_onnx(void *what, stria_error *err) {
    text bytes = {0};
    graph *g;
    stria_status status = onnx_write(((subject *)what)->made.g, &bytes, err);
    if (status == STRIA_OK) {
        status = onnx_read(&g, (const uint8_t *)bytes.data, bytes.length, "t.onnx", err);
        if (status == STRIA_OK) graph_free(g);
    }
    text_release(&bytes);
    return status;
}

static stria_status as_text(void *what, stria_error *err) {
    text bytes = {0};
    graph *g;
    stria_status status = net_write(((subject *)what)->made.g, &bytes, err);
    if (status == STRIA_OK) {
        status = net_read(&g, bytes.data, bytes.length, "t.net", 1, err);
        if (status == STRIA_OK) graph_free(g);
    }
    text_release(&bytes);
    return status;
}

static stria_status gradient(void *what, stria_error *err) {
    const subject *s = what;
    graph *g;
    TRY(graph_copy(s->made.g, NULL, &g, err));
    value *x[CASE_INPUTS], *dx[CASE_INPUTS];
    int count = 0;
    for (int i = 0; i < g->input_count && count < s->wanted; i++)
        if (dtype_is_float(g->inputs[i]->type)) x[count++] = g->inputs[i];
    stria_status status = autodiff(g, g->outputs[0], x, count, dx, err);
    for (int i = 0; i < count && status == STRIA_OK; i++)
        if (dx[i]) status = graph_add_output(g, dx[i], NULL, err);
    if (status == STRIA_OK) status = pass_prune(&g, err);
    graph_free(g);
    return status;
}

static stria_status run(void *what, stria_error *err) {
    const subject *s = what;
    session *made;
    run_config config = {
        .ks = kernel_set_find(NULL), .pool = s->pool, .optimize = !s->reference, .reference = s->reference};
    TRY(run_new(&made, s->made.g, &config, err));
    stria_status status = STRIA_OK;
    for (int i = 0; i < s->made.n->in_count && status == STRIA_OK; i++) {
        const value *v = s->made.n->in[i];
        const tensor *t = s->made.contents[i];
        if (v && v->kind == VALUE_INPUT) status = session_write(made, v->name, t->data, t->bytes, err);
    }
    if (status == STRIA_OK) status = session_run(made, err);
    session_free(made);
    return status;
}

/* What training has only is not written, and what is data has no gradient. */
static bool refused_rightly(torture_use *use, stria_status status, const char *sentence) {
    const char *words = use == as_onnx    ? "belongs to training, not to a model"
                        : use == as_text  ? "belongs to training or is fused, not part of a model"
                        : use == gradient ? "it has no gradient by them"
                                          : NULL;
    return words && status == STRIA_UNSUPPORTED && strstr(sentence, words);
}

/* False where it is refused. */
static bool each(subject *s, torture_use *use, const char *how) {
    char name[700];
    stria_error err = {0};
    snprintf(name, sizeof name, "%s, %s", case_name(s->op, s->text), how);
    stria_status status = use(s, &err);
    if (status == STRIA_OK) return CHECK(torture_each(use, s, name, 1) > 0, "%s allocates nothing", name);
    CHECK(refused_rightly(use, status, err.text), "%s: %s", name, err.text);
    return false;
}

static void case_check(subject *s) {
    stria_error err = {0};
    each(s, make, "made");
    if (!CHECK(case_new(&s->made, s->op, s->text, STRIA_FLOAT32, &err) == STRIA_OK, "%s", err.text)) return;
    for (int i = 0; i < s->made.n->out_count; i++)
        CHECK(graph_add_output(s->made.g, s->made.n->out[i], NULL, &err) == STRIA_OK, "%s", err.text);
    each(s, copy, "copied");
    each(s, as_onnx, "as ONNX");
    each(s, as_text, "as text");
    s->wanted = CASE_INPUTS;
    if (s->op->gradient && dtype_is_float(s->made.n->out[0]->type) && !each(s, gradient, "differentiated")) {
        s->wanted = 1;
        each(s, gradient, "differentiated by its first input");
    }
    for (int reference = 0; reference < 2; reference++) {
        s->reference = reference;
        each(s, run, reference ? "run by the reference" : "run");
    }
    case_release(&s->made);
}

int main(int argc, char **argv) {
    subject s = {0};
    stria_error err;
    int operators = 0;
    if (!CHECK(pool_new(&s.pool, 2, &err) == STRIA_OK, "%s", err.text)) return check_report();
    for (const op_def *const *op = op_all(); *op; op++) {
        if (argc > 1 && strcmp((*op)->name, argv[1]) != 0) continue;
        operators++;
        s.op = *op;
        for (s.text = (*op)->cases; s.text->inputs; s.text++) case_check(&s);
    }
    pool_release(s.pool);
    CHECK(operators > 0, "no operator is called %s", argc > 1 ? argv[1] : "so");
    return check_report();
}
