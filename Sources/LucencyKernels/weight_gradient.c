// Direct weight gradient: outer products of input and output gradient, summed over pixels, for every tap.
//
// A chunk is a group of input blocks and panels, for a share ("split") of the output rows. Its sums stand in the shared scratch as
// [split][panel][input block][tap][16][width]; the second phase adds the splits in their order and writes plain weights.

#include "Internal.h"

typedef struct {
    lk_gather g;
    int32_t in_blocks, panels, taps, rows; // rows: output rows of all images and planes
    int32_t splits, block_groups, panel_groups;
    int64_t sums; // floats of a split
} Plan;

enum { reduced_blocks = 4 }; // input blocks of a chunk of the second phase

static Plan make_plan(const lk_conv *conv) {
    Plan p = {.g = lk_make_gather(conv, LK_FORWARD)};
    const lk_gather *g = &p.g;
    p.in_blocks = blocks(g->in);
    p.panels = panels(g->out);
    p.taps = lk_gather_taps(g);
    p.rows = g->n * g->d.out * g->h.out;
    p.sums = (int64_t)p.panels * panel * p.in_blocks * block * p.taps;
    const double cost = 2.0 * p.rows * g->w.out * g->in * p.panels * panel * p.taps;
    const int32_t wanted = (int32_t)(cost > 512e6 ? 64 : 1 + cost / 8e6);
    const int32_t most = (int32_t)larger(1, (int32_t)(1200000 / p.sums));
    p.splits = smaller(smaller(wanted, most), p.rows);
    const int32_t groups = (int32_t)ceiling(wanted, p.splits);
    p.panel_groups = smaller(p.panels, groups);
    p.block_groups = smaller(p.in_blocks, (int32_t)ceiling(groups, p.panel_groups));
    return p;
}

static lk_conv_sizes_t sizes(const lk_conv *conv, lk_pass pass, lk_algorithm algorithm) {
    (void)pass, (void)algorithm;
    const Plan p = make_plan(conv);
    lk_conv_sizes_t s = {.phases = 2, .shared = p.sums * p.splits};
    s.chunks[0] = p.splits * p.block_groups * p.panel_groups;
    s.chunks[1] = p.panels * (int32_t)ceiling(p.in_blocks, reduced_blocks);
    return s;
}

// The outputs first ..< last of begin ..< end whose tap stands inside the input.
static inline void clip(
    const lk_axis *axis, int32_t tap, int32_t begin, int32_t end, int32_t *first, int32_t *last) {
    const int32_t offset = tap * axis->dilation - axis->pad;
    const int32_t low = offset < 0 ? (-offset + axis->step - 1) / axis->step : 0;
    const int32_t room = axis->in - 1 - offset;
    const int32_t high = room < 0 ? 0 : room / axis->step + 1;
    *first = larger(begin, low);
    *last = smaller(end, high);
}

typedef struct {
    const Plan *p;
    const lk_table *table;
    const float *x, *dy; // of the image
    float *sums;
    int32_t first_block, last_block, first_panel, last_panel;
} Work;

// Adds what a rectangle of output pixels of plane z brings.
static void add_rectangle(const Work *work, int32_t z, int32_t top, int32_t bottom, int32_t left, int32_t right) {
    const Plan *p = work->p;
    const lk_gather *g = &p->g;
    const int64_t x_row = (int64_t)g->w.in * block, x_plane = x_row * g->h.in;
    const int64_t y_row = (int64_t)g->w.out * block, y_plane = y_row * g->h.out;
    for (int32_t panel_index = work->first_panel; panel_index < work->last_panel; panel_index++) {
        const int32_t width = panel_width(g->out, panel_index);
        const float *dy = work->dy + (2 * (int64_t)panel_index * g->d.out + z) * y_plane;
        for (int32_t b = work->first_block; b < work->last_block; b++) {
            float *sums = work->sums + (int64_t)panel_index * p->in_blocks * p->taps * block * panel
                + (int64_t)b * p->taps * block * width;
            const float *x = work->x + (int64_t)b * g->d.in * x_plane;
            for (int32_t tap = 0; tap < p->taps; tap++, sums += block * width) {
                const int32_t tx = tap % g->w.kernel, ty = tap / g->w.kernel % g->h.kernel;
                const int32_t tz = tap / g->w.kernel / g->h.kernel;
                const int32_t plane = z * g->d.step + tz * g->d.dilation - g->d.pad;
                int32_t y0, y1, x0, x1;
                clip(&g->h, ty, top, bottom, &y0, &y1);
                clip(&g->w, tx, left, right, &x0, &x1);
                if (plane < 0 || plane >= g->d.in || y0 >= y1 || x0 >= x1) continue;
                const int32_t row = y0 * g->h.step + ty * g->h.dilation - g->h.pad;
                const int32_t column = x0 * g->w.step + tx * g->w.dilation - g->w.pad;
                const float *gradient = dy + y0 * y_row + (int64_t)x0 * block;
                const lk_outer outer = {
                    .x = x + plane * x_plane + row * x_row + (int64_t)column * block,
                    .dy = {gradient, gradient + y_plane * g->d.out},
                    .sums = sums,
                    .x_step = (int64_t)g->w.step * block,
                    .x_row = g->h.step * x_row,
                    .dy_step = block,
                    .dy_row = y_row,
                    .sums_step = width,
                    .rows = y1 - y0,
                    .pixels = x1 - x0,
                    .lanes = lanes(g->in, b),
                    .width = width,
                };
                work->table->outer(&outer);
            }
        }
    }
}

