#include "model/model.h"
#include "api/api.h"
#include "api/options.h"
#include "base/text.h"
#include "model/net.h"
#include "model/onnx/onnx.h"
#include "model/onnx/opset.h"
#include "model/weights/weights.h"
#include "model/zoo/zoo.h"
#include "train/class_names.h"
#include "train/heads.h"

#include <string.h>

stria_model *model_retain(const stria_model *m) {
    stria_model *shared = (stria_model *)(uintptr_t)m;
    if (shared) __atomic_add_fetch(&shared->references, 1, __ATOMIC_RELAXED);
    return shared;
}

stria_port port_of(const value *v, const char *name) {
    stria_port p = {.size = sizeof p, .name = name ? name : v->name, .type = v->type, .rank = v->shape.rank};
    for (int i = 0; i < p.rank; i++) p.shape[i] = v->symbol[i] ? 0 : v->shape.dim[i];
    return p;
}

/* An output's first dimension is the batch where an input's is. */
static stria_port output_port(const graph *g, int i) {
    stria_port p = port_of(g->outputs[i], g->output_names[i]);
    for (int k = 0; k < g->input_count; k++) {
        const value *x = g->inputs[k];
        if (p.rank && x->shape.rank && x->symbol[0] && p.shape[0] == x->shape.dim[0]) p.shape[0] = 0;
    }
    return p;
}

static bool ports_fill(stria_model *m) {
    const graph *g = m->g;
    for (int i = 0; i < g->value_count; i++) m->optional_count += g->values[i]->optional;
    int all = g->input_count + g->output_count + m->optional_count;
    m->inputs = arena_alloc(&m->arena, sizeof *m->inputs * (size_t)(all + 1));
    if (!m->inputs) return false;
    m->outputs = m->inputs + g->input_count;
    m->optional = m->outputs + g->output_count;
    for (int i = 0; i < g->input_count; i++) m->inputs[i] = port_of(g->inputs[i], NULL);
    for (int i = 0; i < g->output_count; i++) m->outputs[i] = output_port(g, i);
    for (int i = 0, k = 0; i < g->value_count; i++)
        if (g->values[i]->optional) m->optional[k++] = port_of(g->values[i], NULL);
    return true;
}

/* Options that are taken from the metadata point to its words. */
static bool recipe_keep(stria_model *m) {
    const char *recipe = graph_metadata(m->g, TRAIN_RECIPE);
    m->recipe = recipe ? arena_strdup(&m->arena, recipe) : NULL;
    m->recipe_bytes = m->recipe ? strlen(m->recipe) : 0;
    if (m->recipe) train_recipe_cut(m->recipe, m->recipe_bytes);
    return m->recipe || !recipe;
}

/* Takes g over on success only. */
static stria_status model_new(stria_model **out, graph *g, stria_error *err) {
    stria_model *m;
    programs *made;
    TRY(programs_new(&made, err));
    stria_status status = mem_new(&m, 1, sizeof *m, "a model", err);
    if (status != STRIA_OK) {
        programs_release(made);
        return status;
    }
    *m = (stria_model){.g = g, .programs = made, .references = 1};
    if (!ports_fill(m) || !recipe_keep(m)) {
        m->g = NULL;
        stria_model_free(m);
        FAIL(err, STRIA_NO_MEMORY, "not enough memory for a model");
    }
    *out = m;
    return STRIA_OK;
}

stria_status model_wrap(stria_model **out, graph *g, stria_error *err) {
    stria_status status = model_new(out, g, err);
    if (status != STRIA_OK) graph_free(g);
    return status;
}

stria_status stria_model_from_graph(stria_model **out, stria_graph *g, stria_error *err) {
    if (!g) FAIL(err, STRIA_NO_MEMORY, "there is no graph");
    TRY(stria_graph_status(g, err));
    if (g->g->output_count == 0 && g->g->update_count == 0) {
        if (g->g->node_count == 0) FAIL(err, STRIA_BAD_ARGUMENT, "graph '%s' has no layer", g->g->name);
        TRY(graph_add_output(g->g, g->g->nodes[g->g->node_count - 1]->out[0], NULL, err));
    }
    TRY(model_new(out, g->g, err));
    mem_free(g);
    return STRIA_OK;
}

