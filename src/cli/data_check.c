/* stria data check: faults of a dataset that would spoil a training or its test. */
#include "cli/data.h"
#include "cli/json.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <stdlib.h>
#include <string.h>

enum {
    SHOWN = 5,  /* of each kind of finding, as text; --json has all */
    ROUGH = 32, /* below that many pixels a side, unlike pictures look alike in 8x8 */
    NEAR = 3,   /* bits of 64 in which near-duplicates may differ */
    PARTS = 3,
    TINY = 8,
    COMPARED = 64
};

static const char *const part_names[PARTS] = {"train", "val", "test"};

typedef struct seen {
    char *name;
    uint64_t content, look; /* of its pixels; of their gradients, 0: too small for that */
    int part;
} seen;

typedef enum finding_kind { UNREADABLE, REPEATED, NEARLY, LEAK, SMALL, FINDING_KINDS } finding_kind;

static const struct {
    const char *key, *one, *many;
} finding_words[FINDING_KINDS] = {
    {"unreadable", "picture that cannot be read", "pictures that cannot be read"},
    {"repeated", "picture that repeats another", "pictures that repeat others"},
    {"nearly", "picture that nearly repeats another", "pictures that nearly repeat others"},
    {"leaks", "picture in two parts", "pictures in two parts"},
    {"tiny", "picture of less than 8 pixels a side", "pictures of less than 8 pixels a side"}};

typedef struct check {
    seen *all;
    int64_t count, capacity, found[FINDING_KINDS], images[PARTS];
    json_t *findings[FINDING_KINDS], *classes;
    int64_t *per_class; /* of train */
    int class_count;
    bool shares; /* labels are shares of classes; images count for the class of the greatest */
} check;

static void find(check *c, finding_kind kind, const char *name, const char *other) {
    json_t *row = json_pack("{s:o}", "picture", json_text(name));
    if (row && other) json_object_set_new(row, kind == UNREADABLE ? "why" : "of", json_text(other));
    json_array_append_new(c->findings[kind], row);
    c->found[kind]++;
}

/* ---- looking at one picture ---- */

/* FNV-1a over shape and pixels. */
static uint64_t content_of(const stria_array *a) {
    uint64_t h = 0xcbf29ce484222325u;
    for (int i = 0; i < a->rank; i++) h = (h ^ (uint64_t)a->shape[i]) * 0x100000001b3u;
    for (size_t i = 0; i < a->bytes; i++) h = (h ^ ((const uint8_t *)a->data)[i]) * 0x100000001b3u;
    return h;
}

/* The mean of one of 8 × 9 fields of the first (or only) channel. */
static double field_mean(const stria_array *a, int row, int column) {
    int64_t h = a->shape[1], w = a->shape[2], y1 = (row + 1) * h / 8, x1 = (column + 1) * w / 9, sum = 0, n = 0;
    for (int64_t y = row * h / 8; y < y1; y++)
        for (int64_t x = column * w / 9; x < x1; x++, n++) sum += ((const uint8_t *)a->data)[y * w + x];
    return (double)sum / (double)n;
}

/* A difference hash: whether each field is darker than its right neighbour (Krawetz, "Kind of Like That", 2013). */
static uint64_t look_of(const stria_array *a) {
    uint64_t look = 0;
    if (a->shape[1] < ROUGH || a->shape[2] < ROUGH) return 0;
    for (int row = 0; row < 8; row++) {
        double left = field_mean(a, row, 0);
        for (int column = 1; column < 9; column++) {
            double right = field_mean(a, row, column);
            look = look << 1 | (left < right);
            left = right;
        }
    }
    return look;
}

static bool look_at(check *c, const options *given, const stria_dataset *data, int part, int64_t i) {
    char name[4200];
    stria_error error = {0};
    stria_array a;
    stria_view_options as_it_is = stria_view_options_default();
    const char *file = stria_dataset_file(data, i);
    if (file) snprintf(name, sizeof name, "%s", file);
    else snprintf(name, sizeof name, "%s/%s/%lld", given->operands[1], part_names[part], (long long)i);
    stria_status status = stria_dataset_view(data, i, &as_it_is, &a, &error);
    if (status == STRIA_NO_MEMORY) return false;
    if (status != STRIA_OK) return find(c, UNREADABLE, name, error.text), true;
    if (c->count == c->capacity) {
        int64_t more = c->capacity ? 2 * c->capacity : 1024;
        seen *grown = realloc(c->all, (size_t)more * sizeof *grown);
        if (!grown) return stria_array_release(&a), false;
        c->all = grown;
        c->capacity = more;
    }
    if (a.shape[1] < TINY || a.shape[2] < TINY) find(c, SMALL, name, NULL);
    seen *s = &c->all[c->count];
    *s = (seen){strdup(name), content_of(&a), look_of(&a), part};
    stria_array_release(&a);
    if (!s->name) return false;
    c->count++;
    return true;
}

