/* Text cut, padded and wrapped by the cells of a terminal (report/cells.h). */
#include "cli/term.h"

#include "report/cells.h"

#include <string.h>

int text_fit(const char *text, int columns) {
    int bytes = 0;
    while (text[bytes]) {
        uint32_t character;
        size_t n = cells_character(text + bytes, &character);
        columns -= cells_width(character);
        if (columns < 0) break;
        bytes += (int)n;
    }
    return bytes;
}

int text_columns_of(const char *text, int length) {
    int columns = 0;
    for (int i = 0; i < length;) {
        uint32_t character;
        i += (int)cells_character(text + i, &character);
        columns += cells_width(character);
    }
    return columns;
}

void text_pad(FILE *stream, const char *text, int width, bool right) {
    int columns = text_columns(text), bytes = (int)strlen(text);
    const char *more = "";
    if (columns > width) {
        more = term_cut();
        bytes = text_fit(text, width - text_columns(more));
        columns = text_columns_of(text, bytes) + text_columns(more);
    }
    fprintf(stream, "%*s%.*s%s%*s", right ? width - columns : 0, "", bytes, text, more, right ? 0 : width - columns,
            "");
}

/* Bytes of the word at `text`; of one that is wider than `room`, as many of its choices, a|b|c, as fit. */
static int word_length(const char *text, int room) {
    int length = (int)strcspn(text, " "), whole = length;
    while (text_columns_of(text, length) > room) {
        do length--;
        while (length > 0 && text[length - 1] != '|');
        if (length <= 0) return whole;
    }
    return length;
}

void text_wrap(FILE *stream, const char *text, int from, int width) {
    int column = from;
    bool space = false;
    for (const char *word = text; *word;) {
        int length = word_length(word, width - from), columns = text_columns_of(word, length);
        if (column > from && column + space + columns > width) {
            fprintf(stream, "\n%*s", from, "");
            column = from;
        }
        space = space && column > from;
        fprintf(stream, "%s%.*s", space ? " " : "", length, word);
        column += columns + space;
        word += length;
        space = *word == ' ';
        word += space;
    }
    fputc('\n', stream);
}
