#include "model/weights/pickle_inside.h"

static pickle_value mark = {.kind = PICKLE_MARK};

/* ---- bytes and values ---- */

stria_status pickle_cut(const machine *m) {
    FAIL(m->err, STRIA_BAD_FILE, "the pickle is truncated at byte %zu", m->at);
}

stria_status pickle_take(machine *m, size_t bytes, const uint8_t **out) {
    if (bytes > m->size - m->at) return pickle_cut(m);
    *out = m->bytes + m->at;
    m->at += bytes;
    return STRIA_OK;
}

stria_status pickle_number(machine *m, int bytes, uint64_t *out) {
    const uint8_t *p;
    TRY(pickle_take(m, (size_t)bytes, &p));
    *out = 0;
    for (int i = bytes - 1; i >= 0; i--) *out = *out << 8 | p[i];
    return STRIA_OK;
}

/* Text up to a line's end, which is not part of it. */
stria_status pickle_line(machine *m, const char **out, size_t *length) {
    const uint8_t *begin = m->bytes + m->at, *end = memchr(begin, '\n', m->size - m->at);
    if (!end) return pickle_cut(m);
    *out = (const char *)begin;
    *length = (size_t)(end - begin);
    m->at += *length + 1;
    if (*length > WORD_MAX) FAIL(m->err, STRIA_BAD_FILE, "a line of the pickle has %zu bytes", *length);
    return STRIA_OK;
}

static stria_status count_one(machine *m) {
    if (++m->made > VALUES_MAX) FAIL(m->err, STRIA_BAD_FILE, "the pickle has more than %d values", (int)VALUES_MAX);
    return STRIA_OK;
}

/* Checks the limit before this many bytes are allocated. */
static stria_status charge(machine *m, uint64_t bytes) {
    if (bytes > *m->room) FAIL(m->err, STRIA_BAD_FILE, "the pickle would take far more memory than the file has bytes");
    *m->room -= bytes;
    return STRIA_OK;
}

/* Places for `need` values in the stack or the memo. */
static stria_status places(machine *m, pickle_value ***list, int *capacity, int need) {
    if (need <= *capacity) return STRIA_OK;
    int more = need > 2 * *capacity ? need : 2 * *capacity;
    TRY(charge(m, (uint64_t)more * sizeof(pickle_value *)));
    return mem_reserve(list, capacity, more, sizeof(pickle_value *), "a pickle", m->err);
}

stria_status pickle_push(machine *m, pickle_value *v) {
    TRY(count_one(m));
    TRY(places(m, &m->stack, &m->stack_capacity, m->depth + 1));
    m->stack[m->depth++] = v;
    return STRIA_OK;
}

static stria_status make(machine *m, pickle_kind kind, pickle_value **out) {
    TRY(count_one(m));
    TRY(charge(m, sizeof(pickle_value)));
    pickle_value *v = arena_alloc(m->arena, sizeof *v);
    if (!v) FAIL(m->err, STRIA_NO_MEMORY, "not enough memory for a pickle");
    v->kind = kind;
    *out = v;
    return STRIA_OK;
}

stria_status pickle_push_new(machine *m, pickle_value content) {
    pickle_value *v;
    TRY(make(m, content.kind, &v));
    *v = content;
    return pickle_push(m, v);
}

static stria_status pop(machine *m, pickle_value **out) {
    if (m->depth == 0 || m->stack[m->depth - 1] == &mark)
        FAIL(m->err, STRIA_BAD_FILE, "the pickle takes a value that is not there, at byte %zu", m->at);
    *out = m->stack[--m->depth];
    return STRIA_OK;
}

/* Where the values above the last mark begin; the mark itself lies below. */
static stria_status marked(machine *m, int *from) {
    int i = m->depth;
    while (i > 0 && m->stack[i - 1] != &mark) i--;
    if (i == 0) FAIL(m->err, STRIA_BAD_FILE, "the pickle has no mark at byte %zu", m->at);
    *from = i;
    return STRIA_OK;
}

static stria_status items_add(machine *m, pickle_value *to, pickle_value *const *items, int count) {
    if (to->count + count > to->capacity) {
        int capacity = 2 * to->capacity > to->count + count ? 2 * to->capacity : to->count + count;
        TRY(charge(m, (uint64_t)capacity * sizeof(pickle_value *)));
        pickle_value **grown = arena_alloc(m->arena, (size_t)capacity * sizeof *grown);
        if (!grown) FAIL(m->err, STRIA_NO_MEMORY, "not enough memory for a pickle");
        if (to->count) memcpy(grown, to->items, (size_t)to->count * sizeof *grown);
        to->items = grown;
        to->capacity = capacity;
    }
    if (count) memcpy(to->items + to->count, items, (size_t)count * sizeof *items);
    to->count += count;
    return STRIA_OK;
}

