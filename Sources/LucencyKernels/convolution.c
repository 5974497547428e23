// The public interface of convolutions: checks, choices, and which path computes what.

#include "Internal.h"

static int32_t output_size(
    int32_t in, int32_t kernel, int32_t stride, int32_t dilation, int32_t before, int32_t after) {
    const int64_t reach = (int64_t)in + before + after - (int64_t)dilation * (kernel - 1) - 1;
    return reach < 0 ? 0 : (int32_t)(reach / stride + 1);
}

void lk_conv_output(const lk_conv *c, int32_t *d, int32_t *h, int32_t *w) {
    *d = output_size(c->d, c->kd, c->sd, c->dd, c->pd0, c->pd1);
    *h = output_size(c->h, c->kh, c->sh, c->dh, c->ph0, c->ph1);
    *w = output_size(c->w, c->kw, c->sw, c->dw, c->pw0, c->pw1);
}

static int axis_valid(
    int32_t in, int32_t kernel, int32_t stride, int32_t dilation, int32_t before, int32_t after, int32_t mode) {
    enum { most = 1 << 20 };
    if (in < 1 || in > most || kernel < 1 || kernel > most || stride < 1 || stride > most) return 0;
    if (dilation < 1 || dilation > most || before < 0 || before > most || after < 0 || after > most) return 0;
    if ((int64_t)kernel * dilation > most) return 0;
    if (mode == LK_REFLECT && (before >= in || after >= in)) return 0;
    return output_size(in, kernel, stride, dilation, before, after) > 0;
}

int lk_conv_valid(const lk_conv *c) {
    if (c->n < 1 || c->c < 1 || c->k < 1 || c->groups < 1 || c->c % c->groups || c->k % c->groups) return 0;
    if (c->c > 1 << 20 || c->k > 1 << 20 || c->n > 1 << 20) return 0;
    if (c->pad_mode < LK_ZEROS || c->pad_mode > LK_REPLICATE || c->kd > LK_DEEPEST) return 0;
    if (!axis_valid(c->d, c->kd, c->sd, c->dd, c->pd0, c->pd1, c->pad_mode)
        || !axis_valid(c->h, c->kh, c->sh, c->dh, c->ph0, c->ph1, c->pad_mode)
        || !axis_valid(c->w, c->kw, c->sw, c->dw, c->pw0, c->pw1, c->pad_mode))
        return 0;
    // What is counted in 32 bits: pixels of all images, padding included; taps times channel blocks.
    const double in =
        ((double)c->d + c->pd0 + c->pd1) * ((double)c->h + c->ph0 + c->ph1) * ((double)c->w + c->pw0 + c->pw1);
    int32_t d, h, w;
    lk_conv_output(c, &d, &h, &w);
    const double pixels = in > (double)d * h * w ? in : (double)d * h * w, taps = (double)c->kd * c->kh * c->kw;
    const int32_t channels = larger(c->c, c->k);
    return pixels * c->n * blocks(channels) < INT32_MAX && taps * channels < INT32_MAX;
}

static lk_axis make_axis(
    lk_pass pass, int32_t x, int32_t y, int32_t kernel, int32_t stride, int32_t dilation, int32_t pad) {
    lk_axis a = {.kernel = kernel, .stride = stride, .dilation = dilation, .pad = pad};
    a.transposed = pass == LK_INPUT_GRADIENT;
    a.in = a.transposed ? y : x;
    a.out = a.transposed ? x : y;
    a.classes = a.transposed ? stride : 1;
    a.step = a.transposed ? 1 : stride;
    a.low = INT32_MAX;
    a.high = INT32_MIN;
    int32_t offset;
    for (int32_t class = 0; class < a.classes; class++)
        for (int32_t tap = 0; tap < kernel; tap++)
            if (lk_axis_tap(&a, class, tap, &offset)) {
                a.low = smaller(a.low, offset);
                a.high = larger(a.high, offset);
            }
    return a;
}

lk_gather lk_make_gather(const lk_conv *c, lk_pass pass) {
    int32_t d, h, w;
    lk_conv_output(c, &d, &h, &w);
    lk_gather g = {
        .d = make_axis(pass, c->d, d, c->kd, c->sd, c->dd, c->pd0),
        .h = make_axis(pass, c->h, h, c->kh, c->sh, c->dh, c->ph0),
        .w = make_axis(pass, c->w, w, c->kw, c->sw, c->dw, c->pw0),
        .n = c->n,
        .in = pass == LK_INPUT_GRADIENT ? c->k : c->c,
        .out = pass == LK_INPUT_GRADIENT ? c->c : c->k,
        .pad_mode = pass == LK_INPUT_GRADIENT ? LK_ZEROS : c->pad_mode,
    };
    const int64_t x = c->x_stride ? c->x_stride : lk_blocked_count(1, c->c, (int64_t)c->d * c->h * c->w);
    const int64_t y = c->y_stride ? c->y_stride : lk_blocked_count(1, c->k, (int64_t)d * h * w);
    g.in_stride = pass == LK_INPUT_GRADIENT ? y : x;
    g.out_stride = pass == LK_INPUT_GRADIENT ? x : y;
    return g;
}