static void add_products(
    const Plan *p, const lk_table *table, int32_t chunk, const lk_conv_data *data) {
    const lk_gather *g = &p->g;
    const int32_t group = lk_take(&chunk, p->panel_groups), block_group = lk_take(&chunk, p->block_groups);
    Work work = {
        .p = p,
        .table = table,
        .sums = data->shared + chunk * p->sums,
        .first_block = lk_share(p->in_blocks, p->block_groups, block_group),
        .last_block = lk_share(p->in_blocks, p->block_groups, block_group + 1),
        .first_panel = lk_share(p->panels, p->panel_groups, group),
        .last_panel = lk_share(p->panels, p->panel_groups, group + 1),
    };
    for (int32_t i = work.first_panel; i < work.last_panel; i++) {
        const int64_t one = (int64_t)p->taps * block * panel_width(g->out, i);
        memset(
            work.sums + (int64_t)i * p->in_blocks * p->taps * block * panel + work.first_block * one, 0,
            (size_t)((work.last_block - work.first_block) * one) * sizeof(float));
    }
    // Some 128 pixels at a time, so that they stay in the first-level cache while the taps go over them.
    enum { pixels = 128 };
    const int32_t pieces = (int32_t)ceiling(g->w.out, pixels), tall = larger(1, pixels / g->w.out);
    const int32_t last = lk_share(p->rows, p->splits, chunk + 1);
    for (int32_t row = lk_share(p->rows, p->splits, chunk); row < last;) {
        int32_t plane = row;
        const int32_t y = lk_take(&plane, g->h.out), z = lk_take(&plane, g->d.out);
        const int32_t count = smaller(smaller(tall, last - row), g->h.out - y);
        work.x = data->input + plane * g->in_stride;
        work.dy = data->output_gradient + plane * g->out_stride;
        for (int32_t i = 0; i < pieces; i++)
            add_rectangle(
                &work, z, y, y + count, lk_share(g->w.out, pieces, i), lk_share(g->w.out, pieces, i + 1));
        row += count;
    }
}

static void add_splits(const Plan *p, int32_t chunk, const lk_conv_data *data) {
    const lk_gather *g = &p->g;
    const int32_t groups = (int32_t)ceiling(p->in_blocks, reduced_blocks);
    const int32_t group = lk_take(&chunk, groups), width = panel_width(g->out, chunk);
    const int32_t last = smaller(p->in_blocks, (group + 1) * reduced_blocks);
    const int32_t real = smaller(width, g->out - chunk * panel);
    for (int32_t b = group * reduced_blocks; b < last; b++) {
        const float *sums = data->shared + (int64_t)chunk * p->in_blocks * p->taps * block * panel
            + (int64_t)b * p->taps * block * width;
        for (int32_t tap = 0; tap < p->taps; tap++) {
            for (int32_t i = 0; i < lanes(g->in, b); i++) {
                float total[panel] = {0};
                for (int32_t s = 0; s < p->splits; s++) {
                    const float *part = sums + s * p->sums + ((int64_t)tap * block + i) * width;
                    for (int32_t j = 0; j < width; j++) total[j] += part[j];
                }
                float *out = data->output + ((int64_t)chunk * panel * g->in + b * block + i) * p->taps + tap;
                const int64_t stride = (int64_t)g->in * p->taps;
                for (int32_t j = 0; j < real; j++)
                    out[j * stride] = total[j] + (data->accumulate ? out[j * stride] : 0);
            }
        }
    }
}

static void run(
    const lk_conv *conv, lk_pass pass, lk_algorithm algorithm, const lk_table *table, int32_t phase, int32_t chunk,
    const lk_conv_data *data, float *worker) {
    (void)pass, (void)algorithm, (void)worker;
    const Plan p = make_plan(conv);
    if (phase == 0) add_products(&p, table, chunk, data);
    else add_splits(&p, chunk, data);
}

const lk_path lk_path_weight_gradient = {sizes, NULL, run};
