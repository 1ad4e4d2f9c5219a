/* Named data sets in their own files, and how parts are drawn: flowers17, CIFAR-100, validation shares and their seeds.
 */
#include "data_support.h"

#include "data/dataset.h"

static const char *spec(const char *kind, const char *name) {
    static char words[600];
    snprintf(words, sizeof words, "%s:%s", kind, in_folder(name));
    return words;
}

static dataset *open_part(const char *s, const char *split, uint64_t seed) {
    dataset *d = NULL;
    stria_error err = {0};
    dataset_options o = {.split = split, .seed = seed};
    if (dataset_open(&d, s, &o, &err) != STRIA_OK) fail_msg("%s", err.text);
    return d;
}

static void refuse(const char *s, const dataset_options *o, stria_status status, const char *words) {
    dataset *d = NULL;
    stria_error err = {0};
    size_t before = mem_bytes_now();
    assert_int_equal(dataset_open(&d, s, o, &err), status);
    assert_true(says(&err, words));
    assert_null(d);
    assert_int_equal(mem_bytes_now(), before);
}

static void put_flower(int number, int height, int width) {
    char name[40], text[64];
    uint8_t pixels[256] = {0};
    snprintf(name, sizeof name, "flowers/jpg/image_%04d.jpg", number);
    int n = snprintf(text, sizeof text, "P5 %d %d 255\n", width, height);
    uint8_t file[320];
    memcpy(file, text, (size_t)n);
    memcpy(file + n, pixels, (size_t)(height * width));
    put_file(name, file, (size_t)(n + height * width));
}

static int number_of(const dataset *d, int64_t i) {
    return atoi(strrchr(dataset_file(d, i), '_') + 1);
}

/* Every picture is in one part; each part has its share of each class; another seed draws others. */
static void test_flowers17(void **state) {
    static const char *const parts[] = {"train", "val", "test"};
    static const int each[] = {40, 20, 20};
    uint8_t seen[1361] = {0}, trained[1361] = {0};
    (void)state;
    put_folder("flowers");
    put_folder("flowers/jpg");
    for (int i = 1; i <= 1360; i++) put_flower(i, 2, 3);
    for (int part = 0; part < 3; part++) {
        int per_class[17] = {0};
        dataset *d = open_part(spec("flowers17", "flowers"), parts[part], 0);
        assert_int_equal(dataset_count(d), 17 * each[part]);
        assert_int_equal(dataset_classes(d), 17);
        assert_string_equal(dataset_class_name(d, 10), "daisy");
        for (int64_t i = 0; i < dataset_count(d); i++) {
            int number = number_of(d, i);
            assert_int_equal(dataset_label(d, i), (number - 1) / 80);
            per_class[(number - 1) / 80]++;
            seen[number]++;
            trained[number] = part == 0;
        }
        for (int class = 0; class < 17; class ++) assert_int_equal(per_class[class], each[part]);
        dataset_free(d);
    }
    for (int i = 1; i <= 1360; i++) assert_int_equal(seen[i], 1);
    int common = 0;
    dataset *d = open_part(spec("flowers17", "flowers/jpg"), "train", 7);
    for (int64_t i = 0; i < dataset_count(d); i++) common += trained[number_of(d, i)];
    assert_in_range(common, 250, 430); /* half of 680, give or take */
    dataset_free(d);
    d = open_part(spec("flowers17", "flowers"), "all", 0);
    assert_int_equal(dataset_count(d), 1360);
    dataset_free(d);
    assert_int_equal(remove(in_folder("flowers/jpg/image_0777.jpg")), 0);
    refuse(spec("flowers17", "flowers"), &(dataset_options){.split = "all"}, STRIA_NO_FILE,
           "image_0777.jpg is not there");
    refuse(spec("flowers17", "nosuch"), NULL, STRIA_NO_FILE, "there is no folder");
}

