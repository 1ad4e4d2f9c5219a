#include "data/augment.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/spec.h"
#include "base/text.h"
#include "data/augment_step.h"

enum { ANY = -1 };

#define PIXELS NEEDS_PIXELS
#define COLOUR (NEEDS_PIXELS | NEEDS_COLOUR)

static const augment_kind kinds[] = {
    {"flip", augment_flip, 0, 0.5, {{0}}, "", "mirrors left and right"},
    {"flip-vertical", augment_flip_vertical, 0, 0.5, {{0}}, "", "mirrors top and bottom"},
    {"crop",
     augment_crop,
     0,
     1,
     {{"size", 1, {0}, 0, 65535}, {"pad", 1, {4}, 0, 4096}},
     "[SIZE] pad 4",
     "adds a black border and cuts out a part of the old size"},
    {"resized-crop",
     NULL,
     EARLY,
     1,
     {{"scale", 2, {0.08, 1}, 1e-4, 1}, {"ratio", 2, {0.75, 4.0 / 3}, 0.01, 100}},
     "scale 0.08 1 ratio 0.75 1.333",
     "resizes a part of this share of the area and ratio of sides"},
    {"rotate", augment_rotate, 0, 1, {{"degrees", 1, {15}, 0, 180}}, "15", "turns by up to that many degrees"},
    {"affine",
     augment_affine,
     0,
     1,
     {{"degrees", 1, {0}, 0, 180},
      {"translate", 1, {0}, 0, 1},
      {"scale", 2, {1, 1}, 0.01, 100},
      {"shear", 1, {0}, 0, 80}},
     "0 translate 0 scale 1 1 shear 0",
     "turns, moves (share of the side), scales and shears"},
    {"perspective",
     augment_perspective,
     0,
     0.5,
     {{"distortion", 1, {0.5}, 0, 1}},
     "0.5",
     "moves the corners inwards by up to half of that share"},
    {"elastic",
     augment_elastic,
     0,
     1,
     {{"alpha", 1, {50}, 0, 1000}, {"sigma", 1, {5}, 0.1, 50}},
     "50 sigma 5",
     "moves pixels by smooth random amounts"},
    {"cutout",
     augment_cutout,
     DAMAGES,
     1,
     {{"size", 1, {8}, 1, 65535}},
     "8",
     "blanks a square, also across the border"},
    {"erase",
     augment_erase,
     DAMAGES,
     0.5,
     {{"scale", 2, {0.02, 0.33}, 0, 1}, {"ratio", 2, {0.3, 3.3}, 0.01, 100}},
     "scale 0.02 0.33 ratio 0.3 3.3",
     "blanks a rectangle of this share of the area"},
    {"colour",
     augment_colour,
     COLOUR,
     1,
     {{"brightness", 1, {0}, 0, 10},
      {"contrast", 1, {0}, 0, 10},
      {"saturation", 1, {0}, 0, 10},
      {"hue", 1, {0}, 0, .5}},
     "brightness 0 contrast 0 saturation 0 hue 0",
     "the four in random order"},
    {"brightness", augment_brightness, PIXELS, 1, {{"amount", 1, {0.2}, 0, 10}}, "0.2", "times 1 ± up to that"},
    {"contrast", augment_contrast, PIXELS, 1, {{"amount", 1, {0.2}, 0, 10}}, "0.2", "about the mean grey"},
    {"saturation", augment_saturation, COLOUR, 1, {{"amount", 1, {0.2}, 0, 10}}, "0.2", "about the grey picture"},
    {"hue", augment_hue, COLOUR, 1, {{"amount", 1, {0.05}, 0, 0.5}}, "0.05", "turns the colours' circle"},
    {"grey", augment_grey, COLOUR, 0.1, {{0}}, "", "takes the colours away"},
    {"invert", augment_invert, PIXELS, 0.5, {{0}}, "", "255 − x"},
    {"posterize", augment_posterize, PIXELS, 0.5, {{"bits", 1, {4}, 1, 8}}, "4", "keeps the highest bits"},
    {"solarize",
     augment_solarize,
     PIXELS,
     0.5,
     {{"threshold", 1, {128}, 0, 256}},
     "128",
     "inverts what is at least that"},
    {"autocontrast", augment_autocontrast, PIXELS, 0.5, {{0}}, "", "stretches each channel to 0…255"},
    {"equalize", augment_equalize, PIXELS, 0.5, {{0}}, "", "makes each channel's histogram even"},
    {"sharpness", augment_sharpness, PIXELS, 0.5, {{"factor", 1, {2}, 0, 10}}, "2", "0 smooth, 1 as it is, 2 sharp"},
    {"shift", augment_shift, PIXELS, 1, {{"amount", 1, {20}, 0, 255}}, "20", "adds one number to each channel"},
    {"lighting",
     augment_lighting,
     COLOUR,
     1,
     {{"sigma", 1, {0.1}, 0, 1}},
     "0.1",
     "AlexNet's shift along ImageNet's colours"},
    {"noise",
     augment_noise,
     PIXELS | DAMAGES,
     1,
     {{"sigma", 1, {0.05}, 0, 1}},
     "0.05",
     "normal noise, as a share of 255"},
    {"blur",
     augment_blur,
     DAMAGES,
     0.5,
     {{"sigma", 2, {0.1, 2}, 0.01, 20}},
     "0.1 2",
     "Gaussian of a deviation in between"},
    {"filter",
     augment_filter,
     0,
     1,
     {{"kernel", ANY, {0}, -1e6, 1e6}},
     "K11 K12 …",
     "convolves with 3x3 or 5x5 numbers"},
    {"randaugment",
     augment_rand,
     COLOUR,
     1,
     {{"count", 1, {2}, 1, 8}, {"magnitude", 1, {9}, 0, 30}},
     "2 magnitude 9",
     "RandAugment: COUNT steps of one strength of 0…30"},
    {"trivialaugment", augment_trivial, COLOUR, 1, {{0}}, "", "TrivialAugment Wide: one step of any strength"},
    {"mixup",
     NULL,
     NEEDS_BATCH,
     1,
     {{"alpha", 1, {0.2}, 1e-3, 1e3}},
     "0.2",
     "blends each picture of a batch, and its label, with another"},
    {"cutmix",
     NULL,
     NEEDS_BATCH,
     1,
     {{"alpha", 1, {1}, 1e-3, 1e3}},
     "1",
     "pastes a part of another picture of the batch, and of its label"},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

bool augment_about(int index, const char **name, const char **takes, const char **does) {
    if (index < 0 || index >= KINDS) return false;
    *name = kinds[index].name;
    *takes = kinds[index].takes;
    *does = kinds[index].does;
    return true;
}

/* ---- reading ---- */

static bool blank(char c) {
    return c == ' ' || c == '\t' || c == '\n';
}

/* The next word of a step, up to a blank, a comma or the end. */
static spec_word next_word(const char **at) {
    while (blank(**at)) (*at)++;
    spec_word w = {*at, 0};
    while (**at && !blank(**at) && **at != ',') (*at)++;
    w.length = (size_t)(*at - w.at);
    return w;
}

static bool number_of(spec_word w, double *x) {
    char text[64];
    return spec_copy(w, text, sizeof text) && text_to_double(text, x);
}

/* Where the numbers of the k-th key begin. */
static int place_of(const augment_kind *kind, int key) {
    int at = 0;
    for (int i = 0; i < key; i++) at += kind->arguments[i].count;
    return at;
}

static int keys_of(const augment_kind *kind) {
    int n = 0;
    while (n < KEYS && kind->arguments[n].key) n++;
    return n;
}

static stria_status takes(const augment_kind *kind, const char *why, stria_error *err) {
    FAIL(err, STRIA_BAD_ARGUMENT, "augmentation '%s': %s; it is written '%s%s%s'", kind->name, why, kind->name,
         *kind->takes ? " " : "", kind->takes);
}

static void standard(augment_step *s) {
    s->p = s->kind->p;
    for (int i = 0; i < keys_of(s->kind); i++) {
        const argument *a = &s->kind->arguments[i];
        for (int k = 0; k < a->count; k++) s->number[s->count++] = a->standard[k];
    }
}

/* One number into place `at` of the step. */
static stria_status number_put(augment_step *s, const argument *a, int at, spec_word w, double x, stria_error *err) {
    char why[160];
    snprintf(why, sizeof why, "%.*s is not within %g…%g", (int)(w.length < 40 ? w.length : 40), w.at, a->low, a->high);
    if (!(x >= a->low && x <= a->high)) return takes(s->kind, why, err);
    s->number[at] = x;
    if (at >= s->count) s->count = at + 1;
    return STRIA_OK;
}

/* The key that a word names: its index, or −1. */
static int key_of(const augment_kind *kind, spec_word w) {
    for (int i = 0; i < keys_of(kind); i++)
        if (spec_is(w, kind->arguments[i].key)) return i;
    return -1;
}

static stria_status step_read(augment_step *s, const char **at, stria_error *err) {
    int key = 0, read = 0;                /* numbers of that key */
    bool chance = false, wanting = false; /* a number of p, of any key */
    for (spec_word w = next_word(at); w.length; w = next_word(at)) {
        double x;
        char why[100];
        snprintf(why, sizeof why, "'%.*s' is not expected", (int)(w.length < 40 ? w.length : 40), w.at);
        if (!number_of(w, &x)) {
            if (wanting) return takes(s->kind, "a number is missing before another word", err);
            wanting = true;
            chance = spec_is(w, "p");
            key = chance ? key : key_of(s->kind, w);
            read = 0;
            if (key < 0) return takes(s->kind, why, err);
            continue;
        }
        wanting = false;
        if (chance) {
            if (!(x >= 0 && x <= 1)) return takes(s->kind, "p is a probability, 0…1", err);
            s->p = x;
            chance = false;
            read = AUGMENT_NUMBERS;
            continue;
        }
        const argument *a = &s->kind->arguments[key];
        int most = a->count == ANY ? AUGMENT_NUMBERS : a->count;
        if (!a->key || read >= most) return takes(s->kind, why, err);
        TRY(number_put(s, a, a->count == ANY ? read : place_of(s->kind, key) + read, w, x, err));
        read++;
    }
    return wanting ? takes(s->kind, "a number is missing at its end", err) : STRIA_OK;
}

static stria_status step_check(const augment_step *s, stria_error *err) {
    if (s->kind->run == augment_filter && s->count != 9 && s->count != 25)
        return takes(s->kind, "a kernel has 9 or 25 numbers", err);
    for (int i = 0; i < keys_of(s->kind); i++) {
        const double *x = s->number + place_of(s->kind, i);
        if (s->kind->arguments[i].count == 2 && x[0] > x[1])
            return takes(s->kind, "the second of two numbers is the larger one", err);
    }
    return STRIA_OK;
}

stria_status augment_parse(const char *text, augment *out, stria_error *err) {
    spec said = {.what = "--augment"};
    *out = (augment){0};
    if (strcmp(text, "none") == 0) return STRIA_OK;
    for (const char *at = text; *at;) {
        spec_word name = next_word(&at);
        int row;
        if (!name.length && !*at && !out->count) return STRIA_OK;
        if (!name.length)
            FAIL(err, STRIA_BAD_ARGUMENT, "--augment: a step is missing in '%s'; steps stand between commas", text);
        if (out->count == AUGMENT_STEPS) FAIL(err, STRIA_BAD_ARGUMENT, "--augment: more than %d steps", AUGMENT_STEPS);
        TRY(spec_choose(&said, "augmentation", name, SPEC_ROWS(kinds), &row, err));
        augment_step *s = &out->steps[out->count++];
        s->kind = &kinds[row];
        if (s->kind->needs & EARLY && out->count > 1)
            FAIL(err, STRIA_BAD_ARGUMENT, "--augment: '%s' works before resizing: it must be the first step",
                 s->kind->name);
        standard(s);
        TRY(step_read(s, &at, err));
        TRY(step_check(s, err));
        if (*at == ',' && !*++at)
            FAIL(err, STRIA_BAD_ARGUMENT, "--augment: a step is missing in '%s'; steps stand between commas", text);
    }
    return STRIA_OK;
}

stria_status augment_check(const augment *a, const int shape[3], bool floats, stria_error *err) {
    for (int i = 0; i < a->count; i++) {
        const augment_step *s = &a->steps[i];
        const char *name = s->kind->name;
        if (floats && s->kind->needs & (NEEDS_PIXELS | EARLY))
            FAIL(err, STRIA_BAD_ARGUMENT, "--augment: '%s' is for pictures; these data are measured values", name);
        if (s->kind->needs & NEEDS_COLOUR && shape[0] != 3)
            FAIL(err, STRIA_BAD_ARGUMENT, "--augment: '%s' is for colours; the network takes %d channel%s", name,
                 shape[0], shape[0] == 1 ? "" : "s");
        if (s->kind->run != augment_crop || s->number[0] == 0) continue;
        if (s->number[0] != shape[1] || s->number[0] != shape[2])
            FAIL(err, STRIA_BAD_ARGUMENT,
                 "--augment: 'crop %g' does not make the network's %dx%d; leave the number out", s->number[0], shape[1],
                 shape[2]);
    }
    return STRIA_OK;
}

/* ---- random numbers ---- */

augment_draw draw_of(const char *purpose, uint64_t seed, int64_t epoch, int64_t index) {
    random_key of_epoch = random_step_key(seed, random_hash(purpose), (uint64_t)epoch);
    random_key k = random_step_key(of_epoch.seed, of_epoch.stream, (uint64_t)index);
    return (augment_draw){k.seed, k.stream, 0};
}

augment_draw augment_draw_of(uint64_t seed, int64_t epoch, int64_t index) {
    return draw_of("loader/augment", seed, epoch, index);
}

double draw_uniform(augment_draw *d, double low, double high) {
    return low + (high - low) * (double)random_uniform(d->seed, d->stream, d->next++);
}

double draw_normal(augment_draw *d) {
    uint64_t block = (d->next + 3) / 4; /* a block of its own: see random.h */
    d->next = 4 * block + 4;
    return random_normal(d->seed, d->stream, 4 * block);
}

int draw_whole(augment_draw *d, int n) {
    int i = (int)draw_uniform(d, 0, n);
    return i < n ? i : n - 1;
}

/* ---- applying ---- */

/* torchvision's RandomResizedCrop: ten tries of an area and a ratio (uniform in its logarithm), then the largest part
 * in the middle whose ratio is allowed. */
static void part_choose(const double number[4], augment_draw *d, int height, int width, int part[4]) {
    double area = (double)height * width;
    for (int i = 0; i < 10; i++) {
        double wanted = area * draw_uniform(d, number[0], number[1]);
        double ratio = exp(draw_uniform(d, log(number[2]), log(number[3])));
        int w = (int)nearbyint(sqrt(wanted * ratio)), h = (int)nearbyint(sqrt(wanted / ratio));
        if (w < 1 || h < 1 || w > width || h > height) continue;
        part[0] = draw_whole(d, height - h + 1);
        part[1] = draw_whole(d, width - w + 1);
        part[2] = h;
        part[3] = w;
        return;
    }
    double ratio = (double)width / height;
    int h = height, w = width;
    if (ratio < number[2]) h = (int)nearbyint(width / number[2]);
    else if (ratio > number[3]) w = (int)nearbyint(height * number[3]);
    h = h < 1 ? 1 : h > height ? height : h;
    w = w < 1 ? 1 : w > width ? width : w;
    part[0] = (height - h) / 2;
    part[1] = (width - w) / 2;
    part[2] = h;
    part[3] = w;
}

bool augment_parts(const augment *a) {
    return a->count && a->steps[0].kind->needs & EARLY;
}

double augment_least_part(const augment *a) {
    return augment_parts(a) ? sqrt(a->steps[0].number[0]) : 1;
}

bool augment_part(const augment *a, augment_draw *d, image_view *view) {
    const augment_step *s = &a->steps[0];
    int part[4];
    if (!augment_parts(a) || draw_uniform(d, 0, 1) >= s->p) return false;
    part_choose(s->number, d, view->height, view->width, part);
    int64_t skip = part[0] * view->row_step + part[1] * view->pixel_step;
    if (view->bytes) view->bytes += skip;
    else view->values += skip;
    view->height = part[2];
    view->width = part[3];
    return true;
}

stria_status augment_check_target(const augment *a, stria_error *err) {
    const char *damage = NULL;
    for (int i = 0; i < a->count; i++) {
        const augment_kind *kind = a->steps[i].kind;
        if (kind->needs & DAMAGES) damage = kind->name;
        else if (damage && kind->run)
            FAIL(err, STRIA_BAD_ARGUMENT,
                 "--augment: '%s' comes after '%s', which only the network's input gets, not the picture that it is to "
                 "give back; write '%s' last",
                 kind->name, damage, damage);
    }
    return STRIA_OK;
}

stria_status augment_apply(const augment *a, augment_draw *d, const int shape[3], const preprocess *p, bool measured,
                           float *x, float *target, stria_error *err) {
    augment_picture m = {
        .channels = shape[0], .height = shape[1], .width = shape[2], .x = x, .measured = measured, .preprocess = p};
    size_t area = (size_t)shape[1] * (size_t)shape[2], n = (size_t)shape[0] * area;
    float *room;
    TRY(mem_new(&room, n + 4 * area, sizeof *x, "augmentation", err));
    m.spare = room;
    m.field = room + n;
    for (int i = 0; i < a->count; i++) {
        const augment_step *s = &a->steps[i];
        if (!s->kind->run) continue;
        if (target && s->kind->needs & DAMAGES) {
            memcpy(target, m.x, n * sizeof *target);
            target = NULL;
        }
        if (s->p >= 1 || draw_uniform(d, 0, 1) < s->p) s->kind->run(&m, s, d);
    }
    if (m.x != x) memcpy(x, m.x, n * sizeof *x); /* steps may have swapped the two */
    if (target) memcpy(target, x, n * sizeof *target);
    mem_free(room);
    return STRIA_OK;
}
