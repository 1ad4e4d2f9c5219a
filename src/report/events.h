/* TensorBoard's event files: records of Event messages (protocol buffers), each framed by masked CRC-32C checksums, as
 * TensorFlow's RecordWriter writes them. Only what TensorBoard's pages of scalars, images, histograms, graphs and
 * hyperparameters read. Each function appends one or a few records. Names are cleaned as out_name does. */
#ifndef REPORT_EVENTS_H
#define REPORT_EVENTS_H

#include "report/out.h"

#include <stria/stria.h>

/* When: seconds since 1970, and the step of training. */
typedef struct event_time {
    double wall;
    int64_t step;
} event_time;

typedef struct event_scalar {
    char *tag;
    double value;
} event_scalar;

/* The beginning of a file. */
void event_version(out *o, double wall);
/* Points from `at.step` on that earlier files have are dropped by readers: training goes on from the step before. */
void event_restart(out *o, event_time at);
void event_scalars(out *o, event_time at, const event_scalar *scalars, int count);
/* pixels[channels][height][width], 1 channel or 3. */
void event_image(out *o, event_time at, const char *tag, int channels, int height, int width, const uint8_t *pixels);
/* Counts in equal bins from the least to the greatest of x[count]; what is not finite is left out. */
void event_histogram(out *o, event_time at, const char *tag, const float *x, size_t count);
void event_graph(out *o, double wall, const stria_model *model);

/* A setting of the training: a number, or a text where text is not NULL. */
typedef struct event_setting {
    const char *name, *text;
    double number;
} event_setting;
/* The settings of a run, and the scalars that tell how well they did. */
void event_settings(out *o, double wall, const char *run, const event_setting *settings, int count,
                    const char *const *metrics, int metric_count);
/* The end of the run. */
void event_finish(out *o, event_time at, bool success);

/* ---- events_read.c ---- */

/* The greatest steps at which scalars "step/…", "epoch/…" and "eval/…" stand. */
typedef struct event_reach {
    int64_t step, epoch, eval;
} event_reach;
/* Raises it by a file of ours, of steps up to `most`. It ends where the file does, or where it is damaged. */
void events_reach(const char *path, int64_t most, event_reach *reach);

/* CRC-32C (Castagnoli; RFC 3720, B.4) of bytes. */
uint32_t event_crc(const void *bytes, size_t length);

/* ---- events_graph.c ---- */

/* Fields of protocol buffers, in a buffer of their own. */
void field_varint(out *o, int field, uint64_t value);
void field_double(out *o, int field, double value);
void field_bytes(out *o, int field, const void *bytes, size_t length);
void field_name(out *o, int field, const char *name);
/* Appends a message and releases it; its failure passes on. */
void field_message(out *o, int field, out *message);

/* A GraphDef of the model. */
void graph_message(out *o, const stria_model *model);

#endif
