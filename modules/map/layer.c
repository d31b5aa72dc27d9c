/* Layers: see layer.h. SPDX-License-Identifier: MIT */
#include "modules/map/layer.h"
#include "modules/map/tiles.h"
#include "modules/raster/raster.h"
#include "runtime/buf.h"
#include "runtime/hash.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LAYER_FORMAT 1
#define DUMP         (JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(17))

tl_layer *tl_layer_ref(tl_layer *l)
{
    atomic_fetch_add(&l->refs, 1);
    return l;
}

void tl_layer_unref(tl_layer *l)
{
    if (!l || atomic_fetch_sub(&l->refs, 1) != 1)
        return;
    tl_plan_free(l->plan);
    json_decref(l->doc);
    free(l->text);
    free(l->step);
    free(l);
    tl_live(TL_LIVE_HANDLE, -1);
}

/* --- where it lies ------------------------------------------------------------------------------
 */

static double metres(const tl_grid *g)
{
    double unit = tl_crs_unit_size(g->crs), cell = fmin(g->dx, g->dy);
    if (!(unit > 0))
        return cell;
    return cell * unit * (tl_crs_is_geographic(g->crs) ? 6378137 : 1);
}

static int place(tl_layer *l, tl_err *e)
{
    double box[4];
    l->grid = l->plan->out[0].product.grid;
    if (!l->grid.crs[0] || strcmp(l->grid.crs, "LOCAL") == 0)
        return tl_fail(e, TL_EDATA,
                       "output \"%s\" has no place on a map: its source states no coordinate "
                       "system",
                       l->name);
    tl_grid_bounds(&l->grid, box);
    if (tl_crs_transform_box(l->grid.crs, "EPSG:4326", box, l->box, e))
        return e->code;
    double middle = (l->box[1] + l->box[3]) / 2, m = metres(&l->grid);
    if (strcmp(l->grid.crs, "EPSG:3857") == 0)
        m *= cos(middle * M_PI / 180);
    l->zoom = tl_tile_zoom_of(m, fmax(-85, fmin(85, middle)));
    return 0;
}

/* --- from a plan whose outputs are values and pictures by turns ----------------------------------
 */

static int take_steps(tl_layer *l, tl_err *e)
{
    const tl_plan *p = l->plan;
    l->nsteps = p->n / 2;
    l->step = tl_xcalloc((size_t)l->nsteps + 1, sizeof *l->step);
    for (int k = 0; k < l->nsteps; k++) {
        const tl_plan_output *v = &p->out[2 * k], *c = &p->out[2 * k + 1];
        if (c->nbands != 3 || v->nbands != p->out[0].nbands || v->ntimes > 1)
            return tl_fail(e, TL_EDATA, "the layer's document is damaged");
        l->step[k] = (tl_layer_step){v->ntimes ? v->ids[0] : "", v->ntimes ? v->times[0] : NAN,
                                     c->node, v->node};
    }
    l->nbands = p->out[0].nbands;
    l->band = p->out[0].band;
    return 0;
}

/* Takes plan, doc and text. */
static int finish(tl_plan *plan, json_t *doc, char *text, tl_layer **out, tl_err *e)
{
    tl_layer *l = tl_xcalloc(1, sizeof *l);
    atomic_init(&l->refs, 1);
    tl_live(TL_LIVE_HANDLE, 1);
    l->plan = plan;
    l->doc = doc;
    l->text = text;
    l->name = json_string_value(json_object_get(doc, "name"));
    tl_sha256(text, strlen(text), l->key);
    int rc = l->name && plan->n >= 2 && plan->n % 2 == 0
                 ? take_steps(l, e)
                 : tl_fail(e, TL_EDATA, "the layer's document is damaged");
    if (!rc)
        rc = place(l, e);
    if (rc)
        tl_layer_unref(l);
    else
        *out = l;
    return rc;
}

static int read_plan(const json_t *doc, const tl_trust *strangers, tl_plan **out, tl_err *e)
{
    tl_trust trust = *strangers;
    char *text = json_dumps(json_object_get(doc, "plan"), DUMP | JSON_ENCODE_ANY);
    size_t len = text ? strlen(text) : 0;
    trust.tenant = json_string_value(json_object_get(doc, "tenant"));
    int rc = trust.tenant ? tl_plan_load_foreign(text ? text : "", len, &trust, out, e)
                          : tl_plan_load(text ? text : "", len, 0, out, e);
    free(text);
    return rc;
}

