#include "data/fetch.h"

#ifndef STRIA_HAVE_CURL
stria_status fetch_file(const fetch_request *request, char sum[SHA256_TEXT], stria_error *err) {
    FAIL(err, STRIA_UNSUPPORTED, "%s: this build of Stria has no libcurl, so it fetches nothing", request->url);
}
#else

#include "base/clock.h"
#include "base/file.h"
#include "base/library.h"
#include "data/fetch_part.h"

#define CURL_DISABLE_TYPECHECK /* its macro of curl_easy_setopt calls a function that is linked */
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TRIES = 5, PROGRESS_BYTES = 1 << 16, STALL_BYTES = 128, CONNECT_SECONDS = 30, REDIRECTS = 10 };

#define CURL_SYMBOLS(X)                                                                                                \
    X(curl_easy_cleanup)                                                                                               \
    X(curl_easy_getinfo)                                                                                               \
    X(curl_easy_init)                                                                                                  \
    X(curl_easy_perform)                                                                                               \
    X(curl_easy_setopt) X(curl_easy_strerror) X(curl_global_init) X(curl_slist_append) X(curl_slist_free_all)
LIBRARY(libcurl, STRIA_CURL_FILE, CURL_SYMBOLS)

/* One request on its way. */
typedef struct transfer {
    const fetch_request *want;
    fetch_part part;
    CURL *curl;
    char validator[256];   /* ETag or date of the version that the part is of; "": none */
    char reply[256];       /* the same of the reply that comes in now */
    long long reply_first; /* where that reply's bytes belong, −1: not said */
    uint64_t total;        /* 0: not known */
    bool placed, earlier;  /* the reply's first bytes have come; the part began in an earlier call */
    stria_status status;   /* of what a callback failed with */
    stria_error *err;
} transfer;

/* ---- while a reply comes in ---- */

/* The value of a header line of this name, NULL if it has another. */
static const char *header_value(const char *line, size_t length, const char *name) {
    size_t n = strlen(name);
    if (length <= n || strncasecmp(line, name, n) != 0 || line[n] != ':') return NULL;
    const char *at = line + n + 1;
    while (*at == ' ' || *at == '\t') at++;
    return at;
}

static size_t header_came(char *line, size_t one, size_t count, void *context) {
    transfer *t = context;
    char copy[320];
    size_t bytes = one * count, n = bytes < sizeof copy ? bytes : sizeof copy - 1;
    memcpy(copy, line, n); /* curl does not end the line */
    copy[n] = 0;
    copy[strcspn(copy, "\r\n")] = 0;
    if (strncmp(copy, "HTTP/", 5) == 0) { /* a redirection's headers came before these */
        t->reply[0] = 0;
        t->reply_first = -1;
    }
    const char *etag = header_value(copy, n, "etag"), *date = header_value(copy, n, "last-modified"),
               *range = header_value(copy, n, "content-range");
    if (etag && *etag == '"') snprintf(t->reply, sizeof t->reply, "%s", etag); /* a weak one ("W/…") does not serve */
    else if (date && t->reply[0] != '"') snprintf(t->reply, sizeof t->reply, "%s", date);
    if (range && strncasecmp(range, "bytes ", 6) == 0 && range[6] >= '0' && range[6] <= '9')
        t->reply_first = strtoll(range + 6, NULL, 10);
    return bytes;
}

/* Before the first bytes of a reply: a server that does not give the rest gives the whole. */
static stria_status reply_place(transfer *t) {
    long code = 0;
    curl_off_t length = -1;
    libcurl.curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &code);
    libcurl.curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    bool rest = code == 206 && t->reply_first >= 0 && (uint64_t)t->reply_first == t->part.have;
    if (code == 206 && !rest)
        FAIL(t->err, STRIA_IO, "%s: the server sends another part than was asked for", t->want->url);
    if (!rest && t->part.have) TRY(part_empty(&t->part, t->err));
    if (!rest) t->earlier = false;
    snprintf(t->validator, sizeof t->validator, "%s", t->reply);
    if (length >= 0 && !t->want->bytes) t->total = t->part.have + (uint64_t)length;
    if (length >= 0 && t->want->bytes && t->part.have + (uint64_t)length != t->want->bytes)
        FAIL(t->err, STRIA_BAD_FILE, "%s: the server's file has %llu bytes, not %llu", t->want->url,
             (unsigned long long)(t->part.have + (uint64_t)length), (unsigned long long)t->want->bytes);
    return STRIA_OK;
}

/* A server may send without end, or say that it will. */
static stria_status most_check(const transfer *t, uint64_t bytes) {
    uint64_t most = t->want->most ? t->want->most : FETCH_MOST;
    if (t->want->bytes || bytes <= most) return STRIA_OK;
    FAIL(t->err, STRIA_BAD_FILE, "%s: the file has more than %llu bytes, the limit for files of unknown size",
         t->want->url, (unsigned long long)most);
}

