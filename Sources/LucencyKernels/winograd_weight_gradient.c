// Weight gradient in the Winograd domain: with U the transformed input tiles and D the transformed tiles of the output gradient,
// dw = G^T (sum over tiles of U * D) G, a quarter of the direct products for 4x4 tiles.
//
// A chunk is a group of input blocks and panels, for a share ("split") of the tiles. Sums: [split][panel][input block][depth tap]
// [position][16][width]; the second phase adds the splits in their order, transforms back and writes plain weights.

#include "Internal.h"

typedef struct {
    lk_gather g;
    int32_t tile, positions, in_blocks, out_blocks, panels;
    int32_t rows, columns, total; // tiles
    int32_t splits, block_groups, panel_groups, size;
    int64_t sums; // floats of a split
} Plan;

enum { group_blocks = 4, group_panels = 2, most_positions = 36 };

static Plan make_plan(const lk_conv *conv, lk_algorithm algorithm) {
    Plan p = {.g = lk_make_gather(conv, LK_FORWARD), .tile = algorithm == LK_WINOGRAD4 ? 4 : 2};
    const lk_gather *g = &p.g;
    p.positions = (p.tile + 2) * (p.tile + 2);
    p.in_blocks = blocks(g->in);
    p.out_blocks = blocks(g->out);
    p.panels = panels(g->out);
    p.rows = (int32_t)ceiling(g->h.out, p.tile);
    p.columns = (int32_t)ceiling(g->w.out, p.tile);
    p.total = g->n * g->d.out * p.rows * p.columns;
    p.block_groups = (int32_t)ceiling(p.in_blocks, group_blocks);
    p.panel_groups = (int32_t)ceiling(p.panels, group_panels);
    p.sums = (int64_t)p.panels * panel * p.in_blocks * block * p.positions * g->d.kernel;
    const int64_t tile_floats =
        (int64_t)p.positions * (smaller(p.in_blocks, group_blocks) * block + smaller(p.panels, group_panels) * panel);
    p.size = larger(8, smaller(64, (int32_t)(120000 / tile_floats)));
    const int32_t wanted = (int32_t)ceiling(32, p.block_groups * p.panel_groups);
    const int32_t most = larger(1, (int32_t)(2400000 / p.sums));
    p.splits = larger(1, smaller(smaller(wanted, most), p.total / p.size));
    return p;
}

static lk_conv_sizes_t sizes(const lk_conv *conv, lk_pass pass, lk_algorithm algorithm) {
    (void)pass;
    const Plan p = make_plan(conv, algorithm);
    lk_conv_sizes_t s = {.phases = 2, .shared = p.sums * p.splits};
    s.worker = (int64_t)p.positions * p.size * (group_blocks * block + group_panels * panel);
    s.chunks[0] = p.splits * p.block_groups * p.panel_groups;
    s.chunks[1] = p.panels * p.in_blocks;
    return s;
}

// A tile's pixels, side x side, where it reaches over an edge.
static const float *gather_patch(
    const float *plane, int32_t height, int32_t width, int32_t y, int32_t x, int32_t side, float *patch) {
    for (int32_t i = 0; i < side; i++) {
        for (int32_t j = 0; j < side; j++) {
            float *pixel = patch + (i * side + j) * block;
            const int inside = y + i >= 0 && y + i < height && x + j >= 0 && x + j < width;
            if (inside) memcpy(pixel, plane + ((int64_t)(y + i) * width + x + j) * block, block * sizeof(float));
            else memset(pixel, 0, block * sizeof(float));
        }
    }
    return patch;
}

