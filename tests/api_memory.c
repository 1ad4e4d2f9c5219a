/* Models, pictures and datasets in memory give what files give, to the bit; structs that the caller owns are filled as
 * far as their size goes. */
#include "check.h"
#include "small.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 8, TRAIN = 60, CLASSES = 10, PIXELS = SIDE * SIDE };

static uint8_t pixels[TRAIN * PIXELS];
static int64_t labels[TRAIN];
static stria_error err;

static bool fresh(void) {
    err = (stria_error){0};
    return true;
}

#define OK(call) CHECK(fresh() && (call) == STRIA_OK, "%s", err.text)
#define FAILS(call, status_wanted, sentence)                                                                           \
    CHECK(fresh() && (call) == (status_wanted) && strstr(err.text, sentence), "status %d: %s", (int)err.status,        \
          err.text)

static uint8_t *file_load(const char *path, size_t *bytes) {
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(1 << 20);
    *bytes = f && data ? fread(data, 1, 1 << 20, f) : 0;
    if (f) fclose(f);
    return data;
}

/* ---- models ---- */

static void same_models(const stria_model *a, const stria_model *b, const char *what) {
    char path[2][600];
    uint8_t *data[2];
    size_t bytes[2];
    for (int i = 0; i < 2; i++) {
        snprintf(path[i], sizeof path[i], "%s/same%d.onnx", small_folder, i);
        OK(stria_model_save(i ? b : a, path[i], &err));
        data[i] = file_load(path[i], &bytes[i]);
    }
    CHECK(bytes[0] == bytes[1] && memcmp(data[0], data[1], bytes[0]) == 0, "%s: another model", what);
    free(data[0]);
    free(data[1]);
}

static void models_open(void) {
    char path[600];
    size_t bytes;
    stria_model *m = small_model(true, &err), *back = NULL;
    snprintf(path, sizeof path, "%s/model.onnx", small_folder);
    OK(stria_model_save(m, path, &err));
    uint8_t *data = file_load(path, &bytes);
    OK(stria_model_open_bytes(&back, data, bytes, NULL, NULL, &err));
    same_models(m, back, ".onnx");
    stria_model_free(back);
    for (size_t n = 0; n < bytes; n += n < 64 ? 1 : 97) /* every shorter one is refused, or is a smaller message */
        if (stria_model_open_bytes(&back, data, n, NULL, NULL, &err) == STRIA_OK) stria_model_free(back);
    FAILS(stria_model_open_bytes(&back, data, 0, NULL, NULL, &err), STRIA_BAD_FILE, "the model: it is empty");
    FAILS(stria_model_open_bytes(&back, data, bytes / 2, NULL, NULL, &err), STRIA_BAD_FILE, "the model: ");
    free(data);
    stria_model_free(m);

    char *text = NULL;
    stria_open_options options = stria_open_options_default();
    options.seed = 3;
    OK(stria_model_open(&m, "mlp:hidden=5,size=1x8x8", 3, &err));
    OK(stria_model_text(m, &text, &err));
    OK(stria_model_open_bytes(&back, text, strlen(text), &options, NULL, &err));
    same_models(m, back, ".net");
    stria_model_free(back);
    stria_model_free(m);
    FAILS(stria_model_open_bytes(&back, text, 5, NULL, NULL, &err), STRIA_BAD_FILE, "the model:");
    options.dims = "height=3";
    FAILS(stria_model_open_bytes(&back, text, strlen(text), &options, NULL, &err), STRIA_BAD_ARGUMENT, "height");
    stria_text_free(text);
}

typedef struct judgement {
    const stria_model *model;
    bool accepts;
    int asked;
} judgement;

