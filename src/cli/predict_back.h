/* stria predict of a network that gives pictures back. */
#ifndef CLI_PREDICT_BACK_H
#define CLI_PREDICT_BACK_H

#include "cli/options.h"

#include "report/pairs.h"

/* Writes what it makes of every picture into the new folder --out; returns the exit code. */
int predict_back(const options *given, pairs_maker *maker);

#endif
