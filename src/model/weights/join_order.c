/* Joining by order: of files whose names are not the model's at all. A convolution's kernel goes to the next
 * convolution, a dense layer's to the next dense layer, and so on; all must fit, and nothing may be left. Shapes alone
 * decide nothing: scale, bias, mean and variance of a normalisation have the same. */
#include "model/weights/join.h"

#include "base/memory.h"
#include "graph/op_def.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Kinds of tensors; each kind has its own order, since Keras' newer files list layers by their classes. */
enum { KERNEL, DENSE, KERNEL_BIAS, DENSE_BIAS, SCALE, CENTRE, MEAN, VARIANCE, OTHER, KINDS };
enum { COUNTER = -1 };

static int state_kind(const joining *j, const value *v) {
    int input;
    const node *user = join_user(j->g, v, &input);
    if (!user) return OTHER;
    bool conv = strcmp(user->op->name, "Conv") == 0 || strcmp(user->op->name, "ConvTranspose") == 0;
    bool dense = strcmp(user->op->name, "Gemm") == 0 || strcmp(user->op->name, "MatMul") == 0;
    if (conv) return input == 1 ? KERNEL : KERNEL_BIAS;
    if (dense) return input == 1 ? DENSE : DENSE_BIAS;
    if (strcmp(user->op->name, "BatchNormalization") == 0 && input >= 1) return SCALE + input - 1;
    bool norm = !j->w->keras && text_ends(user->op->name, "Normalization");
    return norm && (input == 1 || input == 2) ? SCALE + input - 1 : OTHER;
}

/* Where the last part of a name begins: "conv1.weight", "conv1/kernel". */
static const char *last_part(const char *name) {
    const char *dot = strrchr(name, '.'), *slash = strrchr(name, '/');
    if (slash && (!dot || slash > dot)) dot = slash;
    return dot ? dot + 1 : name;
}

static bool is_kernel_word(const char *role) {
    static const char *const words[] = {"weight", "kernel", "depthwise_kernel"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(role, words[i]) == 0) return true;
    return false;
}

/* A layer's main tensor; a vector is a normalisation's scale. */
static int kernel_kind(const tensor *t) {
    return t->shape.rank == 1 ? SCALE : t->shape.rank == 2 ? DENSE : t->shape.rank > 2 ? KERNEL : OTHER;
}

/* A bias is what the main tensor of the same layer says, wherever that stands. */
static int bias_kind(const weights *w, int item) {
    static const int of[KINDS] = {[KERNEL] = KERNEL_BIAS, [DENSE] = DENSE_BIAS, [SCALE] = CENTRE, [OTHER] = OTHER};
    const char *name = w->items[item].name;
    size_t layer = (size_t)(last_part(name) - name);
    for (int i = 0; i < w->count; i++) {
        const char *other = w->items[i].name;
        if (strncmp(other, name, layer) == 0 && is_kernel_word(other + layer)) return of[kernel_kind(w->items[i].data)];
    }
    return OTHER;
}

/* By the last part of the name; OTHER where that says nothing. */
static int item_kind(const weights *w, int item) {
    static const struct {
        const char *role;
        int kind;
    } roles[] = {{"gamma", SCALE},       {"beta", CENTRE},         {"moving_mean", MEAN}, {"moving_variance", VARIANCE},
                 {"running_mean", MEAN}, {"running_var", VARIANCE}};
    const char *role = last_part(w->items[item].name);
    if (join_is_counter(w->items[item].name)) return COUNTER;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (strcmp(role, roles[i].role) == 0) return roles[i].kind;
    if (strcmp(role, "bias") == 0) return bias_kind(w, item);
    return is_kernel_word(role) ? kernel_kind(w->items[item].data) : OTHER;
}

/* ---- the order ---- */

/* As a person sorts: the numbers in names by their size. */
static int natural_compare(const char *a, const char *b) {
    while (*a && *b) {
        size_t n = strspn(a, "0123456789"), m = strspn(b, "0123456789");
        if (n && m) {
            while (n > 1 && *a == '0') a++, n--;
            while (m > 1 && *b == '0') b++, m--;
            int order = n != m ? (n > m) - (n < m) : memcmp(a, b, n);
            if (order) return order;
            a += n, b += m;
            continue;
        }
        if (*a != *b) return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        a++, b++;
    }
    return (*a != 0) - (*b != 0);
}

static int name_compare(const void *a, const void *b) {
    return natural_compare((*(const weights_item *const *)a)->name, (*(const weights_item *const *)b)->name);
}

