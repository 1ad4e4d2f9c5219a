/* What control groups of both versions grant: CPUs and memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/pool.h"

static char root[64];

static int root_make(void **state) {
    (void)state;
    snprintf(root, sizeof root, "/tmp/stria-cgroup-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int root_remove(void **state) {
    char command[96];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command);
}

static void put(const char *folder, const char *name, const char *content) {
    char path[512];
    snprintf(path, sizeof path, "%s%s", root, folder);
    assert_int_equal(folder_make(path, NULL), STRIA_OK);
    snprintf(path, sizeof path, "%s%s/%s", root, folder, name);
    assert_int_equal(file_write(path, content, strlen(content), NULL), STRIA_OK);
}

static void cpus(void **state) {
    (void)state;
    assert_true(pool_cpus() >= 1);
    assert_int_equal(limits_cpus(root), 0);
    put("/proc/self", "cgroup", "0::/user/job\n");
    assert_int_equal(limits_cpus(root), 0);
    put("/sys/fs/cgroup/user/job", "cpu.max", "max 100000\n");
    assert_int_equal(limits_cpus(root), 0);
    put("/sys/fs/cgroup/user", "cpu.max", "250000 100000\n"); /* 2.5 CPUs, from the group above */
    assert_int_equal(limits_cpus(root), 3);
    put("/sys/fs/cgroup", "cpu.max", "1000 100000\n");
    assert_int_equal(limits_cpus(root), 1);
    put("/proc/self", "cgroup", "5:cpuset:/\n3:cpu,cpuacct:/docker/abc\n0::/none\n");
    put("/sys/fs/cgroup", "cpu.max", "max 100000\n");
    put("/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu", "cpu.cfs_period_us", "100000\n");
    assert_int_equal(limits_cpus(root), 0);
    put("/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", "400000\n"); /* the mount's root: a container's own group */
    assert_int_equal(limits_cpus(root), 4);
    put("/proc/self", "cgroup", "garbage\n::\n0:\n");
    assert_int_equal(limits_cpus(root), 0);
}

static void memory(void **state) {
    (void)state;
    assert_true(limits_memory("") > 0);
    assert_true(limits_memory(root) == UINT64_MAX); /* nothing is told */
    put("/proc", "meminfo", "MemTotal:  9000 kB\nMemFree: 5 kB\nMemAvailable:    4000 kB\n");
    assert_true(limits_memory(root) == 4000 * 1024);
    put("/proc/self", "cgroup", "0::/user/job\n");
    put("/sys/fs/cgroup/user/job", "memory.max", "max\n");
    put("/sys/fs/cgroup/user", "memory.max", "1000000\n");
    assert_true(limits_memory(root) == 4000 * 1024); /* how much is used is not told */
    put("/sys/fs/cgroup/user", "memory.current", "700000\n");
    assert_true(limits_memory(root) == 300000);
    put("/sys/fs/cgroup/user", "memory.stat",
        "anon 600000\nfile 100000\ninactive_file 50000\nactive_file 20000\nslab_reclaimable 8000\n");
    assert_true(limits_memory(root) == 364000);
    put("/sys/fs/cgroup/user", "memory.current", "1000001\n");
    put("/sys/fs/cgroup/user", "memory.stat", "inactive_file 0\n");
    assert_true(limits_memory(root) == 1);
    put("/proc/self", "cgroup", "4:memory:/docker/abc\n");
    put("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "9223372036854771712\n");
    put("/sys/fs/cgroup/memory", "memory.usage_in_bytes", "5\n");
    assert_true(limits_memory(root) == 4000 * 1024);
    put("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "100000\n");
    put("/sys/fs/cgroup/memory", "memory.usage_in_bytes", "50000\n");
    put("/sys/fs/cgroup/memory", "memory.stat", "inactive_file 7\ntotal_inactive_file 20000\ntotal_active_file 2000\n");
    assert_true(limits_memory(root) == 71000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cpus, root_make, root_remove),
        cmocka_unit_test_setup_teardown(memory, root_make, root_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