/* A new value of the topmost `count` values. */
static stria_status gather(machine *m, pickle_kind kind, int count) {
    pickle_value *v;
    if (m->depth < count)
        FAIL(m->err, STRIA_BAD_FILE, "the pickle takes a value that is not there, at byte %zu", m->at);
    for (int i = 0; i < count; i++)
        if (m->stack[m->depth - 1 - i] == &mark)
            FAIL(m->err, STRIA_BAD_FILE, "the pickle takes a mark for a value at byte %zu", m->at);
    TRY(make(m, kind, &v));
    TRY(items_add(m, v, m->stack + m->depth - count, count));
    m->depth -= count;
    return pickle_push(m, v);
}

/* ---- instructions: `x` is what the table says with them ---- */

static stria_status do_skip(machine *m, int bytes) {
    const uint8_t *p;
    return pickle_take(m, (size_t)bytes, &p);
}

static stria_status do_stop(machine *m, int x) {
    m->stopped = true;
    return STRIA_OK;
}

static stria_status do_mark(machine *m, int x) {
    return pickle_push(m, &mark);
}

static stria_status do_pop(machine *m, int x) {
    pickle_value *v;
    return pop(m, &v);
}

static stria_status do_pop_mark(machine *m, int x) {
    int from;
    TRY(marked(m, &from));
    m->depth = from - 1;
    return STRIA_OK;
}

static stria_status do_dup(machine *m, int x) {
    pickle_value *v;
    TRY(pop(m, &v));
    TRY(pickle_push(m, v));
    return pickle_push(m, v);
}

static stria_status do_empty(machine *m, int kind) {
    return gather(m, (pickle_kind)kind, 0);
}

static stria_status do_tuple(machine *m, int count) {
    return gather(m, PICKLE_TUPLE, count);
}

/* A tuple, list or dictionary of what is above the mark. */
static stria_status do_marked(machine *m, int kind) {
    int from, count;
    pickle_value *v;
    TRY(marked(m, &from));
    count = m->depth - from;
    TRY(gather(m, (pickle_kind)kind, count));
    if (kind == PICKLE_DICT && count % 2) FAIL(m->err, STRIA_BAD_FILE, "a dictionary of the pickle misses a value");
    TRY(pop(m, &v));
    m->depth--; /* the mark */
    return pickle_push(m, v);
}

/* Adds to the list or dictionary (kind) below: x values, 0: those above the mark. */
static stria_status add(machine *m, pickle_kind kind, int x) {
    int from = m->depth - x;
    if (x == 0) TRY(marked(m, &from));
    int below = x ? from - 1 : from - 2, count = m->depth - from;
    if (from < 0 || below < 0 || m->stack[below]->kind != kind || (kind == PICKLE_DICT && count % 2))
        FAIL(m->err, STRIA_BAD_FILE, "the pickle adds to no %s at byte %zu",
             kind == PICKLE_DICT ? "dictionary" : "list", m->at);
    for (int i = from; i < m->depth; i++)
        if (m->stack[i] == &mark)
            FAIL(m->err, STRIA_BAD_FILE, "the pickle takes a mark for a value at byte %zu", m->at);
    TRY(items_add(m, m->stack[below], m->stack + from, count));
    m->depth = below + 1;
    return STRIA_OK;
}

static stria_status do_list_add(machine *m, int x) {
    return add(m, PICKLE_LIST, x);
}

static stria_status do_dict_add(machine *m, int x) {
    return add(m, PICKLE_DICT, x);
}

static stria_status push_global(machine *m, const char *module, size_t module_length, const char *name, size_t length) {
    if (module_length + length >= GLOBAL_MAX)
        FAIL(m->err, STRIA_BAD_FILE, "the pickle names something with a name of %zu bytes", module_length + length);
    TRY(charge(m, module_length + length + 2));
    char *text = arena_printf(m->arena, "%.*s.%.*s", (int)module_length, module, (int)length, name);
    if (!text) FAIL(m->err, STRIA_NO_MEMORY, "not enough memory for a pickle");
    return pickle_push_new(m, (pickle_value){.kind = PICKLE_GLOBAL, .count = (int)strlen(text), .text = text});
}

