/* Files of PyTorch before version 1.6, byte by byte: what each instruction of a pickle makes, what is no tensor, no
 * storage and no list, and by which sentence it is refused. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "check.h"
#include "graph/tensor.h"
#include "model/weights/pickle.h"
#include "model/weights/weights.h"

typedef struct bytes {
    const char *at;
    size_t count;
} bytes;

#define B(text)                                                                                                        \
    { text, sizeof(text) - 1 } /* zeros inside count */

/* ---- values ---- */

static const struct {
    bytes pickle;
    pickle_kind kind;
    double number; /* or the count of items */
    const char *text;
} values[] = {
    {B("N."), PICKLE_NONE, 0, ""},
    {B("\x88."), PICKLE_BOOL, 1, ""},
    {B("\x89."), PICKLE_BOOL, 0, ""},
    {B("I01\n."), PICKLE_BOOL, 1, ""},
    {B("I00\n."), PICKLE_BOOL, 0, ""},
    {B("I02\n."), PICKLE_INT, 2, ""},
    {B("I1\n."), PICKLE_INT, 1, ""},
    {B("L01L\n."), PICKLE_INT, 1, ""},
    {B("L-77L\n."), PICKLE_INT, -77, ""},
    {B("L12\n."), PICKLE_INT, 12, ""},
    {B("L\n."), PICKLE_BIG, 0, ""},
    {B("I99999999999999999999\n."), PICKLE_BIG, 0, ""},
    {B("I0000000000000000000000000000000000007\n."), PICKLE_BIG, 0, ""},
    {B("J\xfe\xff\xff\xff."), PICKLE_INT, -2, ""},
    {B("K\xff."), PICKLE_INT, 255, ""},
    {B("M\x01\x80."), PICKLE_INT, 32769, ""},
    {B("\x8a\0."), PICKLE_INT, 0, ""},
    {B("\x8a\1\xff."), PICKLE_INT, -1, ""},
    {B("\x8a\2\xff\0."), PICKLE_INT, 255, ""},
    {B("\x8a\x08\0\0\0\0\0\0\0\x80."), PICKLE_INT, -0x1p63, ""},
    {B("\x8b\1\0\0\0\7."), PICKLE_INT, 7, ""},
    {B("\x8a\x09\1\2\3\4\5\6\7\10\11."), PICKLE_BIG, 0, ""},
    {B("G\x40\x04\0\0\0\0\0\0."), PICKLE_REAL, 2.5, ""},
    {B("F-1.5e2\n."), PICKLE_REAL, -150, ""},
    {B("Fone\n."), PICKLE_REAL, 0, ""},
    {B("S'ab'\n."), PICKLE_TEXT, 2, "ab"},
    {B("S\n."), PICKLE_TEXT, 0, ""},
    {B("Vab\n."), PICKLE_TEXT, 2, "ab"},
    {B("U\2ab."), PICKLE_TEXT, 2, "ab"},
    {B("X\2\0\0\0ab."), PICKLE_TEXT, 2, "ab"},
    {B("\x8d\2\0\0\0\0\0\0\0ab."), PICKLE_TEXT, 2, "ab"},
    {B("C\2ab."), PICKLE_TEXT, 2, "ab"},
    {B("\x80\2\x95\0\0\0\0\0\0\0\0N."), PICKLE_NONE, 0, ""},
    {B("cos\nsystem\n."), PICKLE_GLOBAL, 9, "os.system"},
    {B("Vos\nVsystem\n\x93."), PICKLE_GLOBAL, 9, "os.system"},
    {B(")."), PICKLE_TUPLE, 0, ""},
    {B("N\x85."), PICKLE_TUPLE, 1, ""},
    {B("NN\x86."), PICKLE_TUPLE, 2, ""},
    {B("NNN\x87."), PICKLE_TUPLE, 3, ""},
    {B("(NNNNt."), PICKLE_TUPLE, 4, ""},
    {B("]."), PICKLE_LIST, 0, ""},
    {B("](e."), PICKLE_LIST, 0, ""},
    {B("]Na(NNe."), PICKLE_LIST, 3, ""},
    {B("(NNl."), PICKLE_LIST, 2, ""},
    {B("}NNs(NNNNu."), PICKLE_DICT, 6, ""},
    {B("(NNd."), PICKLE_DICT, 2, ""},
    {B("ccollections\nOrderedDict\n)R."), PICKLE_DICT, 0, ""},
    {B("ccollections\nOrderedDict\n)R}b."), PICKLE_DICT, 0, ""},
    {B("cknown\ncall\nN\x85R."), PICKLE_CALL, 2, ""},
    {B("cknown\ncall\n)\x81Nb."), PICKLE_CALL, 2, ""},
    {B("NQ."), PICKLE_PERSISTENT, 1, ""},
    {B("NN0."), PICKLE_NONE, 0, ""},
    {B("N(NN1."), PICKLE_NONE, 0, ""},
    {B("I7\n2\x86."), PICKLE_TUPLE, 2, ""},
    {B("I7\np3\n0g3\n."), PICKLE_INT, 7, ""},
    {B("I7\nq\1"
       "0h\1."),
     PICKLE_INT, 7, ""},
    {B("I7\nr\1\0\0\0"
       "0j\1\0\0\0."),
     PICKLE_INT, 7, ""},
    {B("I7\n\x94"
       "0h\0."),
     PICKLE_INT, 7, ""},
};

