#include "report/events.h"

#include "report/png.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of fields in tensorboard/compat/proto/{event,summary,tensor,tensor_shape}.proto and
 * tensorboard/plugins/hparams/{plugin_data,api}.proto. */
enum { EVENT_WALL = 1, EVENT_STEP = 2, EVENT_VERSION = 3, EVENT_GRAPH = 4, EVENT_SUMMARY = 5, EVENT_SESSION = 7 };
enum { SESSION_STATUS = 1, SESSION_START = 1 };
enum { SUMMARY_VALUE = 1, VALUE_TAG = 1, VALUE_SIMPLE = 2, VALUE_IMAGE = 4, VALUE_TENSOR = 8, VALUE_METADATA = 9 };
enum { METADATA_PLUGIN = 1, METADATA_CLASS = 4, PLUGIN_NAME = 1, PLUGIN_CONTENT = 2, CLASS_TENSOR = 2 };
enum { IMAGE_HEIGHT = 1, IMAGE_WIDTH = 2, IMAGE_CHANNELS = 3, IMAGE_FILE = 4 };
enum { TENSOR_TYPE = 1, TENSOR_SHAPE = 2, TENSOR_CONTENT = 4, TYPE_FLOAT = 1, TYPE_DOUBLE = 2 };
enum { SHAPE_DIM = 2, DIM_SIZE = 1 };
enum { HPARAMS_EXPERIMENT = 2, HPARAMS_START = 3, HPARAMS_END = 4 };
enum { EXPERIMENT_SETTINGS = 4, EXPERIMENT_METRICS = 5, SETTING_NAME = 1, SETTING_TYPE = 4, METRIC_NAME = 1 };
enum { SETTING_STRING = 1, SETTING_NUMBER = 3, METRIC_TAG = 2, START_SETTINGS = 1, START_GROUP = 4, START_TIME = 5 };
enum { MAP_KEY = 1, MAP_VALUE = 2, JSON_NUMBER = 2, JSON_STRING = 3, END_STATUS = 1, END_TIME = 2 };
enum { STATUS_SUCCESS = 1, STATUS_FAILURE = 2 };
enum { BINS = 30 };

uint32_t event_crc(const void *bytes, size_t length) {
    const uint8_t *b = bytes;
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < length; i++) {
        crc ^= b[i];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
    }
    return ~crc;
}

static void put_le(out *o, uint64_t x, int bytes) {
    char byte[8];
    for (int i = 0; i < bytes; i++) byte[i] = (char)(x >> 8 * i & 255);
    out_bytes(o, byte, (size_t)bytes);
}

/* A checksum as records hold it: rotated and shifted, so that a checksum of checksums means something. */
static void put_masked(out *o, const void *bytes, size_t length) {
    uint32_t crc = event_crc(bytes, length);
    put_le(o, (uint32_t)((crc >> 15 | crc << 17) + 0xA282EAD8u), 4);
}

/* Frames an event as a record: its length and that one's checksum, the event, its checksum. Releases it. */
static void record_put(out *o, out *event) {
    o->failed = o->failed || event->failed;
    if (!o->failed) {
        size_t begin = o->length;
        put_le(o, event->length, 8);
        if (!o->failed) put_masked(o, o->data + begin, 8);
        out_bytes(o, event->data, event->length);
        put_masked(o, event->data, event->length);
    }
    out_release(event);
}

static void event_begin(out *event, event_time at) {
    field_double(event, EVENT_WALL, at.wall);
    if (at.step) field_varint(event, EVENT_STEP, (uint64_t)at.step);
}

/* ---- fields ---- */

static void put_varint(out *o, uint64_t value) {
    char byte[10];
    size_t n = 0;
    do {
        byte[n++] = (char)((value & 127) | (value > 127 ? 128 : 0));
        value >>= 7;
    } while (value);
    out_bytes(o, byte, n);
}

void field_varint(out *o, int field, uint64_t value) {
    put_varint(o, (uint64_t)field << 3);
    put_varint(o, value);
}

void field_double(out *o, int field, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_varint(o, (uint64_t)field << 3 | 1);
    put_le(o, bits, 8);
}

static void field_float(out *o, int field, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_varint(o, (uint64_t)field << 3 | 5);
    put_le(o, bits, 4);
}

