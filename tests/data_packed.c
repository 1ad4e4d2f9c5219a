/* Archives read in place: tar and zip, plain and compressed; what leads out of them, links, damage and bombs. */
#include "data_support.h"

#include "data/dataset.h"
#include "data/packed.h"

#ifdef STRIA_HAVE_ARCHIVE
#include <archive.h>
#include <archive_entry.h>

typedef struct member {
    const char *name, *data, *link; /* link: a symbolic one */
} member;

static void put_archive(const char *name, const char *format, int filter, const member *members, int count) {
    struct archive *a = archive_write_new();
    struct archive_entry *e = archive_entry_new();
    if (filter) assert_int_equal(archive_write_add_filter(a, filter), ARCHIVE_OK);
    assert_int_equal(archive_write_set_format_by_name(a, format), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(a, in_folder(name)), ARCHIVE_OK);
    for (int i = 0; i < count; i++) {
        size_t size = members[i].data ? strlen(members[i].data) : 0;
        archive_entry_clear(e);
        archive_entry_set_pathname(e, members[i].name);
        archive_entry_set_filetype(e, members[i].link ? AE_IFLNK : AE_IFREG);
        if (members[i].link) archive_entry_set_symlink(e, members[i].link);
        archive_entry_set_size(e, (la_int64_t)size);
        archive_entry_set_perm(e, 0644);
        assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
        if (size) assert_int_equal(archive_write_data(a, members[i].data, size), size);
    }
    archive_entry_free(e);
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
}

/* Grey pictures of one pixel, of two classes, below one folder; a text that is no picture. */
static const member pets[] = {{"pets/dog/2.pgm", "P5 1 1 255\n2", NULL},
                              {"pets/cat/1.pgm", "P5 1 1 255\n1", NULL},
                              {"./pets/cat/3.pgm", "P5 1 1 255\n3", NULL},
                              {"pets/dog/notes.txt", "woof", NULL}};

static const char *spec(const char *kind, const char *name) {
    static char words[600];
    snprintf(words, sizeof words, "%s:%s", kind, in_folder(name));
    return words;
}

static void test_formats(void **state) {
    static const struct {
        const char *name, *format;
        int filter;
    } rows[] = {{"pets.tar", "ustar", 0},
                {"pets.tgz", "pax", ARCHIVE_FILTER_GZIP},
                {"pets.tar.xz", "gnutar", ARCHIVE_FILTER_XZ},
                {"pets.tar.bz2", "ustar", ARCHIVE_FILTER_BZIP2},
                {"pets.tar.zst", "ustar", ARCHIVE_FILTER_ZSTD},
                {"pets.zip", "zip", 0}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        put_archive(rows[i].name, rows[i].format, rows[i].filter, pets, 4);
        assert_true(packed_is(in_folder(rows[i].name)));
        dataset *d = NULL;
        dataset_item item;
        stria_error err = {0};
        if (dataset_open(&d, spec("folder", rows[i].name), &(dataset_options){.split = "train"}, &err) != STRIA_OK)
            fail_msg("%s", err.text);
        assert_int_equal(dataset_count(d), 3);
        assert_int_equal(dataset_classes(d), 2);
        assert_string_equal(dataset_class_name(d, 0), "cat");
        assert_int_equal(dataset_channels(d), 1);
        assert_true(strstr(dataset_note(d), "1 file is left out") && strstr(dataset_note(d), "pets/dog/notes.txt"));
        assert_true(strstr(dataset_file(d, 1), "pets/cat/3.pgm") != NULL);
        assert_int_equal(dataset_read(d, 1, 0, &item, &err), STRIA_OK);
        assert_int_equal(item.view.bytes[0], '3');
        dataset_item_release(&item);
        dataset_free(d);
    }
}

static void test_one_file(void **state) {
    packed_files *p = NULL;
    stria_error err = {0};
    size_t size;
    static const member one[] = {{"data", "hello", NULL}};
    (void)state;
    put_archive("words.txt.gz", "raw", ARCHIVE_FILTER_GZIP, one, 1);
    assert_int_equal(packed_read(&p, in_folder("words.txt.gz"), NULL, NULL, &err), STRIA_OK);
    assert_int_equal(packed_count(p), 1);
    assert_string_equal(packed_name(p, 0), "words.txt");
    assert_memory_equal(packed_bytes(p, 0, &size), "hello", 5);
    assert_int_equal(size, 5);
    packed_free(p);
    put_file("text", "hello", 5);
    assert_false(packed_is(in_folder("text")));
    assert_false(packed_is(in_folder("absent")));
    assert_false(packed_is(data_folder));
}

