#pragma once
#include <zlib.h>

// `inflateInit2` and `deflateInit2` are macros, which Swift does not see.

/// Begins to unpack gzip or zlib, told by its first bytes.
static inline int coe_inflate_begin(z_stream *stream) { return inflateInit2(stream, 15 + 32); }

/// Begins to pack as gzip.
static inline int coe_deflate_begin(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}
