/* clang-format off
 *
 * The text form of a network, .net: builder calls, one per line, without weights. docs/net.md describes it for users.
 *
 *   file      = "stria-net 1" newline { [ statement ] [ "#" comment ] newline }
 *   statement = [ name { "," name } "=" ] word "(" [ argument { "," argument } ] ")"
 *   name      = word | string             what a call makes; "-" leaves an output out
 *   argument  = name                      a value made before; "-" is an optional input that is absent
 *             | number                    a layer's size: conv(x, 32)
 *             | shape                     of input, parameter, statistic and constant
 *             | list                      contents of a constant
 *             | word "=" ( word | string | list )   of an attribute that is a tensor: type ":" numbers
 *   shape     = size { "x" size }         "batch x 1 x 28 x 28" or 6x1x5x5; "scalar" has no dimensions
 *   size      = whole number | word [ ":" number ]
 *                                         a word is an open dimension, of inputs only; the number (else 1) is the size
 *                                         that it has until a session says another
 *   list      = "[" [ number { "," number } ] "]"   of floats also inf, -inf and nan
 *   word      = any characters but space ( ) , = [ ] # ", not looking like a number where it is a name
 *   string    = '"' characters with \" \\ \n \t '"'
 *
 * Calls: a layer (conv, dense, relu, …), an ONNX operator by its name (Conv, Gemm, …) with attributes as options, or
 *   input([type,] shape)
 *   parameter([type,] shape, init=…, fill=number, frozen=1)
 *   statistic([type,] shape, fill=number)
 *   tensors(FILE)                          a .safetensors file in the text's folder, once
 *   constant([type,] shape, list)
 *   constant([type,] shape)                its contents are the tensor of its name in that file
 *   output(value[, name])
 *   metadata(key, text)
 *   name(word)
 * A layer or operator takes name=…; without, its node is called as its first output. A file without output() ends in
 * its last value.
 * clang-format on */
#ifndef MODEL_NET_H
#define MODEL_NET_H

#include "base/file.h"
#include "base/text.h"
#include "graph/graph.h"

#define NET_CONSTANT_MAX 65536 /* elements of a constant in the text */

/* file_name stands in sentences, as FILE:LINE:COLUMN. seed initialises the parameters. The text may name no file of
 * tensors. */
stria_status net_read(graph **out, const char *data, size_t size, const char *file_name, uint64_t seed,
                      stria_error *err);

/* The same for a text that came from `path`: it may name a file of tensors below its folder. */
stria_status net_read_file(graph **out, const char *data, size_t size, const char *path, uint64_t seed,
                           stria_error *err);

/* Appends the text of a graph: operators by their ONNX names, so that reading gives the same graph but for the values
 * of parameters. Refuses what onnx_write refuses, and constants of more than NET_CONSTANT_MAX elements. */
stria_status net_write(const graph *g, text *out, stria_error *err);
/* The same, but for larger constants, whose contents `file` (NULL: none) has. */
stria_status net_write_beside(const graph *g, const char *file, text *out, stria_error *err);
bool net_is_large(const value *v);

/* Writes the text to `path` and, where there are larger constants, a file of tensors beside it; each atomically, the
 * text last. */
stria_status net_save(const graph *g, const char *path, const file_judge *judge, stria_error *err);

#endif
