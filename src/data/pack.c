#include "data/pack.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/random.h"
#include "base/sizes.h"
#include "base/text.h"
#include "data/dataset_inside.h"
#include "data/image.h"

enum { BLOCK = 512, ENDING_MAX = 8 };

/* ---- tar ---- */

/* POSIX.1-1988 ustar: a member's header of 512 bytes, numbers in octal, then its contents, filled up to a block. */
static void header_fill(char header[BLOCK], const char *name, size_t bytes) {
    unsigned sum = 0;
    memset(header, 0, BLOCK);
    snprintf(header, 100, "%s", name);
    memcpy(header + 100,
           "0000644\0"
           "0000000\0"
           "0000000\0",
           24); /* mode, owner, group */
    snprintf(header + 124, 12, "%011zo", bytes);
    memcpy(header + 136, "00000000000", 11); /* no time: the same data make the same bytes */
    memset(header + 148, ' ', 8);            /* the sum counts as blanks */
    header[156] = '0';                       /* a regular file */
    memcpy(header + 257,
           "ustar\0"
           "00",
           8);
    for (int i = 0; i < BLOCK; i++) sum += (unsigned char)header[i];
    snprintf(header + 148, 8, "%06o", sum);
}

static stria_status member_write(file_writer *w, const char *name, const void *data, size_t bytes, stria_error *err) {
    static const char zeros[BLOCK];
    char header[BLOCK];
    if (bytes >> 33) FAIL(err, STRIA_UNSUPPORTED, "%s has %zu bytes; a tar member has less than 8 GiB", name, bytes);
    header_fill(header, name, bytes);
    TRY(file_writer_write(w, header, BLOCK, err));
    TRY(file_writer_write(w, data, bytes, err));
    return file_writer_write(w, zeros, (BLOCK - bytes % BLOCK) % BLOCK, err);
}

/* ---- a picture ---- */

/* ".jpg" of a file's name, in small letters. */
static void ending_of(const char *file, char ending[ENDING_MAX]) {
    const char *dot = strrchr(file, '.');
    int n = 0;
    for (; dot && dot[n] && n < ENDING_MAX - 1; n++)
        ending[n] = dot[n] >= 'A' && dot[n] <= 'Z' ? (char)(dot[n] + 'a' - 'A') : dot[n];
    ending[n] = 0;
}

/* Binary PNM of pixels in planes. */
static stria_status pnm_make(const dataset *d, int64_t i, text *out, char ending[ENDING_MAX], stria_error *err) {
    dataset_item item;
    TRY(dataset_read(d, i, 0, &item, err));
    const image_view *v = &item.view;
    memcpy(ending, v->channels == 1 ? ".pgm" : ".ppm", 5);
    text_printf(out, "P%d\n%d %d\n255\n", v->channels == 1 ? 5 : 6, v->width, v->height);
    for (int y = 0; y < v->height; y++)
        for (int x = 0; x < v->width; x++)
            for (int c = 0; c < v->channels; c++)
                text_append(out, (const char *)v->bytes + c * v->channel_step + y * v->row_step + x * v->pixel_step, 1);
    dataset_item_release(&item);
    return text_check(out, err);
}

static stria_status sample_write(const dataset *d, int64_t i, int64_t key, file_writer *w, stria_error *err) {
    const char *file = dataset_file(d, i);
    const uint8_t *bytes = NULL;
    uint8_t *owned = NULL;
    text pnm = {0};
    size_t size = 0;
    char name[64], ending[ENDING_MAX], label[32];
    stria_status status;
    if (file) {
        ending_of(file, ending);
        status = source_read(d->store, file, &bytes, &size, &owned, err);
    } else {
        status = pnm_make(d, i, &pnm, ending, err);
        bytes = (const uint8_t *)pnm.data;
        size = pnm.length;
    }
    snprintf(name, sizeof name, "%08" PRId64 "%s", key, ending);
    if (status == STRIA_OK) status = member_write(w, name, bytes, size, err);
    mem_free(owned);
    text_release(&pnm);
    TRY(status);
    int n = snprintf(label, sizeof label, "%" PRId64, dataset_label(d, i));
    snprintf(name, sizeof name, "%08" PRId64 ".cls", key);
    return member_write(w, name, label, (size_t)n, err);
}

/* ---- shards ---- */

typedef struct packing {
    const dataset *d;
    const char *prefix;
    int64_t *order;
    int64_t per_shard, done;
    pack_progress *progress;
    void *context;
} packing;

