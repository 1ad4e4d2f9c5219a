/* The zoo: networks built in, a file for each family of them. */
#ifndef MODEL_ZOO_ZOO_H
#define MODEL_ZOO_ZOO_H

#include "base/text.h"
#include "graph/graph.h"

/* "lenet5", "mlp:classes=100,size=3x32x32,hidden=128x64": a row of zoo_list.h and its options, of which every network
 * has a size (channels, height, width), and a classifier classes. The input is "image" [batch, channels, height,
 * width], the output "logits" [batch, classes], which metadata stria.output says, or "reconstruction" of the input's
 * shape; stria.train says which training options suit it. Unknown names are refused with the nearest. */
stria_status zoo_build(graph **out, const char *spec, uint64_t seed, stria_error *err);
/* Returns true if the part of spec before ':' is a network's name. */
bool zoo_has(const char *spec);
/* Whether that network tells classes apart. */
bool zoo_classifies(const char *spec);
const char *const *zoo_names(void);      /* NULL-terminated */
const char *zoo_about(const char *name); /* one line; NULL for an unknown name */

/* The shape of a dataset's images. height and width are 0 if they differ. */
typedef struct zoo_data {
    int classes, channels, height, width;
    bool measured; /* numbers, which are not resized */
} zoo_data;
/* Appends the spec with the classes and the size that it leaves out, as the data has them. Pictures of one size up to
 * 96x96 are taken as they are if `own`; others get the size that the network was made for, at least 64x64. */
stria_status zoo_fit(const char *spec, const zoo_data *data, bool own, text *out, stria_error *err);
/* The size that the network was made for: channels, height, width. */
stria_status zoo_natural(const char *spec, int64_t size[3], stria_error *err);

/* ---- for the networks' own files ---- */

#define ZOO_OPTIONS 8 /* at most, of one network, and a last empty one */
#define ZOO_NUMBERS 16
#define ZOO_HEADS   2

/* A classifier on the way, which only training has. */
typedef struct zoo_head_row {
    value *logits;
    const char *name, *weight; /* of its cross-entropy in the loss */
} zoo_head_row;

/* A network that is being built: the first failure sticks, and every call after it gives NULL. */
typedef struct zoo {
    graph *g;
    uint64_t seed;
    int depth; /* of the row */
    const struct zoo_option *options;
    int64_t number[ZOO_OPTIONS][ZOO_NUMBERS]; /* parallel to the options: their numbers, */
    int count[ZOO_OPTIONS];                   /* how many, or the index of the word */
    double real[ZOO_OPTIONS];
    zoo_head_row heads[ZOO_HEADS];
    int head_count;
    stria_status status;
    stria_error *err;
} zoo;

/* A layer of op/build.h; number is its channels or units, 0: none. The options are printf's; NULL: none. */
value *zoo_layer(zoo *z, value *x, const char *layer, int64_t number, const char *options, ...)
    __attribute__((format(printf, 5, 6)));
/* The same for a block that takes several numbers. */
value *zoo_block(zoo *z, value *x, const char *layer, const int64_t *numbers, int count, const char *options, ...)
    __attribute__((format(printf, 6, 7)));
/* Dropout as the option says; x itself where that is 0. name NULL: any. */
value *zoo_dropout(zoo *z, value *x, const char *name);
/* An auxiliary head: a further output, whose cross-entropy counts `weight` in the loss. */
void zoo_head(zoo *z, value *logits, const char *name, const char *weight);
int64_t zoo_channels(const value *x); /* 0 of NULL */

/* Layers up to zoo_leave have names that begin with the scope's and '.'. The name is printf's; scopes nest. */
void zoo_enter(zoo *z, const char *name, ...) __attribute__((format(printf, 2, 3)));
void zoo_leave(zoo *z);

/* An option's first number; all of them; the index of its word; that word; its real number. */
int64_t zoo_number(const zoo *z, const char *option);
int zoo_numbers(const zoo *z, const char *option, const int64_t **numbers);
int zoo_word(const zoo *z, const char *option);
const char *zoo_text(const zoo *z, const char *option);
double zoo_real(const zoo *z, const char *option);

/* From the image to the logits, or to the image given back. */
value *zoo_autoencoder(zoo *z, value *x);
value *zoo_lenet5(zoo *z, value *x);
value *zoo_lenet(zoo *z, value *x);
value *zoo_linear(zoo *z, value *x);
value *zoo_mlp(zoo *z, value *x);
value *zoo_resnet(zoo *z, value *x);
value *zoo_resnet_small(zoo *z, value *x);
value *zoo_keras_mnist(zoo *z, value *x);
value *zoo_tf_mnist(zoo *z, value *x);
value *zoo_tf_cifar(zoo *z, value *x);
value *zoo_alexnet(zoo *z, value *x);
value *zoo_alexnet_2012(zoo *z, value *x);
value *zoo_vgg(zoo *z, value *x);
value *zoo_googlenet(zoo *z, value *x);
value *zoo_googlenet_bn(zoo *z, value *x);
value *zoo_squeezenet(zoo *z, value *x);
value *zoo_mobilenet_v1(zoo *z, value *x);
value *zoo_mobilenet_v2(zoo *z, value *x);

#endif