static stria_status read_bytes(pickle *p, bytes b, uint64_t room, size_t *used, stria_error *err) {
    static const char *const harmless[] = {"known.call", NULL};
    return pickle_read(p, (const uint8_t *)b.at, b.count, harmless, &room, used, err);
}

static bool value_is(const pickle_value *v, size_t row) {
    if (v->kind != values[row].kind) return false;
    switch (v->kind) {
    case PICKLE_BOOL:
    case PICKLE_INT:
        return (double)v->integer == values[row].number;
    case PICKLE_REAL:
        return v->real == values[row].number;
    case PICKLE_TEXT:
    case PICKLE_GLOBAL:
        return pickle_is(v, v->kind, values[row].text) && v->count == (int)values[row].number;
    default:
        return v->count == (int)values[row].number;
    }
}

/* Cut at any byte, it is refused; with little memory, too, or it is the same. */
static void values_check(void) {
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        bytes b = values[i].pickle;
        stria_error err = {0};
        pickle p = {0};
        size_t used = 0;
        if (CHECK(read_bytes(&p, b, 1 << 16, &used, &err) == STRIA_OK, "row %zu: %s", i, err.text))
            CHECK(used == b.count && value_is(p.root, i), "row %zu: kind %d, %d", i, (int)p.root->kind, p.root->count);
        pickle_release(&p);
        for (size_t n = 0; n < b.count; n++) {
            stria_status status = read_bytes(&p, (bytes){b.at, n}, 1 << 16, NULL, &err);
            CHECK(status == STRIA_BAD_FILE && strstr(err.text, "is truncated at byte"), "row %zu, %zu bytes: '%s'", i,
                  n, err.text);
            pickle_release(&p);
        }
        for (uint64_t room = 0; room < 400; room += 8) {
            stria_status status = read_bytes(&p, b, room, NULL, &err);
            CHECK(status == STRIA_OK ? value_is(p.root, i) : strstr(err.text, "far more memory") != NULL,
                  "row %zu, room for %d bytes: '%s'", i, (int)room, err.text);
            pickle_release(&p);
        }
    }
}

/* ---- pickles that are refused ---- */