/* ---- comparing ---- */

static int by_content(const void *a, const void *b) {
    const seen *x = a, *y = b;
    if (x->content != y->content) return x->content < y->content ? -1 : 1;
    return x->part != y->part ? x->part - y->part : strcmp(x->name, y->name);
}

static void repeats_find(check *c) {
    if (c->count) qsort(c->all, (size_t)c->count, sizeof *c->all, by_content);
    int64_t kept = 0;
    for (int64_t i = 0; i < c->count; i++) {
        const seen *first = kept ? &c->all[kept - 1] : NULL;
        if (first && first->content == c->all[i].content) {
            find(c, first->part == c->all[i].part ? REPEATED : LEAK, c->all[i].name, first->name);
            free(c->all[i].name);
        } else c->all[kept++] = c->all[i];
    }
    c->count = kept;
}

static int band; /* which 16 bits; qsort takes no context */

static unsigned band_of(const seen *s) {
    return (unsigned)(s->look >> (16 * band)) & 0xffff;
}

static int by_band(const void *a, const void *b) {
    unsigned x = band_of(a), y = band_of(b);
    return x != y ? (x > y) - (x < y) : strcmp(((const seen *)a)->name, ((const seen *)b)->name);
}

/* Of four bands of 16 bits, looks that differ in at most three bits have one in common. A picture that was found is
 * not looked for again, so that many pictures that look alike cost one comparison each; of those with one band each is
 * compared with the COMPARED before it. */
static void near_find(check *c) {
    for (band = 0; band < 4; band++) {
        if (c->count) qsort(c->all, (size_t)c->count, sizeof *c->all, by_band);
        for (int64_t i = 1; i < c->count; i++) {
            seen *s = &c->all[i];
            for (int64_t k = i - 1; s->look && k >= 0 && i - k <= COMPARED; k--) {
                if (!c->all[k].look) continue;
                if (band_of(&c->all[k]) != band_of(s)) break;
                if (__builtin_popcountll(c->all[k].look ^ s->look) > NEAR) continue;
                find(c, NEARLY, s->name, c->all[k].name);
                s->look = 0;
            }
        }
    }
}

/* ---- the parts ---- */

static stria_status part_check(check *c, const options *given, int part, stria_error *error) {
    stria_dataset_options o;
    stria_dataset *data = NULL;
    bool enough = true;
    stria_status status = source_division(given, &o, NULL, error);
    if (status != STRIA_OK) return status;
    o.split = (stria_split)part;
    status = stria_dataset_open(&data, given->operands[1], &o, error);
    if (status != STRIA_OK) return status;
    if (stria_dataset_lent(data)) { /* looked at with what trains */
        stria_dataset_free(data);
        return STRIA_OK;
    }
    if (part == 0) source_note(data);
    if (!c->per_class) {
        c->class_count = stria_dataset_classes(data);
        c->per_class = calloc((size_t)c->class_count, sizeof *c->per_class);
        enough = c->per_class != NULL;
    }
    c->images[part] = stria_dataset_count(data);
    c->shares = c->shares || stria_dataset_shares(data, 0);
    for (int64_t i = 0; enough && i < c->images[part] && !term_stopped(); i++) {
        int64_t label = 0;
        stria_dataset_read(data, i, NULL, 0, &label, NULL);
        if (part == 0 && label >= 0 && label < c->class_count) c->per_class[label]++;
        enough = look_at(c, given, data, part, i);
        if (i % 64 == 0) term_bar(part_names[part], (double)i / (double)c->images[part], "");
    }
    if (c->classes && !json_array_size(c->classes))
        for (int k = 0; k < c->class_count; k++)
            json_array_append_new(c->classes, json_text(stria_dataset_class_name(data, k)));
    term_bar_clear();
    stria_dataset_free(data);
    if (enough) return STRIA_OK;
    snprintf(error->text, sizeof error->text, "not enough memory to compare %lld pictures", (long long)c->count);
    return STRIA_NO_MEMORY;
}

/* ---- telling ---- */

