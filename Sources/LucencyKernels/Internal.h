// What the kernels' files share: the geometry of a pass, and the table of functions that every family provides.
#ifndef LUCENCY_KERNELS_INTERNAL_H
#define LUCENCY_KERNELS_INTERNAL_H

#include "LucencyKernels.h"
#include <stddef.h>
#include <string.h>

// Products and sums are rounded apart, on every machine; families with fused instructions turn this on for themselves.
#pragma STDC FP_CONTRACT OFF

enum {
    block = 16, // channels of a block
    panel = 32, // output channels of a panel of packed weights; the last may be one block wide
    LK_DEEPEST = 64, // the deepest kernel
    LK_SMALL_TAPS = 49, // the largest kernel of small groups that share a block
};

static inline int32_t blocks(int32_t channels) { return (channels + block - 1) / block; }
static inline int32_t panels(int32_t channels) { return (channels + panel - 1) / panel; }
static inline int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }
static inline int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }
// The constants of Winograd's interpolation points.
#define LK_INNER 0.70710678118654752440
#define LK_OUTER 1.41421356237309504880

static inline int64_t ceiling(int64_t a, int64_t b) { return (a + b - 1) / b; }
// The channels of a block that are real.
static inline int32_t lanes(int32_t channels, int32_t index) { return smaller(block, channels - index * block); }
// The width of a panel: 32, or 16 for a last one of at most 16 channels.
static inline int32_t panel_width(int32_t channels, int32_t index) {
    return channels - index * panel > block ? panel : block;
}
// Rounded up so that what follows stays aligned to a cache line.
static inline int64_t lines(int64_t floats) { return (floats + 15) / 16 * 16; }

// MARK: Geometry

// One axis of a gather: output position class + classes * j reads the inputs j * step + offset(tap). A forward pass has
// one class and step = stride; an input gradient has `stride` classes (positions that meet the same taps) and step 1.
typedef struct {
    int32_t in, out, kernel, dilation, pad, stride, classes, step, transposed;
    int32_t low, high; // extremes of the offsets
} lk_axis;

// A forward pass or an input gradient as one: output = sum over taps and channels of weights * input.
typedef struct {
    lk_axis d, h, w;
    int32_t n, in, out, pad_mode; // in, out: real channels
    int64_t in_stride, out_stride;
} lk_gather;

lk_gather lk_make_gather(const lk_conv *conv, lk_pass pass);

// How many output positions a class has.
static inline int32_t lk_axis_count(const lk_axis *axis, int32_t class) {
    return class < axis->out ? (axis->out - class + axis->classes - 1) / axis->classes : 0;
}

// Whether a tap reaches a class, and the input position it reads for j = 0.
static inline int lk_axis_tap(const lk_axis *axis, int32_t class, int32_t tap, int32_t *offset) {
    if (!axis->transposed) {
        *offset = tap * axis->dilation - axis->pad;
        return 1;
    }
    int32_t reach = class + axis->pad - tap * axis->dilation;
    *offset = reach / axis->stride;
    return reach % axis->stride == 0;
}

// The position that a padded one stands for, or -1 for zero.
static inline int32_t lk_padded(int32_t position, int32_t size, int32_t mode) {
    if (position >= 0 && position < size) return position;
    if (mode == LK_ZEROS) return -1;
    if (mode == LK_REPLICATE) return position < 0 ? 0 : size - 1;
    position = position < 0 ? -position : 2 * (size - 1) - position;
    return position >= 0 && position < size ? position : -1; // only outputs that are not kept see these
}

static inline int64_t lk_gather_pixels_in(const lk_gather *g) { return (int64_t)g->d.in * g->h.in * g->w.in; }
static inline int64_t lk_gather_pixels_out(const lk_gather *g) { return (int64_t)g->d.out * g->h.out * g->w.out; }

// Whether nothing is read beyond the edges of a row or a column, so that input can be used where it stands.
static inline int lk_axis_inside(const lk_axis *axis) {
    return axis->low >= 0 && (lk_axis_count(axis, 0) - 1) * axis->step + axis->high < axis->in;
}
static inline int32_t lk_gather_taps(const lk_gather *g) { return g->d.kernel * g->h.kernel * g->w.kernel; }

// MARK: Functions of a family

// One term of a sum: where its input pixels and its weights are, and how many channels it has.
typedef struct {
    int64_t input, weights;
    int32_t lanes;
} lk_term;

// What happens to sums before they are stored. Pointers are of the first pixel stored; NULL where absent.
typedef struct {
    const float *bias; // as many as the panel is wide
    const float *residual[2];
    int32_t activation, accumulate;
    float slope;
    int32_t stream; // outputs go past the caches; they are aligned to cache lines
} lk_epilogue;

// A row of output pixels for one panel: out[p][j] = sum over terms and lanes i of
// input[term.input + p * input_step + i] * weights[term.weights + i * width + j].
typedef struct {
    const float *input, *weights;
    const lk_term *terms;
    float *output[2]; // of the panel's channel blocks
    int64_t input_step, output_step;
    int32_t term_count, width, pixels;
    lk_epilogue epilogue;
} lk_row;

