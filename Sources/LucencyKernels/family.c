// Which families this machine has, and the functions that only pass on to a family.

#include "Internal.h"

int lk_family_available(lk_family family) {
    switch (family) {
    case LK_PORTABLE: return 1;
#if defined(__x86_64__)
    // The builtin asks the operating system too (XGETBV).
    case LK_AVX2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case LK_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
            && __builtin_cpu_supports("fma");
#elif defined(__aarch64__)
    case LK_NEON: return 1;
#endif
    default: return 0;
    }
}

lk_family lk_family_best(void) {
    static const lk_family best_first[] = {LK_AVX512, LK_AVX2, LK_NEON};
    for (int i = 0; i < 3; i++)
        if (lk_family_available(best_first[i])) return best_first[i];
    return LK_PORTABLE;
}

const char *lk_family_name(lk_family family) {
    switch (family) {
    case LK_AVX2: return "avx2";
    case LK_AVX512: return "avx512";
    case LK_NEON: return "neon";
    default: return "portable";
    }
}

const lk_table *lk_functions(lk_family family) {
    switch (family) {
#if defined(__x86_64__)
    case LK_AVX2: return &lk_table_avx2;
    case LK_AVX512: return &lk_table_avx512;
#elif defined(__aarch64__)
    case LK_NEON: return &lk_table_neon;
#endif
    default: return &lk_table_portable;
    }
}

int64_t lk_blocked_count(int64_t n, int64_t c, int64_t pixels) { return n * ((c + block - 1) / block) * pixels * block; }

void lk_to_blocked(lk_family family, const float *plain, float *blocked, int64_t c, int64_t pixels) {
    lk_functions(family)->to_blocked(plain, blocked, c, pixels);
}

void lk_to_plain(lk_family family, const float *blocked, float *plain, int64_t c, int64_t pixels) {
    lk_functions(family)->to_plain(blocked, plain, c, pixels);
}

void lk_channel_sums(lk_family family, const float *x, int64_t pixels, double *sums) {
    lk_functions(family)->channel_sums(x, pixels, sums);
}

void lk_add_partials(const double *partials, int64_t count, double *sums) {
    for (int j = 0; j < 2 * block; j++) sums[j] = 0;
    for (int64_t i = 0; i < count; i++)
        for (int j = 0; j < 2 * block; j++) sums[j] += partials[i * 2 * block + j];
}

void lk_normalise(
    lk_family family, const float *x, const float *scale, const float *shift, const float *residual,
    lk_activation activation, float slope, float *y, int64_t pixels) {
    lk_functions(family)->normalise(x, scale, shift, residual, activation, slope, y, pixels);
}

void lk_normalise_gradient_sums(
    lk_family family, const float *x, const float *dy, const float *scale, const float *shift, const float *residual,
    const float *mean, lk_activation activation, float slope, int64_t pixels, double *sums) {
    lk_functions(family)->normalise_gradient_sums(
        x, dy, scale, shift, residual, mean, activation, slope, pixels, sums);
}

void lk_normalise_gradient(
    lk_family family, const float *x, const float *dy, const float *scale, const float *shift, const float *residual,
    const float *mean, const float *a, const float *b, const float *e, lk_activation activation, float slope,
    int32_t accumulate, float *dx, float *dresidual, int64_t pixels) {
    lk_functions(family)->normalise_gradient(
        x, dy, scale, shift, residual, mean, a, b, e, activation, slope, accumulate, dx, dresidual, pixels);
}

void lk_max_pool(
    lk_family family, const float *x, float *y, int32_t depth, int32_t d, int32_t h, int32_t w, int32_t begin,
    int32_t end) {
    lk_functions(family)->max_pool(x, y, depth, d, h, w, begin, end);
}

void lk_max_pool_gradient(
    lk_family family, const float *x, const float *y, const float *dy, float *dx, int32_t depth, int32_t d, int32_t h,
    int32_t w, int32_t begin, int32_t end, int32_t accumulate) {
    lk_functions(family)->max_pool_gradient(x, y, dy, dx, depth, d, h, w, begin, end, accumulate);
}

void lk_relu(lk_family family, const float *x, float *y, int64_t count, float slope) {
    lk_functions(family)->relu(x, y, count, slope);
}

void lk_relu_gradient(
    lk_family family, const float *x, const float *dy, float *dx, int64_t count, float slope, int32_t accumulate) {
    lk_functions(family)->relu_gradient(x, dy, dx, count, slope, accumulate);
}

void lk_add(lk_family family, const float *a, const float *b, float *y, int64_t count) {
    lk_functions(family)->add(a, b, y, count);
}

void lk_adam_step(
    lk_family family, const lk_adam *adam, float *weights, const float *gradient, float *first, float *second,
    int64_t count) {
    lk_functions(family)->adam_step(adam, weights, gradient, first, second, count);
}

void lk_sgd_step(
    lk_family family, const lk_sgd *sgd, float *weights, const float *gradient, float *velocity, int64_t count) {
    lk_functions(family)->sgd_step(sgd, weights, gradient, velocity, count);
}
