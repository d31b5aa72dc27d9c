/* Geometries in other systems: the seam and the edge of a map. SPDX-License-Identifier: MIT */
#include "modules/raster/gdal.h"
#include "modules/raster/geometry_int.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <cpl_conv.h>
#include <math.h>
#include <ogr_srs_api.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    double middle; /* longitude of the map's middle */
    double use[4]; /* area of use W,S,E,N; E > W */
} facts;

/* What the system says of itself; the whole globe where it says nothing. */
static facts facts_of(const char *crs)
{
    facts f = {0, {-180, -90, 180, 90}};
    char *proj = NULL;
    const char *name;
    tl_gdal_guard g;
    double w, s, e, n;
    tl_gdal_begin(&g, NULL);
    OGRSpatialReferenceH srs = OSRNewSpatialReference(NULL);
    if (OSRSetFromUserInput(srs, crs) == OGRERR_NONE) {
        if (OSRGetAreaOfUse(srs, &w, &s, &e, &n, &name) && w >= -180 && n >= s && n <= 90) {
            f.use[0] = w;
            f.use[1] = s;
            f.use[2] = e < w ? e + 360 : e;
            f.use[3] = n;
        }
        const char *at =
            OSRExportToProj4(srs, &proj) == OGRERR_NONE && proj ? strstr(proj, "+lon_0=") : NULL;
        f.middle = at ? strtod(at + 7, NULL) : (f.use[0] + f.use[2]) / 2;
        CPLFree(proj);
    }
    OSRDestroySpatialReference(srs);
    tl_gdal_end(&g);
    return f;
}

static int append(tl_shape *to, const tl_shape *s, double by, tl_err *e)
{
    int rc = 0;
    for (size_t i = 0; i < s->npaths && !rc; i++) {
        tl__shape_path(to, s->path[i].kind);
        for (size_t k = s->path[i].first; k < s->path[i].first + s->path[i].n && !rc; k++)
            rc = tl__shape_point(to, s->x[k] + by, s->y[k], e);
    }
    return rc;
}

/* The pieces between seams, each moved to where longitudes are -180 to 180 of the middle, and cut
 * to `grow` degrees around the area of use. The seam's own points stay on their side of it. */
static int cut(const tl_shape *s, const facts *f, double grow, tl_shape *out, tl_err *e)
{
    const double thin = 1e-9;
    double w = fmax(f->middle - 180 + thin, f->use[0] - grow);
    double east = fmin(f->middle + 180 - thin, f->use[2] + grow);
    if (f->use[2] - f->use[0] >= 359) {
        w = f->middle - 180 + thin;
        east = f->middle + 180 - thin;
    }
    double box[4] = {w, fmax(-90, f->use[1] - grow), east, fmin(90, f->use[3] + grow)};
    int rc = 0;
    memset(out, 0, sizeof *out);
    out->crs = s->crs;
    double first = ceil((s->box[0] - east) / 360), last = floor((s->box[2] - w) / 360);
    for (double k = first; k <= last && !rc; k++) {
        double window[4] = {box[0] + 360 * k, box[1], box[2] + 360 * k, box[3]};
        tl_shape piece = {0};
        rc = tl__shape_clip(s, window, &piece, e);
        if (!rc)
            rc = append(out, &piece, -360 * k, e);
        tl__shape_clear(&piece);
    }
    tl__shape_finish(out);
    return rc;
}

/* The geometry as it is; else cut at the seam; else cut closer and closer to the area of use. */
static int map_cut(const tl_shape *s, const char *crs, double tolerance, tl_shape *out, tl_err *e)
{
    static const double grow[] = {180, 60, 40, 20, 10, 5, 2, 1, 0.5, 0};
    facts f = facts_of(crs);
    int broken = 1, rc = 0;
    for (size_t i = 0; i < sizeof grow / sizeof grow[0] && broken && !rc; i++) {
        tl_shape piece = {0};
        tl__shape_clear(out);
        rc = cut(s, &f, grow[i], &piece, e);
        if (!rc)
            rc = tl__shape_map(&piece, crs, tolerance, out, &broken, e);
        tl__shape_clear(&piece);
    }
    if (!rc && broken)
        rc = tl_fail(e, TL_EDATA, "the geometry has no place in %s", tl_crs_name(crs));
    return rc;
}

int tl_geometry_shape(const tl_geometry *g, const char *crs, double tolerance, tl_shape **out,
                      tl_err *e)
{
    tl_shape *s = tl_xcalloc(1, sizeof *s);
    int broken = 0, rc = tl__shape_map(&g->shape, crs, tolerance, s, &broken, e);
    if (!rc && broken)
        rc = map_cut(&g->shape, crs, tolerance, s, e);
    if (rc) {
        tl_shape_free(s);
        return rc;
    }
    tl__shape_finish(s);
    *out = s;
    return 0;
}
