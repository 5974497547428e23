// The remaining paths: groups of whole channel blocks, small groups that share blocks, and convolutions of any groups
// (slow).

#include "Internal.h"

// MARK: Groups of whole blocks: one convolution after the other

static lk_conv one_group(const lk_conv *conv) {
    lk_conv g = *conv;
    int32_t d, h, w;
    lk_conv_output(conv, &d, &h, &w);
    if (!g.x_stride) g.x_stride = lk_blocked_count(1, g.c, (int64_t)g.d * g.h * g.w);
    if (!g.y_stride) g.y_stride = lk_blocked_count(1, g.k, (int64_t)d * h * w);
    g.groups = 1;
    g.c /= conv->groups;
    g.k /= conv->groups;
    return g;
}

static int64_t weight_count(const lk_conv *c) { return (int64_t)c->k * c->c * c->kd * c->kh * c->kw; }

static lk_conv_sizes_t group_sizes(const lk_conv *conv, lk_pass pass, lk_algorithm algorithm) {
    const lk_conv one = one_group(conv);
    lk_conv_sizes_t s = lk_conv_sizes(&one, pass, algorithm);
    s.packed *= conv->groups;
    s.shared = lines(s.shared) * conv->groups;
    s.pack_chunks *= conv->groups;
    for (int32_t i = 0; i < s.phases; i++) s.chunks[i] *= conv->groups;
    return s;
}

static void group_pack(
    const lk_conv *conv, lk_pass pass, lk_algorithm algorithm, int32_t chunk, const float *weights, float *packed) {
    const lk_conv one = one_group(conv);
    const lk_conv_sizes_t s = lk_conv_sizes(&one, pass, algorithm);
    const int32_t group = chunk / s.pack_chunks;
    lk_conv_pack(
        &one, pass, algorithm, chunk % s.pack_chunks, weights + group * weight_count(&one), packed + group * s.packed);
}

static void group_run(
    const lk_conv *conv, lk_pass pass, lk_algorithm algorithm, const lk_table *table, int32_t phase, int32_t chunk,
    const lk_conv_data *data, float *worker) {
    const lk_conv one = one_group(conv);
    const lk_conv_sizes_t s = lk_conv_sizes(&one, pass, algorithm);
    const int32_t group = chunk / s.chunks[phase];
    int32_t d, h, w;
    lk_conv_output(conv, &d, &h, &w);
    const int64_t x = group * (int64_t)one.c * one.d * one.h * one.w, y = group * (int64_t)one.k * d * h * w;
    lk_conv_data part = *data;
    part.input += pass == LK_INPUT_GRADIENT ? y : x;
    const int64_t out = pass == LK_WEIGHT_GRADIENT ? group * weight_count(&one) : pass == LK_FORWARD ? y : x;
    part.output += out;
    if (part.output_gradient) part.output_gradient += y;
    if (part.residual) part.residual += out;
    if (part.bias) part.bias += group * (pass == LK_FORWARD ? one.k : one.c);
    if (part.packed) part.packed += group * s.packed;
    if (part.shared) part.shared += group * lines(s.shared);
    lk_find_path(&one, pass, algorithm)
        ->run(&one, pass, algorithm, table, phase, chunk % s.chunks[phase], &part, worker);
}

const lk_path lk_path_groups = {group_sizes, group_pack, group_run};

// MARK: Small groups that share a block: a convolution of each block with itself, its weights zero between groups

// With 2 to 8 channels in a group, that is 2 to 8 times the products, which the fast paths more than make up for.
static lk_conv one_per_block(const lk_conv *conv) {
    lk_conv dense = *conv;
    dense.groups = conv->c / block;
    return dense;
}

static int32_t tap_count(const lk_conv *c) { return c->kd * c->kh * c->kw; }

// All weights of a block: as many as a dense block has.
static int64_t block_weights(const lk_conv *c) { return (int64_t)block * block * tap_count(c); }

// Where the weights of a block's channels k and c stand in those of the groups, or -1 between groups.
static int64_t group_weight(const lk_conv *conv, int32_t index, int32_t k, int32_t c) {
    const int32_t size = conv->c / conv->groups;
    if (k / size != c / size) return -1;
    return ((int64_t)(index * block + k) * size + c % size) * tap_count(conv);
}

static lk_conv_sizes_t block_sizes(const lk_conv *conv, lk_pass pass, lk_algorithm algorithm) {
    const lk_conv dense = one_per_block(conv);
    lk_conv_sizes_t s = group_sizes(&dense, pass, algorithm);
    if (pass == LK_WEIGHT_GRADIENT) {
        // The gradient of the dense blocks, of which one more phase keeps what is within groups.
        s.shared = lines(s.shared) + dense.groups * block_weights(conv);
        s.chunks[s.phases++] = dense.groups;
    }
    return s;
}