static void test_cifar100(void **state) {
    uint8_t records[2 * 3074];
    (void)state;
    put_folder("c100");
    put_folder("c100/cifar-100-binary");
    for (size_t i = 0; i < sizeof records; i++) records[i] = (uint8_t)(i % 7);
    records[0] = 19, records[1] = 99;
    records[3074] = 200, records[3075] = 0; /* superclasses are not looked at */
    put_file("c100/cifar-100-binary/test.bin", records, sizeof records);
    dataset *d = open_part(spec("cifar100", "c100"), "test", 0);
    assert_int_equal(dataset_count(d), 2);
    assert_int_equal(dataset_classes(d), 100);
    assert_int_equal(dataset_label(d, 0), 99);
    assert_string_equal(dataset_class_name(d, 99), "worm");
    assert_string_equal(dataset_class_name(d, 0), "apple");
    assert_string_equal(dataset_class_name(d, 50), "mouse");
    assert_memory_equal(dataset_pixels(d, 1), records + 3076, 3072);
    dataset_free(d);
    refuse(spec("cifar100", "c100"), &(dataset_options){.split = "train"}, STRIA_NO_FILE, "has no train.bin: unpack");
    records[3075] = 100;
    put_file("c100/cifar-100-binary/test.bin", records, sizeof records);
    refuse(spec("cifar100", "c100"), NULL, STRIA_BAD_FILE, "record 1 has label 100, but there are 100 classes");
}

static void count_classes(const dataset *d, int counts[2]) {
    counts[0] = counts[1] = 0;
    for (int64_t i = 0; i < dataset_count(d); i++) counts[dataset_label(d, i)]++;
}

/* A share of each class; the rest trains; the same seed chooses the same. */
static void test_validation_share(void **state) {
    int counts[2];
    char first[16][600];
    (void)state;
    put_folder("v");
    put_folder("v/a");
    put_folder("v/b");
    for (int i = 0; i < 60; i++) {
        char name[32];
        snprintf(name, sizeof name, "v/%c/%02d.pgm", i < 40 ? 'a' : 'b', i);
        put_file(name, "P5 1 1 255\n.", 12);
    }
    for (int round = 0; round < 3; round++) {
        dataset *train = NULL, *val = NULL;
        dataset_options o = {.val = 0.25, .seed = round == 2};
        int same = 0;
        assert_int_equal(dataset_open_pair(&train, &val, spec("folder", "v"), &o, NULL), STRIA_OK);
        assert_int_equal(dataset_count(train), 45);
        count_classes(val, counts);
        assert_int_equal(counts[0], 10);
        assert_int_equal(counts[1], 5);
        for (int64_t i = 0; i < 15; i++) {
            if (round == 0) snprintf(first[i], sizeof first[i], "%s", dataset_file(val, i));
            same += strcmp(first[i], dataset_file(val, i)) == 0;
        }
        if (round < 2) assert_int_equal(same, 15);
        else assert_true(same < 15);
        dataset_free(train);
        dataset_free(val);
    }
    dataset *d = open_part(spec("folder", "v"), "val", 0); /* a fifth by default */
    count_classes(d, counts);
    assert_int_equal(counts[0], 8);
    assert_int_equal(counts[1], 4);
    dataset_free(d);
    refuse(spec("folder", "v"), &(dataset_options){.split = "val", .val = 1}, STRIA_BAD_ARGUMENT,
           "1 is not a share of the pictures");
    refuse(spec("folder", "v"), &(dataset_options){.split = "val", .val = 0.01}, STRIA_BAD_FILE,
           "60 pictures are too few to hold out 1 % of them");
}

/* Sizes by the headers: one for all, or none. */
static void test_common_size(void **state) {
    int height, width;
    uint8_t bmp[26] = "BM";
    (void)state;
    put_folder("s");
    put_folder("s/a");
    bmp[18] = 5, bmp[22] = 7;
    put_file("s/a/1.bmp", bmp, sizeof bmp);
    put_file("s/a/2.bmp", bmp, sizeof bmp);
    memset(bmp + 22, 0xff, 4), bmp[22] = 0xf9; /* −7: rows from the top */
    put_file("s/a/3.bmp", bmp, sizeof bmp);
    dataset *d = open_part(spec("folder", "s"), "train", 0);
    dataset_common(d, &height, &width);
    assert_int_equal(height, 7);
    assert_int_equal(width, 5);
    assert_int_equal(dataset_height(d), 0);
    dataset_free(d);
    bmp[18] = 6;
    put_file("s/a/4.bmp", bmp, sizeof bmp);
    d = open_part(spec("folder", "s"), "train", 0);
    dataset_common(d, &height, &width);
    assert_int_equal(height, 0);
    dataset_free(d);
}

