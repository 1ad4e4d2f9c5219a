/* Times opening sessions of a model: session [MODEL (lenet5) [SESSIONS (4)]]. Prints JSON: first_ms, the time of the
 * first session of a freshly opened model, the median of five; next_bytes, the resident memory that each of SESSIONS
 * more sessions of one model adds, after a run; next_ms, the shortest time of opening one of these; model_ms, opening
 * the model; workspace_bytes, a session's planned workspace. Uses the public header only, so that it can be compiled
 * against any build. */
#define PROGRAM "session"
#include "measure.h"

#define ROUNDS       5
#define SESSIONS_MAX 64

/* Resident bytes of this process, from Linux's /proc. */
static long long resident(void) {
    FILE *f = fopen("/proc/self/statm", "r");
    long long size = 0, pages = 0;
    if (f) {
        if (fscanf(f, "%lld %lld", &size, &pages) != 2) pages = 0;
        fclose(f);
    }
    return pages * 4096;
}

static stria_session *session_opened(const stria_model *model) {
    stria_error error = {0};
    stria_session *session = NULL;
    stria_session_options options = stria_session_options_default();
    options.threads = 2;
    check(stria_session_new(&session, model, &options, &error), &error);
    return session;
}

static stria_model *model_opened(const char *spec) {
    stria_error error = {0};
    stria_model *model = NULL;
    check(stria_model_open(&model, spec, 1, &error), &error);
    return model;
}

static stria_session *session_used(const stria_model *model) {
    stria_error error = {0};
    stria_session *session = session_opened(model);
    check(stria_session_run(session, &error), &error);
    return session;
}

int main(int argc, char **argv) {
    const char *spec = argc > 1 ? argv[1] : "lenet5";
    int more = argc > 2 ? atoi(argv[2]) : 4;
    if (more < 1 || more > SESSIONS_MAX) return fprintf(stderr, "usage: session [MODEL [SESSIONS]]\n"), 2;
    double first[ROUNDS], load[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        double start = now_ms(CLOCK_MONOTONIC);
        stria_model *model = model_opened(spec);
        load[i] = now_ms(CLOCK_MONOTONIC) - start, start = now_ms(CLOCK_MONOTONIC);
        stria_session *session = session_opened(model);
        first[i] = now_ms(CLOCK_MONOTONIC) - start;
        stria_session_free(session);
        stria_model_free(model);
    }
    qsort(first, ROUNDS, sizeof *first, ascending);
    qsort(load, ROUNDS, sizeof *load, ascending);

    stria_model *model = model_opened(spec);
    stria_session *sessions[SESSIONS_MAX + 1] = {session_used(model)};
    long long before = resident();
    for (int i = 1; i <= more; i++) sessions[i] = session_used(model);
    long long next_bytes = (resident() - before) / more;
    double next = 0;
    for (int i = 0; i < ROUNDS; i++) {
        double start = now_ms(CLOCK_MONOTONIC);
        stria_session *session = session_opened(model);
        double ms = now_ms(CLOCK_MONOTONIC) - start;
        if (i == 0 || ms < next) next = ms;
        stria_session_free(session);
    }
    printf("{\"first_ms\": %.4f, \"next_ms\": %.4f, \"model_ms\": %.4f, \"next_bytes\": %lld, "
           "\"workspace_bytes\": %zu}\n",
           first[ROUNDS / 2], next, load[ROUNDS / 2], next_bytes, stria_session_bytes(sessions[0]));
    for (int i = 0; i <= more; i++) stria_session_free(sessions[i]);
    stria_model_free(model);
    return 0;
}
