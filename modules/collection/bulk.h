/* Readers of lists of any length in constant memory. SPDX-License-Identifier: MIT */
#ifndef TL_COLLECTION_BULK_H
#define TL_COLLECTION_BULK_H

#include "modules/collection/open.h"
#include <stdio.h>

/* ndjson.c: STAC items (or ItemCollections), one per line. Takes no options. */
int tl_read_ndjson(const char *source, const json_t *options, tl_index *into,
                   tl_err *e) TL_MUST_CHECK;
/* csv.c: a table with a line of names. Columns id, datetime, west, south, east, north; optional
 * collection, platform, tile, end_datetime, cloud, crs ("EPSG:32633"), xmin, ymin, xmax, ymax (in
 * crs), footprint (POLYGON((lon lat, ...))), href, asset:KEY. An asset's value is an address,
 * relative to href where that is given; href alone is the asset "data". Other columns are
 * properties: numbers, true, false, or text; quoted ones are text. Takes no options. */
int tl_read_csv(const char *source, const json_t *options, tl_index *into,
                tl_err *e) TL_MUST_CHECK;

/* Lines of a file, without their ends, each followed by a NUL; a BOM is left out. */
typedef struct tl__lines {
    FILE *f;
    const char *name;
    char *data;
    size_t begin, end, cap;
    int64_t number; /* of the line last read, from 1 */
    int eof;
} tl__lines;
int tl__lines_open(tl__lines *l, const char *path, tl_err *e) TL_MUST_CHECK;
/* *line = NULL at the end. Lines of more than 64 MiB are an error. */
int tl__lines_next(tl__lines *l, char **line, size_t *len, tl_err *e) TL_MUST_CHECK;
void tl__lines_close(tl__lines *l);
/* The absolute path, malloc'd; an URL or what does not exist stays as it is. */
char *tl__absolute(const char *path);
int tl__no_options(const json_t *options, const char *what, tl_err *e) TL_MUST_CHECK;

#endif