stria_status stria_model_open(stria_model **out, const char *spec, uint64_t seed, stria_error *err) {
    graph *g;
    TRY(graph_load(&g, spec, seed, err));
    return model_wrap(out, g, err);
}

static stria_status known_tensor(const stria_array *a, int index, tensor **out, stria_error *err) {
    if (!a->data) return STRIA_OK;
    if (!dtype_bytes(a->type)) FAIL(err, STRIA_BAD_ARGUMENT, "input %d cannot be of type %d", index, (int)a->type);
    if (a->rank < 0 || a->rank > RANK_MAX)
        FAIL(err, STRIA_BAD_SHAPE, "input %d has %d dimension%s", index, a->rank, text_s(a->rank));
    shape s = shape_of(a->rank, a->shape);
    TRY(tensor_new(out, a->type, &s, "a known input", err));
    if ((*out)->bytes != a->bytes)
        FAIL(err, STRIA_BAD_SHAPE, "input %d has %zu bytes, its shape %zu", index, a->bytes, (*out)->bytes);
    memcpy((*out)->data, a->data, a->bytes);
    return STRIA_OK;
}

/* arrays[count] as tensors, all of them NULL before. */
static stria_status known_tensors(const stria_array *const *arrays, int count, tensor **contents, bool *fixed,
                                  stria_error *err) {
    for (int i = 0; i < count; i++) {
        fixed[i] = false;
        TRY(known_tensor(arrays[i], i, &contents[i], err));
    }
    return STRIA_OK;
}

/* With room for `count` of each. */
typedef struct known_lists {
    tensor **contents;
    const stria_array **arrays;
    const char **names;
    bool *fixed;
} known_lists;

static void lists_free(known_lists *l, int count) {
    for (int i = 0; l->contents && i < count; i++) tensor_release(l->contents[i]);
    mem_free(l->contents);
    mem_free((void *)l->arrays);
    mem_free((void *)l->names);
    mem_free(l->fixed);
}

static stria_status lists_new(known_lists *l, int count, stria_error *err) {
    size_t room = (size_t)count + 1;
    *l = (known_lists){0};
    stria_status status = mem_new(&l->contents, room, sizeof *l->contents, "known inputs", err);
    if (status == STRIA_OK) status = mem_new(&l->arrays, room, sizeof *l->arrays, "known inputs", err);
    if (status == STRIA_OK) status = mem_new(&l->names, room, sizeof *l->names, "known inputs", err);
    if (status == STRIA_OK) status = mem_new(&l->fixed, room, sizeof *l->fixed, "known inputs", err);
    return status;
}

stria_status stria_model_open_known(stria_model **out, const char *spec, uint64_t seed, const stria_array *known,
                                    bool *fixed, int count, stria_error *err) {
    graph *g;
    known_lists l = {0};
    int room = count > 0 ? count : 0;
    stria_status status = lists_new(&l, room, err);
    for (int i = 0; i < room && status == STRIA_OK; i++) l.arrays[i] = &known[i];
    if (status == STRIA_OK) status = known_tensors(l.arrays, room, l.contents, fixed, err);
    if (status == STRIA_OK)
        status =
            graph_load_known(&g, spec, seed, &(onnx_known){.contents = l.contents, .fixed = fixed, .count = room}, err);
    if (status == STRIA_OK) status = model_wrap(out, g, err);
    lists_free(&l, room);
    return status;
}

stria_open_options stria_open_options_default(void) {
    return (stria_open_options){.size = sizeof(stria_open_options)};
}

