/* Blocks that networks are made of: several layers of the table in a scope that is called like the block. Names of
 * tensors in them are torchvision's. */
#include "op/build_options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* A block that is being built: the first failure sticks, and every call after it gives NULL. */
typedef struct block {
    layer_call *c;
    struct scope *outer;
    int64_t norm; /* convolutions have batch normalisation, else a bias */
    bool biases;  /* both */
    stria_status status;
    stria_error *err;
} block;

/* The scope's name is c->name, which begins with the names of the outer ones. */
static block block_open(layer_call *c, stria_error *err) {
    block b = {.c = c, .outer = c->g->scope, .norm = 1, .err = err};
    c->g->scope = NULL;
    b.status = graph_scope_enter(c->g, c->name, err);
    if (b.status == STRIA_OK && layer_text(c, "norm")) b.status = layer_int(c, "norm", 0, 1, &b.norm, err);
    return b;
}

static stria_status block_close(block *b, value *y) {
    b->c->g->scope = b->outer;
    if (b->status == STRIA_OK) b->c->out = y;
    return b->status;
}

static value *layers(block *b, const char *layer, value *const *in, int count, int64_t number, const char *options,
                     ...) {
    char words[512];
    value *y = NULL;
    va_list arguments;
    if (b->status != STRIA_OK) return NULL;
    va_start(arguments, options);
    text_vformat(words, sizeof words, options, arguments);
    va_end(arguments);
    b->status = layer_build(b->c->g, layer, in, count, &number, number != 0, words, b->c->seed, &y, b->err);
    return b->status == STRIA_OK ? y : NULL;
}
#define LAYER(b, layer, x, number, ...) layers(b, layer, (value *[]){x}, 1, number, __VA_ARGS__)

static value *add(block *b, value *x, value *y) {
    return layers(b, "add", (value *[]){x, y}, 2, 0, "");
}

static void enter(block *b, const char *name) {
    if (b->status == STRIA_OK) b->status = graph_scope_enter(b->c->g, name, b->err);
}
static void leave(block *b) {
    graph_scope_leave(b->c->g);
}

/* The option's layer after x; none: x itself. */
static value *activate(block *b, value *x, const char *name) {
    const char *activation = layer_text(b->c, "activation");
    if (!*activation || strcmp(activation, "none") == 0) return x;
    return LAYER(b, activation, x, 0, "name=%s", name);
}

/* A convolution, and its normalisation unless there is none. */
static value *conv(block *b, value *x, const char *conv_name, const char *norm_name, int64_t channels,
                   const char *options) {
    const char *init = layer_text(b->c, "init"), *epsilon = layer_text(b->c, "epsilon");
    x = LAYER(b, "conv", x, channels, "name=%s bias=%d init=%s %s", conv_name, !b->norm || b->biases, init, options);
    if (!b->norm) return x;
    return LAYER(b, "batch_norm", x, 0, "name=%s epsilon=%s names=weight,bias,running_mean,running_var", norm_name,
                 epsilon);
}

/* With zero_last=1 the scale of y, the last normalisation before the sum, begins as 0, so that the block begins as its
 * shortcut (Goyal et al., "Accurate, large minibatch SGD", 2017). Without a sum it would begin, and stay, at 0. */
static value *last(block *b, value *y, bool sums) {
    int64_t zero = 0;
    if (b->status == STRIA_OK) b->status = layer_int(b->c, "zero_last", 0, 1, &zero, b->err);
    if (b->status != STRIA_OK || !zero || !sums) return y;
    tensor *scale = y->producer->in[1]->data;
    memset(scale->data, 0, scale->bytes);
    return y;
}

/* "kernel=… stride=… padding=…": the block's, the padding half of the kernel unless it is given. */
static const char *window_of(block *b) {
    const char *kernel = layer_text(b->c, "kernel"), *padding = layer_text(b->c, "padding");
    int64_t k[2];
    if (b->status == STRIA_OK) b->status = layer_sizes(b->c, "kernel", 1, 2, k, b->err);
    if (b->status != STRIA_OK) return "";
    const char *half = arena_printf(&b->c->g->arena, "%lld,%lld", (long long)k[0] / 2, (long long)k[1] / 2);
    const char *words =
        arena_printf(&b->c->g->arena, "kernel=%s stride=%s padding=%s", kernel, layer_text(b->c, "stride"),
                     padding && *padding ? padding
                     : half              ? half
                                         : "");
    if (!half || !words) b->status = layer_no_memory(b->err);
    return words ? words : "";
}

