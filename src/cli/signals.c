#include "cli/signals.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include <stria/stria.h>

static volatile sig_atomic_t held, asked, pipe_closed, bar_shown;

/* Only what is async-signal-safe. raise takes effect on return, when the signal is no longer blocked: the process dies
 * of it, and a shell sees 128 + number. */
static void on_stop(int number) {
    static const char clear[] = "\r\033[K";
    if (held) {
        asked = 1;
        return;
    }
    stria_files_abandon();
    if (bar_shown && write(STDERR_FILENO, clear, sizeof clear - 1) < 0) bar_shown = 0;
    signal(number, SIG_DFL);
    raise(number);
}

static void on_pipe(int number) {
    pipe_closed = 1;
}

void signals_init(void) {
    static const int stops[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction stop = {.sa_handler = on_stop, .sa_flags = SA_RESTART}, before;
    struct sigaction pipe = {.sa_handler = on_pipe, .sa_flags = SA_RESTART};
    for (int i = 0; i < 3; i++) sigaddset(&stop.sa_mask, stops[i]);
    for (int i = 0; i < 3; i++)
        if (sigaction(stops[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(stops[i], &stop, NULL);
    sigaction(SIGPIPE, &pipe, NULL);
    signal(SIGXFSZ, SIG_IGN); /* a file-size limit is then a failed write, with a sentence */
}

void signals_hold(void) {
    held = 1;
}

void signals_release(void) {
    held = 0;
}

bool signals_asked(void) {
    return asked != 0;
}

bool signals_pipe_closed(void) {
    return pipe_closed != 0;
}

void signals_bar(bool shown) {
    bar_shown = shown;
}