static stria_status do_global(machine *m, int x) {
    const char *module, *name;
    size_t module_length, length;
    TRY(pickle_line(m, &module, &module_length));
    TRY(pickle_line(m, &name, &length));
    return push_global(m, module, module_length, name, length);
}

static stria_status do_stack_global(machine *m, int x) {
    pickle_value *module, *name;
    TRY(pop(m, &name));
    TRY(pop(m, &module));
    if (name->kind != PICKLE_TEXT || module->kind != PICKLE_TEXT || name->count > WORD_MAX || module->count > WORD_MAX)
        FAIL(m->err, STRIA_BAD_FILE, "the pickle names something without a name at byte %zu", m->at);
    return push_global(m, module->text, (size_t)module->count, name->text, (size_t)name->count);
}

/* A call is not made but noted, if it is one of those that mean data. */
static stria_status do_call(machine *m, int x) {
    pickle_value *f, *arguments, *v;
    TRY(pop(m, &arguments));
    TRY(pop(m, &f));
    if (f->kind != PICKLE_GLOBAL || arguments->kind != PICKLE_TUPLE)
        FAIL(m->err, STRIA_BAD_FILE, "invalid pickle: object at byte %zu is called but is not a function", m->at);
    if (pickle_is(f, PICKLE_GLOBAL, "collections.OrderedDict") && arguments->count == 0)
        return do_empty(m, PICKLE_DICT);
    bool known = false;
    for (int i = 0; m->harmless[i]; i++) known = known || pickle_is(f, PICKLE_GLOBAL, m->harmless[i]);
    if (!known)
        FAIL(m->err, STRIA_UNSUPPORTED,
             "the file wants to call '%.*s', and nothing in a file is executed; torch.save(model.state_dict(), …) "
             "writes one that needs no such call",
             f->count, f->text);
    TRY(make(m, PICKLE_CALL, &v));
    TRY(items_add(m, v, (pickle_value *[]){f, arguments}, 2));
    return pickle_push(m, v);
}

/* Attributes of a dictionary (PyTorch puts the versions of its layers there) are left out. */
static stria_status do_build(machine *m, int x) {
    pickle_value *state, *of;
    TRY(pop(m, &state));
    TRY(pop(m, &of));
    if (of->kind != PICKLE_DICT && of->kind != PICKLE_CALL)
        FAIL(m->err, STRIA_BAD_FILE, "invalid pickle: the state at byte %zu is set on a value that is not an object",
             m->at);
    return pickle_push(m, of);
}

static stria_status do_persistent(machine *m, int x) {
    TRY(gather(m, PICKLE_PERSISTENT, 1));
    if (!m->outside) TRY(make(m, PICKLE_LIST, &m->outside));
    return items_add(m, m->outside, m->stack + m->depth - 1, 1);
}

static stria_status memo_put(machine *m, uint64_t index) {
    pickle_value *v;
    if (index > 4 * (uint64_t)m->made + 64)
        FAIL(m->err, STRIA_BAD_FILE, "the pickle notes value %llu", (unsigned long long)index);
    TRY(pop(m, &v));
    m->depth++;
    int need = (int)index + 1;
    TRY(places(m, &m->memo, &m->memo_capacity, need));
    while (m->memo_count < need) m->memo[m->memo_count++] = NULL;
    m->memo[index] = v;
    return STRIA_OK;
}

static stria_status memo_get(machine *m, uint64_t index) {
    if (index >= (uint64_t)m->memo_count || !m->memo[index])
        FAIL(m->err, STRIA_BAD_FILE, "the pickle asks for value %llu, which was not noted", (unsigned long long)index);
    return pickle_push(m, m->memo[index]);
}

/* The index as x bytes, or as a line (0). */
static stria_status memo_index(machine *m, int x, uint64_t *index) {
    char digits[32] = "";
    const char *at;
    size_t length;
    int64_t n = -1;
    if (x) return pickle_number(m, x, index);
    TRY(pickle_line(m, &at, &length));
    if (length < sizeof digits) memcpy(digits, at, length);
    if (!text_to_int(digits, &n) || n < 0) FAIL(m->err, STRIA_BAD_FILE, "the pickle has no number at byte %zu", m->at);
    *index = (uint64_t)n;
    return STRIA_OK;
}

static stria_status do_put(machine *m, int x) {
    uint64_t index;
    TRY(memo_index(m, x, &index));
    return memo_put(m, index);
}

static stria_status do_get(machine *m, int x) {
    uint64_t index;
    TRY(memo_index(m, x, &index));
    return memo_get(m, index);
}