/* Nothing outside is ever named; of two files of one name the last counts, as if it were unpacked. */
static void test_hostile_names(void **state) {
    static const member hostile[] = {{"../up/a.pgm", "P5 1 1 255\n1", NULL},
                                     {"/etc/a.pgm", "P5 1 1 255\n1", NULL},
                                     {"x/../../b.pgm", "P5 1 1 255\n1", NULL},
                                     {"x/link.pgm", NULL, "/etc/passwd"},
                                     {"x/twice.pgm", "first", NULL},
                                     {"x/twice.pgm", "second", NULL},
                                     {"x/..pgm", "fine", NULL}};
    packed_files *p = NULL;
    stria_error err = {0};
    const char *first;
    size_t size;
    (void)state;
    put_archive("hostile.tar", "ustar", 0, hostile, 7);
    assert_int_equal(packed_read(&p, in_folder("hostile.tar"), NULL, NULL, &err), STRIA_OK);
    assert_int_equal(packed_count(p), 2);
    assert_string_equal(packed_name(p, 0), "x/..pgm");
    assert_int_equal(packed_find(p, "x/twice.pgm"), 1);
    assert_memory_equal(packed_bytes(p, 1, &size), "second", 6);
    assert_int_equal(packed_passed_over(p, &first), 4);
    assert_string_equal(first, "../up/a.pgm");
    assert_int_equal(packed_find(p, "x/link.pgm"), -1);
    packed_free(p);
}

static void refuse(const char *name, stria_status status, const char *words) {
    packed_files *p = NULL;
    stria_error err = {0};
    size_t before = mem_bytes_now();
    assert_int_equal(packed_read(&p, in_folder(name), NULL, NULL, &err), status);
    assert_true(says(&err, words));
    assert_null(p);
    assert_int_equal(mem_bytes_now(), before);
}

/* Every prefix of an archive is refused or is an archive; none does harm. */
static void test_damage(void **state) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    (void)state;
    put_archive("whole.tgz", "ustar", ARCHIVE_FILTER_GZIP, pets, 4);
    assert_int_equal(file_read(in_folder("whole.tgz"), 0, &bytes, &size, NULL), STRIA_OK);
    for (size_t n = 3; n < size; n += 7) {
        packed_files *p = NULL;
        stria_error err = {0};
        put_file("part.tgz", bytes, n);
        if (packed_read(&p, in_folder("part.tgz"), NULL, NULL, &err) == STRIA_OK) packed_free(p);
        else assert_true(says(&err, "part.tgz: "));
    }
    put_file("part.tgz", bytes, size / 2);
    refuse("part.tgz", STRIA_BAD_FILE, "part.tgz: ");
    mem_free(bytes);
    refuse("absent.zip", STRIA_BAD_FILE, "absent.zip");
}

/* 200 MiB of zeros in a file of some kilobytes. */
static void test_bomb(void **state) {
    struct archive *a = archive_write_new();
    struct archive_entry *e = archive_entry_new();
    static char zeros[1 << 20];
    (void)state;
    assert_int_equal(archive_write_add_filter_bzip2(a), ARCHIVE_OK);
    assert_int_equal(archive_write_set_format_ustar(a), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(a, in_folder("bomb.tar.bz2")), ARCHIVE_OK);
    archive_entry_set_pathname(e, "a/bomb.pgm");
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_size(e, 200 << 20);
    assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
    for (int i = 0; i < 200; i++) assert_int_equal(archive_write_data(a, zeros, sizeof zeros), sizeof zeros);
    archive_entry_free(e);
    archive_write_close(a);
    archive_write_free(a);
    refuse("bomb.tar.bz2", STRIA_UNSUPPORTED, "too much to read in place: unpack it");
}

static void test_named_sets(void **state) {
    static char record[3073 * 2 + 1];
    (void)state;
    memset(record, 1, sizeof record - 1);
    const member cifar[] = {{"cifar-10-batches-bin/test_batch.bin", record, NULL}};
    put_archive("cifar.tar.gz", "ustar", ARCHIVE_FILTER_GZIP, cifar, 1);
    dataset *d = NULL;
    stria_error err = {0};
    if (dataset_open(&d, spec("cifar10", "cifar.tar.gz"), NULL, &err) != STRIA_OK) fail_msg("%s", err.text);
    assert_int_equal(dataset_count(d), 2);
    assert_int_equal(dataset_label(d, 1), 1);
    dataset_free(d);
    d = NULL;
    assert_int_equal(dataset_open(&d, spec("mnist", "cifar.tar.gz"), NULL, &err), STRIA_NO_FILE);
    assert_true(says(&err, "has no t10k-images-idx3-ubyte.gz"));
}

#else
static void test_refused(void **state) {
    packed_files *p = NULL;
    stria_error err = {0};
    (void)state;
    assert_int_equal(packed_read(&p, in_folder("x.tar"), NULL, NULL, &err), STRIA_UNSUPPORTED);
    assert_true(says(&err, "no libarchive"));
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
#ifdef STRIA_HAVE_ARCHIVE
        cmocka_unit_test(test_formats), cmocka_unit_test(test_one_file), cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_damage),  cmocka_unit_test(test_bomb),     cmocka_unit_test(test_named_sets),
#else
        cmocka_unit_test(test_refused),
#endif
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
