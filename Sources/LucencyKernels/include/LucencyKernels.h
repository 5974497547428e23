// SIMD kernels of the convolution engine: pure functions over float32 buffers, no allocation, no threads, no global state.
//
// Memory order. A *blocked* tensor is [n][ceil(c/16)][d][h][w][16]: channels in blocks of 16, the 16 channels of a pixel
// adjacent, no halo. Lanes of the last block beyond the real channels are zero; kernels write zeros there. 2-D tensors have
// d = 1. Images need not be adjacent (`x_stride`, `y_stride`), so a tensor may be a run of channel blocks of a larger one
// (a concatenation). Weights and their gradients are plain, in PyTorch's order [k][c/groups][kd][kh][kw]. Buffers need
// the alignment of a float; 64 bytes is faster.
//
// Running a convolution: `lk_conv_sizes` says what a pass needs; the caller allocates, packs the weights (forward and input
// gradient), then calls `lk_conv_run` for every chunk of phase 0, waits, every chunk of phase 1, and so on. Chunks of one
// phase may run at the same time, in any order, each with its own worker scratch. What a chunk does depends on the
// problem only, so results are bit-identical whatever the number of threads.
#ifndef LUCENCY_KERNELS_H
#define LUCENCY_KERNELS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// MARK: Families

/// Instruction sets. Results differ between families in the last bits; `LK_PORTABLE` gives the same bits on any machine.
typedef enum { LK_PORTABLE = 0, LK_AVX2 = 1, LK_AVX512 = 2, LK_NEON = 3 } lk_family;

/// Whether a family is compiled in and supported by this CPU and operating system.
int lk_family_available(lk_family family);
/// The family to use here, by CPU features (never by timing).
lk_family lk_family_best(void);
/// "portable", "avx2", "avx512" or "neon".
const char *lk_family_name(lk_family family);

// MARK: Convolutions

/// What lies beyond an image's edge. Reflect does not repeat the edge pixel and needs padding < size.
typedef enum { LK_ZEROS = 0, LK_REFLECT = 1, LK_REPLICATE = 2 } lk_pad_mode;

/// One convolution, always described in its ordinary forward direction: y[k] = sum over c and taps of w * x.
///
/// A *transposed* convolution is the input gradient of an ordinary one. Describe that one (c = the transposed one's output
/// channels, d/h/w = its output size, k = its input channels; PyTorch's weight order [in][out][..] is then already
/// right) and use `LK_INPUT_GRADIENT` for its forward pass, `LK_FORWARD` for its input gradient, and `LK_WEIGHT_GRADIENT`
/// with `input` = the gradient of its output, `output_gradient` = its input.
typedef struct {
    int32_t n, c, d, h, w;                      ///< x: images, real channels, size; d = 1 in 2-D
    int32_t k;                                  ///< real channels of y
    int32_t kd, kh, kw, sd, sh, sw, dd, dh, dw; ///< kernel size, stride, dilation; all >= 1
    int32_t pd0, pd1, ph0, ph1, pw0, pw1;       ///< padding before and after
    int32_t groups;                             ///< divides c and k
    int32_t pad_mode;                           ///< an `lk_pad_mode`
    int64_t x_stride, y_stride;                 ///< floats between images of x and y; 0: adjacent
} lk_conv;

typedef enum { LK_FORWARD = 0, LK_INPUT_GRADIENT = 1, LK_WEIGHT_GRADIENT = 2 } lk_pass;

/// How a pass is computed. Winograd takes 3x3 kernels (in-plane; any depth) of stride and dilation 1.
typedef enum { LK_DIRECT = 0, LK_WINOGRAD2 = 1, LK_WINOGRAD4 = 2 } lk_algorithm;

/// The output size of a convolution; 0 where the kernel does not fit.
void lk_conv_output(const lk_conv *conv, int32_t *d, int32_t *h, int32_t *w);
/// Whether the description is consistent (sizes positive, groups divide, reflect fits). Everything below requires it.
int lk_conv_valid(const lk_conv *conv);
/// Whether an algorithm can compute a pass.
int lk_conv_supports(const lk_conv *conv, lk_pass pass, lk_algorithm algorithm);
/// The algorithm that is fastest as a rule, from the shape only.
lk_algorithm lk_conv_choose(const lk_conv *conv, lk_pass pass);

enum { LK_PHASES = 4 };

/// What a pass needs. Counts are of floats; they depend on the problem only.
typedef struct {
    int64_t packed;            ///< packed weights; 0 for the weight gradient
    int64_t shared;            ///< scratch shared by all chunks
    int64_t worker;            ///< scratch of each worker
    int32_t pack_chunks;       ///< chunks of `lk_conv_pack`
    int32_t phases;            ///< 1 ... LK_PHASES
    int32_t chunks[LK_PHASES]; ///< chunks of each phase
} lk_conv_sizes_t;

lk_conv_sizes_t lk_conv_sizes(const lk_conv *conv, lk_pass pass, lk_algorithm algorithm);

/// Packs plain weights for a pass and an algorithm, one chunk of `pack_chunks`. Chunks write apart; all must have run
/// before `lk_conv_run`. The packed form serves every family.
void lk_conv_pack(
    const lk_conv *conv, lk_pass pass, lk_algorithm algorithm, int32_t chunk, const float *weights, float *packed);

typedef enum { LK_LINEAR = 0, LK_RELU = 1, LK_LEAKY_RELU = 2 } lk_activation;

