/* Options are rows: the parser, --help, the man page and bash completion all read the same ones. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stria/stria.h>

typedef enum option_kind {
    OPTION_FLAG,     /* no value */
    OPTION_INTEGER,  /* minimum … maximum */
    OPTION_REAL,     /* not negative */
    OPTION_TEXT,     /* anything */
    OPTION_CHOICE,   /* one of `choices` */
    OPTION_OPTIONAL, /* a value may follow; "" where none does */
    OPTION_TRAINING  /* a row of stria_train_option: the library judges the value */
} option_kind;

typedef struct option_row {
    const char *name;
    option_kind kind;
    const char *type;     /* the value's name in help: "N", "FILE" */
    const char *standard; /* the default as text; NULL: none */
    const char *choices;  /* "train|val|test" */
    int64_t minimum, maximum;
    const char *group; /* heading in help; NULL: "options" */
    const char *help;
} option_row;

#define EVERYWHERE "everywhere" /* the group of options that every verb has */

enum { OPTION_ROWS_MAX = 80 };

typedef struct option_value {
    const option_row *row;
    const char *text;
} option_value;

struct verb;

/* The words that the user gave to a verb. Texts belong to argv. */
typedef struct options {
    const struct verb *verb;
    option_row rows[OPTION_ROWS_MAX]; /* the verb's, the library's for training, the common ones */
    int row_count;
    option_value *values;
    int value_count;
    const char **operands;
    int operand_count;
    char **words; /* the words as typed, after the verb */
    int word_count;
} options;

/* Prepares the rows of a verb. */
void options_init(options *given, const struct verb *of);
/* Reads argv[0 … argc): options before, between and after operands, "--key value" or "--key=value", "-o" for
 * --out or --output, "--" ends options.
 * On failure the error holds the sentence and false is returned. */
bool options_parse(options *given, int argc, char **argv, stria_error *error);
void options_release(options *given);

/* The last value given, else the default; NULL where there is neither. The name must be one of the rows. */
const char *option_text(const options *given, const char *name);
int64_t option_integer(const options *given, const char *name); /* 0 where there is neither value nor default */
double option_real(const options *given, const char *name);
bool option_given(const options *given, const char *name);
/* The index-th value of an option that may be repeated, NULL past the last. */
const char *option_each(const options *given, const char *name, int index);

/* Returns true, after printing that the option has no effect with `what`, if an option was given that is not in `taken`
 * ("out layer"), not common to all verbs and not about preprocessing. */
bool options_surplus(const options *given, const char *what, const char *taken);

/* Rows that several verbs share. */
#define OPTION_DATA(why)                                                                                               \
    { .name = "data", .kind = OPTION_TEXT, .type = "DATA", .help = why }
#define OPTION_SPLIT(of)                                                                                               \
    {                                                                                                                  \
        .name = "split", .kind = OPTION_CHOICE, .type = "SPLIT", .standard = of, .choices = "train|val|test",          \
        .help = "which images; train includes those that a training held out for validation"                           \
    }
#define OPTION_BATCH(of, why)                                                                                          \
    {                                                                                                                  \
        .name = "batch", .kind = OPTION_INTEGER, .type = "N", .standard = of, .minimum = 1, .maximum = 1 << 20,        \
        .help = why                                                                                                    \
    }
#define OPTION_LIMIT(of, why)                                                                                          \
    { .name = "limit", .kind = OPTION_INTEGER, .type = "N", .standard = of, .maximum = INT64_MAX, .help = why }

#define OPTION_DIMS                                                                                                    \
    {                                                                                                                  \
        .name = "dims", .kind = OPTION_TEXT, .type = "NAME=SIZE,…",                                                    \
        .help = "sizes of the model's open dimensions, by name or as INPUT:AXIS"                                       \
    }

#define OPTION_LAYOUT(why)                                                                                             \
    {                                                                                                                  \
        .name = "layout", .kind = OPTION_CHOICE, .type = "ORDER", .standard = "nchw", .choices = "nchw|nhwc",          \
        .help = why                                                                                                    \
    }

#define OPTION_WEIGHTS                                                                                                 \
    {                                                                                                                  \
        .name = "weights", .kind = OPTION_TEXT, .type = "FILE",                                                        \
        .help = "weights to load: .safetensors, .npz, PyTorch's .pth, Keras' .keras or .h5"                            \
    }

/* Options of networks built in, as they may also stand after the name: "resnet50:classes=10,size=3x32x32". */
#define NETWORK_GROUP "built-in networks (each network has some of these; also NAME:key=value,…)"
#define NETWORK_ROW(key, of, why)                                                                                      \
    { .name = key, .kind = OPTION_TEXT, .type = of, .group = NETWORK_GROUP, .help = why }
#define NETWORK_FLAG(key, why)                                                                                         \
    { .name = key, .kind = OPTION_FLAG, .group = NETWORK_GROUP, .help = why }
