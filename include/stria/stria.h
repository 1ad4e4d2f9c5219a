/* Stria: convolutional networks in C. This is the whole public interface: graphs, models, sessions (model.h), datasets
 * (data.h), training (train.h), looking inside (inspect.h).
 *
 * Rules that hold everywhere:
 * - Functions that can fail return a stria_status and fill a stria_error that the caller owns (NULL is accepted). A
 *   comment names what is particular to its function; STRIA_NO_MEMORY may come from each of them. Outputs are written
 *   only on success.
 * - Order of arguments: a handle that is made comes first (`out`), else the handle that the function belongs to; then
 * what it works on; then options; then what it fills in; the stria_error last.
 * - Structs that the caller owns and Stria reads or fills begin with their size: `stria_port port = {.size = sizeof
 * port}`, or what a function `…_default` returns. They grow at their end only, so a program works with a later library.
 * Rows that Stria owns are pointed to, one pointer each, and grow likewise.
 * - Nothing is printed, nothing exits, no handler is installed.
 * - Strings and arrays that are passed in are copied, unless a comment says how long they must live. What a function
 * `…_new` or `…_open` returns is freed by the matching `…_free`. A pointer may be NULL only where that is said.
 * - Threads: different handles may be used by different threads at once, and functions without a handle by any thread.
 *   A graph, a session, a predictor and a trainer are used by one thread at a time. Models and datasets are shared: any
 *   number of threads may use one, as long as none is in stria_model_set_metadata or another function that changes it.
 *   So are thread pools (base.h).
 * - Fork: where the C library lets the child of a program with several threads go on (glibc does), the child may use
 *   every handle that no other thread was using at that moment. Sessions, predictors and trainers from before the fork
 *   compute in it with the calling thread alone, to the same bits; those that it makes have threads of their own. A
 *   trainer with a run folder trains only in the process that made it (STRIA_BUSY in the child). Each process frees its
 *   own copies.
 */
#ifndef STRIA_STRIA_H
#define STRIA_STRIA_H

#include "base.h"
#include "data.h"
#include "inspect.h"
#include "model.h"
#include "train.h"

#endif
