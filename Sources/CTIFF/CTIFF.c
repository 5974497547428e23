#define _GNU_SOURCE
#include "CTIFF.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tiffio.h>
#include <unistd.h>

struct ctiff_file {
    TIFF *tiff;
    // A second descriptor: for reading the directory chain, and for the result of the last close.
    int descriptor;
    char error[512];
    char warning[512];
    int damaged;
    // Rows of the current page whose differences are summed up here: bytes of a sample, or 0 for none; samples from one
    // to the next of its channel; bytes of a row.
    size_t sample_bytes, stride, row_bytes;
};

// Returning 1 tells libtiff not to call its global handlers, which print.
static int on_error(TIFF *tiff, void *user, const char *module, const char *format, va_list arguments) {
    (void)tiff, (void)module;
    ctiff_file *file = user;
    if (!file->error[0]) vsnprintf(file->error, sizeof file->error, format, arguments);
    return 1;
}

// Tags that libtiff ignores and goes on without, although the pixels depend on them: cut off, or too short.
static int is_damage(const char *text) {
    int cut = !strncmp(text, "IO error during reading of", 26) && !strstr(text, "\"Tag ");
    int incorrect = !strncmp(text, "Incorrect count for", 19) && (strstr(text, "Offsets\"") || strstr(text, "ByteCounts\""));
    return cut || incorrect || strstr(text, "\"ColorMap\"") != NULL;
}

static int on_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list arguments) {
    (void)tiff, (void)module;
    ctiff_file *file = user;
    // Private tags and their order say nothing about the pixels.
    if (strstr(format, "Unknown field with tag") || strstr(format, "not sorted in ascending order")) return 1;
    char text[sizeof file->warning];
    vsnprintf(text, sizeof text, format, arguments);
    int damage = is_damage(text);
    if (!file->warning[0] || (damage && !file->damaged)) memcpy(file->warning, text, sizeof text);
    file->damaged |= damage;
    return 1;
}

static ctiff_file *open_with(const char *path, const char *mode, int flags, int64_t largest, char *message,
                             int32_t capacity, int32_t *error_number) {
    *error_number = 0;
    message[0] = 0;
    int descriptor = open(path, flags | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        *error_number = errno;
        return NULL;
    }
    struct stat facts;
    if (fstat(descriptor, &facts) == 0 && S_ISDIR(facts.st_mode)) {
        *error_number = EISDIR;
        close(descriptor);
        return NULL;
    }
    ctiff_file *file = calloc(1, sizeof *file);
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    int second = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    if (!file || !options || second < 0) {
        *error_number = second < 0 ? errno : ENOMEM;
        if (second >= 0) close(second);
        close(descriptor);
        if (options) TIFFOpenOptionsFree(options);
        free(file);
        return NULL;
    }
    file->descriptor = second;
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, file);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, file);
    if (largest > 0) TIFFOpenOptionsSetMaxSingleMemAlloc(options, largest);
    file->tiff = TIFFFdOpenExt(descriptor, path, mode, options);
    TIFFOpenOptionsFree(options);
    if (!file->tiff) {
        snprintf(message, (size_t)capacity, "%s", file->error);
        close(descriptor);
        close(second);
        free(file);
        return NULL;
    }
    return file;
}

ctiff_file *ctiff_open(const char *path, int64_t largest_allocation, char *message, int32_t capacity,
                       int32_t *error_number) {
    // m: no memory map (it would count as resident); h: read no directory yet.
    return open_with(path, "rmh", O_RDONLY | O_NONBLOCK, largest_allocation, message, capacity, error_number);
}

ctiff_file *ctiff_create(const char *path, int32_t big, char *message, int32_t capacity, int32_t *error_number) {
    return open_with(path, big ? "w8l" : "w4l", O_RDWR | O_CREAT | O_TRUNC, 0, message, capacity, error_number);
}

int32_t ctiff_close(ctiff_file *file) {
    if (!file) return 0;
    TIFFClose(file->tiff);
    int32_t result = close(file->descriptor) == 0 ? 0 : errno;
    free(file);
    return result;
}

int64_t ctiff_size(ctiff_file *file) {
    struct stat facts;
    return fstat(file->descriptor, &facts) == 0 ? (int64_t)facts.st_size : -1;
}

