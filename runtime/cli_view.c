/* tellua view: pictures of a script's outputs. SPDX-License-Identifier: MIT */
#include "modules/batch/evaluate.h"
#include "modules/map/picture.h"
#include "modules/raster/raster.h"
#include "runtime/cli.h"
#include "runtime/log.h"
#include "runtime/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The picture of one pass's outputs: 3 planes and validity for each. */
typedef struct {
    void **plane;
    uint8_t **valid;
    int n;
} planes;

static int make_planes(planes *p, int n, size_t cells, tl_err *e)
{
    int rc = 0;
    p->n = n;
    p->plane = tl_xcalloc((size_t)n, sizeof *p->plane);
    p->valid = tl_xcalloc((size_t)n, sizeof *p->valid);
    for (int i = 0; i < n && !rc; i++) {
        rc = tl_try_alloc(&p->plane[i], cells, 1, "a picture", e);
        if (!rc)
            rc = tl_try_alloc((void **)&p->valid[i], cells, 1, "a picture's mask", e);
    }
    return rc;
}

static void free_planes(planes *p)
{
    for (int i = 0; i < p->n; i++) {
        free(p->plane[i]);
        free(p->valid[i]);
    }
    free(p->plane);
    free(p->valid);
}

/* FILE, or FILE-NAME.png when several outputs share one name. */
static char *png_path(const char *png, const tl_plan *plan, const tl_plan_output *o)
{
    const char *dot = strrchr(png, '.'), *slash = strrchr(png, '/');
    if (plan->n == 1)
        return tl_xstrdup(png);
    if (!dot || (slash && dot < slash))
        dot = png + strlen(png);
    return tl_xasprintf("%.*s-%s%s", (int)(dot - png), png, o->name, *dot ? dot : ".png");
}

static void describe(const tl_plan *plan, const tl_plan_output *o)
{
    const tl_grid *g = &o->product.grid;
    const tl_pass *pass = plan->pass[o->pass].pass;
    int approximate = 0;
    tl_log(TL_LOG_INFO, "%s: %lld x %lld cells of %.6g %s", o->name, (long long)g->w,
           (long long)g->h, g->dx, tl_crs_unit(g->crs));
    for (int k = 0; k < tl_pass_samplings(pass); k++) {
        const tl_sampling *m = tl_pass_sampling(pass, k);
        const char *slash = strrchr(m->source->uri, '/');
        approximate |= !m->exact;
        if (!m->exact)
            tl_log(TL_LOG_INFO, "  approximate: %s read %s", slash ? slash + 1 : m->source->uri,
                   m->note ? m->note : tl_method_name(m->method));
    }
    if (approximate && tl_pass_reach(pass) > 0)
        tl_log(TL_LOG_INFO,
               "  approximate: neighbours, up to %d cells away, are cells of %.6g %s here",
               tl_pass_reach(pass), g->dx, tl_crs_unit(g->crs));
}

static int show(const tl_view *v, const tl_plan *plan, const tl_plan_output *o, const planes *p,
                tl_err *e)
{
    const tl_grid *g = &o->product.grid;
    void *rgba = NULL;
    int rc = tl_try_alloc(&rgba, (size_t)(g->w * g->h), 4, "a picture", e);
    if (rc)
        return rc;
    tl_image_to_rgba((const uint8_t *const *)p->plane + o->first,
                     (const uint8_t *const *)p->valid + o->first, (size_t)(g->w * g->h), rgba);
    if (v->png) {
        char *path = png_path(v->png, plan, o);
        rc = tl_picture_write_png(path, g->w, g->h, rgba, e);
        if (!rc)
            printf("%s\n", path);
        free(path);
    } else if (tl_picture_print(stdout, g->w, g->h, rgba, 0, 0)) {
        rc = tl_fail(e, TL_EIO, "cannot write to standard output");
    }
    free(rgba);
    if (!rc)
        describe(plan, o);
    return rc;
}

static int view_pass(const tl_view *v, const tl_plan *plan, int k, tl_err *e)
{
    const tl_plan_pass *pass = &plan->pass[k];
    planes p = {0};
    tl_dtype *types = tl_xcalloc((size_t)pass->nouts, sizeof *types);
    for (int i = 0; i < pass->nouts; i++)
        types[i] = TL_U8;
    int rc = make_planes(&p, pass->nouts, (size_t)(pass->grid.w * pass->grid.h), e);
    if (!rc)
        rc = tl_evaluate(pass->pass, &pass->grid, pass->nouts, types, v->threads, v->cancel,
                         p.plane, p.valid, e);
    for (int m = 0; m < pass->nmembers && !rc; m++)
        rc = show(v, plan, &plan->out[pass->member[m].output], &p, e);
    free_planes(&p);
    free(types);
    return rc;
}

int tl_view_show(const tl_view *v, const tl_plan *plan, tl_err *e)
{
    int rc = 0;
    for (int k = 0; k < plan->npasses && !rc; k++)
        rc = view_pass(v, plan, k, e);
    return rc;
}

int tl_cli_view(const tl_cli *c, tellua *t, tl_err *e)
{
    tl_view v = {.png = c->png, .threads = c->threads, .cancel = &t->cancel};
    tl_plan *plan = NULL;
    tl_raster_set_cache(TL_VIEW_CACHE);
    int rc = tl_cli_make_plan(c, t, 1, &plan, e);
    if (!rc)
        rc = tl_view_show(&v, plan, e);
    tl_plan_free(plan);
    return rc;
}
