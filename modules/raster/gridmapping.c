/* A coordinate system as a CF grid mapping: see gridmapping.h. SPDX-License-Identifier: MIT */
#include "modules/raster/gridmapping.h"
#include "modules/raster/raster_int.h"
#include "runtime/mem.h"

#include <cpl_conv.h>
#include <cpl_error.h>
#include <math.h>
#include <ogr_srs_api.h>
#include <stdlib.h>
#include <string.h>

/* CF's name of a parameter, and that of WKT 1. */
typedef struct {
    const char *cf, *wkt;
} param;

typedef struct {
    const char *wkt, *cf; /* of the projection */
    param p[6];
} mapping;

#define FALSE_ORIGIN                                                                               \
    {"false_easting", "false_easting"},                                                            \
    {                                                                                              \
        "false_northing", "false_northing"                                                         \
    }

/* CF appendix F. A parameter named "standard_parallel" twice becomes a list of two. */
static const mapping mappings[] = {
    {"Transverse_Mercator",
     "transverse_mercator",
     {{"latitude_of_projection_origin", "latitude_of_origin"},
      {"longitude_of_central_meridian", "central_meridian"},
      {"scale_factor_at_central_meridian", "scale_factor"},
      FALSE_ORIGIN}},
    {"Mercator_1SP",
     "mercator",
     {{"longitude_of_projection_origin", "central_meridian"},
      {"scale_factor_at_projection_origin", "scale_factor"},
      FALSE_ORIGIN}},
    {"Mercator_2SP",
     "mercator",
     {{"longitude_of_projection_origin", "central_meridian"},
      {"standard_parallel", "standard_parallel_1"},
      FALSE_ORIGIN}},
    {"Lambert_Conformal_Conic_2SP",
     "lambert_conformal_conic",
     {{"standard_parallel", "standard_parallel_1"},
      {"standard_parallel", "standard_parallel_2"},
      {"latitude_of_projection_origin", "latitude_of_origin"},
      {"longitude_of_central_meridian", "central_meridian"},
      FALSE_ORIGIN}},
    {"Albers_Conic_Equal_Area",
     "albers_conical_equal_area",
     {{"standard_parallel", "standard_parallel_1"},
      {"standard_parallel", "standard_parallel_2"},
      {"latitude_of_projection_origin", "latitude_of_center"},
      {"longitude_of_central_meridian", "longitude_of_center"},
      FALSE_ORIGIN}},
    {"Lambert_Azimuthal_Equal_Area",
     "lambert_azimuthal_equal_area",
     {{"latitude_of_projection_origin", "latitude_of_center"},
      {"longitude_of_projection_origin", "longitude_of_center"},
      FALSE_ORIGIN}},
    {"Sinusoidal",
     "sinusoidal",
     {{"longitude_of_projection_origin", "longitude_of_center"}, FALSE_ORIGIN}},
};

static void put_number(json_t *a, const char *key, double x)
{
    json_t *before = json_object_get(a, key);
    if (!before)
        json_object_set_new(a, key, json_real(x));
    else
        json_object_set_new(a, key, json_pack("[O, f]", before, x));
}

static void put_ellipsoid(OGRSpatialReferenceH srs, json_t *a)
{
    OGRErr no_axis = 0, no_flattening = 0;
    char *meridian = NULL;
    double axis = OSRGetSemiMajor(srs, &no_axis);
    double flattening = OSRGetInvFlattening(srs, &no_flattening);
    if (no_axis == OGRERR_NONE)
        put_number(a, "semi_major_axis", axis);
    if (no_flattening == OGRERR_NONE)
        put_number(a, "inverse_flattening", flattening);
    put_number(a, "longitude_of_prime_meridian", OSRGetPrimeMeridian(srs, &meridian));
}

/* Whether CF's parameters say all of it. Web Mercator is a sphere's projection of an ellipsoid's
 * latitudes, which only WKT can tell. */