static stria_status do_memoize(machine *m, int x) {
    return memo_put(m, (uint64_t)m->memo_count);
}

/* clang-format off */
static const struct {
    pickle_instruction *run;
    int x;
} table[256] = {
    [0x80] = {do_skip, 1}, [0x95] = {do_skip, 8}, ['.'] = {do_stop, 0}, ['('] = {do_mark, 0}, ['0'] = {do_pop, 0},
    ['1'] = {do_pop_mark, 0}, ['2'] = {do_dup, 0}, ['N'] = {do_none, 0}, [0x88] = {do_bool, 1}, [0x89] = {do_bool, 0},
    ['J'] = {do_int, 4}, ['K'] = {do_int, 1}, ['M'] = {do_int, 2}, [0x8a] = {do_long, 1}, [0x8b] = {do_long, 4},
    ['I'] = {do_decimal, 0}, ['L'] = {do_decimal, 1}, ['G'] = {do_real, 0}, ['F'] = {do_decimal_real, 0},
    ['U'] = {do_text, 1}, ['T'] = {do_text, 4}, [0x8c] = {do_text, 1}, ['X'] = {do_text, 4}, [0x8d] = {do_text, 8},
    ['C'] = {do_text, 1}, ['B'] = {do_text, 4}, [0x8e] = {do_text, 8}, ['S'] = {do_text_line, 1},
    [']'] = {do_empty, PICKLE_LIST}, ['V'] = {do_text_line, 0}, [')'] = {do_empty, PICKLE_TUPLE}, ['}'] = {do_empty, PICKLE_DICT},
    [0x85] = {do_tuple, 1}, [0x86] = {do_tuple, 2}, [0x87] = {do_tuple, 3}, ['t'] = {do_marked, PICKLE_TUPLE},
    ['l'] = {do_marked, PICKLE_LIST}, ['d'] = {do_marked, PICKLE_DICT}, ['a'] = {do_list_add, 1},
    ['e'] = {do_list_add, 0}, ['s'] = {do_dict_add, 2}, ['u'] = {do_dict_add, 0}, ['c'] = {do_global, 0},
    [0x93] = {do_stack_global, 0}, ['R'] = {do_call, 0}, [0x81] = {do_call, 0}, ['b'] = {do_build, 0},
    ['Q'] = {do_persistent, 0}, ['p'] = {do_put, 0}, ['q'] = {do_put, 1}, ['r'] = {do_put, 4}, ['g'] = {do_get, 0},
    ['h'] = {do_get, 1}, ['j'] = {do_get, 4}, [0x94] = {do_memoize, 0},
};
/* clang-format on */

static stria_status machine_run(machine *m) {
    while (!m->stopped) {
        uint64_t code;
        TRY(pickle_number(m, 1, &code));
        if (!table[code].run)
            FAIL(m->err, STRIA_UNSUPPORTED, "the pickle has instruction 0x%02x at byte %zu, which is not read",
                 (unsigned)code, m->at - 1);
        TRY(table[code].run(m, table[code].x));
    }
    return STRIA_OK;
}

stria_status pickle_read(pickle *p, const uint8_t *bytes, size_t size, const char *const *harmless, uint64_t *room,
                         size_t *used, stria_error *err) {
    machine m = {.bytes = bytes, .size = size, .arena = &p->arena, .harmless = harmless, .room = room, .err = err};
    stria_status status = machine_run(&m);
    if (status == STRIA_OK) status = pop(&m, &p->root);
    p->outside = m.outside;
    if (status == STRIA_OK && used) *used = m.at;
    mem_free((void *)m.stack);
    mem_free((void *)m.memo);
    return status;
}

void pickle_release(pickle *p) {
    arena_release(&p->arena);
    p->root = NULL;
}

bool pickle_is(const pickle_value *v, pickle_kind kind, const char *text) {
    return v && v->kind == kind && (size_t)v->count == strlen(text) && memcmp(v->text, text, (size_t)v->count) == 0;
}

pickle_value *pickle_item(const pickle_value *v, int i) {
    bool list = v && v->kind >= PICKLE_TUPLE && v->kind <= PICKLE_PERSISTENT;
    return list && i >= 0 && i < v->count ? v->items[i] : NULL;
}

pickle_value *pickle_find(const pickle_value *dict, const char *key) {
    if (!dict || dict->kind != PICKLE_DICT) return NULL;
    for (int i = 0; i + 1 < dict->count; i += 2)
        if (pickle_is(dict->items[i], PICKLE_TEXT, key)) return dict->items[i + 1];
    return NULL;
}
