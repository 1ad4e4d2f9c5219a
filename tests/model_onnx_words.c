/* What files of all opsets say, as a table: operators that meant something else, attributes that are inputs now, forms
 * of constants, and what is refused by which sentence. What can be read is read, computed, written and read again, each
 * allocation failing in turn. */
#include "torture.h"

#include "evaluate.h"
#include "onnx_text.h"

#include <math.h>

#include "transform/transform.h"

enum { TRIES = 200 };

typedef struct bytes {
    uint8_t *data;
    size_t size;
} bytes;

static const struct {
    const char *file, *wants; /* "= values of the output", or "! sentence" */
} rows[] = {
    /* coordinates, groups, rows and broadcasting as they were */
    {"opset 10; x f 1,1,2,3 = 0 1 2 3 4 5; s f 4 = 1 1 .5 1.5; Resize x,s > y mode=nearest; out y", "= 0 0 1 2"},
    {"opset 10; x f 1,1,1,2 = 1 3; s f 4 = 1 1 1 2; Resize x,s > y mode=linear; out y", "= 1 2 3 3"},
    {"opset 10; x f 1,1,1,4 = 1 2 3 4; s f 4 = 1 1 1 .5; Resize x,s > y; out y", "= 1 3"},
    {"opset 9; x f 1,1,1,2 = 1 2; s f 4 = 1 1 2 2; Upsample x,s > y; out y", "= 1 1 2 2 1 1 2 2"},
    {"opset 7; x f 1,1,1,2 = 1 2; Upsample x > y scales=[1.,1.,1.,2.]; out y", "= 1 1 2 2"},
    {"opset 10; x f 1,1,1,2 = 1 2; Resize x > y; out y", "! Resize"},
    {"opset 10; x f 1,1,4,4 = *; r f 1,4 = 0 0 2 2; n i 1 = 0; "
     "RoiAlign x,r,n > y output_height=1 output_width=1 sampling_ratio=1; out y",
     "= 6"},
    {"opset 18; x f 1,4,1,2 = 0 2 4 6 0 2 0 2; s f 2 = 1 2; b f 2 = 0 1; "
     "GroupNormalization x,s,b > y num_groups=2 epsilon=0.; out y",
     "= -1.341641 -.447214 .447214 1.341641 -1 3 -1 3"},
    {"opset 18; x f 1,2,1,2 = 0 2 0 2; s f 2 = 1 2; b f 2 = 0 1; "
     "GroupNormalization x,s,b > y num_groups=2 epsilon=0.; out y",
     "= -1 1 -1 3"},
    {"opset 18; x f 1,4,1,2 = *; s f 3 = *; b f 3 = *; GroupNormalization x,s,b > y num_groups=3; out y",
     "! scale does not divide 4 channels into groups"},
    {"opset 18; x f 1,4,1,2 = *; s f 2 = *; b f 3 = *; GroupNormalization x,s,b > y num_groups=2; out y",
     "! bias does not divide 4 channels into groups"},
    {"opset 18; x f 1,1,2 = *; s f 1,1 = *; b f 1 = *; GroupNormalization x,s,b > y num_groups=1; out y",
     "! scale does not divide 1 channel into groups"},
    {"opset 18; x f 4 = *; s f 2 = *; b f 2 = *; GroupNormalization x,s,b > y num_groups=2; out y",
     "! GroupNormalization"},
    {"opset 12; x f 2,3 = *; Softmax x > y axis=2; out y", "! axis 2 of a tensor of rank 2"},
    {"opset 12; x f 2,3 = *; LogSoftmax x > y axis=-3; out y", "! axis -1 of a tensor of rank 2"},
    {"opset 12; x f 1,2,2 = 1 3 2 0; Hardmax x > y; out y", "= 0 1 0 0"},
    {"opset 6; x f 1,2,1,2 = -1 2 -3 4; s f 2 = 10 100; PRelu x,s > y; out y", "= -10 2 -300 4"},
    {"opset 6; x f 1,2,1,1 = -1 -3; s f 1 = 10; PRelu x,s > y; out y", "= -10 -30"},
    {"opset 6; x f 1,2 = -1 -3; s f 2 = 10 20; PRelu x,s > y; out y", "= -10 -60"},
    {"opset 6; x f 2,2 = -1 -3 1 2; s f 1,2 = 10 20; PRelu x,s > y; out y", "= -10 -60 1 2"},
    {"opset 6; a f 2,3 = *; b f 2 = 10 20; Add a,b > y broadcast=1 axis=0; out y", "= 11 12 13 24 25 26"},
    {"opset 6; a f 2,3 = *; b f 2 = 10 20; Mul a,b > y axis=-2 broadcast=1; out y", "= 10 20 30 80 100 120"},
    {"opset 6; a f 2,3 = *; b f 3 = 1 2 3; Sub a,b > y broadcast=1 axis=1; out y", "= 0 0 0 3 3 3"},
    {"opset 6; a f 2,3 = *; b f 2 = *; Div a,b > y broadcast=1 axis=2; out y", "! axis 2 does not fit"},
    {"opset 6; a f 2,3 = *; b f 2 = *; Pow a,b > y broadcast=1 axis=-3; out y", "! axis -3 does not fit"},
    {"opset 6; a f 2,3 = *; Less a > y broadcast=1 axis=0; out y", "! it needs two inputs"},
    {"opset 6; a f 2,3 = *; Greater a,- > y broadcast=1 axis=0; out y", "! it needs two inputs"},

    /* pooling along depth alone is of pictures; other windows of three sides are not computed */
    {"x f 1,1,4,1,2 = *; AveragePool x > y kernel_shape=[2,1,1]; out y", "= 2 3 4 5 6 7"},
    {"x f 1,1,4,1,1 = *; MaxPool x > y kernel_shape=[3,1,1] strides=[2,1,1] pads=[1,0,0,1,0,0]; out y", "= 2 4"},
    {"x f 1,1,5,1,1 = *; MaxPool x > y kernel_shape=[2,1,1] dilations=[2,1,1] auto_pad=NOTSET; out y", "= 3 4 5"},
    {"x f 1,1,3,1,2 = *; LpPool x > y kernel_shape=[2,1,1] p=1; out y", "= 4 6 8 10"},
    {"x f 1,1,4,2,1 = *; AveragePool x > y kernel_shape=[2,2,1]; out y", "= 2.5 4.5 6.5"},
    {"x f 1,1,4,2,1 = *; AveragePool x > y kernel_shape=[2,1,1] strides=[1,2,1]; out y", "= 2 4 6"},
    {"x f 1,1,4,2,1 = *; AveragePool x > y kernel_shape=[2,2,1] pads=[0,1,0,0,0,0]; out y", "= 2 2.5 4 4.5 6 6.5"},
    {"x f 1,1,4,2,1 = *; AveragePool x > y kernel_shape=[2,1,2] pads=[0,0,0,0,0,1]; out y", "= 2 3 4 5 6 7"},
    {"x f 1,1,4,2,1 = *; MaxPool x > y kernel_shape=[2,1,1] auto_pad=SAME_UPPER; out y", "= 3 4 5 6 7 8 7 8"},
    {"x f 1,1,4,2,1 = *; MaxPool x > y,i kernel_shape=[2,1,1]; out y", "= 3 4 5 6 7 8"},

    /* attributes that are inputs now, or that nothing is left of */
    {"opset 4; x f 2,3 = *; Reshape x > y shape=[3,2]; out y", "= 1 2 3 4 5 6"},
    {"opset 5; x f 2 = -1 5; Clip x > y min=0. max=2.; out y", "= 0 2"},
    {"opset 9; x f 2 = -1 5; Clip x > y min=0.; out y", "= 0 5"},
    {"opset 9; x f 2 = -1 5; Clip x > y; out y", "= -1 5"},
    {"opset 2; x f 1,2 = 1 2; Pad x > y pads=[0,1,0,0] value=9.; out y", "= 9 1 2"},
    {"opset 1; x f 4 = *; Slice x > y starts=[1] ends=[3]; out y", "= 2 3"},
    {"opset 9; x f 1,4 = 3 1 4 1; TopK x > y,i k=2; out y", "= 4 3"},
    {"opset 2; x f 1,4 = *; Split x > y,z axis=1 split=[3,1]; out z", "= 4"},
    {"opset 11; x f 1,4 = *; Split x > y,z axis=1; out z", "= 3 4"},
    {"opset 13; x f 1,4 = *; s i 2 = 1 3; Split x,s > y,z axis=1; out z", "= 2 3 4"},
    {"opset 13; x f 1,4 = *; Split x,- > y,z axis=1; out z", "= 3 4"},
    {"opset 11; x f 1,3 = *; Squeeze x > y axes=[0]; out y", "= 1 2 3"},
    {"opset 11; x f 2,2 = *; ReduceSum x > y axes=[1] keepdims=0; out y", "= 3 7"},
    {"opset 17; x f 2,2 = *; ReduceMax x > y axes=[0] keepdims=0; out y", "= 3 4"},
    {"opset 11; x f 1,3 = *; Unsqueeze x > y axes=a; out y", "! attribute 'axes' is not a number"},
    {"opset 10; x f 3 = *; i i 1 = 1; u f 1 = 9; Scatter x,i,u > y; out y", "= 1 9 3"},
    {"opset 5; x f 2 = 1 2; Relu x > y consumed_inputs=[0]; out y", "= 1 2"},
    {"opset 8; x f 1,1,2 = 1 3; s f 1 = 2; b f 1 = 1; m f 1 = 1; v f 1 = 4; "
     "BatchNormalization x,s,b,m,v > y spatial=1 epsilon=0.; out y",
     "= 1 3"},
    {"opset 8; x f 1,1,2 = *; s f 1 = *; BatchNormalization x,s,s,s,s > y spatial=0; out y",
     "! attribute 'spatial' of opset 8 may only be 1"},
    {"opset 8; x f 1,1,2 = *; s f 1 = *; BatchNormalization x,s,s,s,s > y spatial=a; out y",
     "! attribute 'spatial' of opset 8 may only be 1"},
    {"opset 9; x f 2,1,1 = 1 3; s f 1 = 2; b f 1 = 1; m f 1 = 0; v f 1 = 1; "
     "BatchNormalization x,s,b,m,v > y,m2,v2 epsilon=0. momentum=0.; out m2",
     "= 2"},

    /* constants, and attributes of each kind */
    {"Constant > y value_int=3; Cast y > z to=1; out z", "= 3"},
    {"Constant > y value_float=1.5; Relu y > z; out z", "= 1.5"},
    {"Constant > y value_ints=[3,4]; Cast y > z to=1; out z", "= 3 4"},
    {"Constant > y value_floats=[3.5,4.]; Relu y > z; out z", "= 3.5 4"},
    {"Constant > y; Relu y > z; out z", "! constant 'y' has no value"},
    {"Constant > y value_string=a; Relu y > z; out z", "! value_string"},
    {"Constant > y,z value_int=1; out y", "! a constant has one output and no inputs"},
    {"x f 1 = 1; Constant x > y value_int=1; out y", "! a constant has one output and no inputs"},
    {"Constant > - value_int=1; x f 1 = 1; Relu x > y; out y", "! a constant has one output and no inputs"},
    {"x f 1 = 1; Relu x; Relu x > y; out y", "! it has no output"},
    {"x f 1 = 1; Relu x > y,z; out y", "= 1"},
    {"x f 1 = 1; Relu x > y,z; out z", "! node 'y' (Relu): "},
    {"x f 1 = 1; Relu x > y alpha=1.; out y", "! attribute 'alpha' is not known"},
    {"x f 1 = 1; Elu x > y alhpa=1.; out y", "! attribute 'alhpa' is not known; the nearest is 'alpha'"},
    {"x f 1 = 1; Elu x > y alpha=1; out y", "! attribute 'alpha' is not a float"},
    {"x f 1 = 1; Elu x > y alpha=; out y", "! attribute 'alpha' is not a float"},
    {"x f 1,2 = *; Softmax x > y axis=1.; out y", "! attribute 'axis' is not an integer"},
    {"x f 1,2 = *; Softmax x > y axis=; out y", "! attribute 'axis' is not an integer"},
    {"x f 1,2 = *; Gelu x > y approximate=1; out y", "! attribute 'approximate' is not a string"},
    {"x f 1,2 = *; Gelu x > y approximate=; out y", "! attribute 'approximate' is not a string"},
    {"x f 1,2 = *; Transpose x > y perm=1; out y", "! attribute 'perm' is not a list of integers"},
    {"x f 1,2 = *; Transpose x > y perm=; out y", "! attribute 'perm' is not a list of integers"},
    {"x f 1,1,1 = 1; w f 1,4,1 = *; RNN x,w,w > y activations=1; out y",
     "! attribute 'activations' is not a list of str"},
    {"x f 1,1,1 = 1; w f 1,4,1 = *; RNN x,w,w > y activations=; out y",
     "! attribute 'activations' is not a list of str"},
    {"x f 1,1,1 = 1; w f 1,4,1 = *; RNN x,w,w > y activation_alpha=1; out y",
     "! attribute 'activation_alpha' is not a list of floats"},
    {"x f 1,1,1 = 1; w f 1,4,1 = *; RNN x,w,w > y activation_alpha=; out y",
     "! attribute 'activation_alpha' is not a list of floats"},
    {"x f 1,1,1 = -2; w f 1,1,1 = 1; r f 1,1,1 = 0; "
     "RNN x,w,r > y hidden_size=1 activations={LeakyRelu} activation_alpha=[.5]; out y",
     "= -1"},
    {"x f 2 = -1 1; Elu x > y alpha~2.; out y", "= -1.264241 1"},
    {"x f 1,2 = 0 0; Softmax x > y axis~1; out y", "= .5 .5"},
    {"x f 1 = 0; Gelu x > y approximate~tanh; out y", "= 0"},
    {"x f 1,2 = 1 2; Transpose x > y perm~[1,0]; out y", "= 1 2"},
    {"x f 1,1,1 = -2; w f 1,1,1 = 1; r f 1,1,1 = 0; "
     "RNN x,w,r > y hidden_size~1 activations~{LeakyRelu} activation_alpha~[.5]; out y",
     "= -1"},
    {"x b 3 = 0 1 2; Cast x > y to=1; out y", "= 0 1 1"},
    {"x u 2 = 3 4; Cast x > y to=1; out y", "= 3 4"},
    {"i i 1 = 2; ConstantOfShape i > y value=; out y", "! attribute 'value' is not a tensor"},
    {"x f 1,1,2,2 = *; w f 1,1,1,1 = 2; Conv x,w > y kernel_shape=[2,2]; out y", "! Conv"},
    {"x f 1 = 1; Cast x > y; out y", "! attribute 'to' is missing"},
    {"x f 2 = 1 2; Relu z > y; out y", "! node 'y' (Relu) reads 'z', which nothing computes"},
    {"x f 2 = 1 2; Relu x > y; out z", "! output 'z'"},
    {"x f 1,1,1,1,1,1,1,1,1; Relu x > y; out y", "! input 'x' has 9 dimensions, at most 8 are possible"},
    {"x f 2 = 1 2; Rellu x > y; out y",
     "! Stria has no operator 'Rellu' of domain 'ai.onnx', opset 21; the nearest is 'Relu'"},
};

