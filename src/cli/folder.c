#include "cli/folder.h"

#include "cli/source.h"
#include "cli/term.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char runs[] = "runs";

/* "dir/lenet5.onnx" and "lenet5:hidden=3" are both "lenet5"; of a run folder its last name. */
static void model_stem(const char *model, char *stem, size_t size) {
    snprintf(stem, size, "%s", model);
    size_t length = strlen(stem);
    while (length > 1 && stem[length - 1] == '/') stem[--length] = 0;
    const char *slash = strrchr(stem, '/');
    if (slash) memmove(stem, slash + 1, strlen(slash + 1) + 1);
    stem[strcspn(stem, ":")] = 0;
    char *dot = strrchr(stem, '.');
    if (dot && dot != stem) *dot = 0;
    if (!*stem || strcmp(stem, "..") == 0) snprintf(stem, size, "model");
}

/* Names in a folder are on the disk after it, as far as the file system can do that. */
static void folder_sync(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

stria_status folder_claim(const char *model, char *path, size_t size, stria_error *error) {
    char stem[200];
    model_stem(model, stem, sizeof stem);
    stria_status status = source_make_folder(runs, error);
    for (int n = 1; n < 1000000 && status == STRIA_OK; n++) {
        snprintf(path, size, "%s/%s-%d", runs, stem, n);
        if (mkdir(path, 0777) == 0) {
            folder_sync("."); /* the name of runs/; the library syncs what is in it */
            return STRIA_OK;
        }
        if (errno != EEXIST)
            return source_refuse(error, STRIA_IO, "folder '%s' cannot be made: %s", path, strerror(errno));
    }
    if (status != STRIA_OK) return status;
    return source_refuse(error, STRIA_IO, "no free name '%s/%s-N' was found", runs, stem);
}

/* What a training leaves that ended before its first checkpoint was whole: the lock, and that checkpoint under the
 * temporary name that the library removes when it trains there. */
static bool is_left_over(const char *name) {
    static const char begun[] = "checkpoint.safetensors.";
    return strcmp(name, "lock") == 0 || (strncmp(name, begun, sizeof begun - 1) == 0 && source_ends(name, ".tmp"));
}

/* What is more than an empty folder's. */
static int of_a_run(const struct dirent *entry) {
    return entry->d_name[0] != '.' && !is_left_over(entry->d_name);
}

void folder_give_up(const char *path) {
    char file[2048];
    if (!*path || folder_has_checkpoint(path)) return;
    snprintf(file, sizeof file, "%s/lock", path);
    unlink(file);
    rmdir(path);
}

static void names_free(struct dirent **names, int count) {
    for (int i = 0; i < count; i++) free(names[i]);
    if (count >= 0) free(names);
}

bool folder_has_checkpoint(const char *path) {
    char file[2048];
    snprintf(file, sizeof file, "%s/checkpoint.safetensors", path);
    return access(file, F_OK) == 0;
}

bool folder_has_sweep(const char *path) {
    char file[2048];
    snprintf(file, sizeof file, "%s/sweep.json", path);
    return access(file, F_OK) == 0;
}

stria_status folder_prepare(const char *path, stria_error *error) {
    struct stat status;
    if (stat(path, &status) == 0) {
        struct dirent **names;
        if (!S_ISDIR(status.st_mode))
            return source_refuse(error, STRIA_IO, "'%s' is there already and is not a folder", path);
        int count = scandir(path, &names, of_a_run, NULL);
        names_free(names, count);
        if (count == 0) return STRIA_OK;
        char word[1024];
        return source_refuse(
            error, STRIA_IO,
            "folder '%s' is not empty; 'stria train --resume %s' continues its run, --out takes another folder", path,
            show_word(path, word, sizeof word));
    }
    char parent[1024];
    snprintf(parent, sizeof parent, "%s", path);
    size_t length = strlen(parent);
    while (length > 1 && parent[length - 1] == '/') parent[--length] = 0;
    char *slash = strrchr(parent, '/');
    if (!slash || slash == parent) return STRIA_OK;
    *slash = 0;
    return source_make_folder(parent, error);
}

stria_status folder_newest(char *path, size_t size, stria_error *error) {
    struct dirent **names;
    struct timespec newest = {0};
    bool found = false;
    int count = scandir(runs, &names, of_a_run, alphasort);
    for (int i = 0; i < count; i++) {
        char file[1024];
        struct stat status;
        snprintf(file, sizeof file, "%s/%s/checkpoint.safetensors", runs, names[i]->d_name);
        if (stat(file, &status) != 0) continue;
        struct timespec time = status.st_mtim;
        if (found && (time.tv_sec < newest.tv_sec || (time.tv_sec == newest.tv_sec && time.tv_nsec <= newest.tv_nsec)))
            continue;
        newest = time;
        found = true;
        snprintf(path, size, "%s/%s", runs, names[i]->d_name);
    }
    names_free(names, count);
    if (found) return STRIA_OK;
    return source_refuse(error, STRIA_NO_FILE, "no run is found in folder '%s'; --resume RUN names one", runs);
}

void folder_print(FILE *stream, const char *path) {
    struct dirent **names;
    int count = scandir(path, &names, of_a_run, alphasort), widest = 0;
    for (int i = 0; i < count; i++) {
        int columns = text_columns(names[i]->d_name);
        if (columns > widest) widest = columns;
    }
    for (int i = 0; i < count; i++) {
        char file[2048], bytes[32];
        struct stat status;
        snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        if (strcmp(names[i]->d_name, "lock") != 0 && stat(file, &status) == 0 && S_ISREG(status.st_mode))
            fprintf(stream, "  %s%*s  %9s\n", show_name(file), widest - text_columns(names[i]->d_name), "",
                    show_bytes((uint64_t)status.st_size, bytes));
    }
    names_free(names, count);
}
