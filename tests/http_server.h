/* A small HTTP server in a thread, for tests of downloads: it serves one body, and does to each request what the test's
 * script says, in turn; the last line of the script stays. */
#ifndef TESTS_HTTP_SERVER_H
#define TESTS_HTTP_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct http_step {
    int code;         /* 0: 200, or 206 to a request for the rest */
    size_t cut;       /* the connection breaks after so many bytes of the body; 0: it does not */
    bool no_ranges;   /* always the whole */
    bool no_length;   /* ends with the connection */
    bool wrong_place; /* the rest begins a byte late */
    bool stall;       /* nothing more comes until the server ends */
    bool drip;        /* after the cut, a byte at a time, 20 each second */
    const char *location;
    const char *etag; /* of this version */
    bool other;       /* another body of the same size */
} http_step;

typedef struct http_server {
    const uint8_t *body;
    size_t size;
    const http_step *steps;
    int step_count;
    int requests, ranges; /* how many came; how many asked for a rest */
    int socket, port;
    bool ending;
    pthread_t thread;
} http_server;

static inline void http_say(int to, const void *bytes, size_t count) {
    for (const char *at = bytes; count > 0;) {
        ssize_t n = send(to, at, count, MSG_NOSIGNAL);
        if (n <= 0) return;
        at += n, count -= (size_t)n;
    }
}

static inline void http_answer(http_server *s, int to, const char *asked) {
    const http_step *step = &s->steps[s->requests < s->step_count ? s->requests : s->step_count - 1];
    char head[1024], range[128] = "", length[64] = "", etag[128] = "", location[256] = "";
    const char *rest = strstr(asked, "\nRange: bytes="), *guard = strstr(asked, "\nIf-Range: ");
    size_t from = rest ? (size_t)strtoull(rest + strlen("\nrange: bytes="), NULL, 10) : 0;
    bool same = !guard || (step->etag && strncmp(guard + strlen("\nif-range: "), step->etag, strlen(step->etag)) == 0);
    int code = step->code;
    s->requests++;
    s->ranges += rest != NULL;
    if (!rest || step->no_ranges || !same || code) from = 0;
    else if (from >= s->size) code = 416;
    if (!code && from) {
        code = 206;
        snprintf(range, sizeof range, "Content-Range: bytes %zu-%zu/%zu\r\n", from + step->wrong_place, s->size - 1,
                 s->size);
    }
    if (!code) code = 200;
    if (!step->no_length) snprintf(length, sizeof length, "Content-Length: %zu\r\n", code < 300 ? s->size - from : 0);
    if (step->etag) snprintf(etag, sizeof etag, "ETag: %s\r\n", step->etag);
    if (step->location) snprintf(location, sizeof location, "Location: %s\r\n", step->location);
    snprintf(head, sizeof head, "HTTP/1.1 %d Is\r\nConnection: close\r\n%s%s%s%s\r\n", code, range, length, etag,
             location);
    http_say(to, head, strlen(head));
    size_t bytes = s->size - from;
    if (step->cut && step->cut < bytes) bytes = step->cut;
    uint8_t *copy = malloc(bytes + 1);
    for (size_t i = 0; copy && i < bytes; i++) copy[i] = s->body[from + i] ^ (step->other ? 0x55 : 0);
    if (copy && code < 300) http_say(to, copy, bytes);
    free(copy);
    for (size_t i = from + bytes; step->drip && i < s->size && !__atomic_load_n(&s->ending, __ATOMIC_RELAXED); i++) {
        if (send(to, s->body + i, 1, MSG_NOSIGNAL) <= 0) break;
        usleep(50000);
    }
    while (step->stall && !__atomic_load_n(&s->ending, __ATOMIC_RELAXED)) usleep(10000);
}

static inline void *http_serve(void *context) {
    http_server *s = context;
    for (;;) {
        char asked[4096] = "";
        size_t length = 0;
        int to = accept(s->socket, NULL, NULL);
        if (__atomic_load_n(&s->ending, __ATOMIC_RELAXED) || to < 0) return NULL;
        while (length < sizeof asked - 1 && !strstr(asked, "\r\n\r\n")) {
            ssize_t n = recv(to, asked + length, sizeof asked - 1 - length, 0);
            if (n <= 0) break;
            length += (size_t)n;
            asked[length] = 0;
        }
        http_answer(s, to, asked);
        shutdown(to, SHUT_WR);
        while (recv(to, asked, sizeof asked, 0) > 0) continue;
        close(to);
    }
}

static inline bool http_start(http_server *s) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    s->ending = false;
    s->requests = s->ranges = 0;
    s->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (s->socket < 0 || bind(s->socket, (struct sockaddr *)&at, sizeof at) || listen(s->socket, 16) ||
        getsockname(s->socket, (struct sockaddr *)&at, &length))
        return false;
    s->port = ntohs(at.sin_port);
    return pthread_create(&s->thread, NULL, http_serve, s) == 0;
}

static inline void http_stop(http_server *s) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    at.sin_port = htons((uint16_t)s->port);
    __atomic_store_n(&s->ending, true, __ATOMIC_RELAXED);
    int wake = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(wake, (struct sockaddr *)&at, sizeof at) == 0) close(wake);
    pthread_join(s->thread, NULL);
    close(s->socket);
}

#endif
