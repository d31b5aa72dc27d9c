/* Geometries by OGR: see geometry.h. SPDX-License-Identifier: MIT */
#include "modules/raster/geometry.h"
#include "modules/raster/gdal.h"
#include "runtime/mem.h"

#include <ogr_api.h>
#include <stdlib.h>

struct tl_geometry {
    OGRGeometryH h;
    OGREnvelope env;
};

int tl_geometry_from_geojson(const char *text, tl_geometry **out, tl_err *e)
{
    tl_gdal_guard guard;
    tl_gdal_start();
    tl_gdal_begin(&guard, NULL);
    OGRGeometryH h = OGR_G_CreateGeometryFromJson(text);
    tl_gdal_end(&guard);
    if (!h || OGR_G_IsEmpty(h)) {
        if (h)
            OGR_G_DestroyGeometry(h);
        return tl_fail(e, TL_EDATA, "this is no GeoJSON geometry: %.60s", text);
    }
    tl_geometry *g = tl_xcalloc(1, sizeof *g);
    g->h = h;
    OGR_G_GetEnvelope(h, &g->env);
    *out = g;
    return 0;
}

int tl_geometry_touches_ring(const tl_geometry *g, const float *lonlat, size_t n, int *out,
                             tl_err *e)
{
    tl_gdal_guard guard;
    int touches = 0;
    tl_gdal_begin(&guard, NULL);
    for (int shift = -360; shift <= 360 && !touches; shift += 360) {
        OGRGeometryH ring = OGR_G_CreateGeometry(wkbLinearRing),
                     poly = OGR_G_CreateGeometry(wkbPolygon);
        for (size_t i = 0; i < n; i++)
            OGR_G_AddPoint_2D(ring, (double)lonlat[2 * i] + shift, (double)lonlat[2 * i + 1]);
        OGR_G_AddGeometryDirectly(poly, ring);
        touches = OGR_G_Intersects(g->h, poly);
        OGR_G_DestroyGeometry(poly);
    }
    tl_gdal_end(&guard);
    if (!touches && guard.failed)
        return tl_fail(e, TL_EDATA, "cannot compare with a footprint: %s", guard.message);
    *out = touches;
    return 0;
}

void tl_geometry_box(const tl_geometry *g, double box[4])
{
    box[0] = g->env.MinX;
    box[1] = g->env.MinY;
    box[2] = g->env.MaxX;
    box[3] = g->env.MaxY;
}

void tl_geometry_free(tl_geometry *g)
{
    if (g)
        OGR_G_DestroyGeometry(g->h);
    free(g);
}
