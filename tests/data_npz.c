/* .npz: stored and deflated members, and a sentence for each way in which an archive of strangers is wrong. */
#include "data_support.h"

#include "data/gzip.h"
#include "data/npz.h"

enum { ROOM = 1 << 16, VALUES = 6 };

/* What a member claims; begins as the truth and is then bent. */
typedef struct member {
    const char *name;
    uint8_t bytes[2048];
    uint64_t packed, unpacked, local;
    uint32_t crc;
    int method, flags;
    bool wide; /* sizes in an extra field of 64 bits */
} member;

typedef struct zip {
    uint8_t bytes[ROOM];
    size_t size;
} zip;

static void put(zip *z, uint64_t x, int bytes) {
    for (; bytes--; x >>= 8) z->bytes[z->size++] = (uint8_t)x;
}
static void put_bytes(zip *z, const void *bytes, size_t n) {
    memcpy(z->bytes + z->size, bytes, n);
    z->size += n;
}

/* Bit by bit, as RFC 1952 says: an oracle of its own. */
static uint32_t checksum(const uint8_t *bytes, size_t n) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* A stored member of the six floats first, first + 1, … */
static member member_of(const char *name, float first) {
    member m = {.name = name, .method = 0};
    zip npy = {.size = 0};
    put_bytes(&npy, "\x93NUMPY\1\0\x3c\0", 10);
    put_bytes(&npy, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", 60);
    for (int i = 0; i < VALUES; i++) put_bytes(&npy, &(float){first + (float)i}, sizeof(float));
    memcpy(m.bytes, npy.bytes, npy.size);
    m.packed = m.unpacked = npy.size;
    m.crc = checksum(npy.bytes, npy.size);
    return m;
}

/* The same in a deflated stream of one block that is not compressed (RFC 1951, 3.2.4). */
static member deflated(member m) {
    uint64_t n = m.packed;
    memmove(m.bytes + 5, m.bytes, n);
    memcpy(m.bytes, (uint8_t[]){1, (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)~n, (uint8_t)(~n >> 8)}, 5);
    m.packed = n + 5, m.method = 8;
    return m;
}

/* Writes the member's bytes, and remembers where. */
static void local_put(zip *z, member *m, size_t held) {
    m->local = z->size;
    put(z, 0x04034b50, 4), put(z, 20, 2), put(z, (uint64_t)m->flags, 2), put(z, (uint64_t)m->method, 2), put(z, 0, 4);
    put(z, m->crc, 4), put(z, m->packed, 4), put(z, m->unpacked, 4), put(z, strlen(m->name), 2), put(z, 0, 2);
    put_bytes(z, m->name, strlen(m->name));
    put_bytes(z, m->bytes, held);
}

static void entry_put(zip *z, const member *m) {
    put(z, 0x02014b50, 4), put(z, 20, 2), put(z, 20, 2), put(z, (uint64_t)m->flags, 2), put(z, (uint64_t)m->method, 2);
    put(z, 0, 4), put(z, m->crc, 4), put(z, m->wide ? UINT32_MAX : m->packed, 4);
    put(z, m->wide ? UINT32_MAX : m->unpacked, 4), put(z, strlen(m->name), 2), put(z, m->wide ? 28 : 0, 2),
        put(z, 0, 10);
    put(z, m->wide ? UINT32_MAX : m->local, 4);
    put_bytes(z, m->name, strlen(m->name));
    if (m->wide) put(z, 1, 2), put(z, 24, 2), put(z, m->unpacked, 8), put(z, m->packed, 8), put(z, m->local, 8);
}

static void end_put(zip *z, uint64_t count, uint64_t directory) {
    put(z, 0x06054b50, 4), put(z, 0, 4), put(z, count, 2), put(z, count, 2), put(z, z->size - directory, 4);
    put(z, directory, 4), put(z, 0, 2);
}

/* A whole archive of members that hold what they claim. */
static void zip_of(zip *z, member *members, int count) {
    z->size = 0;
    for (int i = 0; i < count; i++) local_put(z, &members[i], members[i].packed);
    uint64_t directory = z->size;
    for (int i = 0; i < count; i++) entry_put(z, &members[i]);
    end_put(z, (uint64_t)count, directory);
}

static void refuse(const zip *z, stria_status status, const char *words) {
    npz_member *members = NULL;
    int count;
    stria_error err = {0};
    size_t before = mem_bytes_now();
    uint8_t *exact = malloc(z->size + 1); /* so that a sanitizer sees the first byte too many */
    assert_non_null(exact);
    memcpy(exact + 1, z->bytes, z->size);
    assert_int_equal(npz_parse(exact + 1, z->size, &members, &count, &err), status);
    assert_true(says(&err, words));
    assert_int_equal(mem_bytes_now(), before);
    free(exact);
}

static void accept(const zip *z, int wanted, const char *const *names) {
    npz_member *members;
    int count;
    assert_int_equal(npz_parse(z->bytes, z->size, &members, &count, NULL), STRIA_OK);
    assert_int_equal(count, wanted);
    for (int i = 0; i < count; i++) {
        const npy_array *a = &members[i].array;
        assert_string_equal(members[i].name, names[i]);
        assert_true(a->type == 1 && a->rank == 2 && a->shape[0] == 2 && a->shape[1] == 3);
        for (int k = 0; k < VALUES; k++) assert_true(((const float *)a->data)[k] == (float)(10 * i + k));
    }
    npz_release(members, count);
}

static void test_members(void **state) {
    zip z;
    member m[3] = {member_of("x.npy", 0), member_of("deep/y", 10), member_of(".npy", 20)};
    (void)state;
    zip_of(&z, m, 0);
    accept(&z, 0, NULL);
    for (int wide = 0; wide < 2; wide++) {
        for (int i = 0; i < 3; i++) m[i].wide = wide;
        zip_of(&z, m, 3);
        accept(&z, 3, (const char *[]){"x", "deep/y", ""});
    }
    z.bytes[z.size - 2] = 9; /* a comment after all */
    put_bytes(&z, "a comment", 9);
    accept(&z, 3, (const char *[]){"x", "deep/y", ""});
#ifdef STRIA_HAVE_ZLIB
    m[1] = deflated(m[1]);
    zip_of(&z, m, 3);
    accept(&z, 3, (const char *[]){"x", "deep/y", ""});
#endif
}

static void test_lies(void **state) {
    zip z;
    const member good = member_of("x.npy", 0);
    member m;
    (void)state;
    m = good, m.method = 12, zip_of(&z, &m, 1);
    refuse(&z, STRIA_UNSUPPORTED, "member 'x': it is compressed by method 12");
    m = good, m.flags = 1, zip_of(&z, &m, 1);
    refuse(&z, STRIA_UNSUPPORTED, "it is encrypted");
    m = good, m.unpacked += 1, zip_of(&z, &m, 1);
    refuse(&z, STRIA_BAD_FILE, "it is stored, yet 94 bytes are 95");
    m = good, m.bytes[1] = 'X', m.crc = checksum(m.bytes, m.packed), zip_of(&z, &m, 1);
    refuse(&z, STRIA_BAD_FILE, "member 'x': not a .npy file");
    m = good, z.size = 0, local_put(&z, &m, good.packed), m.local = 1, entry_put(&z, &m), end_put(&z, 1, m.packed + 35);
    refuse(&z, STRIA_BAD_FILE, "not where the directory says");
#ifdef STRIA_HAVE_ZLIB
    m = good, m.crc ^= 1, zip_of(&z, &m, 1);
    refuse(&z, STRIA_BAD_FILE, "its checksum is wrong");
    m = deflated(good), m.crc ^= 1, zip_of(&z, &m, 1);
    refuse(&z, STRIA_BAD_FILE, "its checksum is wrong");
    m = deflated(good), m.unpacked += 1, zip_of(&z, &m, 1);
    refuse(&z, STRIA_BAD_FILE, "truncated: 94 of 95");
    m = deflated(good), m.unpacked -= 1, zip_of(&z, &m, 1);
    refuse(&z, STRIA_BAD_FILE, "more decompressed bytes");
    m = deflated(good), m.bytes[3] ^= 1, zip_of(&z, &m, 1);
    refuse(&z, STRIA_BAD_FILE, "corrupt");
    m = deflated(good), m.packed += 1, zip_of(&z, &m, 1);
    refuse(&z, STRIA_BAD_FILE, "too many at its end");
    m = deflated(good), m.packed -= 30, zip_of(&z, &m, 1);
    refuse(&z, STRIA_BAD_FILE, "truncated");
#endif
}

/* Sizes and places that no archive has, in 32 and in 64 bits. */
static void test_huge(void **state) {
    static const uint64_t sizes[] = {1 << 20,   UINT32_MAX - 1, UINT32_MAX, 1ull << 40,
                                     INT64_MAX, UINT64_MAX - 8, UINT64_MAX};
    zip z;
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int field = 0; field < 4; field++)
            for (int method = 0; method < 2; method++) {
                member m = member_of("x", 0);
#ifdef STRIA_HAVE_ZLIB
                if (method) m = deflated(m);
#endif
                size_t held = m.packed;
                z.size = 0, local_put(&z, &m, held);
                uint64_t directory = z.size;
                *(field == 0 ? &m.packed : field == 1 ? &m.unpacked : &m.local) = sizes[i];
                if (field == 3) m.packed = sizes[i];
                m.wide = true, entry_put(&z, &m), end_put(&z, 1, directory);
                refuse(&z, STRIA_BAD_FILE, "");
            }
    /* The directory's own place and count, in the record of archives beyond 4 GiB. */
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int field = 0; field < 3; field++) {
            member m = member_of("x", 0);
            z.size = 0, local_put(&z, &m, m.packed);
            uint64_t directory = z.size;
            entry_put(&z, &m);
            uint64_t record = z.size;
            put(&z, 0x06064b50, 4), put(&z, 44, 8), put(&z, 0, 12), put(&z, 1, 8);
            put(&z, field == 0 ? sizes[i] : 1, 8), put(&z, 0, 8), put(&z, field == 1 ? sizes[i] : directory, 8);
            put(&z, 0x07064b50, 4), put(&z, 0, 4), put(&z, field == 2 ? sizes[i] : record, 8), put(&z, 1, 4);
            end_put(&z, UINT16_MAX, UINT32_MAX);
            refuse(&z, STRIA_BAD_FILE, "");
        }
}

