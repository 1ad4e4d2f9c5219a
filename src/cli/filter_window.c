/* Where a kernel stands: modes, pads, strides, dilation, and what lies outside the border. */
#include "cli/filter.h"
#include "cli/source.h"
#include "cli/term.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_MAX_TYPED = 1 << 20 };

stria_status sizes_parse(const char *name, const char *text, int64_t least, int64_t *out, int most, int *count,
                         stria_error *error) {
    *count = 0;
    for (const char *at = text;; at++) {
        char *end;
        long long value = strtoll(at, &end, 10);
        if (end == at || (*end && *end != ','))
            return source_refuse(error, STRIA_BAD_ARGUMENT,
                                 "--%s: '%s' is not a whole number, nor %d with commas between", name, text, most);
        if (value < least || value > SIZE_MAX_TYPED)
            return source_refuse(error, STRIA_BAD_ARGUMENT, "--%s: %.*s is out of range %lld to %d", name,
                                 (int)(end - at), at, (long long)least, SIZE_MAX_TYPED);
        if (*count == most)
            return source_refuse(error, STRIA_BAD_ARGUMENT, "--%s: '%s' has more than %d number%s", name, text, most,
                                 show_s(most));
        out[(*count)++] = value;
        at = end;
        if (!*end) return STRIA_OK;
    }
}

stria_status size_parse(const char *name, const char *text, int rank, int64_t size[2], stria_error *error) {
    char *end;
    errno = 0;
    long long first = strtoll(text, &end, 10), second = first;
    bool read = end != text, two = read && (*end == 'x' || *end == 'X');
    if (two) {
        const char *at = end + 1;
        second = strtoll(at, &end, 10);
        read = end != at;
    } else if (rank == 1) first = 1;
    if (!read || *end)
        return source_refuse(error, STRIA_BAD_ARGUMENT, "%s: '%s' is not a size; 3x5 is one of 3 rows and 5 columns",
                             name, text);
    if (first < 1 || second < 1 || first > SIZE_MAX_TYPED || second > SIZE_MAX_TYPED)
        return source_refuse(error, STRIA_BAD_ARGUMENT, "%s: '%s' is out of range, a side has 1 to %d", name, text,
                             SIZE_MAX_TYPED);
    size[0] = first;
    size[1] = second;
    return STRIA_OK;
}

/* One number for both directions, or one for rows and one for columns. */
static stria_status both_parse(const options *given, const char *name, const grid *x, int64_t out[2],
                               stria_error *error) {
    int count;
    const char *text = option_text(given, name);
    stria_status status = sizes_parse(name, text, 1, out, x->rank, &count, error);
    if (count == 1) out[1] = out[0];
    if (x->rank == 1) out[0] = 1;
    return status;
}

/* "P", "ROWS,COLUMNS" or "TOP,LEFT,BOTTOM,RIGHT"; of one row "P" or "BEFORE,AFTER". */
static stria_status pads_parse(const char *text, const grid *x, int64_t pad[4], stria_error *error) {
    int64_t p[4];
    int count;
    stria_status status = sizes_parse("pad", text, 0, p, x->rank == 1 ? 2 : 4, &count, error);
    if (status != STRIA_OK) return status;
    if (count == 3)
        return source_refuse(error, STRIA_BAD_ARGUMENT, "--pad: '%s' has 3 numbers; 1, 2 or 4 are taken", text);
    int64_t last = p[count - 1];
    int64_t row[4] = {0, p[0], 0, last}, sides[4] = {p[0], last, p[0], last};
    memcpy(pad, x->rank == 1 ? row : count == 4 ? p : sides, sizeof p);
    return STRIA_OK;
}