static stria_status read_bytes(graph **out, const bytes *b, stria_error *err) {
    return onnx_read(out, b->data, b->size, "t.onnx", err);
}

static stria_status use(void *what, stria_error *err) {
    graph *g = NULL, *again = NULL;
    text written = {0};
    stria_status status = read_bytes(&g, what, err);
    if (status == STRIA_OK) status = graph_check(g, err);
    if (status == STRIA_OK) status = onnx_write(g, &written, err);
    if (status == STRIA_OK)
        status = onnx_read(&again, (const uint8_t *)written.data, written.length, "again.onnx", err);
    if (status == STRIA_OK) status = pass_fold(&again, err);
    text_release(&written);
    graph_free(again);
    graph_free(g);
    return status;
}

/* The first output's values. */
static void values_check(const char *source, const graph *g, const char *wants) {
    stria_error err = {0};
    tensor **contents = contents_new(g);
    if (CHECK(graph_evaluate(g, contents, -1, &err) == STRIA_OK, "%s: %s", source, err.text)) {
        const tensor *t = contents[g->outputs[0]->id];
        int64_t count = shape_count(&t->shape), i = 0;
        char *at = (char *)(uintptr_t)wants, *end;
        for (double x; x = strtod(at, &end), end != at; at = end, i++)
            CHECK(i < count && fabs(tensor_f64(t, i) - x) < 1e-5, "%s: element %lld is %g, not %g", source,
                  (long long)i, i < count ? tensor_f64(t, i) : NAN, x);
        CHECK(i == count, "%s: %lld elements, not %lld", source, (long long)count, (long long)i);
    }
    contents_free(g, contents);
}

