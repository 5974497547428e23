// Winograd convolution, F(2x2, 3x3) and F(4x4, 3x3) in-plane; depth taps are summed in the products.
//
// Tiles of all images and planes are numbered in raster order and cut into blocks. Factors of a block:
// [position][depth tap, input block][tile][16]; products: [position][tile][32] of one panel; packed weights:
// [panel][position][depth tap, input block][16][width].
// Fused (one phase): a chunk transforms a block, then multiplies and transforms back panel by panel, all within the
// second-level cache. Split (two phases), for few tiles or very many weights: all blocks are transformed first; then a chunk is
// one panel of one block, so that the weights are read once.

#include "Internal.h"

typedef struct {
    lk_gather g;
    int32_t tile, positions;             // outputs a side; factors of a tile
    int32_t in_blocks, terms, panels;    // terms: depth taps x input blocks
    int32_t rows, columns, total;        // tiles a plane and in all
    int32_t size, count, split;          // tiles of a block; blocks
    int32_t block_groups;                // split: shares of the input blocks
    int64_t factors, products, list;     // floats
    int64_t in_position, out_position;   // floats from one position to the next, of factors and of products
} Plan;

static Plan make_plan(const lk_conv *conv, lk_pass pass, lk_algorithm algorithm) {
    Plan p = {.g = lk_make_gather(conv, pass), .tile = algorithm == LK_WINOGRAD4 ? 4 : 2};
    p.positions = (p.tile + 2) * (p.tile + 2);
    p.in_blocks = blocks(p.g.in);
    p.terms = p.g.d.kernel * p.in_blocks;
    p.panels = panels(p.g.out);
    p.rows = (int32_t)ceiling(p.g.h.out, p.tile);
    p.columns = (int32_t)ceiling(p.g.w.out, p.tile);
    p.total = p.g.n * p.g.d.out * p.rows * p.columns;
    const int64_t tile_floats = (int64_t)p.positions * (p.terms * block + panel);
    const int64_t budget = 150000; // of a second-level cache of 1 MiB
    int32_t size = smaller(96, larger(12, (int32_t)(budget / tile_floats) / 12 * 12));
    const int64_t weights = (int64_t)p.positions * p.terms * block * p.panels * panel;
    p.split = p.total < 8 * size || weights > (4 << 20);
    if (p.split) size = 64;
    p.count = (int32_t)ceiling(p.total, size);
    p.size = (int32_t)ceiling(p.total, p.count);
    p.block_groups = p.split ? (int32_t)ceiling(p.in_blocks, 4) : 1;
    // An odd number of cache lines, so that a tile's positions fall into different sets of the caches.
    p.in_position = ((int64_t)p.terms * p.size | 1) * block;
    p.out_position = (int64_t)p.size * panel + block;
    p.factors = p.positions * p.in_position;
    p.products = p.positions * p.out_position;
    p.list = lines(ceiling((int64_t)p.terms * sizeof(lk_term), sizeof(float)));
    return p;
}

static lk_conv_sizes_t sizes(const lk_conv *conv, lk_pass pass, lk_algorithm algorithm) {
    const Plan p = make_plan(conv, pass, algorithm);
    lk_conv_sizes_t s = {.pack_chunks = p.panels, .phases = p.split ? 2 : 1};
    s.packed = (int64_t)p.panels * panel * p.positions * p.terms * block;
    s.worker = p.list + p.products;
    if (p.split) {
        s.shared = p.factors * p.count;
        s.chunks[0] = p.count * p.block_groups;
        s.chunks[1] = p.count * p.panels;
    } else {
        s.worker += p.factors;
        s.chunks[0] = p.count;
    }
    return s;
}

// MARK: Weights

enum { most_positions = 36 };

// Rows of G at the interpolation points, for weights g: {g0, (g0 + g2 p^2) +- p g1, g2} over the points' weights.
static inline void weight_line(
    int32_t tile, const float *restrict g, int32_t step, float *restrict u, int32_t out_step) {
    if (tile == 2) {
        for (int32_t j = 0; j < panel; j++) {
            const float g1 = g[step + j], even = 0.5f * (g[j] + g[2 * step + j]), odd = 0.5f * g1;
            u[j] = g[j];
            u[out_step + j] = even + odd;
            u[2 * out_step + j] = even - odd;
            u[3 * out_step + j] = g[2 * step + j];
        }
        return;
    }
    for (int32_t j = 0; j < panel; j++) {
        const float g0 = g[j], g1 = g[step + j], g2 = g[2 * step + j];
        const float evenA = (-2.0f / 3) * (g0 + 0.5f * g2), oddA = (float)(-2.0 / 3 * LK_INNER) * g1;
        const float evenB = (1.0f / 6) * (g0 + 2 * g2), oddB = (float)(1.0 / 6 * LK_OUTER) * g1;
        u[j] = g0;
        u[out_step + j] = evenA + oddA;
        u[2 * out_step + j] = evenA - oddA;
        u[3 * out_step + j] = evenB + oddB;
        u[4 * out_step + j] = evenB - oddB;
        u[5 * out_step + j] = g2;
    }
}

