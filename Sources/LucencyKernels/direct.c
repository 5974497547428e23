// Direct convolution: forward passes and input gradients as sums of small matrix products over taps and channel blocks.
//
// A chunk is a group of output rows of one plane, for a group of panels. Where padding is needed, the input rows are copied
// into a padded scratch first; otherwise they are read where they stand. Packed weights: [panel][tap][input block][16][width].

#include "Internal.h"

typedef struct {
    lk_gather g;
    int32_t in_blocks, panels, inside;
    int32_t rows, row_groups, panel_groups; // rows of a group: a multiple of the classes
    int32_t in_rows, in_columns;            // size of the padded scratch
    int64_t terms;                          // floats that the list of terms takes
} Plan;

static Plan make_plan(const lk_conv *conv, lk_pass pass) {
    Plan p = {.g = lk_make_gather(conv, pass)};
    const lk_gather *g = &p.g;
    const int depthwise = conv->groups > 1;
    p.in_blocks = blocks(g->in);
    p.panels = depthwise ? p.in_blocks : panels(g->out);
    p.inside = lk_axis_inside(&g->h) && lk_axis_inside(&g->w);
    const int32_t classes = g->h.classes;
    const double taps = (double)lk_gather_taps(g) / ((double)g->d.classes * classes * g->w.classes);
    const double row_cost = 2.0 * g->w.out * g->out * (depthwise ? 8 : g->in) * taps + 16.0 * g->w.out * g->out;
    double rows = 1 + 8e6 / row_cost;
    // The padded rows should stay in the second-level cache.
    const double row_floats = (double)g->w.in * p.in_blocks * block * g->d.kernel * g->h.step / classes;
    if (!p.inside && rows * row_floats > 1e5) rows = 1 + 1e5 / row_floats;
    if (!p.inside && rows < 2 * g->h.kernel) rows = 2 * g->h.kernel;
    if (rows > g->h.out) rows = g->h.out;
    p.rows = (int32_t)ceiling((int64_t)rows, classes) * classes;
    p.row_groups = (int32_t)ceiling(g->h.out, p.rows);
    const int64_t planes = (int64_t)g->n * g->d.out * p.row_groups;
    p.panel_groups = smaller(p.panels, (int32_t)ceiling(16, planes));
    p.in_rows = (smaller(p.rows, g->h.out + classes - 1) / classes - 1) * g->h.step + g->h.high - g->h.low + 1;
    p.in_columns = (lk_axis_count(&g->w, 0) - 1) * g->w.step + g->w.high - g->w.low + 1;
    p.terms = lines(ceiling((int64_t)lk_gather_taps(g) * p.in_blocks * sizeof(lk_term), sizeof(float)));
    return p;
}

static lk_conv_sizes_t sizes(const lk_conv *conv, lk_pass pass, lk_algorithm algorithm) {
    (void)algorithm;
    const Plan p = make_plan(conv, pass);
    const int64_t taps = lk_gather_taps(&p.g);
    lk_conv_sizes_t s = {.pack_chunks = p.panels, .phases = 1};
    s.packed = conv->groups > 1 ? taps * p.in_blocks * block : taps * p.in_blocks * block * (int64_t)p.panels * panel;
    s.worker = p.terms;
    if (!p.inside) s.worker += (int64_t)p.in_blocks * p.g.d.kernel * p.in_rows * p.in_columns * block;
    s.chunks[0] = p.g.n * p.g.d.out * p.row_groups * p.panel_groups;
    return s;
}

static void pack(
    const lk_conv *conv, lk_pass pass, lk_algorithm algorithm, int32_t chunk, const float *weights, float *packed) {
    (void)algorithm;
    const lk_gather g = lk_make_gather(conv, pass);
    const int32_t in_blocks = blocks(g.in), taps = lk_gather_taps(&g), width = panel_width(g.out, chunk);
    const int64_t in_stride = pass == LK_FORWARD ? taps : (int64_t)conv->c * taps;
    const int64_t out_stride = pass == LK_FORWARD ? (int64_t)conv->c * taps : taps;
    float *out = packed + (int64_t)chunk * panel * taps * in_blocks * block;
    const int32_t real = smaller(width, g.out - chunk * panel);
    const float *first = weights + chunk * panel * out_stride;
    for (int32_t b = 0; b < in_blocks; b++) {
        const int32_t count = lanes(g.in, b);
        for (int32_t tap = 0; tap < taps; tap++) {
            float *to = out + ((int64_t)tap * in_blocks + b) * block * width;
            for (int32_t i = 0; i < block; i++, to += width) {
                const float *from = first + (b * block + i) * in_stride + tap;
                for (int32_t j = 0; j < width; j++) to[j] = i < count && j < real ? from[j * out_stride] : 0;
            }
        }
    }
}

