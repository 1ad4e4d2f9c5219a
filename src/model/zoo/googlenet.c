/* GoogLeNet (Szegedy et al., "Going deeper with convolutions", CVPR 2015). `googlenet` is the paper's: local response
 * normalisation, 5 × 5 branches, and in training two auxiliary classifiers, whose loss counts 0.3; 6,998,552
 * parameters, 13,378,280 with both heads. `googlenet-bn` has torchvision's layers: batch normalisation, "5 × 5"
 * branches that are 3 × 3, a last pooling of 2 × 2; 6,624,904 parameters. Names are torchvision's. */
#include "model/zoo/zoo.h"

/* Where the forms differ. */
typedef struct form {
    int norm, kernel, last_pool; /* batch normalisation; of the third branch; of the last pooling */
    const char *unit;            /* options of a convolution */
} form;

static value *pool(zoo *z, value *x, int i, int kernel) {
    return zoo_layer(z, x, "max_pool", 0, "name=maxpool%d kernel=%d stride=2 ceil=1", i, kernel);
}

static value *unit(zoo *z, value *x, const form *f, const char *name, int64_t channels, int kernel, int stride) {
    return zoo_layer(z, x, "conv_bn_relu", channels, "name=%s kernel=%d stride=%d %s", name, kernel, stride, f->unit);
}

static value *lrn(zoo *z, value *x, const form *f) {
    return f->norm ? x : zoo_layer(z, x, "lrn", 5, "alpha=0.0001 beta=0.75");
}

static value *inception(zoo *z, value *x, const form *f, const char *name, const int64_t channels[6]) {
    return zoo_block(z, x, "inception", channels, 6, "name=inception%s kernel=%d norm=%d", name, f->kernel, f->norm);
}

/* A classifier on the way. */
static void head(zoo *z, value *x, const form *f, const char *name) {
    if (!zoo_word(z, "heads")) return;
    zoo_enter(z, "%s", name);
    x = zoo_layer(z, x, "average_pool", 0, "kernel=5 stride=3");
    x = unit(z, x, f, "conv", 128, 1, 1);
    x = zoo_layer(z, x, "flatten", 0, NULL);
    x = zoo_layer(z, x, "dense", 1024, "name=fc1 init=he-normal");
    x = zoo_layer(z, x, "relu", 0, NULL);
    x = zoo_layer(z, x, "dropout", 0, "ratio=0.7");
    x = zoo_layer(z, x, "dense", zoo_number(z, "classes"), "name=fc2");
    zoo_leave(z);
    zoo_head(z, x, name, "0.3");
}

static value *googlenet(zoo *z, value *x, const form *f) {
    x = lrn(z, pool(z, unit(z, x, f, "conv1", 64, 7, 2), 1, 3), f);
    x = unit(z, unit(z, x, f, "conv2", 64, 1, 1), f, "conv3", 192, 3, 1);
    x = pool(z, lrn(z, x, f), 2, 3);
    x = inception(z, x, f, "3a", (const int64_t[]){64, 96, 128, 16, 32, 32});
    x = inception(z, x, f, "3b", (const int64_t[]){128, 128, 192, 32, 96, 64});
    x = pool(z, x, 3, 3);
    x = inception(z, x, f, "4a", (const int64_t[]){192, 96, 208, 16, 48, 64});
    head(z, x, f, "aux1");
    x = inception(z, x, f, "4b", (const int64_t[]){160, 112, 224, 24, 64, 64});
    x = inception(z, x, f, "4c", (const int64_t[]){128, 128, 256, 24, 64, 64});
    x = inception(z, x, f, "4d", (const int64_t[]){112, 144, 288, 32, 64, 64});
    head(z, x, f, "aux2");
    x = inception(z, x, f, "4e", (const int64_t[]){256, 160, 320, 32, 128, 128});
    x = pool(z, x, 4, f->last_pool);
    x = inception(z, x, f, "5a", (const int64_t[]){256, 160, 320, 32, 128, 128});
    x = inception(z, x, f, "5b", (const int64_t[]){384, 192, 384, 48, 128, 128});
    x = zoo_layer(z, x, "global_average_pool", 0, "name=avgpool");
    x = zoo_dropout(z, zoo_layer(z, x, "flatten", 0, NULL), "dropout");
    return zoo_layer(z, x, "dense", zoo_number(z, "classes"), "name=fc");
}

value *zoo_googlenet(zoo *z, value *x) {
    return googlenet(z, x, &(form){0, 5, 3, "norm=0"});
}

value *zoo_googlenet_bn(zoo *z, value *x) {
    return googlenet(z, x, &(form){1, 3, 2, "epsilon=0.001"});
}
