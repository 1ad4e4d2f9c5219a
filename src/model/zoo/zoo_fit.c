/* The classes and the input of a network, where its spec leaves them to the data. */
#include "model/zoo/zoo.h"

#include "base/spec.h"

#include <string.h>

#define ICON_SIDE  96 /* pictures up to this size are not resized */
#define PHOTO_SIDE 64 /* of photos in networks that were made for icons of fewer pixels */

static stria_status option_said(const char *text, const char *option, bool *said, stria_error *err) {
    spec s = spec_open("", text);
    bool more = true;
    for (*said = false; !*said;) {
        TRY(spec_next(&s, &more, err));
        if (!more) break;
        *said = spec_is(s.key, option);
    }
    return STRIA_OK;
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

/* What stands before the next option. */
static const char *next(const text *out) {
    const char *colon = strchr(text_string(out), ':');
    return !colon ? ":" : colon[1] ? "," : "";
}

stria_status zoo_fit(const char *words, const zoo_data *d, bool own, text *out, stria_error *err) {
    bool classes, sized;
    int64_t natural[3], size[3];
    TRY(zoo_natural(words, natural, err));
    TRY(option_said(words, "classes", &classes, err));
    TRY(option_said(words, "size", &sized, err));
    size_choose(d, natural, own, size);
    text_printf(out, "%s", words);
    if (!classes && zoo_classifies(words)) text_printf(out, "%sclasses=%d", next(out), d->classes);
    if (!sized)
        text_printf(out, "%ssize=%lldx%lldx%lld", next(out), (long long)size[0], (long long)size[1],
                    (long long)size[2]);
    return text_check(out, err);
}