/* The file is whole, by its contents, and has another name yet. */
static stria_status judge(const char *file, void *context, stria_error *error) {
    judgement *j = context;
    stria_model *back = NULL;
    stria_open_options options = stria_open_options_default();
    j->asked++;
    stria_status status = stria_model_open(&back, file, 0, error);
    CHECK(status == STRIA_BAD_ARGUMENT, "'%s' is opened by its name", file);
    options.by_contents = true;
    status = stria_model_open_with(&back, file, &options, NULL, error);
    if (status != STRIA_OK) return status;
    same_models(j->model, back, "the file that is judged");
    stria_model_free(back);
    if (j->accepts) return STRIA_OK;
    snprintf(error->text, sizeof error->text, "not good enough");
    return error->status = STRIA_BAD_VALUE;
}

static void files_are_judged(void) {
    char path[600];
    stria_model *m = small_model(true, &err), *back = NULL;
    judgement j = {.model = m};
    stria_save_options options = stria_save_options_default();
    options.accept = judge;
    options.context = &j;
    snprintf(path, sizeof path, "%s/judged.onnx", small_folder);
    FAILS(stria_model_save_with(m, path, &options, &err), STRIA_BAD_VALUE, "not good enough");
    CHECK(stria_model_open(&back, path, 0, NULL) == STRIA_NO_FILE, "a refused file is there");
    j.accepts = true;
    OK(stria_model_save_with(m, path, &options, &err));
    OK(stria_model_open(&back, path, 0, &err));
    CHECK(j.asked == 2, "asked %d times", j.asked);
    stria_model_free(back);
    stria_model_free(m);
}

static void channels_are_turned(void) {
    int16_t from[2 * 3 * 4 * 5];
    stria_array last = {STRIA_INT16, 4, {2, 3, 4, 5}, from, sizeof from}, first = {0};
    for (int i = 0; i < 120; i++) from[i] = (int16_t)(i * 7);
    OK(stria_array_channels_first(&last, &first, &err));
    const int64_t shape[] = {2, 5, 3, 4};
    CHECK(first.rank == 4 && memcmp(first.shape, shape, sizeof shape) == 0 && first.bytes == sizeof from, "shape");
    for (int n = 0; n < 2; n++)
        for (int c = 0; c < 5; c++)
            for (int i = 0; i < 12; i++)
                CHECK(((int16_t *)first.data)[n * 60 + c * 12 + i] == from[n * 60 + i * 5 + c], "%d %d %d", n, c, i);
    stria_array_release(&first);
    last.rank = 3;
    last.bytes = 2 * 3 * 4 * sizeof *from;
    FAILS(stria_array_channels_first(&last, &first, &err), STRIA_BAD_SHAPE, "3 dimensions");
    last.bytes--;
    FAILS(stria_array_channels_first(&last, &first, &err), STRIA_BAD_SHAPE, "needs 48 bytes");
}

static void weights_are_narrowed(void) {
    char path[600], *report = NULL;
    stria_model *m = small_model(true, &err), *back = NULL;
    stria_save_options options = stria_save_options_default();
    options.weights = STRIA_INT8;
    snprintf(path, sizeof path, "%s/narrow.onnx", small_folder);
    FAILS(stria_model_save_with(m, path, &options, &err), STRIA_BAD_ARGUMENT, "not as int8");
    options.weights = STRIA_FLOAT16;
    options.report = &report;
    OK(stria_model_save_with(m, path, &options, &err));
    CHECK(report == NULL, "report: %s", report);
    OK(stria_model_open(&back, path, 0, &err));
    stria_operand weights = {.size = sizeof weights};
    int matrices = 0;
    for (int i = 0; stria_model_node_input(back, i, 0, &weights); i++)
        if (weights.rank == 2 && strcmp(weights.kind, "parameter") == 0) matrices += weights.type == STRIA_FLOAT16;
    CHECK(matrices > 0, "no weights are float16");
    stria_model_free(back);
    stria_model_free(m);
}

/* ---- pictures ---- */