static int64_t channels_of(const value *x) {
    return x->shape.dim[1];
}

/* Images of two dimensions, and the block's one number. */
static stria_status image_check(layer_call *c, int64_t *channels, stria_error *err) {
    char words[192];
    if (c->in[0]->shape.rank != 4)
        FAIL(err, STRIA_BAD_SHAPE, "input is %s, expected [batch, channels, height, width]",
             shape_text(&c->in[0]->shape, words));
    return channels ? layer_number(c, channels, err) : STRIA_OK;
}

/* ---- conv_bn_relu ---- */

stria_status layer_block_conv(layer_call *c, stria_error *err) {
    char names[128], *name[3] = {names};
    int64_t channels;
    TRY(image_check(c, &channels, err));
    if (strlen(layer_text(c, "names")) >= sizeof names)
        FAIL(err, STRIA_BAD_ARGUMENT, "option names is longer than %zu characters", sizeof names - 1);
    memcpy(names, layer_text(c, "names"), strlen(layer_text(c, "names")) + 1);
    for (int i = 1; i < 3; i++) {
        name[i] = strchr(name[i - 1], ',');
        if (!name[i])
            FAIL(err, STRIA_BAD_ARGUMENT, "option names is '%s', expected three names with commas",
                 layer_text(c, "names"));
        *name[i]++ = 0;
    }
    block b = block_open(c, err);
    const char *window = arena_printf(&c->g->arena, "%s groups=%s", window_of(&b), layer_text(c, "groups"));
    if (!window && b.status == STRIA_OK) b.status = layer_no_memory(err);
    value *x = conv(&b, c->in[0], name[0], name[1], channels, window ? window : "");
    return block_close(&b, activate(&b, x, name[2]));
}

/* ---- residual, bottleneck ---- */

/* Every stride-th pixel, and channels of zeros on both sides. */
static value *subsample(block *b, value *x, int64_t channels, const int64_t stride[2]) {
    int64_t more = channels - channels_of(x), before = more / 2;
    if (more < 0 && b->status == STRIA_OK)
        b->status = error_set(b->err, STRIA_BAD_SHAPE, "shortcut a cannot make %lld channels of %lld",
                              (long long)channels, (long long)channels_of(x));
    if (stride[0] > 1 || stride[1] > 1)
        x = LAYER(b, "max_pool", x, 0, "kernel=1 stride=%lld,%lld", (long long)stride[0], (long long)stride[1]);
    builder constants = {.g = b->c->g, .status = b->status, .err = b->err};
    if (b->status != STRIA_OK) return NULL;
    value *pads = build_i64(&constants, (const int64_t[]){0, before, 0, 0, 0, more - before, 0, 0}, 8);
    b->status = constants.status;
    return layers(b, "Pad", (value *[]){x, pads}, 2, 0, "");
}

static value *project(block *b, value *x, int64_t channels) {
    const char *window = arena_printf(&b->c->g->arena, "kernel=1 stride=%s", layer_text(b->c, "stride"));
    if (!window && b->status == STRIA_OK) b->status = layer_no_memory(b->err);
    enter(b, "downsample");
    x = conv(b, x, "0", "1", channels, window ? window : "");
    leave(b);
    return x;
}

/* activation(y + x), x brought to y's shape as the option says. */
static value *sum(block *b, value *y, value *x, int64_t channels, const char *activation) {
    static const char *const words[] = {"a", "b", "none"};
    int64_t stride[2];
    int way = 0;
    while (way < 3 && strcmp(layer_text(b->c, "shortcut"), words[way]) != 0) way++;
    if (way == 3 && b->status == STRIA_OK)
        b->status = error_set(b->err, STRIA_BAD_ARGUMENT, "option shortcut is '%s', expected a, b or none",
                              layer_text(b->c, "shortcut"));
    if (b->status == STRIA_OK) b->status = layer_sizes(b->c, "stride", 1, 2, stride, b->err);
    if (b->status != STRIA_OK) return NULL;
    bool same = stride[0] == 1 && stride[1] == 1 && channels_of(x) == channels;
    if (way == 2) return activate(b, y, activation);
    if (!same) x = way == 0 ? subsample(b, x, channels, stride) : project(b, x, channels);
    return activate(b, add(b, y, x), activation);
}