static stria_status bytes_take(transfer *t, const char *bytes, size_t count) {
    if (!t->placed) TRY(reply_place(t));
    t->placed = true;
    TRY(most_check(t, t->total > t->part.have + count ? t->total : t->part.have + count));
    if (t->want->bytes && t->part.have + count > t->want->bytes)
        FAIL(t->err, STRIA_BAD_FILE, "%s: the server sends more than the %llu bytes of the file", t->want->url,
             (unsigned long long)t->want->bytes);
    return part_append(&t->part, bytes, count, t->err);
}

static size_t bytes_came(char *bytes, size_t one, size_t count, void *context) {
    transfer *t = context;
    t->status = bytes_take(t, bytes, one * count);
    return t->status == STRIA_OK ? one * count : 0;
}

static int progress_came(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now) {
    transfer *t = context;
    if (!t->want->progress || t->want->progress(t->part.have, t->total, t->want->context)) return 0;
    t->status = error_set(t->err, STRIA_INTERRUPTED, "%s: stopped after %llu bytes", t->want->url,
                          (unsigned long long)t->part.have);
    return 1;
}

/* ---- a try ---- */

static CURLcode curl_state; /* of its start, once per process */

static void curl_start(void) {
    curl_state = libcurl.curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool options_set(transfer *t, char error[CURL_ERROR_SIZE]) {
    CURL *c = t->curl;
    bool safe = strncasecmp(t->want->url, "https:", 6) == 0; /* then nothing leads away from it */
    return libcurl.curl_easy_setopt(c, CURLOPT_URL, t->want->url) == CURLE_OK &&
           libcurl.curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           libcurl.curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, safe ? "https" : "http,https") == CURLE_OK &&
           libcurl.curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L) == CURLE_OK &&
           libcurl.curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTS) == CURLE_OK &&
           libcurl.curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L) == CURLE_OK &&
           libcurl.curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           libcurl.curl_easy_setopt(c, CURLOPT_USERAGENT, "stria/" STRIA_VERSION) == CURLE_OK &&
           libcurl.curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS) == CURLE_OK &&
           libcurl.curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES) == CURLE_OK &&
           libcurl.curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)t->want->stall_seconds) == CURLE_OK &&
           libcurl.curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error) == CURLE_OK &&
           libcurl.curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, header_came) == CURLE_OK &&
           libcurl.curl_easy_setopt(c, CURLOPT_HEADERDATA, t) == CURLE_OK &&
           libcurl.curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, bytes_came) == CURLE_OK &&
           libcurl.curl_easy_setopt(c, CURLOPT_WRITEDATA, t) == CURLE_OK &&
           libcurl.curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           libcurl.curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, progress_came) == CURLE_OK &&
           libcurl.curl_easy_setopt(c, CURLOPT_XFERINFODATA, t) == CURLE_OK;
}

/* Asks for the rest, if the server still has what the part is of. A part of an earlier call has no validator: its sum
 * decides. */
static bool rest_ask(transfer *t, struct curl_slist **headers) {
    char line[320];
    bool resumable = t->part.have && (t->validator[0] || t->want->sha256);
    snprintf(line, sizeof line, "%llu-", (unsigned long long)t->part.have);
    if (libcurl.curl_easy_setopt(t->curl, CURLOPT_RANGE, resumable ? line : NULL) != CURLE_OK) return false;
    if (!resumable || !t->validator[0]) return libcurl.curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, NULL) == CURLE_OK;
    snprintf(line, sizeof line, "If-Range: %s", t->validator);
    *headers = libcurl.curl_slist_append(NULL, line);
    return *headers && libcurl.curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, *headers) == CURLE_OK;
}

/* STRIA_OK, or why it failed and whether another try may help. */
static stria_status try_once(transfer *t, bool *again) {
    char error[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = NULL;
    long code = 0;
    *again = false;
    t->placed = false;
    t->status = STRIA_OK;
    t->reply[0] = 0;
    if (!options_set(t, error) || !rest_ask(t, &headers)) {
        libcurl.curl_slist_free_all(headers);
        FAIL(t->err, STRIA_IO, "%s: libcurl refuses the request", t->want->url);
    }
    CURLcode got = libcurl.curl_easy_perform(t->curl);
    libcurl.curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &code);
    libcurl.curl_slist_free_all(headers);
    if (t->status != STRIA_OK) return t->status;            /* a callback's reason */
    if (got == CURLE_OK && !t->placed) TRY(reply_place(t)); /* a reply without a byte */
    if (got == CURLE_OK) return STRIA_OK;
    if (got == CURLE_HTTP_RETURNED_ERROR) {
        *again = code == 408 || code == 416 || code == 429 || code >= 500;
        if (code == 416) TRY(part_empty(&t->part, t->err)); /* there is no such rest: from the start */
        FAIL(t->err, code == 404 || code == 410 ? STRIA_NO_FILE : STRIA_IO, "%s: the server answers %ld%s",
             t->want->url, code,
             code == 404   ? " (no such file)"
             : code == 403 ? " (forbidden)"
                           : "");
    }
    *again = got == CURLE_PARTIAL_FILE || got == CURLE_OPERATION_TIMEDOUT || got == CURLE_RECV_ERROR ||
             got == CURLE_SEND_ERROR || got == CURLE_GOT_NOTHING || got == CURLE_HTTP2 || got == CURLE_HTTP2_STREAM ||
             ((got == CURLE_COULDNT_CONNECT || got == CURLE_COULDNT_RESOLVE_HOST) && t->part.have && !t->earlier);
    FAIL(t->err, got == CURLE_UNSUPPORTED_PROTOCOL ? STRIA_BAD_ARGUMENT : STRIA_IO, "%s: %s", t->want->url,
         *error ? error : libcurl.curl_easy_strerror(got));
}

