/* Times inference of a model as bench/inference.py asks for it: network MODEL [BATCH (1)] [THREADS (1)] [SECONDS (1)].
 * Prints JSON: per run, least and median wall time and the median processor time of all threads. Uses the public header
 * only, so that it can be compiled against any build. */
#define PROGRAM "network"
#include "measure.h"

#define RUNS_MAX 2000
#define RUNS_MIN 5

/* Numbers between −1 and 1 in the first input: zeros would favour whoever skips them. */
static void input_fill(stria_session *session, const stria_model *model) {
    stria_error error = {0};
    stria_port port = {.size = sizeof port};
    check(stria_session_port(session, stria_model_input(model, 0)->name, &port, &error), &error);
    size_t count = 1;
    for (int i = 0; i < port.rank; i++) count *= (size_t)port.shape[i];
    float *x = calloc(count, sizeof *x);
    if (!x) exit(EXIT_FAILURE);
    for (size_t i = 0; i < count; i++) x[i] = (float)((i * 2654435761u >> 8) % 65536) / 32768 - 1;
    check(stria_session_set(session, port.name, x, count * sizeof *x, &error), &error);
    free(x);
}

static int run_for(stria_session *session, double seconds, double *wall, double *cpu) {
    stria_error error = {0};
    double start = now_ms(CLOCK_MONOTONIC);
    int runs = 0;
    while (runs < RUNS_MAX && (runs < RUNS_MIN || now_ms(CLOCK_MONOTONIC) - start < seconds * 1e3)) {
        double t = now_ms(CLOCK_MONOTONIC), c = now_ms(CLOCK_PROCESS_CPUTIME_ID);
        check(stria_session_run(session, &error), &error);
        wall[runs] = now_ms(CLOCK_MONOTONIC) - t;
        cpu[runs++] = now_ms(CLOCK_PROCESS_CPUTIME_ID) - c;
    }
    qsort(wall, (size_t)runs, sizeof *wall, ascending);
    qsort(cpu, (size_t)runs, sizeof *cpu, ascending);
    return runs;
}

int main(int argc, char **argv) {
    static double wall[RUNS_MAX], cpu[RUNS_MAX];
    if (argc < 2 || argc > 5) return fprintf(stderr, "usage: network MODEL [BATCH [THREADS [SECONDS]]]\n"), 2;
    stria_error error = {0};
    stria_model *model = NULL;
    stria_session *session = NULL;
    stria_session_options options = stria_session_options_default();
    options.batch = argc > 2 ? atoi(argv[2]) : 1;
    options.threads = argc > 3 ? atoi(argv[3]) : 1;
    check(stria_model_open(&model, argv[1], 1, &error), &error);
    check(stria_session_new(&session, model, &options, &error), &error);
    input_fill(session, model);
    run_for(session, 0, wall, cpu); /* warms caches and clock */
    int runs = run_for(session, argc > 4 ? atof(argv[4]) : 1, wall, cpu);
    printf("{\"min_ms\": %.5f, \"med_ms\": %.5f, \"cpu_ms\": %.5f, \"cpu_min_ms\": %.5f, \"runs\": %d}\n", wall[0],
           wall[runs / 2], cpu[runs / 2], cpu[0], runs);
    stria_session_free(session);
    stria_model_free(model);
    return 0;
}
