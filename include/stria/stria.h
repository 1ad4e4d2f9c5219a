/* Stria: convolutional networks in C. This is the whole public interface: graphs, models, sessions (model.h), datasets
 * (data.h), training (train.h), looking inside (inspect.h).
 *
 * Rules that hold everywhere: functions that can fail return a stria_status and fill a stria_error that the caller owns
 * (NULL is accepted); outputs are written only on success; nothing is printed, nothing exits, no handler is installed;
 * strings and arrays that are passed in are copied; what a function `…_new` or `…_open` returns is freed by the
 * matching `…_free`. */
#ifndef STRIA_STRIA_H
#define STRIA_STRIA_H

#include "base.h"
#include "data.h"
#include "inspect.h"
#include "model.h"
#include "train.h"

#endif