/* Waits, asking now and then whether to stop. */
static stria_status wait_ms(transfer *t, int64_t ms) {
    for (int64_t end = clock_ns() + ms * 1000000; clock_ns() < end;) {
        if (progress_came(t, 0, 0, 0, 0)) return t->status;
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    return STRIA_OK;
}

static stria_status transfer_run(transfer *t) {
    int64_t pause = t->want->retry_ms;
    uint64_t reached = t->part.have;
    for (int tries = 1;; tries++) {
        bool again;
        stria_status status = try_once(t, &again);
        if (status == STRIA_OK || !again) return status;
        if (t->part.have >= reached + PROGRESS_BYTES) {
            reached = t->part.have;
            pause = t->want->retry_ms;
            tries = 0;
        }
        if (tries >= TRIES) return status;
        TRY(wait_ms(t, pause));
        pause *= 2;
    }
}

/* ---- the file ---- */

static stria_status sum_check(const transfer *t, const char *sum, stria_error *err) {
    if (t->want->bytes && t->part.have != t->want->bytes)
        FAIL(err, STRIA_BAD_FILE, "%s: %llu bytes came, not %llu", t->want->url, (unsigned long long)t->part.have,
             (unsigned long long)t->want->bytes);
    if (t->want->sha256 && strcasecmp(sum, t->want->sha256) != 0)
        FAIL(err, STRIA_BAD_FILE, "%s: the file that came has SHA-256 %s, not %s: it is another one, or damaged",
             t->want->url, sum, t->want->sha256);
    return STRIA_OK;
}

/* Until the part is the file. One that was begun earlier may be of another version: then once more, from the start. */
static stria_status part_fill(transfer *t, char sum[SHA256_TEXT], stria_error *err) {
    for (;;) {
        bool whole = t->want->bytes && t->part.have == t->want->bytes;
        stria_status status = whole ? STRIA_OK : transfer_run(t);
        bool suspect = t->earlier;
        if (status == STRIA_OK) {
            sha256 copy = t->part.sum;
            sha256_finish(&copy, sum);
            status = sum_check(t, sum, err);
        }
        if (status != STRIA_BAD_FILE || !suspect) return status;
        t->earlier = false;
        TRY(part_empty(&t->part, err));
    }
}

static stria_status part_fetch(transfer *t, char sum[SHA256_TEXT], stria_error *err) {
    t->curl = libcurl.curl_easy_init();
    if (!t->curl) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a download");
    stria_status status = part_open(&t->part, t->want->path, t->want->sha256 != NULL, err);
    t->earlier = status == STRIA_OK && t->part.have > 0;
    t->total = t->want->bytes;
    if (status == STRIA_OK) status = part_fill(t, sum, err);
    if (status == STRIA_OK) status = part_commit(&t->part, err);
    /* What could be whole one day is kept; a file that was begun in vain, or is wrong, is not. */
    part_close(&t->part, t->want->sha256 && t->part.have && (status == STRIA_IO || status == STRIA_INTERRUPTED));
    libcurl.curl_easy_cleanup(t->curl);
    return status;
}

static bool there_already(const fetch_request *r, char sum[SHA256_TEXT]) {
    return r->sha256 && file_exists(r->path) && (!r->bytes || file_bytes(r->path) == r->bytes) &&
           sha256_file(r->path, sum, NULL) == STRIA_OK && strcasecmp(sum, r->sha256) == 0;
}

stria_status fetch_file(const fetch_request *request, char sum[SHA256_TEXT], stria_error *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    transfer t = {.want = request, .part.fd = -1, .err = err};
    char own[SHA256_TEXT];
    if (strncasecmp(request->url, "http://", 7) != 0 && strncasecmp(request->url, "https://", 8) != 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "'%s' is not an address that begins with http:// or https://", request->url);
    if (request->sha256 && !sha256_valid(request->sha256))
        FAIL(err, STRIA_BAD_ARGUMENT, "'%s' is not a SHA-256 sum: 64 hexadecimal digits", request->sha256);
    if (there_already(request, sum ? sum : own)) return STRIA_OK;
    stria_status loaded = libcurl_load(err);
    if (loaded != STRIA_OK) {
        error_prefix(err, "%s: ", request->url);
        return loaded;
    }
    pthread_once(&once, curl_start);
    if (curl_state != CURLE_OK)
        FAIL(err, STRIA_IO, "%s: libcurl does not start: %s", request->url, libcurl.curl_easy_strerror(curl_state));
    return part_fetch(&t, sum ? sum : own, err);
}
#endif
