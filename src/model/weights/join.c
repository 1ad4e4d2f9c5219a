#include "model/weights/join.h"

#include "base/memory.h"
#include "graph/op_def.h"
#include "model/model.h"

#include <stdio.h>
#include <string.h>

const node *join_user(const graph *g, const value *state, int *input) {
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; k < g->nodes[i]->in_count; k++)
            if (g->nodes[i]->in[k] == state) {
                *input = k;
                return g->nodes[i];
            }
    return NULL;
}

/* ---- names ---- */

static int state_index(const joining *j, const value *v) {
    for (int i = 0; i < j->count; i++)
        if (j->states[i] == v) return i;
    return -1;
}

bool join_set(joining *j, const char *name, int item) {
    const value *v = graph_find_value(j->g, name);
    int i = v && v->kind == VALUE_STATE ? state_index(j, v) : -1;
    if (i < 0 || j->item[i] >= 0) return false;
    j->item[i] = item;
    j->used[item] = true;
    return true;
}

bool join_set_role(joining *j, const char *layer, size_t length, const char *role, int item) {
    /* PyTorch's, Keras', and the words of .net's batch_norm; a convolution has the first two rows, too. */
    static const char *const words[][4] = {{"weight", "kernel", "depthwise_kernel", ""},
                                           {"bias", "beta", "", ""},
                                           {"weight", "gamma", "scale", ""},
                                           {"running_mean", "moving_mean", "mean", ""},
                                           {"running_var", "moving_variance", "variance", "moving_var"}};
    for (size_t r = 0; r < sizeof words / sizeof *words; r++) {
        bool here = false;
        for (int k = 0; k < 4; k++) here = here || strcmp(words[r][k], role) == 0;
        for (int k = 0; here && k < 4; k++) {
            char name[600];
            snprintf(name, sizeof name, "%.*s.%s", (int)(length < 500 ? length : 500), layer, words[r][k]);
            if (*words[r][k] && join_set(j, name, item)) return true;
        }
    }
    return false;
}

/* What wrappers of PyTorch put before the names. */
static const char *without_prefix(const char *name) {
    static const char *const prefixes[] = {"module.", "_orig_mod.", "model.", "network.", "net.", "backbone."};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) return name + strlen(prefixes[i]);
    return NULL;
}

static bool name_join(joining *j, int item) {
    for (const char *name = j->w->items[item].name; name; name = without_prefix(name)) {
        const char *dot = strrchr(name, '.');
        if (join_set(j, name, item)) return true;
        if (dot && join_set_role(j, name, (size_t)(dot - name), dot + 1, item)) return true;
    }
    return false;
}

static int names_join(joining *j) {
    int found = 0;
    for (int i = 0; i < j->w->count; i++) found += name_join(j, i);
    return found;
}

/* ---- what does not fit ---- */

bool join_is_counter(const char *name) {
    return text_ends(name, "num_batches_tracked");
}

static void unused_say(const joining *j) {
    char shape[192];
    for (int i = 0; i < j->w->count; i++)
        if (!j->used[i] && !join_is_counter(j->w->items[i].name))
            text_printf(j->report, "not used: '%s' %s\n", j->w->items[i].name,
                        shape_text(&j->w->items[i].data->shape, shape));
}

/* A line of the report; the first ones also in the sentence. */
static void misfit_say(const joining *j, text *first, int number, int state) {
    const value *v = j->states[state];
    char has[192], wants[192], sentence[512];
    shape_text(&v->shape, wants);
    if (j->item[state] < 0) snprintf(sentence, sizeof sentence, "nothing for '%s' %s", v->name, wants);
    else
        snprintf(sentence, sizeof sentence, "'%s' is %s, not %s", j->w->items[j->item[state]].name,
                 shape_text(&j->w->items[j->item[state]].data->shape, has), wants);
    text_printf(j->report, "does not fit: %s\n", sentence);
    if (number < 3) text_printf(first, "%s%s", number ? "; " : "", sentence);
}

static stria_status misfits_refuse(const joining *j, tensor *const *data, stria_error *err) {
    text first = {0};
    int bad = 0;
    for (int i = 0; i < j->count; i++)
        if (!data[i]) misfit_say(j, &first, bad++, i);
    const char *why = *j->why ? j->why : NULL;
    stria_status status = text_check(&first, err);
    if (status == STRIA_OK)
        status = error_set(err, STRIA_BAD_FILE, "it does not fit '%s' in %d of %d tensors: %s%s%s%s", j->g->name, bad,
                           j->count, text_string(&first), bad > 3 ? "; …" : "", why ? "; " : "", why ? why : "");
    text_release(&first);
    return status;
}

/* ---- tensors ---- */