static void pictures_open(void) {
    char path[600];
    uint8_t rgb[3 * 4 * 5];
    size_t bytes;
    stria_array read = {0}, decoded = {0};
    for (size_t i = 0; i < sizeof rgb; i++) rgb[i] = (uint8_t)(i * 37);
    const stria_array picture = {STRIA_UINT8, 3, {3, 4, 5}, rgb, sizeof rgb};
    snprintf(path, sizeof path, "%s/p.ppm", small_folder);
    OK(stria_picture_write(path, &picture, &err));
    uint8_t *data = file_load(path, &bytes);
    OK(stria_picture_read(path, &read, &err));
    OK(stria_picture_decode(data, bytes, 0, &decoded, &err));
    CHECK(decoded.rank == 3 && decoded.bytes == sizeof rgb && memcmp(decoded.data, rgb, sizeof rgb) == 0 &&
              memcmp(read.data, decoded.data, sizeof rgb) == 0,
          "another picture");
    stria_array_release(&read);
    stria_array_release(&decoded);
    OK(stria_picture_decode(data, bytes, 20, &decoded, &err));
    stria_array_release(&decoded);
    FAILS(stria_picture_decode(data, bytes, 19, &decoded, &err), STRIA_UNSUPPORTED, "");
    FAILS(stria_picture_decode(data, bytes, -1, &decoded, &err), STRIA_BAD_ARGUMENT, "-1");
    FAILS(stria_picture_decode(data, bytes - 1, 0, &decoded, &err), STRIA_BAD_FILE, "");
    FAILS(stria_picture_decode("text", 4, 0, &decoded, &err), STRIA_BAD_FILE, "");
    free(data);
}

/* ---- datasets ---- */

static int64_t label_of(int64_t index, void *context) {
    return labels[index] + (context != pixels);
}

static stria_status read_of(int64_t index, uint8_t *to, void *context, stria_error *error) {
    if (context != pixels || index == TRAIN - 1 + (labels[0] == CLASSES)) {
        error->status = STRIA_IO;
        snprintf(error->text, sizeof error->text, "the camera is off");
        return STRIA_IO;
    }
    memcpy(to, pixels + index * PIXELS, PIXELS);
    return STRIA_OK;
}

static int freed;
static void free_of(void *context) {
    freed += context == pixels;
}

static stria_dataset_callbacks callbacks_of(void *context) {
    return (stria_dataset_callbacks){.size = sizeof(stria_dataset_callbacks),
                                     .count = TRAIN - 1, /* the last one cannot be read */
                                     .channels = 1,
                                     .height = SIDE,
                                     .width = SIDE,
                                     .classes = CLASSES,
                                     .label = label_of,
                                     .read = read_of,
                                     .free = free_of,
                                     .context = context,
                                     .checksum = 77};
}

/* Two epochs on the data, in a run folder where one is wanted: the trained model. */
static stria_model *trained(stria_dataset *data, const char *out, int64_t epochs) {
    stria_model *m = small_model(true, &err), *after = NULL;
    stria_trainer *t = NULL;
    stria_train_options o = stria_train_options_default();
    o.epochs = epochs, o.batch = 10, o.threads = 2, o.schedule = "constant", o.out = out;
    OK(stria_trainer_new(&t, m, data, NULL, &o, &err));
    if (t) CHECK(strcmp(stria_trainer_folder(t), out) == 0, "folder '%s'", stria_trainer_folder(t));
    if (t) OK(stria_trainer_run(t, &err));
    if (t) OK(stria_trainer_model(&after, t, &err));
    stria_trainer_free(t);
    stria_model_free(m);
    return after;
}

static const stria_array images_array = {STRIA_UINT8, 4, {TRAIN, 1, SIDE, SIDE}, pixels, sizeof pixels};
static const stria_array labels_array = {STRIA_INT64, 1, {TRAIN}, labels, sizeof labels};