int64_t ctiff_bytes(ctiff_file *file, uint64_t offset, void *buffer, int64_t count) {
    if (offset > INT64_MAX || count <= 0) return 0;
    int64_t done = 0;
    while (done < count) {
        ssize_t got = pread(file->descriptor, (char *)buffer + done, (size_t)(count - done), (off_t)offset + done);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        done += got;
    }
    return done;
}

const char *ctiff_error(const ctiff_file *file) { return file->error; }
const char *ctiff_warning(const ctiff_file *file) { return file->warning; }

void ctiff_clear(ctiff_file *file) {
    file->error[0] = 0;
    file->warning[0] = 0;
    file->damaged = 0;
}

int32_t ctiff_select(ctiff_file *file, uint64_t offset) { return TIFFSetSubDirectory(file->tiff, offset) != 0; }

static const char *text(TIFF *tiff, uint32_t tag) {
    const char *value = NULL;
    return TIFFGetField(tiff, tag, &value) == 1 ? value : NULL;
}

// libtiff sums differences up in memory, where every sum waits for the one before it to be stored: several times slower.
#define SUM_UP(NAME, SAMPLE)                                                                                                   \
    static void NAME(void *start, size_t count, size_t stride) {                                                               \
        SAMPLE *row = start, a = 0, b = 0, c = 0;                                                                              \
        if (stride == 1) {                                                                                                     \
            for (size_t i = 0; i < count; i++) row[i] = a = (SAMPLE)(a + row[i]);                                              \
        } else if (stride == 3) {                                                                                              \
            for (size_t i = 0; i + 2 < count; i += 3) {                                                                        \
                row[i] = a = (SAMPLE)(a + row[i]);                                                                             \
                row[i + 1] = b = (SAMPLE)(b + row[i + 1]);                                                                     \
                row[i + 2] = c = (SAMPLE)(c + row[i + 2]);                                                                     \
            }                                                                                                                  \
        } else {                                                                                                               \
            for (size_t i = stride; i < count; i++) row[i] = (SAMPLE)(row[i] + row[i - stride]);                               \
        }                                                                                                                      \
    }
SUM_UP(sum_up_8, uint8_t)
SUM_UP(sum_up_16, uint16_t)
SUM_UP(sum_up_32, uint32_t)
SUM_UP(sum_up_64, uint64_t)

static void sum_up(const ctiff_file *file, void *buffer, size_t rows) {
    void (*one)(void *, size_t, size_t) = file->sample_bytes == 1 ? sum_up_8
        : file->sample_bytes == 2                                 ? sum_up_16
        : file->sample_bytes == 4                                 ? sum_up_32
                                                                  : sum_up_64;
    if (!file->sample_bytes) return;
    for (size_t row = 0; row < rows; row++)
        one((char *)buffer + row * file->row_bytes, file->row_bytes / file->sample_bytes, file->stride);
}

// Takes the summing up of horizontal differences over, for the samples for which libtiff has it.
static void take_over_differences(ctiff_file *file, const ctiff_page *page) {
    int is_whole = page->bits == 8 || page->bits == 16 || page->bits == 32 || page->bits == 64;
    if (page->predictor != PREDICTOR_HORIZONTAL || !is_whole || page->photometric == PHOTOMETRIC_YCBCR) return;
    tmsize_t row_bytes = page->tiled ? TIFFTileRowSize(file->tiff) : TIFFScanlineSize(file->tiff);
    size_t stride = page->planar == PLANARCONFIG_CONTIG ? page->samples : 1;
    if (row_bytes <= 0 || !stride || !TIFFSetField(file->tiff, TIFFTAG_PREDICTOR, PREDICTOR_NONE)) return;
    file->sample_bytes = page->bits / 8;
    file->stride = stride;
    file->row_bytes = (size_t)row_bytes;
}

