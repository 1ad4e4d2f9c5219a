/* JSON with jansson: values that may not be there, and the one document on stdout. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <jansson.h>
#include <stdint.h>

json_t *json_number(double value);   /* null for NaN and infinities */
json_t *json_share(double value);    /* null for what is not known: negative */
json_t *json_text(const char *text); /* bytes that are not UTF-8 become \xHH */
json_t *json_shape(int rank, const int64_t *shape);
/* Call it first: it makes term_lost count the allocations of documents that fail. */
void json_begin(void);
/* The document as text, as json_dumps does; free it. NULL where there is none, or where memory ran out: Jansson leaves
 * out what it has no memory for. */
char *json_whole(const json_t *document, size_t flags);
/* Prints the document and a newline, and takes it; returns the exit code. */
int json_finish(json_t *document);

#endif