static void arrays_train(void) {
    stria_dataset *file = NULL, *array = NULL, *made = NULL;
    stria_array images = images_array, marks = labels_array;
    OK(stria_dataset_open(&file, small_data_spec, NULL, &err));
    OK(stria_dataset_from_arrays(&array, &images, &marks, NULL, 0, &err));
    CHECK(stria_dataset_count(array) == TRAIN && stria_dataset_classes(array) == CLASSES &&
              strcmp(stria_dataset_class_name(array, 3), "3") == 0,
          "%lld images", (long long)stria_dataset_count(array));
    stria_dataset *bounded = NULL;
    stria_dataset_options bound = stria_dataset_options_default();
    bound.max_pixels = 12345;
    OK(stria_dataset_open(&bounded, small_data_spec, &bound, &err));
    CHECK(stria_dataset_max_pixels(bounded) == 12345 && stria_dataset_max_pixels(file) == 0, "the bound is not told");
    stria_dataset_free(bounded);
    stria_model *a = trained(file, "", 2), *b = trained(array, "", 2);
    same_models(a, b, "arrays");
    stria_model_free(b);
    images.shape[0] = marks.shape[0] = TRAIN - 10, images.bytes -= 10 * PIXELS, marks.bytes -= 80;
    stria_dataset_free(array);
    OK(stria_dataset_from_arrays(&array, &images, &marks, NULL, CLASSES, &err));
    stria_dataset_callbacks c = callbacks_of(pixels);
    c.count = TRAIN - 10;
    OK(stria_dataset_from_callbacks(&made, &c, &err));
    stria_model_free(a);
    a = trained(array, "", 2), b = trained(made, "", 2);
    same_models(a, b, "callbacks");
    stria_dataset_free(file);
    stria_dataset_free(array);
    CHECK(freed == 0, "freed while it is used");
    stria_dataset_free(made);
    CHECK(freed == 1, "freed %d times", freed);
    stria_model_free(a);
    stria_model_free(b);
}

/* A run folder of data in memory goes on with the same data, and with no other. */
static void arrays_resume(void) {
    char run[600];
    stria_dataset *data = NULL, *other = NULL;
    stria_trainer *t = NULL;
    stria_model *after = NULL;
    stria_train_options o = stria_train_options_default();
    snprintf(run, sizeof run, "%s/run", small_folder);
    OK(stria_dataset_from_arrays(&data, &images_array, &labels_array, NULL, 0, &err));
    stria_model *half = trained(data, run, 1), *whole = trained(data, "", 3);
    FAILS(stria_trainer_resume(&t, run, NULL, NULL, &err), STRIA_BAD_ARGUMENT, "stria_trainer_resume_data");
    pixels[5] ^= 1;
    OK(stria_dataset_from_arrays(&other, &images_array, &labels_array, NULL, 0, &err));
    pixels[5] ^= 1;
    FAILS(stria_trainer_resume_data(&t, run, other, NULL, NULL, &err), STRIA_BAD_FILE, "not what this training began");
    FAILS(stria_trainer_resume_data(&t, run, data, data, NULL, &err), STRIA_BAD_ARGUMENT, "without validation data");
    FAILS(stria_trainer_resume_data(&t, run, NULL, NULL, NULL, &err), STRIA_BAD_ARGUMENT, "no training data");
    o.epochs = 3, o.threads = 1;
    OK(stria_trainer_resume_data(&t, run, data, NULL, &o, &err));
    if (t) OK(stria_trainer_run(t, &err));
    if (t) OK(stria_trainer_model(&after, t, &err));
    if (after) same_models(after, whole, "resumed");
    stria_trainer_free(t);
    stria_model_free(after);
    stria_model_free(half);
    stria_model_free(whole);
    stria_dataset_free(data);
    stria_dataset_free(other);
}

