#include "cli/labels.h"

#include "cli/source.h"
#include "cli/term.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 16 << 20 };

/* As the library says it: "no such file or directory". */
static const char *reason_text(int number, char text[80]) {
    snprintf(text, 80, "%s", strerror(number));
    text[0] = (char)tolower((unsigned char)text[0]);
    return text;
}

/* The whole file, "-" for standard input, as text[FILE_MAX + 1]. */
static stria_status file_read(const char *path, char *text, size_t *length, stria_error *error) {
    errno = 0;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    *length = 0;
    if (file) *length = fread(text, 1, (size_t)FILE_MAX + 1, file);
    bool failed = !file || ferror(file);
    int number = errno;
    char reason[80];
    if (file && file != stdin) fclose(file);
    if (failed)
        return source_refuse(error, file ? STRIA_IO : STRIA_NO_FILE, "--labels: cannot %s '%s': %s",
                             file ? "read" : "open", path, reason_text(number, reason));
    if (*length > FILE_MAX || memchr(text, 0, *length))
        return source_refuse(error, STRIA_BAD_FILE, "--labels: '%s' is not a text file of class names", path);
    text[*length] = 0;
    return STRIA_OK;
}

/* Cuts the text into lines, without what Windows and spaces put at their ends. Last empty lines do not count. */
static stria_status lines_split(char *text, char **names, int64_t most, int64_t *count, const char *path,
                                stria_error *error) {
    int64_t filled = 0;
    *count = 0;
    for (char *line; (line = strsep(&text, "\n"));) {
        size_t length = strlen(line);
        while (length && strchr(" \t\r", line[length - 1])) line[--length] = 0;
        if (*count < most) names[*count] = line;
        ++*count;
        if (length) filled = *count;
    }
    *count = filled;
    for (int64_t i = 0; i < filled && i < most; i++)
        if (!*names[i])
            return source_refuse(error, STRIA_BAD_FILE, "--labels: line %lld of '%s' is empty", (long long)i + 1, path);
    return STRIA_OK;
}

/* As a classifier has them, or else as the first output's shape says; 0 where that is not a classifier's. */
static int64_t classes_of(const stria_model *model) {
    stria_classifier c = {.size = sizeof c};
    stria_error none;
    if (stria_model_classifier(model, &c, &none) == STRIA_OK) return c.classes;
    if (stria_model_output_count(model) == 0) return 0;
    stria_port p = *stria_model_output(model, 0);
    return p.rank >= 2 ? p.shape[1] : 0;
}

stria_status labels_store(stria_model *model, const char *path, stria_error *error) {
    int64_t classes = classes_of(model), count = 0;
    size_t length;
    if (classes < 1)
        return source_refuse(error, STRIA_BAD_SHAPE, "--labels: the model's first output is not [batch, classes]");
    char *text = malloc((size_t)FILE_MAX + 1), **names = calloc((size_t)classes, sizeof *names);
    stria_status status = text && names ? file_read(path, text, &length, error)
                                        : source_refuse(error, STRIA_NO_MEMORY, "out of memory for class names");
    if (status == STRIA_OK) status = lines_split(text, names, classes, &count, path, error);
    if (status == STRIA_OK && count != classes)
        status = source_refuse(error, STRIA_BAD_FILE, "--labels: '%s' has %lld name%s, but the model has %lld class%s",
                               path, (long long)count, show_s(count), (long long)classes, show_es(classes));
    if (status == STRIA_OK) status = stria_model_set_classes(model, (const char *const *)names, count, error);
    free(names);
    free(text);
    return status;
}
