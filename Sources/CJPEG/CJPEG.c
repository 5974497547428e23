#include "CJPEG.h"
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// libjpeg's header needs stdio before it.
#include <jerror.h>
#include <jpeglib.h>

// A small progressive file can ask for thousands of passes over a large image.
static const int scanLimit = 200;

struct LJPEGReader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    FILE *file;
    int created, status;
    char message[LJPEG_MESSAGE];
};

static void copy(char *out, const char *text) {
    strncpy(out, text, LJPEG_MESSAGE - 1);
    out[LJPEG_MESSAGE - 1] = 0;
}

static void stop(j_common_ptr common) {
    LJPEGReader *reader = common->client_data;
    char text[JMSG_LENGTH_MAX];
    common->err->format_message(common, text);
    copy(reader->message, text);
    switch (common->err->msg_code) {
    case JERR_OUT_OF_MEMORY: reader->status = LJPEG_NO_MEMORY; break;
    case JERR_FILE_READ: reader->status = LJPEG_CANNOT_OPEN; break;
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_CONVERSION_NOTIMPL: reader->status = LJPEG_UNSUPPORTED; break;
    default: reader->status = LJPEG_DAMAGED;
    }
    longjmp(reader->jump, 1);
}

// libjpeg fills what is missing or corrupt with gray and only warns: that is damage to us.
static void message(j_common_ptr common, int level) {
    if (level >= 0) return;
    LJPEGReader *reader = common->client_data;
    int code = common->err->msg_code;
    if (code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM) return;
    if (code == JWRN_EXTRANEOUS_DATA && reader->jpeg.input_scan_number == 0) return;
    stop(common);
}

static void say(j_common_ptr common) { (void)common; }

static void watch(j_common_ptr common) {
    LJPEGReader *reader = common->client_data;
    if (reader->jpeg.input_scan_number <= scanLimit) return;
    copy(reader->message, "the image has more passes than any sound file");
    reader->status = LJPEG_DAMAGED;
    longjmp(reader->jump, 1);
}

#define GUARD(reader, out)                                                                                             \
    if (setjmp((reader)->jump)) {                                                                                      \
        copy(out, (reader)->message);                                                                                  \
        return (reader)->status;                                                                                       \
    }

// The orientation tag (0x0112) in the first directory of an EXIF marker.
static int orientationOf(const uint8_t *bytes, size_t count) {
    if (count < 14 || memcmp(bytes, "Exif\0\0", 6) != 0) return 0;
    const uint8_t *tiff = bytes + 6;
    size_t size = count - 6;
    int little = tiff[0] == 'I';
#define U16(at) (little ? tiff[at] | tiff[(at) + 1] << 8 : tiff[at] << 8 | tiff[(at) + 1])
    size_t start = little ? (size_t)tiff[4] | (size_t)tiff[5] << 8 | (size_t)tiff[6] << 16 | (size_t)tiff[7] << 24
                          : (size_t)tiff[7] | (size_t)tiff[6] << 8 | (size_t)tiff[5] << 16 | (size_t)tiff[4] << 24;
    if (start > size || size - start < 2) return 0;
    size_t entries = (size_t)U16(start);
    for (size_t i = 0; i < entries && start + 2 + (i + 1) * 12 <= size; i++) {
        size_t at = start + 2 + i * 12;
        if (U16(at) == 0x0112) {
            int value = U16(at + 8);
            return value >= 1 && value <= 8 ? value : 0;
        }
    }
#undef U16
    return 0;
}