void field_bytes(out *o, int field, const void *bytes, size_t length) {
    put_varint(o, (uint64_t)field << 3 | 2);
    put_varint(o, length);
    out_bytes(o, bytes, length);
}

void field_name(out *o, int field, const char *name) {
    out clean = {0};
    out_name(&clean, name);
    field_message(o, field, &clean);
}

void field_message(out *o, int field, out *message) {
    o->failed = o->failed || message->failed;
    if (!o->failed) field_bytes(o, field, message->data ? message->data : "", message->length);
    out_release(message);
}

/* ---- events ---- */

void event_version(out *o, double wall) {
    out event = {0};
    event_begin(&event, (event_time){wall, 0});
    field_name(&event, EVENT_VERSION, "brain.Event:2");
    record_put(o, &event);
}

void event_restart(out *o, event_time at) {
    out event = {0}, session = {0};
    event_begin(&event, at);
    field_varint(&session, SESSION_STATUS, SESSION_START);
    field_message(&event, EVENT_SESSION, &session);
    record_put(o, &event);
}

/* An event of one or several values; releases the summary. */
static void summary_put(out *o, event_time at, out *summary) {
    out event = {0};
    event_begin(&event, at);
    field_message(&event, EVENT_SUMMARY, summary);
    record_put(o, &event);
}

void event_scalars(out *o, event_time at, const event_scalar *scalars, int count) {
    out summary = {0};
    for (int i = 0; i < count; i++) {
        out value = {0};
        field_name(&value, VALUE_TAG, scalars[i].tag);
        field_float(&value, VALUE_SIMPLE, (float)scalars[i].value);
        field_message(&summary, SUMMARY_VALUE, &value);
    }
    if (count) summary_put(o, at, &summary);
}

void event_image(out *o, event_time at, const char *tag, int channels, int height, int width, const uint8_t *pixels) {
    out file = {0}, image = {0}, value = {0}, summary = {0};
    png_bytes(&file, channels, height, width, pixels);
    field_varint(&image, IMAGE_HEIGHT, (uint64_t)height);
    field_varint(&image, IMAGE_WIDTH, (uint64_t)width);
    field_varint(&image, IMAGE_CHANNELS, (uint64_t)channels);
    field_message(&image, IMAGE_FILE, &file);
    field_name(&value, VALUE_TAG, tag);
    field_message(&value, VALUE_IMAGE, &image);
    field_message(&summary, SUMMARY_VALUE, &value);
    summary_put(o, at, &summary);
}

/* What tells readers which page a tag belongs to. */
static void metadata_put(out *value, const char *plugin, int class, out *content) {
    out data = {0}, metadata = {0};
    field_name(&data, PLUGIN_NAME, plugin);
    if (content) field_message(&data, PLUGIN_CONTENT, content);
    field_message(&metadata, METADATA_PLUGIN, &data);
    if (class) field_varint(&metadata, METADATA_CLASS, (uint64_t) class);
    field_message(value, VALUE_METADATA, &metadata);
}

static void tensor_put(out *value, int type, const int64_t *dims, int rank, const void *content, size_t bytes) {
    out shape = {0}, tensor = {0};
    for (int i = 0; i < rank; i++) {
        out dim = {0};
        field_varint(&dim, DIM_SIZE, (uint64_t)dims[i]);
        field_message(&shape, SHAPE_DIM, &dim);
    }
    field_varint(&tensor, TENSOR_TYPE, (uint64_t)type);
    field_message(&tensor, TENSOR_SHAPE, &shape);
    field_bytes(&tensor, TENSOR_CONTENT, content, bytes);
    field_message(value, VALUE_TENSOR, &tensor);
}

/* [BINS][left, right, count]; false where nothing of x is finite. */
static bool bins_count(const float *x, size_t count, double bins[BINS][3]) {
    double least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < count; i++)
        if (isfinite(x[i])) least = fmin(least, (double)x[i]), most = fmax(most, (double)x[i]);
    if (least > most) return false;
    double width = most - least;
    for (int k = 0; k < BINS; k++) {
        bins[k][0] = least + width * k / BINS;
        bins[k][1] = k == BINS - 1 ? most : least + width * (k + 1) / BINS;
        bins[k][2] = 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(x[i])) continue;
        double share = width > 0 ? ((double)x[i] - least) / width : 0;
        bins[share < 1 ? (int)(share * BINS) : BINS - 1][2]++;
    }
    return true;
}

