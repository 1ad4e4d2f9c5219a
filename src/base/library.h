/* Shared libraries that few runs need. They are loaded when first used: libcurl, HDF5, libarchive and libtiff, with the
 * forty libraries that they need themselves, took nine tenths of the start of every program (docs/performance.md).
 *
 *     #define CURL_SYMBOLS(X) X(curl_easy_init) X(curl_easy_perform)
 *     LIBRARY(libcurl, STRIA_CURL_FILE, CURL_SYMBOLS)
 *
 * declares libcurl_load(err) and, for what comes after it, libcurl.curl_easy_init(). Functions and variables alike: a
 * variable is *libhdf5.H5T_NATIVE_FLOAT_g. Names may be macros of the library's header, as those of its versions are.
 */
#ifndef BASE_LIBRARY_H
#define BASE_LIBRARY_H

#include "base/error.h"

typedef struct library {
    const char *file;         /* with the version of its interface, "libcurl.so.4" */
    const char *const *names; /* of functions and variables */
    void *pointers;           /* to the first; the others follow in the order of their names */
    int count;
    bool loaded;
} library;

#define LIBRARY_MEMBER(name) __typeof__(name) *name;
#define LIBRARY_NAME(name)   LIBRARY_TEXT(name)
#define LIBRARY_TEXT(name)   #name,
#define LIBRARY(variable, file, symbols)                                                                               \
    static struct { symbols(LIBRARY_MEMBER) } variable;                                                                \
    static stria_status variable##_load(stria_error *err) {                                                            \
        static const char *const names[] = {symbols(LIBRARY_NAME)};                                                    \
        static library one = {file, names, &variable, sizeof names / sizeof *names, false};                            \
        return library_load(&one, err);                                                                                \
    }

/* Any number of times, from any thread; the library stays loaded. STRIA_IO: it is not on this machine, or is
 * another version that lacks one of the names. */
stria_status library_load(library *l, stria_error *err);

#endif
