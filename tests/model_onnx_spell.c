/* Networks written for older opsets: newer operators in older words, pads as numbers, axes as attributes, composites
 * with an open batch; each is read back and gives what it gave. */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "check.h"
#include "model/net.h"
#include "model/onnx/onnx.h"
#include "model/onnx/opset.h"
#include "run/session.h"

enum { ROOM = 4096 };

/* The output for random inputs of this batch; returns how many elements. */
static int64_t outputs(graph *g, int64_t batch, double *out) {
    stria_error err = {0};
    graph *sized = NULL;
    program *p = NULL;
    session *s = NULL;
    int64_t count = 0;
    shape of = g->inputs[0]->shape;
    program_config config = {.ks = kernel_sets()[0], .optimize = true};
    of.dim[0] = batch;
    if (CHECK(graph_copy(g, (const shape *[]){&of}, &sized, &err) == STRIA_OK, "batch %d: %s", (int)batch, err.text) &&
        CHECK(program_new(&p, sized, &config, NULL, &err) == STRIA_OK, "%s", err.text) &&
        CHECK(session_new(&s, p, NULL, &err) == STRIA_OK, "%s", err.text)) {
        float *x = session_host(s, g->inputs[0]->name);
        for (int64_t i = 0; i < shape_count(&of); i++)
            x[i] = (float)((double)((uint32_t)i * 2654435761u) * 0x1p-32 * 6 - 3);
        CHECK(session_run(s, &err) == STRIA_OK, "%s", err.text);
        const char *name = sized->output_names[0] ? sized->output_names[0] : sized->outputs[0]->name;
        const float *y = session_host(s, name);
        count = shape_count(&program_value(p, name)->shape);
        for (int64_t i = 0; i < count && i < ROOM; i++) out[i] = (double)y[i];
    }
    session_free(s);
    program_release(p);
    graph_free(sized);
    return count;
}

static bool has(const graph *g, const char *op) {
    for (int i = 0; i < g->node_count; i++)
        if (strcmp(g->nodes[i]->op->name, op) == 0) return true;
    return false;
}

static void row_check(const char *layer, const char *op, int opset, int native) {
    char net[512];
    stria_error err = {0};
    graph *g = NULL, *back = NULL;
    text bytes = {0};
    snprintf(net, sizeof net, "stria-net 1\nx = input(batch x 4 x 6 x 8)\n%s\n", layer);
    if (!CHECK(net_read(&g, net, strlen(net), "test.net", 3, &err) == STRIA_OK, "%s", err.text)) return;
    CHECK(opset_needed(g) == native, "%s needs opset %d, not %d", layer, opset_needed(g), native);
    CHECK(onnx_write_opset(g, opset, &bytes, &err) == STRIA_OK, "%s: %s", layer, err.text);
    if (CHECK(onnx_read(&back, (const uint8_t *)bytes.data, bytes.length, NULL, &err) == STRIA_OK, "%s: %s", layer,
              err.text)) {
        double a[ROOM] = {0}, b[ROOM] = {0};
        CHECK(!*op || !has(back, op), "%s: %s is in it", layer, op);
        if (opset) CHECK(opset_needed(back) <= opset, "%s needs opset %d", layer, opset_needed(back));
        for (int64_t batch = 1; batch <= 3; batch += 2) {
            int64_t n = outputs(g, batch, a), m = outputs(back, batch, b);
            CHECK(n == m && n > 0 && n <= ROOM, "%s: %d and %d elements", layer, (int)n, (int)m);
            for (int64_t i = 0; i < n && i < ROOM; i++)
                CHECK(fabs(a[i] - b[i]) <= 1e-5 * (1 + fabs(a[i])), "%s, batch %d: %g, not %g", layer, (int)batch, b[i],
                      a[i]);
        }
    }
    graph_free(g);
    graph_free(back);
    text_release(&bytes);
}

static void refused_check(void) {
    static const char net[] = "stria-net 1\nx = input(uint8, batch x 4)\ny = BitwiseNot(x, name=norm)\n";
    stria_error err = {0};
    graph *g = NULL;
    text bytes = {0};
    CHECK(net_read(&g, net, strlen(net), "test.net", 3, &err) == STRIA_OK, "%s", err.text);
    CHECK(onnx_write_opset(g, 16, &bytes, &err) == STRIA_UNSUPPORTED, "opset 16 has BitwiseNot");
    CHECK(strcmp(err.text, "layer 'norm' (BitwiseNot) needs opset 18, not 16") == 0, "%s", err.text);
    text_release(&bytes);
    graph_free(g);
}

int main(void) {
    row_check("y = silu(x)", "Swish", 0, 24);
    row_check("y = swish(x, alpha=2)", "Swish", 13, 24);
    row_check("y = rms_norm(x)", "RMSNormalization", 0, 23);
    row_check("y = rms_norm(x)", "RMSNormalization", 13, 23);
    row_check("y = mish(x)", "", 0, 18);
    row_check("y = mish(x)", "Mish", 17, 18);
    row_check("y = hard_swish(x)", "", 0, 14);
    row_check("y = hard_swish(x)", "HardSwish", 13, 14);
    row_check("y = gelu(x)", "Gelu", 19, 20);
    row_check("y = gelu(x, approximate=tanh)", "Gelu", 13, 20);
    row_check("y = Gelu(x)", "", 20, 20);
    row_check("y = layer_norm(x)", "", 0, 17);
    row_check("y = layer_norm(x)", "LayerNormalization", 16, 17);
    row_check("s = parameter(4x6x8)\ny = LayerNormalization(x, s, axis=1, epsilon=0.1)", "LayerNormalization", 13, 17);
    row_check("y = group_norm(x, 2)", "", 0, 21);
    row_check("y = group_norm(x, 2)", "GroupNormalization", 20, 21);
    row_check("y = group_norm(x, 4)", "GroupNormalization", 13, 21);
    row_check("f = flatten(x)\ny = group_norm(f, 3)", "GroupNormalization", 13, 21);
    row_check("y = conv(x, 3, kernel=3, stride=2, padding=same)", "", 0, 13);
    row_check("y = max_pool(x, kernel=3, stride=2, padding=same)", "", 0, 13);
    row_check("y = local_conv(x, 3, kernel=3)", "LocallyConnected", 0, 13);
    row_check("a = constant(int64, 2, [2, 3])\ny = ReduceMean(x, a, keepdims=0)", "", 0, 13);
    row_check("a = constant(int64, 2, [2, 3])\ny = ReduceL2(x, a)", "", 20, 13);
    refused_check();
    return check_report();
}