static void add_products(
    const Plan *p, const lk_table *table, int32_t chunk, const lk_conv_data *data, float *worker) {
    const lk_gather *g = &p->g;
    const int32_t panel_group = lk_take(&chunk, p->panel_groups), block_group = lk_take(&chunk, p->block_groups);
    const int32_t first_block = lk_share(p->in_blocks, p->block_groups, block_group);
    const int32_t last_block = lk_share(p->in_blocks, p->block_groups, block_group + 1);
    const int32_t first_panel = lk_share(p->panels, p->panel_groups, panel_group);
    const int32_t last_panel = lk_share(p->panels, p->panel_groups, panel_group + 1);
    const int32_t first_out = 2 * first_panel, last_out = smaller(2 * last_panel, p->out_blocks);
    const int32_t in_count = last_block - first_block, out_count = last_out - first_out;
    float *inputs = worker, *gradients = worker + (int64_t)p->positions * p->size * in_count * block;
    const int64_t in_position = (int64_t)in_count * p->size * block, out_position = (int64_t)out_count * p->size * block;
    const int64_t per_block = (int64_t)g->d.kernel * p->positions * block;
    float *sums = data->shared + chunk * p->sums;
    for (int32_t i = first_panel; i < last_panel; i++) {
        const int64_t one = per_block * panel_width(g->out, i);
        memset(
            sums + i * p->in_blocks * per_block * panel + first_block * one, 0,
            (size_t)(in_count * one) * sizeof(float));
    }
    float patch[most_positions * block];
    const int32_t last = lk_share(p->total, p->splits, chunk + 1);
    for (int32_t begin = lk_share(p->total, p->splits, chunk); begin < last; begin += p->size) {
        const int32_t end = smaller(last, begin + p->size);
        for (int32_t tz = -1; tz < g->d.kernel; tz++) { // the gradients' transforms come first
            const int gradient = tz < 0;
            const int32_t side = gradient ? p->tile : p->tile + 2;
            const lk_axis *h = &g->h, *w = &g->w;
            const int32_t height = gradient ? h->out : h->in, width = gradient ? w->out : w->in;
            const int64_t row = (int64_t)width * block, plane = row * height;
            const int32_t from = gradient ? first_out : first_block, count = gradient ? out_count : in_count;
            for (int32_t index = begin; index < end; index++) {
                int32_t image = index;
                int32_t x = lk_take(&image, p->columns) * p->tile, y = lk_take(&image, p->rows) * p->tile;
                int32_t z = lk_take(&image, g->d.out);
                const float *source = data->output_gradient + image * g->out_stride;
                int32_t depth = g->d.out;
                if (!gradient) {
                    x -= w->pad, y -= h->pad, z += tz - g->d.pad;
                    source = data->input + image * g->in_stride;
                    depth = g->d.in;
                }
                const int inside = x >= 0 && y >= 0 && x + side <= width && y + side <= height;
                const int64_t position = gradient ? out_position : in_position;
                for (int32_t b = 0; b < count; b++) {
                    float *u = (gradient ? gradients : inputs) + ((int64_t)b * p->size + index - begin) * block;
                    if (z < 0 || z >= depth) {
                        for (int32_t q = 0; q < p->positions; q++) memset(u + q * position, 0, block * sizeof(float));
                        continue;
                    }
                    const float *pixels = source + ((int64_t)(from + b) * depth + z) * plane;
                    const float *corner = inside ? pixels + y * row + (int64_t)x * block
                        : gather_patch(pixels, height, width, y, x, side, patch);
                    (gradient ? table->winograd_gradient : table->winograd_input)(
                        p->tile, corner, inside ? row : (int64_t)side * block, u, position);
                }
            }
            if (gradient) continue;
            for (int32_t i = first_panel; i < last_panel; i++) {
                const int32_t panel_size = panel_width(g->out, i);
                for (int32_t b = first_block; b < last_block; b++) {
                    float *to = sums + i * p->in_blocks * per_block * panel + b * per_block * panel_size
                        + (int64_t)tz * p->positions * block * panel_size;
                    for (int32_t q = 0; q < p->positions; q++) {
                        const float *dy = gradients + q * out_position + (2 * i - first_out) * p->size * block;
                        const lk_outer outer = {
                            .x = inputs + q * in_position + (int64_t)(b - first_block) * p->size * block,
                            .dy = {dy, dy + p->size * block},
                            .sums = to + (int64_t)q * block * panel_size,
                            .x_step = block,
                            .dy_step = block,
                            .rows = 1,
                            .pixels = end - begin,
                            .lanes = lanes(g->in, b),
                            .width = panel_size,
                        };
                        table->outer(&outer);
                    }
                }
            }
        }
    }
}

