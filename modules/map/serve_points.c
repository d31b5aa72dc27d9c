/* /identify and /series: what a layer holds at a place. SPDX-License-Identifier: MIT */
#include "modules/map/chain.h"
#include "modules/map/map_int.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- places
 * --------------------------------------------------------------------------------------- */

/* The cell of the product that holds the place. */
static int full_cell(const tl_layer *l, double lon, double lat, tl_grid *out, tl_err *e)
{
    tl_grid g = l->grid;
    double x = lon, y = lat;
    if (l->box[2] > 180 && lon < l->box[0])
        x += 360;
    int rc = tl_crs_transform_points("EPSG:4326", g.crs, 1, &x, &y, e);
    if (!rc && !(isfinite(x) && isfinite(y)))
        rc = tl_fail(e, TL_EUSAGE, "%g, %g has no place in %s", lon, lat, tl_crs_name(g.crs));
    if (rc)
        return rc;
    g.col = (int64_t)floor((x - g.x0) / g.dx);
    g.row = (int64_t)floor((g.y0 - y) / g.dy);
    g.w = g.h = 1;
    *out = g;
    return 0;
}

static int place_args(tl_request *r, tl__job *j, tl_err *e)
{
    double step;
    int rc = tl__arg_number(r, "lon", NAN, -720, 720, &j->lon, e);
    if (!rc)
        rc = tl__arg_number(r, "lat", NAN, -85, 85, &j->lat, e);
    if (!rc)
        rc = tl__arg_number(r, "zoom", 0, 0, 24, &j->zoom, e);
    if (!rc)
        rc = tl__arg_number(r, "t", 0, 0, 1e6, &step, e);
    if (!rc)
        j->step = (int)step;
    while (!rc && (j->lon < -180 || j->lon > 180))
        j->lon += j->lon < 0 ? 360 : -360;
    return rc;
}

static void start(tl_map *m, tl_request *r, json_t *(*compute)(tl__job *j, tl_err *e))
{
    tl_err e = TL_ERR_INIT;
    tl__job *j = tl__job_new(m, r, compute);
    if (tl__which_layer(m, r, tl_request_arg(r, "layer"), j->layer)) {
        tl__job_free(j);
    } else if (place_args(r, j, &e)) {
        tl__answer_error(m, r, &e);
        tl__job_free(j);
    } else {
        tl__job_start(j);
    }
}

/* --- identify
 * -------------------------------------------------------------------------------------- */

static json_t *value_json(const tl_node *n, double x, int valid)
{
    if (!valid)
        return json_null();
    if (n->type == TL_B)
        return json_boolean(x != 0);
    if (n->type == TL_I && fabs(x) <= 9007199254740992.0)
        return json_integer((json_int_t)x);
    return isfinite(x) ? json_real(x) : json_null();
}

typedef struct cells {
    double *x;
    uint8_t *ok;
} cells;

static int values_at(tl_renderer *r, tl_node *const *nodes, int n, const tl_grid *g, cells *c,
                     tl_err *e)
{
    c->x = tl_xcalloc((size_t)n, sizeof *c->x);
    c->ok = tl_xcalloc((size_t)n, 1);
    return tl_render_values(r, nodes, n, g, c->x, c->ok, e);
}

static json_t *steps_json(const tl_chain *c, const cells *shown, const cells *full)
{
    json_t *list = json_array();
    for (int i = 0; i < c->n; i++) {
        char label[TL_CHAIN_LABEL];
        tl_chain_label(c->node[i], label);
        json_array_append_new(
            list, json_pack("{s:o, s:o, s:o, s:o}", "label", tl_json_text(label), "where",
                            tl_json_text(tl__without_folder(c->node[i]->where)), "shown",
                            value_json(c->node[i], shown->x[i], shown->ok[i]), "full",
                            value_json(c->node[i], full->x[i], full->ok[i])));
    }
    return list;
}

static json_t *bands_json(const tl_layer *l, int step, const tl_chain *c, const cells *v)
{
    json_t *list = json_array();
    for (int b = 0; b < l->nbands; b++) {
        int i = tl_chain_place(c, l->step[step].value[b]);
        json_array_append_new(list, value_json(c->node[i], v->x[i], v->ok[i]));
    }
    return list;
}

static json_t *names_json(const tl_layer *l)
{
    json_t *list = json_array();
    for (int b = 0; b < l->nbands; b++)
        json_array_append_new(list, tl_json_text(l->band[b]));
    return list;
}

