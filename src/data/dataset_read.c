/* What a dataset says of itself, and its items. */
#include "data/dataset_inside.h"

#include <inttypes.h>

/* ---- facts ---- */

int64_t dataset_count(const dataset *d) {
    return d->count;
}
int dataset_channels(const dataset *d) {
    return d->store->channels;
}
int dataset_height(const dataset *d) {
    return d->store->height;
}
int dataset_width(const dataset *d) {
    return d->store->width;
}
void dataset_common(const dataset *d, int *height, int *width) {
    const store *s = d->store;
    *height = s->files ? s->common_height : s->height;
    *width = s->files ? s->common_width : s->width;
}
bool dataset_uniform(const dataset *d) {
    return !d->store->files;
}
bool dataset_made(const dataset *d) {
    return d->store->read != NULL;
}
bool dataset_lent(const dataset *d) {
    return d->lent;
}
bool dataset_is_float(const dataset *d) {
    return d->store->values != NULL;
}
value_range dataset_range(const dataset *d) {
    return d->store->values ? d->store->range : RANGE_OF_PIXELS;
}
int dataset_classes(const dataset *d) {
    return d->store->classes;
}
const char *dataset_class_name(const dataset *d, int i) {
    return d->store->class_names[i];
}
const char *dataset_path(const dataset *d) {
    return d->store->path;
}
const char *dataset_note(const dataset *d) {
    return text_string(&d->store->note);
}
uint64_t dataset_checksum(const dataset *d) {
    return d->store->checksum;
}

static int64_t item_size(const store *s) {
    return (int64_t)s->channels * s->height * s->width;
}

static int64_t item_at(const dataset *d, int64_t i) {
    return d->order ? d->order[i] : d->first + i;
}

int64_t dataset_label(const dataset *d, int64_t i) {
    return d->store->labels[item_at(d, i)];
}

const float *dataset_shares(const dataset *d, int64_t i) {
    const store *s = d->store;
    return s->shares ? s->shares + item_at(d, i) * s->classes : NULL;
}

const uint8_t *dataset_pixels(const dataset *d, int64_t i) {
    return d->store->bytes ? d->store->bytes + item_at(d, i) * item_size(d->store) : NULL;
}

const char *dataset_file(const dataset *d, int64_t i) {
    return d->store->files ? d->store->files[item_at(d, i)] : NULL;
}

/* What the caller's callback makes, in planes. */
static stria_status made_read(const dataset *d, int64_t i, dataset_item *item, stria_error *err) {
    const store *s = d->store;
    stria_error own = {0};
    uint8_t *pixels;
    TRY(mem_new(&pixels, (size_t)item_size(s), 1, "a picture", err));
    stria_status status = s->read(item_at(d, i), pixels, s->context, &own);
    if (status == STRIA_OK) {
        item->view.bytes = pixels;
        item->decoded = (image){.pixels = pixels};
        return STRIA_OK;
    }
    mem_free(pixels);
    FAIL(err, status, "image %" PRId64 " cannot be read%s%s", item_at(d, i), *own.text ? ": " : "", own.text);
}

static stria_status picture_read(const store *s, const char *path, const image_reading *how, image *m,
                                 stria_error *err) {
    const uint8_t *bytes;
    uint8_t *owned;
    size_t size;
    if (!s->archive) return image_load(path, how, m, err);
    TRY(source_read(s, path, &bytes, &size, &owned, err));
    stria_status status = image_decode(bytes, size, how, m, err);
    if (status != STRIA_OK) error_prefix(err, "%s: ", path);
    return status;
}

stria_status dataset_read(const dataset *d, int64_t i, int least_side, dataset_item *item, stria_error *err) {
    const store *s = d->store;
    image m = {0};
    if (s->files) {
        image_reading how = s->how;
        if (s->fast_decode) how.least_side = least_side;
        TRY(picture_read(s, dataset_file(d, i), &how, &m, err));
        *item = (dataset_item){.view = image_view_of(&m), .decoded = m};
        return STRIA_OK;
    }
    *item = (dataset_item){.view = {.channels = s->channels,
                                    .height = s->height,
                                    .width = s->width,
                                    .channel_step = (int64_t)s->height * s->width,
                                    .row_step = s->width,
                                    .pixel_step = 1,
                                    .range = dataset_range(d)}};
    if (s->read) return made_read(d, i, item, err);
    if (s->bytes) item->view.bytes = dataset_pixels(d, i);
    else item->view.values = s->values + item_at(d, i) * item_size(s);
    return STRIA_OK;
}

void dataset_item_release(dataset_item *item) {
    image_release(&item->decoded);
}