// sums[i][j] += sum over rows and pixels of x[i] * dy[j] (or = where `fresh`): one block of input channels, one panel.
typedef struct {
    const float *x, *dy[2];
    float *sums;
    int64_t x_step, x_row, dy_step, dy_row, sums_step; // sums_step: floats from one input channel to the next
    int32_t rows, pixels, lanes, width, fresh;
} lk_outer;

typedef struct {
    void (*row)(const lk_row *);
    void (*depthwise_row)(const lk_row *);
    void (*outer)(const lk_outer *);
    void (*depthwise_sums)(const float *x, int64_t x_step, const float *dy, int32_t pixels, float *total);
    // Winograd transforms of one tile of one channel block, tile = 2 or 4: (tile + 2)^2 inputs to as many factors,
    // products to tile^2 outputs (only rows x columns of them stored), and tile^2 gradients to factors.
    void (*winograd_input)(int32_t tile, const float *x, int64_t row, float *u, int64_t position);
    void (*winograd_output)(
        int32_t tile, const float *m, int64_t position, float *y, int64_t row, int32_t rows, int32_t columns,
        const lk_epilogue *epilogue);
    void (*winograd_gradient)(int32_t tile, const float *dy, int64_t row, float *u, int64_t position);
    // Adds the splits' sums [position][width] of one input channel and transforms them to weights [9][panel].
    void (*winograd_weights)(
        int32_t tile, const float *sums, int32_t splits, int64_t split, int32_t width, float *weights);

    void (*to_blocked)(const float *plain, float *blocked, int64_t c, int64_t pixels);
    void (*to_plain)(const float *blocked, float *plain, int64_t c, int64_t pixels);
    void (*channel_sums)(const float *x, int64_t pixels, double *sums);
    void (*normalise)(
        const float *x, const float *scale, const float *shift, const float *residual, lk_activation activation,
        float slope, float *y, int64_t pixels);
    void (*normalise_gradient_sums)(
        const float *x, const float *dy, const float *scale, const float *shift, const float *residual,
        const float *mean, lk_activation activation, float slope, int64_t pixels, double *sums);
    void (*normalise_gradient)(
        const float *x, const float *dy, const float *scale, const float *shift, const float *residual,
        const float *mean, const float *a, const float *b, const float *e, lk_activation activation, float slope,
        int32_t accumulate, float *dx, float *dresidual, int64_t pixels);
    void (*max_pool)(
        const float *x, float *y, int32_t depth, int32_t d, int32_t h, int32_t w, int32_t begin, int32_t end);
    void (*max_pool_gradient)(
        const float *x, const float *y, const float *dy, float *dx, int32_t depth, int32_t d, int32_t h, int32_t w,
        int32_t begin, int32_t end, int32_t accumulate);
    void (*relu)(const float *x, float *y, int64_t count, float slope);
    void (*relu_gradient)(
        const float *x, const float *dy, float *dx, int64_t count, float slope, int32_t accumulate);
    void (*add)(const float *a, const float *b, float *y, int64_t count);
    void (*adam_step)(
        const lk_adam *adam, float *weights, const float *gradient, float *first, float *second, int64_t count);
    void (*sgd_step)(const lk_sgd *sgd, float *weights, const float *gradient, float *velocity, int64_t count);
} lk_table;

// The table of an available family; of the portable one for any other value.
const lk_table *lk_functions(lk_family family);
extern const lk_table lk_table_portable;
#if defined(__x86_64__)
extern const lk_table lk_table_avx2, lk_table_avx512;
#elif defined(__aarch64__)
extern const lk_table lk_table_neon;
#endif

// MARK: Paths of a pass

// The three parts of the interface, for one way to compute a pass. `phase` and `chunk` are within the sizes' bounds.
typedef struct {
    lk_conv_sizes_t (*sizes)(const lk_conv *, lk_pass, lk_algorithm);
    void (*pack)(const lk_conv *, lk_pass, lk_algorithm, int32_t chunk, const float *weights, float *packed);
    void (*run)(
        const lk_conv *, lk_pass, lk_algorithm, const lk_table *, int32_t phase, int32_t chunk, const lk_conv_data *,
        float *worker);
} lk_path;

extern const lk_path lk_path_direct, lk_path_winograd, lk_path_weight_gradient, lk_path_winograd_weight_gradient,
    lk_path_depthwise, lk_path_depthwise_weight_gradient, lk_path_groups, lk_path_shared_blocks,
    lk_path_plain, lk_path_folded;

// The epilogue of a panel that starts at a channel block, for outputs that start at a float offset; `bias` is its
// scratch.
lk_epilogue lk_make_epilogue(
    const lk_gather *g, const lk_conv_data *data, int32_t first_block, int64_t offset, float bias[panel]);

// The path of a convolution of one group, or of all groups at once.
const lk_path *lk_find_path(const lk_conv *conv, lk_pass pass, lk_algorithm algorithm);

// Where an item stands in a row-major grid.
static inline int32_t lk_take(int32_t *index, int32_t size) {
    int32_t here = *index % size;
    *index /= size;
    return here;
}

// Part `index` of `parts` equal shares of `count`.
static inline int32_t lk_share(int32_t count, int32_t parts, int32_t index) {
    return (int32_t)((int64_t)count * index / parts);
}

#endif
