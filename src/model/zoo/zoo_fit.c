/* The classes and the input of a network, where its spec leaves them to the data. */
#include "model/zoo/zoo.h"

#include "base/spec.h"

#include <string.h>

#define ICON_SIDE  96 /* pictures up to this size are not resized */
#define PHOTO_SIDE 64 /* of photos in networks that were made for icons of fewer pixels */

static stria_status options_said(const char *text, bool *classes, bool *size, stria_error *err) {
    spec s = spec_open("", text);
    bool more = true;
    *classes = *size = false;
    for (;;) {
        TRY(spec_next(&s, &more, err));
        if (!more) return STRIA_OK;
        *classes = *classes || spec_is(s.key, "classes");
        *size = *size || spec_is(s.key, "size");
    }
}

/* Icons and arrays come as they are, photos as large as the network was made for. */
static void size_choose(const zoo_data *d, const int64_t natural[3], bool own, int64_t size[3]) {
    bool one = d->height && d->width, icons = d->height <= ICON_SIDE && d->width <= ICON_SIDE;
    bool kept = own && one && (d->measured || icons);
    bool enlarged = !kept && natural[1] < PHOTO_SIDE && natural[2] < PHOTO_SIDE;
    size[0] = d->channels;
    size[1] = kept ? d->height : enlarged ? PHOTO_SIDE : natural[1];
    size[2] = kept ? d->width : enlarged ? PHOTO_SIDE : natural[2];
}

stria_status zoo_fit(const char *words, const zoo_data *d, bool own, text *out, stria_error *err) {
    bool classes, sized;
    int64_t natural[3], size[3];
    const char *colon = strchr(words, ':');
    TRY(zoo_natural(words, natural, err));
    TRY(options_said(words, &classes, &sized, err));
    const char *between = !colon ? ":" : colon[1] ? "," : "";
    text_printf(out, "%s", words);
    if (!classes) {
        text_printf(out, "%sclasses=%d", between, d->classes);
        between = ",";
    }
    size_choose(d, natural, own, size);
    if (!sized)
        text_printf(out, "%ssize=%lldx%lldx%lld", between, (long long)size[0], (long long)size[1], (long long)size[2]);
    return text_check(out, err);
}
