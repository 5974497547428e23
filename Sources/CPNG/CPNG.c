#include "CPNG.h"
#include "WholePixels.h"
#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

// Ancillary chunks (texts, profiles) above this are refused, compressed ones dropped: what a small file can claim is
// bounded.
static const png_alloc_size_t chunkBytes = 16 << 20;
static const png_uint_32 chunkCount = 2000;

typedef struct {
    jmp_buf jump;
    FILE *file;
    int status;
    char message[LPNG_MESSAGE];
} Context;

struct LPNGReader {
    Context context;
    png_structp png;
    png_infop info;
    png_textp texts;
    int textCount, bitDepth, interlaced;
    // All rows, where they were decoded at once, and the next to be handed out.
    uint8_t *pixels;
    uint32_t next;
};

struct LPNGWriter {
    Context context;
    png_structp png;
    png_infop info;
};

static void copy(char *out, const char *text, size_t size) {
    strncpy(out, text, size - 1);
    out[size - 1] = 0;
}

static void fail(png_structp png, png_const_charp message) {
    Context *context = png_get_error_ptr(png);
    copy(context->message, message, LPNG_MESSAGE);
    longjmp(context->jump, 1);
}

// libpng only warns where the pixel stream ends wrongly (a false checksum, a wrong length): that is damage to us. It also
// only warns of a chunk above the limit, and then takes memory for it.
static void warn(png_structp png, png_const_charp message) {
    if (strstr(message, "too large")) fail(png, message);
    if (strncmp(message, "IDAT", 4) != 0 || strstr(message, "Extra compressed data")) return;
    fail(png, message);
}

static void readBytes(png_structp png, png_bytep out, size_t count) {
    Context *context = png_get_io_ptr(png);
    if (fread(out, 1, count, context->file) == count) return;
    if (ferror(context->file)) {
        context->status = LPNG_CANNOT_OPEN;
        png_error(png, strerror(errno));
    }
    png_error(png, "the file ends too early");
}

static void writeBytes(png_structp png, png_bytep bytes, size_t count) {
    Context *context = png_get_io_ptr(png);
    if (fwrite(bytes, 1, count, context->file) == count) return;
    context->status = LPNG_WRITE_FAILED;
    png_error(png, strerror(errno));
}

static void flushBytes(png_structp png) { (void)png; }

static int report(Context *context, char *message) {
    copy(message, context->message, LPNG_MESSAGE);
    return context->status;
}

#define GUARD(object, failure, message)                                                                                \
    (object)->context.status = (failure);                                                                              \
    if (setjmp((object)->context.jump)) return report(&(object)->context, message)

static void fillInfo(LPNGReader *reader, LPNGInfo *out) {
    png_structp png = reader->png;
    png_infop info = reader->info;
    memset(out, 0, sizeof *out);
    out->width = png_get_image_width(png, info);
    out->height = png_get_image_height(png, info);
    out->bitDepth = png_get_bit_depth(png, info);
    out->colorType = png_get_color_type(png, info);
    out->interlaced = png_get_interlace_type(png, info) != PNG_INTERLACE_NONE;
    out->samplesPerPixel = png_get_channels(png, info);
    out->bytesPerSample = out->bitDepth == 16 ? 2 : 1;

    png_colorp palette = NULL;
    int count = 0;
    if (out->colorType == PNG_COLOR_TYPE_PALETTE && png_get_PLTE(png, info, &palette, &count) && palette) {
        if (count > 256) count = 256;
        for (int i = 0; i < count; i++) {
            out->palette[i][0] = palette[i].red;
            out->palette[i][1] = palette[i].green;
            out->palette[i][2] = palette[i].blue;
        }
        out->paletteCount = (uint16_t)count;
    }
    png_bytep alpha = NULL;
    png_color_16p color = NULL;
    int alphas = 0;
    if (png_get_tRNS(png, info, &alpha, &alphas, &color)) {
        if (out->colorType == PNG_COLOR_TYPE_PALETTE && alpha) {
            if (alphas > 256) alphas = 256;
            memset(out->paletteAlpha, 255, 256);
            memcpy(out->paletteAlpha, alpha, (size_t)alphas);
            out->paletteAlphaCount = (uint16_t)alphas;
        } else if (color && (out->colorType == PNG_COLOR_TYPE_GRAY || out->colorType == PNG_COLOR_TYPE_RGB)) {
            // Only the low bits count.
            uint16_t mask = (uint16_t)((1u << out->bitDepth) - 1);
            int gray = out->colorType == PNG_COLOR_TYPE_GRAY;
            out->transparent[0] = (gray ? color->gray : color->red) & mask;
            out->transparent[1] = color->green & mask;
            out->transparent[2] = color->blue & mask;
            out->hasTransparentColor = 1;
        }
    }
    int unit = 0;
    if (png_get_pHYs(png, info, &out->xPerUnit, &out->yPerUnit, &unit)) {
        out->hasPhysical = 1;
        out->physicalIsMetre = unit == PNG_RESOLUTION_METER;
    }
    png_charp width = NULL, height = NULL;
    if (png_get_sCAL_s(png, info, &unit, &width, &height) && width && height && strlen(width) < 32 &&
        strlen(height) < 32) {
        copy(out->scaleWidth, width, 32);
        copy(out->scaleHeight, height, 32);
        out->hasScale = 1;
        out->scaleIsMetre = unit == PNG_SCALE_METER;
    }
    double gamma = 0;
    if (png_get_gAMA(png, info, &gamma)) out->gamma = gamma;
    int texts = 0;
    if (png_get_text(png, info, &reader->texts, &texts) > 0) reader->textCount = texts < 256 ? texts : 256;
    out->textCount = (uint16_t)reader->textCount;
    reader->bitDepth = out->bitDepth;
    reader->interlaced = out->interlaced;
}

