#define _GNU_SOURCE
#include "WholePixels.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// libdeflate inflates about twice as fast as zlib 1.2. Where libtiff uses it, too, it is there; it is loaded, not linked, so
// that nothing else needs it. Its API is stable: https://github.com/ebiggers/libdeflate
typedef struct libdeflate_decompressor decompressor;
static struct {
    decompressor *(*make)(void);
    void (*destroy)(decompressor *);
    int (*inflate)(decompressor *, const void *, size_t, void *, size_t, size_t *, size_t *);
    uint32_t (*crc)(uint32_t, const void *, size_t);
} library;

static void load(void) {
#if defined(__APPLE__)
    void *handle = dlopen("libdeflate.0.dylib", RTLD_NOW | RTLD_LOCAL);
#else
    void *handle = dlopen("libdeflate.so.0", RTLD_NOW | RTLD_LOCAL);
#endif
    if (!handle) return;
    library.make = (decompressor * (*)(void)) dlsym(handle, "libdeflate_alloc_decompressor");
    library.destroy = (void (*)(decompressor *))dlsym(handle, "libdeflate_free_decompressor");
    library.crc = (uint32_t(*)(uint32_t, const void *, size_t))dlsym(handle, "libdeflate_crc32");
    void *inflate = dlsym(handle, "libdeflate_zlib_decompress_ex");
    if (!library.make || !library.destroy || !library.crc) return;
    library.inflate = (int (*)(decompressor *, const void *, size_t, void *, size_t, size_t *, size_t *))inflate;
}

static int is_loaded(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return library.inflate != NULL;
}

// Beyond these, rows are decoded one by one in little memory.
static const size_t largest_file = 64u << 20, largest_image = 128u << 20;

static uint32_t number(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/// Moves the data of the IDAT chunks together. Returns their length, or 0 unless they are sound and only IEND follows.
static size_t join_data(uint8_t *bytes, size_t count) {
    size_t at = 0, joined = 0;
    while (count - at >= 12) {
        size_t length = number(bytes + at);
        const uint8_t *type = bytes + at + 4;
        if (length > count - at - 12 || library.crc(0, type, length + 4) != number(type + 4 + length)) return 0;
        if (!memcmp(type, "IEND", 4)) return length == 0 ? joined : 0;
        if (memcmp(type, "IDAT", 4) != 0) return 0;
        memmove(bytes + joined, type + 4, length);
        joined += length;
        at += length + 12;
    }
    return 0;
}

static int distance(int a, int b) { return a < b ? b - a : a - b; }

// W3C PNG specification, section 9. `row` and `above` stand behind the byte that names the filter.
static int unfilter(int filter, uint8_t *row, const uint8_t *above, size_t count, size_t step) {
    switch (filter) {
    case 0: return 1;
    case 1:
        for (size_t i = step; i < count; i++) row[i] = (uint8_t)(row[i] + row[i - step]);
        return 1;
    case 2:
        for (size_t i = 0; i < count; i++) row[i] = (uint8_t)(row[i] + above[i]);
        return 1;
    case 3:
        for (size_t i = 0; i < step && i < count; i++) row[i] = (uint8_t)(row[i] + above[i] / 2);
        for (size_t i = step; i < count; i++) row[i] = (uint8_t)(row[i] + (row[i - step] + above[i]) / 2);
        return 1;
    case 4:
        for (size_t i = 0; i < step && i < count; i++) row[i] = (uint8_t)(row[i] + above[i]);
        for (size_t i = step; i < count; i++) {
            int left = row[i - step], up = above[i], corner = above[i - step];
            int to_left = distance(up, corner), to_up = distance(left, corner), to_corner = abs(left + up - 2 * corner);
            int chosen = to_left <= to_up && to_left <= to_corner ? left : to_up <= to_corner ? up : corner;
            row[i] = (uint8_t)(row[i] + chosen);
        }
        return 1;
    default: return 0;
    }
}

static uint8_t *decode(uint8_t *bytes, size_t count, uint32_t height, size_t row_bytes, size_t pixel_bytes) {
    size_t joined = join_data(bytes, count), line = row_bytes + 1;
    if (!joined) return NULL;
    // A row of zeros in front stands for what is above the first.
    uint8_t *raw = malloc(line * ((size_t)height + 1));
    decompressor *inflater = raw ? library.make() : NULL;
    size_t used = 0;
    int is_sound = inflater
        && library.inflate(inflater, bytes, joined, raw + line, line * (size_t)height, &used, NULL) == 0 && used == joined;
    if (inflater) library.destroy(inflater);
    if (is_sound) memset(raw, 0, line);
    for (uint32_t y = 1; is_sound && y <= height; y++) {
        uint8_t *row = raw + y * line;
        is_sound = unfilter(row[0], row + 1, row - line + 1, row_bytes, pixel_bytes);
    }
    if (is_sound) return raw;
    free(raw);
    return NULL;
}

uint8_t *lpng_whole_pixels(FILE *file, uint32_t height, size_t row_bytes, size_t pixel_bytes) {
    struct stat facts;
    long start = ftell(file);
    if (start < 8 || fstat(fileno(file), &facts) != 0 || facts.st_size <= start || !is_loaded()) return NULL;
    size_t count = (size_t)facts.st_size - (size_t)start + 8;
    if (count > largest_file || height == 0 || row_bytes >= largest_image / ((size_t)height + 1)) return NULL;
    uint8_t *bytes = malloc(count), *pixels = NULL;
    if (bytes && fseek(file, start - 8, SEEK_SET) == 0 && fread(bytes, 1, count, file) == count)
        pixels = decode(bytes, count, height, row_bytes, pixel_bytes);
    free(bytes);
    clearerr(file);
    if (fseek(file, start, SEEK_SET) == 0) return pixels;
    free(pixels);
    return NULL;
}
