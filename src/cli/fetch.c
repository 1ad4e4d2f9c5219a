#include "cli/fetch.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <limits.h>
#include <string.h>

enum { NAMES_MAX = 64 };

bool fetch_named(const char *kind, const char *name, stria_catalog_entry *entry) {
    *entry = (stria_catalog_entry){.size = sizeof *entry};
    for (int i = 0; stria_catalog(i, entry); i++)
        if (strcmp(entry->kind, kind) == 0 && strcmp(entry->name, name) == 0) return true;
    return false;
}

void fetch_show(const stria_catalog_entry *entry, int from) {
    char place[PATH_MAX], bytes[32];
    bool here = stria_catalog_find(entry->name, place, sizeof place, NULL) == STRIA_OK;
    printf("%*s%s, licence: %s\n", from, "", entry->bytes ? show_bytes(entry->bytes, bytes) : "size not stated",
           entry->licence);
    printf("%*s%s\n", from, "", entry->page);
    if (here) printf("%*shere: %s\n", from, "", show_name(place));
    else printf("%*snot here: stria %s fetch %s\n", from, "", entry->kind, entry->name);
}

void fetch_facts(const stria_catalog_entry *entry, json_t *object) {
    char place[PATH_MAX];
    bool here = stria_catalog_find(entry->name, place, sizeof place, NULL) == STRIA_OK;
    json_object_set_new(object, "bytes", entry->bytes ? json_integer((json_int_t)entry->bytes) : json_null());
    json_object_set_new(object, "licence", json_text(entry->licence));
    json_object_set_new(object, "page", json_text(entry->page));
    json_object_set_new(object, "checked", json_boolean(entry->checked));
    json_object_set_new(object, "place", here ? json_text(place) : json_null());
}

static int unknown(const char *kind, const char *name) {
    const char *names[NAMES_MAX], *near;
    char all[512] = "";
    int count = 0;
    stria_catalog_entry e = {.size = sizeof e};
    for (int i = 0; count < NAMES_MAX && stria_catalog(i, &e); i++)
        if (strcmp(e.kind, kind) == 0) names[count++] = e.name;
    for (int i = 0; i < count; i++) {
        size_t n = strlen(all);
        snprintf(all + n, sizeof all - n, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " and ", names[i]);
    }
    near = stria_nearest(name, names, count);
    if (near) term_say("%s fetch: there is no '%s'; did you mean '%s'?", kind, name, near);
    else term_say("%s fetch: there is no '%s'; what can be fetched: %s", kind, name, all);
    return EXIT_USAGE;
}

static bool shown(uint64_t done, uint64_t total, void *context) {
    char tail[80], a[32], b[32];
    if (total) snprintf(tail, sizeof tail, "%s of %s", show_bytes(done, a), show_bytes(total, b));
    else snprintf(tail, sizeof tail, "%s", show_bytes(done, a));
    term_bar(context, total ? (double)done / (double)total : 0, tail);
    return !term_stopped();
}

static int told(const options *given, const stria_catalog_entry *e, const char *path, const char *sum) {
    if (option_given(given, "json")) {
        json_t *document = json_pack("{s:s,s:o}", "name", e->name, "path", json_text(path));
        json_object_set_new(document, "checked", json_boolean(e->checked));
        json_object_set_new(document, "sha256", e->files == 1 ? json_text(sum) : json_null());
        return json_finish(document);
    }
    printf("%s\n", show_name(path));
    if (!e->checked)
        term_say("warning: the authors publish no SHA-256 of %s, so it was not checked; this file has %s", e->name,
                 sum);
    return EXIT_DONE;
}

int fetch_run(const options *given, const char *kind) {
    stria_catalog_entry e;
    stria_catalog_options o = stria_catalog_options_default();
    stria_error error = {0};
    char path[PATH_MAX], sum[STRIA_SHA256_TEXT], bytes[32], label[64];
    if (!fetch_named(kind, given->operands[1], &e)) return unknown(kind, given->operands[1]);
    snprintf(label, sizeof label, "fetching %s", e.name);
    o.folder = option_text(given, "output");
    o.from = option_text(given, "from");
    o.progress = shown;
    o.context = label;
    term_say("%s%s%s%s, licence: %s, from %s", label, e.bytes ? " (" : "", e.bytes ? show_bytes(e.bytes, bytes) : "",
             e.bytes ? ")" : "", e.licence, o.from ? o.from : e.home);
    stria_status status = stria_catalog_fetch(e.name, &o, path, sizeof path, sum, &error);
    term_bar_clear();
    return status == STRIA_OK ? told(given, &e, path, sum) : term_fail(&error);
}

/* What follows the last slash, without a query. */
static bool name_of_address(const char *address, char name[NAME_MAX + 1]) {
    const char *from = strstr(address, "://");
    const char *slash = from ? strrchr(from + 3, '/') : NULL;
    size_t length = slash ? strcspn(slash + 1, "?#") : 0;
    if (!length || length > NAME_MAX) return false;
    memcpy(name, slash + 1, length);
    name[length] = 0;
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int address_told(const options *given, const char *path, const char *sum) {
    bool checked = option_given(given, "sum");
    if (option_given(given, "json"))
        return json_finish(json_pack("{s:o,s:o,s:b,s:s}", "name", json_text(given->operands[1]), "path",
                                     json_text(path), "checked", checked, "sha256", sum));
    printf("%s\n", show_name(path));
    if (!checked) term_say("warning: no --sum was given, so the file was not checked; it has %s", sum);
    return EXIT_DONE;
}

int fetch_address(const options *given) {
    const char *address = given->operands[1], *path = option_text(given, "output");
    char name[NAME_MAX + 1], sum[STRIA_SHA256_TEXT], label[] = "fetching";
    stria_fetch_options o = stria_fetch_options_default();
    stria_error error = {0};
    if (!path && !name_of_address(address, name)) {
        term_say("model fetch: '%s' does not name a file; give --output FILE", show_name(address));
        return EXIT_USAGE;
    }
    if (!path) path = name;
    o.sha256 = option_text(given, "sum");
    o.progress = shown;
    o.context = label;
    stria_status status = stria_fetch(address, path, &o, sum, &error);
    term_bar_clear();
    return status == STRIA_OK ? address_told(given, path, sum) : term_fail(&error);
}