/* Returns true if two names differ in numbers only: then their natural order is the network's. */
static bool differ_in_numbers(const char *a, const char *b) {
    for (;;) {
        a += strspn(a, "0123456789"), b += strspn(b, "0123456789");
        if (*a != *b) return false;
        if (!*a) return true;
        a++, b++;
    }
}

typedef struct order {
    const weights_item **items; /* in the file's order, or sorted; without counters */
    int *kinds, *states, *chosen;
    int count;
} order;

static int item_index(const joining *j, const weights_item *item) {
    return (int)(item - j->w->items);
}

/* Returns true if nothing but item i's place says which state it is: then another of the same shape could be meant. */
static bool guessed(joining *j, const order *o, int i, int state) {
    for (int other = 0; other < j->count; other++) {
        if (other == state || !shape_equal(&j->states[other]->shape, &j->states[state]->shape)) continue;
        bool unknown =
            (o->kinds[i] == OTHER || o->states[state] == OTHER) && (!j->w->keras || o->states[other] == OTHER);
        bool sorted = !j->w->ordered && o->states[other] == o->states[state] && o->chosen[other] >= 0 &&
                      !differ_in_numbers(o->items[i]->name, o->items[o->chosen[other]]->name);
        if (!unknown && !sorted) continue;
        snprintf(j->why, sizeof j->why, "by its name '%.100s' could be '%.100s' as well as '%.100s'", o->items[i]->name,
                 j->states[state]->name, j->states[other]->name);
        return true;
    }
    return false;
}

/* The next tensor after *at that may go to a state of this kind; −1: none. In a file in which some kind is unknown, the
 * next one at all. */
static int item_next(const order *o, int kind, bool any, int *at) {
    while (++*at < o->count)
        if (any || o->kinds[*at] == kind) return *at;
    return -1;
}

static stria_status order_fits(joining *j, order *o, bool *fits, stria_error *err) {
    int at[KINDS];
    bool any = false;
    for (int k = 0; k < KINDS; k++) at[k] = -1;
    for (int i = 0; i < o->count && !j->w->keras; i++) any = any || o->kinds[i] == OTHER || o->states[i] == OTHER;
    for (int i = 0; i < j->count; i++) {
        tensor *t;
        int kind = o->states[i], next = item_next(o, kind, any, &at[any ? 0 : kind]);
        if (next < 0) return STRIA_OK;
        stria_status status = join_tensor(j, j->states[i], o->items[next]->data, &t, err);
        if (status != STRIA_OK) return status == STRIA_BAD_SHAPE ? STRIA_OK : status;
        tensor_release(t);
        if (o->kinds[next] != kind && o->kinds[next] != OTHER && kind != OTHER) return STRIA_OK;
        if (guessed(j, o, next, i)) return STRIA_OK;
        o->chosen[i] = next;
    }
    *fits = true;
    return STRIA_OK;
}

/* False where there are not as many tensors as states; nothing is looked at then. */
static bool order_make(joining *j, order *o) {
    for (int i = 0; i < j->w->count; i++)
        if (!join_is_counter(j->w->items[i].name)) o->items[o->count++] = &j->w->items[i];
    if (o->count != j->count) return false;
    if (!j->w->ordered && o->count) qsort((void *)o->items, (size_t)o->count, sizeof *o->items, name_compare);
    for (int i = 0; i < o->count; i++) {
        o->kinds[i] = item_kind(j->w, item_index(j, o->items[i]));
        o->states[i] = state_kind(j, j->states[i]);
        o->chosen[i] = -1;
    }
    return true;
}

static stria_status order_new(order *o, size_t room, stria_error *err) {
    TRY(mem_new(&o->items, room, sizeof *o->items, "weights", err));
    TRY(mem_new(&o->kinds, room, sizeof *o->kinds, "weights", err));
    TRY(mem_new(&o->states, room, sizeof *o->states, "weights", err));
    return mem_new(&o->chosen, room, sizeof *o->chosen, "weights", err);
}

stria_status join_order(joining *j, bool *fits, stria_error *err) {
    order o = {0};
    *fits = false;
    stria_status status = order_new(&o, (size_t)j->w->count + 1, err);
    if (status == STRIA_OK && order_make(j, &o)) status = order_fits(j, &o, fits, err);
    for (int i = 0; *fits && i < j->count; i++) {
        j->item[i] = item_index(j, o.items[o.chosen[i]]);
        j->used[j->item[i]] = true;
    }
    mem_free((void *)o.items);
    mem_free(o.kinds);
    mem_free(o.states);
    mem_free(o.chosen);
    return status;
}
