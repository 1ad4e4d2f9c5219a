/* Kernels by name, typed, or from files. */
#include "cli/filter.h"
#include "cli/source.h"
#include "cli/term.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char filter_kernel_names[] = "sobel-x|sobel-y|prewitt|prewitt-x|prewitt-y|laplace|gauss:X|sharpen|emboss|box:N";

static const struct named_kernel {
    const char *name, *text;
} named[] = {
    {"sobel-x", "-1 0 1; -2 0 2; -1 0 1"},   {"sobel-y", "-1 -2 -1; 0 0 0; 1 2 1"},
    {"prewitt", "-1 0 1; -1 0 1; -1 0 1"},   {"prewitt-x", "-1 0 1; -1 0 1; -1 0 1"},
    {"prewitt-y", "-1 -1 -1; 0 0 0; 1 1 1"}, {"laplace", "0 1 0; 1 -4 1; 0 1 0"},
    {"sharpen", "0 -1 0; -1 5 -1; 0 -1 0"},  {"emboss", "-2 -1 0; -1 1 1; 0 1 2"},
};
enum { NAMED = sizeof named / sizeof *named, BOX_MAX = 255 };
static const double gauss_max = 40;

/* The outer product of a row of weights with itself; of a row alone where the input is one. */
static stria_status square_kernel(grid *g, const double *row, int64_t n, int rank, stria_error *error) {
    int64_t height = rank == 1 ? 1 : n;
    stria_status status = grid_new(g, rank, 1, height, n, "the kernel", error);
    for (int64_t i = 0; status == STRIA_OK && i < height; i++)
        for (int64_t j = 0; j < n; j++) g->values[i * n + j] = (rank == 1 ? 1 : row[i]) * row[j];
    return status;
}

/* exp(−i² / 2σ²) for |i| ≤ 3σ, summing to 1; text is σ, NULL for 1. */
static stria_status gauss_kernel(grid *g, const char *text, int rank, stria_error *error) {
    double row[2 * 3 * 40 + 1], sum = 0;
    char *end;
    double sigma = text ? strtod(text, &end) : 1;
    if (!(sigma > 0 && sigma <= gauss_max) || (text && *end))
        return source_refuse(error, STRIA_BAD_ARGUMENT, "kernel gauss:%.40s: sigma is a number above 0, up to %g", text,
                             gauss_max);
    int radius = (int)ceil(3 * sigma);
    for (int i = -radius; i <= radius; i++) sum += row[i + radius] = exp(-i * i / (2 * sigma * sigma));
    for (int i = 0; i <= 2 * radius; i++) row[i] /= sum;
    return square_kernel(g, row, 2 * radius + 1, rank, error);
}

static stria_status box_kernel(grid *g, const char *text, int rank, stria_error *error) {
    double row[BOX_MAX];
    char *end;
    long n = text ? strtol(text, &end, 10) : 3;
    if (text && (*end || n < 1 || n > BOX_MAX))
        return source_refuse(error, STRIA_BAD_ARGUMENT, "kernel box:%.40s: its side is a whole number, 1 to %d", text,
                             BOX_MAX);
    for (int i = 0; i < n; i++) row[i] = 1 / (double)n;
    return square_kernel(g, row, n, rank, error);
}

static stria_status named_kernel(grid *g, const char *name, int rank, stria_error *error) {
    const char *names[NAMED + 2] = {"gauss", "box"};
    char plain[64];
    snprintf(plain, sizeof plain, "%.*s", (int)strcspn(name, ":"), name);
    const char *number = strchr(name, ':') ? strchr(name, ':') + 1 : NULL;
    if (strcmp(plain, "gauss") == 0) return gauss_kernel(g, number, rank, error);
    if (strcmp(plain, "box") == 0) return box_kernel(g, number, rank, error);
    for (int i = 0; i < NAMED; i++) {
        if (strcmp(named[i].name, name) == 0) return grid_parse(g, named[i].text, "the kernel", error);
        names[i + 2] = named[i].name;
    }
    const char *near = stria_nearest(plain, names, NAMED + 2);
    return source_refuse(error, STRIA_BAD_ARGUMENT, "there is no kernel '%.60s'%s%s%s", name,
                         near ? "; did you mean '" : "; it is one of ", near ? near : filter_kernel_names,
                         near ? "'?" : ", an array or a .npy file");
}

/* ---- several ---- */

static stria_status too_many(int64_t count, stria_error *error) {
    return source_refuse(error, STRIA_UNSUPPORTED, "%lld kernels are given, at most %d are taken", (long long)count,
                         FILTER_KERNELS_MAX);
}