/// The buffers of a run. The forward pass and the input gradient write
/// output = activation(convolution + bias + residual + (accumulate ? output : 0)).
typedef struct {
    const float *input;           ///< forward: x; input gradient: dy; weight gradient: x
    const float *output_gradient; ///< weight gradient: dy; else unused
    const float *packed;          ///< from `lk_conv_pack`; weight gradient: unused
    float *output;                ///< forward: y; input gradient: dx; weight gradient: dw, plain
    const float *bias;            ///< one float per real output channel, or NULL
    const float *residual;        ///< laid out and strided like `output`, or NULL
    int32_t activation;           ///< an `lk_activation`
    float slope;                  ///< of LeakyReLU
    int32_t accumulate;           ///< add to what `output` holds (also weight gradients)
    float *shared;                ///< shared scratch
} lk_conv_data;

/// Runs one chunk of one phase.
void lk_conv_run(
    const lk_conv *conv, lk_pass pass, lk_algorithm algorithm, lk_family family, int32_t phase, int32_t chunk,
    const lk_conv_data *data, float *worker);

// MARK: Layout

/// Floats of a blocked tensor with adjacent images.
int64_t lk_blocked_count(int64_t n, int64_t c, int64_t pixels);
/// One image (or a range of its channels starting at a multiple of 16): plain [c][pixels] to blocked.
void lk_to_blocked(lk_family family, const float *plain, float *blocked, int64_t c, int64_t pixels);
/// The inverse.
void lk_to_plain(lk_family family, const float *blocked, float *plain, int64_t c, int64_t pixels);

// MARK: Between convolutions
//
// These work on a *slab*: `pixels` adjacent pixels of one channel block (16 floats each). The caller cuts tensors into slabs
// (by shape only where sums are involved) and may run them in any order. Per-channel arguments are 16 floats.

/// sums[0..15] = sum of x, sums[16..31] = sum of x^2, in float64. Sums of dy are the bias gradient.
void lk_channel_sums(lk_family family, const float *x, int64_t pixels, double *sums);
/// Adds `count` partial results of 32 doubles each in their order, so that totals do not depend on who made them.
void lk_add_partials(const double *partials, int64_t count, double *sums);

/// y = activation(x * scale + shift + residual); residual may be NULL, y may be x.
void lk_normalise(
    lk_family family, const float *x, const float *scale, const float *shift, const float *residual,
    lk_activation activation, float slope, float *y, int64_t pixels);
/// First pass of the gradient. With g = dy * activation'(x * scale + shift + residual), the mask recomputed from x:
/// sums[0..15] = sum of g, sums[16..31] = sum of g * (x - mean), in float64.
void lk_normalise_gradient_sums(
    lk_family family, const float *x, const float *dy, const float *scale, const float *shift, const float *residual,
    const float *mean, lk_activation activation, float slope, int64_t pixels, double *sums);
/// Second pass: dx = a * g + b * (x - mean) + e, and dresidual = g where not NULL. Batch normalisation with m pixels, from the
/// sums S0, S1 over the batch: a = gamma/std, b = -gamma/std^3 * S1/m, e = -gamma/std * S0/m; dgamma = S1/std, dbeta = S0.
/// dx may be dy or x; `accumulate` adds to dx and to dresidual.
void lk_normalise_gradient(
    lk_family family, const float *x, const float *dy, const float *scale, const float *shift, const float *residual,
    const float *mean, const float *a, const float *b, const float *e, lk_activation activation, float slope,
    int32_t accumulate, float *dx, float *dresidual, int64_t pixels);

/// Max pooling, 2x2 (depth 1) or 2x2x2 (depth 2), stride 2, of one channel block: x is [d][h][w][16], y is
/// [d/depth][h/2][w/2][16]. Writes rows begin ..< end of y (a row is one (z, y) pair).
void lk_max_pool(
    lk_family family, const float *x, float *y, int32_t depth, int32_t d, int32_t h, int32_t w, int32_t begin,
    int32_t end);
/// Its gradient: the first maximum of each window (recomputed from x and y) takes dy, the others 0. The rows of x that
/// windows do not reach (odd sizes) are zeroed with the last row. `accumulate` adds instead.
void lk_max_pool_gradient(
    lk_family family, const float *x, const float *y, const float *dy, float *dx, int32_t depth, int32_t d, int32_t h,
    int32_t w, int32_t begin, int32_t end, int32_t accumulate);

// MARK: Plain arrays

/// y = x > 0 ? x : slope * x. y may be x.
void lk_relu(lk_family family, const float *x, float *y, int64_t count, float slope);
/// dx = x > 0 ? dy : slope * dy. x may be the ReLU's output where slope >= 0. dx may be dy; `accumulate` adds.
void lk_relu_gradient(
    lk_family family, const float *x, const float *dy, float *dx, int64_t count, float slope, int32_t accumulate);
/// y = a + b. y may be a or b.
void lk_add(lk_family family, const float *a, const float *b, float *y, int64_t count);

/// Adam (decoupled = 0: weight decay is added to the gradient) or AdamW (decoupled = 1), one step of a plain array.
typedef struct {
    float rate, beta1, beta2, epsilon, decay;
    float correction1, correction2; ///< 1 - beta1^t and 1 - beta2^t
    int32_t decoupled;
} lk_adam;
void lk_adam_step(
    lk_family family, const lk_adam *adam, float *weights, const float *gradient, float *first, float *second,
    int64_t count);

/// SGD with momentum as in PyTorch (velocity = momentum * velocity + gradient). velocity may be NULL if momentum is 0.
typedef struct {
    float rate, momentum, decay;
    int32_t nesterov;
} lk_sgd;
void lk_sgd_step(
    lk_family family, const lk_sgd *sgd, float *weights, const float *gradient, float *velocity, int64_t count);

#ifdef __cplusplus
}
#endif

#include "LucencyElementwise.h"

#endif
