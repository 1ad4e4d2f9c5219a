#include "command.h"

#include "small.h"

#include "cli/command.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char command_out[1 << 16], command_err[1 << 14];
static int caught_out = -1, caught_err = -1, own_out, own_err;

static void folder_remove(void) {
    if (chdir("/") == 0) small_data_teardown(NULL);
}

const char *command_folder(void) {
    char source[4096];
    if (!realpath(getenv("SOURCE") ? getenv("SOURCE") : ".", source) || setenv("SOURCE", source, 1) != 0) return NULL;
    if (access("/dev/shm", W_OK) == 0) setenv("TMPDIR", "/dev/shm", 0); /* where a sync costs nothing */
    if (small_data_setup(NULL) || chdir(small_folder) != 0 || rename("data", "d") != 0) return NULL;
    atexit(folder_remove);
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("NO_COLOR", "1", 1);
    setenv("TERM", "dumb", 1);
    caught_out = open(".stdout", O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    caught_err = open(".stderr", O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    own_out = fcntl(1, F_DUPFD_CLOEXEC, 10);
    own_err = fcntl(2, F_DUPFD_CLOEXEC, 10);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool ready = caught_out >= 0 && caught_err >= 0 && own_out >= 0 && own_err >= 0 && dup2(nothing, 0) == 0;
    close(nothing);
    return ready ? small_folder : NULL;
}

static void caught_read(int fd, char *out, size_t room) {
    ssize_t got = pread(fd, out, room - 1, 0);
    out[got > 0 ? got : 0] = 0;
}

/* Words of the line, in it. */
static int words_split(char *line, char **words) {
    int count = 0;
    words[count++] = (char *)(uintptr_t) "stria";
    for (char *at = line + strspn(line, " "); *at && count < COMMAND_WORDS_MAX; at += strspn(at, " ")) {
        const char *end = *at == '\'' ? "'" : " ";
        words[count++] = at += *end == '\'';
        at += strcspn(at, end);
        if (*at) *at++ = 0;
    }
    words[count] = NULL;
    return count;
}

int command_run(const char *line) {
    char copy[2048], *words[COMMAND_WORDS_MAX + 1];
    snprintf(copy, sizeof copy, "%s", line);
    int count = words_split(copy, words);
    fflush(NULL);
    bool emptied = ftruncate(caught_out, 0) == 0 && ftruncate(caught_err, 0) == 0;
    lseek(caught_out, 0, SEEK_SET);
    lseek(caught_err, 0, SEEK_SET);
    dup2(caught_out, 1);
    dup2(caught_err, 2);
    int code = emptied ? command(count, words) : -1;
    fflush(NULL);
    dup2(own_out, 1);
    dup2(own_err, 2);
    clearerr(stdout);
    caught_read(caught_out, command_out, sizeof command_out);
    caught_read(caught_err, command_err, sizeof command_err);
    return code;
}

/* ---- what the lines are about ---- */

static bool text_put(const char *path, const char *content) {
    FILE *f = fopen(path, "we");
    return f && fputs(content, f) >= 0 && fclose(f) == 0;
}

/* Grey pictures of 8 × 8 in two classes, as text. */
static bool pictures_put(void) {
    char path[64], pixels[400];
    for (int i = 0; i < 20; i++) {
        int at = snprintf(pixels, sizeof pixels, "P2 8 8 255");
        for (int k = 0; k < 64; k++)
            at += snprintf(pixels + at, sizeof pixels - (size_t)at, " %d", i % 2 ? k * 3 + i : 255 - k * 2 - i);
        snprintf(path, sizeof path, "f/%s/%02d.pgm", i % 2 ? "dark" : "light", i);
        if (!text_put(path, pixels)) return false;
    }
    return text_put("p.pgm", pixels);
}

static bool arrays_put(void) {
    static float x[2 * 64];
    for (int i = 0; i < 128; i++) x[i] = (float)(i % 13) / 16;
    return small_npy("x.npy", "<f4", "2, 1, 8, 8", x, sizeof x) && small_npy("g.npy", "<f4", "2, 10", x, 20 * 4) &&
           small_npy("k.npy", "<f4", "3, 3", x, 9 * 4) && small_npy("y.npy", "<i8", "2,", (int64_t[]){1, 2}, 16);
}

static bool network_put(void) {
    stria_model *m = small_model(true, NULL);
    bool done = m && stria_model_save(m, "m.net", NULL) == STRIA_OK;
    stria_model_free(m);
    return done && text_put("labels.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n") &&
           text_put("open.net", "stria-net 1\nx = input(batch x 1 x height x width)\ny = relu(x)\noutput(y)\n");
}

/* A TensorProto of float32: dims, type, name, raw_data. */
static bool proto_put(const char *path, const char *name, const unsigned char *dims, int rank, const void *data,
                      size_t bytes) {
    FILE *f = fopen(path, "wbe");
    if (!f) return false;
    for (int i = 0; i < rank; i++) fprintf(f, "\x08%c", dims[i]);
    fprintf(f, "\x10\x01\x42%c%s\x4a%c%c", (int)strlen(name), name, (int)(bytes & 127) | 128, (int)(bytes >> 7));
    bool whole = fwrite(data, 1, bytes, f) == bytes;
    return fclose(f) == 0 && whole;
}

/* ONNX's way to keep a test: a model beside folders of tensors. */
static bool case_put(void) {
    enum { HEADER = 128, VALUES = 2 * 64, RESULTS = 2 * 10 };
    static const char set[] = "case/test_data_set_0/";
    float x[VALUES], y[RESULTS];
    char path[64];
    bool done = command_run("convert m.net case/model.onnx --threads 1") == 0 &&
                command_run("run case/model.onnx --input x.npy --output outputs --threads 1") == 0;
    FILE *in = fopen("x.npy", "rbe"), *out = fopen("outputs/logits.npy", "rbe");
    done = done && in && out && fseek(in, HEADER, SEEK_SET) == 0 && fseek(out, HEADER, SEEK_SET) == 0 &&
           fread(x, 4, VALUES, in) == VALUES && fread(y, 4, RESULTS, out) == RESULTS;
    if (in) fclose(in);
    if (out) fclose(out);
    snprintf(path, sizeof path, "%sinput_0.pb", set);
    done = done && proto_put(path, "image", (const unsigned char[]){2, 1, 8, 8}, 4, x, sizeof x);
    snprintf(path, sizeof path, "%soutput_0.pb", set);
    return done && proto_put(path, "logits", (const unsigned char[]){2, 10}, 2, y, sizeof y);
}

bool command_files(void) {
    static const char *const lines[] = {
        "convert m.net m.onnx --labels labels.txt --scale 1/255",
        "convert m.net w.safetensors",
        "convert m.net w.npz",
        "train m.net --data mnist:d --out r --epochs 2 --batch 10 --tensorboard",
        "train m.net --data mnist:d --out s --epochs 1 --batch 10 --val no",
        "bench m.onnx --repeat 1 --json",
    };
    static const char *const folders[] = {"f", "f/dark", "f/light", "case", "case/test_data_set_0"};
    for (int i = 0; i < 5; i++)
        if (mkdir(folders[i], 0777) != 0) return false;
    bool done = network_put() && pictures_put() && arrays_put() && case_put();
    for (size_t i = 0; done && i < sizeof lines / sizeof *lines; i++) {
        char line[256];
        snprintf(line, sizeof line, "%s --threads 1", lines[i]);
        done = command_run(line) == 0;
    }
    done = done && text_put("bench.json", command_out);
    if (!done) fprintf(stderr, "%s%s\n", command_out, command_err);
    return done;
}