// One line of sums to weights: G^T.
static inline void back(int32_t tile, const float *u, int32_t step, float *w, int32_t out_step) {
    for (int32_t j = 0; j < panel; j++) {
        const float u0 = u[j], u1 = u[step + j], u2 = u[2 * step + j], u3 = u[3 * step + j];
        if (tile == 2) {
            w[j] = u0 + 0.5f * (u1 + u2);
            w[out_step + j] = 0.5f * (u1 - u2);
            w[2 * out_step + j] = 0.5f * (u1 + u2) + u3;
        } else {
            const float a = (float)LK_INNER, b = (float)LK_OUTER, u4 = u[4 * step + j], u5 = u[5 * step + j];
            const float evenA = (-2.0f / 3) * (u1 + u2), evenB = (1.0f / 6) * (u3 + u4);
            w[j] = u0 + evenA + evenB;
            w[out_step + j] = (-2.0f / 3) * a * (u1 - u2) + (1.0f / 6) * b * (u3 - u4);
            w[2 * out_step + j] = 0.5f * evenA + 2 * evenB + u5;
        }
    }
}

static void transform_back(const Plan *p, int32_t chunk, const lk_conv_data *data) {
    const lk_gather *g = &p->g;
    const int32_t b = lk_take(&chunk, p->in_blocks), width = panel_width(g->out, chunk), side = p->tile + 2;
    const int32_t real = smaller(width, g->out - chunk * panel), taps = 9 * g->d.kernel;
    const int64_t per_block = (int64_t)g->d.kernel * p->positions * block;
    const float *sums = data->shared + chunk * p->in_blocks * per_block * panel + b * per_block * width;
    for (int32_t tz = 0; tz < g->d.kernel; tz++) {
        for (int32_t i = 0; i < lanes(g->in, b); i++) {
            float u[most_positions * panel] = {0}, half[3 * 6 * panel], w[9 * panel];
            for (int32_t s = 0; s < p->splits; s++) {
                for (int32_t q = 0; q < p->positions; q++) {
                    const float *part = sums + s * p->sums + (((int64_t)tz * p->positions + q) * block + i) * width;
                    for (int32_t j = 0; j < width; j++) u[q * panel + j] += part[j];
                }
            }
            for (int32_t x = 0; x < side; x++)
                back(p->tile, u + x * panel, side * panel, half + x * panel, 6 * panel);
            for (int32_t y = 0; y < 3; y++) back(p->tile, half + y * 6 * panel, panel, w + y * 3 * panel, panel);
            float *out = data->output + ((int64_t)chunk * panel * g->in + b * block + i) * taps + tz * 9;
            const int64_t stride = (int64_t)g->in * taps;
            for (int32_t j = 0; j < real; j++)
                for (int32_t tap = 0; tap < 9; tap++)
                    out[j * stride + tap] = w[tap * panel + j] + (data->accumulate ? out[j * stride + tap] : 0);
        }
    }
}

static void run(
    const lk_conv *conv, lk_pass pass, lk_algorithm algorithm, const lk_table *table, int32_t phase, int32_t chunk,
    const lk_conv_data *data, float *worker) {
    (void)pass;
    const Plan p = make_plan(conv, algorithm);
    if (phase == 0) add_products(&p, table, chunk, data, worker);
    else transform_back(&p, chunk, data);
}

const lk_path lk_path_winograd_weight_gradient = {sizes, NULL, run};
