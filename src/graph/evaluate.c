#include "graph/evaluate.h"

static stria_status ref_alloc(ref_tensor *t, const value *v, stria_error *err) {
    *t = (ref_tensor){.type = v->type, .shape = v->shape};
    size_t count = (size_t)shape_count(&v->shape);
    void *data;
    TRY(mem_new(&data, count + 1, 8, v->name, err));
    if (dtype_is_float(v->type)) t->f = data;
    else t->i = data;
    return STRIA_OK;
}

static stria_status input_load(ref_tensor *t, const value *v, const void *data, stria_error *err) {
    int64_t count = shape_count(&v->shape);
    TRY(ref_alloc(t, v, err));
    if (t->f) convert_to_f64(t->f, data, v->type, count);
    else convert_to_i64(t->i, data, v->type, count);
    return STRIA_OK;
}

static void output_store(const ref_tensor *t, const value *v, void *data) {
    int64_t count = shape_count(&v->shape);
    if (t->f) convert_from_f64(data, v->type, t->f, count);
    else convert_from_i64(data, v->type, t->i, count);
}

stria_status node_evaluate(const node *n, const void *const *in, void *const *out, evaluate_random random,
                           stria_error *err) {
    int own = node_own_inputs(n);
    ref_tensor *tensors;
    if (node_makes_nothing(n)) return STRIA_OK;
    TRY(mem_new(&tensors, (size_t)(own + n->out_count) + 1, sizeof *tensors, "the reference", err));
    ref_tensor *results = tensors + own;
    stria_status status = STRIA_OK;
    for (int i = 0; i < own; i++)
        if (n->in[i] && in[i]) TRY_DONE(input_load(&tensors[i], n->in[i], in[i], err));
        else if (n->in[i]) tensors[i] = (ref_tensor){.type = n->in[i]->type, .shape = n->in[i]->shape};
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i]) TRY_DONE(ref_alloc(&results[i], n->out[i], err));
    ref_call call = {.node = n,
                     .attributes = n->attributes,
                     .in = tensors,
                     .out = results,
                     .in_count = own,
                     .out_count = n->out_count,
                     .seed = random.seed,
                     .step = random.step};
    status = n->op->reference(&call, err);
    if (status != STRIA_OK) goto done;
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i]) output_store(&results[i], n->out[i], out[i]);
done:
    for (int i = 0; i < own + n->out_count; i++) {
        mem_free(tensors[i].f);
        mem_free(tensors[i].i);
    }
    mem_free(tensors);
    return status;
}

#define EVALUATE_OUTPUTS 16

stria_status node_evaluate_new(const node *n, const void *const *in, tensor **results, stria_error *err) {
    void *out[EVALUATE_OUTPUTS] = {0};
    stria_status status = STRIA_OK;
    for (int i = 0; i < n->out_count; i++) results[i] = NULL;
    if (n->out_count > EVALUATE_OUTPUTS)
        FAIL(err, STRIA_UNSUPPORTED, "%d outputs, at most %d are computed ahead", n->out_count, EVALUATE_OUTPUTS);
    for (int i = 0; i < n->out_count; i++) {
        if (!n->out[i]) continue;
        TRY_DONE(tensor_new(&results[i], n->out[i]->type, &n->out[i]->shape, n->out[i]->name, err));
        out[i] = results[i]->data;
    }
    TRY_DONE(node_evaluate(n, in, out, (evaluate_random){0}, err));
done:
    for (int i = 0; i < n->out_count && status != STRIA_OK; i++) {
        tensor_release(results[i]);
        results[i] = NULL;
    }
    return status;
}
