/* `stria show` against Captum: tests/golden/show.txt, made by tests/golden_show.py. */
#include "check.h"

#include <stria/stria.h>

#include <math.h>
#include <string.h>
#include <unistd.h>

/* The file of one kind of picture. */
static bool show_run(const char *kind, const char *options, const char *file) {
    char command[2048], image[400] = "";
    const char *source = getenv("SOURCE"), *stria = getenv("STRIA");
    if (strcmp(kind, "filters") != 0) /* which needs none */
        snprintf(image, sizeof image, "--image '%.300s/tests/golden/show.ppm'", source);
    snprintf(command, sizeof command,
             "'%.300s' show '%.300s/tests/golden/show.onnx' %.30s %s %.200s --out '%.100s' >/dev/null 2>show.err",
             stria, source, kind, image, options, file);
    return system(command) == 0;
}

static void values_check(const char *kind, const char *options, const stria_array *got, const char *shape,
                         char *values) {
    char text[128] = "";
    for (int i = 0; i < got->rank; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%lld", i ? " " : "", (long long)got->shape[i]);
    if (!CHECK(strcmp(text, shape) == 0, "%s %s: shape %s, not %s", kind, options, text, shape)) return;
    const float *x = got->data;
    double most = 0, error = 0;
    size_t count = got->bytes / sizeof *x;
    for (size_t i = 0; i < count; i++) {
        double wanted = strtod(values, &values);
        most = fmax(most, fabs(wanted));
        error = fmax(error, fabs(wanted - (double)x[i]));
        if (isnan(x[i])) error = INFINITY;
    }
    CHECK(most > 0, "%s %s: all zeros", kind, options);
    CHECK(error <= 2e-5 * most, "%s %s: error %g of %g", kind, options, error, most);
}

static void line_check(char *line) {
    char *field[4] = {line};
    for (int i = 1; i < 4; i++) {
        field[i] = strchr(field[i - 1], '\t');
        if (!CHECK(field[i], "line '%.40s' has %d fields", line, i)) return;
        *field[i]++ = 0;
    }
    stria_array got = {0};
    stria_error error = {0};
    if (!CHECK(show_run(field[0], field[1], "golden_show.npy"), "show %s %s failed", field[0], field[1])) return;
    if (CHECK(stria_array_read("golden_show.npy", &got, &error) == STRIA_OK, "%s", error.text))
        values_check(field[0], field[1], &got, field[2], field[3]);
    stria_array_release(&got);
    unlink("golden_show.npy");
}

int main(void) {
    static char line[1 << 18];
    char path[1024];
    if (!getenv("SOURCE") || !getenv("STRIA")) return check_skip("STRIA does not name the command");
    snprintf(path, sizeof path, "%s/tests/golden/show.txt", getenv("SOURCE"));
    FILE *f = fopen(path, "r");
    if (!CHECK(f, "%s cannot be opened", path)) return check_report();
    int lines = 0;
    while (fgets(line, sizeof line, f)) {
        line_check(line);
        lines++;
    }
    fclose(f);
    unlink("show.err");
    CHECK(lines == 22, "%d lines", lines);
    return check_report();
}