static void pack(
    const lk_conv *conv, lk_pass pass, lk_algorithm algorithm, int32_t chunk, const float *weights, float *packed) {
    const Plan p = make_plan(conv, pass, algorithm);
    const int32_t side = p.tile + 2, width = panel_width(p.g.out, chunk), taps = 9 * p.g.d.kernel;
    const int32_t real = smaller(width, p.g.out - chunk * panel);
    const int64_t in_stride = pass == LK_FORWARD ? taps : (int64_t)conv->c * taps;
    const int64_t out_stride = pass == LK_FORWARD ? (int64_t)conv->c * taps : taps;
    float *out = packed + (int64_t)chunk * panel * p.positions * p.terms * block;
    const int64_t position = (int64_t)p.terms * block * width;
    float g[9 * panel] = {0}, half[6 * 3 * panel];
    float u[most_positions * block * panel]; // of one term, so that what is written far apart is written in long runs
    for (int32_t term = 0; term < p.terms; term++) {
        const int32_t z = term / p.in_blocks, first = term % p.in_blocks * block;
        for (int32_t i = 0; i < block; i++) {
            float *to = u + i * panel;
            if (first + i >= p.g.in) {
                for (int32_t q = 0; q < p.positions; q++) memset(to + q * block * panel, 0, panel * sizeof(float));
                continue;
            }
            const float *from = weights + chunk * panel * out_stride + (first + i) * in_stride + z * 9;
            for (int32_t j = 0; j < real; j++)
                for (int32_t tap = 0; tap < 9; tap++)
                    g[(pass == LK_FORWARD ? tap : 8 - tap) * panel + j] = from[j * out_stride + tap];
            for (int32_t x = 0; x < 3; x++) weight_line(p.tile, g + x * panel, 3 * panel, half + x * panel, 3 * panel);
            for (int32_t y = 0; y < side; y++)
                weight_line(p.tile, half + y * 3 * panel, panel, to + y * side * block * panel, block * panel);
        }
        for (int32_t q = 0; q < p.positions; q++)
            for (int32_t i = 0; i < block; i++)
                memcpy(
                    out + q * position + ((int64_t)term * block + i) * width, u + (q * block + i) * panel,
                    (size_t)width * sizeof(float));
    }
}

// MARK: Running

// Where a tile stands.
typedef struct {
    int32_t image, z, y, x; // y, x: its first output
} Tile;

static inline Tile tile_at(const Plan *p, int32_t index) {
    Tile t;
    t.x = lk_take(&index, p->columns) * p->tile;
    t.y = lk_take(&index, p->rows) * p->tile;
    t.z = lk_take(&index, p->g.d.out);
    t.image = index;
    return t;
}

// Transforms the inputs of tiles first ..< last for input blocks from ..< to.
static void transform_inputs(
    const Plan *p, const lk_table *table, const float *input, int32_t first, int32_t last, int32_t from, int32_t to,
    float *factors) {
    const lk_gather *g = &p->g;
    const int32_t side = p->tile + 2, width = g->w.in, height = g->h.in;
    const int64_t row = (int64_t)width * block, plane = row * height, position = p->in_position;
    float patch[most_positions * block];
    // Block by block, so that few rows are read at a time: more streams than the hardware prefetches would wait for memory.
    for (int32_t term = 0; term < p->terms; term++) {
        const int32_t b = term % p->in_blocks;
        if (b < from || b >= to) continue;
        int32_t offset;
        lk_axis_tap(&g->d, 0, term / p->in_blocks, &offset);
        float *u = factors + (int64_t)term * p->size * block;
        for (int32_t index = first; index < last; index++, u += block) {
            const Tile t = tile_at(p, index);
            const int32_t y = t.y + g->h.low, x = t.x + g->w.low;
            const int32_t z = lk_padded(t.z + offset, g->d.in, g->pad_mode);
            if (z < 0) {
                for (int32_t q = 0; q < p->positions; q++) memset(u + q * position, 0, block * sizeof(float));
                continue;
            }
            const float *source = input + t.image * g->in_stride + ((int64_t)b * g->d.in + z) * plane;
            if (y >= 0 && x >= 0 && y + side <= height && x + side <= width) {
                table->winograd_input(p->tile, source + y * row + (int64_t)x * block, row, u, position);
                continue;
            }
            for (int32_t i = 0; i < side; i++) {
                const int32_t line = lk_padded(y + i, height, g->pad_mode);
                for (int32_t j = 0; j < side; j++) {
                    const int32_t column = lk_padded(x + j, width, g->pad_mode);
                    float *pixel = patch + (i * side + j) * block;
                    if (line < 0 || column < 0) memset(pixel, 0, block * sizeof(float));
                    else memcpy(pixel, source + line * row + (int64_t)column * block, block * sizeof(float));
                }
            }
            table->winograd_input(p->tile, patch, (int64_t)side * block, u, position);
        }
    }
}

