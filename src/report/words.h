/* The words of a report, in English and Chinese. */
#ifndef REPORT_WORDS_H
#define REPORT_WORDS_H

typedef enum words_language { WORDS_ENGLISH, WORDS_CHINESE } words_language;

/* The phrase in this language; phrases are named by their English. One that the table lacks comes back as it is
 * (tests/report_page.c finds it). */
const char *words(words_language language, const char *english);

#endif