/* out = ⌊(n + before + after − dilation · (k − 1) − 1) / stride⌋ + 1 */
static stria_status window_fit(window *w, const grid *x, int64_t kh, int64_t kw, stria_error *error) {
    int64_t in[2] = {x->height, x->width}, k[2] = {kh, kw}, span[2];
    for (int d = 0; d < 2; d++) {
        span[d] = w->dilation[d] * (k[d] - 1) + 1;
        int64_t room = in[d] + w->pad[d] + w->pad[d + 2] - span[d];
        if (room >= 0) {
            w->out[d] = room / w->stride[d] + 1;
            continue;
        }
        char kernel[96], input[96], spread[96];
        grid of_kernel = {.rank = x->rank, .height = kh, .width = kw}, of_input = *x;
        of_input.maps = 1;
        grid of_span = {
            .rank = x->rank, .height = w->dilation[0] * (kh - 1) + 1, .width = w->dilation[1] * (kw - 1) + 1};
        bool dilated = w->dilation[0] > 1 || w->dilation[1] > 1, padded = w->pad[d] + w->pad[d + 2] > 0;
        return source_refuse(error, STRIA_BAD_SHAPE, "the kernel is %s%s%s, larger than the input of %s%s",
                             grid_size(&of_kernel, kernel), dilated ? ", dilated to " : "",
                             dilated ? grid_size(&of_span, spread) : "", grid_size(&of_input, input),
                             padded ? " with its padding" : "; mode same or full takes it");
    }
    return STRIA_OK;
}

/* same is the middle of full, as SciPy cuts it: of an even kernel's surplus the larger half stands before. */
stria_status window_mode(window *w, const char *mode, const grid *x, int64_t kh, int64_t kw, stria_error *error) {
    int64_t k[2] = {kh, kw};
    for (int d = 0; d < 2; d++) {
        int64_t around = w->dilation[d] * (k[d] - 1);
        bool full = strcmp(mode, "full") == 0, same = strcmp(mode, "same") == 0;
        w->pad[d] = full ? around : same ? around - around / 2 : 0;
        w->pad[d + 2] = full ? around : same ? around / 2 : 0;
    }
    return window_fit(w, x, kh, kw, error);
}

const char *window_mode_name(const options *given, const grid *x) {
    if (option_given(given, "pad")) return NULL;
    const char *mode = option_text(given, "mode");
    return mode ? mode : x->picture ? "same" : "full";
}

static stria_status window_words(window *w, const options *given, const grid *x, stria_error *error) {
    const char *boundary = option_text(given, "boundary"), *value = option_text(given, "pad-value");
    if (!boundary) boundary = x->picture && !value ? "symm" : "fill";
    w->boundary = strcmp(boundary, "wrap") == 0   ? BOUNDARY_WRAP
                  : strcmp(boundary, "symm") == 0 ? BOUNDARY_SYMM
                                                  : BOUNDARY_FILL;
    w->flip = option_given(given, "convolve") || (!x->picture && !option_given(given, "correlate"));
    w->magnitude = option_given(given, "magnitude");
    w->threads = (int)option_integer(given, "threads");
    if (!value) return STRIA_OK;
    char *end;
    w->pad_value = strtod(value, &end);
    if (*end || !isfinite(w->pad_value))
        return source_refuse(error, STRIA_BAD_ARGUMENT, "--pad-value: '%s' is not a number", value);
    if (w->boundary != BOUNDARY_FILL)
        return source_refuse(error, STRIA_BAD_ARGUMENT, "--pad-value is for --boundary fill, not for %s", boundary);
    return STRIA_OK;
}

stria_status window_read(window *w, const options *given, const grid *x, int64_t kh, int64_t kw, stria_error *error) {
    const char *mode = window_mode_name(given, x);
    stria_status status = window_words(w, given, x, error);
    if (status == STRIA_OK) status = both_parse(given, "stride", x, w->stride, error);
    if (status == STRIA_OK) status = both_parse(given, "dilation", x, w->dilation, error);
    if (status == STRIA_OK && !mode) status = pads_parse(option_text(given, "pad"), x, w->pad, error);
    if (status != STRIA_OK) return status;
    return mode ? window_mode(w, mode, x, kh, kw, error) : window_fit(w, x, kh, kw, error);
}

int64_t window_source(filter_boundary boundary, int64_t i, int64_t n) {
    if (i >= 0 && i < n) return i;
    if (boundary == BOUNDARY_FILL) return -1;
    int64_t period = boundary == BOUNDARY_WRAP ? n : 2 * n; /* symm: there and back, the edge twice */
    i = (i % period + period) % period;
    return i < n ? i : period - 1 - i;
}
