/* stria filter: the verb. */
#include "cli/filter.h"

#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <string.h>

/* What one call computes. */
typedef struct filtering {
    grid x, y, bias;
    bank b;
    window w;
    filter_show show;
    char files[FILTER_KERNELS_MAX][1024];
    int file_count;
} filtering;

static void filtering_release(filtering *f) {
    grid_release(&f->x);
    grid_release(&f->y);
    grid_release(&f->bias);
    bank_release(&f->b);
}

/* One number for each kernel, or one for all. */
static stria_status bias_read(filtering *f, const options *given, stria_error *error) {
    const char *text = option_text(given, "bias");
    grid typed = {0};
    if (!text) return STRIA_OK;
    stria_status status = grid_parse(&typed, text, "the bias", error);
    int64_t count = typed.maps * typed.height * typed.width;
    if (status == STRIA_OK && count != 1 && count != f->b.count)
        status = source_refuse(error, STRIA_BAD_ARGUMENT, "%lld biases are given for %d kernel%s", (long long)count,
                               f->b.count, show_s(f->b.count));
    if (status == STRIA_OK) status = grid_new(&f->bias, 1, 1, 1, f->b.count, "the bias", error);
    for (int64_t i = 0; status == STRIA_OK && i < f->b.count; i++) f->bias.values[i] = typed.values[count > 1 ? i : 0];
    grid_release(&typed);
    return status;
}

static stria_status filtering_run(filtering *f, const options *given, stria_error *error) {
    stria_status status = grid_read(&f->x, given->operands[0], "the input", error);
    if (status == STRIA_OK) status = bank_read(&f->b, given, f->x.rank, error);
    if (status == STRIA_OK) status = bank_fits(&f->b, &f->x, error);
    if (status == STRIA_OK) status = bias_read(f, given, error);
    if (status == STRIA_OK) status = window_read(&f->w, given, &f->x, f->b.w.height, f->b.w.width, error);
    if (status != STRIA_OK) return status;
    f->show = show_read(given, &f->b);
    if (f->w.magnitude && !option_given(given, "show")) f->show = SHOW_CLIP; /* it has no negative values */
    if (f->w.flip) grid_flip(&f->b.w);
    return filter_apply(&f->x, &f->b, &f->w, f->bias.values, &f->y, error);
}

/* Maps that go into one picture: those of one kernel. */
static int64_t maps_of_one(const filtering *f) {
    return f->w.magnitude ? f->y.maps : f->y.maps / f->b.count;
}

/* Returns true if another kernel has this one's name. */
static bool name_shared(const bank *b, int kernel) {
    for (int i = 0; i < b->count; i++)
        if (i != kernel && strcmp(b->names[i], b->names[kernel]) == 0) return true;
    return false;
}

/* A NumPy array holds everything; pictures are one per kernel, called after it, or after its number where that is not
 * enough. */
static stria_status filtering_write(filtering *f, const options *given, stria_error *error) {
    const char *out = option_text(given, "out");
    bool array = out && word_is_array_file(out);
    int64_t maps = array ? f->y.maps : maps_of_one(f);
    int count = (int)(f->y.maps / maps);
    stria_status status = STRIA_OK;
    if (!out && !f->x.picture) return STRIA_OK;
    for (int i = 0; i < count && status == STRIA_OK; i++) {
        char *file = f->files[f->file_count];
        bool numbered = count > 1 && (out || name_shared(&f->b, i));
        const char *kernel = f->w.magnitude ? "magnitude" : f->b.names[i];
        output_name(file, sizeof f->files[0], out, given->operands[0], kernel, numbered ? i + 1 : 0);
        status = grid_write(file, &f->y, i * maps, maps, f->show, error);
        f->file_count += status == STRIA_OK;
    }
    return status;
}

static json_t *filtering_json(const filtering *f) {
    json_t *files = json_array(), *shape = json_array();
    double least = f->y.values[0], most = f->y.values[0];
    for (int i = 0; i < f->file_count; i++) json_array_append_new(files, json_text(f->files[i]));
    for (int64_t i = 0; i < f->y.maps * f->y.height * f->y.width; i++) {
        if (f->y.values[i] < least) least = f->y.values[i];
        if (f->y.values[i] > most) most = f->y.values[i];
    }
    if (f->y.maps > 1) json_array_append_new(shape, json_integer(f->y.maps));
    if (f->y.rank == 2) json_array_append_new(shape, json_integer(f->y.height));
    json_array_append_new(shape, json_integer(f->y.width));
    json_t *document = json_pack("{s:o,s:o,s:o,s:o}", "shape", shape, "minimum", json_number(least), "maximum",
                                 json_number(most), "files", files);
    if (document && !f->x.picture) json_object_set_new(document, "values", grid_json(&f->y));
    return document;
}

static int filtering_show(const filtering *f, bool json) {
    if (json) return json_finish(filtering_json(f));
    if (f->x.picture) grid_draw(&f->x, &f->y, maps_of_one(f), f->show, f->w.magnitude ? "magnitude" : f->b.names[0]);
    else if (f->file_count == 0) grid_print(stdout, &f->y);
    for (int i = 0; i < f->file_count; i++) printf("%s %s\n", term_arrow(), show_name(f->files[i]));
    return EXIT_DONE;
}