int32_t ctiff_describe(ctiff_file *file, ctiff_page *page) {
    TIFF *tiff = file->tiff;
    file->sample_bytes = 0;
    memset(page, 0, sizeof *page);
    page->photometric = 0xFFFF;
    page->damaged = file->damaged;
    page->predictor = 1;
    page->resolution_unit = 2;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &page->compression);
    TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &page->photometric);
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &page->width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &page->height);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_IMAGEDEPTH, &page->depth);
    if (!TIFFIsCODECConfigured(page->compression)) {
        // Enough for a refusal by name; codec tags would be meaningless.
        TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &page->bits);
        TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &page->samples);
        return 1;
    }
    if (page->compression == COMPRESSION_JPEG && page->photometric == PHOTOMETRIC_YCBCR) {
        if (!TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB)) return 0;
    }
    if (page->compression == COMPRESSION_SGILOG || page->compression == COMPRESSION_SGILOG24) {
        if (!TIFFSetField(tiff, TIFFTAG_SGILOGDATAFMT, SGILOGDATAFMT_FLOAT)) return 0;
    }
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &page->bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &page->samples);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &page->format);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &page->planar);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &page->orientation);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_FILLORDER, &page->fill_order);
    TIFFGetField(tiff, TIFFTAG_PREDICTOR, &page->predictor);

    page->swapped = TIFFIsByteSwapped(tiff) != 0;
    page->tiled = TIFFIsTiled(tiff) != 0;
    if (page->tiled) {
        TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &page->block_width);
        TIFFGetField(tiff, TIFFTAG_TILELENGTH, &page->block_height);
        page->blocks = TIFFNumberOfTiles(tiff);
        page->block_bytes = TIFFTileSize64(tiff);
    } else {
        page->block_width = page->width;
        TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &page->block_height);
        if (page->block_height > page->height) page->block_height = page->height;
        page->blocks = TIFFNumberOfStrips(tiff);
        page->block_bytes = TIFFVStripSize64(tiff, page->block_height);
    }
    take_over_differences(file, page);

    float x = 0, y = 0;
    page->has_resolution = TIFFGetField(tiff, TIFFTAG_XRESOLUTION, &x) && TIFFGetField(tiff, TIFFTAG_YRESOLUTION, &y);
    page->x_resolution = x;
    page->y_resolution = y;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_RESOLUTIONUNIT, &page->resolution_unit);

    uint16_t count = 0;
    uint16_t *kinds = NULL;
    page->has_extras = TIFFGetField(tiff, TIFFTAG_EXTRASAMPLES, &count, &kinds) == 1;
    if (page->has_extras && count && kinds) {
        page->extra_count = count;
        page->first_extra = kinds[0];
    }
    if (page->photometric == PHOTOMETRIC_YCBCR) {
        float *values = NULL;
        TIFFGetFieldDefaulted(tiff, TIFFTAG_YCBCRSUBSAMPLING, &page->subsampling_x, &page->subsampling_y);
        if (TIFFGetFieldDefaulted(tiff, TIFFTAG_YCBCRCOEFFICIENTS, &values) && values)
            memcpy(page->luma, values, sizeof page->luma);
        if (TIFFGetFieldDefaulted(tiff, TIFFTAG_REFERENCEBLACKWHITE, &values) && values)
            memcpy(page->reference, values, sizeof page->reference);
    }
    if (page->photometric == PHOTOMETRIC_PALETTE) {
        uint16_t *red = NULL, *green = NULL, *blue = NULL;
        if (TIFFGetField(tiff, TIFFTAG_COLORMAP, &red, &green, &blue) == 1) {
            page->red = red;
            page->green = green;
            page->blue = blue;
        }
    }
    page->description = text(tiff, TIFFTAG_IMAGEDESCRIPTION);
    page->software = text(tiff, TIFFTAG_SOFTWARE);
    page->page_name = text(tiff, TIFFTAG_PAGENAME);
    page->date_time = text(tiff, TIFFTAG_DATETIME);
    page->document_name = text(tiff, TIFFTAG_DOCUMENTNAME);
    void *profile = NULL;
    if (TIFFGetField(tiff, TIFFTAG_ICCPROFILE, &page->icc_bytes, &profile) != 1) page->icc_bytes = 0;
    uint16_t children = 0;
    uint64_t *offsets = NULL;
    if (TIFFGetField(tiff, TIFFTAG_SUBIFD, &children, &offsets) == 1) page->sub_directories = children;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SUBFILETYPE, &page->subfile_type);
    // Bounded, because a hostile page may claim billions of blocks.
    uint32_t counted = page->blocks < 1u << 22 ? page->blocks : 1u << 22;
    for (uint32_t index = 0; index < counted; index++) page->absent_blocks += (uint32_t)ctiff_is_absent(file, index);
    return 1;
}