int tl_layer_read(const char *text, size_t len, const tl_trust *strangers, tl_layer **out,
                  tl_err *e)
{
    json_error_t je;
    tl_plan *plan = NULL;
    json_t *doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
    if (json_integer_value(json_object_get(doc, "layer")) != LAYER_FORMAT) {
        json_decref(doc);
        return tl_fail(e, TL_EDATA, "not a layer's document");
    }
    int rc = read_plan(doc, strangers, &plan, e);
    if (rc) {
        json_decref(doc);
        return rc;
    }
    return finish(plan, doc, json_dumps(doc, DUMP), out, e);
}

/* --- looks --------------------------------------------------------------------------------------
 */

static const char *const look[] = {"palette", "ramp",    "rgb", "classes", "colors", "reverse",
                                   "gamma",   "stretch", "min", "max",     NULL};

/* ORDER merge of looks.lua: a kind of colours replaces another, limits replace a stretch. */
static void merge(json_t *into, const json_t *more)
{
    static const char *const kinds[] = {"palette", "ramp", "rgb", "classes", "colors", "reverse"};
    int kind = 0;
    for (size_t i = 0; i < 5; i++)
        kind |= json_object_get(more, kinds[i]) != NULL;
    for (size_t i = 0; i < 6 && kind; i++)
        json_object_del(into, kinds[i]);
    if (json_object_get(more, "stretch")) {
        json_object_del(into, "min");
        json_object_del(into, "max");
    }
    if (json_object_get(more, "min") || json_object_get(more, "max"))
        json_object_del(into, "stretch");
    for (int i = 0; look[i]; i++)
        if (json_object_get(more, look[i]))
            json_object_set(into, look[i], json_object_get(more, look[i]));
}

static json_t *looks_of(const tl_output *o)
{
    json_t *all = o->image->looks ? json_loads(o->image->looks, 0, NULL) : NULL;
    all = all ? all : json_object();
    merge(all, o->options);
    return all;
}

/* Paints the first date as asked, and the others by its limits. */
typedef struct {
    const tl_painter *p;
    json_t *legend; /* of the first */
    json_t *fixed;  /* min and max, once they are known */
} painting;

static void fix_limits(painting *s)
{
    const json_t *stretch = json_object_get(s->legend, "stretch");
    json_t *lo = json_object_get(s->legend, "min"), *hi = json_object_get(s->legend, "max");
    s->fixed = json_object();
    if (json_array_size(stretch) == 3) {
        json_t *los = json_array(), *his = json_array();
        for (size_t i = 0; i < 3; i++) {
            json_array_append(los, json_object_get(json_array_get(stretch, i), "min"));
            json_array_append(his, json_object_get(json_array_get(stretch, i), "max"));
        }
        json_object_set_new(s->fixed, "min", los);
        json_object_set_new(s->fixed, "max", his);
    } else if (lo && hi) {
        json_object_set(s->fixed, "min", lo);
        json_object_set(s->fixed, "max", hi);
    }
}

static int paint(void *ctx, const tl_image *img, const json_t *looks, tl_image **out, tl_err *e)
{
    painting *s = ctx;
    int rc = 0;
    json_t *mine = json_deep_copy(looks);
    if (s->fixed && json_object_size(s->fixed)) {
        json_object_del(mine, "stretch");
        json_object_update(mine, s->fixed);
    }
    if (!s->legend)
        rc = s->p->legend(s->p->ctx, img, mine, &s->legend, e);
    if (!rc)
        rc = s->p->visualize(s->p->ctx, img, mine, out, e);
    if (!rc && !s->fixed)
        fix_limits(s);
    json_decref(mine);
    return rc;
}

/* --- making -------------------------------------------------------------------------------------
 */

static json_t *document(const tl_output *o, const tl_plan *plan, const json_t *legend)
{
    return json_pack("{s:i, s:o, s:s, s:O, s:o}", "layer", LAYER_FORMAT, "name",
                     tl_json_text(o->name), "where", o->where ? o->where : "", "legend", legend,
                     "plan", json_loads(plan->text, 0, NULL));
}