static void good_check(const char *source, const char *wants, bytes *b) {
    stria_error err = {0};
    graph *g, *again;
    text written = {0};
    if (!CHECK(read_bytes(&g, b, &err) == STRIA_OK, "%s: %s", source, err.text)) return;
    if (CHECK(onnx_write(g, &written, &err) == STRIA_OK, "%s: %s", source, err.text) &&
        CHECK(onnx_read(&again, (const uint8_t *)written.data, written.length, "a", &err) == STRIA_OK, "%s: %s", source,
              err.text)) {
        values_check(source, again, wants);
        graph_free(again);
    }
    text_release(&written);
    graph_free(g);
    mem_fail_at(0);
    use(b, &err);
    torture_each(use, b, source, 1 + mem_count() / TRIES);
}

static void row_check(const char *source, const char *wants) {
    file f;
    stria_error err = {0};
    graph *g = NULL;
    text_file(&f, source);
    bytes b = {.size = onnx__model_proto__get_packed_size(&f.model)};
    b.data = mem_alloc(b.size + 1);
    onnx__model_proto__pack(&f.model, b.data);
    arena_release(&f.a);
    if (*wants == '=') good_check(source, wants + 2, &b);
    else if (CHECK(read_bytes(&g, &b, &err) != STRIA_OK, "%s: it is read", source))
        CHECK(strstr(err.text, wants + 2) && err.status != STRIA_NO_MEMORY, "%s: '%s' does not say '%s'", source,
              err.text, wants + 2);
    graph_free(g);
    mem_free(b.data);
}

