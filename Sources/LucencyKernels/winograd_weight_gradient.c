// Weight gradient in the Winograd domain: with U the transformed input tiles and D the transformed tiles of the output gradient,
// dw = G^T (sum over tiles of U * D) G, a quarter of the direct products for 4x4 tiles.
//
// A chunk is a group of input blocks and panels, for a share ("split") of the tiles. Sums: [panel][input block][depth tap]
// [16][position][width]. With one split they stay in the worker's scratch and are transformed back at once; with several they
// stand in the shared scratch, and the second phase adds them in their order and transforms back.

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
    lk_conv_sizes_t s = {.phases = 1};
    s.chunks[0] = p.splits * p.block_groups * p.panel_groups;
    s.worker = (int64_t)p.positions * (p.size * (group_blocks * block + group_panels * panel) + 2 * block);
    if (p.splits == 1) {
        s.worker += (int64_t)group_blocks * block * group_panels * panel * p.positions * p.g.d.kernel;
        return s;
    }
    s.phases = 2;
    s.shared = p.sums * p.splits;
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

// One of the two factors of a block of tiles: [position][channel block][tile][16].
typedef struct {
    int32_t height, width, depth, side, pad_h, pad_w, pad_d; // pad_d: minus the depth tap
    int32_t first, count;                                    // channel blocks
    const float *data;
    int64_t stride; // of images
    float *factors;
    int64_t position;
    void (*transform)(int32_t tile, const float *x, int64_t row, float *u, int64_t position);
} Factor;

static void transform(const Plan *p, const Factor *f, int32_t begin, int32_t end) {
    float patch[most_positions * block];
    const int64_t row = (int64_t)f->width * block, plane = row * f->height;
    for (int32_t b = 0; b < f->count; b++) {
        float *u = f->factors + (int64_t)b * p->size * block;
        for (int32_t index = begin; index < end; index++, u += block) {
            int32_t image = index;
            const int32_t x = lk_take(&image, p->columns) * p->tile - f->pad_w;
            const int32_t y = lk_take(&image, p->rows) * p->tile - f->pad_h;
            const int32_t z = lk_take(&image, p->g.d.out) - f->pad_d;
            if (z < 0 || z >= f->depth) {
                for (int32_t q = 0; q < p->positions; q++) memset(u + q * f->position, 0, block * sizeof(float));
                continue;
            }
            const float *pixels = f->data + image * f->stride + ((int64_t)(f->first + b) * f->depth + z) * plane;
            if (x >= 0 && y >= 0 && x + f->side <= f->width && y + f->side <= f->height)
                f->transform(p->tile, pixels + y * row + (int64_t)x * block, row, u, f->position);
            else
                f->transform(
                    p->tile, gather_patch(pixels, f->height, f->width, y, x, f->side, patch),
                    (int64_t)f->side * block, u, f->position);
        }
    }
}

// Adds the splits' sums of one panel and input block and writes their weights.
static void transform_back(
    const Plan *p, const lk_table *table, int32_t panel_index, int32_t b, const float *sums, const lk_conv_data *data) {
    const lk_gather *g = &p->g;
    const int32_t width = panel_width(g->out, panel_index), taps = 9 * g->d.kernel;
    const int32_t real = smaller(width, g->out - panel_index * panel);
    const int64_t stride = (int64_t)g->in * taps;
    float w[9 * panel];
    for (int32_t tz = 0; tz < g->d.kernel; tz++) {
        for (int32_t i = 0; i < block; i++, sums += p->positions * width) {
            if (b * block + i >= g->in) continue;
            table->winograd_weights(p->tile, sums, p->splits, p->sums, width, w);
            float *out = data->output + panel_index * panel * stride + (int64_t)(b * block + i) * taps + tz * 9;
            for (int32_t j = 0; j < real; j++, out += stride)
                for (int32_t tap = 0; tap < 9; tap++)
                    out[tap] = w[tap * panel + j] + (data->accumulate ? out[tap] : 0);
        }
    }
}