/* One member that is listed a hundred times would be a hundred arrays, each as large as the file. */
static void test_overlap(void **state) {
    zip z;
    member m = member_of("x", 0);
    (void)state;
    z.size = 0, local_put(&z, &m, m.packed);
    uint64_t directory = z.size;
    for (int i = 0; i < 100; i++) entry_put(&z, &m);
    end_put(&z, 100, directory);
    refuse(&z, STRIA_BAD_FILE, "overlap");
}

/* Every prefix and every flipped bit: no crash, no leak, nothing read that is not there. */
static void test_damage(void **state) {
    zip z, broken;
    member m[2] = {member_of("x.npy", 0), member_of("y.npy", 10)};
    size_t before = mem_bytes_now();
    (void)state;
#ifdef STRIA_HAVE_ZLIB
    m[1] = deflated(m[1]);
#endif
    zip_of(&z, m, 2);
    for (broken = z, broken.size = 0; broken.size < z.size; broken.size++) refuse(&broken, STRIA_BAD_FILE, "");
    for (size_t bit = 0; bit < 8 * z.size; bit++) {
        npz_member *members;
        int count;
        broken = z, broken.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (npz_parse(broken.bytes, broken.size, &members, &count, NULL) == STRIA_OK) npz_release(members, count);
    }
    assert_int_equal(mem_bytes_now(), before);
}

