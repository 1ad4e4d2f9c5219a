#include "api/api.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

void stria_files_abandon(void) {
    file_writers_abandon();
}

stria_status stria_file_write(const char *path, const void *data, size_t bytes, stria_error *err) {
    return file_write(path, data, bytes, err);
}

#define ROWS_MAX 16
#ifdef __clang__ /* whose __VERSION__ begins with its name */
#define COMPILER ""
#else
#define COMPILER "gcc "
#endif

static stria_info_row rows[ROWS_MAX + 1];
static char contents[ROWS_MAX][sizeof((stria_error *)0)->text];
static int row_count;

static void row_add(const char *key, const char *content) {
    if (row_count == ROWS_MAX) return;
    snprintf(contents[row_count], sizeof contents[row_count], "%s", content);
    rows[row_count] = (stria_info_row){key, contents[row_count]};
    row_count++;
}

/* "model name" of /proc/cpuinfo, where there is one. */
static void processor_name(char *name, size_t bytes) {
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "re");
    snprintf(name, bytes, "unknown");
    while (f && fgets(line, sizeof line, f)) {
        char *at = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !at) continue;
        at[strcspn(at, "\n")] = 0;
        snprintf(name, bytes, "%s", at + 2);
        break;
    }
    if (f) fclose(f);
}

static void isas_list(text *t) {
    for (int i = 0; machine_isa(i); i++) text_printf(t, "%s%s", i ? ", " : "", machine_isa(i));
}

static void libraries_list(text *t) {
    text_printf(t, "protobuf-c, jansson");
#ifdef STRIA_HAVE_ZLIB
    text_printf(t, ", zlib");
#endif
#ifdef STRIA_HAVE_PNG
    text_printf(t, ", libpng");
#endif
#ifdef STRIA_HAVE_JPEG
    text_printf(t, ", libjpeg");
#endif
#ifdef STRIA_HAVE_WEBP
    text_printf(t, ", libwebp");
#endif
#ifdef STRIA_HAVE_TIFF
    text_printf(t, ", libtiff");
#endif
#ifdef STRIA_HAVE_ARCHIVE
    text_printf(t, ", libarchive");
#endif
#ifdef STRIA_HAVE_CURL
    text_printf(t, ", libcurl");
#endif
#ifdef STRIA_HAVE_HDF5
    text_printf(t, ", hdf5");
#endif
}

static void rows_fill(void) {
    char line[160];
    struct utsname system;
    const kernel_set *ks;
    text list = {0}, libraries = {0};
    stria_error err;
    row_add("version", stria_version());
    row_add("compiler", COMPILER __VERSION__);
    if (uname(&system) == 0) {
        snprintf(line, sizeof line, "%.60s %.60s %.20s", system.sysname, system.release, system.machine);
        row_add("system", line);
    }
    processor_name(line, sizeof line);
    row_add("processor", line);
    row_add("isa", machine_kernels(NULL, &ks, &err) == STRIA_OK ? kernels_name(ks) : err.text);
    isas_list(&list);
    row_add("isas", text_string(&list));
    snprintf(line, sizeof line, "%d", pool_cpus());
    row_add("threads", line);
    int quota = limits_cpus("");
    snprintf(line, sizeof line, "%d CPUs", quota);
    row_add("cgroup", quota ? line : "no CPU limit");
    libraries_list(&libraries);
    row_add("libraries", text_string(&libraries));
    text_release(&list);
    text_release(&libraries);
}

const stria_info_row *stria_info(int index) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, rows_fill);
    return index >= 0 && index < row_count ? &rows[index] : NULL;
}