static void balance(const check *c, int64_t *least, int64_t *most, int *rarest, int *commonest) {
    *rarest = *commonest = 0;
    for (int i = 1; i < c->class_count; i++) {
        if (c->per_class[i] < c->per_class[*rarest]) *rarest = i;
        if (c->per_class[i] > c->per_class[*commonest]) *commonest = i;
    }
    *least = c->class_count ? c->per_class[*rarest] : 0;
    *most = c->class_count ? c->per_class[*commonest] : 0;
}

static const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void tell(const check *c) {
    int64_t least, most;
    int rarest, commonest;
    for (int i = 0; i < PARTS; i++)
        if (c->images[i]) printf("%-6s %lld images\n", part_names[i], (long long)c->images[i]);
    balance(c, &least, &most, &rarest, &commonest);
    const char *few = json_string_value(json_array_get(c->classes, (size_t)rarest));
    const char *many = json_string_value(json_array_get(c->classes, (size_t)commonest));
    printf("%d classes, from %lld images (%s) to %lld (%s)\n", c->class_count, (long long)least,
           show_name(few ? few : ""), (long long)most, show_name(many ? many : ""));
    if (c->shares) printf("labels are shares of classes; an image counts for the greatest\n");
    for (int k = 0; k < FINDING_KINDS; k++) {
        if (!c->found[k]) continue;
        printf("%lld %s\n", (long long)c->found[k], c->found[k] == 1 ? finding_words[k].one : finding_words[k].many);
        for (size_t i = 0; i < SHOWN && (int64_t)i < c->found[k]; i++) {
            const json_t *row = json_array_get(c->findings[k], i);
            const char *other = text_at(row, k == UNREADABLE ? "why" : "of");
            if (k == UNREADABLE) printf("    %s\n", show_name(other));
            else printf("    %s%s%s\n", show_name(text_at(row, "picture")), *other ? " = " : "", show_name(other));
        }
        if (c->found[k] > SHOWN) printf("    … and %lld more: --json names all\n", (long long)c->found[k] - SHOWN);
    }
    int64_t sum = 0;
    for (int k = 0; k < FINDING_KINDS; k++) sum += c->found[k];
    if (!sum) printf("no problems found\n");
}

static int tell_json(check *c) {
    json_t *document = json_object(), *classes = json_array(), *parts = json_object();
    for (int i = 0; i < PARTS; i++)
        if (c->images[i]) json_object_set_new(parts, part_names[i], json_integer((json_int_t)c->images[i]));
    for (int i = 0; i < c->class_count; i++)
        json_array_append_new(classes, json_pack("{s:O,s:I}", "name", json_array_get(c->classes, (size_t)i), "images",
                                                 (json_int_t)c->per_class[i]));
    json_object_set_new(document, "images", parts);
    json_object_set_new(document, "classes", classes);
    json_object_set_new(document, "labels", json_string(c->shares ? "shares" : "classes"));
    for (int k = 0; k < FINDING_KINDS; k++) json_object_set(document, finding_words[k].key, c->findings[k]);
    return json_finish(document);
}

static void check_release(check *c) {
    for (int64_t i = 0; i < c->count; i++) free(c->all[i].name);
    for (int k = 0; k < FINDING_KINDS; k++) json_decref(c->findings[k]);
    json_decref(c->classes);
    free(c->per_class);
    free(c->all);
}

int data_check(const options *given) {
    check c = {.classes = json_array()};
    stria_error error = {0}, first = {0};
    int code = EXIT_FAILED, opened = 0;
    bool damaged = false; /* a part is there and cannot be opened */
    stria_status status = STRIA_OK;
    for (int k = 0; k < FINDING_KINDS; k++) c.findings[k] = json_array();
    for (int part = 0; part < PARTS && status != STRIA_NO_MEMORY && !term_stopped(); part++) {
        status = part_check(&c, given, part, &error);
        opened += status == STRIA_OK;
        if (status != STRIA_OK && !first.status) first = error;
        damaged = damaged || (status != STRIA_OK && status != STRIA_NO_FILE && status != STRIA_BAD_ARGUMENT);
    }
    if (!opened || damaged || status == STRIA_NO_MEMORY) {
        code = term_fail(status == STRIA_NO_MEMORY ? &error : &first);
    } else if (!term_stopped()) {
        repeats_find(&c);
        near_find(&c);
        code = option_given(given, "json") ? tell_json(&c) : (tell(&c), EXIT_DONE);
        if (code == EXIT_DONE && (c.found[UNREADABLE] || c.found[LEAK])) code = EXIT_FAILED;
    }
    check_release(&c);
    return code;
}
