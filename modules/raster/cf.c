/* What a cube's variables are called and say, by the CF conventions. SPDX-License-Identifier: MIT
 */
#include "modules/raster/cube.h"
#include "modules/raster/gridmapping.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

tl_product tl_cube_part(const tl_product *p)
{
    tl_product part = *p;
    part.nbands = 1;
    part.band_names = NULL;
    part.nmeta = 0;
    part.meta = NULL;
    part.rgb = 0;
    return part;
}

/* --- names ------------------------------------------------------------------------------------ */

/* What is a name in NetCDF, the name of a folder in Zarr, and needs no quotes in GDAL's names of
 * variables: NETCDF:"f.nc":name. Other characters become '_'. */
static void plain_name(const char *band, char *out, size_t size)
{
    size_t n = 0;
    for (; *band && n + 8 < size; band++) {
        unsigned char c = (unsigned char)*band;
        int good = c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                   (c >= 'a' && c <= 'z') || (n && strchr("_-.+@", c));
        out[n++] = (char)(good ? c : '_');
    }
    while (n && tl_is_within_character(out[n - 1]) && *band)
        n--; /* cut within a character */
    if (n && (unsigned char)out[n - 1] >= 0xC0 && *band)
        n--;
    snprintf(out + n, size - n, "%s", n ? "" : "band");
}

static int is_taken(const tl_cf *cf, const char *name)
{
    for (int i = 0; i < cf->n; i++)
        if (strcmp(cf->var[i].name, name) == 0)
            return 1;
    return 0;
}

static tl_cf_var *add(tl_cf *cf, enum tl_cf_kind kind, const char *name)
{
    char base[112];
    tl_cf_var v = {.kind = kind, .attrs = json_object()};
    plain_name(name, base, sizeof base);
    snprintf(v.name, sizeof v.name, "%s", base);
    for (int k = 2; is_taken(cf, v.name); k++)
        snprintf(v.name, sizeof v.name, "%s_%d", base, k);
    cf->var[cf->n] = v;
    return &cf->var[cf->n++];
}

/* --- attributes ------------------------------------------------------------------------------- */

/* Bytes that are no UTF-8 have no place in either format. */
static void put(json_t *attrs, const char *key, const char *value)
{
    json_t *j = json_string(value);
    json_object_set_new(attrs, key, j ? j : json_string("?"));
}

static void describe_time(json_t *a)
{
    put(a, "standard_name", "time");
    put(a, "long_name", "time of the scene");
    put(a, "axis", "T");
    put(a, "units", "seconds since 1970-01-01 00:00:00");
    put(a, "calendar", "standard");
}

/* The unit by the name that UDUNITS has for it. */
static const char *unit_of(const char *crs)
{
    const char *unit = tl_crs_unit(crs);
    return strcmp(unit, "metre") == 0            ? "m"
           : strcmp(unit, "US survey foot") == 0 ? "US_survey_foot"
                                                 : unit;
}

static void describe_axis(json_t *a, const char *crs, int is_y)
{
    put(a, "axis", is_y ? "Y" : "X");
    if (crs[0] && strcmp(crs, "LOCAL") != 0 && tl_crs_is_geographic(crs)) {
        put(a, "standard_name", is_y ? "latitude" : "longitude");
        put(a, "long_name",
            is_y ? "latitude of the cell's centre" : "longitude of the cell's centre");
        put(a, "units", is_y ? "degrees_north" : "degrees_east");
        return;
    }
    put(a, "long_name", is_y ? "y of the cell's centre" : "x of the cell's centre");
    if (crs[0] && strcmp(crs, "LOCAL") != 0) {
        put(a, "standard_name", is_y ? "projection_y_coordinate" : "projection_x_coordinate");
        if (unit_of(crs)[0])
            put(a, "units", unit_of(crs));
    }
}

static void describe_whole(const tl_cube *c, tl_cf *cf)
{
    put(cf->attrs, "Conventions", "CF-1.8");
    for (int i = 0; i < c->p->nmeta; i++)
        put(cf->attrs, c->p->meta[i][0], c->p->meta[i][1]);
}

/* Six numbers as GDAL has them: a reader that averages coordinates would find others. */
static void put_geotransform(json_t *a, const tl_grid *g)
{
    char text[160];
    double box[4];
    tl_grid_bounds(g, box);
    snprintf(text, sizeof text, "%.17g %.17g 0 %.17g 0 %.17g", box[0], g->dx, box[3], -g->dy);
    put(a, "GeoTransform", text);
}

int tl_cf_describe(const tl_cube *c, tl_cf *out, tl_err *e)
{
    const char *crs = c->p->grid.crs ? c->p->grid.crs : "";
    tl_cf cf = {.attrs = json_object()};
    cf.var = tl_xcalloc((size_t)c->p->nbands + 5, sizeof *cf.var);
    if (c->ntimes)
        describe_time(add(&cf, TL_CF_TIME, "time")->attrs);
    describe_axis(add(&cf, TL_CF_Y, "y")->attrs, crs, 1);
    describe_axis(add(&cf, TL_CF_X, "x")->attrs, crs, 0);
    if (c->ntimes)
        put(add(&cf, TL_CF_ID, "id")->attrs, "long_name", "id of the scene");
    int rc = 0, has_crs = crs[0] != '\0' && strcmp(crs, "LOCAL") != 0;
    if (has_crs) {
        json_t *a = add(&cf, TL_CF_CRS, "spatial_ref")->attrs;
        rc = tl__grid_mapping(crs, a, &cf.wkt, e);
        put_geotransform(a, &c->p->grid);
    }
    for (int b = 0; b < c->p->nbands && !rc; b++) {
        char plain[16];
        snprintf(plain, sizeof plain, "B%d", b + 1);
        const char *name = c->p->band_names ? c->p->band_names[b] : plain;
        json_t *a = add(&cf, TL_CF_BAND, name)->attrs;
        cf.var[cf.n - 1].band = b;
        put(a, "long_name", name);
        if (has_crs)
            put(a, "grid_mapping", "spatial_ref");
    }
    describe_whole(c, &cf);
    if (rc)
        tl_cf_free(&cf);
    else
        *out = cf;
    return rc;
}

void tl_cf_free(tl_cf *cf)
{
    for (int i = 0; i < cf->n; i++)
        json_decref(cf->var[i].attrs);
    free(cf->var);
    free(cf->wkt);
    json_decref(cf->attrs);
    *cf = (tl_cf){0};
}

double *tl_cf_coordinates(const tl_cube *c, enum tl_cf_kind kind, size_t *n)
{
    const tl_grid *g = &c->p->grid;
    *n = kind == TL_CF_TIME ? (size_t)c->ntimes : (size_t)(kind == TL_CF_X ? g->w : g->h);
    double *x = tl_xmalloc((*n + 1) * sizeof *x);
    for (size_t i = 0; i < *n; i++)
        x[i] = kind == TL_CF_TIME ? c->times[i]
               : kind == TL_CF_X  ? tl_grid_x(g, (double)(g->col + (int64_t)i))
                                  : tl_grid_y(g, (double)(g->row + (int64_t)i));
    return x;
}
