/* Stria: convolutional networks in C. This is the whole public interface: graphs, models, sessions (model.h), datasets
 * (data.h), training (train.h) and inspection (inspect.h).
 *
 * Rules that hold everywhere:
 * - Functions that can fail return a stria_status and fill a stria_error that the caller owns (NULL is accepted). A
 *   function's comment names its particular errors; any of them may also return STRIA_NO_MEMORY. Outputs are written
 *   only on success.
 * - Order of arguments: a handle that is made comes first (`out`), else the handle that the function belongs to; then
 *   the arguments that it reads; then options; then the arguments that it fills; the stria_error last.
 * - Structs that the caller owns and Stria reads or fills begin with their size: `stria_port port = {.size = sizeof
 *   port}`, or the return value of a function `…_default`. They grow at their end only, so a program works with a later
 *   library. Exceptions are stria_error, stria_array and stria_named_array, whose size is fixed. Rows that Stria owns
 *   are pointed to, one pointer each, and grow likewise.
 * - Nothing is printed, nothing exits, no handler is installed.
 * - Strings and arrays that are passed in are copied, unless a comment says how long they must live. The matching
 *   `…_free` frees the result of a function `…_new` or `…_open`. A pointer may be NULL only where the comment says so.
 * - Threads: different handles may be used by different threads concurrently, and functions without a handle by any
 * thread. A graph, a session, a predictor and a trainer are used by one thread at a time. Models and datasets are
 * shared: any number of threads may use one, as long as none is in stria_model_set_metadata or another function that
 * changes it. So are thread pools (base.h).
 * - Fork: where the C library lets the child of a multi-threaded program go on (glibc does), the child may use every
 *   handle that no other thread was using during the fork. In the child, sessions, predictors and trainers from before
 *   the fork compute in the calling thread alone, with bit-identical results; those made in the child have their own
 *   threads. A trainer with a run folder trains only in the process that made it (STRIA_BUSY in the child). Each
 *   process frees its own copies.
 */
#ifndef STRIA_STRIA_H
#define STRIA_STRIA_H

#include "base.h"
#include "data.h"
#include "inspect.h"
#include "model.h"
#include "train.h"

#endif