static bool has_shortcut(const block *b) {
    return strcmp(layer_text(b->c, "shortcut"), "none") != 0;
}

/* "kernel=K padding=… stride=…", padded by half the kernel */
static const char *strided(block *b, int kernel) {
    const char *words =
        arena_printf(&b->c->g->arena, "kernel=%d padding=%d stride=%s", kernel, kernel / 2, layer_text(b->c, "stride"));
    if (!words && b->status == STRIA_OK) b->status = layer_no_memory(b->err);
    return words ? words : "";
}

stria_status layer_block_residual(layer_call *c, stria_error *err) {
    int64_t channels;
    TRY(image_check(c, &channels, err));
    block b = block_open(c, err);
    value *y = activate(&b, conv(&b, c->in[0], "conv1", "bn1", channels, strided(&b, 3)), "relu1");
    y = last(&b, conv(&b, y, "conv2", "bn2", channels, "kernel=3 padding=1"), has_shortcut(&b));
    return block_close(&b, sum(&b, y, c->in[0], channels, "relu2"));
}

stria_status layer_block_bottleneck(layer_call *c, stria_error *err) {
    int64_t channels, squeeze;
    TRY(image_check(c, &channels, err));
    squeeze = channels < 4 ? 1 : channels / 4;
    if (*layer_text(c, "squeeze")) TRY(layer_int(c, "squeeze", 1, LAYER_SIZE_LIMIT, &squeeze, err));
    bool keras = strcmp(layer_text(c, "style"), "keras") == 0;
    if (!keras && strcmp(layer_text(c, "style"), "torchvision") != 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "option style is '%s', expected torchvision or keras", layer_text(c, "style"));
    block b = block_open(c, err);
    b.biases = keras;
    value *y = conv(&b, c->in[0], "conv1", "bn1", squeeze, keras ? strided(&b, 1) : "kernel=1");
    y = conv(&b, activate(&b, y, "relu1"), "conv2", "bn2", squeeze, keras ? "kernel=3 padding=1" : strided(&b, 3));
    y = activate(&b, y, "relu2");
    y = last(&b, conv(&b, y, "conv3", "bn3", channels, "kernel=1"), has_shortcut(&b));
    return block_close(&b, sum(&b, y, c->in[0], channels, "relu3"));
}

/* ---- depthwise_separable, inverted_residual ---- */

/* The block's window with a filter of its own for each channel of x. */
static const char *depthwise(block *b, const value *x) {
    const char *window = window_of(b);
    if (b->status != STRIA_OK) return "";
    const char *words = arena_printf(&b->c->g->arena, "%s groups=%lld", window, (long long)channels_of(x));
    if (!words) b->status = layer_no_memory(b->err);
    return words ? words : "";
}

stria_status layer_block_separable(layer_call *c, stria_error *err) {
    int64_t channels;
    TRY(image_check(c, &channels, err));
    block b = block_open(c, err);
    value *x = c->in[0];
    x = conv(&b, x, "depthwise", "depthwise_bn", channels_of(x), depthwise(&b, x));
    x = conv(&b, activate(&b, x, "depthwise_relu"), "pointwise", "pointwise_bn", channels, "kernel=1");
    return block_close(&b, activate(&b, x, "pointwise_relu"));
}

/* conv.i: convolution, normalisation, activation are its parts 0, 1, 2. */
static value *unit(block *b, value *x, int i, int64_t channels, const char *options) {
    char name[8];
    snprintf(name, sizeof name, "%d", i);
    enter(b, name);
    x = activate(b, conv(b, x, "0", "1", channels, options), "2");
    leave(b);
    return x;
}

stria_status layer_block_inverted(layer_call *c, stria_error *err) {
    value *x = c->in[0], *y = x;
    int64_t channels, expand, wide, stride[2];
    int i = 0;
    char names[2][8];
    TRY(image_check(c, &channels, err));
    TRY(layer_int(c, "expand", 1, 1 << 10, &expand, err));
    TRY(layer_sizes(c, "stride", 1, 2, stride, err));
    wide = size_mul(channels_of(x), expand);
    block b = block_open(c, err);
    enter(&b, "conv");
    if (expand > 1) y = unit(&b, y, i++, wide, "kernel=1");
    y = unit(&b, y, i, wide, y ? depthwise(&b, y) : "");
    snprintf(names[0], sizeof names[0], "%d", i + 1);
    snprintf(names[1], sizeof names[1], "%d", i + 2);
    bool sums = stride[0] == 1 && stride[1] == 1 && channels_of(x) == channels;
    y = last(&b, conv(&b, y, names[0], names[1], channels, "kernel=1"), sums);
    leave(&b);
    if (sums) y = add(&b, y, x);
    return block_close(&b, y);
}