static void block_pack(
    const lk_conv *conv, lk_pass pass, lk_algorithm algorithm, int32_t chunk, const float *weights, float *packed) {
    const lk_conv dense = one_per_block(conv), one = one_group(&dense);
    const lk_conv_sizes_t s = lk_conv_sizes(&one, pass, algorithm);
    const int32_t index = chunk / s.pack_chunks, taps = tap_count(conv);
    float wide[block * block * LK_SMALL_TAPS];
    for (int32_t k = 0; k < block; k++)
        for (int32_t c = 0; c < block; c++) {
            const int64_t from = group_weight(conv, index, k, c);
            for (int32_t tap = 0; tap < taps; tap++)
                wide[(k * block + c) * taps + tap] = from < 0 ? 0 : weights[from + tap];
        }
    lk_conv_pack(&one, pass, algorithm, chunk % s.pack_chunks, wide, packed + index * s.packed);
}

static void block_run(
    const lk_conv *conv, lk_pass pass, lk_algorithm algorithm, const lk_table *table, int32_t phase, int32_t chunk,
    const lk_conv_data *data, float *worker) {
    const lk_conv dense = one_per_block(conv);
    if (pass != LK_WEIGHT_GRADIENT) {
        group_run(&dense, pass, algorithm, table, phase, chunk, data, worker);
        return;
    }
    const lk_conv_sizes_t s = group_sizes(&dense, pass, algorithm);
    float *wide = data->shared + lines(s.shared);
    if (phase < s.phases) {
        lk_conv_data part = *data;
        part.output = wide;
        part.accumulate = 0;
        group_run(&dense, pass, algorithm, table, phase, chunk, &part, worker);
        return;
    }
    const int32_t taps = tap_count(conv);
    const float *from = wide + chunk * block_weights(conv);
    for (int32_t k = 0; k < block; k++)
        for (int32_t c = 0; c < block; c++) {
            const int64_t to = group_weight(conv, chunk, k, c);
            if (to < 0) continue;
            for (int32_t tap = 0; tap < taps; tap++) {
                float *out = data->output + to + tap;
                *out = from[(k * block + c) * taps + tap] + (data->accumulate ? *out : 0);
            }
        }
}

const lk_path lk_path_shared_blocks = {block_sizes, block_pack, block_run};

// MARK: Any groups, in plain loops and float64 sums

// Chunks: forward and input gradient, one (image, channel); weight gradient, one output channel.
static lk_conv_sizes_t plain_sizes(const lk_conv *conv, lk_pass pass, lk_algorithm algorithm) {
    (void)algorithm;
    const lk_gather g = lk_make_gather(conv, pass);
    lk_conv_sizes_t s = {.pack_chunks = 1, .phases = 1};
    if (pass != LK_WEIGHT_GRADIENT) s.packed = weight_count(conv) / conv->groups;
    s.chunks[0] = pass == LK_WEIGHT_GRADIENT ? conv->k : g.n * blocks(g.out) * block;
    return s;
}

static void plain_pack(
    const lk_conv *conv, lk_pass pass, lk_algorithm algorithm, int32_t chunk, const float *weights, float *packed) {
    (void)pass, (void)algorithm, (void)chunk;
    memcpy(packed, weights, (size_t)(weight_count(conv) / conv->groups) * sizeof(float));
}

static int64_t pixel_at(
    const lk_axis *d, const lk_axis *h, const lk_axis *w, int input, int32_t c, int32_t z, int32_t y, int32_t x) {
    const int64_t depth = input ? d->in : d->out, height = input ? h->in : h->out, width = input ? w->in : w->out;
    return ((((int64_t)c / block * depth + z) * height + y) * width + x) * block + c % block;
}

// Where output pixel (z, y, x) reads for a tap; 0 where that is a zero.
static int reads(const lk_gather *g, int32_t tap, int32_t z, int32_t y, int32_t x, int32_t at[3]) {
    int32_t offset;
    lk_axis_tap(&g->w, 0, tap % g->w.kernel, &offset);
    at[2] = lk_padded(x * g->w.step + offset, g->w.in, g->pad_mode);
    lk_axis_tap(&g->h, 0, tap / g->w.kernel % g->h.kernel, &offset);
    at[1] = lk_padded(y * g->h.step + offset, g->h.in, g->pad_mode);
    lk_axis_tap(&g->d, 0, tap / g->w.kernel / g->h.kernel, &offset);
    at[0] = lk_padded(z * g->d.step + offset, g->d.in, g->pad_mode);
    return at[0] >= 0 && at[1] >= 0 && at[2] >= 0;
}

static float activate(float v, const lk_conv_data *data) {
    return data->activation && !(v > 0) ? v * (data->activation == LK_RELU ? 0 : data->slope) : v;
}

