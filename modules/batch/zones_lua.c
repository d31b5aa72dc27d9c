/* Statistics within geometries, values at points, from Lua: what zones.lua stands on.
 * SPDX-License-Identifier: MIT */
#include "modules/batch/zones.h"
#include "modules/batch/zones_lua.h"
#include "modules/image/image_lua.h"
#include "runtime/border.h"
#include "runtime/json_lua.h"
#include "runtime/mem.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- which statistics ---------------------------------------------------------------------------
 */

typedef struct {
    char name[24];
    double percent; /* >= 0: a percentile; -1: by name */
} stat;

enum { MOST_STATS = 64, MOST_SAMPLES = 200000 };

static const char *const stat_names[] = {"count", "cells",    "valid",  "sum",  "mean", "min",
                                         "max",   "variance", "stddev", "mode", NULL};

static int stat_of(const char *name, stat *s, tl_err *e)
{
    char *end;
    snprintf(s->name, sizeof s->name, "%s", name);
    s->percent = strcmp(name, "median") == 0 ? 50 : -1;
    if (s->percent > 0)
        return 0;
    for (int i = 0; stat_names[i]; i++)
        if (strcmp(name, stat_names[i]) == 0)
            return 0;
    s->percent = name[0] == 'p' ? strtod(name + 1, &end) : -1;
    if (name[0] == 'p' && end != name + 1 && !*end && s->percent >= 0 && s->percent <= 100 &&
        strlen(name) < sizeof s->name)
        return 0;
    return tl_fail(e, TL_ESCRIPT,
                   "\"%.40s\" is no statistic; there are count, cells, valid, sum, mean, min, max, "
                   "variance, stddev, median, mode, and p10 or p99.5 for percentiles",
                   name);
}

static double value_of(const stat *s, const tl_zone_band *b)
{
    if (s->percent >= 0)
        return tl_zone_quantile(b, s->percent / 100);
    switch (s->name[0]) {
    case 'c':
        return s->name[1] == 'o' ? b->weight : (double)b->cells;
    case 'v':
        return s->name[2] == 'r' ? b->m2 / b->weight : b->weight / b->touched;
    case 's':
        return s->name[1] == 't' ? sqrt(b->m2 / b->weight) : b->cells ? b->mean * b->weight : NAN;
    case 'm':
        return s->name[1] == 'e'   ? b->mean
               : s->name[1] == 'i' ? b->min
               : s->name[1] == 'a' ? b->max
                                   : tl_zone_mode(b);
    default:
        return NAN;
    }
}

/* --- JSON that Lua frees ------------------------------------------------------------------------
 */

static json_t *json_at(lua_State *L, int idx)
{
    tl_err e = TL_ERR_INIT;
    void **box = tl_json_box(L);
    *box = tl_json_from(L, idx, &e);
    if (!*box)
        tl_raise(L, &e);
    return *box;
}

static void release_zones(void *p)
{
    tl_zones_close(p);
}

/* --- what both do -------------------------------------------------------------------------------
 */

typedef struct {
    tl_zones *z;
    const tl_image *img;
    stat stats[MOST_STATS];
    int nstats, with_values, geometries;
    json_t *rows, *columns;
    double *values;
    tl_zone_band *bands;
} work;

static void note_column(work *w, const char *name)
{
    const json_t *v;
    size_t i;
    json_array_foreach(w->columns, i, v)
    {
        if (strcmp(json_string_value(v), name) == 0)
            return;
    }
    json_array_append_new(w->columns, json_string(name));
}

static void set(work *w, json_t *row, const char *name, json_t *value)
{
    note_column(w, name);
    json_object_set_new(row, name, value ? value : json_null());
}

static json_t *new_row(work *w, int64_t id, const json_t *attributes)
{
    json_t *row = json_object();
    const char *key;
    json_t *v;
    if (!json_object_get(attributes, "id"))
        set(w, row, "id", json_integer(id));
    json_object_foreach((json_t *)(uintptr_t)attributes, key, v)
    {
        set(w, row, key, json_incref(v));
    }
    return row;
}

static int is_whole(double x)
{
    return x == floor(x) && fabs(x) < 9007199254740992.0;
}

