/* Files of arrays with named dimensions (netCDF, Zarr), by GDAL's other interface. Internal to
 * modules/raster. SPDX-License-Identifier: MIT
 *
 * All calls are made under a tl_gdal_guard. What is returned by pointer is released by the caller
 * as GDAL says, texts by free(). */
#ifndef TL_MDIM_H
#define TL_MDIM_H

#include <gdal.h>
#include <stddef.h>

/* The values of a one-dimensional coordinate. */
typedef struct tl_axis {
    size_t n;
    double first, last;
    double step; /* signed; 0 when n is 1 */
    int even;    /* each step the same, within 1 % */
} tl_axis;

/* NETCDF:"file":group/name or ZARR:"file":/name:1 -> file and "/group/name"; anything else is a
 * file, *array NULL. Both malloc'd. */
void tl_mdim_split(const char *uri, char **file, char **array);

/* The variable that gives a dimension's coordinates: the one GDAL knows, else the array of the
 * dimension's name. NULL: none. */
GDALMDArrayH tl_mdim_coordinate(GDALGroupH root, GDALDimensionH dim);

int tl_mdim_is_number(GDALMDArrayH a);
/* All values of a one-dimensional array of numbers as doubles (malloc'd, at most `most`), or NULL.
 */
double *tl_mdim_numbers(GDALMDArrayH a, size_t most, size_t *n);
/* The same of texts, a CSL list. */
char **tl_mdim_texts(GDALMDArrayH a, size_t most);

/* 1 = read. */
int tl_mdim_axis(GDALGroupH root, GDALDimensionH dim, tl_axis *out);

/* An attribute of an array, or of the group where array is NULL, as text; NULL when there is none.
 * A list of numbers is given as "(1, 2)". */
char *tl_mdim_attribute(GDALGroupH group, GDALMDArrayH array, const char *name);
/* The unit, wherever the format keeps it; "". */
char *tl_mdim_unit(GDALMDArrayH a);

#endif