stria_status join_tensor(const joining *j, const value *state, const tensor *from, tensor **out, stria_error *err) {
    if (j->w->keras) return keras_tensor(j->g, state, from, out, err);
    if (!shape_equal(&from->shape, &state->shape)) return STRIA_BAD_SHAPE;
    *out = tensor_retain((tensor *)(uintptr_t)from);
    return STRIA_OK;
}

/* In the state's type. */
static stria_status tensor_typed(tensor **t, dtype type, const char *name, stria_error *err) {
    tensor *made;
    double *piece;
    enum { PIECE = 4096 };
    if ((*t)->type == type) return STRIA_OK;
    int64_t count = shape_count(&(*t)->shape);
    size_t from = dtype_bytes((*t)->type), to = dtype_bytes(type);
    TRY(mem_new(&piece, PIECE, sizeof *piece, name, err));
    stria_status status = tensor_raw(&made, type, &(*t)->shape, name, err);
    for (int64_t i = 0; status == STRIA_OK && i < count; i += PIECE) {
        int64_t n = int64_min(PIECE, count - i);
        convert_to_f64(piece, (const char *)(*t)->data + (size_t)i * from, (*t)->type, n);
        convert_from_f64((char *)made->data + (size_t)i * to, type, piece, n);
    }
    mem_free(piece);
    if (status != STRIA_OK) return status;
    tensor_release(*t);
    *t = made;
    return STRIA_OK;
}

/* data[i] for each state, NULL where none fits. */
static stria_status tensors_make(const joining *j, tensor **data, bool *fit, stria_error *err) {
    *fit = true;
    for (int i = 0; i < j->count; i++) {
        const value *v = j->states[i];
        stria_status status =
            j->item[i] < 0 ? STRIA_BAD_SHAPE : join_tensor(j, v, j->w->items[j->item[i]].data, &data[i], err);
        if (status == STRIA_OK) status = tensor_typed(&data[i], v->type, v->name, err);
        if (status == STRIA_BAD_SHAPE) *fit = false;
        else TRY(status);
    }
    return STRIA_OK;
}

static stria_status tensors_join(joining *j, stria_error *err) {
    tensor **data;
    bool fit;
    TRY(mem_new(&data, (size_t)j->count + 1, sizeof(tensor *), "weights", err));
    stria_status status = tensors_make(j, data, &fit, err);
    if (status == STRIA_OK && !fit) status = misfits_refuse(j, data, err);
    for (int i = 0; i < j->count; i++) {
        if (status != STRIA_OK) tensor_release(data[i]);
        else {
            tensor_release(j->states[i]->data);
            j->states[i]->data = data[i];
        }
    }
    mem_free((void *)data);
    return status;
}

/* Weights that would fit, or nearly, and give other numbers than those they were trained for. */
static stria_status other_network_refuse(const joining *j, stria_error *err) {
    const char *why = j->w->keras ? keras_other_network(j) : NULL;
    if (why) FAIL(err, STRIA_BAD_FILE, "it does not fit '%s': %s", j->g->name, why);
    return STRIA_OK;
}

static void states_find(joining *j) {
    for (int i = 0; i < j->g->value_count; i++) {
        value *v = j->g->values[i];
        bool weight = v->kind == VALUE_STATE && (v->role == ROLE_PARAMETER || v->role == ROLE_STATISTIC);
        if (!weight) continue;
        j->item[j->count] = -1;
        j->states[j->count++] = v;
    }
}

stria_status weights_join(graph *g, const weights *w, text *report, stria_error *err) {
    joining j = {.g = g, .w = w, .report = report};
    size_t room = (size_t)g->value_count + 1;
    stria_status status = mem_new(&j.states, room, sizeof(value *), "weights", err);
    if (status == STRIA_OK) status = mem_new(&j.item, room, sizeof *j.item, "weights", err);
    if (status == STRIA_OK) status = mem_new(&j.used, (size_t)w->count + 1, sizeof *j.used, "weights", err);
    if (status == STRIA_OK) {
        states_find(&j);
        status = other_network_refuse(&j, err);
    }
    if (status == STRIA_OK) {
        bool ordered = false;
        int found = w->keras ? join_keras_names(&j) : names_join(&j);
        if (found == 0) status = join_order(&j, &ordered, err);
        if (ordered)
            text_printf(report, "no name is the model's; tensors were joined by their order, kinds and shapes\n");
        if (status == STRIA_OK) status = tensors_join(&j, err);
        unused_say(&j);
    }
    if (status == STRIA_OK) graph_drop_metadata(g, MODEL_WEIGHTS);
    mem_free((void *)j.states);
    mem_free(j.item);
    mem_free(j.used);
    return status == STRIA_OK ? text_check(report, err) : status;
}
