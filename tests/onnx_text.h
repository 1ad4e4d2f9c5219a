/* Small ONNX files as text, for tables: statements with ";" between,
 *   opset N;  x f 1,2 = 1 2;  y i n,3;  Op x,w > y,z key=[1,2] word=text;  out y
 * A tensor of type f, i, b or u (uint64) with contents is an initialiser ("*": 1, 2, 3, …),
 * without them an input. Of attributes, 1 is an integer, 1.5 a float, [1,2] and [1.5,2] lists of these, {a,b} one of
 * strings; "key=" has none of them, and "key~1" does not say which one it is, as in the first files of ONNX. */
#ifndef TESTS_ONNX_TEXT_H
#define TESTS_ONNX_TEXT_H

#include "onnx_file.h"

static inline void text_attribute(file *f, Onnx__NodeProto *n, char *word) {
    char *value = strpbrk(word, "=~");
    bool typed = *value == '=';
    *value++ = 0;
    Onnx__AttributeProto *p = add_attribute(f, n, word, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED);
    size_t length = strlen(value);
    bool real = strchr(value, '.'), list = *value == '[' || *value == '{';
    if (list) value[--length] = 0, value++;
    if (!*value && !list) {
        p->has_type = 0;
    } else if (list && value[-1] == '{') {
        p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS;
        p->strings = arena_alloc(&f->a, sizeof *p->strings * 8);
        for (char *w = strtok(value, ","); w; w = strtok(NULL, ","))
            p->strings[p->n_strings++] = (ProtobufCBinaryData){strlen(w), (uint8_t *)w};
    } else if (list) {
        p->type = real ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS : ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
        p->floats = arena_alloc(&f->a, sizeof *p->floats * 16);
        p->ints = arena_alloc(&f->a, sizeof *p->ints * 16);
        for (char *w = strtok(value, ","); w; w = strtok(NULL, ","))
            if (real) p->floats[p->n_floats++] = strtof(w, NULL);
            else p->ints[p->n_ints++] = strtoll(w, NULL, 10);
    } else if (strspn(value, "0123456789.-e") < length) {
        p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
        p->has_s = 1;
        p->s = (ProtobufCBinaryData){length, (uint8_t *)value};
    } else if (real) {
        p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
        p->has_f = 1;
        p->f = strtof(value, NULL);
    } else {
        p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
        p->has_i = 1;
        p->i = strtoll(value, NULL, 10);
    }
    p->has_type = p->has_type && typed;
}

static inline char *text_spaced(char *list) {
    for (char *c = list; *c; c++)
        if (*c == ',') *c = ' ';
    return list;
}

/* "Op inputs > outputs attributes" */
static inline void text_node(file *f, char *statement) {
    char *part[16] = {0}, *rest = statement, *in = (char *)"", *out = (char *)"";
    int parts = 0, at = 1;
    for (char *word; parts < 15 && (word = strsep(&rest, " "));)
        if (*word) part[parts++] = word;
    if (at < parts && strcmp(part[at], ">") != 0) in = text_spaced(part[at++]);
    if (at < parts) at++;
    if (at < parts && !strpbrk(part[at], "=~")) out = text_spaced(part[at++]);
    Onnx__NodeProto *n = add_node(f, part[0], in, out);
    for (; at < parts; at++) text_attribute(f, n, part[at]);
}

/* "name type dims [= contents]" */
static inline void text_tensor(file *f, char *statement) {
    static const struct {
        char letter;
        int type, bytes;
    } types[] = {{'f', STRIA_FLOAT32, 4}, {'i', STRIA_INT64, 8}, {'b', STRIA_BOOL, 1}, {'u', STRIA_UINT64, 8}};
    char name[64] = "", letter = 'f', dims[64] = "", *contents = strchr(statement, '=');
    int64_t sizes[8], count = 1;
    size_t rank = 0, k = 0;
    sscanf(statement, " %63s %c %63[^ =]", name, &letter, dims);
    while (k < 3 && types[k].letter != letter) k++;
    text_spaced(dims);
    if (!contents) {
        add_input(f, name, types[k].type, strcmp(dims, "-") == 0 ? "" : dims);
        return;
    }
    for (char *at = dims; *at && *at != '-'; at += strspn(at, " ")) {
        sizes[rank] = strtoll(at, &at, 10);
        count *= sizes[rank++];
    }
    Onnx__TensorProto *t = add_tensor(f, name, types[k].type, rank, sizes, (size_t)(count * types[k].bytes));
    bool counted = strchr(contents, '*');
    contents++;
    for (int64_t i = 0; i < count; i++) {
        double x = counted ? (double)(i + 1) : strtod(contents, &contents);
        if (letter == 'f') ((float *)(void *)t->raw_data.data)[i] = (float)x;
        else if (letter == 'b') t->raw_data.data[i] = (uint8_t)x;
        else ((int64_t *)(void *)t->raw_data.data)[i] = (int64_t)x;
    }
}

/* The file; release its arena. */
static inline void text_file(file *f, const char *source) {
    file_init(f, 21);
    for (char *rest = arena_strdup(&f->a, source), *statement; (statement = strsep(&rest, ";"));) {
        while (*statement == ' ') statement++;
        if (strncmp(statement, "opset ", 6) == 0) f->opset.version = strtoll(statement + 6, NULL, 10);
        else if (strncmp(statement, "out ", 4) == 0) add_output(f, statement + 4);
        else if (*statement >= 'A' && *statement <= 'Z') text_node(f, statement);
        else if (*statement) text_tensor(f, statement);
    }
}

#endif