static json_t *number(double x, int integer)
{
    if (!isfinite(x))
        return json_null();
    return integer && is_whole(x) ? json_integer((json_int_t)x) : json_real(x);
}

static void set_geometry(work *w, json_t *row, const tl_geometry *g)
{
    char *text = g ? tl_geometry_to_geojson(g) : NULL;
    set(w, row, "geometry", text ? json_string(text) : NULL);
    free(text);
}

static int measure(void *ctx, int64_t id, const tl_geometry *g, const json_t *attributes, tl_err *e)
{
    work *w = ctx;
    json_t *row = new_row(w, id, attributes);
    int n = w->img->nbands, rc = 0;
    json_array_append_new(w->rows, row);
    memset(w->bands, 0, (size_t)n * sizeof *w->bands);
    if (g)
        rc = tl_zones_measure(w->z, g, w->with_values, w->bands, e);
    for (int b = 0; b < n && !rc; b++)
        for (int k = 0; k < w->nstats; k++) {
            char name[300];
            const stat *s = &w->stats[k];
            snprintf(name, sizeof name, "%.250s%s%s", n > 1 ? w->img->band[b].name : "",
                     n > 1 ? "_" : "", s->name);
            int whole = strcmp(s->name, "cells") == 0 ||
                        (w->img->band[b].node->type != TL_F &&
                         (strcmp(s->name, "min") == 0 || strcmp(s->name, "max") == 0 ||
                          strcmp(s->name, "mode") == 0));
            set(w, row, name, number(g ? value_of(s, &w->bands[b]) : NAN, whole));
        }
    for (int b = 0; b < n && !rc && g; b++)
        tl_zone_free(&w->bands[b]);
    if (!rc && w->geometries)
        set_geometry(w, row, g);
    return rc;
}

static int look_up(void *ctx, int64_t id, const tl_geometry *g, const json_t *attributes, tl_err *e)
{
    work *w = ctx;
    const tl_shape *s = g ? tl_geometry_lonlat(g) : NULL;
    if (s && (s->npaths != 1 || s->path[0].kind != TL_PATH_POINT))
        return tl_fail(e, TL_ESCRIPT,
                       "sample takes points, and this is none; zonal measures lines and areas");
    json_t *row = new_row(w, id, attributes);
    json_array_append_new(w->rows, row);
    int n = w->img->nbands, rc = s ? tl_zones_value(w->z, s->x[0], s->y[0], w->values, e) : 0;
    set(w, row, "lon", s ? json_real(s->x[0]) : NULL);
    set(w, row, "lat", s ? json_real(s->y[0]) : NULL);
    for (int b = 0; b < n && !rc; b++)
        set(w, row, w->img->band[b].name,
            number(s ? w->values[b] : NAN, w->img->band[b].node->type != TL_F));
    return rc;
}

/* --- cells --------------------------------------------------------------------------------------
 */

typedef struct {
    work *w;
    int64_t id;
    const json_t *attributes;
} cells_of;

static int add_cell(void *ctx, double lon, double lat, const double *values, tl_err *e)
{
    cells_of *c = ctx;
    work *w = c->w;
    if (json_array_size(w->rows) >= MOST_SAMPLES)
        return tl_fail(e, TL_ESCRIPT,
                       "sample: these zones have more than %d cells; draw some of them with count "
                       "and region, or take a larger res",
                       MOST_SAMPLES);
    json_t *row = new_row(w, c->id, c->attributes);
    json_array_append_new(w->rows, row);
    set(w, row, "lon", json_real(lon));
    set(w, row, "lat", json_real(lat));
    for (int b = 0; b < w->img->nbands; b++)
        set(w, row, w->img->band[b].name, number(values[b], w->img->band[b].node->type != TL_F));
    return 0;
}

static int look_inside(void *ctx, int64_t id, const tl_geometry *g, const json_t *attributes,
                       tl_err *e)
{
    cells_of c = {ctx, id, attributes};
    return g ? tl_zones_each(c.w->z, g, add_cell, &c, e) : 0;
}

/* --- options ------------------------------------------------------------------------------------
 */

