/* The index: scenes in SQLite, found by place, date and property. SPDX-License-Identifier: MIT
 *
 * Every Collection stands on one: a file made by `tellua index`, or one in memory that was filled
 * when the source was opened. One writer, one thread per object. */
#ifndef TL_INDEX_H
#define TL_INDEX_H

#include <jansson.h>
#include "modules/collection/scene.h"
#include "runtime/err.h"
#include <stdint.h>

typedef struct tl_index tl_index;

/* path NULL: in memory. An existing file is gone on with (re-running is safe: scenes of the same id
 * are replaced); one that is no index of this version is an error. */
int tl_index_create(const char *path, tl_index **out, tl_err *e) TL_MUST_CHECK;
/* For reading. */
int tl_index_open(const char *path, tl_index **out, tl_err *e) TL_MUST_CHECK;
int tl_index_is_index(const char *path); /* by its first bytes */
void tl_index_close(tl_index *ix);       /* NULL is allowed; what was not committed is gone */

int tl_index_add(tl_index *ix, const tl_scene *s, tl_err *e) TL_MUST_CHECK;
/* Makes what was added durable. Adding commits by itself now and then, so that a killed run can be
 * repeated. */
int tl_index_commit(tl_index *ix, tl_err *e) TL_MUST_CHECK;

/* The query that an index will be asked, so that its reader can ask less of a server. A reader may
 * leave out only what the query leaves out. Borrowed: lives until the reading has ended. */
void tl_index_want(tl_index *ix, const json_t *query);
const json_t *tl_index_wanted(const tl_index *ix); /* NULL: all */

/* What a writer did so far. */
typedef struct tl_index_counts {
    int64_t added, replaced, unchanged; /* scenes handed to tl_index_add */
    int64_t scenes;                     /* in the index */
} tl_index_counts;
int tl_index_counted(tl_index *ix, tl_index_counts *out, tl_err *e) TL_MUST_CHECK;

/* Called now and then while scenes are added; not 0 stops the adding with TL_EINTR. */
typedef int tl_index_progress(void *ctx, const tl_index_counts *so_far);
void tl_index_on_progress(tl_index *ix, tl_index_progress *fn, void *ctx);

/* A query is an array of stages, each applied to what the one before left; an empty array is all
 * scenes, in order of t0, then id. All members of a stage are optional and hold together:
 *   "from", "to": seconds, t0 in [from, to);
 *   "boxes": [[w,s,e,n], ...] degrees, any of them touches the scene's box; w > e crosses 180;
 *   "geometry": GeoJSON, degrees: touches the footprint;
 *   "where": [{"property":, "op": "<" "<=" ">" ">=" "==" "~=" "in", "value":}, ...], all hold;
 *        a property is id, collection, platform, tile, datetime, cloud, year, month, day, or any
 *        name of the scene's own properties; a scene without it does not match;
 *   "sort": [["property", "asc" | "desc"], ...], unknown last, ties by t0, then id;
 *   "limit": n; with "per": ["tile", "year", ...] the first n of each group; else with "skip": k
 * the n behind the first k. */
typedef int tl_scene_fn(void *ctx, const tl_scene *s,
                        tl_err *e); /* not 0: stops, and is returned */
int tl_index_query(tl_index *ix, const json_t *query, tl_scene_fn *each, void *ctx,
                   tl_err *e) TL_MUST_CHECK;

/* Of the scenes of a query, without reading them all: number, first and last t0, the box. */
typedef struct tl_index_summary {
    int64_t count;
    double t0, t1;
    double box[4];
    const char *collections; /* "a, b", at most some ten names; interned */
} tl_index_summary;
int tl_index_summarise(tl_index *ix, const json_t *query, tl_index_summary *out,
                       tl_err *e) TL_MUST_CHECK;

#endif