lk_epilogue lk_make_epilogue(
    const lk_gather *g, const lk_conv_data *data, int32_t first_block, int64_t offset, float bias[panel]) {
    lk_epilogue e = {.activation = data->activation, .accumulate = data->accumulate, .slope = data->slope};
    if (data->bias) {
        const int32_t first = first_block * block;
        for (int32_t i = 0; i < panel; i++) bias[i] = first + i < g->out ? data->bias[first + i] : 0;
        e.bias = bias;
    }
    if (data->residual) {
        e.residual[0] = data->residual + offset;
        e.residual[1] = e.residual[0] + lk_gather_pixels_out(g) * block;
    }
    // A large output would push out of the caches what is still needed, and be read before it is overwritten.
    const int64_t bytes = lk_gather_pixels_out(g) * blocks(g->out) * block * (int64_t)sizeof(float);
    e.stream = bytes >= (16 << 20) && !data->accumulate && (uintptr_t)data->output % 64 == 0
        && g->out_stride % block == 0;
    return e;
}

// MARK: Choices

static int winograd_fits(const lk_conv *c) {
    return c->kh == 3 && c->kw == 3 && c->sh == 1 && c->sw == 1 && c->sd == 1 && c->dh == 1 && c->dw == 1 && c->dd == 1;
}

int lk_conv_supports(const lk_conv *c, lk_pass pass, lk_algorithm algorithm) {
    (void)pass;
    return algorithm == LK_DIRECT || (winograd_fits(c) && c->groups == 1);
}

lk_algorithm lk_conv_choose(const lk_conv *c, lk_pass pass) {
    if (!lk_conv_supports(c, pass, LK_WINOGRAD4)) return LK_DIRECT;
    int32_t d, h, w;
    lk_conv_output(c, &d, &h, &w);
    // Few channels: the transforms would cost more than they save.
    if (c->c < block || c->k < block) return LK_DIRECT;
    const int64_t tiles = (int64_t)c->n * d * ceiling(h, 4) * ceiling(w, 4);
    const double used = (double)c->n * d * h * w / ((double)tiles * 16);
    if (used < 0.4) return LK_DIRECT;
    // Very few tiles: the transformed weights, four times the plain ones, cost more to make and to read than is saved.
    if (pass != LK_WEIGHT_GRADIENT && tiles < 8 && (int64_t)c->c * c->k > 128 * 128) return LK_DIRECT;
    return LK_WINOGRAD4;
}

const lk_path *lk_find_path(const lk_conv *c, lk_pass pass, lk_algorithm algorithm) {
    const int depthwise = c->groups > 1 && c->groups == c->c && c->groups == c->k;
    const int whole = c->c / c->groups % block == 0 && c->k / c->groups % block == 0;
    if (c->groups > 1 && !depthwise && whole) return &lk_path_groups;
    if (c->groups > 1 && !depthwise) {
        // Taps are few, so that their product cannot overflow.
        const int few = c->kd <= LK_SMALL_TAPS && c->kh <= LK_SMALL_TAPS && c->kw <= LK_SMALL_TAPS
            && c->kd * c->kh * c->kw <= LK_SMALL_TAPS;
        const int shared = c->c == c->k && c->c % block == 0 && block % (c->c / c->groups) == 0;
        return few && shared ? &lk_path_shared_blocks : &lk_path_plain;
    }
    if (c->pad_mode != LK_ZEROS && pass != LK_FORWARD) return &lk_path_folded;
    if (depthwise) return pass == LK_WEIGHT_GRADIENT ? &lk_path_depthwise_weight_gradient : &lk_path_depthwise;
    if (pass == LK_WEIGHT_GRADIENT)
        return algorithm == LK_DIRECT ? &lk_path_weight_gradient : &lk_path_winograd_weight_gradient;
    return algorithm == LK_DIRECT ? &lk_path_direct : &lk_path_winograd;
}

lk_conv_sizes_t lk_conv_sizes(const lk_conv *conv, lk_pass pass, lk_algorithm algorithm) {
    return lk_find_path(conv, pass, algorithm)->sizes(conv, pass, algorithm);
}

void lk_conv_pack(
    const lk_conv *conv, lk_pass pass, lk_algorithm algorithm, int32_t chunk, const float *weights, float *packed) {
    if (pass != LK_WEIGHT_GRADIENT)
        lk_find_path(conv, pass, algorithm)->pack(conv, pass, algorithm, chunk, weights, packed);
}

void lk_conv_run(
    const lk_conv *conv, lk_pass pass, lk_algorithm algorithm, lk_family family, int32_t phase, int32_t chunk,
    const lk_conv_data *data, float *worker) {
    lk_find_path(conv, pass, algorithm)
        ->run(conv, pass, algorithm, lk_functions(family), phase, chunk, data, worker);
#if defined(__x86_64__)
    __builtin_ia32_sfence(); // streaming stores are ordered by nothing else
#endif
}
