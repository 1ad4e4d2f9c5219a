#include "report/measure.h"

#include <stdio.h>
#include <string.h>

bool measure_is_share(const char *measure) {
    return strcmp(measure, "psnr") != 0;
}

const char *measure_title(const char *measure) {
    return measure_is_share(measure) ? "top-1" : "PSNR";
}

const char *measure_text(const char *measure, double value, char text[32]) {
    if (measure_is_share(measure)) snprintf(text, 32, "%.2f %%", 100 * value);
    else snprintf(text, 32, "%.2f dB", value);
    return text;
}
