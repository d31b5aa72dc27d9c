/* Places that netCDF and Zarr state, and GDAL leaves: coordinate variables without attributes, or
 * the attributes `epsg` and `bounds`. SPDX-License-Identifier: MIT */
#include "modules/raster/crs.h"
#include "modules/raster/mdim.h"
#include "modules/raster/raster_int.h"
#include "runtime/mem.h"

#include <cpl_conv.h>
#include <cpl_string.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* GDAL turns the rows of a netCDF round unless it knows better from a y axis, and then it has a
 * geotransform too. Zarr comes as it is stored. */
static int rows_are_turned(GDALDatasetH ds)
{
    const char *driver = GDALGetDescription(GDALGetDatasetDriver(ds));
    return strcmp(driver, "netCDF") == 0 &&
           CPLTestBool(CPLGetConfigOption("GDAL_NETCDF_BOTTOMUP", "YES"));
}

static int is_array_format(GDALDatasetH ds)
{
    GDALDriverH driver = GDALGetDatasetDriver(ds);
    const char *name = driver ? GDALGetDescription(driver) : "";
    return strcmp(name, "netCDF") == 0 || strcmp(name, "Zarr") == 0;
}

static double number_of(GDALGroupH root, const char *attribute)
{
    char *text = tl_mdim_attribute(root, NULL, attribute);
    double x = text ? strtod(text, NULL) : NAN;
    free(text);
    return x;
}

/* The array that the dataset shows; NULL when it cannot be told. */
static GDALMDArrayH array_of(GDALGroupH root, GDALDatasetH ds, const char *name)
{
    GDALMDArrayH found = NULL;
    const char *variable =
        GDALGetMetadataItem(GDALGetRasterBand(ds, 1), "NETCDF_VARNAME", NULL); /* of a whole file */
    if (name)
        return GDALGroupOpenMDArrayFromFullname(root, name, NULL);
    if (variable)
        return GDALGroupOpenMDArray(root, variable, NULL);
    char **names = GDALGroupGetMDArrayNames(root, NULL);
    for (int i = 0; names && names[i] && !found; i++) {
        GDALMDArrayH a = GDALGroupOpenMDArray(root, names[i], NULL);
        if (a && GDALMDArrayGetDimensionCount(a) >= 2)
            found = a;
        else if (a)
            GDALMDArrayRelease(a);
    }
    CSLDestroy(names);
    return found;
}

/* Of centres: cells reach half a step further. */
static int place_by_axes(GDALGroupH root, GDALDimensionH ydim, GDALDimensionH xdim, int turned,
                         double gt[6])
{
    tl_axis x, y;
    double cell = number_of(root, "resolution");
    if (!tl_mdim_axis(root, xdim, &x) || !tl_mdim_axis(root, ydim, &y))
        return 0;
    if (x.n == 1)
        x.step = y.n > 1 ? fabs(y.step) : cell;
    if (y.n == 1)
        y.step = x.n > 1 ? -fabs(x.step) : -cell;
    if (!(x.even && y.even && isfinite(x.first + y.first) && fabs(x.step * y.step) > 0) ||
        !isfinite(x.step * y.step))
        return 0;
    double dy = turned ? -y.step : y.step;
    gt[0] = x.first - x.step / 2;
    gt[1] = x.step;
    gt[2] = gt[4] = 0;
    gt[3] = (turned ? y.first + (double)(y.n - 1) * y.step : y.first) - dy / 2;
    gt[5] = dy;
    return 1;
}

static int four_numbers(const char *text, double v[4])
{
    for (int i = 0; i < 4; i++) {
        char *end = NULL;
        text += strcspn(text, "+-.0123456789");
        v[i] = strtod(text, &end);
        if (end == text || !isfinite(v[i]))
            return 0;
        text = end;
    }
    return v[2] > v[0] && v[3] > v[1];
}

/* Without coordinates the first stored row is the northernmost. */
static int place_by_bounds(const tl_raster *r, GDALGroupH root, int turned, double gt[6])
{
    char *text = tl_mdim_attribute(root, NULL, "bounds");
    double b[4];
    int ok = text && four_numbers(text, b);
    free(text);
    if (!ok)
        return 0;
    double dy = (b[3] - b[1]) / r->h;
    gt[0] = b[0];
    gt[1] = (b[2] - b[0]) / r->w;
    gt[2] = gt[4] = 0;
    gt[3] = turned ? b[1] : b[3];
    gt[5] = turned ? dy : -dy;
    return 1;
}

static int is_degrees(GDALGroupH root, GDALDimensionH dim, const char *word)
{
    GDALMDArrayH a = tl_mdim_coordinate(root, dim);
    char *unit = a ? tl_mdim_unit(a) : NULL;
    int yes = unit && strncmp(unit, "degree", 6) == 0 && strstr(unit, word);
    free(unit);
    if (a)
        GDALMDArrayRelease(a);
    return yes;
}

/* NULL when nothing is said. */
static const char *stated_crs(GDALGroupH root, GDALDimensionH ydim, GDALDimensionH xdim)
{
    const char *crs = NULL;
    char text[40];
    double epsg = number_of(root, "epsg");
    snprintf(text, sizeof text, "EPSG:%.0f", epsg);
    if (epsg > 0 && epsg < 1e7 && tl_crs_canonical(text, &crs, NULL) == 0)
        return crs;
    if (is_degrees(root, ydim, "north") && is_degrees(root, xdim, "east"))
        return tl_intern("EPSG:4326");
    return NULL;
}

static int find_place(const tl_raster *r, GDALDatasetH ds, GDALGroupH root, GDALMDArrayH a,
                      double *gt, const char **crs)
{
    size_t n = 0;
    int turned = rows_are_turned(ds), ok = 0;
    GDALDimensionH *dim = GDALMDArrayGetDimensions(a, &n);
    if (n >= 2 && GDALDimensionGetSize(dim[n - 1]) == (GUInt64)r->w &&
        GDALDimensionGetSize(dim[n - 2]) == (GUInt64)r->h) {
        if (!*crs)
            *crs = stated_crs(root, dim[n - 2], dim[n - 1]);
        ok = *crs && (!gt || place_by_axes(root, dim[n - 2], dim[n - 1], turned, gt) ||
                      place_by_bounds(r, root, turned, gt));
    }
    GDALReleaseDimensions(dim, n);
    return ok;
}

int tl_raster_stated_place(const tl_raster *r, GDALDatasetH ds, double *gt, const char **crs)
{
    char *file = NULL, *name = NULL;
    int ok = 0;
    if (!is_array_format(ds))
        return 0;
    tl_mdim_split(r->s.uri, &file, &name);
    GDALDatasetH md = GDALOpenEx(file, GDAL_OF_MULTIDIM_RASTER, NULL, NULL, NULL);
    GDALGroupH root = md ? GDALDatasetGetRootGroup(md) : NULL;
    GDALMDArrayH a = root ? array_of(root, ds, name) : NULL;
    if (a) {
        ok = find_place(r, ds, root, a, gt, crs);
        GDALMDArrayRelease(a);
    }
    if (root)
        GDALGroupRelease(root);
    if (md)
        GDALClose(md);
    free(file);
    free(name);
    return ok;
}
