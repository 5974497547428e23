#pragma once
// A thin layer over libpng that owns setjmp and all handlers: every call returns a status, and a message on failure.
#include <stddef.h>
#include <stdint.h>

enum {
    LPNG_OK = 0,
    LPNG_CANNOT_OPEN = 1,  // the file cannot be opened or created; the message says why
    LPNG_DAMAGED = 2,      // the file is not a sound PNG
    LPNG_NO_MEMORY = 3,
    LPNG_WRITE_FAILED = 4, // disk full, closed pipe
};

enum { LPNG_MESSAGE = 256 };

typedef struct {
    uint32_t width, height;
    uint8_t bitDepth, colorType, interlaced;
    uint8_t samplesPerPixel;
    uint8_t bytesPerSample; // once unpacked: 1 or 2
    uint8_t hasTransparentColor, hasPhysical, physicalIsMetre, hasScale, scaleIsMetre;
    uint16_t transparent[3]; // the transparent colour as stored; gray in [0]
    uint16_t paletteCount, paletteAlphaCount, textCount;
    uint8_t palette[256][3];
    uint8_t paletteAlpha[256];
    uint32_t xPerUnit, yPerUnit;
    char scaleWidth[32], scaleHeight[32]; // sCAL, as written
    double gamma;                         // 0 where none is stated
} LPNGInfo;

typedef struct LPNGReader LPNGReader;

// Opens a file and reads all that stands before the pixels. `*reader` is set on success only.
int lpng_open(const char *path, LPNGReader **reader, LPNGInfo *info, char message[LPNG_MESSAGE]);
// The i-th text before the pixels; the strings live as long as the reader.
void lpng_text(LPNGReader *reader, int index, const char **keyword, const char **value);
// Prepares for pixels: below 8 bits unpacked to bytes unscaled, 16 bits in native order. Call once, before rows.
int lpng_start(LPNGReader *reader, char message[LPNG_MESSAGE]);
// The next `count` rows of a file that is not interlaced, `rowBytes` apart.
int lpng_read_rows(LPNGReader *reader, uint8_t *rows, size_t rowBytes, uint32_t count, char message[LPNG_MESSAGE]);
// All rows, interlaced or not; `rows` must be zeroed.
int lpng_read_all(LPNGReader *reader, uint8_t *rows, size_t rowBytes, uint32_t height, char message[LPNG_MESSAGE]);
// Reads on to the end of the file; fails where anything behind the pixels is damaged or missing.
int lpng_finish(LPNGReader *reader, char message[LPNG_MESSAGE]);
void lpng_close(LPNGReader *reader);

typedef struct {
    uint32_t width, height;
    uint8_t bitDepth, colorType;
    uint8_t small; // 1: best compression; 0: fast
    uint8_t hasPhysical, hasScale;
    uint16_t paletteCount;
    uint8_t palette[256][3];
    uint32_t xPerMetre, yPerMetre;
    char scaleWidth[32], scaleHeight[32]; // metres per pixel in decimal digits
} LPNGSpec;

typedef struct LPNGWriter LPNGWriter;

int lpng_create(const char *path, const LPNGSpec *spec, LPNGWriter **writer, char message[LPNG_MESSAGE]);
// Rows of 8-bit, or native-order 16-bit samples.
int lpng_write_rows(LPNGWriter *writer, const uint8_t *rows, size_t rowBytes, uint32_t count,
                    char message[LPNG_MESSAGE]);
// Ends the image, closes the file and frees the writer; reports what only closing shows (a full disk).
int lpng_finish_writing(LPNGWriter *writer, char message[LPNG_MESSAGE]);
// Closes without ending the image, after a failure.
void lpng_abandon(LPNGWriter *writer);