/* Appends a kernel, which must be of the size of those before, and releases it. */
static stria_status bank_add(bank *b, grid *kernel, int64_t channels, stria_error *error) {
    grid *w = &b->w;
    char first[96], size[96];
    int64_t count = kernel->maps / channels, old = w->maps * w->height * w->width;
    grid one = *kernel;
    one.maps = channels;
    for (int64_t i = 0; i < kernel->maps * kernel->height * kernel->width; i++)
        if (!isfinite(kernel->values[i]))
            return source_refuse(error, STRIA_BAD_ARGUMENT, "the kernel has a weight that is not finite");
    if (b->count && (channels != b->channels || kernel->height != w->height || kernel->width != w->width)) {
        grid before = *w;
        before.maps = b->channels;
        return source_refuse(error, STRIA_BAD_SHAPE,
                             "kernel %d is %s, kernel 1 is %s; kernels of one call have one size", b->count + 1,
                             grid_size(&one, size), grid_size(&before, first));
    }
    if (b->count + count > FILTER_KERNELS_MAX) return too_many(b->count + count, error);
    grid all;
    stria_status status =
        grid_new(&all, kernel->rank, w->maps + kernel->maps, kernel->height, kernel->width, "the kernels", error);
    if (status != STRIA_OK) return status;
    if (old) memcpy(all.values, w->values, (size_t)old * sizeof(double));
    memcpy(all.values + old, kernel->values, (size_t)(kernel->maps * kernel->height * kernel->width) * sizeof(double));
    grid_release(w);
    *w = all;
    b->channels = channels;
    b->count += (int)count;
    return STRIA_OK;
}

/* A .npy file: [kw], [kh, kw], [channels, kh, kw] or [kernels, channels, kh, kw]. */
static stria_status bank_add_file(bank *b, const char *path, stria_error *error) {
    stria_array a = {0};
    grid kernel = {0};
    stria_status status = stria_array_read(path, &a, error);
    if (status != STRIA_OK) return status;
    int64_t channels = a.rank == 4 ? a.shape[1] : a.rank == 3 ? a.shape[0] : 1;
    if (a.rank == 4 && a.shape[0] > FILTER_KERNELS_MAX) status = too_many(a.shape[0], error);
    if (status == STRIA_OK && a.rank == 4 && channels <= FILTER_VALUES_MAX) {
        a.shape[0] *= channels; /* one map after the other, as a bank has them */
        memmove(a.shape + 1, a.shape + 2, 2 * sizeof *a.shape);
        a.rank = 3;
    }
    if (status == STRIA_OK) status = grid_from_array(&kernel, &a, "the kernel", error);
    if (status == STRIA_OK) status = bank_add(b, &kernel, channels, error);
    grid_release(&kernel);
    stria_array_release(&a);
    return status;
}

static stria_status bank_add_typed(bank *b, const char *text, stria_error *error) {
    grid kernel = {0};
    stria_status status = grid_parse(&kernel, text, "the kernel", error);
    if (status == STRIA_OK) status = bank_add(b, &kernel, kernel.maps, error);
    grid_release(&kernel);
    return status;
}

/* A name that a file may have: gauss:2 is gauss-2. */
static void kernel_call(char *name, size_t size, const char *word) {
    snprintf(name, size, "%.*s", (int)size - 1, word);
    for (char *c = name; *c; c++)
        if (*c == ':' || *c == '/') *c = '-';
}

/* "sobel-x,sobel-y" */
static stria_status bank_add_names(bank *b, const char *text, int rank, stria_error *error) {
    stria_status status = STRIA_OK;
    for (const char *at = text; status == STRIA_OK;) {
        char name[128];
        grid kernel = {0};
        size_t length = strcspn(at, ",");
        snprintf(name, sizeof name, "%.*s", (int)(length < 127 ? length : 127), at);
        status = named_kernel(&kernel, name, rank, error);
        if (status == STRIA_OK) status = bank_add(b, &kernel, 1, error);
        if (status == STRIA_OK) kernel_call(b->names[b->count - 1], sizeof *b->names, name);
        grid_release(&kernel);
        if (!at[length]) break;
        at += length + 1;
    }
    return status;
}

stria_status bank_read(bank *b, const options *given, int rank, stria_error *error) {
    stria_status status = STRIA_OK;
    for (int i = 0; status == STRIA_OK && option_each(given, "kernel", i); i++) {
        const char *word = option_each(given, "kernel", i);
        bool name = (*word | 32) >= 'a' && (*word | 32) <= 'z';
        if (word_is_array_file(word)) status = bank_add_file(b, word, error);
        else if (name) status = bank_add_names(b, word, rank, error);
        else status = bank_add_typed(b, word, error);
    }
    for (int i = 0; i < b->count && status == STRIA_OK; i++)
        if (!*b->names[i]) kernel_call(b->names[i], sizeof *b->names, "filtered");
    return status;
}

stria_status bank_fits(const bank *b, const grid *like, stria_error *error) {
    char sizes[2][96];
    grid one = b->w;
    one.maps = b->channels;
    if (like->rank == 1 && b->w.height > 1)
        return source_refuse(error, STRIA_BAD_SHAPE, "the input is one row of %s, the kernel is %s",
                             grid_size(like, sizes[0]), grid_size(&one, sizes[1]));
    if (b->channels != 1 && b->channels != like->maps)
        return source_refuse(error, STRIA_BAD_SHAPE, "the kernel has %lld channel%s, the input has %lld",
                             (long long)b->channels, show_s(b->channels), (long long)like->maps);
    return STRIA_OK;
}

void bank_release(bank *b) {
    grid_release(&b->w);
}
