/* What index.c, words.c, pack.c and query*.c share. Internal. SPDX-License-Identifier: MIT
 *
 * Tables: `scene` has what filters and sorting ask of all scenes, narrow, so that a scan is quick;
 * `detail` the rest, under the same rid; `byid` finds scenes by the hash of their id; `word` keeps
 * texts that scenes share (names, lists of assets, names of properties) once; `place` is an R*Tree
 * of longitude, latitude and time, rows 2 * rid and, for the part beyond the antimeridian,
 * 2 * rid + 1. `place` holds the scenes up to meta.placed; the others wait for the commit. */
#ifndef TL_INDEX_INT_H
#define TL_INDEX_INT_H

#include "modules/collection/index.h"
#include "runtime/buf.h"
#include <sqlite3.h>

/* Seconds of one unit of the R*Tree's time axis: of the order of a degree, so that boxes are
 * neither slabs nor needles. */
#define TL__TIME_UNIT 2592000.0

enum {
    TL__FIND_ID,
    TL__ADD_SCENE,
    TL__ADD_DETAIL,
    TL__ADD_BYID,
    TL__DROP_SCENE,
    TL__DROP_DETAIL,
    TL__DROP_BYID,
    TL__DROP_PLACE,
    TL__ADD_PLACE,
    TL__FIND_WORD,
    TL__ADD_WORD,
    TL__READ_WORD,
    TL__STATEMENTS
};

typedef struct tl__word {
    int64_t wid; /* 0 = free seat */
    uint64_t hash;
    char *text;
    size_t len;
} tl__word;

enum { TL__SEATS = 4096 };

/* pack.c: how `detail` keeps what repeats. `layout` and `shape` are words. */
typedef struct tl__packed {
    tl_buf layout, dirs, shape, values, now, before;
} tl__packed;

struct tl_index {
    sqlite3 *db;
    char *path; /* NULL: in memory */
    int writer;
    sqlite3_stmt *st[TL__STATEMENTS];
    tl__packed packed; /* of the scene that is being added */
    int64_t next_rid, placed, waiting, since_commit;
    tl_index_counts n;
    tl_index_progress *progress;
    void *progress_ctx;
    const json_t *wanted;
    tl__word by_text[TL__SEATS], by_wid[TL__SEATS]; /* a seat each, by hash or number */
};

/* The error of the last SQLite call on ix. */
int tl__index_fail(tl_index *ix, const char *doing, tl_err *e);
int tl__index_exec(tl_index *ix, const char *sql, tl_err *e) TL_MUST_CHECK;
/* A prepared statement of the list above, reset. */
int tl__index_statement(tl_index *ix, int which, sqlite3_stmt **out, tl_err *e) TL_MUST_CHECK;
/* Brings `place` up to date. */
int tl__index_place(tl_index *ix, tl_err *e) TL_MUST_CHECK;
int tl__index_curve(tl_index *ix); /* SQLite's code */
/* query_fn.c: SQL functions that queries use. */
int tl__index_functions(tl_index *ix, tl_err *e) TL_MUST_CHECK;

/* query_sql.c: the SQL of a query. Names: `s` is the scene. */
typedef struct tl__value tl__value;
typedef struct tl__sql {
    tl_buf from, where, order; /* of the stages so far; `where` without the word, "" = all */
    tl_buf keys, ways;         /* what `order` is made of: expressions; 'a' or 'd' for each */
    tl__value *value;          /* of the parameters ?1, ?2, ... */
    int n, bare;               /* bare: `from` is all scenes */
} tl__sql;
int tl__sql_make(const json_t *query, tl__sql *q, tl_err *e) TL_MUST_CHECK;
int tl__sql_bind(tl_index *ix, const tl__sql *q, sqlite3_stmt *st, tl_err *e) TL_MUST_CHECK;
void tl__sql_free(tl__sql *q);
/* The kinds of pointers that SQL functions take. */
#define TL__JSON_POINTER     "tl_json"
#define TL__GEOMETRY_POINTER "tl_geometry"

/* words.c: the number of a text, made where it is new; 0 for the empty one. */
int tl__word_id(tl_index *ix, const void *text, size_t len, int64_t *wid, tl_err *e) TL_MUST_CHECK;
/* The text of a number, until the next call; "" of 0. */
int tl__word_text(tl_index *ix, int64_t wid, const char **text, size_t *len,
                  tl_err *e) TL_MUST_CHECK;
void tl__words_free(tl_index *ix);

int tl__pack(const tl_scene *s, tl__packed *p, tl_err *e) TL_MUST_CHECK;
void tl__packed_free(tl__packed *p);
/* "{...}" of a shape and its values. */
void tl__unpack_properties(const char *shape, size_t nshape, const char *values, size_t nvalues,
                           tl_buf *out);
/* The raw JSON value of the property whose quoted name is given; NULL = there is none. */
const char *tl__packed_property(const char *shape, size_t nshape, const char *values,
                                size_t nvalues, const char *quoted, size_t nquoted, size_t *len);
/* Texts go to `text`, one after the other, and their places to the assets: add tl_buf_text(text)
 * when it no longer grows. Not 0 = damaged. */
typedef struct tl__place_of_asset {
    size_t key, href;
    int band;
} tl__place_of_asset;
int tl__unpack_assets(const char *id, const char *layout, size_t nlayout, const char *dirs,
                      size_t ndirs, tl_buf *text, tl_buf *places);

#endif
