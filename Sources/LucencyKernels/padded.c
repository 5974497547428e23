// Gradients of convolutions with reflect or replicate padding, by way of a padded copy of x (or of its gradient) in the shared
// scratch: the weight gradient pads x first; the input gradient is folded back last.

#include "Internal.h"

// The same convolution of an already padded x.
static lk_conv padded_conv(const lk_conv *conv) {
    lk_conv p = *conv;
    p.d += p.pd0 + p.pd1;
    p.h += p.ph0 + p.ph1;
    p.w += p.pw0 + p.pw1;
    p.pd0 = p.pd1 = p.ph0 = p.ph1 = p.pw0 = p.pw1 = 0;
    p.pad_mode = LK_ZEROS;
    p.x_stride = 0;
    return p;
}

static int64_t padded_floats(const lk_conv *p) { return lk_blocked_count(p->n, p->c, (int64_t)p->d * p->h * p->w); }

static lk_conv_sizes_t sizes(const lk_conv *conv, lk_pass pass, lk_algorithm algorithm) {
    const lk_conv p = padded_conv(conv);
    lk_conv_sizes_t s = lk_conv_sizes(&p, pass, algorithm);
    const int32_t copies = conv->n * blocks(conv->c);
    s.shared += padded_floats(&p);
    if (pass == LK_INPUT_GRADIENT) s.chunks[s.phases] = copies;
    else {
        for (int32_t i = s.phases; i > 0; i--) s.chunks[i] = s.chunks[i - 1];
        s.chunks[0] = copies;
    }
    s.phases++;
    return s;
}

static void pack(
    const lk_conv *conv, lk_pass pass, lk_algorithm algorithm, int32_t chunk, const float *weights, float *packed) {
    const lk_conv p = padded_conv(conv);
    lk_conv_pack(&p, pass, algorithm, chunk, weights, packed);
}

// Where pixel `index` of a padded image comes from, in floats.
static int64_t source(const lk_conv *conv, const lk_conv *p, int32_t index) {
    const int32_t x = lk_padded(lk_take(&index, p->w) - conv->pw0, conv->w, conv->pad_mode);
    const int32_t y = lk_padded(lk_take(&index, p->h) - conv->ph0, conv->h, conv->pad_mode);
    const int32_t z = lk_padded(index - conv->pd0, conv->d, conv->pad_mode);
    return (((int64_t)z * conv->h + y) * conv->w + x) * block;
}

static void pad(const lk_conv *conv, const lk_conv *p, const float *x, float *padded) {
    for (int32_t i = 0; i < p->d * p->h * p->w; i++)
        memcpy(padded + (int64_t)i * block, x + source(conv, p, i), block * sizeof(float));
}

static void fold(
    const lk_conv *conv, const lk_conv *p, int32_t b, int64_t offset, const lk_conv_data *data, const float *padded) {
    float *x = data->output + offset;
    const int64_t pixels = (int64_t)conv->d * conv->h * conv->w;
    if (!data->accumulate) memset(x, 0, (size_t)(pixels * block) * sizeof(float));
    for (int32_t i = 0; i < p->d * p->h * p->w; i++, padded += block) {
        float *to = x + source(conv, p, i);
        for (int32_t j = 0; j < block; j++) to[j] += padded[j];
    }
    if (!data->bias && !data->residual && !data->activation) return;
    for (int64_t i = 0; i < pixels * block; i++) {
        const int32_t c = b * block + (int32_t)(i % block);
        if (data->bias && c < conv->c) x[i] += data->bias[c];
        if (data->residual) x[i] += data->residual[offset + i];
        if (data->activation && !(x[i] > 0)) x[i] *= data->activation == LK_RELU ? 0 : data->slope;
    }
}

static void run(
    const lk_conv *conv, lk_pass pass, lk_algorithm algorithm, const lk_table *table, int32_t phase, int32_t chunk,
    const lk_conv_data *data, float *worker) {
    const lk_conv p = padded_conv(conv);
    const lk_conv_sizes_t s = lk_conv_sizes(&p, pass, algorithm);
    const int64_t one = (int64_t)p.d * p.h * p.w * block;
    lk_conv_data inner = *data;
    inner.shared = data->shared + padded_floats(&p);
    if (pass == LK_INPUT_GRADIENT) {
        inner.output = data->shared;
        inner.bias = inner.residual = NULL;
        inner.activation = inner.accumulate = 0;
    } else {
        inner.input = data->shared;
        phase--;
    }
    if (phase >= 0 && phase < s.phases) {
        lk_find_path(&p, pass, algorithm)->run(&p, pass, algorithm, table, phase, chunk, &inner, worker);
        return;
    }
    float *padded = data->shared + chunk * one;
    const int32_t b = lk_take(&chunk, blocks(conv->c));
    const lk_gather g = lk_make_gather(conv, LK_FORWARD);
    const int64_t offset = chunk * g.in_stride + b * lk_gather_pixels_in(&g) * block;
    if (pass == LK_INPUT_GRADIENT) fold(conv, &p, b, offset, data, padded);
    else pad(conv, &p, data->input + offset, padded);
}

const lk_path lk_path_folded = {sizes, pack, run};
