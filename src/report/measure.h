/* The measure of a training's goal (stria_event.measure), as text. */
#ifndef REPORT_MEASURE_H
#define REPORT_MEASURE_H

#include <stdbool.h>

bool measure_is_share(const char *measure);     /* of images: 0…1; else decibels */
const char *measure_title(const char *measure); /* "top-1", "PSNR" */
/* "97.50 %", "18.20 dB". */
const char *measure_text(const char *measure, double value, char text[32]);

#endif