static int readHeader(LPNGReader *reader, LPNGInfo *info, char *message) {
    GUARD(reader, LPNG_DAMAGED, message);
    png_structp png = reader->png;
    png_set_read_fn(png, &reader->context, readBytes);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff); // the caller bounds memory, which is what matters
    png_set_chunk_cache_max(png, chunkCount);
    png_set_chunk_malloc_max(png, chunkBytes);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    // Colour profiles are not used; parsing them only brings their defects in.
    static const png_byte unused[] = "iCCP\0cHRM\0sRGB\0eXIf\0hIST\0sPLT";
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, unused, 6);
    png_read_info(png, reader->info);
    fillInfo(reader, info);
    return LPNG_OK;
}

int lpng_open(const char *path, LPNGReader **out, LPNGInfo *info, char message[LPNG_MESSAGE]) {
    *out = NULL;
    FILE *file = fopen(path, "rb");
    if (!file) {
        copy(message, strerror(errno), LPNG_MESSAGE);
        return LPNG_CANNOT_OPEN;
    }
    LPNGReader *reader = calloc(1, sizeof *reader);
    if (reader) {
        reader->context.file = file;
        reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader->context, fail, warn);
        if (reader->png) reader->info = png_create_info_struct(reader->png);
    }
    if (!reader || !reader->png || !reader->info) {
        copy(message, "out of memory", LPNG_MESSAGE);
        if (reader) lpng_close(reader);
        else fclose(file);
        return LPNG_NO_MEMORY;
    }
    int status = readHeader(reader, info, message);
    if (status != LPNG_OK) {
        lpng_close(reader);
        return status;
    }
    *out = reader;
    return LPNG_OK;
}

void lpng_text(LPNGReader *reader, int index, const char **keyword, const char **value) {
    *keyword = *value = NULL;
    if (index < 0 || index >= reader->textCount) return;
    *keyword = reader->texts[index].key;
    *value = reader->texts[index].text;
}

int lpng_start(LPNGReader *reader, char message[LPNG_MESSAGE]) {
    GUARD(reader, LPNG_DAMAGED, message);
    png_set_packing(reader->png);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (reader->bitDepth == 16) png_set_swap(reader->png);
#endif
    png_set_interlace_handling(reader->png);
    png_read_update_info(reader->png, reader->info);
    if (!reader->interlaced && reader->bitDepth >= 8) {
        size_t pixelBytes = (size_t)png_get_channels(reader->png, reader->info) * (reader->bitDepth == 16 ? 2 : 1);
        reader->pixels = lpng_whole_pixels(reader->context.file, png_get_image_height(reader->png, reader->info),
                                           png_get_rowbytes(reader->png, reader->info), pixelBytes);
    }
    return LPNG_OK;
}

// Rows are stored most significant byte first.
static void copySamples(uint8_t *out, const uint8_t *row, size_t bytes, int isWide) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (isWide) {
        for (size_t i = 0; i + 1 < bytes; i += 2) {
            out[i] = row[i + 1];
            out[i + 1] = row[i];
        }
        return;
    }
#endif
    memcpy(out, row, bytes);
}

int lpng_read_rows(LPNGReader *reader, uint8_t *rows, size_t rowBytes, uint32_t count, char message[LPNG_MESSAGE]) {
    GUARD(reader, LPNG_DAMAGED, message);
    if (rowBytes < png_get_rowbytes(reader->png, reader->info)) png_error(reader->png, "rows are longer than expected");
    if (reader->pixels) {
        size_t bytes = png_get_rowbytes(reader->png, reader->info);
        if (count > png_get_image_height(reader->png, reader->info) - reader->next)
            png_error(reader->png, "there are no more rows");
        for (uint32_t i = 0; i < count; i++, reader->next++) {
            const uint8_t *row = reader->pixels + ((size_t)reader->next + 1) * (bytes + 1) + 1;
            copySamples(rows + i * rowBytes, row, bytes, reader->bitDepth == 16);
        }
        return LPNG_OK;
    }
    for (uint32_t i = 0; i < count; i++) png_read_row(reader->png, rows + i * rowBytes, NULL);
    return LPNG_OK;
}

