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
 *             | word "=" ( word | string | list )
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
 *   constant([type,] shape, list)
 *   output(value[, name])
 *   metadata(key, text)
 *   name(word)
 * A layer or operator takes name=…; without, its node is called as its first output. A file without output() ends in
 * its last value.
 * clang-format on */
#ifndef MODEL_NET_H
#define MODEL_NET_H

#include "base/text.h"
#include "graph/graph.h"

/* file_name stands in sentences, as FILE:LINE:COLUMN. seed initialises the parameters. */
stria_status net_read(graph **out, const char *data, size_t size, const char *file_name, uint64_t seed,
                      stria_error *err);

/* Appends the text of a graph: operators by their ONNX names, so that reading gives the same graph but for the values
 * of parameters. Refuses what onnx_write refuses, and constants of more than 65,536 elements. */
stria_status net_write(const graph *g, text *out, stria_error *err);

#endif
