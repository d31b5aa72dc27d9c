/* Features as files of OGR's formats. SPDX-License-Identifier: MIT */
#ifndef TL_FEATUREFILE_H
#define TL_FEATUREFILE_H

#include "runtime/buf.h"
#include "runtime/err.h"

/* The bytes of a file of that format ("gpkg", "fgb", "csv": WKT in a column), with one layer, of a
 * FeatureCollection as text: in its system, attributes as whole numbers, reals, texts, dates or
 * times, whichever all of a name are. Equal features are equal bytes, with one GDAL. Nothing is
 * written to disk. */
int tl_feature_file(const char *geojson, size_t len, const char *format, const char *layer,
                    tl_buf *out, tl_err *e) TL_MUST_CHECK;

#endif
