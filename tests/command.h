/* The command in the test's own process: faster than a thousand processes, and a test can make calls of it fail. */
#ifndef TESTS_COMMAND_H
#define TESTS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

enum { COMMAND_WORDS_MAX = 48 };

/* What the last one wrote, in static storage, cut at so many bytes. */
extern char command_out[1 << 16], command_err[1 << 14];

/* A new working folder, removed at the end of the process; SOURCE becomes absolute. NULL where there is none. */
const char *command_folder(void);

/* Runs `stria LINE` with nothing on standard input; words are parted by blanks, '…' keeps them together and may be
 * empty. Returns the exit code. */
int command_run(const char *line);

/* Makes what the lines of tests are about, in the working folder: small networks m.net and m.onnx, a data set d
 * (mnist:d), pictures f (folder:f) and p.pgm, arrays, runs r and s, weights, a test case. False where that failed. */
bool command_files(void);

#endif
