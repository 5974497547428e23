#pragma once
// A thin shim over libtiff: per-file message buffers instead of global handlers, and plain structs instead of varargs.
// No function prints, aborts or keeps global state; every failure is a return value with `ctiff_error`'s words.

#include <stdint.h>

typedef struct ctiff_file ctiff_file;

/// What a directory says about its page, after decoders were told to deliver RGB (JPEG) or float (LogLuv).
typedef struct {
    /// A tag that the pixels depend on was ignored; `ctiff_warning` says which.
    int32_t damaged;
    uint32_t width, height, depth;
    uint16_t bits, samples, format;
    /// 0xFFFF where the tag is missing.
    uint16_t photometric;
    uint16_t compression, planar, orientation, predictor, fill_order;
    int32_t tiled;
    /// libtiff swaps bytes: the file's order is not the machine's.
    int32_t swapped;
    /// Pixels of a tile or strip; `block_height` of strips never exceeds the page.
    uint32_t block_width, block_height;
    /// Tiles or strips of all planes.
    uint32_t blocks;
    /// Decoded bytes of a whole tile or strip; 0 if libtiff cannot say.
    uint64_t block_bytes;
    int32_t has_resolution;
    double x_resolution, y_resolution;
    uint16_t resolution_unit;
    int32_t has_extras;
    uint16_t extra_count;
    /// Kind of the first extra sample (0 unspecified, 1 associated alpha, 2 unassociated alpha).
    uint16_t first_extra;
    uint16_t subsampling_x, subsampling_y;
    /// Luma coefficients and reference black and white of YCbCr.
    float luma[3], reference[6];
    /// Owned by libtiff, valid until another page is selected; NULL where missing.
    const char *description, *software, *page_name, *date_time, *document_name;
    const uint16_t *red, *green, *blue;
    uint32_t icc_bytes, sub_directories;
    /// NewSubfileType: bit 0 a reduced copy, bit 2 a transparency mask.
    uint32_t subfile_type;
    /// Tiles or strips that the file leaves out (offset and byte count 0).
    uint32_t absent_blocks;
} ctiff_page;

/// What a page to be written shall say.
typedef struct {
    uint32_t width, height;
    uint16_t bits, samples, format, photometric, compression;
    /// 1 none, 2 horizontal, 3 floating point.
    uint16_t predictor;
    uint16_t extra_count;
    /// Kind of the last extra sample; all others are unspecified.
    uint16_t last_extra;
    /// Side of a tile, or 0 for strips.
    uint32_t tile;
    uint32_t rows_per_strip;
    /// Pixels per unit (1 none, 2 inch, 3 centimetre); 0 writes no resolution.
    double x_resolution, y_resolution;
    uint16_t resolution_unit;
    uint16_t page, pages;
    const char *description, *software, *page_name;
    const uint16_t *red, *green, *blue;
} ctiff_target;

/// Opens a file for reading without mapping it. NULL with a reason in `message`, and `error_number` (errno or 0).
/// No single allocation inside libtiff may exceed `largest_allocation` bytes.
ctiff_file *ctiff_open(const char *path, int64_t largest_allocation, char *message, int32_t capacity,
                       int32_t *error_number);
/// Creates a file (little endian), classic or BigTIFF.
ctiff_file *ctiff_create(const char *path, int32_t big, char *message, int32_t capacity, int32_t *error_number);
/// Closes and frees. 0, or the errno of a close that failed.
int32_t ctiff_close(ctiff_file *file);

/// The file's size, and bytes at an offset; returns how many could be read.
int64_t ctiff_size(ctiff_file *file);
int64_t ctiff_bytes(ctiff_file *file, uint64_t offset, void *buffer, int64_t count);

/// The first error and the first warning worth telling since the last `ctiff_clear`; empty if none.
const char *ctiff_error(const ctiff_file *file);
const char *ctiff_warning(const ctiff_file *file);
void ctiff_clear(ctiff_file *file);

/// Makes the directory at an offset current. 1 on success.
int32_t ctiff_select(ctiff_file *file, uint64_t offset);
/// Describes the current page and chooses the decoder's output. 1 on success.
int32_t ctiff_describe(ctiff_file *file, ctiff_page *page);
/// Whether the file leaves a tile or strip out, which then is all zeros.
int32_t ctiff_is_absent(ctiff_file *file, uint32_t index);
/// Decodes one tile or strip; the decoded byte count, or -1.
int64_t ctiff_read_block(ctiff_file *file, uint32_t index, void *buffer, int64_t bytes);
/// Decodes the next row of a plane; rows of a strip must be read in order. 1 on success.
int32_t ctiff_read_row(ctiff_file *file, uint32_t row, uint16_t plane, void *buffer);
/// Whether libtiff was built with a codec.
int32_t ctiff_has_codec(uint16_t compression);

int32_t ctiff_begin_page(ctiff_file *file, const ctiff_target *target);
/// The buffer's contents are lost (predictors work in place).
int32_t ctiff_write_block(ctiff_file *file, uint32_t index, void *buffer, int64_t bytes);
int32_t ctiff_end_page(ctiff_file *file);

/// Version and copyright of the libtiff that is loaded.
const char *ctiff_version(void);