/* A network built in for these data: in their own size if it can have it, else in the one that it was made for. */
static stria_status load_fitted(graph **g, const char *spec, const stria_open_options *o, const onnx_known *known,
                                stria_error *err) {
    if (!o->data || !graph_is_built_in(spec)) return graph_load_known(g, spec, o->seed, known, err);
    const dataset *d = o->data->d;
    zoo_data facts = {.classes = dataset_classes(d), .channels = dataset_channels(d), .measured = dataset_is_float(d)};
    stria_status status = STRIA_BAD_SHAPE;
    dataset_common(d, &facts.height, &facts.width);
    for (int own = 1; own >= 0 && status == STRIA_BAD_SHAPE; own--) {
        text full = {0};
        status = zoo_fit(spec, &facts, own, &full, err);
        if (status == STRIA_OK) status = graph_load_known(g, text_string(&full), o->seed, known, err);
        text_release(&full);
    }
    return status;
}

/* From a spec, or, where it is NULL, from memory. */
static stria_status open_from(stria_model **out, const char *spec, const void *data, size_t bytes,
                              const stria_open_options *options, bool *fixed, stria_error *err) {
    stria_open_options o = stria_open_options_default();
    graph *g;
    known_lists l = {0};
    TRY(options_take(&o, sizeof o, options, "open", err));
    if (o.array_count < 0) FAIL(err, STRIA_BAD_ARGUMENT, "%d arrays", o.array_count);
    stria_status status = lists_new(&l, o.array_count, err);
    for (int i = 0; i < o.array_count && status == STRIA_OK; i++) {
        l.arrays[i] = &o.arrays[i].array;
        l.names[i] = o.arrays[i].name;
    }
    if (status == STRIA_OK) status = known_tensors(l.arrays, o.array_count, l.contents, l.fixed, err);
    onnx_known known = {.contents = l.contents,
                        .fixed = l.fixed,
                        .count = o.array_count,
                        .names = l.names,
                        .keep_batch = o.keep_batch,
                        .by_contents = o.by_contents,
                        .dims = o.dims};
    if (status == STRIA_OK)
        status = spec ? load_fitted(&g, spec, &o, &known, err) : graph_load_bytes(&g, data, bytes, o.seed, &known, err);
    if (status == STRIA_OK) status = model_wrap(out, g, err);
    for (int i = 0; i < o.array_count && status == STRIA_OK && fixed; i++) fixed[i] = l.fixed[i];
    lists_free(&l, o.array_count);
    return status;
}

stria_status stria_model_open_with(stria_model **out, const char *spec, const stria_open_options *options, bool *fixed,
                                   stria_error *err) {
    return open_from(out, spec, NULL, 0, options, fixed, err);
}

stria_status stria_model_open_bytes(stria_model **out, const void *data, size_t bytes,
                                    const stria_open_options *options, bool *fixed, stria_error *err) {
    return open_from(out, NULL, data, bytes, options, fixed, err);
}

/* Lines for the caller, NULL where there are none. */
static void report_give(text *said, char **report) {
    if (report) *report = NULL;
    if (report && said->length && !said->failed) *report = said->data;
    else text_release(said);
}

stria_status stria_model_save(const stria_model *m, const char *path, stria_error *err) {
    return graph_save(m->g, path, err);
}

stria_save_options stria_save_options_default(void) {
    return (stria_save_options){.size = sizeof(stria_save_options)};
}

stria_status stria_model_save_with(const stria_model *m, const char *path, const stria_save_options *options,
                                   stria_error *err) {
    stria_save_options o = stria_save_options_default();
    TRY(options_take(&o, sizeof o, options, "save", err));
    if (o.opset && (o.opset < OPSET_WRITTEN || o.opset > GRAPH_OPSET))
        FAIL(err, STRIA_BAD_ARGUMENT, "opset %d: %d to %d are written", o.opset, OPSET_WRITTEN, GRAPH_OPSET);
    if (o.weights && o.weights != STRIA_FLOAT16 && o.weights != STRIA_BFLOAT16)
        FAIL(err, STRIA_BAD_ARGUMENT, "weights are stored as float16 or bfloat16, not as %s",
             stria_type_name(o.weights));
    text said = {0};
    const graph_saving how = {.opset = o.opset, .judge = {o.accept, o.context}, .weights = o.weights, .report = &said};
    stria_status status = graph_save_with(m->g, path, &how, err);
    report_give(&said, o.report);
    return status;
}