static int filter_kernels(const options *given) {
    static filtering f; /* its names of files are many */
    f = (filtering){0};
    stria_error error = {0};
    stria_status status = filtering_run(&f, given, &error);
    int code = EXIT_DONE;
    if (status == STRIA_OK && option_given(given, "steps"))
        code = filter_steps(given, &f.x, &f.b, &f.w, f.bias.values, &f.y);
    else {
        if (status == STRIA_OK) status = filtering_write(&f, given, &error);
        code = status == STRIA_OK ? filtering_show(&f, option_given(given, "json")) : term_fail(&error);
    }
    filtering_release(&f);
    return code;
}

/* ---- which options go together ---- */

/* Each job, and the options that say something to it only. */
static const struct job {
    const char *name;
    bool kernel; /* --kernel is needed; refused otherwise */
    int (*run)(const options *given);
    const char *own[16]; /* besides the common ones */
} jobs[] = {
    {"learn",
     false,
     filter_learn,
     {"size", "iterations", "lr", "save-kernel", "mode", "boundary", "pad", "pad-value", "stride", "dilation",
      "convolve", "correlate"}},
    {"find", false, filter_find, {0}},
    {"sizes", true, filter_sizes, {"dilation"}},
    {NULL,
     true,
     filter_kernels,
     {"mode", "boundary", "stride", "pad", "pad-value", "dilation", "bias", "convolve", "correlate", "magnitude",
      "show", "out", "steps"}},
};

static bool job_takes(const struct job *j, const option_row *row) {
    if (row->group && strcmp(row->group, EVERYWHERE) == 0) return true;
    if (strcmp(row->name, "kernel") == 0) return j->kernel;
    for (int i = 0; j->own[i]; i++)
        if (strcmp(j->own[i], row->name) == 0) return true;
    return j->name && strcmp(j->name, row->name) == 0;
}

/* The first named job that takes the option: every option has one. */
static const char *owner_of(const option_row *row) {
    const struct job *j = jobs;
    while (j->name && !job_takes(j, row)) j++;
    return j->name ? j->name : "arrays and pictures";
}

static bool pair_refused(const options *given, const char *a, const char *b) {
    if (!option_given(given, a) || !option_given(given, b)) return false;
    term_say("filter: --%s and --%s are given; give one of the two", a, b);
    return true;
}

static int filter_run(const options *given) {
    const struct job *j = jobs;
    while (j->name && !option_given(given, j->name)) j++;
    for (int i = 0; i < given->value_count; i++) {
        const option_row *row = given->values[i].row;
        if (job_takes(j, row)) continue;
        if (j->name) term_say("filter: --%s has no effect with --%s", row->name, j->name);
        else term_say("filter: --%s needs --%s", row->name, owner_of(row));
        return EXIT_USAGE;
    }
    if (j->kernel && !option_given(given, "kernel")) {
        term_say("filter: --kernel is missing; usage: stria filter INPUT --kernel KERNEL");
        return EXIT_USAGE;
    }
    if (pair_refused(given, "convolve", "correlate") || pair_refused(given, "mode", "pad")) return EXIT_USAGE;
    return j->run(given);
}

#define FILTER_WINDOW "the window"
#define FILTER_LEARN  "with --learn"