static void datasets_refuse(void) {
    static const char *const three[] = {"a", "b", "c"};
    float bad[4] = {0, 1, NAN, 2};
    stria_dataset *d = NULL;
    stria_array x = images_array, y = labels_array;
    x.bytes--;
    FAILS(stria_dataset_from_arrays(&d, &x, &y, NULL, 0, &err), STRIA_BAD_SHAPE, "images: ");
    x = images_array, x.shape[1] = -1;
    FAILS(stria_dataset_from_arrays(&d, &x, &y, NULL, 0, &err), STRIA_BAD_SHAPE, "dimension 1 is -1");
    x = images_array, x.rank = 9;
    FAILS(stria_dataset_from_arrays(&d, &x, &y, NULL, 0, &err), STRIA_BAD_SHAPE, "9 dimensions");
    x = images_array, y.shape[0]--, y.bytes -= 8;
    FAILS(stria_dataset_from_arrays(&d, &x, &y, NULL, 0, &err), STRIA_BAD_SHAPE, "labels: 59 labels");
    y = labels_array;
    FAILS(stria_dataset_from_arrays(&d, &x, &y, three, 3, &err), STRIA_BAD_VALUE, "label 9 is outside the 3 classes");
    x = (stria_array){STRIA_FLOAT32, 2, {2, 2}, bad, sizeof bad};
    y.shape[0] = 2, y.bytes = 16;
    FAILS(stria_dataset_from_arrays(&d, &x, &y, NULL, 0, &err), STRIA_NOT_FINITE, "[1,0]");
    bad[2] = -3;
    OK(stria_dataset_from_arrays(&d, &x, &y, three, 3, &err));
    CHECK(strcmp(stria_dataset_class_name(d, 2), "c") == 0, "class %s", stria_dataset_class_name(d, 2));
    stria_dataset_free(d);

    float shares[2][3] = {{0.25F, 0.5F, 0.25F}, {0, 0, 1}};
    y = (stria_array){STRIA_FLOAT32, 2, {2, 3}, shares, sizeof shares};
    OK(stria_dataset_from_arrays(&d, &x, &y, three, 3, &err));
    const float *first = stria_dataset_shares(d, 0);
    CHECK(first && first[1] == 0.5F && stria_dataset_shares(d, 1)[2] == 1, "the shares are others");
    CHECK(!stria_dataset_shares(d, 2) && !stria_dataset_shares(d, -1), "shares of no image");
    int64_t label = -1;
    OK(stria_dataset_read(d, 0, NULL, 0, &label, &err));
    CHECK(label == 1, "label %lld", (long long)label);
    stria_dataset_free(d);
    FAILS(stria_dataset_from_arrays(&d, &x, &y, NULL, 4, &err), STRIA_BAD_SHAPE, "shares of 3 classes, not of 4");
    shares[1][0] = -1;
    FAILS(stria_dataset_from_arrays(&d, &x, &y, NULL, 0, &err), STRIA_BAD_VALUE, "labels: row 1: the share of class 0");
    shares[1][0] = NAN;
    FAILS(stria_dataset_from_arrays(&d, &x, &y, NULL, 0, &err), STRIA_NOT_FINITE,
          "labels: row 1: the share of class 0");
    shares[1][0] = 1;
    FAILS(stria_dataset_from_arrays(&d, &x, &y, NULL, 0, &err), STRIA_BAD_VALUE, "sum to 2, not to 1");
    y.rank = 1, y.shape[0] = 6;
    FAILS(stria_dataset_from_arrays(&d, &x, &y, NULL, 0, &err), STRIA_UNSUPPORTED, "shares of classes [2, classes]");
    y.rank = 2, y.shape[0] = 3, y.shape[1] = 2;
    FAILS(stria_dataset_from_arrays(&d, &x, &y, NULL, 0, &err), STRIA_BAD_SHAPE, "[3, 2] for 2 items");

    int before = freed;
    stria_dataset_callbacks c = callbacks_of(labels);
    FAILS(stria_dataset_from_callbacks(&d, &c, &err), STRIA_BAD_VALUE, "label 10 of image 9");
    c = callbacks_of(pixels), c.read = NULL;
    FAILS(stria_dataset_from_callbacks(&d, &c, &err), STRIA_BAD_ARGUMENT, "needs label and read");
    c = callbacks_of(pixels), c.count = 0;
    FAILS(stria_dataset_from_callbacks(&d, &c, &err), STRIA_BAD_ARGUMENT, "0 images");
    c = callbacks_of(pixels), c.size = 0;
    FAILS(stria_dataset_from_callbacks(&d, &c, &err), STRIA_BAD_ARGUMENT, "size");
    FAILS(stria_dataset_from_callbacks(&d, NULL, &err), STRIA_BAD_ARGUMENT, "callbacks");
    CHECK(freed == before, "freed on failure");
    c = callbacks_of(pixels), c.count = TRAIN;
    uint8_t one[PIXELS];
    OK(stria_dataset_from_callbacks(&d, &c, &err));
    OK(stria_dataset_read(d, 0, one, sizeof one, NULL, &err));
    CHECK(memcmp(one, pixels, sizeof one) == 0, "other pixels");
    FAILS(stria_dataset_read(d, TRAIN - 1, one, sizeof one, NULL, &err), STRIA_IO,
          "image 59 cannot be read: the camera");
    stria_dataset_free(d);
}