stria_status stria_model_load_weights(stria_model *m, const char *path, char **report, stria_error *err) {
    weights w;
    text said = {0};
    if (report) *report = NULL;
    TRY(weights_read(&w, path, err));
    programs_forget(m->programs);
    stria_status status = weights_join(m->g, &w, &said, err);
    if (status == STRIA_BAD_FILE) error_prefix(err, "%s: ", path);
    weights_release(&w);
    report_give(&said, report);
    return status;
}

stria_status stria_model_text(const stria_model *m, char **out, stria_error *err) {
    text t = {0};
    stria_status status = net_write(m->g, &t, err);
    if (status == STRIA_OK) *out = t.data;
    else text_release(&t);
    return status;
}

void stria_text_free(char *words) {
    mem_free(words);
}

stria_status stria_model_without_heads(stria_model **out, const stria_model *m, stria_error *err) {
    graph *used;
    TRY(heads_drop(m->g, &used, err));
    return model_wrap(out, used, err);
}

void stria_model_free(stria_model *m) {
    if (!m || __atomic_sub_fetch(&m->references, 1, __ATOMIC_ACQ_REL) > 0) return;
    programs_release(m->programs);
    graph_free(m->g);
    arena_release(&m->arena);
    mem_free(m);
}

const char *stria_model_name(const stria_model *m) {
    return m->g->name;
}
const char *stria_model_metadata(const stria_model *m, const char *key) {
    return graph_metadata(m->g, key);
}

stria_status stria_model_set_metadata(stria_model *m, const char *key, const char *content, stria_error *err) {
    programs_forget(m->programs);
    TRY(graph_set_metadata(m->g, key, content, err));
    if (!recipe_keep(m)) FAIL(err, STRIA_NO_MEMORY, "not enough memory for metadata");
    return STRIA_OK;
}

stria_status stria_model_set_preprocess(stria_model *m, const char *preset, stria_error *err) {
    programs_forget(m->programs);
    return picture_input_preset(m->g, preset, err);
}

int stria_model_input_count(const stria_model *m) {
    return m->g->input_count;
}
int stria_model_output_count(const stria_model *m) {
    return m->g->output_count;
}
int stria_model_optional_input_count(const stria_model *m) {
    return m->optional_count;
}
const stria_port *stria_model_input(const stria_model *m, int i) {
    return i >= 0 && i < m->g->input_count ? &m->inputs[i] : NULL;
}
const stria_port *stria_model_output(const stria_model *m, int i) {
    return i >= 0 && i < m->g->output_count ? &m->outputs[i] : NULL;
}
const stria_port *stria_model_optional_input(const stria_model *m, int i) {
    return i >= 0 && i < m->optional_count ? &m->optional[i] : NULL;
}

const char *const *stria_zoo_names(void) {
    return zoo_names();
}
const char *stria_zoo_about(const char *name) {
    return zoo_about(name);
}

stria_status graph_for_batch(graph *g, int64_t batch, graph **out, stria_error *err) {
    shape *shapes = NULL;
    const shape **pointers = NULL;
    stria_status status = mem_new(&shapes, (size_t)g->input_count + 1, sizeof *shapes, "shapes", err);
    if (status == STRIA_OK) status = mem_new(&pointers, (size_t)g->input_count + 1, sizeof *pointers, "shapes", err);
    for (int i = 0; status == STRIA_OK && i < g->input_count; i++) {
        shapes[i] = g->inputs[i]->shape;
        pointers[i] = &shapes[i];
        for (int d = 0; d < shapes[i].rank; d++)
            if (d == 0 && g->inputs[i]->symbol[d]) shapes[i].dim[d] = batch;
    }
    if (status == STRIA_OK) status = graph_copy(g, pointers, out, err);
    mem_free(shapes);
    mem_free((void *)pointers);
    return status;
}

stria_status stria_model_set_classes(stria_model *m, const char *const *names, int64_t count, stria_error *err) {
    if (count < 1) FAIL(err, STRIA_BAD_ARGUMENT, "%lld class names", (long long)count);
    programs_forget(m->programs);
    return class_names_store(m->g, names, count, err);
}