/* ---- what the text cannot say ---- */

static Onnx__NodeProto *elu_file(file *f) {
    text_file(f, "x f 1 = 1; Elu x > y alpha=1.; out y");
    return f->nodes[0];
}

static void refused(file *f, const char *says) {
    stria_error error = {0};
    graph *g = NULL;
    stria_status status = read_file(&g, f, &error);
    CHECK(status != STRIA_OK && strstr(error.text, says), "'%s' does not say '%s'", error.text, says);
    graph_free(g);
}

static void odd_check(void) {
    file f;
    elu_file(&f)->attribute[0]->ref_attr_name = (char *)(uintptr_t) "a";
    refused(&f, "attribute 'alpha' refers to a function's attribute");
    elu_file(&f)->attribute[0]->name = NULL;
    refused(&f, "attribute '' is not known");
    text_file(&f, "x f 1 = 1; Gelu x > y approximate=none; out y");
    f.nodes[0]->attribute[0]->s.data[1] = 0;
    refused(&f, "attribute 'approximate' is not text");
    text_file(&f, "x f 1,1,1 = 1; RNN x,x,x > y hidden_size=1 activations={Tanh}; out y");
    f.nodes[0]->attribute[1]->strings[0].data[1] = 0;
    refused(&f, "attribute 'activations' is not text");
    text_file(&f, "i i 1 = 2; ConstantOfShape i > y value=1; out y");
    f.nodes[0]->attribute[0]->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
    refused(&f, "attribute 'value' is not a tensor");
    elu_file(&f);
    f.tensors[0]->segment = NEW(&f, Onnx__TensorProto__Segment, onnx__tensor_proto__segment__init);
    refused(&f, "tensor 'x' is stored in segments");
    elu_file(&f);
    f.tensors[0]->data_type = 23;
    refused(&f, "'x' has elements of type float4e2m1 (23), which Stria does not compute with");
    elu_file(&f);
    f.tensors[0]->data_type = 99;
    refused(&f, "'x' has elements of type");
}

