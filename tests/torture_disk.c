/* Every verb that writes, on a disk that is full: each call that creates, writes, syncs, closes or renames a file fails
 * in turn. The command names the file and exits with 1, leaves no temporary file, and a file that was there is as it
 * was or whole. */
#include <glob.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "check.h"
#include "command.h"
#include "small.h"

static long calls, fail_at;
static char failed_call[32], failed_path[600];

static bool on_call(const char *call, const char *path) {
    if (++calls != fail_at) return false;
    snprintf(failed_call, sizeof failed_call, "%s", call);
    snprintf(failed_path, sizeof failed_path, "%s", path);
    return true;
}

static bool half_written(void) {
    glob_t found = {0};
    bool any = glob("out/*.tmp", 0, NULL, &found) == 0 || glob("out/*/*.tmp", 0, NULL, &found) == 0;
    globfree(&found);
    return any;
}

typedef struct content {
    uint8_t *data;
    size_t size;
} content;

static content content_of(const char *path) {
    content c = {0};
    if (path && file_read(path, 0, &c.data, &c.size, NULL) != STRIA_OK) return (content){0};
    return c;
}

static bool same(content a, content b) {
    return a.data && b.data && a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static int run(const char *line, const char *file, long at) {
    small_folder_empty("out");
    mkdir("out", 0777);
    if (file) file_write(file, "old", 3, NULL);
    calls = 0;
    fail_at = at;
    *failed_path = 0;
    file_on_call(on_call);
    int code = command_run(line);
    file_on_call(NULL);
    return code;
}

/* file: the one that it writes, which stands there before; NULL: several, or a folder. */
static void line_check(const char *line, const char *file) {
    int code = run(line, file, 0);
    long all = calls;
    static uint8_t before[] = "old";
    content whole = content_of(file), old = {before, 3};
    CHECK(code == 0 && all > 0, "stria %s: %s", line, command_err);
    for (long n = 1; n <= all; n++) {
        code = run(line, file, n);
        const char *name = strrchr(failed_path, '/');
        bool said = strstr(command_err, "stria: ") && strstr(command_err, name ? name + 1 : failed_path) &&
                    strstr(command_err, "no space");
        CHECK(code == 1 && said, "stria %s: call %ld of %ld (%s %s) fails: exit %d, %s", line, n, all, failed_call,
              failed_path, code, command_err);
        CHECK(!half_written(), "stria %s: call %ld of %ld fails: half a file is left", line, n, all);
        content now = content_of(file);
        CHECK(!file || same(now, old) || same(now, whole),
              "stria %s: call %ld of %ld (%s) fails: the file is neither old nor new", line, n, all, failed_call);
        mem_free(now.data);
    }
    printf("%4ld calls: %s\n", all, line);
    mem_free(whole.data);
}

static const char *const lines[][2] = {
    {"summary m.net --memory-map --out out/map.svg", "out/map.svg"},
    {"graph m.onnx --out out/g.svg", "out/g.svg"},
    {"graph m.onnx --out out/g.mmd --json", "out/g.mmd"},
    {"data show folder:f --output out/sheet.png", "out/sheet.png"},
    {"filter p.pgm --kernel sobel-x --out out/y.png", "out/y.png"},
    {"filter k.npy --kernel k.npy --out out/y.npy", "out/y.npy"},
    {"filter '1 1 0 0 0 0 1 1' --learn '0 1 0 0 0 -1 0' --size 2 --iterations 5 --save-kernel out/k.npy", "out/k.npy"},
    {"run m.onnx --input x.npy --output out/y", NULL},
    {"run m.onnx --input x.npy --grad logits --output out/y --json", NULL},
    {"convert m.onnx out/n.net", "out/n.net"},
    {"convert m.onnx out/n.onnx --json", "out/n.onnx"},
    {"convert m.onnx out/n.onnx --save-test-case out/case", NULL},
    {"convert m.onnx out/w.npz", "out/w.npz"},
    {"convert m.onnx out/w.safetensors", "out/w.safetensors"},
    {"bench m.onnx --repeat 1 --html out/b.html --trace out/t.json", NULL},
    {"compare r s --out out/c.svg", "out/c.svg"},
    {"report s --out out/r.html --no-eval", "out/r.html"},
    {"show m.onnx filters --out out/s.png", "out/s.png"},
    {"show m.onnx gradcam --image p.pgm --out out/s.ppm", "out/s.ppm"},
    {"show m.onnx occlusion --image p.pgm --out out/s.npy", "out/s.npy"},
    {"show r embedding --out out/s.svg", "out/s.svg"},
    {"train m.net --data mnist:d --find-lr out/lr.svg --batch 20", "out/lr.svg"},
};

int main(int argc, char **argv) {
    if (!CHECK(command_folder() && command_files(), "no files")) return check_report();
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char line[512];
        if (argc > 1 && !strstr(lines[i][0], argv[1])) continue;
        snprintf(line, sizeof line, "%s --threads 1", lines[i][0]);
        line_check(line, lines[i][1]);
    }
    return check_report();
}