static json_t *cell_json(const tl_grid *g, json_t *values)
{
    return json_pack("{s:o, s:s, s:f, s:f, s:f, s:I, s:I}", "values", values, "crs", g->crs, "cell",
                     g->dx, "x", tl_grid_x(g, (double)g->col), "y", tl_grid_y(g, (double)g->row),
                     "column", (json_int_t)g->col, "row", (json_int_t)g->row);
}

static json_t *identify_layer(const tl__job *j, const tl_layer *l, tl_err *e)
{
    tl_grid at, full_at;
    cells shown = {NULL, NULL}, full = {NULL, NULL};
    tl_chain c;
    json_t *answer = NULL;
    if (j->step >= l->nsteps) {
        tl_fail(e, TL_EUSAGE, "t is 0 to %d", l->nsteps - 1);
        return NULL;
    }
    tl_chain_make(&c, l->step[j->step].value, l->nbands);
    int rc = tl_tile_cell(j->lon, j->lat, j->zoom, &at, e);
    if (!rc)
        rc = full_cell(l, j->lon, j->lat, &full_at, e);
    if (!rc)
        rc = values_at(j->map->renderer, c.node, c.n, &at, &shown, e);
    if (!rc)
        rc = values_at(j->map->renderer, c.node, c.n, &full_at, &full, e);
    if (!rc)
        answer =
            json_pack("{s:o, s:s, s:f, s:f, s:o, s:o, s:o, s:o}", "layer", tl_json_text(l->name),
                      "key", l->key, "lon", j->lon, "lat", j->lat, "bands", names_json(l), "shown",
                      cell_json(&at, bands_json(l, j->step, &c, &shown)), "full",
                      cell_json(&full_at, bands_json(l, j->step, &c, &full)), "steps",
                      steps_json(&c, &shown, &full));
    free(shown.x);
    free(shown.ok);
    free(full.x);
    free(full.ok);
    tl_chain_free(&c);
    return answer;
}

static json_t *identify(tl__job *j, tl_err *e)
{
    tl_layer *l = NULL;
    if (tl_shelf_get(j->map->shelf, j->layer, &l, e))
        return NULL;
    json_t *answer = identify_layer(j, l, e);
    tl_layer_unref(l);
    return answer;
}

void tl__serve_identify(tl_map *m, tl_request *r, const char *rest)
{
    (void)rest;
    start(m, r, identify);
}

/* --- series
 * ---------------------------------------------------------------------------------------- */

#define TOGETHER 16 /* dates whose graphs are one program */

static int some_dates(const tl__job *j, const tl_layer *l, const tl_grid *g, int first, int n,
                      json_t *list, tl_err *e)
{
    int all = n * l->nbands;
    tl_node **nodes = tl_xcalloc((size_t)all, sizeof *nodes);
    cells c = {NULL, NULL};
    for (int k = 0; k < all; k++)
        nodes[k] = l->step[first + k / l->nbands].value[k % l->nbands];
    int rc = j->cancel && atomic_load(j->cancel)
                 ? tl_fail(e, TL_EINTR, "nobody waits")
                 : values_at(j->map->renderer, nodes, all, g, &c, e);
    for (int k = 0; k < n && !rc; k++) {
        json_t *values = json_array();
        const tl_layer_step *s = &l->step[first + k];
        for (int b = 0; b < l->nbands; b++) {
            int i = k * l->nbands + b;
            json_array_append_new(values, value_json(nodes[i], c.x[i], c.ok[i]));
        }
        json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "id", tl_json_text(s->id), "time",
                                              isfinite(s->time) ? json_real(s->time) : json_null(),
                                              "values", values));
    }
    free(nodes);
    free(c.x);
    free(c.ok);
    return rc;
}

static json_t *series(tl__job *j, tl_err *e)
{
    tl_layer *l = NULL;
    tl_grid g;
    json_t *list = json_array();
    int rc = tl_shelf_get(j->map->shelf, j->layer, &l, e);
    if (!rc)
        rc = full_cell(l, j->lon, j->lat, &g, e);
    for (int k = 0; !rc && k < l->nsteps; k += TOGETHER)
        rc = some_dates(j, l, &g, k, l->nsteps - k < TOGETHER ? l->nsteps - k : TOGETHER, list, e);
    json_t *answer =
        rc ? NULL
           : json_pack("{s:o, s:f, s:f, s:o, s:O}", "layer", tl_json_text(l->name), "lon", j->lon,
                       "lat", j->lat, "bands", names_json(l), "series", list);
    json_decref(list);
    tl_layer_unref(l);
    return answer;
}

void tl__serve_series(tl_map *m, tl_request *r, const char *rest)
{
    (void)rest;
    start(m, r, series);
}
