#pragma once
// Not part of the module: the pixels of a whole, regular PNG at once.

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/// Reads all pixels of a file that is not interlaced, has at least 8 bits a sample, and stands behind the header of its
/// first IDAT chunk; the file is left there.
///
/// Returns `height + 1` rows of one byte without meaning and `row_bytes` of samples, the first being zeros; to be freed. NULL
/// where libdeflate is not there, or anything in the rest of the file is not as it should be, or merely unusual: libpng has the
/// last word on it then.
uint8_t *lpng_whole_pixels(FILE *file, uint32_t height, size_t row_bytes, size_t pixel_bytes);