static void add_products(
    const Plan *p, const lk_table *table, int32_t chunk, const lk_conv_data *data, float *worker) {
    const lk_gather *g = &p->g;
    const int32_t panel_group = lk_take(&chunk, p->panel_groups), block_group = lk_take(&chunk, p->block_groups);
    const int32_t first_block = lk_share(p->in_blocks, p->block_groups, block_group);
    const int32_t last_block = lk_share(p->in_blocks, p->block_groups, block_group + 1);
    const int32_t first_panel = lk_share(p->panels, p->panel_groups, panel_group);
    const int32_t last_panel = lk_share(p->panels, p->panel_groups, panel_group + 1);
    Factor x = {
        .height = g->h.in, .width = g->w.in, .depth = g->d.in, .side = p->tile + 2,
        .pad_h = g->h.pad, .pad_w = g->w.pad,
        .first = first_block, .count = last_block - first_block,
        .data = data->input, .stride = g->in_stride,
        .factors = worker, .transform = table->winograd_input,
    };
    Factor dy = {
        .height = g->h.out, .width = g->w.out, .depth = g->d.out, .side = p->tile,
        .first = 2 * first_panel, .count = smaller(2 * last_panel, p->out_blocks) - 2 * first_panel,
        .data = data->output_gradient, .stride = g->out_stride,
        .transform = table->winograd_gradient,
    };
    x.position = ((int64_t)x.count * p->size | 1) * block; // odd, so that positions fall into different cache sets
    dy.position = ((int64_t)dy.count * p->size | 1) * block;
    dy.factors = worker + p->positions * x.position;

    // The sums of this chunk.
    const int64_t per_block = (int64_t)g->d.kernel * p->positions * block;
    const int alone = p->splits == 1;
    float *sums = alone ? dy.factors + p->positions * dy.position : data->shared + chunk * p->sums;
    const int64_t panel_stride = (alone ? x.count : p->in_blocks) * per_block * panel;
    if (!alone) sums += first_panel * panel_stride;
    const int32_t start = lk_share(p->total, p->splits, chunk), last = lk_share(p->total, p->splits, chunk + 1);
    for (int32_t begin = start; begin < last; begin += p->size) {
        const int32_t end = smaller(last, begin + p->size);
        transform(p, &dy, begin, end);
        for (int32_t tz = 0; tz < g->d.kernel; tz++) {
            x.pad_d = g->d.pad - tz;
            transform(p, &x, begin, end);
            for (int32_t i = first_panel; i < last_panel; i++) {
                const int32_t width = panel_width(g->out, i);
                for (int32_t b = first_block; b < last_block; b++) {
                    float *to = sums + (i - first_panel) * panel_stride + (alone ? b - first_block : b) * per_block * width
                        + (int64_t)tz * p->positions * block * width;
                    const float *gradient = dy.factors + (2 * i - dy.first) * (int64_t)p->size * block;
                    for (int32_t q = 0; q < p->positions; q++, gradient += dy.position) {
                        const lk_outer outer = {
                            .x = x.factors + q * x.position + (int64_t)(b - first_block) * p->size * block,
                            .dy = {gradient, gradient + p->size * block},
                            .sums = to + q * width,
                            .sums_step = (int64_t)p->positions * width,
                            .fresh = begin == start,
                            .x_step = block,
                            .dy_step = block,
                            .rows = 1,
                            .pixels = end - begin,
                            .lanes = lanes(g->in, b),
                            .width = width,
                        };
                        table->outer(&outer);
                    }
                }
            }
        }
    }
    if (!alone) return;
    for (int32_t i = first_panel; i < last_panel; i++)
        for (int32_t b = first_block; b < last_block; b++)
            transform_back(
                p, table, i, b,
                sums + (i - first_panel) * panel_stride + (b - first_block) * per_block * panel_width(g->out, i), data);
}

static void run(
    const lk_conv *conv, lk_pass pass, lk_algorithm algorithm, const lk_table *table, int32_t phase, int32_t chunk,
    const lk_conv_data *data, float *worker) {
    (void)pass;
    const Plan p = make_plan(conv, algorithm);
    if (phase == 0) {
        add_products(&p, table, chunk, data, worker);
        return;
    }
    const int32_t b = lk_take(&chunk, p.in_blocks);
    const int64_t per_block = (int64_t)p.g.d.kernel * p.positions * block;
    const float *sums = data->shared + chunk * p.in_blocks * per_block * panel + b * per_block * panel_width(p.g.out, chunk);
    transform_back(&p, table, chunk, b, sums, data);
}

const lk_path lk_path_winograd_weight_gradient = {sizes, NULL, run};
