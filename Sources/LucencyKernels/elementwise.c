// One source, `Elementwise.inc`, compiled for every instruction set. Loops are written for one element; the compiler makes
// vectors of them, so a tail gives the same numbers as a full vector.

#include "LucencyElementwise.h"
#include <string.h>

// A product and a sum become one operation only where the family says so: otherwise bits would differ between machines.
#pragma clang fp contract(off)
#define FAMILY portable
#define TARGET
#include "Elementwise.inc"
#undef FAMILY
#undef TARGET

#if defined(__x86_64__)
#define FAMILY avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "Elementwise.inc"
#undef FAMILY
#undef TARGET

#define FAMILY avx512
#define TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma,prefer-256-bit")))
#include "Elementwise.inc"
#undef FAMILY
#undef TARGET

#define DISPATCH(family, name, ...)                                                                                    \
    do {                                                                                                               \
        if (family == LK_AVX512) name##_avx512(__VA_ARGS__);                                                           \
        else if (family == LK_AVX2) name##_avx2(__VA_ARGS__);                                                          \
        else name##_portable(__VA_ARGS__);                                                                             \
    } while (0)
#else
// NEON is part of every 64-bit ARM, so the portable loops use it already.
#define DISPATCH(family, name, ...) ((void)family, name##_portable(__VA_ARGS__))
#endif

void lk_apply(lk_family family, lk_function function, const float *x, float *y, int64_t count, float a, float b) {
    DISPATCH(family, apply, function, x, y, count, a, b);
}

void lk_apply_gradient(
    lk_family family, lk_function function, const float *v, const float *dy, float *dx, int64_t count, float a, float b,
    int32_t accumulate) {
    DISPATCH(family, apply_gradient, function, v, dy, dx, count, a, b, accumulate);
}

void lk_softmax(
    lk_family family, const float *x, float *y, int64_t classes, int64_t stride, int64_t count, int32_t logarithm) {
    DISPATCH(family, softmax, x, y, classes, stride, count, logarithm);
}

void lk_softmax_gradient(
    lk_family family, const float *y, const float *dy, float *dx, int64_t classes, int64_t stride, int64_t count,
    int32_t logarithm, int32_t accumulate) {
    DISPATCH(family, softmax_gradient, y, dy, dx, classes, stride, count, logarithm, accumulate);
}

void lk_dropout(
    lk_family family, const float *x, float *y, int64_t count, int64_t first, uint32_t threshold, float scale,
    uint64_t seed, uint32_t stream, uint64_t step, int32_t accumulate) {
    DISPATCH(family, dropout, x, y, count, first, threshold, scale, seed, stream, step, accumulate);
}

void lk_prelu(lk_family family, const float *x, const float *slopes, float *y, int64_t pixels) {
    DISPATCH(family, prelu, x, slopes, y, pixels);
}

void lk_prelu_gradient(
    lk_family family, const float *x, const float *dy, const float *slopes, float *dx, int64_t pixels,
    int32_t accumulate) {
    DISPATCH(family, prelu_gradient, x, dy, slopes, dx, pixels, accumulate);
}

void lk_prelu_sums(lk_family family, const float *x, const float *dy, int64_t pixels, double *sums) {
    DISPATCH(family, prelu_sums, x, dy, pixels, sums);
}

void lk_scale(lk_family family, float factor, const float *x, float *y, int64_t count, int32_t accumulate) {
    DISPATCH(family, scale, factor, x, y, count, accumulate);
}

void lk_sparse_row(
    lk_family family, const int32_t *starts, const int32_t *columns, const float *weights, int64_t outputs,
    int32_t lanes, const float *x, float *y, int32_t accumulate) {
    DISPATCH(family, sparse_row, starts, columns, weights, outputs, lanes, x, y, accumulate);
}

void lk_pool_maximum(lk_family family, const lk_windows *windows, const float *x, float *y) {
    DISPATCH(family, pool_maximum, windows, x, y);
}

void lk_pool_maximum_gradient(
    lk_family family, const lk_windows *windows, const float *x, const float *y, const float *dy, float *dx) {
    DISPATCH(family, pool_maximum_gradient, windows, x, y, dy, dx);
}

void lk_pool_mean(lk_family family, const lk_windows *windows, const float *x, float *y) {
    DISPATCH(family, pool_mean, windows, x, y);
}

void lk_pool_mean_gradient(lk_family family, const lk_windows *windows, const float *dy, float *dx) {
    DISPATCH(family, pool_mean_gradient, windows, dy, dx);
}
