/* stria show: what a network sees. */
#include "cli/attribution.h"
#include "cli/dream.h"
#include "cli/json.h"
#include "cli/layer.h"
#include "cli/paint.h"
#include "cli/show_embedding.h"
#include "cli/show_kinds.h"
#include "cli/show_terminal.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Everything that one picture needs. */
typedef struct showing {
    const options *given;
    const show_kind *kind;
    stria_model *model;
    stria_array picture, x, result, painted;
    double before, after; /* of a dream: what it maximised */
    char layer[LAYER_NAME], class_name[256];
    int class;
    double probability;
} showing;

static void showing_release(showing *s) {
    stria_array_release(&s->picture);
    stria_array_release(&s->x);
    free(s->result.data);
    free(s->painted.data);
    stria_model_free(s->model);
}

/* ---- which layer ---- */

/* The last result that still has positions: where Grad-CAM looks by itself. */
static void layer_default(showing *s) {
    stria_node_row row = {.size = sizeof row};
    stria_operand out = {.size = sizeof out};
    for (int i = 0; stria_model_node(s->model, i, &row); i++)
        if (stria_model_node_output(s->model, i, 0, &out) && out.rank == 4 && out.shape[2] * out.shape[3] > 1)
            snprintf(s->layer, sizeof s->layer, "%s", out.name);
}

static stria_status layer_choose(showing *s, stria_error *error) {
    const char *name = option_text(s->given, "layer");
    if (name) return layer_find(s->model, name, s->layer, error);
    layer_default(s);
    if (*s->layer) return STRIA_OK;
    return source_refuse(error, STRIA_BAD_SHAPE, "the model has no layer with positions; --layer names one");
}

/* ---- which class ---- */

/* Of one picture. A binary model of two classes has one. */
static int64_t scores_count(const stria_model *model) {
    const stria_port *y = stria_model_output(model, 0);
    int64_t count = 1;
    for (int d = 1; d < y->rank; d++) count *= y->shape[d] ? y->shape[d] : 1;
    return count;
}

static stria_status class_find(showing *s, stria_error *error) {
    stria_predictor *predictor = NULL;
    stria_inference_options run = source_inference(s->given, "predicting");
    stria_status status = stria_predictor_new(&predictor, s->model, &run, error);
    int classes = status == STRIA_OK ? stria_predictor_classes(predictor) : 0;
    float *p = calloc((size_t)classes + 1, sizeof *p);
    if (!p) status = source_refuse(error, STRIA_NO_MEMORY, "not enough memory for probabilities");
    if (status == STRIA_OK) status = stria_predict_array(predictor, &s->picture, p, error);
    for (int c = 1; status == STRIA_OK && c < classes; c++)
        if (p[c] > p[s->class]) s->class = c;
    int64_t wanted = option_integer(s->given, "class");
    if (status == STRIA_OK && option_given(s->given, "class") && wanted >= classes)
        status =
            source_refuse(error, STRIA_BAD_ARGUMENT, "--class: %lld is out of range, the model has classes 0 to %d",
                          (long long)wanted, classes - 1);
    if (status == STRIA_OK && option_given(s->given, "class")) s->class = (int)wanted;
    if (status == STRIA_OK) {
        s->probability = (double)p[s->class];
        snprintf(s->class_name, sizeof s->class_name, "%s", stria_predictor_class_name(predictor, s->class));
    }
    free(p);
    stria_predictor_free(predictor);
    return status;
}

/* ---- filters ---- */

/* The weights of the layer, or of the first convolution: [oc, ic, kh, kw]. */
static stria_status filters_find(const showing *s, stria_operand *weights, stria_error *error) {
    const char *name = option_text(s->given, "layer");
    stria_node_row row = {.size = sizeof row};
    stria_operand out = {.size = sizeof out};
    for (int i = 0; stria_model_node(s->model, i, &row); i++) {
        stria_model_node_output(s->model, i, 0, &out);
        if (name && strcmp(name, row.name) != 0 && strcmp(name, out.name) != 0) continue;
        for (int k = 0; stria_model_node_input(s->model, i, k, weights); k++)
            if (weights->rank == 4 && weights->node < 0 && strcmp(weights->kind, "input") != 0) return STRIA_OK;
        if (name)
            return source_refuse(error, STRIA_BAD_ARGUMENT, "--layer: '%s' (%s) has no filters; convolutions have",
                                 name, row.op);
    }
    if (name) return layer_unknown(s->model, name, error);
    return source_refuse(error, STRIA_BAD_SHAPE, "the model has no convolution, so no filters");
}

