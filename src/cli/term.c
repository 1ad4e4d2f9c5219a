#include "cli/term.h"

#include "cli/signals.h"
#include "cli/verb.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static bool utf8, bar_shown, lost;
static double bar_time;

/* A closed descriptor 0 to 2 would be given to the next file that is opened, and messages written into a checkpoint. */
static void descriptors_fill(void) {
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
            int opened = open("/dev/null", fd == 1 ? O_RDONLY : O_RDWR); /* writing to a closed stdout stays an error */
            if (opened >= 0 && opened != fd) close(opened);
        }
}

void term_init(void) {
    lost = false;
    descriptors_fill();
    setlocale(LC_CTYPE, "");
    utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    signals_init();
}

bool term_stopped(void) {
    return signals_asked();
}

void term_lost(void) {
    lost = true;
}

bool term_has_lost(void) {
    return lost;
}

bool term_finish(void) {
    errno = 0;
    int flushed = fflush(stdout), reason = errno;
    if (lost) term_say("out of memory: not everything was shown or written");
    if (flushed == 0 && !ferror(stdout)) return !lost;
    if (signals_pipe_closed()) return false;
    term_say("writing to standard output failed%s%s", reason ? ": " : "", reason ? strerror(reason) : "");
    return false;
}

bool term_colour(FILE *stream) {
    const char *no = getenv("NO_COLOR"), *kind = getenv("TERM");
    return isatty(fileno(stream)) && !(no && *no) && !(kind && strcmp(kind, "dumb") == 0);
}

bool term_utf8(void) {
    return utf8;
}

const char *term_cut(void) {
    return utf8 ? "…" : "...";
}

const char *term_times(void) {
    return utf8 ? "×" : "x";
}

const char *term_arrow(void) {
    return utf8 ? "→" : "->";
}

int term_width(FILE *stream) {
    struct winsize size;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 80;
    return size.ws_col;
}

void term_wrap(FILE *stream, const char *text, int from) {
    text_wrap(stream, text, from, isatty(fileno(stream)) ? term_width(stream) : INT_MAX);
}

const char *term_begin(FILE *stream, term_style style) {
    static const char *const sequences[] = {"\033[1m", "\033[2m", "\033[32m", "\033[31m"};
    return term_colour(stream) ? sequences[style] : "";
}

const char *term_end(FILE *stream) {
    return term_colour(stream) ? "\033[0m" : "";
}

static bool hushed;

void term_hush(bool on) {
    hushed = on;
}

/* "stria: SENTENCE", folded in a terminal; a command at its end has a line of its own there, whole, to be copied. */
static void sentence_print(char *text) {
    char *command = isatty(fileno(stderr)) ? strstr(text, ": stria ") : NULL;
    if (command) command[1] = 0;
    fputs("stria: ", stderr);
    term_wrap(stderr, text, 7);
    if (command) fprintf(stderr, "%7s%s\n", "", command + 2);
}

void term_say(const char *format, ...) {
    va_list arguments;
    if (hushed) return;
    va_start(arguments, format);
    fflush(stdout); /* so that both streams in one terminal keep their order */
    term_bar_clear();
    char text[2048];
    vsnprintf(text, sizeof text, format, arguments);
    sentence_print(text_clean(text));
    va_end(arguments);
}

int term_fail(const stria_error *error) {
    term_say("%s", error->text);
    return error->status == STRIA_BAD_ARGUMENT ? EXIT_USAGE : EXIT_FAILED;
}

int term_no_memory(const char *what) {
    term_say("not enough memory for %s", what);
    return EXIT_FAILED;
}

/* Seconds of a clock that only goes forward. */
static double term_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void term_bar(const char *label, double share, const char *tail) {
    double now = term_seconds();
    if (now - bar_time < 0.1 || !isatty(fileno(stderr))) return;
    bar_time = now;
    bar_shown = true;
    signals_bar(true);
    int width = term_width(stderr) - text_columns(label) - text_columns(tail) - 4;
    if (width > 40) width = 40;
    int filled = (int)(share * width + 0.5);
    fprintf(stderr, "\r%s ", label);
    for (int i = 0; i < width; i++) fputs(i < filled ? (utf8 ? "█" : "#") : (utf8 ? "░" : "."), stderr);
    fprintf(stderr, " %s\033[K", tail);
    fflush(stderr);
}

void term_bar_clear(void) {
    if (bar_shown) fputs("\r\033[K", stderr);
    bar_shown = false;
    signals_bar(false);
    bar_time = 0;
}

bool term_progress(int64_t done, int64_t of, void *context) {
    char tail[80], a[32], b[32];
    snprintf(tail, sizeof tail, "%s of %s", show_count(done, a), show_count(of, b));
    term_bar(context, of > 0 ? (double)done / (double)of : 1, tail);
    if (done >= of) term_bar_clear();
    return !signals_asked();
}