/* ---- fire, inception ---- */

static stria_status numbers_check(layer_call *c, int count, stria_error *err) {
    TRY(image_check(c, NULL, err));
    if (c->number_count != count)
        FAIL(err, STRIA_BAD_ARGUMENT, "%d numbers are given, expected %d: %s", c->number_count, count,
             c->layer->numbers);
    for (int i = 0; i < count; i++)
        if (c->numbers[i] < 1 || c->numbers[i] > LAYER_SIZE_LIMIT)
            FAIL(err, STRIA_BAD_ARGUMENT, "number %d is %lld, expected 1 or more (%s)", i + 1, (long long)c->numbers[i],
                 c->layer->numbers);
    return STRIA_OK;
}

stria_status layer_block_fire(layer_call *c, stria_error *err) {
    static const char *const words[] = {"none", "simple", "complex"};
    int way = 0;
    TRY(numbers_check(c, 3, err));
    while (way < 3 && strcmp(layer_text(c, "bypass"), words[way]) != 0) way++;
    if (way == 3)
        FAIL(err, STRIA_BAD_ARGUMENT, "option bypass is '%s', expected none, simple or complex",
             layer_text(c, "bypass"));
    int64_t channels = size_add(c->numbers[1], c->numbers[2]);
    block b = block_open(c, err);
    b.norm = 0;
    value *x = c->in[0], *s = activate(&b, conv(&b, x, "squeeze", "", c->numbers[0], "kernel=1"), "squeeze_activation");
    value *one = activate(&b, conv(&b, s, "expand1x1", "", c->numbers[1], "kernel=1"), "expand1x1_activation");
    value *three =
        activate(&b, conv(&b, s, "expand3x3", "", c->numbers[2], "kernel=3 padding=1"), "expand3x3_activation");
    value *y = layers(&b, "Concat", (value *[]){one, three}, 2, 0, "axis=1 name=concat");
    if (way == 2) x = conv(&b, x, "bypass", "", channels, "kernel=1");
    if (way > 0) y = add(&b, y, x);
    return block_close(&b, y);
}

/* Scope NAME of conv, bn, relu. */
static value *branch(block *b, value *x, const char *name, int64_t channels, const char *options) {
    enter(b, name);
    x = activate(b, conv(b, x, "conv", "bn", channels, options), "relu");
    leave(b);
    return x;
}

stria_status layer_block_inception(layer_call *c, stria_error *err) {
    int64_t kernel;
    TRY(numbers_check(c, 6, err));
    TRY(layer_int(c, "kernel", 1, 1 << 10, &kernel, err));
    const int64_t *n = c->numbers;
    const char *window = arena_printf(&c->g->arena, "kernel=%d padding=%d", (int)kernel, (int)kernel / 2);
    if (!window) return layer_no_memory(err);
    block b = block_open(c, err);
    value *x = c->in[0], *part[4];
    part[0] = branch(&b, x, "branch1", n[0], "kernel=1");
    part[1] = branch(&b, branch(&b, x, "branch2.0", n[1], "kernel=1"), "branch2.1", n[2], "kernel=3 padding=1");
    part[2] = branch(&b, branch(&b, x, "branch3.0", n[3], "kernel=1"), "branch3.1", n[4], window);
    part[3] = LAYER(&b, "max_pool", x, 0, "name=branch4.0 kernel=3 stride=1 padding=1");
    part[3] = branch(&b, part[3], "branch4.1", n[5], "kernel=1");
    return block_close(&b, layers(&b, "Concat", part, 4, 0, "axis=1 name=concat"));
}

bool layer_is_block(const layer_def *l) {
    stria_status (*const blocks[])(layer_call *, stria_error *) = {
        layer_block_conv,     layer_block_residual, layer_block_bottleneck, layer_block_separable,
        layer_block_inverted, layer_block_fire,     layer_block_inception};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        if (l->build == blocks[i]) return true;
    return false;
}
