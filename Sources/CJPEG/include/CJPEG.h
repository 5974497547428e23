#pragma once
// A thin layer over libjpeg that owns setjmp and all handlers: every call returns a status, and a message on failure.
#include <stddef.h>
#include <stdint.h>

enum {
    LJPEG_OK = 0,
    LJPEG_CANNOT_OPEN = 1,
    LJPEG_DAMAGED = 2,
    LJPEG_NO_MEMORY = 3,
    LJPEG_UNSUPPORTED = 4, // sound, but of a kind that is not read (twelve bits, lossless)
};

enum { LJPEG_MESSAGE = 256 };

enum { LJPEG_GRAY = 1, LJPEG_RGB = 2, LJPEG_YCBCR = 3, LJPEG_CMYK = 4, LJPEG_YCCK = 5, LJPEG_OTHER = 6 };

typedef struct {
    uint32_t width, height;
    int components;
    int colorSpace;  // as stored, one of the above
    int progressive, arithmetic;
    int densityUnit; // JFIF: 0 none, 1 per inch, 2 per cm; -1 where there is no JFIF marker
    int xDensity, yDensity;
    int orientation; // EXIF, 1 to 8; 0 where none is stated
} LJPEGInfo;

typedef struct LJPEGReader LJPEGReader;

// Opens a file and reads its header. `*reader` is set on success only.
int ljpeg_open(const char *path, LJPEGReader **reader, LJPEGInfo *info, char message[LJPEG_MESSAGE]);
// Prepares for pixels: gray stays gray, YCbCr becomes RGB. Call once, for gray, RGB and YCbCr only.
int ljpeg_start(LJPEGReader *reader, char message[LJPEG_MESSAGE]);
// The next `count` rows, `rowBytes` apart.
int ljpeg_read_rows(LJPEGReader *reader, uint8_t *rows, size_t rowBytes, uint32_t count, char message[LJPEG_MESSAGE]);
// Reads on to the end of the image; fails where it is missing or damaged.
int ljpeg_finish(LJPEGReader *reader, char message[LJPEG_MESSAGE]);
void ljpeg_close(LJPEGReader *reader);

// Version of the library that this was built with; libjpeg cannot tell at run time.
const char *ljpeg_version(void);