static void plain_forward(const lk_conv *conv, const lk_gather *g, int32_t chunk, const lk_conv_data *data) {
    const int32_t channels = blocks(g->out) * block, k = lk_take(&chunk, channels), taps = lk_gather_taps(g);
    const int32_t group_in = conv->c / conv->groups, first = k / (conv->k / conv->groups) * group_in;
    for (int32_t z = 0; z < g->d.out; z++) {
        for (int32_t y = 0; y < g->h.out; y++) {
            for (int32_t x = 0; x < g->w.out; x++) {
                const int64_t to = chunk * g->out_stride + pixel_at(&g->d, &g->h, &g->w, 0, k, z, y, x);
                if (k >= g->out) {
                    data->output[to] = 0;
                    continue;
                }
                double sum = data->bias ? data->bias[k] : 0;
                int32_t at[3];
                for (int32_t tap = 0; tap < taps; tap++) {
                    if (!reads(g, tap, z, y, x, at)) continue;
                    for (int32_t c = 0; c < group_in; c++) {
                        const int64_t from = pixel_at(&g->d, &g->h, &g->w, 1, first + c, at[0], at[1], at[2]);
                        sum += (double)data->input[chunk * g->in_stride + from]
                            * data->packed[((int64_t)k * group_in + c) * taps + tap];
                    }
                }
                if (data->residual) sum += data->residual[to];
                if (data->accumulate) sum += data->output[to];
                data->output[to] = activate((float)sum, data);
            }
        }
    }
}

static void plain_input_gradient(const lk_conv *conv, const lk_gather *g, int32_t chunk, const lk_conv_data *data) {
    const int32_t channels = blocks(g->in) * block, c = lk_take(&chunk, channels), taps = lk_gather_taps(g);
    const int32_t group_in = conv->c / conv->groups, group_out = conv->k / conv->groups;
    const int32_t first = c / group_in * group_out;
    float *out = data->output + chunk * g->in_stride;
    const int64_t origin = pixel_at(&g->d, &g->h, &g->w, 1, c, 0, 0, 0), pixels = lk_gather_pixels_in(g);
    for (int64_t p = 0; p < pixels; p++)
        if (!data->accumulate || c >= g->in) out[origin + p * block] = 0;
    if (c >= g->in) return;
    int32_t at[3];
    for (int32_t z = 0; z < g->d.out; z++) {
        for (int32_t y = 0; y < g->h.out; y++) {
            for (int32_t x = 0; x < g->w.out; x++) {
                for (int32_t tap = 0; tap < taps; tap++) {
                    if (!reads(g, tap, z, y, x, at)) continue;
                    double sum = 0;
                    for (int32_t k = first; k < first + group_out; k++) {
                        const int64_t from = pixel_at(&g->d, &g->h, &g->w, 0, k, z, y, x);
                        sum += (double)data->input[chunk * g->out_stride + from]
                            * data->packed[((int64_t)k * group_in + c % group_in) * taps + tap];
                    }
                    out[pixel_at(&g->d, &g->h, &g->w, 1, c, at[0], at[1], at[2])] += (float)sum;
                }
            }
        }
    }
    for (int64_t p = 0; p < pixels; p++) {
        float *v = out + origin + p * block;
        if (data->bias) *v += data->bias[c];
        if (data->residual) *v += data->residual[chunk * g->in_stride + origin + p * block];
        *v = activate(*v, data);
    }
}

static void plain_weight_gradient(const lk_conv *conv, const lk_gather *g, int32_t k, const lk_conv_data *data) {
    const int32_t taps = lk_gather_taps(g), group_in = conv->c / conv->groups;
    const int32_t first = k / (conv->k / conv->groups) * group_in;
    int32_t at[3];
    for (int32_t c = 0; c < group_in; c++) {
        for (int32_t tap = 0; tap < taps; tap++) {
            double sum = 0;
            for (int32_t image = 0; image < g->n; image++)
                for (int32_t z = 0; z < g->d.out; z++)
                    for (int32_t y = 0; y < g->h.out; y++)
                        for (int32_t x = 0; x < g->w.out; x++) {
                            if (!reads(g, tap, z, y, x, at)) continue;
                            const int64_t from =
                                pixel_at(&g->d, &g->h, &g->w, 1, first + c, at[0], at[1], at[2]);
                            const int64_t to = pixel_at(&g->d, &g->h, &g->w, 0, k, z, y, x);
                            sum += (double)data->input[image * g->in_stride + from]
                                * data->output_gradient[image * g->out_stride + to];
                        }
            float *out = data->output + ((int64_t)k * group_in + c) * taps + tap;
            *out = (float)sum + (data->accumulate ? *out : 0);
        }
    }
}

static void plain_run(
    const lk_conv *conv, lk_pass pass, lk_algorithm algorithm, const lk_table *table, int32_t phase, int32_t chunk,
    const lk_conv_data *data, float *worker) {
    (void)algorithm, (void)table, (void)phase, (void)worker;
    const lk_gather g = lk_make_gather(conv, LK_FORWARD);
    if (pass == LK_FORWARD) plain_forward(conv, &g, chunk, data);
    else if (pass == LK_INPUT_GRADIENT) plain_input_gradient(conv, &g, chunk, data);
    else plain_weight_gradient(conv, &g, chunk, data);
}

const lk_path lk_path_plain = {plain_sizes, plain_pack, plain_run};