int tl_layer_make(const tl_output *o, const tl_grid *grid, const char *tenant, const tl_painter *p,
                  tl_layer **out, tl_err *e)
{
    painting s = {p, NULL, NULL};
    tl_plan *plan = NULL;
    /* Neither parameters nor the script's text: layers that these do not change stay the same. */
    tl_script script = {.output = (tl_output *)(uintptr_t)o, .noutputs = 1};
    tl_plan_request r = {.format = "gtiff", .pictures = 1, .visualize = paint, .ctx = &s};
    r.where.grid = grid;
    int rc = tl_plan_make(&script, &r, &plan, e);
    json_t *doc = rc ? NULL : document(o, plan, s.legend);
    if (!rc && !doc)
        rc = tl_fail(e, TL_ENOMEM, "no memory for a layer");
    if (!rc) {
        json_object_set_new(doc, "looks", looks_of(o));
        if (tenant)
            json_object_set_new(doc, "tenant", json_string(tenant));
        rc = finish(plan, doc, json_dumps(doc, DUMP), out, e);
    } else {
        tl_plan_free(plan);
    }
    json_decref(s.legend);
    json_decref(s.fixed);
    return rc;
}

static tl_image *image_of(const tl_plan_output *o, const char *looks)
{
    return tl_image_new(o->band, o->node, o->nbands, looks);
}

int tl_layer_restyle(const tl_layer *l, const json_t *looks, const tl_painter *p, tl_layer **out,
                     tl_err *e)
{
    char *own = json_dumps(json_object_get(l->doc, "looks"), DUMP);
    const char *where = json_string_value(json_object_get(l->doc, "where"));
    json_t *options = json_object();
    merge(options, looks);
    tl_output o = {.name = (char *)(uintptr_t)l->name, .where = tl_intern(where ? where : "")};
    o.options = options;
    o.image = image_of(&l->plan->out[0], own);
    if (l->step[0].id[0]) {
        o.ndated = l->nsteps;
        o.dated = tl_xcalloc((size_t)l->nsteps, sizeof *o.dated);
        for (int k = 0; k < l->nsteps; k++)
            o.dated[k] = (tl_dated){image_of(&l->plan->out[2 * k], own), l->step[k].time,
                                    (char *)(uintptr_t)l->step[k].id};
    }
    const char *tenant = json_string_value(json_object_get(l->doc, "tenant"));
    int rc = tl_layer_make(&o, &l->grid, tenant, p, out, e);
    for (int k = 0; k < o.ndated; k++)
        tl_image_unref(o.dated[k].image);
    free(o.dated);
    tl_image_unref(o.image);
    json_decref(options);
    free(own);
    return rc;
}

int tl_layer_of_plan(const tl_plan *plan, int k, const json_t *looks, const char *tenant,
                     const tl_painter *p, tl_layer **out, tl_err *e)
{
    const tl_plan_output *from = &plan->out[k];
    tl_output o = {.name = from->name, .where = from->where};
    o.options = json_object();
    merge(o.options, looks);
    if (from->product.rgb && from->nbands == 3) { /* a picture already */
        json_object_set_new(o.options, "min", json_integer(0));
        json_object_set_new(o.options, "max", json_integer(255));
    }
    o.image = tl_image_new(from->band, from->node, from->nbands, NULL);
    int rc = tl_layer_make(&o, &from->product.grid, tenant, p, out, e);
    tl_image_unref(o.image);
    json_decref(o.options);
    return rc;
}

/* --- telling ------------------------------------------------------------------------------------
 */

static json_t *dates_json(const tl_layer *l)
{
    json_t *list = json_array();
    for (int k = 0; k < l->nsteps && l->step[0].id[0]; k++) {
        json_t *t = isfinite(l->step[k].time) ? json_real(l->step[k].time) : json_null();
        json_array_append_new(
            list, json_pack("{s:o, s:o}", "id", tl_json_text(l->step[k].id), "time", t));
    }
    return list;
}

json_t *tl_layer_json(const tl_layer *l)
{
    const char *where = json_string_value(json_object_get(l->doc, "where"));
    const char *slash = where ? strrchr(where, '/') : NULL;
    json_t *bands = json_array();
    for (int b = 0; b < l->nbands; b++)
        json_array_append_new(bands, tl_json_text(l->band[b]));
    return json_pack("{s:o, s:s, s:[f,f,f,f], s:i, s:o, s:o, s:O, s:O, s:s, s:s, s:f}", "name",
                     tl_json_text(l->name), "key", l->key, "box", l->box[0], l->box[1], l->box[2],
                     l->box[3], "zoom", l->zoom, "bands", bands, "dates", dates_json(l), "legend",
                     json_object_get(l->doc, "legend"), "looks", json_object_get(l->doc, "looks"),
                     "where",
                     slash   ? slash + 1
                     : where ? where
                             : "",
                     "crs", l->grid.crs, "cell", l->grid.dx);
}