static const struct {
    bytes pickle;
    const char *sentence;
} refused[] = {
    {B("."), "takes a value that is not there, at byte 1"},
    {B("0."), "takes a value that is not there, at byte 1"},
    {B("(0."), "takes a value that is not there, at byte 2"},
    {B("2."), "takes a value that is not there, at byte 1"},
    {B("b."), "takes a value that is not there, at byte 1"},
    {B("Nb."), "takes a value that is not there, at byte 2"},
    {B("R."), "takes a value that is not there, at byte 1"},
    {B(")R."), "takes a value that is not there, at byte 2"},
    {B("\x93."), "takes a value that is not there, at byte 1"},
    {B("N\x93."), "takes a value that is not there, at byte 2"},
    {B("p0\n."), "takes a value that is not there, at byte 3"},
    {B("N\x86."), "takes a value that is not there, at byte 2"},
    {B("Q."), "takes a value that is not there, at byte 1"},
    {B("(\x85."), "takes a mark for a value at byte 2"},
    {B("((\x86."), "takes a mark for a value at byte 3"},
    {B("](a."), "takes a mark for a value at byte 3"},
    {B("}N(s."), "takes a mark for a value at byte 4"},
    {B("1."), "has no mark at byte 1"},
    {B("Nt."), "has no mark at byte 2"},
    {B("Ne."), "has no mark at byte 2"},
    {B("(Nd."), "a dictionary of the pickle misses a value"},
    {B("a."), "adds to no list at byte 1"},
    {B("Na."), "adds to no list at byte 2"},
    {B("NNa."), "adds to no list at byte 3"},
    {B("}Na."), "adds to no list at byte 3"},
    {B("(Ne."), "adds to no list at byte 3"},
    {B("N(Ne."), "adds to no list at byte 4"},
    {B("NNs."), "adds to no dictionary at byte 3"},
    {B("]NNs."), "adds to no dictionary at byte 4"},
    {B("}(Nu."), "adds to no dictionary at byte 4"},
    {B("NN\x93."), "names something without a name at byte 3"},
    {B("Vos\nN\x93."), "names something without a name at byte 6"},
    {B("NVos\n\x93."), "names something without a name at byte 6"},
    {B("N)R."), "object at byte 3 is called but is not a function"},
    {B("cos\nsystem\nNR."), "object at byte 13 is called but is not a function"},
    {B("cos\nsystem\n)R."), "the file wants to call 'os.system', and nothing in a file is executed"},
    {B("ccollections\nOrderedDict\nN\x85R."), "the file wants to call 'collections.OrderedDict'"},
    {B("NNb."), "the state at byte 3 is set on a value that is not an object"},
    {B("Np\n."), "has no number at byte 3"},
    {B("Np-1\n."), "has no number at byte 5"},
    {B("Np000000000000000000000000000000000001\n."), "has no number at byte 39"},
    {B("Np1000\n."), "notes value 1000"},
    {B("Nr\xff\xff\xff\xff."), "notes value 4294967295"},
    {B("g0\n."), "asks for value 0, which was not noted"},
    {B("Np5\ng4\n."), "asks for value 4, which was not noted"},
    {B("\xff."), "has instruction 0xff at byte 0, which is not read"},
    {B("\x8d\0\0\0\x80\0\0\0\0."), "is truncated at byte 9"},
    {B("\x8b\xff\xff\xff\x7f."), "is truncated at byte 5"},
};

static void refused_check(void) {
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        stria_error err = {0};
        pickle p = {0};
        stria_status status = read_bytes(&p, refused[i].pickle, 1 << 16, NULL, &err);
        CHECK(status != STRIA_OK && err.status == status && strstr(err.text, refused[i].sentence),
              "row %zu: '%s' does not say '%s'", i, err.text, refused[i].sentence);
        pickle_release(&p);
    }
}

/* Lines and names that are too long, and more values than there may be. */
static void long_check(void) {
    enum { MOST = 3 << 20 };
    static char text[MOST];
    static const struct {
        const char *begin, *end, *sentence;
        char fill;
        size_t count;
    } rows[] = {
        {"V", "\n.", "a line of the pickle has 5000 bytes", 'x', 5000},
        {"c", "\nx\n.", "names something with a name of 257 bytes", 'x', 256},
        {"cx\n", "\n.", "names something with a name of 256 bytes", 'x', 255},
        {"X\x10\x27\0\0", "Vx\n\x93.", "names something without a name", 'x', 10000},
        {"", ".", "has more than 1048576 values", 'N', MOST - 8},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t at = rows[i].begin[0] == 'X' ? 5 : strlen(rows[i].begin), end = strlen(rows[i].end);
        memcpy(text, rows[i].begin, at);
        memset(text + at, rows[i].fill, rows[i].count);
        memcpy(text + at + rows[i].count, rows[i].end, end);
        stria_error err = {0};
        pickle p = {0};
        stria_status status = read_bytes(&p, (bytes){text, at + rows[i].count + end}, 1 << 30, NULL, &err);
        CHECK(status == STRIA_BAD_FILE && strstr(err.text, rows[i].sentence), "long row %zu: '%s'", i, err.text);
        pickle_release(&p);
    }
}

/* ---- files ---- */

