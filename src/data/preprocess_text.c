/* The text form of a preprocess: one row a key, for metadata and flags alike. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/image.h"
#include "data/preprocess.h"

/* "0.5" or "1/255" */
static bool parse_number(const char *s, size_t n, double *out) {
    char word[64], *slash;
    if (n >= sizeof word) return false;
    memcpy(word, s, n);
    word[n] = 0;
    double under = 1;
    if ((slash = strchr(word, '/'))) {
        *slash = 0;
        if (!text_to_double(slash + 1, &under)) return false;
    }
    if (!text_to_double(word, out)) return false;
    *out /= under;
    return isfinite(*out) != 0;
}

static bool parse_list(const char *s, int *n, double *values) {
    int count = 0;
    while (*s) {
        size_t length = strcspn(s, ",");
        if (count == PREPROCESS_CHANNELS || !parse_number(s, length, &values[count++])) return false;
        s += length;
        if (*s == ',' && !*++s) return false;
    }
    *n = count;
    return true;
}

static bool parse_side(const char *s, int *out) {
    int64_t value;
    if (!text_to_int(s, &value) || value < 1 || value > IMAGE_MAX_SIDE) return false;
    *out = (int)value;
    return true;
}

/* "224" or "224x320"; a lone number leaves width to the caller. */
static bool parse_size(const char *s, int *height, int *width) {
    char word[32];
    size_t length = strcspn(s, "x");
    *height = *width = 0;
    if (!*s) return true;
    if (length >= sizeof word) return false;
    memcpy(word, s, length);
    word[length] = 0;
    return parse_side(word, height) && (!s[length] || parse_side(s + length + 1, width));
}

static void put_list(text *t, int n, const double *values) {
    for (int i = 0; i < n; i++) {
        if (i) text_append(t, ",", 1);
        text_double(t, values[i]);
    }
}

static void put_size(text *t, int height, int width) {
    if (height && width) text_printf(t, "%dx%d", height, width);
    else if (height) text_printf(t, "%d", height);
}

static const char *const orders[] = {"keep", "rgb", "bgr", "grey"}; /* preprocess_order */

static void get_resize(const preprocess *p, text *t) {
    put_size(t, p->resize_height, p->resize_width);
}
static void get_crop(const preprocess *p, text *t) {
    put_size(t, p->crop_height, p->crop_width);
}
static void get_channels(const preprocess *p, text *t) {
    if (p->order != PREPROCESS_KEEP) text_printf(t, "%s", orders[p->order]);
}
static void get_scale(const preprocess *p, text *t) {
    text_double(t, p->scale);
}
static void get_mean(const preprocess *p, text *t) {
    put_list(t, p->means, p->mean);
}
static void get_std(const preprocess *p, text *t) {
    put_list(t, p->stds, p->std);
}

static void get_range(const preprocess *p, text *t) {
    if (p->ranged) put_list(t, 2, p->range);
}

static bool set_range(preprocess *p, const char *s) {
    double ends[PREPROCESS_CHANNELS] = {0, 255};
    int n = 2;
    if (*s && (!parse_list(s, &n, ends) || n != 2 || !(ends[0] < ends[1]))) return false;
    p->ranged = *s != 0;
    p->range[0] = ends[0];
    p->range[1] = ends[1];
    return true;
}

static bool set_resize(preprocess *p, const char *s) {
    return parse_size(s, &p->resize_height, &p->resize_width);
}

static bool set_crop(preprocess *p, const char *s) {
    if (!parse_size(s, &p->crop_height, &p->crop_width)) return false;
    if (!p->crop_width) p->crop_width = p->crop_height;
    return true;
}

static bool set_channels(preprocess *p, const char *s) {
    if (!*s) s = "keep";
    if (strcmp(s, "gray") == 0) s = "grey";
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        p->order = (preprocess_order)i;
        if (strcmp(s, orders[i]) == 0) return true;
    }
    return false;
}

static bool set_scale(preprocess *p, const char *s) {
    if (!*s) s = "1";
    return parse_number(s, strlen(s), &p->scale) && p->scale != 0;
}

static bool set_mean(preprocess *p, const char *s) {
    return parse_list(s, &p->means, p->mean);
}

static bool set_std(preprocess *p, const char *s) {
    if (!parse_list(s, &p->stds, p->std)) return false;
    for (int i = 0; i < p->stds; i++) {
        if (!(p->std[i] > 0)) return false;
    }
    return true;
}

static const struct key_row {
    const char *key;
    void (*get)(const preprocess *, text *);
    bool (*set)(preprocess *, const char *);
    const char *form;
} rows[] = {
    {"resize", get_resize, set_resize, "a size like 256 (the shorter side) or 224x224"},
    {"crop", get_crop, set_crop, "a size like 224 or 224x192"},
    {"channels", get_channels, set_channels, "keep, rgb, bgr or grey"},
    {"scale", get_scale, set_scale, "a number other than 0, like 0.0625 or 1/255"},
    {"mean", get_mean, set_mean, "1 to 4 numbers like 0.485,0.456,0.406"},
    {"std", get_std, set_std, "1 to 4 numbers over 0, like 0.229,0.224,0.225"},
    {"range", get_range, set_range, "the least and the greatest value of the data, like 0,1"},
};
enum { ROWS = sizeof rows / sizeof *rows };

int preprocess_keys(void) {
    return ROWS;
}

const char *preprocess_key(int i) {
    return rows[i].key;
}

static const struct key_row *find(const char *key) {
    for (int i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].key, key) == 0) return &rows[i];
    }
    return NULL;
}

stria_status preprocess_get(const preprocess *p, const char *key, text *out, stria_error *err) {
    const struct key_row *row = find(key);
    if (!row) FAIL(err, STRIA_BAD_ARGUMENT, "preprocessing has no '%s'", key);
    row->get(p, out);
    return text_check(out, err);
}

stria_status preprocess_set(preprocess *p, const char *key, const char *value, stria_error *err) {
    const struct key_row *row = find(key);
    preprocess changed = *p;
    if (!row) FAIL(err, STRIA_BAD_ARGUMENT, "preprocessing has no '%s'", key);
    if (!row->set(&changed, value)) FAIL(err, STRIA_BAD_ARGUMENT, "%s is '%s', but wants %s", key, value, row->form);
    *p = changed;
    return STRIA_OK;
}

/* The three families of published ImageNet weights. */
static const struct preset_row {
    const char *name, *channels, *scale, *mean, *std;
} presets[] = {
    {"imagenet", "rgb", "1/255", "0.485,0.456,0.406", "0.229,0.224,0.225"},
    {"caffe", "bgr", "1", "104,117,123", ""},
    {"tf", "rgb", "1/127.5", "1", ""},
};
enum { PRESETS = sizeof presets / sizeof *presets };

stria_status preprocess_preset(preprocess *p, const char *name, stria_error *err) {
    for (int i = 0; i < PRESETS; i++) {
        if (strcmp(presets[i].name, name) != 0) continue;
        TRY(preprocess_set(p, "channels", presets[i].channels, err));
        TRY(preprocess_set(p, "scale", presets[i].scale, err));
        TRY(preprocess_set(p, "mean", presets[i].mean, err));
        return preprocess_set(p, "std", presets[i].std, err);
    }
    FAIL(err, STRIA_BAD_ARGUMENT, "no preprocessing is called '%s': there are imagenet, caffe and tf", name);
}