static int is_web_mercator(OGRSpatialReferenceH srs)
{
    const char *name = OSRGetName(srs);
    return name && strstr(name, "Pseudo-Mercator") != NULL;
}

static void put_projection(OGRSpatialReferenceH srs, const char *name, json_t *a)
{
    const mapping *m = mappings, *end = mappings + sizeof mappings / sizeof mappings[0];
    while (m < end && strcmp(m->wkt, name) != 0)
        m++;
    if (m == end || is_web_mercator(srs))
        return;
    json_object_set_new(a, "grid_mapping_name", json_string(m->cf));
    for (int i = 0; i < 6 && m->p[i].cf; i++)
        put_number(a, m->p[i].cf, OSRGetProjParm(srs, m->p[i].wkt, 0, NULL));
    put_ellipsoid(srs, a);
}

/* The one projection whose variants have different parameters: a latitude of true scale, or a scale
 * at the pole. */
static void put_polar(OGRSpatialReferenceH srs, json_t *a)
{
    double lat = OSRGetProjParm(srs, "latitude_of_origin", 0, NULL);
    json_object_set_new(a, "grid_mapping_name", json_string("polar_stereographic"));
    put_number(a, "latitude_of_projection_origin", lat < 0 ? -90 : 90);
    put_number(a, "straight_vertical_longitude_from_pole",
               OSRGetProjParm(srs, "central_meridian", 0, NULL));
    if (fabs(lat) == 90)
        put_number(a, "scale_factor_at_projection_origin",
                   OSRGetProjParm(srs, "scale_factor", 1, NULL));
    else
        put_number(a, "standard_parallel", lat);
    put_number(a, "false_easting", OSRGetProjParm(srs, "false_easting", 0, NULL));
    put_number(a, "false_northing", OSRGetProjParm(srs, "false_northing", 0, NULL));
    put_ellipsoid(srs, a);
}

static void put_parameters(OGRSpatialReferenceH srs, json_t *a)
{
    const char *projection = OSRGetAttrValue(srs, "PROJECTION", 0);
    if (OSRIsGeographic(srs)) {
        json_object_set_new(a, "grid_mapping_name", json_string("latitude_longitude"));
        put_ellipsoid(srs, a);
    } else if (projection && strcmp(projection, "Polar_Stereographic") == 0) {
        put_polar(srs, a);
    } else if (projection) {
        put_projection(srs, projection, a);
    }
}

/* malloc'd; NULL when the system has no such text. */
static char *export_wkt(OGRSpatialReferenceH srs, const char *format)
{
    const char *const options[] = {format, "MULTILINE=NO", NULL};
    char *wkt = NULL, *copy = NULL;
    if (OSRExportToWktEx(srs, &wkt, options) == OGRERR_NONE && wkt && wkt[0])
        copy = tl_xstrdup(wkt);
    CPLFree(wkt);
    return copy;
}

int tl__grid_mapping(const char *crs, json_t *attrs, char **wkt, tl_err *e)
{
    CPLPushErrorHandler(CPLQuietErrorHandler);
    OGRSpatialReferenceH srs = tl__parse_crs(crs);
    char *two = srs ? export_wkt(srs, "FORMAT=WKT2_2019") : NULL;
    char *one = srs ? export_wkt(srs, "FORMAT=WKT1_GDAL") : NULL;
    if (srs)
        put_parameters(srs, attrs);
    OSRDestroySpatialReference(srs);
    CPLPopErrorHandler();
    if (two) {
        json_object_set_new(attrs, "crs_wkt", json_string(two));
        json_object_set_new(attrs, "spatial_ref", json_string(one ? one : two));
        *wkt = two;
    }
    free(one);
    return two ? 0
               : tl_fail(e, TL_EDATA,
                         "the coordinate system '%.80s' has no WKT; give the product "
                         "another one (--crs)",
                         crs);
}