#define STORAGE(type, key)         "(S'storage'\nctorch\n" type "\nS'" key "'\nS'cpu'\nI4\ntQ"
#define FLOATS                     STORAGE("FloatStorage", "0")
#define TENSOR(storage, rest)      "ctorch._utils\n_rebuild_tensor_v2\n(" storage rest "tR"
#define VIEW(offset, size, stride) TENSOR(FLOATS, "I" offset "\n" size stride "I00\n}")
#define AS(name, tensor)           "(S'" name "'\n" tensor "d."
#define PARAMETER(of)              "ctorch._utils\n_rebuild_parameter\n(" of "I01\n}tR"
#define EIGHT(x)                   x x x x x x x x

#define KEY     "(S'0'\nl."
#define NUMBERS "\4\0\0\0\0\0\0\0\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40" /* 4: 1 2 3 4 */

static const struct {
    bytes object, keys, memory;
    const char *wants; /* "= numbers", or a sentence */
} files[] = {
    {B(AS("w", VIEW("0", "(I4\nt", "(I1\nt"))), B(KEY), B(NUMBERS), "= 1 2 3 4"},
    {B(AS("w", VIEW("0", "(I2\nI2\nt", "(I1\nI2\nt"))), B(KEY), B(NUMBERS), "= 1 3 2 4"},
    {B(AS("w", VIEW("3", "(I3\nt", "(I0\nt"))), B(KEY), B(NUMBERS), "= 4 4 4"},
    {B(AS("w", VIEW("3", "(I1\nt", "(I99\nt"))), B(KEY), B(NUMBERS), "= 4"},
    {B(AS("w", VIEW("3", ")", ")"))), B(KEY), B(NUMBERS), "= 4"},
    {B(AS("w", VIEW("99", "(I0\nt", "(I1\nt"))), B(KEY), B(NUMBERS), "="},
    {B(AS("w", VIEW("2", "ctorch\nSize\n((I2\nttR", "(I1\nt"))), B(KEY), B(NUMBERS), "= 3 4"},
    {B(AS("w", PARAMETER(VIEW("2", "(I2\nt", "(I1\nt")))), B(KEY), B(NUMBERS), "= 3 4"},
    {B(AS("w", PARAMETER(PARAMETER(PARAMETER(PARAMETER(VIEW("2", "(I2\nt", "(I1\nt"))))))), B(KEY), B(NUMBERS),
     "= 3 4"},
    {B("(S'net'\n"
       "(S'w'\n" VIEW("2", "(I2\nt", "(I1\nt") "d"
                                               "d."),
     B(KEY), B(NUMBERS), "= 3 4"},
    {B("(I1\n" VIEW("0", "(I4\nt", "(I1\nt") "S'epoch'\nI3\nS'w'\n" VIEW("2", "(I2\nt", "(I1\nt") "d."), B(KEY),
     B(NUMBERS), "= 3 4"},
    {B(AS("w", "ctorch._utils\n_rebuild_tensor_v3\n(" FLOATS "I1\n(I2\nt(I1\ntI00\n}ctorch\nint32\ntR")), B(KEY),
     B(NUMBERS), "= 1073741824 1077936128"},
    {B(AS("w", TENSOR(STORAGE("BoolStorage", "0"), "I0\n(I3\nt(I1\ntI00\n}"))), B(KEY), B("\3\0\0\0\0\0\0\0\0\2\xff"),
     "= 0 1 1"},
    /* what is no dictionary of tensors */
    {B("]."), B(KEY), B(NUMBERS), "it holds no dictionary of tensors"},
    {B("}."), B(KEY), B(NUMBERS), "it holds a dictionary without tensors in it: "},
    {B("(S'epoch'\nI3\nI1\nI2\nS'net'\n}S'seed'\nNd."), B(KEY), B(NUMBERS),
     "it holds a dictionary without tensors in it: 'epoch', 'net', 'seed'"},
    {B(AS("w", PARAMETER(PARAMETER(PARAMETER(PARAMETER(PARAMETER(VIEW("0", "(I4\nt", "(I1\nt")))))))), B(KEY),
     B(NUMBERS), "a dictionary without tensors in it: 'w'"},
    {B(AS("w", PARAMETER("N"))), B(KEY), B(NUMBERS), "a dictionary without tensors in it: 'w'"},
    {B(AS("w", "ctorch\nSize\n)R")), B(KEY), B(NUMBERS), "a dictionary without tensors in it: 'w'"},
    {B("(U\3a\0b" VIEW("0", "(I4\nt", "(I1\nt") "d."), B(KEY), B(NUMBERS),
     "a tensor's name has 3 bytes or a zero in it"},
    /* what is no storage */
    {B(AS("w", TENSOR("N", "I0\n(I4\nt(I1\ntI00\n}"))), B(KEY), B(NUMBERS),
     "storage '0' is of a type that is not read"},
    {B(AS("w", TENSOR("N", "I0\n(I4\nt(I1\ntI00\n}"))), B("]."), B(""), "tensor 'w' names no storage"},
    {B(AS("w", TENSOR("", ""))), B("]."), B(""), "tensor 'w' names no storage"},
    {B(AS("w", TENSOR("NQ", ""))), B("]."), B(""), "tensor 'w' names no storage"},
    {B(AS("w", TENSOR("(S'module'\nctorch\nFloatStorage\nS'0'\ntQ", ""))), B("]."), B(""),
     "tensor 'w' names no storage"},
    {B(AS("w", TENSOR("(S'storage'\ntQ", ""))), B("]."), B(""), "tensor 'w' names no storage"},
    {B(AS("w", TENSOR("(S'storage'\nNS'0'\ntQ", ""))), B("]."), B(""), "tensor 'w' names no storage"},
    {B(AS("w", TENSOR("(S'storage'\nctorch\nFloatStorage\ntQ", ""))), B("]."), B(""), "tensor 'w' names no storage"},
    {B(AS("w", TENSOR("(S'storage'\nctorch\nFloatStorage\nNtQ", ""))), B("]."), B(""), "tensor 'w' names no storage"},
    {B(AS("w", TENSOR(STORAGE("ComplexFloatStorage", "0"), ""))), B("]."), B(""),
     "tensor 'w' is of a type that is not read: torch.ComplexFloatStorage"},
    {B(AS("w", TENSOR(STORAGE("FloatStorage", "1"), ""))), B("]."), B(""),
     "tensor 'w' lies in storage '1', which is not in the file"},
    {B(AS("w", TENSOR(STORAGE("FloatStorage", "1"), ""))), B("(S'0'\nS'10'\nl."), B(""),
     "storage '0' is of a type that is not read"},
    {B(AS("w", "ctorch._utils\n_rebuild_tensor_v3\n(" FLOATS "I1\n(I2\nt(I1\ntI00\n}ctorch\nquint8\ntR")), B(KEY),
     B(NUMBERS), "tensor 'w' is of a type that is not read"},
    {B(AS("w", "ctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch.storage\nUntypedStorage\nS'0'\ntQI0\n))tR")),
     B(KEY), B(NUMBERS), "storage '0' is of a type that is not read"},
    /* sizes and strides */
    {B(AS("w", TENSOR(FLOATS, ""))), B(KEY), B(NUMBERS), "tensor 'w' has no size or stride"},
    {B(AS("w", TENSOR(FLOATS, "N(I4\nt(I1\nt"))), B(KEY), B(NUMBERS), "tensor 'w' has no size or stride"},
    {B(AS("w", TENSOR(FLOATS, "I0\n"))), B(KEY), B(NUMBERS), "tensor 'w' has no size or stride"},
    {B(AS("w", TENSOR(FLOATS, "I0\n](I1\nt"))), B(KEY), B(NUMBERS), "tensor 'w' has no size or stride"},
    {B(AS("w", TENSOR(FLOATS, "I0\n)"))), B(KEY), B(NUMBERS), "tensor 'w' has no size or stride"},
    {B(AS("w", TENSOR(FLOATS, "I0\n)]"))), B(KEY), B(NUMBERS), "tensor 'w' has no size or stride"},
    {B(AS("w", TENSOR(FLOATS, "I0\nctorch\nSize\n)R)"))), B(KEY), B(NUMBERS), "tensor 'w' has no size or stride"},
    {B(AS("w", VIEW("0", "(I4\nt", ")"))), B(KEY), B(NUMBERS), "tensor 'w' has 1 dimensions and 0 strides"},
    {B(AS("w", VIEW("0", "(" EIGHT("I1\n") EIGHT("I1\n") "t", ")"))), B(KEY), B(NUMBERS),
     "tensor 'w' has 16 dimensions, at most 8 are possible"},
    {B(AS("w", VIEW("0", "(I-1\nt", "(I1\nt"))), B(KEY), B(NUMBERS), "tensor 'w': its size is not a list of sizes"},
    {B(AS("w", VIEW("0", "(Nt", "(I1\nt"))), B(KEY), B(NUMBERS), "tensor 'w': its size is not a list of sizes"},
    {B(AS("w", VIEW("0", "(I4\nt", "(I-1\nt"))), B(KEY), B(NUMBERS), "tensor 'w': its stride is not a list of sizes"},
    {B(AS("w", VIEW("0", "(I9223372036854775807\nI2\nt", "(I1\nI1\nt"))), B(KEY), B(NUMBERS), "tensor 'w'"},
    {B(AS("w", VIEW("1", "(I4\nt", "(I1\nt"))), B(KEY), B(NUMBERS),
     "tensor 'w': float32 [4] at element 1 is outside of its storage of 4"},
    {B(AS("w", VIEW("-1", "(I4\nt", "(I1\nt"))), B(KEY), B(NUMBERS), "is outside of its storage of 4"},
    {B(AS("w", VIEW("-1", "(I0\nt", "(I1\nt"))), B(KEY), B(NUMBERS), "is outside of its storage of 4"},
    {B(AS("w", VIEW("0", "(I2\nt", "(I9223372036854775807\nt"))), B(KEY), B(NUMBERS), "is outside of its storage of 4"},
    {B(AS("w", VIEW("0", "(I99999999\nt", "(I0\nt"))), B(KEY), B(NUMBERS),
     "tensor 'w': its tensors would take far more memory than the file has bytes"},
    /* the list of storages and their memory */
    {B(AS("w", VIEW("0", "(I4\nt", "(I1\nt"))), B("}."), B(NUMBERS), "it does not list its storages"},
    {B(AS("w", VIEW("0", "(I4\nt", "(I1\nt"))), B("(I0\nl."), B(NUMBERS), "it does not list its storages"},
    {B(AS("w", TENSOR("(S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI4\n(I0\ntt"
                      "Q",
                      ""))),
     B(KEY), B(NUMBERS), "its storages are views of others, as PyTorch before 0.4 wrote them"},
    {B(AS("w", VIEW("0", "(I4\nt", "(I1\nt"))), B(KEY), B("\4\0\0\0\0\0\0"), "it is truncated: storage 0 is missing"},
    {B(AS("w", VIEW("0", "(I4\nt", "(I1\nt"))), B(KEY), B("\4\0\0\0\0\0\0\0\0\0\0"),
     "it is truncated: storage 0 has 4 elements"},
    {B(AS("w", VIEW("0", "(I4\nt", "(I1\nt"))), B(KEY), B("\xff\xff\xff\xff\xff\xff\xff\xff"),
     "it is truncated: storage 0 has 18446744073709551615 elements"},
};