#ifdef STRIA_HAVE_ZLIB
/* A megabyte that claims a terabyte is refused before a terabyte is asked for; zeros that are there are taken. */
static void test_bomb(void **state) {
    static uint8_t zeros[1 << 20];
    zip z;
    member m = {.name = "x", .method = 8, .unpacked = sizeof zeros};
    z_stream s = {0};
    (void)state;
    size_t head = 10 + 62;
    memcpy(zeros, "\x93NUMPY\1\0\x3e\0{'descr': '|u1', 'fortran_order': False, 'shape': (1048504,)}\n", head + 1);
    zeros[head] = 0;
    assert_int_equal(deflateInit2(&s, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    s.next_in = zeros, s.avail_in = sizeof zeros, s.next_out = m.bytes, s.avail_out = sizeof m.bytes;
    int code = deflate(&s, Z_FINISH);
    m.packed = s.total_out, m.crc = checksum(zeros, sizeof zeros);
    deflateEnd(&s);
    if (code != Z_STREAM_END) fail_msg("a megabyte of zeros takes more than two kilobytes");
    npz_member *members;
    int count;
    zip_of(&z, &m, 1);
    assert_int_equal(npz_parse(z.bytes, z.size, &members, &count, NULL), STRIA_OK);
    assert_int_equal(members->array.bytes, sizeof zeros - head);
    npz_release(members, count);
    m.unpacked = 1ull << 40, m.wide = true, zip_of(&z, &m, 1);
    refuse(&z, STRIA_BAD_FILE, "cannot be 1099511627776");
}
#endif

static void test_files(void **state) {
    zip z;
    member m = member_of("x.npy", 0);
    npz_member *members;
    int count;
    stria_error err;
    (void)state;
    zip_of(&z, &m, 1);
    put_file("a.npz", z.bytes, z.size);
    assert_int_equal(npz_read(in_folder("a.npz"), &members, &count, &err), STRIA_OK);
    npz_release(members, count);
    put_file("b.npz", z.bytes, z.size - 1);
    assert_int_equal(npz_read(in_folder("b.npz"), &members, &count, &err), STRIA_BAD_FILE);
    assert_true(says(&err, "b.npz: not a zip archive, or truncated"));
    assert_int_equal(npz_read(in_folder("none.npz"), &members, &count, &err), STRIA_NO_FILE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members), cmocka_unit_test(test_lies),   cmocka_unit_test(test_huge),
        cmocka_unit_test(test_overlap), cmocka_unit_test(test_damage), cmocka_unit_test(test_files),
#ifdef STRIA_HAVE_ZLIB
        cmocka_unit_test(test_bomb),
#endif
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