static stria_status filters_read(showing *s, stria_error *error) {
    stria_operand weights = {.size = sizeof weights};
    stria_session *session = NULL;
    stria_graph *g = NULL;
    stria_model *with = NULL;
    stria_status status = filters_find(s, &weights, error);
    if (status == STRIA_OK) status = stria_graph_from_model(&g, s->model, 1, error);
    stria_value *v = status == STRIA_OK ? stria_find(g, weights.name) : NULL;
    if (v)
        stria_output(g, stria_value_type(v) == STRIA_FLOAT32 ? v : stria_node(g, "Cast", &v, 1, "to=1"),
                     "stria.filters");
    if (status == STRIA_OK) status = stria_model_from_graph(&with, g, error);
    if (status == STRIA_OK) g = NULL;
    if (status == STRIA_OK) status = stria_session_new(&session, with, NULL, error);
    if (status == STRIA_OK) status = stria_session_run(session, error);
    s->result = (stria_array){.type = STRIA_FLOAT32, .rank = 4, .bytes = sizeof(float)};
    for (int i = 0; status == STRIA_OK && i < 4; i++) {
        s->result.shape[i] = weights.shape[i];
        s->result.bytes *= (size_t)weights.shape[i];
    }
    s->result.data = calloc(s->result.bytes, 1);
    if (!s->result.data) status = source_refuse(error, STRIA_NO_MEMORY, "not enough memory for filters");
    if (status == STRIA_OK)
        status = stria_session_get(session, "stria.filters", s->result.data, s->result.bytes, error);
    if (status == STRIA_OK) snprintf(s->layer, sizeof s->layer, "%s", weights.name);
    stria_session_free(session);
    stria_graph_free(g);
    stria_model_free(with);
    return status;
}

/* ---- from numbers to a picture ---- */

enum { TILES_MAX = 1024 };

/* One number for each position: of the channels the greatest size, or the sum where signs are told apart. */
static void channels_join(showing *s) {
    int64_t channels = s->result.shape[1], plane = s->result.shape[2] * s->result.shape[3];
    float *of = s->result.data;
    for (int64_t i = 0; i < plane; i++) {
        double joined = (double)of[i];
        for (int64_t c = 1; c < channels; c++) {
            double value = (double)of[c * plane + i];
            joined = s->kind->positive ? fmax(joined, value) : joined + value;
        }
        of[i] = (float)(s->kind->positive ? fmax(joined, 0) : joined);
    }
}

static stria_status paint(showing *s, stria_error *error) {
    const int64_t *shape = s->result.shape;
    if (s->kind->scored) {
        channels_join(s);
        return paint_heat(&s->x, s->result.data, shape[2], shape[3], &s->painted, error);
    }
    bool colour = s->kind->compute == NULL && shape[1] == 3;
    if (s->result.rank != 4)
        return source_refuse(error, STRIA_BAD_SHAPE,
                             "layer '%s' has no positions to draw; --out NAME.npy writes its values", s->layer);
    int64_t count = shape[0] * (colour ? 1 : shape[1]);
    return paint_tiles(s->result.data, count < TILES_MAX ? count : TILES_MAX, shape[2], shape[3], colour, &s->painted,
                       error);
}

static stria_status attribution_make(showing *s, stria_error *error) {
    attribution_job job = {.model = s->model,
                           .x = &s->x,
                           .threads = (int)option_integer(s->given, "threads"),
                           .window = option_integer(s->given, "window"),
                           .stride = option_integer(s->given, "stride"),
                           .samples = option_integer(s->given, "samples"),
                           .noise = option_real(s->given, "noise"),
                           .seed = (uint64_t)option_integer(s->given, "seed")};
    stria_status status = stria_picture_read(option_text(s->given, "image"), &s->picture, error);
    if (status == STRIA_OK) status = stria_model_picture(s->model, &s->picture, &s->x, error);
    if (status == STRIA_OK && s->kind->scored) status = class_find(s, error);
    if (status == STRIA_OK && s->kind->layer) status = layer_choose(s, error);
    job.layer = s->kind->layer ? s->layer : NULL;
    bool binary = status == STRIA_OK && s->kind->scored && scores_count(s->model) == 1;
    job.element = binary ? 0 : s->class;
    job.sign = binary && s->class == 0 ? -1 : 1;
    return status == STRIA_OK ? s->kind->compute(&job, &s->result, error) : status;
}