static const option_row filter_rows[] = {
    {.name = "kernel",
     .kind = OPTION_TEXT,
     .type = "KERNEL",
     .choices = filter_kernel_names,
     .help = "a name (or several, separated by commas), an array or a .npy file; may be repeated; X is sigma (default "
             "1), N the side (default 3)"},
    {.name = "magnitude",
     .kind = OPTION_FLAG,
     .help = "combines the kernels' results to the root of the sum of their squares: an outline"},
    {.name = "bias", .kind = OPTION_TEXT, .type = "X,…", .help = "added to the result; one number, or one per kernel"},
    {.name = "out",
     .kind = OPTION_TEXT,
     .type = "FILE",
     .help = "output file: a picture (.png, .pgm, .ppm) or an array (.npy) (default for pictures: NAME-KERNEL.png or "
             "NAME-magnitude.png in this folder)"},
    {.name = "show",
     .kind = OPTION_CHOICE,
     .type = "HOW",
     .choices = "clip|abs|scale|offset",
     .help = "how results become pixels 0 to 255: clipped, absolute value clipped, stretched from minimum to maximum, "
             "128 added (default: abs for kernels whose weights sum to 0, else clip)"},
    {.name = "steps", .kind = OPTION_FLAG, .help = "prints the flipped kernel and the products of every window"},
    {.name = "sizes",
     .kind = OPTION_FLAG,
     .help = "prints the result's size over strides and paddings; INPUT and KERNEL may be sizes, 224x224"},
    {.name = "find",
     .kind = OPTION_TEXT,
     .type = "PATTERN",
     .help = "finds where a picture or an array matches INPUT best; prints the window's first row and column, counted "
             "from 0, and the normalised cross-correlation, at most 1"},
    {.name = "learn",
     .kind = OPTION_TEXT,
     .type = "TARGET",
     .help = "learns the kernel that turns INPUT into TARGET, by gradient descent"},
    {.name = "mode",
     .kind = OPTION_CHOICE,
     .type = "MODE",
     .choices = "full|same|valid",
     .group = FILTER_WINDOW,
     .help =
         "size of the result; same is the centre of full, as in SciPy (default: full for arrays, same for pictures)"},
    {.name = "boundary",
     .kind = OPTION_CHOICE,
     .type = "KIND",
     .choices = "fill|wrap|symm",
     .group = FILTER_WINDOW,
     .help = "values outside the input: the pad value, the opposite side, or the mirror image including the edge "
             "(default: fill for arrays, symm for pictures)"},
    {.name = "pad-value",
     .kind = OPTION_TEXT,
     .type = "X",
     .group = FILTER_WINDOW,
     .help = "pad value of --boundary fill (default 0)"},
    {.name = "pad",
     .kind = OPTION_TEXT,
     .type = "N",
     .group = FILTER_WINDOW,
     .help = "padding instead of a mode: N, ROWS,COLUMNS or TOP,LEFT,BOTTOM,RIGHT; for one row N or BEFORE,AFTER"},
    {.name = "stride",
     .kind = OPTION_TEXT,
     .type = "N",
     .standard = "1",
     .group = FILTER_WINDOW,
     .help = "N or ROWS,COLUMNS; with a mode, every N-th value of the result at stride 1"},
    {.name = "dilation",
     .kind = OPTION_TEXT,
     .type = "N",
     .standard = "1",
     .group = FILTER_WINDOW,
     .help = "N or ROWS,COLUMNS from one weight to the next"},
    {.name = "convolve",
     .kind = OPTION_FLAG,
     .group = FILTER_WINDOW,
     .help = "flips the kernel first, as in mathematics; the default for arrays"},
    {.name = "correlate",
     .kind = OPTION_FLAG,
     .group = FILTER_WINDOW,
     .help = "slides the kernel without flipping, as networks do; the default for pictures"},
    {.name = "size",
     .kind = OPTION_TEXT,
     .type = "HxW",
     .standard = "3",
     .group = FILTER_LEARN,
     .help = "size of the kernel: 3x5, or 3 for 3x3 (for one row, 3)"},
    {.name = "iterations",
     .kind = OPTION_INTEGER,
     .type = "N",
     .standard = "500",
     .maximum = 10000000,
     .group = FILTER_LEARN,
     .help = "steps of gradient descent"},
    {.name = "lr",
     .kind = OPTION_REAL,
     .type = "X",
     .group = FILTER_LEARN,
     .help = "learning rate of plain gradient descent (default: Nesterov's method with a rate chosen for the input)"},
    {.name = "save-kernel",
     .kind = OPTION_TEXT,
     .type = "FILE",
     .group = FILTER_LEARN,
     .help = "writes the learned kernel as .npy"},
    {0},
};

const verb verb_filter = {
    .name = "filter",
    .usage = "INPUT --kernel KERNEL [options]\nINPUT --kernel KERNEL --sizes [--dilation N]\nINPUT --find PATTERN\n"
             "INPUT --learn TARGET [options]",
    .about = "classical convolution on pictures and arrays, kernels by name or typed",
    .text = "INPUT is a picture (- for one on standard input), a .npy file, or an array on the command line: \"0 1 2 "
            "3\"; ; separates rows (\"[1 2; 3 4]\"), | separates channels. NumPy's nested lists and fractions (1/9) "
            "are also accepted.\n"
            "A kernel with one channel is applied to every channel of INPUT separately; a kernel with as many channels "
            "as INPUT sums over them. Arrays are computed in float64, pictures in float32.",
    .examples = "# as NumPy's and SciPy's convolve: 0 1 1 3 5 2 8\n"
                "stria filter \"0 1 2 3 4\" --kernel \"1 -1 2\" --mode full\n"
                "# the same with every window's products\n"
                "stria filter \"0 1 2 3 4\" --kernel \"1 -1 2\" --steps\n"
                "# vertical edges of a picture, into cat-sobel-x.png\n"
                "stria filter cat.png --kernel sobel-x\n"
                "# its outline\n"
                "stria filter cat.png --kernel sobel-x,sobel-y --magnitude --out outline.png\n"
                "# result sizes of a layer for 224x224 pixels\n"
                "stria filter 224x224 --kernel 7x7 --sizes\n"
                "# find one picture in another\n"
                "stria filter photo.png --find eye.png\n"
                "# learn an edge detector from a pair\n"
                "stria filter \"1 1 0 0 0 0 1 1\" --learn \"0 1 0 0 0 -1 0\" --size 2 --correlate",
    .operands_min = 1,
    .operands_max = 1,
    .rows = filter_rows,
    .run = filter_run,
};
