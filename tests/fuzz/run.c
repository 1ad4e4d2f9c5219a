/* libFuzzer target for whole models: what the ONNX reader accepts is planned and, where it is small, run twice, by the
 * kernels and by the operators' references:
 *     clang -g -fsanitize=fuzzer,address,undefined … && ./run tests/fuzz/corpus/run */
#include <stdlib.h>
#include <string.h>

#include "graph/op_def.h"
#include "model/onnx/onnx.h"
#include "run/machine.h"
#include "run/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ELEMENTS_MAX = 1 << 16, WORK_MAX = 1 << 22, NODES_MAX = 200 };

static int64_t add(int64_t a, int64_t b) {
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* Few elements, and few operations. */
static bool is_small(const graph *g) {
    int64_t elements = 0, work = 0;
    if (g->node_count > NODES_MAX) return false;
    for (int i = 0; i < g->value_count; i++) elements = add(elements, shape_count(&g->values[i]->shape));
    for (int i = 0; i < g->node_count; i++) {
        op_cost cost = g->nodes[i]->op->cost ? g->nodes[i]->op->cost(g->nodes[i]) : (op_cost){0, 0};
        work = add(work, add(cost.multiply_adds, cost.other));
    }
    return elements >= 0 && elements <= ELEMENTS_MAX && work >= 0 && work <= WORK_MAX;
}

/* Small whole numbers, which are valid as indices more often than not. */
static void input_fill(void *memory, const value *v) {
    int64_t count = shape_count(&v->shape);
    for (int64_t i = 0; i < count; i++) {
        uint8_t *to = (uint8_t *)memory + (size_t)i * dtype_bytes(v->type);
        if (v->type == STRIA_FLOAT32) memcpy(to, &(float){(float)(i % 7) / 4 - 0.5f}, 4);
        else if (v->type == STRIA_FLOAT64) memcpy(to, &(double){(double)(i % 7) / 4 - 0.5}, 8);
        else if (dtype_bytes(v->type) <= 2) *to = (uint8_t)(v->type == STRIA_BOOL ? i & 1 : i % 3);
        else *to = (uint8_t)(i % 3);
    }
}

static uint8_t outputs_read(const session *s, const graph *g) {
    uint8_t sum = 0;
    for (int i = 0; i < g->output_count; i++) {
        const char *name = g->output_names[i] ? g->output_names[i] : g->outputs[i]->name;
        const value *v = program_value(session_program(s), name);
        const uint8_t *y = session_host(s, name);
        if (!y) abort();
        size_t bytes = (size_t)shape_count(&v->shape) * dtype_bytes(v->type);
        for (size_t k = 0; k < bytes; k++) sum = (uint8_t)(sum + y[k]);
    }
    return sum;
}

static void run(graph *g, bool reference) {
    program_config config = {.optimize = !reference, .reference = reference};
    stria_error err = {0};
    program *p = NULL;
    session *s = NULL;
    if (machine_kernels(NULL, &config.ks, &err) != STRIA_OK) abort();
    stria_status status = program_new(&p, g, &config, NULL, &err);
    if (status == STRIA_OK) status = session_new(&s, p, NULL, &err);
    program_release(p);
    if (status != STRIA_OK) {
        if (!err.text[0]) abort();
        return;
    }
    for (int i = 0; i < g->input_count; i++) {
        const value *v = program_value(session_program(s), g->inputs[i]->name);
        void *memory = v ? session_host(s, v->name) : NULL;
        if (memory && v->kind == VALUE_INPUT) input_fill(memory, v); /* states are read only */
    }
    for (int step = 0; step < 2; step++) {
        err = (stria_error){0};
        if (session_run(s, &err) == STRIA_OK) outputs_read(s, g);
        else if (!err.text[0]) abort();
    }
    session_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    stria_error err = {0};
    graph *g = NULL;
    if (onnx_read(&g, data, size, "fuzz.onnx", &err) != STRIA_OK) return 0;
    if (is_small(g)) {
        run(g, false);
        run(g, true);
    }
    graph_free(g);
    return 0;
}