static int readHeader(LJPEGReader *reader, LJPEGInfo *info, char *text) {
    GUARD(reader, text);
    j_decompress_ptr jpeg = &reader->jpeg;
    jpeg_create_decompress(jpeg);
    reader->created = 1;
    jpeg->progress = &reader->progress;
    jpeg_stdio_src(jpeg, reader->file);
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(jpeg, TRUE);
    memset(info, 0, sizeof *info);
    info->width = jpeg->image_width;
    info->height = jpeg->image_height;
    info->components = jpeg->num_components;
    info->progressive = jpeg->progressive_mode;
    info->arithmetic = jpeg->arith_code;
    switch (jpeg->jpeg_color_space) {
    case JCS_GRAYSCALE: info->colorSpace = LJPEG_GRAY; break;
    case JCS_RGB: info->colorSpace = LJPEG_RGB; break;
    case JCS_YCbCr: info->colorSpace = LJPEG_YCBCR; break;
    case JCS_CMYK: info->colorSpace = LJPEG_CMYK; break;
    case JCS_YCCK: info->colorSpace = LJPEG_YCCK; break;
    default: info->colorSpace = LJPEG_OTHER;
    }
    info->densityUnit = jpeg->saw_JFIF_marker ? jpeg->density_unit : -1;
    info->xDensity = jpeg->X_density;
    info->yDensity = jpeg->Y_density;
    for (jpeg_saved_marker_ptr marker = jpeg->marker_list; marker && !info->orientation; marker = marker->next)
        info->orientation = orientationOf(marker->data, marker->data_length);
    return LJPEG_OK;
}

int ljpeg_open(const char *path, LJPEGReader **out, LJPEGInfo *info, char text[LJPEG_MESSAGE]) {
    *out = NULL;
    FILE *file = fopen(path, "rb");
    if (!file) {
        copy(text, strerror(errno));
        return LJPEG_CANNOT_OPEN;
    }
    LJPEGReader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        fclose(file);
        copy(text, "out of memory");
        return LJPEG_NO_MEMORY;
    }
    reader->file = file;
    reader->status = LJPEG_DAMAGED;
    reader->jpeg.err = jpeg_std_error(&reader->errors);
    reader->jpeg.client_data = reader;
    reader->errors.error_exit = stop;
    reader->errors.emit_message = message;
    reader->errors.output_message = say;
    reader->progress.progress_monitor = watch;
    int status = readHeader(reader, info, text);
    if (status != LJPEG_OK) {
        ljpeg_close(reader);
        return status;
    }
    *out = reader;
    return LJPEG_OK;
}

int ljpeg_start(LJPEGReader *reader, char text[LJPEG_MESSAGE]) {
    GUARD(reader, text);
    j_decompress_ptr jpeg = &reader->jpeg;
    jpeg->out_color_space = jpeg->jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
    jpeg->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(jpeg);
    return LJPEG_OK;
}

int ljpeg_read_rows(LJPEGReader *reader, uint8_t *rows, size_t rowBytes, uint32_t count, char text[LJPEG_MESSAGE]) {
    GUARD(reader, text);
    j_decompress_ptr jpeg = &reader->jpeg;
    for (uint32_t i = 0; i < count; i++) {
        JSAMPROW row = rows + i * rowBytes;
        if ((size_t)jpeg->output_width * (size_t)jpeg->output_components > rowBytes ||
            jpeg_read_scanlines(jpeg, &row, 1) != 1) {
            copy(text, "the image has fewer rows than it states");
            return LJPEG_DAMAGED;
        }
    }
    return LJPEG_OK;
}

int ljpeg_finish(LJPEGReader *reader, char text[LJPEG_MESSAGE]) {
    GUARD(reader, text);
    jpeg_finish_decompress(&reader->jpeg);
    return LJPEG_OK;
}

void ljpeg_close(LJPEGReader *reader) {
    if (reader->created) jpeg_destroy_decompress(&reader->jpeg);
    fclose(reader->file);
    free(reader);
}

#define TEXT(x) #x
#define TEXT_OF(x) TEXT(x)

const char *ljpeg_version(void) {
#ifdef LIBJPEG_TURBO_VERSION
    return "libjpeg-turbo " TEXT_OF(LIBJPEG_TURBO_VERSION);
#else
    return TEXT_OF(JPEG_LIB_VERSION);
#endif
}