static stria_status samples_write(packing *p, int64_t end, file_writer *w, stria_error *err) {
    static const char two_blocks[2 * BLOCK]; /* the end of an archive */
    for (; p->done < end; p->done++) {
        TRY(sample_write(p->d, p->order[p->done], p->done, w, err));
        if (p->progress && !p->progress(p->done + 1, dataset_count(p->d), p->context))
            FAIL(err, STRIA_INTERRUPTED, "stopped after %" PRId64 " of %" PRId64 " pictures", p->done + 1,
                 dataset_count(p->d));
    }
    return file_writer_write(w, two_blocks, sizeof two_blocks, err);
}

static stria_status shard_write(packing *p, int64_t number, stria_error *err) {
    text path = {0};
    file_writer *w = NULL;
    int64_t end = int64_min(p->done + p->per_shard, dataset_count(p->d));
    text_printf(&path, "%s-%06" PRId64 ".tar", p->prefix, number);
    stria_status status = text_check(&path, err);
    if (status == STRIA_OK) status = file_writer_open(&w, path.data, err);
    if (status == STRIA_OK) {
        status = samples_write(p, end, w, err);
        if (status == STRIA_OK) status = file_writer_commit(w, err);
        else file_writer_abort(w);
    }
    text_release(&path);
    return status;
}

static stria_status folder_of_make(const char *prefix, const char *slash, stria_error *err) {
    text folder = {0};
    text_printf(&folder, "%.*s", (int)(slash - prefix), prefix);
    stria_status status = text_check(&folder, err);
    if (status == STRIA_OK) status = folder_make(folder.data, err);
    text_release(&folder);
    return status;
}

/* Not over a list of other classes, by which other shards are read. */
static stria_status classes_write(const dataset *d, const char *prefix, stria_error *err) {
    const char *slash = strrchr(prefix, '/');
    text path = {0}, list = {0};
    uint8_t *is = NULL;
    size_t size = 0;
    for (int i = 0; i < dataset_classes(d); i++) {
        const char *name = dataset_class_name(d, i);
        text_printf(&list, "%.*s\n", (int)strcspn(name, "\r\n"), name);
    }
    text_printf(&path, "%.*sclasses.txt", slash ? (int)(slash - prefix + 1) : 0, prefix);
    stria_status status = text_check(&list, err);
    if (status == STRIA_OK) status = text_check(&path, err);
    if (status == STRIA_OK && slash > prefix) status = folder_of_make(prefix, slash, err);
    bool there = status == STRIA_OK && file_exists(path.data);
    if (there) status = file_read(path.data, 0, &is, &size, err);
    bool same = there && status == STRIA_OK && size == list.length && memcmp(is, list.data, size) == 0;
    if (there && status == STRIA_OK && !same)
        status =
            error_set(err, STRIA_BAD_FILE, "%s is there and names other classes: pack into another folder", path.data);
    if (status == STRIA_OK && !there) status = file_write(path.data, list.data, list.length, err);
    mem_free(is);
    text_release(&path);
    text_release(&list);
    return status;
}

static stria_status fitting(const dataset *d, int64_t per_shard, stria_error *err) {
    if (per_shard < 1) FAIL(err, STRIA_BAD_ARGUMENT, "%" PRId64 " pictures per shard", per_shard);
    if (dataset_count(d) && dataset_shares(d, 0))
        FAIL(err, STRIA_BAD_ARGUMENT, "the labels are shares of classes: a shard has one class for each picture");
    if (dataset_is_float(d)) FAIL(err, STRIA_BAD_ARGUMENT, "measured values are not pictures: they cannot be packed");
    if (dataset_channels(d) != 1 && dataset_channels(d) != 3)
        FAIL(err, STRIA_BAD_ARGUMENT, "pictures of %d channels cannot be packed: of 1 and 3 they can",
             dataset_channels(d));
    for (int64_t i = 0; i < dataset_count(d); i++) {
        const char *file = dataset_file(d, i);
        if (file && !image_name(file))
            FAIL(err, STRIA_BAD_ARGUMENT,
                 "'%s' is not named like a picture (.jpg .png .webp .tif .bmp .ppm), so it would not be read from a "
                 "shard: rename it",
                 file);
    }
    return STRIA_OK;
}

stria_status dataset_pack(const dataset *d, const char *prefix, int64_t per_shard, pack_progress *progress,
                          void *context, int64_t *shards, stria_error *err) {
    packing p = {.d = d, .prefix = prefix, .per_shard = per_shard, .progress = progress, .context = context};
    int64_t n = dataset_count(d);
    TRY(fitting(d, per_shard, err));
    TRY(mem_new(&p.order, (size_t)n + 1, sizeof *p.order, "the order of the data", err));
    random_permutation(p.order, n, 0, random_hash("pack"));
    stria_status status = classes_write(d, prefix, err);
    for (*shards = 0; status == STRIA_OK && p.done < n; ++*shards) status = shard_write(&p, *shards, err);
    mem_free(p.order);
    return status;
}
