/* Coordinate systems by PROJ. Internal; see also raster.h. SPDX-License-Identifier: MIT */
#ifndef TL_RASTER_CRS_H
#define TL_RASTER_CRS_H

#include "runtime/err.h"
#include <proj.h>
#include <proj_experimental.h>
#include <stddef.h>

#define TL_CRS_LOCAL "LOCAL" /* a geotransform without coordinate system */

/* The operation from one canonical CRS to another, best over `area` (W,S,E,N in degrees, or NULL),
 * as a PROJ pipeline that takes and gives x before y in the units of the axes. "" when nothing is
 * to be done. malloc'd. *ballpark is set when no datum shift is known. */
int tl_crs_operation(const char *from, const char *to, const double *area, char **text,
                     int *ballpark, tl_err *e) TL_MUST_CHECK;

/* The calling thread's object for a pipeline text (not ""), from a small cache; valid until the
 * next call on this thread. TL_ECONFIG when this machine cannot make it. */
int tl_crs_pj(const char *operation, PJ **out, tl_err *e) TL_MUST_CHECK;

/* Maps points in place; NaN where that fails. pj NULL does nothing. */
void tl_crs_map(PJ *pj, PJ_DIRECTION direction, size_t n, double *x, double *y);

void tl_crs_thread_done(void);
/* Arranges for tl_raster_thread_done at the exit of the calling thread. */
void tl_gdal_thread_begin(void);

const char *tl_crs_database(void); /* path of proj.db, interned */

#endif
