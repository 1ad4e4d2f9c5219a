/* This machine: which instruction sets, how fast. */
#ifndef RUN_MACHINE_H
#define RUN_MACHINE_H

#include "backend/backend.h"

/* The kernels to use: by name, else the environment's STRIA_ISA, else this machine's best. Refuses unknown names with
 * the list. */
stria_status machine_kernels(const char *isa, const kernel_set **out, stria_error *err);
/* Name of the i-th set that this machine can run, best first; NULL past the end. */
const char *machine_isa(int i);
const char *kernels_name(const kernel_set *ks);

/* Name of an operator's i-th implementation, best first; NULL past the last. */
const char *machine_implementation(const op_def *op, int i);

/* GFLOP/s of float32 multiply-adds in registers on all threads of the pool, in one run of so many rounds (of 24
 * operations a lane). sink: 64 floats a thread. */
double machine_multiply_gflops(const kernel_set *ks, pool *p, int64_t rounds, float *sink);
/* The best of such runs within 20 ms: the ceiling that other figures are shares of. */
stria_status machine_peak_gflops(const kernel_set *ks, pool *p, double *out, stria_error *err);

/* 10⁹ bytes per second that copying moves between memory and the threads of the pool, read and written, the best of
 * runs within 50 ms over two pieces of 64 MiB. */
stria_status machine_bandwidth_gbs(pool *p, double *out, stria_error *err);

/* Most memory that this process has had resident, in bytes; 0 if the system does not tell. */
uint64_t machine_peak_rss(void);

#endif
