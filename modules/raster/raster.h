/* Rasters: files behind sources. SPDX-License-Identifier: MIT
 *
 * Layer 3, the only user of GDAL and PROJ. Opens whatever GDAL reads as a tl_source (source.h) and
 * answers what the layers above ask about coordinate systems. Unless a line says otherwise,
 * functions may be called from any thread, and texts returned live as long as the process. */
#ifndef TL_RASTER_H
#define TL_RASTER_H

#include "modules/image/source.h"

/* Opens a path or a name of GDAL's ("/vsicurl/...", "NETCDF:\"f.nc\":v") for reading; the uri of
 * the source is absolute. Nothing is read of the pixels. *out carries one reference. */
int tl_raster_open(const char *path, tl_source **out, tl_err *e) TL_MUST_CHECK;
/* A stranger's: below the roots (roots.h) alone, by the drivers that these allow. NULL: as above.
 */
struct tl_roots;
int tl_raster_open_within(const char *path, const struct tl_roots *roots, tl_source **out,
                          tl_err *e) TL_MUST_CHECK;

/* Cells of the band that hold the number are invalid too, whatever the file says. Before anything
 * is read of the source. */
void tl_raster_also_nodata(tl_source *s, int band, double nodata);

/* Closes the calling thread's dataset handles and PROJ objects; they are made again on need. Every
 * thread that read calls it before it ends (a thread that forgets is cleaned up at its exit). */
void tl_raster_thread_done(void);

/* Datasets that GDAL holds open in the process, for leak checks. */
int tl_raster_open_datasets(void);

/* What decoded blocks of files may take, of all threads together. */
void tl_raster_set_cache(int64_t bytes);

/* "EPSG:32633", WKT, a PROJ string -> the canonical text, interned: "AUTH:CODE" when PROJ holds the
 * definition equivalent to that entry, else WKT2 in one line. A vertical part is dropped. "" and
 * "LOCAL" (a geotransform without coordinate system) are their own canonical texts. */
int tl_crs_canonical(const char *text, const char **crs, tl_err *e) TL_MUST_CHECK;

/* Of canonical texts. */
int tl_crs_is_geographic(const char *crs); /* x is a longitude, y a latitude */
const char *tl_crs_unit(const char *crs);  /* "metre", "degree", "US survey foot"; "" unknown */
/* One unit of the axes in metres, or in radians when geographic; 0 when unknown. */
double tl_crs_unit_size(const char *crs);
/* What leads once around the globe to the same x; 0 where x is no longitude. */
double tl_crs_turn(const char *crs);
const char *tl_crs_name(const char *crs); /* "WGS 84 / UTM zone 33N"; the text itself if unnamed */

/* W,S,E,N of `in` in another system, edges densified; x before y in both. Where geographic, a box
 * over the antimeridian has east < west in `in` and east > 180 in `out`. TL_EDATA when the box has
 * no finite image. */
int tl_crs_transform_box(const char *from, const char *to, const double in[4], double out[4],
                         tl_err *e) TL_MUST_CHECK;

/* Points, in place; a point that has no image becomes NaN. */
int tl_crs_transform_points(const char *from, const char *to, size_t n, double *x, double *y,
                            tl_err *e) TL_MUST_CHECK;

const char *tl_gdal_version(void);
const char *tl_proj_version(void);

/* Lines "key: value" for doctor: GDAL, PROJ, its database, the drivers wanted and whether they are
 * there. */
const char *tl_raster_versions(void);

#endif