/* The whole file: magic number, version, the system's sizes, then the row's parts. */
static size_t file_build(char *out, size_t row) {
    static const bytes head = B("\x80\2\x8a\12\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.I1001\n.}.");
    const bytes parts[] = {head, files[row].object, files[row].keys, files[row].memory};
    size_t used = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        memcpy(out + used, parts[i].at, parts[i].count);
        used += parts[i].count;
    }
    return used;
}

static bool numbers_are(const tensor *t, const char *numbers) {
    char *rest = (char *)(uintptr_t)numbers;
    for (int64_t i = 0; i < shape_count(&t->shape); i++)
        if (strtod(rest, &rest) != tensor_f64(t, i)) return false;
    return strspn(rest, " ") == strlen(rest);
}

static void files_check(void) {
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char file[4096];
        weights w = {0};
        stria_error err = {0};
        size_t memory = mem_bytes_now(), size = file_build(file, i);
        stria_status status = weights_decode(&w, (const uint8_t *)file, size, &err);
        if (*files[i].wants == '=') {
            if (CHECK(status == STRIA_OK && w.count == 1, "file %zu: '%s', %d tensors", i, err.text, w.count))
                CHECK(strcmp(w.items[0].name, "w") == 0 && numbers_are(w.items[0].data, files[i].wants + 1),
                      "file %zu: '%s' is not%s", i, w.items[0].name, files[i].wants + 1);
        } else
            CHECK(status != STRIA_OK && strstr(err.text, files[i].wants), "file %zu: '%s' does not say '%s'", i,
                  err.text, files[i].wants);
        if (status == STRIA_OK) weights_release(&w);
        CHECK(mem_bytes_now() == memory, "file %zu: memory stays", i);
    }
}

int main(void) {
    values_check();
    refused_check();
    long_check();
    files_check();
    return check_report();
}
