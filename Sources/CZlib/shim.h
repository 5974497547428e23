#pragma once
#include <zlib.h>

// zlib's own form is a macro, which Swift does not see: raw deflate data, without a header.
static inline int lzlib_begin_inflating(z_stream *stream) { return inflateInit2(stream, -MAX_WBITS); }
