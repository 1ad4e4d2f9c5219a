/* How far event files of ours came. */
#include "report/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECORD_MAX = 1 << 26,
    HEADER = 12,
    FOOTER = 4,
    EVENT_STEP = 2,
    EVENT_SUMMARY = 5,
    SUMMARY_VALUE = 1,
    VALUE_TAG = 1
};

/* What is left of a message. */
typedef struct span {
    const uint8_t *at, *end;
} span;

static bool varint_read(span *s, uint64_t *value) {
    *value = 0;
    for (int shift = 0; s->at < s->end && shift < 64; shift += 7) {
        *value |= (uint64_t)(*s->at & 127) << shift;
        if (!(*s->at++ & 128)) return true;
    }
    return false;
}

/* The next field: a number, or the bytes of anything else; false at the end and where it is damaged. */
static bool field_read(span *s, int *field, uint64_t *number, span *bytes) {
    uint64_t key, length;
    if (!varint_read(s, &key)) return false;
    *field = (int)(key >> 3 & 0xFFFF);
    *number = 0;
    *bytes = (span){s->at, s->at};
    if ((key & 7) == 0) return varint_read(s, number);
    if ((key & 7) == 1) length = 8;
    else if ((key & 7) == 5) length = 4;
    else if ((key & 7) != 2 || !varint_read(s, &length)) return false;
    if (length > (uint64_t)(s->end - s->at)) return false;
    *bytes = (span){s->at, s->at + length};
    s->at += length;
    return true;
}

static bool begins_with(span s, const char *word) {
    size_t length = strlen(word);
    return (size_t)(s.end - s.at) >= length && memcmp(s.at, word, length) == 0;
}

/* Tags of a summary's first value. */
static void summary_look(span summary, int64_t step, event_reach *reach) {
    span value, tag;
    uint64_t number;
    int field;
    if (!field_read(&summary, &field, &number, &value) || field != SUMMARY_VALUE) return;
    if (!field_read(&value, &field, &number, &tag) || field != VALUE_TAG) return;
    if (begins_with(tag, "step/") && step > reach->step) reach->step = step;
    if (begins_with(tag, "epoch/") && step > reach->epoch) reach->epoch = step;
    if (begins_with(tag, "eval/") && step > reach->eval) reach->eval = step;
}

static void event_look(span event, int64_t most, event_reach *reach) {
    span bytes, summary = {0};
    uint64_t number, step = 0;
    for (int field; field_read(&event, &field, &number, &bytes);) {
        if (field == EVENT_STEP) step = number;
        if (field == EVENT_SUMMARY) summary = bytes;
    }
    if (summary.at && step <= (uint64_t)most) summary_look(summary, (int64_t)step, reach);
}

void events_reach(const char *path, int64_t most, event_reach *reach) {
    uint8_t header[HEADER], *record = NULL;
    FILE *f = fopen(path, "rbe");
    while (f && fread(header, 1, HEADER, f) == HEADER) {
        uint64_t length = 0;
        for (int i = 7; i >= 0; i--) length = length << 8 | header[i];
        uint8_t *grown = length < RECORD_MAX ? realloc(record, length + FOOTER) : NULL;
        if (!grown) break;
        record = grown;
        if (fread(record, 1, length + FOOTER, f) != length + FOOTER) break;
        event_look((span){record, record + length}, most, reach);
    }
    free(record);
    if (f) fclose(f);
}