int tl__where_of_json(const json_t *o, tl_where *w, tl_err *e)
{
    const json_t *res = json_object_get(o, "res");
    *w = (tl_where){.crs = json_string_value(json_object_get(o, "crs"))};
    if (!res)
        return 0;
    w->res[0] =
        json_is_array(res) ? json_number_value(json_array_get(res, 0)) : json_number_value(res);
    w->res[1] = json_is_array(res) ? json_number_value(json_array_get(res, 1)) : w->res[0];
    return w->res[0] > 0 && w->res[1] > 0
               ? 0
               : tl_fail(e, TL_ESCRIPT, "res is a cell size above 0, in units of the CRS");
}

static int stats_of(const json_t *o, work *w, tl_err *e)
{
    const json_t *list = json_object_get(o, "stats"), *v;
    size_t i;
    int rc = 0;
    if (json_array_size(list) > MOST_STATS)
        return tl_fail(e, TL_ESCRIPT, "at most %d statistics at once", MOST_STATS);
    json_array_foreach(list, i, v)
    {
        if (rc)
            break;
        const char *name = json_string_value(v);
        rc = name ? stat_of(name, &w->stats[w->nstats++], e)
                  : tl_fail(e, TL_ESCRIPT, "stats is a list of names, such as {\"mean\"}");
        const stat *s = &w->stats[w->nstats > 0 ? w->nstats - 1 : 0];
        w->with_values |= s->percent >= 0 || strcmp(s->name, "mode") == 0;
    }
    return rc;
}

static const struct {
    const char *name;
    tl_feature_fn *each;
} kinds[] = {{"sample", look_up}, {"zonal", measure}, {"cells_in", look_inside}, {NULL, NULL}};

/* core.zonal(img, zones, options), core.sample(img, points, options), core.cells_in(img, zones,
 * options): -> {rows, columns}. options = {stats = list, crs =, res =, geometries =}, checked
 * before in Lua. The upvalue says which. */
static int core_rows(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    static const luaL_Reg none[] = {{NULL, NULL}};
    const tl_image *img = tl_image_check(L, 1);
    tl_feature_fn *each = kinds[lua_tointeger(L, lua_upvalueindex(1))].each;
    work w = {.img = img};
    tl_where where;
    lua_settop(L, 3);
    const json_t *what = json_at(L, 2), *options = json_at(L, 3);
    void **result = tl_json_box(L);
    json_t *out = *result = json_object();
    tl_box_register(L, "tellua.zones", "Zones", none, NULL, release_zones);
    void **box = tl_box_push(L, "tellua.zones");
    w.values = lua_newuserdatauv(L, (size_t)img->nbands * sizeof *w.values, 0);
    w.bands = lua_newuserdatauv(L, (size_t)img->nbands * sizeof *w.bands, 0);
    w.rows = json_array();
    w.columns = json_array();
    json_object_set_new(out, "rows", w.rows);
    json_object_set_new(out, "columns", w.columns);
    int rc = tl__where_of_json(options, &where, &e);
    if (!rc)
        rc = stats_of(options, &w, &e);
    w.geometries = json_is_true(json_object_get(options, "geometries"));
    if (!rc)
        rc = tl_zones_open(img, &where, 0, (tl_zones **)box, &e);
    w.z = *box;
    if (!rc)
        rc = tl_features_of_user(what, each, &w, &e);
    if (rc)
        return tl_raise(L, &e);
    tl_json_push(L, out);
    return 1;
}

extern const unsigned char tl_lua_modules_batch_zones[];
extern const size_t tl_lua_modules_batch_zones_len;

/* The globals at the top of the stack. */
void tl_zones_open_lua(lua_State *L)
{
    tl_core_push(L);
    for (int k = 0; kinds[k].name; k++) {
        lua_pushinteger(L, k);
        lua_pushcclosure(L, core_rows, 1);
        lua_setfield(L, -2, kinds[k].name);
    }
    lua_pushvalue(L, -2);
    tl_loads(L, tl_lua_modules_batch_zones, tl_lua_modules_batch_zones_len, "=[tellua zones]", 2,
             0);
    tl_vectors_open_lua(L);
}