static void test_csv(void **state) {
    dataset *d = NULL;
    stria_error err = {0};
    static const char good[] =
        "\xef\xbb\xbfpath,label\r\na/1.pgm,\"red, dark\"\r\n\r\n\"a/2 \"\"x\"\".pgm\",blue\r\na/3.pgm,blue,extra";
    (void)state;
    put_folder("l");
    put_folder("l/a");
    put_folder("l/b");
    put_file("l/a/1.pgm", "P5 1 1 255\n1", 12);
    put_file("l/a/2 \"x\".pgm", "P5 1 1 255\n2", 12);
    put_file("l/a/3.pgm", "P5 1 1 255\n3", 12);
    put_file("l/b/4.pgm", "P5 1 1 255\n4", 12);
    put_file("l/good.csv", good, sizeof good - 1);
    if (dataset_open(&d, spec("csv", "l/good.csv"), &(dataset_options){.split = "train"}, &err) != STRIA_OK)
        fail_msg("%s", err.text);
    assert_int_equal(dataset_count(d), 3);
    assert_int_equal(dataset_classes(d), 2);
    assert_string_equal(dataset_class_name(d, 1), "red, dark");
    assert_int_equal(dataset_label(d, 0), 1);
    assert_int_equal(dataset_label(d, 1), 0);
    dataset_item item;
    assert_int_equal(dataset_read(d, 1, 0, &item, &err), STRIA_OK);
    assert_int_equal(item.view.bytes[0], '2');
    dataset_item_release(&item);
    dataset_free(d);
    static const struct {
        const char *text, *words;
        stria_status status;
    } bad[] = {{"a/1.pgm", "line 1 is not path,label", STRIA_BAD_FILE},
               {"a/1.pgm,x\n\"a/1.pgm,x", "line 2 is not path,label", STRIA_BAD_FILE},
               {"a/1.pgm,x\na/9.pgm,y", "a/9.pgm', which is not there", STRIA_NO_FILE},
               {"path,label\n", "names no pictures", STRIA_BAD_FILE},
               {"a/1.pgm,70000", "70001 classes", STRIA_BAD_FILE}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put_file("l/bad.csv", bad[i].text, strlen(bad[i].text));
        refuse(spec("csv", "l/bad.csv"), NULL, bad[i].status, bad[i].words);
    }
    put_file("l/bad.csv", "a\0b", 3);
    refuse(spec("csv", "l/bad.csv"), NULL, STRIA_BAD_FILE, "is not a text");
    refuse(spec("csv", "l"), NULL, STRIA_BAD_ARGUMENT, "is a folder");
}

