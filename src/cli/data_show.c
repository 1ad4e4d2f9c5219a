/* stria data show and stats. */
#include "cli/data.h"
#include "cli/json.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the sheet ---- */

enum { GAP = 2, MAPPED = 3 };

/* Pictures in rows of `across`, white between them. */
typedef struct sheet {
    stria_array picture;
    int64_t across, side, width;
} sheet;

static bool sheet_make(sheet *s, int64_t count, int64_t side) {
    s->across = (int64_t)ceil(sqrt((double)count));
    s->side = side;
    int64_t down = (count + s->across - 1) / s->across;
    s->width = s->across * (side + GAP) + GAP;
    int64_t height = down * (side + GAP) + GAP;
    s->picture = (stria_array){.type = STRIA_UINT8,
                               .rank = 3,
                               .shape = {MAPPED, height, s->width},
                               .bytes = (size_t)(MAPPED * height * s->width)};
    s->picture.data = malloc(s->picture.bytes);
    if (s->picture.data) memset(s->picture.data, 255, s->picture.bytes);
    return s->picture.data != NULL;
}

static void sheet_put(sheet *s, int64_t place, const stria_array *a) {
    int64_t top = GAP + place / s->across * (s->side + GAP), left = GAP + place % s->across * (s->side + GAP);
    for (int64_t c = 0; c < MAPPED; c++) {
        const uint8_t *from = (const uint8_t *)a->data + (a->shape[0] == 3 ? c : 0) * s->side * s->side;
        uint8_t *to = (uint8_t *)s->picture.data + (c * s->picture.shape[1] + top) * s->width + left;
        for (int64_t y = 0; y < s->side; y++) memcpy(to + y * s->width, from + y * s->side, (size_t)s->side);
    }
}

/* Every class in turn: pictures are spread evenly over the data, which may be sorted. */
static int64_t place_of(int64_t i, int64_t count, int64_t images, uint64_t seed) {
    return count >= images ? i : (i * images / count + (int64_t)(seed % (uint64_t)images)) % images;
}

static stria_status sheet_fill(const options *given, const stria_dataset *data, sheet *s, int64_t count,
                               stria_error *error) {
    int64_t images = stria_dataset_count(data);
    stria_view_options o = stria_view_options_default();
    o.height = o.width = s->side;
    o.seed = (uint64_t)option_integer(given, "seed");
    o.augment = option_text(given, "augment");
    for (int64_t i = 0; i < count; i++) {
        stria_array a;
        stria_status status = stria_dataset_view(data, place_of(i, count, images, o.seed), &o, &a, error);
        if (status != STRIA_OK) return status;
        sheet_put(s, i, &a);
        stria_array_release(&a);
    }
    return STRIA_OK;
}

int data_show(const options *given) {
    const char *path = option_text(given, "output");
    stria_error error = {0};
    stria_dataset *data = NULL;
    sheet s = {0};
    if (!path) {
        term_say("data show: --output is missing; add --output sheet.png");
        return EXIT_USAGE;
    }
    stria_status status = source_data(given, given->operands[1], source_split(given), 0, &data, &error);
    int64_t count = data ? stria_dataset_count(data) : 0;
    if (count > option_integer(given, "count")) count = option_integer(given, "count");
    if (data && !sheet_make(&s, count, option_integer(given, "size"))) {
        status = STRIA_NO_MEMORY;
        snprintf(error.text, sizeof error.text, "not enough memory for a sheet of %lld pictures", (long long)count);
    }
    if (status == STRIA_OK) status = sheet_fill(given, data, &s, count, &error);
    if (status == STRIA_OK) status = stria_picture_write(path, &s.picture, &error);
    int code = status == STRIA_OK ? EXIT_DONE : term_fail(&error);
    if (code == EXIT_DONE && option_given(given, "json"))
        code = json_finish(json_pack("{s:o,s:I}", "output", json_text(path), "pictures", (json_int_t)count));
    else if (code == EXIT_DONE)
        printf("%lld picture%s: %s\n", (long long)count, count == 1 ? "" : "s", show_name(path));
    free(s.picture.data);
    stria_dataset_free(data);
    return code;
}

/* ---- mean and deviation ---- */

typedef struct moments {
    double sum[3], squares[3], pixels;
    int64_t channels;
} moments;

static void moments_add(moments *m, const stria_array *a) {
    int64_t area = a->shape[1] * a->shape[2];
    for (int64_t c = 0; c < m->channels; c++) {
        const uint8_t *x = (const uint8_t *)a->data + c * area;
        int64_t sum = 0, squares = 0;
        for (int64_t i = 0; i < area; i++) {
            sum += x[i];
            squares += x[i] * x[i];
        }
        m->sum[c] += (double)sum / 255;
        m->squares[c] += (double)squares / (255 * 255);
    }
    m->pixels += (double)area;
}

static stria_status moments_of(const stria_dataset *data, moments *m, stria_error *error) {
    int64_t height, width;
    stria_view_options o = stria_view_options_default();
    stria_dataset_shape(data, &m->channels, &height, &width);
    if (m->channels > 1) m->channels = 3;
    o.channels = m->channels;
    for (int64_t i = 0; i < stria_dataset_count(data); i++) {
        stria_array a;
        stria_status status = stria_dataset_view(data, i, &o, &a, error);
        if (status != STRIA_OK) return status;
        moments_add(m, &a);
        stria_array_release(&a);
    }
    return STRIA_OK;
}

int data_stats(const options *given) {
    stria_error error = {0};
    stria_dataset *data = NULL;
    moments m = {0};
    double mean[3], deviation[3];
    char means[96] = "", deviations[96] = "";
    stria_status status = source_data(given, given->operands[1], source_split(given), 0, &data, &error);
    if (status == STRIA_OK) status = moments_of(data, &m, &error);
    if (status != STRIA_OK) {
        stria_dataset_free(data);
        return term_fail(&error);
    }
    json_t *ms = json_array(), *ds = json_array();
    for (int64_t c = 0; c < m.channels; c++) {
        mean[c] = m.sum[c] / m.pixels;
        deviation[c] = sqrt(fmax(0, m.squares[c] / m.pixels - mean[c] * mean[c]));
        json_array_append_new(ms, json_number(mean[c]));
        json_array_append_new(ds, json_number(deviation[c]));
        size_t at = strlen(means), of = strlen(deviations);
        snprintf(means + at, sizeof means - at, "%s%.4f", c ? "," : "", mean[c]);
        snprintf(deviations + of, sizeof deviations - of, "%s%.4f", c ? "," : "", deviation[c]);
    }
    int64_t images = stria_dataset_count(data);
    stria_dataset_free(data);
    if (option_given(given, "json"))
        return json_finish(json_pack("{s:I,s:o,s:o}", "images", (json_int_t)images, "mean", ms, "std", ds));
    json_decref(ms);
    json_decref(ds);
    printf("%lld images, over all pixels, 1 is white\nmean  %s\nstd   %s\n\nuse them: --mean %s --std %s\n",
           (long long)images, means, deviations, means, deviations);
    return EXIT_DONE;
}
