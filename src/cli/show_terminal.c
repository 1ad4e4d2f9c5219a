#include "cli/show_terminal.h"

#include "cli/source.h"
#include "cli/term.h"

#include "report/terminal.h"

#include <string.h>

stria_status show_terminal(const options *given, const stria_array *picture, stria_error *error) {
    static const char *const names[] = {"kitty", "sixel", "blocks"};
    const char *how = option_text(given, "protocol");
    terminal_kind kind = terminal_of_environment();
    for (int i = 0; i < 3; i++)
        if (strcmp(how, names[i]) == 0) kind = (terminal_kind)i;
    out o = {0};
    terminal_picture(&o, kind, picture->data, (int)picture->shape[1], (int)picture->shape[2], term_width(stdout));
    if (o.failed) source_say(error, STRIA_NO_MEMORY, "not enough memory for the terminal");
    else fwrite(o.data, 1, o.length, stdout);
    bool failed = o.failed;
    out_release(&o);
    return failed ? STRIA_NO_MEMORY : STRIA_OK;
}
