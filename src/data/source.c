#include "data/source.h"

#include "base/file.h"
#include "data/image_format.h"

#include <string.h>

#define SIZE_SAMPLE 64 /* pictures whose sizes are compared */

stria_status source_whole(const char *path, dataset_part part, store *s, stria_error *err) {
    if (part == PART_TEST) {
        FAIL(err, STRIA_BAD_ARGUMENT, "%s has no test split, only train, of which val is a part", path);
    }
    s->part = PART_ALL;
    s->sorted = true;
    return STRIA_OK;
}

/* FNV-1a, 64 bits, as random_hash, over more than one text. */
static uint64_t hash_more(uint64_t hash, const void *data, size_t n) {
    const uint8_t *bytes = data;
    for (size_t i = 0; i < n; i++) hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

static stria_status size_of(const store *s, const char *path, uint64_t *size, stria_error *err) {
    size_t n = 0;
    if (s->archive) {
        const uint8_t *bytes;
        uint8_t *owned;
        TRY(source_read(s, path, &bytes, &n, &owned, err));
    } else if (!file_is_stream(path)) {
        int fd;
        TRY(file_open(path, &fd, &n, err));
        file_close(fd);
    }
    *size = n;
    return STRIA_OK;
}

stria_status source_add_file(store *s, const char *path, const char *name, bool sized, stria_error *err) {
    uint64_t bytes;
    uint8_t size[8];
    TRY(size_of(s, path, &bytes, err));
    for (int i = 0; i < 8; i++) size[i] = (uint8_t)(bytes >> 8 * i);
    s->checksum = hash_more(s->checksum, name, strlen(name) + 1);
    if (sized) s->checksum = hash_more(s->checksum, size, sizeof size);
    s->file_bytes += (size_t)bytes;
    return STRIA_OK;
}

void source_add_contents(store *s, const void *data, size_t bytes) {
    s->checksum = hash_more(s->checksum, data, bytes);
}

stria_status source_name_classes(store *s, const char *const *names, int classes, stria_error *err) {
    s->classes = classes;
    s->class_names = arena_alloc(&s->texts, (size_t)classes * sizeof *s->class_names);
    for (int i = 0; s->class_names && i < classes; i++) {
        s->class_names[i] = names ? arena_strdup(&s->texts, names[i]) : arena_printf(&s->texts, "%d", i);
        if (!s->class_names[i]) s->class_names = NULL;
    }
    if (!s->class_names) FAIL(err, STRIA_NO_MEMORY, "not enough memory for %d class names", classes);
    return STRIA_OK;
}

stria_status source_join(store *s, const char *folder, const char *name, char **out, stria_error *err) {
    *out = arena_printf(&s->texts, "%s/%s", folder, name);
    if (!*out) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the name of %s", name);
    return STRIA_OK;
}

static image_facts facts_of(const store *s, int64_t i) {
    const uint8_t *bytes;
    uint8_t *owned;
    size_t size;
    if (!s->archive) return image_look(s->files[i], s->how.no_exif);
    if (source_read(s, s->files[i], &bytes, &size, &owned, NULL) != STRIA_OK) return (image_facts){0};
    return image_header_facts(bytes, size, s->how.no_exif);
}

static int channels_find(const store *s) {
    bool grey = false;
    for (int64_t i = 0; i < s->count; i++) {
        image_facts f = facts_of(s, i);
        if (f.channels == 3) return 3;
        grey = grey || f.channels == 1;
    }
    return grey ? 1 : 3;
}

static void size_find(store *s) {
    image_facts first = {0};
    int64_t samples = s->count < SIZE_SAMPLE ? s->count : SIZE_SAMPLE;
    for (int64_t i = 0; i < samples; i++) {
        image_facts f = facts_of(s, i * s->count / samples);
        if (i == 0) first = f;
        if (f.height != first.height || f.width != first.width) return;
    }
    s->common_height = first.height;
    s->common_width = first.width;
}

void source_look(store *s) {
    s->channels = channels_find(s);
    size_find(s);
}