/* Of activation-max: the class, or the channel of --layer. Of deepdream: all of a layer. */
static stria_status dream_make(showing *s, stria_error *error) {
    bool begins = s->kind->image, layer = option_given(s->given, "layer");
    dream_job job = {.model = s->model,
                     .x = begins ? &s->x : NULL,
                     .channel = begins ? -1 : option_integer(s->given, layer ? "channel" : "class"),
                     .steps = option_integer(s->given, "steps"),
                     .rate = option_real(s->given, "rate"),
                     .seed = (uint64_t)option_integer(s->given, "seed"),
                     .threads = (int)option_integer(s->given, "threads")};
    dream d;
    if (!begins && !layer && !option_given(s->given, "class"))
        return source_refuse(error, STRIA_BAD_ARGUMENT, "activation-max needs --class N, or --layer NAME --channel N");
    stria_status status = begins ? stria_picture_read(option_text(s->given, "image"), &s->picture, error) : STRIA_OK;
    if (status == STRIA_OK && begins) status = stria_model_picture(s->model, &s->picture, &s->x, error);
    if (status == STRIA_OK && (begins || layer)) status = layer_choose(s, error);
    if (status != STRIA_OK) return status;
    job.layer = *s->layer ? s->layer : NULL;
    status = dream_run(&job, &d, error);
    if (status != STRIA_OK) {
        free(d.x.data);
        free(d.pixels.data);
        return status;
    }
    s->result = d.x;
    s->before = d.before, s->after = d.after;
    status = paint_pixels(&d.pixels, &s->painted, error);
    free(d.pixels.data);
    return status;
}

static stria_status result_make(showing *s, stria_error *error) {
    if (s->kind->dreams) return dream_make(s, error);
    return s->kind->compute ? attribution_make(s, error) : filters_read(s, error);
}

static stria_status show(showing *s, const char *file, stria_error *error) {
    stria_status status = source_model(s->given, s->given->operands[0], &s->model, error);
    if (status == STRIA_OK && s->kind->scored) source_warn(s->model, false);
    if (status == STRIA_OK) status = result_make(s, error);
    bool terminal = option_given(s->given, "terminal"), numbers = file && source_ends(file, ".npy");
    if (status == STRIA_OK && numbers) status = stria_array_write(file, &s->result, error);
    if (status == STRIA_OK && !s->kind->dreams && (terminal || !numbers)) status = paint(s, error);
    if (status == STRIA_OK && file && !numbers) status = stria_picture_write(file, &s->painted, error);
    return status == STRIA_OK && terminal ? show_terminal(s->given, &s->painted, error) : status;
}

static int show_print(const showing *s, const char *file) {
    if (option_given(s->given, "json"))
        return json_finish(json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "kind", s->kind->name, "file",
                                     json_text(file), "layer", *s->layer ? json_text(s->layer) : json_null(), "class",
                                     s->kind->scored ? json_integer(s->class) : json_null(), "name",
                                     s->kind->scored ? json_text(s->class_name) : json_null(), "probability",
                                     s->kind->scored ? json_number(s->probability) : json_null(), "shape",
                                     json_shape(s->result.rank, s->result.shape), "before",
                                     s->kind->dreams ? json_number(s->before) : json_null(), "after",
                                     s->kind->dreams ? json_number(s->after) : json_null()));
    printf("%s%s%s", file ? show_name(file) : "", file ? ": " : "", s->kind->name);
    if (s->kind->scored)
        printf(" for class %d, %s (%.1f %%)", s->class, show_name(s->class_name), 100 * s->probability);
    if (*s->layer) printf(", layer %s", show_name(s->layer));
    if (s->kind->dreams) printf(", %.4g %s %.4g", s->before, term_arrow(), s->after);
    putchar('\n');
    return EXIT_DONE;
}