void event_histogram(out *o, event_time at, const char *tag, const float *x, size_t count) {
    static const int64_t dims[] = {BINS, 3};
    double bins[BINS][3];
    out value = {0}, summary = {0}, content = {0};
    if (!bins_count(x, count, bins)) return;
    for (int i = 0; i < BINS * 3; i++) { /* least byte first, whatever the machine */
        uint64_t bits;
        memcpy(&bits, &bins[i / 3][i % 3], sizeof bits);
        put_le(&content, bits, 8);
    }
    field_name(&value, VALUE_TAG, tag);
    metadata_put(&value, "histograms", CLASS_TENSOR, NULL);
    if (!content.failed) tensor_put(&value, TYPE_DOUBLE, dims, 2, content.data, content.length);
    value.failed = value.failed || content.failed;
    out_release(&content);
    field_message(&summary, SUMMARY_VALUE, &value);
    summary_put(o, at, &summary);
}

void event_graph(out *o, double wall, const stria_model *model) {
    out event = {0}, graph = {0};
    event_begin(&event, (event_time){wall, 0});
    graph_message(&graph, model);
    field_message(&event, EVENT_GRAPH, &graph);
    record_put(o, &event);
}

/* ---- hyperparameters ---- */

/* A value of the hyperparameters' page under the tag that it looks for; its tensor must be there and means nothing. */
static void hparams_put(out *o, double wall, const char *tag, int field, out *message) {
    static const uint8_t nothing[4] = {0};
    out content = {0}, value = {0}, summary = {0};
    field_message(&content, field, message);
    field_name(&value, VALUE_TAG, tag);
    metadata_put(&value, "hparams", 0, &content);
    tensor_put(&value, TYPE_FLOAT, NULL, 0, nothing, sizeof nothing);
    field_message(&summary, SUMMARY_VALUE, &value);
    summary_put(o, (event_time){wall, 0}, &summary);
}

static void experiment_put(out *o, double wall, const event_setting *settings, int count, const char *const *metrics,
                           int metric_count) {
    out experiment = {0};
    for (int i = 0; i < count; i++) {
        out info = {0};
        field_name(&info, SETTING_NAME, settings[i].name);
        field_varint(&info, SETTING_TYPE, settings[i].text ? SETTING_STRING : SETTING_NUMBER);
        field_message(&experiment, EXPERIMENT_SETTINGS, &info);
    }
    for (int i = 0; i < metric_count; i++) {
        out name = {0}, info = {0};
        field_name(&name, METRIC_TAG, metrics[i]);
        field_message(&info, METRIC_NAME, &name);
        field_message(&experiment, EXPERIMENT_METRICS, &info);
    }
    hparams_put(o, wall, "_hparams_/experiment", HPARAMS_EXPERIMENT, &experiment);
}

void event_settings(out *o, double wall, const char *run, const event_setting *settings, int count,
                    const char *const *metrics, int metric_count) {
    out start = {0};
    experiment_put(o, wall, settings, count, metrics, metric_count);
    for (int i = 0; i < count; i++) {
        out json = {0}, entry = {0};
        if (settings[i].text) field_name(&json, JSON_STRING, settings[i].text);
        else field_double(&json, JSON_NUMBER, settings[i].number);
        field_name(&entry, MAP_KEY, settings[i].name);
        field_message(&entry, MAP_VALUE, &json);
        field_message(&start, START_SETTINGS, &entry);
    }
    field_name(&start, START_GROUP, run);
    field_double(&start, START_TIME, wall);
    hparams_put(o, wall, "_hparams_/session_start_info", HPARAMS_START, &start);
}

void event_finish(out *o, event_time at, bool success) {
    out end = {0};
    field_varint(&end, END_STATUS, success ? STATUS_SUCCESS : STATUS_FAILURE);
    field_double(&end, END_TIME, at.wall);
    hparams_put(o, at.wall, "_hparams_/session_end_info", HPARAMS_END, &end);
}
