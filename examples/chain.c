/* A chain of equal weights, y = w · w · … · x: its gradient is the product of the weights after x, so that it vanishes
 * below 1 and explodes above, the more the longer the chain. Three links of 0.5, 2 and 3 have gradients of 0.125, 8
 * and 27. */
#include <stria/stria.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINKS = 3, LONG = 50 };

static void check(stria_status status, const stria_error *error) {
    if (status == STRIA_OK) return;
    fprintf(stderr, "chain: %s\n", error->text);
    exit(1);
}

/* dy/dx of so many links. */
static float chain_gradient(float weight, int links) {
    stria_error error;
    stria_model *model;
    stria_session *session;
    float dx;
    stria_graph *g = stria_graph_new("chain");
    stria_value *x = stria_input(g, "x", STRIA_FLOAT32, 0, NULL), *y = x;
    stria_value *w = stria_constant(g, "w", STRIA_FLOAT32, 0, NULL, &weight);
    for (int i = 0; i < links; i++) y = stria_node(g, "Mul", (stria_value *[]){w, y}, 2, NULL);
    stria_output(g, y, "y");
    stria_output(g, stria_gradient(g, y, x), "dx");
    check(stria_graph_status(g, &error), &error);
    check(stria_model_from_graph(&model, g, &error), &error);
    check(stria_session_new(&session, model, NULL, &error), &error);
    stria_model_free(model);
    check(stria_session_set(session, "x", &(float){1}, sizeof(float), &error), &error);
    check(stria_session_run(session, &error), &error);
    check(stria_session_get(session, "dx", &dx, sizeof dx, &error), &error);
    stria_session_free(session);
    return dx;
}

int main(void) {
    static const float weights[] = {0.5f, 1, 2, 3};
    int right = 1;
    puts("weight  gradient of 3 links  of 50 links");
    for (int i = 0; i < 4; i++) {
        float three = chain_gradient(weights[i], LINKS), many = chain_gradient(weights[i], LONG);
        double expected = pow((double)weights[i], LONG);
        printf("%-6g  %-19g  %g\n", (double)weights[i], (double)three, (double)many);
        right &= three == weights[i] * weights[i] * weights[i];
        right &= fabs((double)many - expected) <= 1e-5 * expected;
    }
    return right ? 0 : 1;
}
