#pragma once
#if defined(__GLIBC__) || __has_include(<malloc.h>)
#include <malloc.h>
#endif

// Blocks of at least so many bytes are given back to the system as soon as they are freed. Does nothing where the allocator
// has no such setting.
static inline void lmalloc_return_blocks(int bytes) {
#ifdef M_MMAP_THRESHOLD
    mallopt(M_MMAP_THRESHOLD, bytes);
#else
    (void)bytes;
#endif
}