/* A column for each class: the heading's names, the greatest as label, rounded sums made 1. */
static void test_csv_shares(void **state) {
    static const char good[] = "id,red,\"blue, dark\"\n\na/1.pgm,0.25,0.75\na/3.pgm,0.9996,0\n";
    static const struct {
        const char *text, *words;
        stria_status status;
    } bad[] = {
        {"id,p,q\na/1.pgm,1\n", "line 2 has fewer shares than the heading's 2 classes", STRIA_BAD_FILE},
        {"id,p,q\na/1.pgm,1,0,0\n", "line 2 has more shares than the heading's 2 classes", STRIA_BAD_FILE},
        {"id,p,q\n\na/1.pgm,cat,0\n", "line 3: 'cat' is not a number", STRIA_BAD_FILE},
        {"id,p,q\na/1.pgm,,1\n", "line 2 is not path,share,share", STRIA_BAD_FILE},
        {"id,p,q\na/1.pgm,1,\n", "line 2: '' is not a number", STRIA_BAD_FILE},
        {"id,p,q\na/1.pgm,0.5,0.25\n", "line 2: the shares of its 2 classes sum to 0.75, not to 1", STRIA_BAD_VALUE},
        {"id,p,q\na/1.pgm,1,0\na/3.pgm,-0.5,1.5\n", "line 3: the share of class 0 is -0.5, below 0", STRIA_BAD_VALUE},
        {"id,p,q\na/1.pgm,1,nan\n", "line 2: 'nan' is not a number", STRIA_BAD_FILE},
        {"id,p,q,p\na/1.pgm,1,0,0\n", "its heading names the class 'p' twice", STRIA_BAD_FILE},
        {"id,p,\na/1.pgm,1,0\n", "column 3 has no name", STRIA_BAD_FILE},
        {"id,p,\"q\na/1.pgm,1,0\n", "column 3 has no name", STRIA_BAD_FILE},
        {"id,p,q\n", "names no pictures", STRIA_BAD_FILE},
    };
    dataset *d = NULL;
    stria_error err = {0};
    (void)state;
    put_file("l/good.csv", good, sizeof good - 1);
    if (dataset_open(&d, spec("csv", "l/good.csv"), NULL, &err) != STRIA_OK) fail_msg("%s", err.text);
    assert_int_equal(dataset_classes(d), 2);
    assert_string_equal(dataset_class_name(d, 1), "blue, dark");
    assert_int_equal(dataset_label(d, 0), 1);
    assert_int_equal(dataset_label(d, 1), 0);
    assert_true(dataset_shares(d, 0)[0] == 0.25F && dataset_shares(d, 0)[1] == 0.75F);
    assert_true(dataset_shares(d, 1)[0] == 1 && dataset_shares(d, 1)[1] == 0);
    dataset_free(d);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put_file("l/bad.csv", bad[i].text, strlen(bad[i].text));
        refuse(spec("csv", "l/bad.csv"), NULL, bad[i].status, bad[i].words);
    }
    put_file("l/label.csv", "id,label,width\na/1.pgm,7,1\n", 27); /* as ever: the second column, others ignored */
    assert_int_equal(dataset_open(&d, spec("csv", "l/label.csv"), NULL, NULL), STRIA_OK);
    assert_int_equal(dataset_label(d, 0), 7);
    assert_null(dataset_shares(d, 0));
    dataset_free(d);
}

static void test_list(void **state) {
    dataset *d = NULL;
    (void)state;
    put_file("l/caffe.txt", "a/1.pgm 2\na/2 \"x\".pgm\t 0\nb/4.pgm 10\n", 36);
    assert_int_equal(dataset_open(&d, spec("list", "l/caffe.txt"), NULL, NULL), STRIA_OK);
    assert_int_equal(dataset_classes(d), 11);
    assert_int_equal(dataset_label(d, 2), 10);
    assert_string_equal(dataset_class_name(d, 10), "10");
    dataset_free(d);
    put_file("l/plain.txt", "a/1.pgm\nb/4.pgm\na/3.pgm", 23);
    assert_int_equal(dataset_open(&d, spec("list", "l/plain.txt"), NULL, NULL), STRIA_OK);
    assert_int_equal(dataset_classes(d), 2);
    assert_string_equal(dataset_class_name(d, 0), "a");
    assert_int_equal(dataset_label(d, 1), 1);
    dataset_free(d);
    put_file("l/bare.txt", "1.pgm", 5);
    put_file("l/1.pgm", "P5 1 1 255\n1", 12);
    refuse(spec("list", "l/bare.txt"), NULL, STRIA_BAD_FILE, "'1.pgm' has neither a label nor a folder");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flowers17),   cmocka_unit_test(test_cifar100), cmocka_unit_test(test_validation_share),
        cmocka_unit_test(test_common_size), cmocka_unit_test(test_csv),      cmocka_unit_test(test_list),
        cmocka_unit_test(test_csv_shares),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