/* ---- prediction ---- */

static void arrays_predict(void) {
    float by_item[CLASSES], by_array[CLASSES], by_values[CLASSES], values[PIXELS];
    stria_dataset *data = NULL;
    stria_predictor *p = NULL;
    OK(stria_dataset_open(&data, small_data_spec, NULL, &err));
    stria_model *m = trained(data, "", 1);
    OK(stria_predictor_new(&p, m, NULL, &err));
    for (int i = 0; i < PIXELS; i++) values[i] = pixels[7 * PIXELS + i];
    stria_array picture = {STRIA_UINT8, 3, {1, SIDE, SIDE}, pixels + 7 * PIXELS, PIXELS};
    const stria_array floats = {STRIA_FLOAT32, 3, {1, SIDE, SIDE}, values, sizeof values};
    OK(stria_predict_item(p, data, 7, by_item, &err));
    OK(stria_predict_array(p, &picture, by_array, &err));
    OK(stria_predict_array(p, &floats, by_values, &err));
    CHECK(memcmp(by_item, by_array, sizeof by_item) == 0, "an array is predicted otherwise");
    CHECK(memcmp(by_item, by_values, sizeof by_item) == 0, "values are predicted otherwise");
    picture.bytes--;
    FAILS(stria_predict_array(p, &picture, by_array, &err), STRIA_BAD_SHAPE, "63");
    picture = (stria_array){STRIA_INT32, 3, {1, SIDE, SIDE}, pixels, PIXELS * 4};
    FAILS(stria_predict_array(p, &picture, by_array, &err), STRIA_BAD_SHAPE, "a picture is uint8");
    values[3] = INFINITY;
    FAILS(stria_predict_array(p, &floats, by_array, &err), STRIA_NOT_FINITE, "value 3");
    stria_predictor_free(p);
    stria_model_free(m);
    stria_dataset_free(data);
}

/* ---- sizes ---- */

