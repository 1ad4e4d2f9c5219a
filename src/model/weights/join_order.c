/* Joining by order: of files whose names are not the model's at all. A convolution's kernel goes to the next
 * convolution, a dense layer's to the next dense layer, and so on; all must fit, and nothing may be left. */
#include "model/weights/join.h"

#include "base/memory.h"
#include "graph/op_def.h"

#include <string.h>

/* Kinds of tensors; each kind has an order of its own, since Keras' newer files list layers by their classes. */
enum { KERNEL, DENSE, KERNEL_BIAS, DENSE_BIAS, SCALE, CENTRE, MEAN, VARIANCE, OTHER, KINDS };

static int state_kind(const graph *g, const value *v) {
    int input;
    const node *user = join_user(g, v, &input);
    if (!user) return OTHER;
    bool conv = strcmp(user->op->name, "Conv") == 0 || strcmp(user->op->name, "ConvTranspose") == 0;
    bool dense = strcmp(user->op->name, "Gemm") == 0 || strcmp(user->op->name, "MatMul") == 0;
    if (conv) return input == 1 ? KERNEL : KERNEL_BIAS;
    if (dense) return input == 1 ? DENSE : DENSE_BIAS;
    if (strcmp(user->op->name, "BatchNormalization") == 0 && input >= 1) return SCALE + input - 1;
    return OTHER;
}

/* Of a tensor of Keras: by its role and the kernel of the same layer. */
static int item_kind(const weights *w, int item) {
    static const struct {
        const char *role;
        int kind;
    } roles[] = {{"gamma", SCALE}, {"beta", CENTRE}, {"moving_mean", MEAN}, {"moving_variance", VARIANCE}};
    const char *name = w->items[item].name, *slash = strrchr(name, '/'), *role = slash ? slash + 1 : name;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (strcmp(role, roles[i].role) == 0) return roles[i].kind;
    size_t layer = (size_t)(role - name);
    bool bias = strcmp(role, "bias") == 0;
    if (!bias && strcmp(role, "kernel") != 0 && strcmp(role, "depthwise_kernel") != 0) return OTHER;
    for (int i = item; bias && i >= 0; i--) {
        const char *other = w->items[i].name;
        if (strncmp(other, name, layer) != 0) break;
        if (strcmp(other + layer, "kernel") == 0 || strcmp(other + layer, "depthwise_kernel") == 0)
            return w->items[i].data->shape.rank == 2 ? DENSE_BIAS : KERNEL_BIAS;
    }
    return bias ? OTHER : w->items[item].data->shape.rank == 2 ? DENSE : KERNEL;
}

static bool counts(const weights *w, int item) {
    size_t n = strlen(w->items[item].name), e = strlen("num_batches_tracked");
    return n >= e && strcmp(w->items[item].name + n - e, "num_batches_tracked") == 0;
}

/* The next tensor of a kind behind *at; −1: none. */
static int item_next(const joining *j, const int *kinds, int kind, int *at) {
    while (++*at < j->w->count)
        if (kinds[*at] == kind) return *at;
    return -1;
}

static bool order_fits(const joining *j, const int *kinds, int *item) {
    int at[KINDS], left = 0;
    for (int k = 0; k < KINDS; k++) at[k] = -1;
    for (int i = 0; i < j->w->count; i++) left += kinds[i] >= 0;
    for (int i = 0; i < j->count; i++) {
        tensor *t;
        int kind = j->w->keras ? state_kind(j->g, j->states[i]) : 0, next = item_next(j, kinds, kind, &at[kind]);
        if (next < 0 || join_tensor(j, j->states[i], j->w->items[next].data, &t, NULL) != STRIA_OK) return false;
        tensor_release(t);
        item[i] = next;
    }
    return left == j->count;
}

bool join_order(joining *j) {
    int *kinds, *item;
    if (mem_new(&kinds, (size_t)j->w->count + 1, sizeof *kinds, "weights", NULL) != STRIA_OK) return false;
    bool fits = mem_new(&item, (size_t)j->count + 1, sizeof *item, "weights", NULL) == STRIA_OK;
    for (int i = 0; i < j->w->count; i++) kinds[i] = counts(j->w, i) ? -1 : j->w->keras ? item_kind(j->w, i) : 0;
    if (fits) {
        fits = order_fits(j, kinds, item);
        for (int i = 0; fits && i < j->count; i++) {
            j->item[i] = item[i];
            j->used[item[i]] = true;
        }
        mem_free(item);
    }
    mem_free(kinds);
    return fits;
}
