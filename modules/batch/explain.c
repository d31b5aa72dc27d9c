/* Plans for people: see plan.h. SPDX-License-Identifier: MIT */
#include "modules/image/synthetic.h"
#include "modules/image/trial.h"
#include "modules/batch/plan.h"
#include "modules/batch/plan_call.h"
#include "modules/classes/whole.h"
#include "modules/raster/raster.h"

#include "runtime/log.h"
#include "runtime/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void explain_output(const tl_plan_output *o, tl_buf *t)
{
    static const char *const formats[] = {"COG", "GeoTIFF", "PNG", "Zarr", "NetCDF"};
    const tl_product *p = &o->product;
    double box[4];
    tl_grid_bounds(&p->grid, box);
    tl_buf_printf(t, "output %s  (%s)\n  bands   ", o->name, o->where[0] ? o->where : "-");
    for (int b = 0; b < o->nbands; b++)
        tl_buf_printf(t, "%s%s", b ? ", " : "", o->band[b]);
    if (o->ntimes == 1)
        tl_buf_printf(t, "\n  date    %s", o->ids[0]);
    else if (o->ntimes)
        tl_buf_printf(t, "\n  dates   %d, from %s to %s", o->ntimes, o->ids[0],
                      o->ids[o->ntimes - 1]);
    tl_buf_printf(t, "\n  cells   %s", tl_dtype_name(p->dtype));
    if (p->has_nodata && tl_dtype_is_float(p->dtype))
        tl_buf_printf(t, ", nodata %g", p->nodata);
    else if (p->has_nodata)
        tl_buf_printf(t, ", nodata %lld",
                      (long long)(tl_dtype_size(p->dtype) == 8 ? p->nodata_i : (int64_t)p->nodata));
    else
        tl_buf_puts(t, ", with a mask");
    tl_buf_printf(t, ", %s in tiles of %d\n", formats[p->format], p->tile);
    tl_buf_printf(t, "  grid    %lld x %lld cells of %.10g x %.10g %s, %s%s%s\n",
                  (long long)p->grid.w, (long long)p->grid.h, p->grid.dx, p->grid.dy,
                  tl_crs_unit(p->grid.crs), p->grid.crs[0] ? tl_crs_name(p->grid.crs) : "no CRS",
                  strncmp(p->grid.crs, "EPSG", 4) ? "" : ", ",
                  strncmp(p->grid.crs, "EPSG", 4) ? "" : p->grid.crs);
    tl_buf_printf(
        t, "          x %.10g .. %.10g, y %.10g .. %.10g, cell %lld,%lld from anchor %.10g,%.10g\n",
        box[0], box[2], box[1], box[3], (long long)p->grid.col, (long long)p->grid.row, p->grid.x0,
        p->grid.y0);
}

static void explain_sampling(const tl_sampling *m, tl_buf *t)
{
    tl_buf_printf(t, "source %s\n  read    %s\n", m->source->uri,
                  m->note ? m->note : tl_method_name(m->method));
    if (m->operation && m->operation[0])
        tl_buf_printf(t, "  from    %s\n", m->operation);
}

/* The reason has lines of its own, the quoted text and a caret: each is indented. */
static void explain_reason(const tl_call *c, tl_buf *t)
{
    char *copy = tl_xstrdup(c->reason);
    tl_make_visible(copy, "\n\t");
    tl_buf_printf(t, "  runs    interpreted: %s%s", c->reason_where,
                  c->reason_where[0] ? ": " : "");
    for (const char *s = copy; *s; s++)
        tl_buf_printf(t, *s == '\n' ? "\n      " : "%c", *s);
    tl_buf_puts(t, "\n");
    free(copy);
}

static tl_source *stand_in(const tl_call *c)
{
    const char **names = tl_xcalloc((size_t)c->nargs, sizeof *names);
    tl_dtype *types = tl_xcalloc((size_t)c->nargs, sizeof *types);
    for (int i = 0; i < c->nargs; i++) {
        char *name = tl_xasprintf("b%d", i);
        names[i] = tl_intern(name);
        types[i] = c->arg[i]->type == TL_F ? TL_F64 : c->arg[i]->type == TL_I ? TL_I32 : TL_U8;
        free(name);
    }
    tl_source *s = tl_synthetic_new(c->nargs, names, types);
    free(names);
    free(types);
    return s;
}