#define OPTIONS_NETWORK                                                                                                \
    OPTION_WEIGHTS, NETWORK_ROW("classes", "N", "number of classes"),                                                  \
        NETWORK_ROW("size", "CxHxW", "channels, height and width of the pictures, as 3x32x32"),                        \
        NETWORK_ROW("width", "X", "all channels times X, as 0.25 (mobilenet-v1, mobilenet-v2)"),                       \
        NETWORK_ROW("dropout", "X", "share of units that are dropped in training; 0: none"),                           \
        NETWORK_ROW("activation", "NAME", "relu, sigmoid, tanh, leaky_relu, elu, selu, gelu, silu, mish, …"),          \
        NETWORK_ROW("pooling", "KIND", "max or average"),                                                              \
        NETWORK_ROW("hidden", "NxN…", "units of the hidden layers (mlp)"),                                             \
        NETWORK_ROW("dense", "N", "units of the dense layers (alexnet, vgg, tf-mnist)"),                               \
        NETWORK_ROW("groups", "N", "groups of the grouped convolutions (alexnet-2012)"),                               \
        NETWORK_ROW("shortcut", "KIND", "a or b: zeros or convolutions where channels change (resnet20 to 1202)"),     \
        NETWORK_ROW("style", "KIND", "torchvision or keras: whose form and names (resnet50 to 152, mobilenet-v2)"),    \
        NETWORK_ROW("bypass", "KIND", "none, simple or complex (squeezenet)"),                                         \
        NETWORK_ROW("heads", "0|1", "auxiliary classifiers in training (googlenet)"),                                  \
        NETWORK_FLAG("bn", "batch normalisation after each layer (mlp, alexnet, vgg)"),                                \
        NETWORK_FLAG("plain", "omits the shortcuts (resnet)"),                                                         \
        NETWORK_FLAG("zero-last", "initialises each residual block as the identity (last norm scale 0; resnet)")

#define PREPROCESS_GROUP "preprocessing and classes, for models that do not store them"
#define PREPROCESS_ROW(key, of, why)                                                                                   \
    { .name = key, .kind = OPTION_TEXT, .type = of, .group = PREPROCESS_GROUP, .help = why }
/* How pictures' files are read; with OPTION_FAST_DECODE where a network takes them. */
#define OPTIONS_READING                                                                                                \
    {.name = "max-pixels",                                                                                             \
     .kind = OPTION_INTEGER,                                                                                           \
     .type = "N",                                                                                                      \
     .standard = "0",                                                                                                  \
     .maximum = 1 << 28,                                                                                               \
     .help = "maximum number of pixels of a picture file; 0: 67,108,864, fewer for tiny files"},                       \
    {                                                                                                                  \
        .name = "no-exif", .kind = OPTION_FLAG,                                                                        \
        .help =                                                                                                        \
            "reads pictures as stored, without the rotation that EXIF data asks for; a run folder stores this option"  \
    }
#define OPTION_FAST_DECODE                                                                                             \
    {                                                                                                                  \
        .name = "fast-decode", .kind = OPTION_FLAG,                                                                    \
        .help = "decodes large JPEGs at 1/2, 1/4 or 1/8 of their size if the network needs no more; a run folder "     \
                "stores this option"                                                                                   \
    }
#define OPTION_TTA                                                                                                     \
    {                                                                                                                  \
        .name = "tta", .kind = OPTION_CHOICE, .type = "VIEWS", .standard = "no", .choices = "no|flip|ten-crop",        \
        .help = "averages the probabilities of several views; flip: image and mirror image; ten-crop: four corners "   \
                "and centre, each also mirrored"                                                                       \
    }
#define OPTION_SKIP_BAD(instead)                                                                                       \
    {                                                                                                                  \
        .name = "skip-bad", .kind = OPTION_FLAG,                                                                       \
        .help = "skips pictures that cannot be read, and counts them, instead of " instead                             \
    }
/* How a source without a validation part of its own is divided. */
#define OPTIONS_DIVISION(of, why)                                                                                      \
    {.name = "val", .kind = OPTION_TEXT, .type = of, .standard = "yes", .help = why}, {                                \
        .name = "draw-seed", .kind = OPTION_INTEGER, .type = "N", .standard = "0", .maximum = INT64_MAX,               \
        .help = "seed for random splits (validation share, flowers17, --limit)"                                        \
    }
#define OPTIONS_PREPROCESS                                                                                             \
    PREPROCESS_ROW("preprocess", "PRESET", "imagenet, caffe or tf: channels, scale, mean, std of published weights"),  \
        PREPROCESS_ROW("resize", "SIZE", "size before cropping: 224 (shorter side) or 224x320 (height first)"),        \
        PREPROCESS_ROW("crop", "SIZE", "size of the centre crop: 224 or 224x320"),                                     \
        PREPROCESS_ROW("channels", "ORDER", "channel order: rgb, bgr or grey"),                                        \
        PREPROCESS_ROW("scale", "X", "value = (pixel * scale - mean) / std, pixel 0 to 255; \"1/255\""),               \
        PREPROCESS_ROW("mean", "X,…", "one, or one per channel"),                                                      \
        PREPROCESS_ROW("std", "X,…", "one, or one per channel"),                                                       \
        PREPROCESS_ROW("labels", "FILE", "file with the class names, one per line, in the output's order"), {          \
        .name = "output", .kind = OPTION_CHOICE, .type = "KIND", .choices = "logits|probabilities",                    \
        .group = PREPROCESS_GROUP, .help = "what the first output holds, if the network does not show it"              \
    }

#endif