static void copy_pixel(float *out, const float *row, int32_t column) {
    if (column < 0) memset(out, 0, block * sizeof(float));
    else memcpy(out, row + (int64_t)column * block, block * sizeof(float));
}

// Copies the rows that a chunk reads, with their padding: [input block][depth tap][row][column][16]. Planes of zeros are
// left out.
static void copy_rows(
    const Plan *p, const float *image, int32_t first_block, int32_t block_count, const int32_t *planes, int32_t first,
    int32_t count, float *out) {
    const lk_gather *g = &p->g;
    const int32_t left = g->w.low, width = g->w.in, columns = p->in_columns;
    for (int32_t b = first_block; b < first_block + block_count; b++) {
        for (int32_t z = 0; z < g->d.kernel; z++) {
            if (planes[z] < 0) {
                out += (int64_t)p->in_rows * columns * block;
                continue;
            }
            const float *plane = image + ((int64_t)b * g->d.in + planes[z]) * g->h.in * width * block;
            for (int32_t y = 0; y < p->in_rows; y++, out += (int64_t)columns * block) {
                const int32_t from = y < count ? lk_padded(first + y, g->h.in, g->pad_mode) : -1;
                if (from < 0) {
                    memset(out, 0, (size_t)columns * block * sizeof(float));
                    continue;
                }
                const float *row = plane + (int64_t)from * width * block;
                const int32_t begin = smaller(columns, larger(0, -left));
                const int32_t end = larger(begin, smaller(columns, width - left));
                memcpy(
                    out + (int64_t)begin * block, row + (int64_t)(begin + left) * block,
                    (size_t)(end - begin) * block * sizeof(float));
                for (int32_t x = 0; x < columns; x++) {
                    if (x == begin) x = end;
                    if (x < columns) copy_pixel(out + (int64_t)x * block, row, lk_padded(x + left, width, g->pad_mode));
                }
            }
        }
    }
}

// The input as a chunk sees it: scratch or the image itself.
typedef struct {
    const float *origin;          // of position (low, low)
    int64_t block_stride, row_stride;
    int64_t plane_offset;         // per depth tap, in scratch
    const int32_t *planes;        // per depth tap: the input plane, or -1 for zeros
} View;

// Lists the terms of a class of rows and columns.
static int32_t list_terms(
    const Plan *p, const View *view, int32_t row_class, int32_t column_class, int32_t width, int depthwise,
    lk_term *terms) {
    const lk_gather *g = &p->g;
    int32_t count = 0, y, x;
    for (int32_t tz = 0; tz < g->d.kernel; tz++) {
        if (view->planes[tz] < 0) continue;
        const int64_t plane = p->inside ? view->plane_offset * view->planes[tz] : view->plane_offset * tz;
        for (int32_t ty = 0; ty < g->h.kernel; ty++) {
            if (!lk_axis_tap(&g->h, row_class, ty, &y)) continue;
            for (int32_t tx = 0; tx < g->w.kernel; tx++) {
                if (!lk_axis_tap(&g->w, column_class, tx, &x)) continue;
                const int64_t tap = ((int64_t)tz * g->h.kernel + ty) * g->w.kernel + tx;
                const int64_t at = plane + (y - g->h.low) * view->row_stride + (int64_t)(x - g->w.low) * block;
                for (int32_t b = 0; b < (depthwise ? 1 : p->in_blocks); b++)
                    terms[count++] = (lk_term){
                        .input = at + b * view->block_stride,
                        .weights = depthwise ? tap * block : (tap * p->in_blocks + b) * block * width,
                        .lanes = depthwise ? block : lanes(g->in, b),
                    };
            }
        }
    }
    return count;
}

