/* A block of your own is a function over the builder calls. This one is a gated residual block:
 * y = x + relu(conv3×3(x)) · sigmoid(conv1×1(x)). A small network of two of them learns which half of a picture is
 * bright. */
#include <stria/stria.h>

#include <stdio.h>

enum { BATCH = 16, SIDE = 12, PIXELS = SIDE * SIDE, STEPS = 60 };

/* x[batch, channels, h, w] → the same shape. Parameters are called NAME.body.weight, NAME.gate.weight, … */
static stria_value *gated_block(stria_graph *g, stria_value *x, int64_t channels, const char *name) {
    stria_scope(g, name);
    stria_value *change = stria_relu(g, stria_conv(g, x, channels, "kernel=3 padding=1 init=he-uniform name=body"));
    stria_value *open = stria_sigmoid(g, stria_conv(g, x, channels, "kernel=1 name=gate"));
    stria_value *y = stria_add(g, x, stria_mul(g, change, open));
    stria_scope(g, NULL);
    return y;
}

static stria_graph *network(void) {
    static const char *const names[] = {"stem.weight",     "stem.bias",     "one.body.weight", "one.body.bias",
                                        "one.gate.weight", "one.gate.bias", "two.body.weight", "two.body.bias",
                                        "two.gate.weight", "two.gate.bias", "head.weight",     "head.bias"};
    stria_graph *g = stria_graph_new("own_block");
    stria_value *x = stria_input(g, "image", STRIA_FLOAT32, 4, (const int64_t[]){0, 1, SIDE, SIDE});
    stria_value *label = stria_input(g, "label", STRIA_INT64, 1, (const int64_t[]){0});
    x = stria_conv(g, x, 8, "kernel=3 padding=1 name=stem");
    x = gated_block(g, x, 8, "one");
    x = stria_max_pool(g, x, "kernel=2");
    x = gated_block(g, x, 8, "two");
    stria_value *loss = stria_softmax_cross_entropy(g, stria_dense(g, x, 2, "name=head"), label);
    stria_value *rate = stria_constant(g, "rate", STRIA_FLOAT32, 0, NULL, &(float){0.05f});
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        stria_value *w = stria_find(g, names[i]);
        stria_assign(g, w, stria_sub(g, w, stria_mul(g, rate, stria_gradient(g, loss, w))));
    }
    stria_output(g, loss, "loss");
    return g;
}

/* Picture i is bright on the left if i is even, on the right otherwise; with some noise. */
static void pictures(float *image, int64_t *label, unsigned *noise) {
    for (int i = 0; i < BATCH; i++) {
        label[i] = i % 2;
        for (int p = 0; p < PIXELS; p++) {
            *noise = *noise * 1664525u + 1013904223u;
            image[i * PIXELS + p] = (float)(*noise >> 16) / 65536.0f + (float)((p % SIDE >= SIDE / 2) == label[i]);
        }
    }
}

static stria_status train(stria_session *session, float *first, float *last, stria_error *error) {
    static float image[BATCH * PIXELS];
    int64_t label[BATCH];
    unsigned noise = 1;
    for (int s = 0; s < STEPS; s++) {
        pictures(image, label, &noise);
        stria_status status = stria_session_set(session, "image", image, sizeof image, error);
        if (status == STRIA_OK) status = stria_session_set(session, "label", label, sizeof label, error);
        if (status == STRIA_OK) status = stria_session_run(session, error);
        if (status == STRIA_OK) status = stria_session_get(session, "loss", last, sizeof *last, error);
        if (status != STRIA_OK) return status;
        if (s == 0) *first = *last;
    }
    return STRIA_OK;
}

int main(void) {
    stria_error error = {0};
    stria_model *model = NULL;
    stria_session *session = NULL;
    stria_graph *g = network();
    stria_session_options options = stria_session_options_default();
    options.batch = BATCH;
    float first = 0, last = 0;
    stria_status status = stria_model_from_graph(&model, g, &error); /* fails with the first error of any call above */
    if (status != STRIA_OK) stria_graph_free(g);                     /* it stayed ours */
    if (status == STRIA_OK) status = stria_session_new(&session, model, &options, &error);
    if (status == STRIA_OK) status = train(session, &first, &last, &error);
    if (status == STRIA_OK) printf("loss %.4f at first, %.4f after %d steps\n", (double)first, (double)last, STEPS);
    else fprintf(stderr, "own_block: %s\n", error.text);
    stria_session_free(session);
    stria_model_free(model);
    return status == STRIA_OK && last < 0.5f * first ? 0 : 1;
}
