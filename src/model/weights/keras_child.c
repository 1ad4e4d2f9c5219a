#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pipe2 */
#endif
#include "model/weights/keras_child.h"

#include "base/clock.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What goes through the pipe: a message for each tensor, its name, its contents; then one that is the last, with the
 * status and the length of the error's text, and the text. Numbers of fixed size, since the parent trusts none. */
enum { TENSOR = 1, LAST = 2, NAME_MAX_BYTES = 1200 };
typedef struct message {
    int64_t kind, length; /* of the name, or of the text */
    int64_t value;        /* the tensor's type, or the status */
    int64_t rank, dim[RANK_MAX];
} message;

/* ---- in the child ---- */

static bool send_bytes(int to, const void *data, size_t bytes) {
    for (const char *at = data; bytes > 0;) {
        ssize_t n = write(to, at, bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        at += n, bytes -= (size_t)n;
    }
    return true;
}

static bool tensors_send(int to, const weights *w) {
    for (int i = 0; i < w->count; i++) {
        const tensor *t = w->items[i].data;
        size_t length = strlen(w->items[i].name);
        message m = {.kind = TENSOR, .length = (int64_t)length, .value = (int64_t)t->type, .rank = t->shape.rank};
        for (int d = 0; d < t->shape.rank; d++) m.dim[d] = t->shape.dim[d];
        if (!send_bytes(to, &m, sizeof m) || !send_bytes(to, w->items[i].name, length) ||
            !send_bytes(to, t->data, t->bytes))
            return false;
    }
    return true;
}

/* Bytes of address space that are in use; 0: the system does not tell. */
static uint64_t space_used(void) {
    char digits[32] = "";
    int64_t pages = 0;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t n = read(fd, digits, sizeof digits - 1);
    close(fd);
    if (n <= 0) return 0;
    digits[n] = 0;
    digits[strcspn(digits, " ")] = 0;
    return text_to_int(digits, &pages) && pages > 0 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* Two copies of the file that the library makes, the tensors, and its own structures. */
static void limits_set(size_t size, int seconds) {
    enum { COPIES = 4 };
    rlim_t most = (rlim_t)seconds, used = space_used();
    setrlimit(RLIMIT_CPU, &(struct rlimit){most, most + 1}); /* the soft limit's signal names the cause */
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (used) {
        rlim_t space = used + COPIES * weights_room(size);
        setrlimit(RLIMIT_AS, &(struct rlimit){space, space});
    }
    alarm((unsigned)seconds); /* also where the parent has ended */
}

/* A handler of the program's must not run in the child, nor a blocked signal keep it alive. */
static void signals_reset(void) {
    static const int all[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS,  SIGPIPE, SIGALRM, SIGXCPU,
                              SIGXFSZ, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD, SIGPROF, SIGVTALRM};
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) sigaction(all[i], &plain, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A build that measures coverage writes what was run at the program's end, which a child that leaves with _exit has
 * not. Written before the last message, after which the parent ends the child. */
extern void __gcov_dump(void) __attribute__((weak));

static void child(int to, weights *w, const uint8_t *bytes, size_t size, int seconds, child_work *work) {
    weights own = {.keras = w->keras, .room = w->room};
    stria_error err = {0};
    signals_reset();
    limits_set(size, seconds);
    stria_status status = work(&own, bytes, size, &err);
    message end = {.kind = LAST, .value = (int64_t)status, .length = (int64_t)strlen(err.text)};
    bool sent = status != STRIA_OK || tensors_send(to, &own);
    if (__gcov_dump) __gcov_dump();
    sent = sent && send_bytes(to, &end, sizeof end) && send_bytes(to, err.text, (size_t)end.length);
    _exit(sent ? 0 : 1); /* nothing of the parent's is flushed or released */
}

/* ---- in the parent ---- */

typedef struct receiver {
    int from, seconds;
    int64_t until; /* ns */
    stria_error *err;
} receiver;

static stria_status broken(const receiver *r) {
    FAIL(r->err, STRIA_BAD_FILE, "the HDF5 library breaks on it, so it is damaged");
}

static stria_status too_slow(const receiver *r) {
    FAIL(r->err, STRIA_BAD_FILE, "the HDF5 library is not done with it after %d second%s, so it is damaged", r->seconds,
         text_s(r->seconds));
}

/* Waits for bytes, or the end of them, as long as the child has time. */
static stria_status bytes_wait(const receiver *r) {
    for (;;) {
        int64_t left = (r->until - clock_ns()) / 1000000;
        struct pollfd one = {.fd = r->from, .events = POLLIN};
        int ready = left > 0 ? poll(&one, 1, (int)left) : 0;
        if (ready > 0) return STRIA_OK;
        if (ready < 0 && errno == EINTR) continue;
        if (ready < 0) FAIL(r->err, STRIA_IO, "no wait for a process that reads the file: %s", strerror(errno));
        if (left <= 0) return too_slow(r);
    }
}

static stria_status receive(const receiver *r, void *data, size_t bytes) {
    for (char *at = data; bytes > 0;) {
        TRY(bytes_wait(r));
        ssize_t n = read(r->from, at, bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return broken(r);
        at += n, bytes -= (size_t)n;
    }
    return STRIA_OK;
}

/* Text of m->length bytes, and its end. */
static stria_status text_receive(const receiver *r, const message *m, char *out, size_t room) {
    if (m->length < 0 || m->length >= (int64_t)room) return broken(r);
    TRY(receive(r, out, (size_t)m->length));
    out[m->length] = 0;
    return strlen(out) == (size_t)m->length ? STRIA_OK : broken(r);
}

static stria_status tensor_receive(const receiver *r, weights *w, const message *m) {
    char name[NAME_MAX_BYTES];
    tensor *t;
    shape s = {.rank = (int)m->rank};
    if (m->rank < 0 || m->rank > RANK_MAX || m->value < 1 || m->value > INT16_MAX || !dtype_bytes((dtype)m->value))
        return broken(r);
    dtype type = (dtype)m->value;
    for (int d = 0; d < s.rank; d++) {
        s.dim[d] = m->dim[d];
        if (s.dim[d] < 0) return broken(r);
    }
    TRY(text_receive(r, m, name, sizeof name));
    TRY(shape_check(&s, type, r->err, "array '%s'", name));
    TRY(weights_charge(w, (uint64_t)shape_bytes(&s, type), r->err));
    TRY(tensor_raw(&t, type, &s, name, r->err));
    stria_status status = receive(r, t->data, t->bytes);
    if (status == STRIA_OK) return weights_add(w, name, strlen(name), t, r->err);
    tensor_release(t);
    return status;
}

static stria_status tensors_receive(const receiver *r, weights *w) {
    for (;;) {
        message m;
        char text[sizeof r->err->text];
        TRY(receive(r, &m, sizeof m));
        if (m.kind == TENSOR) {
            TRY(tensor_receive(r, w, &m));
            continue;
        }
        if (m.kind != LAST || m.value < STRIA_OK || m.value > STRIA_BAD_VALUE) return broken(r);
        TRY(text_receive(r, &m, text, sizeof text));
        if (m.value == STRIA_OK) return STRIA_OK;
        FAIL(r->err, (stria_status)m.value, "%s", text);
    }
}

/* Ends that no program inherits which another thread starts meanwhile. */
static bool pipe_open(int ends[2]) {
#ifdef __linux__
    return pipe2(ends, O_CLOEXEC) == 0;
#else
    if (pipe(ends) != 0) return false;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    return true;
#endif
}

stria_status child_run(weights *w, const uint8_t *bytes, size_t size, int seconds, child_work *work, stria_error *err) {
    int ends[2], code = 0;
    if (!pipe_open(ends)) FAIL(err, STRIA_IO, "no pipe for a process that reads the file: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        child(ends[1], w, bytes, size, seconds, work);
    }
    close(ends[1]);
    receiver r = {.from = ends[0], .seconds = seconds, .until = clock_ns() + (int64_t)seconds * 1000000000, .err = err};
    stria_status status = pid < 0 ? error_set(err, STRIA_IO, "no process to read the file in: %s", strerror(errno))
                                  : tensors_receive(&r, w);
    close(ends[0]);
    if (pid > 0) kill(pid, SIGKILL); /* all that it had to say is here, or is not wanted */
    while (pid > 0 && waitpid(pid, &code, 0) < 0 && errno == EINTR) continue;
    /* The child's own timers may end it before this process looks at its clock. */
    bool late = status != STRIA_OK && WIFSIGNALED(code) && (WTERMSIG(code) == SIGALRM || WTERMSIG(code) == SIGXCPU);
    return late ? too_slow(&r) : status;
}
