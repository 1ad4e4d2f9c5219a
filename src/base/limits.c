#include "base/limits.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX = 8192 };

/* Reads the beginning of root/path as text; false if there is none. */
static bool read_text(char *text, const char *root, const char *path) {
    char name[2 * PATH_MAX];
    snprintf(name, sizeof name, "%s%s", root, path);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    size_t used = 0;
    ssize_t got;
    while ((got = read(fd, text + used, TEXT_MAX - 1 - used)) > 0)
        used += (size_t)got; /* /proc may give it in pieces */
    close(fd);
    text[used] = 0;
    return got == 0 && used > 0;
}

/* The same of a file of a group. */
static bool read_group(char *text, const char *root, const char *mount, const char *group, const char *name) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s%s/%s", mount, group, name);
    return read_text(text, root, path);
}

/* What one group grants, 0 if it has no limit. */
typedef uint64_t group_limit(const char *root, const char *mount, const char *group, bool v2);

/* Version 2 says "quota period" or "max period", version 1 has two files and −1. */
static uint64_t group_cpus(const char *root, const char *mount, const char *group, bool v2) {
    char text[TEXT_MAX];
    if (!read_group(text, root, mount, group, v2 ? "cpu.max" : "cpu.cfs_quota_us")) return 0;
    char *end = text;
    long long quota = strtoll(text, &end, 10); /* "max" reads as 0 */
    if (!v2) {
        if (!read_group(text, root, mount, group, "cpu.cfs_period_us")) return 0;
        end = text;
    }
    long long period = strtoll(end, NULL, 10);
    if (quota <= 0 || period <= 0) return 0;
    long long cpus = (quota - 1) / period + 1;
    return cpus < INT_MAX ? (uint64_t)cpus : INT_MAX;
}

/* The number after a word at the beginning of a line; 0 without it. */
static uint64_t number_after(const char *text, const char *word) {
    size_t length = strlen(word);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, word, length) == 0) return strtoull(line + length, NULL, 10);
    }
    return 0;
}

/* What is left, at least 1; "max", and version 1's limits near 2^63, are none. */
static uint64_t group_memory(const char *root, const char *mount, const char *group, bool v2) {
    char text[TEXT_MAX];
    if (!read_group(text, root, mount, group, v2 ? "memory.max" : "memory.limit_in_bytes")) return 0;
    uint64_t limit = strtoull(text, NULL, 10);
    if (limit == 0 || limit >= (uint64_t)1 << 60) return 0;
    if (!read_group(text, root, mount, group, v2 ? "memory.current" : "memory.usage_in_bytes")) return 0;
    uint64_t used = strtoull(text, NULL, 10);
    /* The kernel drops pages of files before it stops a process; of those used lately half, as in MemAvailable. */
    uint64_t idle = 0;
    if (read_group(text, root, mount, group, "memory.stat"))
        idle = v2 ? number_after(text, "inactive_file ") + number_after(text, "active_file ") / 2 +
                        number_after(text, "slab_reclaimable ") / 2
                  : number_after(text, "total_inactive_file ") + number_after(text, "total_active_file ") / 2;
    used -= idle < used ? idle : used;
    return used < limit ? limit - used : 1;
}

/* The least of a group and those above it. In a container the path may be the host's: then only the mount's own root,
 * where the walk ends, has files. */
static uint64_t least_above(const char *root, const char *mount, char *group, bool v2, group_limit *limit) {
    uint64_t least = 0;
    for (;;) {
        while (*group && group[strlen(group) - 1] == '/') group[strlen(group) - 1] = 0;
        uint64_t own = limit(root, mount, group, v2);
        if (own > 0 && (least == 0 || own < least)) least = own;
        char *slash = strrchr(group, '/');
        if (!slash) return least;
        *slash = 0;
    }
}

/* Returns true if the comma-separated list holds the controller. */
static bool lists(const char *list, const char *controller) {
    for (;;) {
        size_t length = strcspn(list, ",");
        if (length == strlen(controller) && memcmp(list, controller, length) == 0) return true;
        if (!list[length]) return false;
        list += length + 1;
    }
}

/* The least of the process's groups, 0 if none has a limit. Lines of /proc/self/cgroup are "number:controllers:path",
 * with no controllers for version 2. */
static uint64_t least_limit(const char *root, const char *controller, group_limit *limit) {
    char text[TEXT_MAX], mount[64], *rest = NULL;
    uint64_t least = 0;
    if (!read_text(text, root, "/proc/self/cgroup")) return 0;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group) continue;
        *group++ = 0;
        controllers++;
        bool v2 = !*controllers;
        if (!v2 && !lists(controllers, controller)) continue;
        snprintf(mount, sizeof mount, "/sys/fs/cgroup%s%s", v2 ? "" : "/", v2 ? "" : controller);
        uint64_t own = least_above(root, mount, group, v2, limit);
        if (own > 0 && (least == 0 || own < least)) least = own;
    }
    return least;
}

int limits_cpus(const char *root) {
    return (int)least_limit(root, "cpu", group_cpus);
}

uint64_t limits_memory(const char *root) {
    char text[TEXT_MAX];
    uint64_t group = least_limit(root, "memory", group_memory), machine = 0;
    if (read_text(text, root, "/proc/meminfo")) machine = number_after(text, "MemAvailable:") * 1024;
    if (group == 0) group = UINT64_MAX;
    if (machine == 0) machine = UINT64_MAX;
    return group < machine ? group : machine;
}