static bool output_known(const char *file) {
    static const char *const endings[] = {".png", ".ppm", ".pgm", ".pnm", ".npy"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (source_ends(file, endings[i])) return true;
    return false;
}

static int show_run(const options *given) {
    const char *file = option_text(given, "out");
    const show_kind *kind = show_kind_find(given->operands[1]);
    if (!kind || show_kind_surplus(given, kind)) return EXIT_USAGE;
    bool image = option_given(given, "image"), terminal = option_given(given, "terminal");
    if (strcmp(kind->name, "embedding") == 0) return show_embedding(given);
    if ((!file && !terminal) || (kind->image && !image)) {
        term_say("show: --%s is missing; usage: stria show MODEL %s%s --out OUT",
                 file || terminal ? "image IMAGE" : "out OUT", kind->name, kind->image ? " --image IMAGE" : "");
        return EXIT_USAGE;
    }
    if (file && !output_known(file)) {
        term_say("show: '%s' does not end in .png, .ppm, .pgm, .pnm or, for the numbers, .npy", file);
        return EXIT_USAGE;
    }
    if (terminal && option_given(given, "json")) {
        term_say("show: --terminal and --json both write to standard output; give one of the two");
        return EXIT_USAGE;
    }
    showing s = {.given = given, .kind = kind};
    stria_error error = {0};
    stria_status status = show(&s, file, &error);
    int code = status == STRIA_OK ? show_print(&s, file) : term_fail(&error);
    showing_release(&s);
    return code;
}

static const option_row show_rows[] = {
    OPTION_WEIGHTS,
    {.name = "image", .kind = OPTION_TEXT, .type = "IMAGE", .help = "the picture: PNG, JPEG, WebP, TIFF, BMP or PNM"},
    {.name = "out",
     .kind = OPTION_TEXT,
     .type = "OUT",
     .help = "output file: a picture (.png, .ppm), or the numbers (.npy)"},
    {.name = "layer",
     .kind = OPTION_TEXT,
     .type = "NAME",
     .help = "layer to show, for features and gradcam (default: the last with positions) and filters (default: the "
             "first convolution)"},
    {.name = "class",
     .kind = OPTION_INTEGER,
     .type = "N",
     .maximum = INT64_MAX,
     .help = "class whose score is explained (default: the most probable)"},
    {.name = "window",
     .kind = OPTION_INTEGER,
     .type = "N",
     .standard = "8",
     .minimum = 1,
     .maximum = 65535,
     .help = "occlusion: side of the window in pixels"},
    {.name = "stride",
     .kind = OPTION_INTEGER,
     .type = "N",
     .standard = "4",
     .minimum = 1,
     .maximum = 65535,
     .help = "occlusion: pixels from one window to the next"},
    {.name = "samples",
     .kind = OPTION_INTEGER,
     .type = "N",
     .standard = "32",
     .minimum = 1,
     .maximum = 100000,
     .help = "smoothgrad: number of noisy pictures"},
    {.name = "noise",
     .kind = OPTION_REAL,
     .type = "X",
     .standard = "0.15",
     .help = "smoothgrad: standard deviation of the noise, as a fraction of the picture's range"},
    {.name = "channel",
     .kind = OPTION_INTEGER,
     .type = "N",
     .maximum = INT64_MAX,
     .help = "activation-max: channel of --layer"},
    {.name = "steps",
     .kind = OPTION_INTEGER,
     .type = "N",
     .standard = "64",
     .maximum = 1000000,
     .help = "deepdream, activation-max: steps of gradient ascent"},
    {.name = "rate",
     .kind = OPTION_REAL,
     .type = "X",
     .standard = "0.02",
     .help = "deepdream, activation-max: step size, as a fraction of the pixels' range"},
    {.name = "terminal",
     .kind = OPTION_FLAG,
     .help = "shows the picture in the terminal, in addition to --out or instead of it"},
    {.name = "protocol",
     .kind = OPTION_CHOICE,
     .type = "HOW",
     .standard = "auto",
     .choices = "auto|kitty|sixel|blocks",
     .help = "graphics protocol of the terminal; auto: chosen by TERM, TERM_PROGRAM and COLORTERM"},
    SHOW_EMBEDDING_ROWS,
    OPTIONS_PREPROCESS,
    {0},
};

const verb verb_show = {
    .name = "show",
    .usage = "MODEL KIND --image IMAGE --out OUT [options]\nMODEL filters --out OUT [--layer NAME]\n"
             "MODEL activation-max --class N --out OUT\nMODEL embedding --data DATA --out OUT.svg",
    .about = "pictures of what a network sees: filters, features, Grad-CAM, saliency, dreams",
    .text = "KIND is filters, features, gradcam, gradcam++, saliency, smoothgrad, guided (backpropagation), integrated "
            "(gradients), occlusion, deepdream, activation-max or embedding. Orange marks evidence for the class, blue "
            "evidence against it. The methods follow Captum's definitions and use the model's first output without "
            "changes; see docs/pictures.md. Grad-CAM computes its map at the layer's size, sets values below 0 to 0, "
            "then interpolates bilinearly.",
    .examples = "# which pixels show the most probable class\n"
                "stria show runs/lenet5-1 gradcam --image digit.png --out gradcam.png\n"
                "# the numbers of another layer\n"
                "stria show model.onnx gradcam --image cat.jpg --layer conv1 --out cam.npy\n"
                "# the filters of the first convolution\n"
                "stria show model.onnx filters --out filters.png\n"
                "# in the terminal\n"
                "stria show model.onnx gradcam --image cat.jpg --terminal\n"
                "# a picture that class 3 likes\n"
                "stria show runs/lenet5-1 activation-max --class 3 --out three.png\n"
                "# a map of the test images, as the network sees them\n"
                "stria show runs/lenet5-1 embedding --data mnist:data/mnist --out e.svg",
    .operands_min = 2,
    .operands_max = 2,
    .rows = show_rows,
    .run = show_run,
};
