/* See stac_out.h. SPDX-License-Identifier: MIT */
#include "modules/batch/stac_out.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static json_t *date_text(double t)
{
    char text[40];
    struct tm tm;
    time_t whole = (time_t)floor(t);
    gmtime_r(&whole, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return json_string(text);
}

static json_t *polygon(const double b[4])
{
    return json_pack("{s:s, s:[[[f,f],[f,f],[f,f],[f,f],[f,f]]]}", "type", "Polygon", "coordinates",
                     b[0], b[1], b[2], b[1], b[2], b[3], b[0], b[3], b[0], b[1]);
}

/* TELLUA_SCRIPT_SHA256 -> tellua:script_sha256 */
static void put_provenance(json_t *properties, const tl_product *p)
{
    for (int i = 0; i < p->nmeta; i++) {
        char *key = tl_xstrdup(p->meta[i][0]);
        for (char *c = key; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        char *sep = strchr(key, '_');
        if (sep)
            *sep = ':';
        json_object_set_new(properties, key, tl_json_text(p->meta[i][1]));
        free(key);
    }
}

static json_t *properties_of(const tl_plan_output *o, double made)
{
    const tl_grid *g = &o->product.grid;
    json_t *p = json_object();
    double x = g->x0 + (double)g->col * g->dx, y = g->y0 - (double)g->row * g->dy;
    json_object_set_new(p, "created", date_text(made));
    json_object_set_new(p, "datetime",
                        date_text(o->ntimes && isfinite(o->times[0]) ? o->times[0] : made));
    if (strchr(g->crs, ':') && strlen(g->crs) < 20)
        json_object_set_new(p, "proj:code", json_string(g->crs));
    json_object_set_new(p, "proj:shape", json_pack("[I,I]", (json_int_t)g->h, (json_int_t)g->w));
    json_object_set_new(p, "proj:transform",
                        json_pack("[f,f,f,f,f,f]", g->dx, 0.0, x, 0.0, -g->dy, y));
    put_provenance(p, &o->product);
    return p;
}

static json_t *asset_of(const tl_plan_output *o, const char *file)
{
    static const char *const types[] = {"image/tiff; application=geotiff; profile=cloud-optimized",
                                        "image/tiff; application=geotiff", "image/png",
                                        "application/vnd+zarr",
                                        "application/x-netcdf"}; /* ORDER tl_format */
    json_t *bands = json_array();
    for (int b = 0; b < o->nbands; b++)
        json_array_append_new(bands, json_pack("{s:o, s:s}", "name", tl_json_text(o->band[b]),
                                               "data_type", tl_dtype_name(o->product.dtype)));
    char *href = tl_xasprintf("./%s", file);
    json_t *a = json_pack("{s:o, s:s, s:[s], s:o}", "href", tl_json_text(href), "type",
                          types[o->product.format], "roles", "data", "bands", bands);
    free(href);
    return a;
}

int tl_stac_write(const tl_plan_output *o, const char *path, double made, tl_err *e)
{
    const tl_grid *g = &o->product.grid;
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    double x = g->x0 + (double)g->col * g->dx, y = g->y0 - (double)g->row * g->dy;
    double in[4] = {x, y - (double)g->h * g->dy, x + (double)g->w * g->dx, y}, b[4];
    tl_err none = TL_ERR_INIT;
    json_t *j =
        json_pack("{s:s, s:s, s:o, s:o, s:{s:o}, s:[]}", "type", "Feature", "stac_version", "1.0.0",
                  "id", tl_json_text(o->name), "properties", properties_of(o, made), "assets",
                  "data", asset_of(o, slash ? slash + 1 : path), "links");
    /* Without a place on earth there is no geometry, which STAC allows. */
    if (tl_crs_transform_box(g->crs, "EPSG:4326", in, b, &none) == 0) {
        json_object_set_new(j, "bbox", json_pack("[f,f,f,f]", b[0], b[1], b[2], b[3]));
        json_object_set_new(j, "geometry", polygon(b));
    } else {
        json_object_set_new(j, "geometry", json_null());
    }
    char *to = tl_xasprintf("%.*s.json", (int)(dot - path), path);
    char *beside = tl_xasprintf("%s.new", to);
    int rc = 0;
    if (json_dump_file(j, beside, JSON_SORT_KEYS | JSON_INDENT(1) | JSON_REAL_PRECISION(15)) ||
        rename(beside, to)) {
        rc = tl_fail(e, TL_EIO, "cannot write %s: %s", to, strerror(errno));
        unlink(beside);
    }
    free(beside);
    free(to);
    json_decref(j);
    return rc;
}