/* Numbers that lie in lists of 64 bits instead of as bytes. */
static void lists_check(void) {
    static uint64_t numbers[] = {7, 4000000000};
    static const int types[] = {STRIA_UINT32, STRIA_UINT64};
    for (int i = 0; i < 2; i++) {
        file f;
        graph *g = NULL;
        stria_error error = {0};
        text_file(&f, "x u 2 = 0 0; Cast x > y to=1; out y");
        Onnx__TensorProto *t = f.tensors[0];
        t->has_raw_data = 0;
        t->data_type = types[i];
        t->uint64_data = numbers;
        t->n_uint64_data = 2;
        if (!CHECK(read_file(&g, &f, &error) == STRIA_OK, "%s", error.text)) continue;
        values_check("a list of 64 bits", g, "7 4000000000");
        graph_free(g);
    }
}

/* Shape rules that read contents work on them: what all nodes of a file take together is bounded, not only each one. */
static void work_check(void) {
    static const struct {
        const char *tensors, *node; /* %d: which one */
        int64_t most;               /* nodes that are read */
    } kinds[] = {
        /* 400 boxes of which all may be chosen: 400 · 401 comparisons of 8 steps, of which 2^24 are 13 nodes' */
        {"b f 1,400,4 = *; s f 1,1,400 = *; m i 1 = 400;", "NonMaxSuppression b,s,m > y%d;", 13},
        /* 100,000 elements each */
        {"x f 100000 = *;", "NonZero x > y%d;", 167},
        {"x f 100000 = *;", "Unique x > y%d;", 167},
    };
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (int64_t count = kinds[k].most; count <= kinds[k].most + 1; count++) {
            text source = {0};
            file f;
            graph *g = NULL;
            stria_error error = {0};
            text_printf(&source, "%s", kinds[k].tensors);
            for (int i = 0; i < count; i++) text_printf(&source, kinds[k].node, i);
            text_printf(&source, "out y0");
            text_file(&f, source.data);
            text_release(&source);
            stria_status status = read_file(&g, &f, &error);
            bool right = count == kinds[k].most
                             ? status == STRIA_OK
                             : status == STRIA_UNSUPPORTED && strstr(error.text, "for the whole model");
            CHECK(right, "%lld times %s: status %d, '%s'", (long long)count, kinds[k].node, (int)status, error.text);
            graph_free(g);
        }
}

int main(void) {
    odd_check();
    lists_check();
    work_check();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) row_check(rows[i].file, rows[i].wants);
    return check_report();
}
