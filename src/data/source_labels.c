/* Labels that a source gives as texts. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "data/source.h"

/* A class's number; −1 of other labels. */
static int64_t number_of(const char *label) {
    int64_t n;
    return strlen(label) < 7 && text_to_int(label, &n) && n >= 0 ? n : -1;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Of names[count], which become sorted and different; returns how many classes there are. */
static int64_t classes_of(const char **names, int64_t count, bool *numbers) {
    int64_t kept = 0, greatest = -1;
    *numbers = true;
    for (int64_t i = 0; i < count; i++) {
        int64_t n = number_of(names[i]);
        *numbers = *numbers && n >= 0;
        if (n > greatest) greatest = n;
    }
    qsort(names, (size_t)count, sizeof *names, by_text);
    for (int64_t i = 0; i < count; i++)
        if (!kept || strcmp(names[kept - 1], names[i]) != 0) names[kept++] = names[i];
    return *numbers ? greatest + 1 : kept;
}

stria_status source_take_labels(store *s, const char *const *labels, int64_t count, stria_error *err) {
    const char **names = NULL;
    bool numbers;
    TRY(mem_new(&names, (size_t)count + 1, sizeof *names, "class names", err));
    for (int64_t i = 0; i < count; i++) names[i] = labels[i];
    int64_t classes = classes_of(names, count, &numbers);
    stria_status status = classes > SOURCE_MAX_CLASSES
                              ? error_set(err, STRIA_BAD_FILE, "%s has %lld classes; there may be %d", s->path,
                                          (long long)classes, SOURCE_MAX_CLASSES)
                              : source_name_classes(s, numbers ? NULL : names, (int)classes, err);
    for (int64_t i = 0; status == STRIA_OK && i < count; i++) {
        const char **at = numbers ? NULL : bsearch(&labels[i], names, (size_t)classes, sizeof *names, by_text);
        s->labels[i] = numbers ? (int32_t)number_of(labels[i]) : (int32_t)(at - names);
    }
    mem_free(names);
    return status;
}
