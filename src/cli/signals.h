/* SIGINT, SIGTERM and SIGHUP. They end the process immediately, as if there were no handler, but for two things: files
 * that are half-written go, and the bar is taken off the screen. While a training runs they are held: it saves and ends
 * by itself. A signal that was ignored when the command began (nohup, a shell's background job) stays so. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <stdbool.h>

void signals_init(void);
/* From now on, until signals_release, any number of signals do no more than make signals_asked true. */
void signals_hold(void);
void signals_release(void);
bool signals_asked(void);
/* Returns true if the reader of stdout went away (SIGPIPE). */
bool signals_pipe_closed(void);
/* Says whether a bar is on the screen. */
void signals_bar(bool shown);

#endif