/* A program that was compiled with an older header has shorter structs: what follows them stays as it is. */
static void sizes_hold(void) {
    stria_model *m = small_model(true, &err);
    union {
        stria_summary s;
        char bytes[sizeof(stria_summary) + 8];
    } u;
    memset(&u, 0x55, sizeof u);
    u.s.size = offsetof(stria_summary, multiply_adds);
    OK(stria_summarize(m, 1, &u.s, &err));
    CHECK(u.s.parameters == 104 + 10 * 64 + 10, "%lld parameters", (long long)u.s.parameters);
    for (size_t i = u.s.size; i < sizeof u; i++) CHECK(u.bytes[i] == 0x55, "byte %zu was written", i);
    stria_summary_release(&u.s);
    for (size_t i = u.s.size; i < sizeof u; i++) CHECK(u.bytes[i] == 0x55, "byte %zu was written", i);
    stria_summary none = {0}, whole = {.size = sizeof whole};
    FAILS(stria_summarize(m, 1, &none, &err), STRIA_BAD_ARGUMENT, "a stria_summary needs its size, not 0");
    OK(stria_summarize(m, 1, &whole, &err));
    CHECK(whole.layer_count == 4 || whole.layer_count == 5, "%d layers", whole.layer_count);
    for (int i = 0; i < whole.layer_count; i++) CHECK(*whole.layers[i]->name && *whole.layers[i]->type, "layer %d", i);
    stria_summary_release(&whole);
    CHECK(!whole.layers && whole.size == sizeof whole, "released");
    stria_node_row row = {0};
    stria_operator op = {0};
    stria_bench bench = {0};
    stria_evaluation score = {0};
    stria_classifier c = {0};
    CHECK(!stria_model_node(m, 0, &row) && !stria_operator_get(0, &op), "filled without a size");
    FAILS(stria_bench_model(m, NULL, false, 1, &bench, &err), STRIA_BAD_ARGUMENT, "stria_bench needs its size");
    FAILS(stria_model_classifier(m, &c, &err), STRIA_BAD_ARGUMENT, "stria_classifier needs its size");
    stria_dataset *data = NULL;
    OK(stria_dataset_open(&data, small_data_spec, NULL, &err));
    FAILS(stria_evaluate(m, data, NULL, &score, &err), STRIA_BAD_ARGUMENT, "stria_evaluation needs its size");
    CHECK(!stria_model_input(m, 1) && !stria_model_output(m, -1) && !stria_model_optional_input(m, 0), "no such port");
    stria_dataset_free(data);
    stria_model_free(m);
}

/* Texts of the options that a model suggests live as long as the model, also where its metadata changes. */
static void recipes_live(void) {
    stria_model *m = NULL;
    stria_train_options o, later;
    OK(stria_model_open(&m, "lenet5", 0, &err));
    OK(stria_model_set_metadata(m, "stria.train", "optimizer=adam:beta1=0.5 lr=0.25\tschedule=cosine", &err));
    OK(stria_train_options_for(m, &o, &err));
    OK(stria_model_set_metadata(m, "stria.train", "optimizer=sgd loss=nll", &err));
    OK(stria_train_options_for(m, &later, &err));
    CHECK(strcmp(o.optimizer, "adam:beta1=0.5") == 0 && strcmp(o.schedule, "cosine") == 0 && o.lr == 0.25, "%s, %s",
          o.optimizer, o.schedule);
    CHECK(strcmp(later.optimizer, "sgd") == 0 && strcmp(later.loss, "nll") == 0, "%s, %s", later.optimizer, later.loss);
    OK(stria_model_set_metadata(m, "stria.train", "out=/tmp/x", &err));
    FAILS(stria_train_options_for(m, &later, &err), STRIA_BAD_FILE, "may not set 'out=/tmp/x'");
    stria_model_free(m);
}

int main(void) {
    stria_dataset *data = NULL;
    if (!CHECK(small_data_setup(NULL) == 0, "no data")) return check_report();
    OK(stria_dataset_open(&data, small_data_spec, NULL, &err));
    for (int64_t i = 0; i < TRAIN; i++) OK(stria_dataset_read(data, i, pixels + i * PIXELS, PIXELS, &labels[i], &err));
    stria_dataset_free(data);
    models_open();
    files_are_judged();
    weights_are_narrowed();
    channels_are_turned();
    pictures_open();
    arrays_train();
    arrays_resume();
    datasets_refuse();
    arrays_predict();
    sizes_hold();
    recipes_live();
    small_data_teardown(NULL);
    return check_report();
}