int32_t ctiff_is_absent(ctiff_file *file, uint32_t index) {
    return TIFFGetStrileByteCount(file->tiff, index) == 0 && TIFFGetStrileOffset(file->tiff, index) == 0;
}

int64_t ctiff_read_block(ctiff_file *file, uint32_t index, void *buffer, int64_t bytes) {
    int64_t count = TIFFIsTiled(file->tiff) ? TIFFReadEncodedTile(file->tiff, index, buffer, bytes)
                                            : TIFFReadEncodedStrip(file->tiff, index, buffer, bytes);
    if (count > 0 && file->sample_bytes) sum_up(file, buffer, (size_t)count / file->row_bytes);
    return count;
}

int32_t ctiff_read_row(ctiff_file *file, uint32_t row, uint16_t plane, void *buffer) {
    if (TIFFReadScanline(file->tiff, buffer, row, plane) != 1) return 0;
    sum_up(file, buffer, 1);
    return 1;
}

int32_t ctiff_has_codec(uint16_t compression) { return TIFFIsCODECConfigured(compression) != 0; }

int32_t ctiff_begin_page(ctiff_file *file, const ctiff_target *target) {
    TIFF *tiff = file->tiff;
    int ok = TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, target->width)
        && TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, target->height)
        && TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, target->bits)
        && TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, target->samples)
        && TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT, target->format)
        && TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG)
        && TIFFSetField(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT)
        && TIFFSetField(tiff, TIFFTAG_COMPRESSION, target->compression)
        && TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, target->photometric);
    // Of libdeflate; libtiff's default of 6 takes up to a third longer for files smaller by a few thousandths.
    if (ok && target->compression == COMPRESSION_ADOBE_DEFLATE) ok = TIFFSetField(tiff, TIFFTAG_ZIPQUALITY, 5);
    // zstd's own default; libtiff's is 9, which is seven times as slow and hardly smaller.
    if (ok && target->compression == COMPRESSION_ZSTD) ok = TIFFSetField(tiff, TIFFTAG_ZSTD_LEVEL, 3);
    if (ok && target->predictor > 1) ok = TIFFSetField(tiff, TIFFTAG_PREDICTOR, target->predictor);
    if (ok && target->extra_count) {
        uint16_t *kinds = calloc(target->extra_count, sizeof *kinds);
        if (!kinds) return 0;
        kinds[target->extra_count - 1] = target->last_extra;
        ok = TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, target->extra_count, kinds);
        free(kinds);
    }
    if (ok && target->tile) {
        ok = TIFFSetField(tiff, TIFFTAG_TILEWIDTH, target->tile) && TIFFSetField(tiff, TIFFTAG_TILELENGTH, target->tile);
    } else if (ok) {
        ok = TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, target->rows_per_strip);
    }
    if (ok && target->x_resolution > 0 && target->y_resolution > 0) {
        ok = TIFFSetField(tiff, TIFFTAG_XRESOLUTION, target->x_resolution)
            && TIFFSetField(tiff, TIFFTAG_YRESOLUTION, target->y_resolution)
            && TIFFSetField(tiff, TIFFTAG_RESOLUTIONUNIT, target->resolution_unit);
    }
    if (ok && target->red) ok = TIFFSetField(tiff, TIFFTAG_COLORMAP, target->red, target->green, target->blue);
    if (ok && target->description) ok = TIFFSetField(tiff, TIFFTAG_IMAGEDESCRIPTION, target->description);
    if (ok && target->software) ok = TIFFSetField(tiff, TIFFTAG_SOFTWARE, target->software);
    if (ok && target->page_name) ok = TIFFSetField(tiff, TIFFTAG_PAGENAME, target->page_name);
    if (ok && target->pages > 1) ok = TIFFSetField(tiff, TIFFTAG_PAGENUMBER, target->page, target->pages);
    return ok;
}

int32_t ctiff_write_block(ctiff_file *file, uint32_t index, void *buffer, int64_t bytes) {
    int64_t written = TIFFIsTiled(file->tiff) ? TIFFWriteEncodedTile(file->tiff, index, buffer, bytes)
                                              : TIFFWriteEncodedStrip(file->tiff, index, buffer, bytes);
    return written == bytes;
}

int32_t ctiff_end_page(ctiff_file *file) { return TIFFWriteDirectory(file->tiff) != 0; }

const char *ctiff_version(void) { return TIFFGetVersion(); }