/* What a pixel costs, measured on synthetic cells: some milliseconds. Nothing when it cannot be
 * tried. */
static void explain_price(const tl_call *c, tl_buf *t)
{
    tl_source *s = stand_in(c);
    tl_image *input = tl_image_of_source(s, "");
    tl_node **args = tl_xcalloc((size_t)c->nargs, sizeof *args);
    for (int i = 0; i < c->nargs; i++)
        args[i] = input->band[i].node;
    tl_call *tried = NULL;
    tl_err ignored = TL_ERR_INIT;
    if (tl_call_rebind(c, args, &tried, &ignored) == 0) {
        tl_node *first = tl_call_node(tried, 0);
        tl_image *result = tl_image_new(&tried->result[0].name, &first, 1, NULL);
        size_t cells = (size_t)(TL_TRIAL_ROWS + 1) * (size_t)(c->nargs + 1);
        tl_trial_cell *cell = tl_xcalloc(cells, sizeof *cell);
        tl_trial trial = {.input = input,
                          .result = result,
                          .cell = cell,
                          .raised_cell = cell + TL_TRIAL_ROWS * (c->nargs + 1)};
        if (tl_trial_run(&trial, &ignored) == 0)
            tl_buf_printf(t, "  price   %.3g ns per pixel\n", trial.ns);
        free(cell);
        tl_image_unref(result);
        tl_node_unref(first);
    }
    tl_call_unref(tried);
    free(args);
    tl_image_unref(input);
    tl_source_unref(s);
}

static void explain_call(const tl_call *c, int price, tl_buf *t)
{
    char name[80], file[200];
    snprintf(file, sizeof file, "%s", tl__function_file(c->fn));
    tl_make_visible(file, "");
    tl__function_name(c->fn, name, sizeof name);
    tl_buf_printf(t, "function %s%s(%s:%d)%s%s\n", tl_fn_is_expr(c->fn) ? "expr" : name,
                  name[0] || tl_fn_is_expr(c->fn) ? "  " : "", file, tl_fn_line(c->fn),
                  c->where[0] ? ", used at " : "", c->where);
    if (c->compiled)
        tl_buf_puts(t, "  runs    compiled\n");
    else
        explain_reason(c, t);
    if (price)
        explain_price(c, t);
    tl_buf_puts(t, "  results ");
    for (int k = 0; k < c->nresults; k++)
        tl_buf_printf(t, "%s%s %s", k ? ", " : "", c->result[k].name,
                      tl_type_name(c->result[k].type));
    tl_buf_puts(t, "\n");
}

static void explain_program(const tl_pass *pass, int program, tl_buf *t)
{
    const tl_prog *prog = tl_pass_program(pass);
    tl_buf_printf(t, "program of %d instructions on %s, %lld bytes of input a cell%s\n",
                  tl_prog_instructions(prog), tl_expr_isa(),
                  (long long)tl_pass_input_bytes_per_cell(pass),
                  tl_prog_uses_libm(prog) ? ", uses libm" : "");
    if (program)
        tl_prog_dump(prog, t);
}

/* What is computed within reads. Of a collection's scenes the first kind: the others differ in
 * little.
 */
static void explain_scenes(const tl_pass *pass, int k, int program, tl_buf *t)
{
    tl_pass *const *inner;
    if (tl_pass_inner(pass, k, &inner) == 0)
        return;
    for (int c = 0; c < tl_pass_calls(inner[0]); c++)
        explain_call(tl_pass_call(inner[0], c), program, t);
    int whole = tl_whole_spec_of(tl_pass_sampling(pass, k)->source) != NULL;
    tl_buf_puts(t, whole ? "  its input: " : "  each scene: ");
    explain_program(inner[0], program, t);
}

void tl_plan_explain(const tl_plan *p, int program, tl_buf *t)
{
    for (int i = 0; i < p->n; i++)
        explain_output(&p->out[i], t);
    for (int k = 0; k < p->npasses; k++) {
        const tl_pass *pass = p->pass[k].pass;
        for (int s = 0; s < tl_pass_samplings(pass); s++) {
            explain_sampling(tl_pass_sampling(pass, s), t);
            explain_scenes(pass, s, program, t);
        }
        for (int c = 0; c < tl_pass_calls(pass); c++)
            explain_call(tl_pass_call(pass, c), program, t);
        explain_program(pass, program, t);
    }
}
