/* Opening collections: whatever lists scenes, read into an index. SPDX-License-Identifier: MIT */
#ifndef TL_COLLECTION_OPEN_H
#define TL_COLLECTION_OPEN_H

#include "modules/collection/index.h"

/* What a reader of one kind of source does: calls tl_index_add for every scene. `options` is the
 * script's table as JSON (may be NULL), whose unknown members are an error. */
typedef int tl_reader(const char *source, const json_t *options, tl_index *into, tl_err *e);

/* stac.c: a STAC Item, ItemCollection, Collection or Catalog (1.0, 1.1) as a file or URL, links
 * followed; items one per line (.ndjson, .jsonl); a table (.csv). */
int tl_read_stac(const char *source, const json_t *options, tl_index *into,
                 tl_err *e) TL_MUST_CHECK;
/* stac_api.c: a STAC API; `options` may hold collections, bbox, datetime, query, limit. */
int tl_read_stac_api(const char *source, const json_t *options, tl_index *into,
                     tl_err *e) TL_MUST_CHECK;
/* folder.c: Sentinel-2 SAFE and COG layouts, Landsat Collection 2, plain files by
 * options.pattern; */
int tl_read_folder(const char *source, const json_t *options, tl_index *into,
                   tl_err *e) TL_MUST_CHECK;
/* timestack.c: a NetCDF or Zarr with a time axis. */
int tl_read_timestack(const char *source, const json_t *options, tl_index *into,
                      tl_err *e) TL_MUST_CHECK;

/* Chooses by what the source is. An index file is opened as it is; anything else is read into a new
 * one in memory, of a STAC API only what `wanted` (a query, index.h; NULL: all) can ask of its
 * server: the query is still to be applied. *out is closed by the caller. */
int tl_collection_open(const char *source, const json_t *options, const json_t *wanted,
                       tl_index **out, tl_err *e) TL_MUST_CHECK;
int tl_collection_read(const char *source, const json_t *options, tl_index *into,
                       tl_err *e) TL_MUST_CHECK;

#endif
