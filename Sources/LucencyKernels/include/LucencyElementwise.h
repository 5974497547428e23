// Elementwise functions, softmax and dropout over plain float32 arrays: pure functions, no allocation, no threads.
// Families as in LucencyKernels.h. No function calls the C library, so `LK_PORTABLE` gives the same bits on any machine.
#ifndef LUCENCY_ELEMENTWISE_H
#define LUCENCY_ELEMENTWISE_H

#include "LucencyKernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Functions of one number. `a` and `b` are constants of the call.
typedef enum {
    LK_SIGMOID = 0,
    LK_TANH = 1,
    LK_SILU = 2,      ///< x * sigmoid(x)
    LK_GELU = 3,      ///< x * (1 + erf(x / sqrt 2)) / 2
    LK_GELU_TANH = 4, ///< the usual approximation of GELU by tanh
    LK_EXP = 5,
    LK_LOG = 6,
    LK_SQRT = 7,
    LK_ABS = 8,
    LK_SQUARE = 9,
    LK_CLAMP = 10,  ///< between a and b
    LK_AFFINE = 11, ///< a * x + b
} lk_function;

/// y = function(x). y may be x.
void lk_apply(
    lk_family family, lk_function function, const float *x, float *y, int64_t count, float a, float b);
/// dx = dy * function'(x). `v` is the function's result for sigmoid, tanh, exp and sqrt, and x for all others. dx may be dy;
/// `accumulate` adds. |x| has the slope 0 at 0; the slope of a clamp is 1 at its bounds.
void lk_apply_gradient(
    lk_family family, lk_function function, const float *v, const float *dy, float *dx, int64_t count, float a, float b,
    int32_t accumulate);

/// y = softmax, or its logarithm, over `classes` numbers that lie `stride` floats apart, for `count` adjacent pixels. The
/// largest number is taken off first. y may be x.
void lk_softmax(
    lk_family family, const float *x, float *y, int64_t classes, int64_t stride, int64_t count, int32_t logarithm);
/// dx of the above from the result y and dy, which lie alike. `accumulate` adds.
void lk_softmax_gradient(
    lk_family family, const float *y, const float *dy, float *dx, int64_t classes, int64_t stride, int64_t count,
    int32_t logarithm, int32_t accumulate);

/// y[i] = x[i] * scale where the random word of element first + i is at least `threshold`, else 0. `first` must be a
/// multiple of 4. Words are those of Philox 4x32-10 with the counter (element / 4, stream, step) and the key `seed`.
/// `accumulate` adds to y.
void lk_dropout(
    lk_family family, const float *x, float *y, int64_t count, int64_t first, uint32_t threshold, float scale,
    uint64_t seed, uint32_t stream, uint64_t step, int32_t accumulate);

// MARK: Blocks of 16 channels

/// y = x where positive, else x * slope of the lane.
void lk_prelu(lk_family family, const float *x, const float *slopes, float *y, int64_t pixels);
/// dx = dy where x is positive, else dy * slope of the lane. `accumulate` adds.
void lk_prelu_gradient(
    lk_family family, const float *x, const float *dy, const float *slopes, float *dx, int64_t pixels,
    int32_t accumulate);
/// sums[0..15] = sum of dy * min(x, 0) in float64, sums[16..31] = 0.
void lk_prelu_sums(lk_family family, const float *x, const float *dy, int64_t pixels, double *sums);

/// y = factor * x, or y += factor * x.
void lk_scale(lk_family family, float factor, const float *x, float *y, int64_t count, int32_t accumulate);
/// A sparse matrix times a row of pixels of `lanes` (1 or 16) numbers: y[o] = sum of weights[t] * x[columns[t]] over
/// starts[o] <= t < starts[o + 1]. `accumulate` adds.
void lk_sparse_row(
    lk_family family, const int32_t *starts, const int32_t *columns, const float *weights, int64_t outputs,
    int32_t lanes, const float *x, float *y, int32_t accumulate);

/// The windows of one row of outputs, cut to the image: depths z0 ..< z1, rows y0 ..< y1, and for each output the columns
/// begins ..< ends. None is empty. A mean divides by row_count * counts[output].
typedef struct {
    int32_t z0, z1, y0, y1, height, width;
    const int32_t *begins, *ends;
    const double *counts;
    double row_count;
    int64_t outputs;
} lk_windows;

/// Pooling of one channel block: x is [depth][height][width][16], y the row of outputs.
void lk_pool_maximum(lk_family family, const lk_windows *windows, const float *x, float *y);
/// Adds dy to dx at the first maximum of each window.
void lk_pool_maximum_gradient(
    lk_family family, const lk_windows *windows, const float *x, const float *y, const float *dy, float *dx);
void lk_pool_mean(lk_family family, const lk_windows *windows, const float *x, float *y);
/// Adds to dx.
void lk_pool_mean_gradient(lk_family family, const lk_windows *windows, const float *dy, float *dx);

#ifdef __cplusplus
}
#endif
#endif