// Multiplies a block's factors by one panel and transforms the products of its tiles first ..< last to outputs.
static void multiply(
    const Plan *p, const lk_table *table, const lk_conv_data *data, const lk_term *terms, int32_t panel_index,
    int32_t first, int32_t last, const float *factors, float *products) {
    const lk_gather *g = &p->g;
    const int32_t width = panel_width(g->out, panel_index);
    lk_row row = {
        .terms = terms,
        .term_count = p->terms,
        .input_step = block,
        .output_step = panel,
        .width = width,
        .pixels = last - first,
    };
    const float *weights = data->packed + (int64_t)panel_index * panel * p->positions * p->terms * block;
    for (int32_t q = 0; q < p->positions; q++) {
        row.input = factors + q * p->in_position;
        row.weights = weights + (int64_t)q * p->terms * block * width;
        row.output[0] = products + q * p->out_position;
        row.output[1] = row.output[0] + block;
        table->row(&row);
    }
    const int64_t line = (int64_t)g->w.out * block, plane = line * g->h.out, channel_block = plane * g->d.out;
    float bias[panel];
    for (int32_t index = first; index < last; index++) {
        const Tile t = tile_at(p, index);
        const int64_t at = t.image * g->out_stride + 2 * panel_index * channel_block + t.z * plane + t.y * line
            + (int64_t)t.x * block;
        lk_epilogue e = lk_make_epilogue(g, data, 2 * panel_index, at, bias);
        for (int32_t half = 0; half < width / block; half++) {
            if (half) {
                e.residual[0] = e.residual[1];
                if (e.bias) e.bias += block;
            }
            table->winograd_output(
                p->tile, products + (int64_t)(index - first) * panel + half * block, p->out_position,
                data->output + at + half * channel_block, line, smaller(p->tile, g->h.out - t.y),
                smaller(p->tile, g->w.out - t.x), &e);
        }
    }
}

static const lk_term *list_terms(const Plan *p, int32_t width, float *memory) {
    lk_term *terms = (lk_term *)(void *)memory;
    for (int32_t t = 0; t < p->terms; t++)
        terms[t] = (lk_term){
            .input = (int64_t)t * p->size * block,
            .weights = (int64_t)t * block * width,
            .lanes = lanes(p->g.in, t % p->in_blocks),
        };
    return terms;
}

static void run(
    const lk_conv *conv, lk_pass pass, lk_algorithm algorithm, const lk_table *table, int32_t phase, int32_t chunk,
    const lk_conv_data *data, float *worker) {
    const Plan p = make_plan(conv, pass, algorithm);
    float *products = worker + p.list, *factors = products + p.products;
    int32_t group = 0, panel_index = 0;
    if (p.split && phase == 0) group = lk_take(&chunk, p.block_groups);
    int32_t index = chunk;
    if (p.split && phase == 1) {
        index = lk_take(&chunk, p.count); // the blocks of a panel follow each other: they share its weights
        panel_index = chunk;
    }
    const int32_t first = index * p.size, last = smaller(p.total, first + p.size);
    if (p.split) factors = data->shared + index * p.factors;
    if (phase == 0)
        transform_inputs(
            &p, table, data->input, first, last, lk_share(p.in_blocks, p.block_groups, group),
            lk_share(p.in_blocks, p.block_groups, group + 1), factors);
    if (p.split && phase == 0) return;
    const int32_t end = p.split ? panel_index + 1 : p.panels;
    int32_t width = 0;
    const lk_term *terms = NULL;
    for (; panel_index < end; panel_index++) {
        const int32_t next = panel_width(p.g.out, panel_index);
        if (next != width) terms = list_terms(&p, next, worker);
        width = next;
        multiply(&p, table, data, terms, panel_index, first, last, factors, products);
    }
}

const lk_path lk_path_winograd = {sizes, pack, run};