static void run_rows(
    const lk_conv *conv, lk_pass pass, const lk_table *table, int32_t chunk, const lk_conv_data *data, float *worker) {
    const Plan p = make_plan(conv, pass);
    const lk_gather *g = &p.g;
    const int depthwise = conv->groups > 1;
    const int32_t group = lk_take(&chunk, p.panel_groups), row_group = lk_take(&chunk, p.row_groups);
    const int32_t z = lk_take(&chunk, g->d.out), image = chunk;
    const int32_t begin = row_group * p.rows, end = smaller(g->h.out, begin + p.rows);
    const int32_t first_panel = lk_share(p.panels, p.panel_groups, group);
    const int32_t last_panel = lk_share(p.panels, p.panel_groups, group + 1);

    // Depth taps; kernels deeper than this are refused by `lk_conv_valid`.
    int32_t planes[LK_DEEPEST], offset;
    for (int32_t tz = 0; tz < g->d.kernel; tz++) {
        const int reaches = lk_axis_tap(&g->d, z % g->d.classes, tz, &offset);
        planes[tz] = reaches ? lk_padded(z / g->d.classes * g->d.step + offset, g->d.in, g->pad_mode) : -1;
    }
    lk_term *terms = (lk_term *)(void *)worker;
    const float *input = data->input + image * g->in_stride;
    const int32_t first_row = begin / g->h.classes * g->h.step + g->h.low;
    View view = {.planes = planes};
    if (p.inside) {
        view.row_stride = (int64_t)g->w.in * block;
        view.plane_offset = view.row_stride * g->h.in;
        view.block_stride = view.plane_offset * g->d.in;
        view.origin = input + first_row * view.row_stride + (int64_t)g->w.low * block;
    } else {
        view.row_stride = (int64_t)p.in_columns * block;
        view.plane_offset = view.row_stride * p.in_rows;
        view.block_stride = view.plane_offset * g->d.kernel;
        const int32_t count = (end - 1) / g->h.classes * g->h.step + g->h.high + 1 - first_row;
        float *scratch = worker + p.terms;
        view.origin = scratch;
        const int32_t from = depthwise ? first_panel : 0, to = depthwise ? last_panel : p.in_blocks;
        copy_rows(&p, input, from, to - from, planes, first_row, smaller(count, p.in_rows),
            scratch + from * view.block_stride);
    }

    const int64_t plane_out = (int64_t)g->h.out * g->w.out * block, block_out = plane_out * g->d.out;
    for (int32_t row_class = 0; row_class < g->h.classes; row_class++) {
        for (int32_t column_class = 0; column_class < g->w.classes; column_class++) {
            int32_t listed = 0, width = 0;
            for (int32_t panel_index = first_panel; panel_index < last_panel; panel_index++) {
                const int32_t next = depthwise ? block : panel_width(g->out, panel_index);
                if (next != width) listed = list_terms(&p, &view, row_class, column_class, next, depthwise, terms);
                width = next;
                const int32_t out_block = depthwise ? panel_index : 2 * panel_index;
                const int64_t taps = lk_gather_taps(g);
                lk_row row = {
                    .weights = data->packed
                        + (depthwise ? panel_index * taps * block : panel_index * taps * p.in_blocks * block * panel),
                    .terms = terms,
                    .term_count = listed,
                    .input_step = (int64_t)g->w.step * block,
                    .output_step = (int64_t)g->w.classes * block,
                    .width = width,
                    .pixels = lk_axis_count(&g->w, column_class),
                };
                const float *in = view.origin + (depthwise ? panel_index * view.block_stride : 0);
                float bias[panel];
                for (int32_t y = begin + row_class; y < end; y += g->h.classes) {
                    row.input = in + (int64_t)(y - begin) / g->h.classes * g->h.step * view.row_stride;
                    const int64_t at = out_block * block_out + z * plane_out
                        + ((int64_t)y * g->w.out + column_class) * block + image * g->out_stride;
                    row.output[0] = data->output + at;
                    row.output[1] = width > block ? row.output[0] + block_out : NULL;
                    row.epilogue = lk_make_epilogue(g, data, out_block, at, bias);
                    (depthwise ? table->depthwise_row : table->row)(&row);
                }
            }
        }
    }
}

static void run(
    const lk_conv *conv, lk_pass pass, lk_algorithm algorithm, const lk_table *table, int32_t phase, int32_t chunk,
    const lk_conv_data *data, float *worker) {
    (void)algorithm, (void)phase;
    run_rows(conv, pass, table, chunk, data, worker);
}

const lk_path lk_path_direct = {sizes, pack, run};

// Depthwise: one filter per channel, [block][tap][16].
static void pack_depthwise(
    const lk_conv *conv, lk_pass pass, lk_algorithm algorithm, int32_t chunk, const float *weights, float *packed) {
    (void)pass, (void)algorithm;
    const int64_t taps = (int64_t)conv->kd * conv->kh * conv->kw;
    float *out = packed + chunk * taps * block;
    for (int64_t tap = 0; tap < taps; tap++)
        for (int32_t i = 0; i < block; i++)
            out[tap * block + i] = i < lanes(conv->c, chunk) ? weights[(chunk * block + i) * taps + tap] : 0;
}

const lk_path lk_path_depthwise = {sizes, pack_depthwise, run};