int lpng_read_all(LPNGReader *reader, uint8_t *rows, size_t rowBytes, uint32_t height, char message[LPNG_MESSAGE]) {
    GUARD(reader, LPNG_DAMAGED, message);
    if (rowBytes < png_get_rowbytes(reader->png, reader->info)) png_error(reader->png, "rows are longer than expected");
    int passes = reader->interlaced ? PNG_INTERLACE_ADAM7_PASSES : 1;
    for (int pass = 0; pass < passes; pass++)
        for (uint32_t i = 0; i < height; i++) png_read_row(reader->png, rows + i * rowBytes, NULL);
    return LPNG_OK;
}

int lpng_finish(LPNGReader *reader, char message[LPNG_MESSAGE]) {
    // Then the file was looked through to its end.
    if (reader->pixels) return LPNG_OK;
    GUARD(reader, LPNG_DAMAGED, message);
    png_read_end(reader->png, NULL);
    return LPNG_OK;
}

void lpng_close(LPNGReader *reader) {
    if (reader->png) png_destroy_read_struct(&reader->png, &reader->info, NULL);
    fclose(reader->context.file);
    free(reader->pixels);
    free(reader);
}

static int writeHeader(LPNGWriter *writer, const LPNGSpec *spec, char *message) {
    GUARD(writer, LPNG_WRITE_FAILED, message);
    png_structp png = writer->png;
    png_infop info = writer->info;
    png_set_write_fn(png, &writer->context, writeBytes, flushBytes);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    png_set_IHDR(png, info, spec->width, spec->height, spec->bitDepth, spec->colorType, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (spec->colorType == PNG_COLOR_TYPE_PALETTE) {
        png_color palette[256];
        int count = spec->paletteCount < 256 ? spec->paletteCount : 256;
        for (int i = 0; i < count; i++) {
            palette[i].red = spec->palette[i][0];
            palette[i].green = spec->palette[i][1];
            palette[i].blue = spec->palette[i][2];
        }
        png_set_PLTE(png, info, palette, count);
    }
    if (spec->hasPhysical) png_set_pHYs(png, info, spec->xPerMetre, spec->yPerMetre, PNG_RESOLUTION_METER);
    if (spec->hasScale) png_set_sCAL_s(png, info, PNG_SCALE_METER, spec->scaleWidth, spec->scaleHeight);
    if (spec->small) {
        png_set_compression_level(png, 9);
    } else {
        // Runs only, over differences to the row above: about nine times as fast as the defaults on micrographs.
        png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_UP);
        png_set_compression_level(png, 1);
        png_set_compression_strategy(png, Z_RLE);
        png_set_compression_buffer_size(png, 1 << 18);
    }
    png_write_info(png, info);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (spec->bitDepth == 16) png_set_swap(png);
#endif
    return LPNG_OK;
}

int lpng_create(const char *path, const LPNGSpec *spec, LPNGWriter **out, char message[LPNG_MESSAGE]) {
    *out = NULL;
    FILE *file = fopen(path, "wb");
    if (!file) {
        copy(message, strerror(errno), LPNG_MESSAGE);
        return LPNG_CANNOT_OPEN;
    }
    LPNGWriter *writer = calloc(1, sizeof *writer);
    if (writer) {
        writer->context.file = file;
        writer->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &writer->context, fail, NULL);
        if (writer->png) writer->info = png_create_info_struct(writer->png);
    }
    if (!writer || !writer->png || !writer->info) {
        copy(message, "out of memory", LPNG_MESSAGE);
        if (writer) lpng_abandon(writer);
        else fclose(file);
        return LPNG_NO_MEMORY;
    }
    int status = writeHeader(writer, spec, message);
    if (status != LPNG_OK) {
        lpng_abandon(writer);
        return status;
    }
    *out = writer;
    return LPNG_OK;
}

int lpng_write_rows(LPNGWriter *writer, const uint8_t *rows, size_t rowBytes, uint32_t count,
                    char message[LPNG_MESSAGE]) {
    GUARD(writer, LPNG_WRITE_FAILED, message);
    for (uint32_t i = 0; i < count; i++) png_write_row(writer->png, rows + i * rowBytes);
    return LPNG_OK;
}

static int writeEnd(LPNGWriter *writer, char *message) {
    GUARD(writer, LPNG_WRITE_FAILED, message);
    png_write_end(writer->png, NULL);
    return LPNG_OK;
}

int lpng_finish_writing(LPNGWriter *writer, char message[LPNG_MESSAGE]) {
    int status = writeEnd(writer, message);
    if (status == LPNG_OK && fflush(writer->context.file) != 0) {
        copy(message, strerror(errno), LPNG_MESSAGE);
        status = LPNG_WRITE_FAILED;
    }
    png_destroy_write_struct(&writer->png, &writer->info);
    if (fclose(writer->context.file) != 0 && status == LPNG_OK) {
        copy(message, strerror(errno), LPNG_MESSAGE);
        status = LPNG_WRITE_FAILED;
    }
    free(writer);
    return status;
}

void lpng_abandon(LPNGWriter *writer) {
    if (writer->png) png_destroy_write_struct(&writer->png, &writer->info);
    fclose(writer->context.file);
    free(writer);
}

const char *lpng_version(void) { return png_get_libpng_ver(NULL); }

const char *lpng_zlib_version(void) { return zlibVersion(); }
