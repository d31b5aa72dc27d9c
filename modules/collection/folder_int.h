/* What the parts of the folder reader share. Internal. SPDX-License-Identifier: MIT */
#ifndef TL_FOLDER_INT_H
#define TL_FOLDER_INT_H

#include "modules/collection/index.h"
#include "modules/collection/pattern.h"

/* --- draft.c: scenes being put together -------------------------------------------------------
 */

typedef struct tl__draft_asset {
    char *key, *href;
    int band;      /* as in tl_asset */
    double metres; /* of a pixel, where the name says it; 0 unknown */
} tl__draft_asset;

typedef struct tl__draft {
    char *id, *collection, *platform, *tile; /* malloc'd, "" unknown */
    double t0, cloud;                        /* NaN unknown */
    const char *crs;                         /* interned; NULL: a file will be asked */
    double bounds[4];
    json_t *properties;
    tl__draft_asset *asset;
    size_t nassets;
    int expand; /* its one asset is a file whose bands are to be assets */
} tl__draft;

typedef struct tl__drafts {
    tl__draft **draft;
    size_t n, cap;
    json_t *by_id;          /* id -> place */
    const char *collection; /* options.collection; NULL */
    int skip;               /* on_error = "skip" */
    int left_out;           /* files and scenes that were */
} tl__drafts;

void tl__drafts_init(tl__drafts *all);
void tl__drafts_free(tl__drafts *all);
/* The draft of that id; *fresh (or NULL) says whether it was made now. */
tl__draft *tl__draft_get(tl__drafts *all, const char *id, int *fresh);
void tl__draft_asset_add(tl__draft *d, const char *key, const char *href, int band, double metres);
void tl__draft_set(char **to, const char *text);
/* Fails, or warns where the user said so; 0 when the caller is to go on. */
int tl__drafts_complain(tl__drafts *all, tl_err *why, tl_err *e) TL_MUST_CHECK;
/* Where a file lies, by its header. */
int tl__place_of(const char *href, const char **crs, double bounds[4], tl_err *e) TL_MUST_CHECK;
/* Places the scenes, names their assets and adds them, in order of their ids. */
int tl__drafts_add(tl__drafts *all, tl_index *into, tl_err *e) TL_MUST_CHECK;

/* --- options.c --------------------------------------------------------------------------------
 */

/* on_error, collection and, where `pattern` is not NULL, pattern; anything else is an error. */
int tl__read_options(const json_t *options, tl__drafts *all, tl__pattern **pattern,
                     tl_err *e) TL_MUST_CHECK;

/* --- walk.c -----------------------------------------------------------------------------------
 */

typedef struct tl__paths {
    char **path;
    size_t n, cap;
} tl__paths;

/* Files below `root` (absolute, no slash at its end), as paths relative to it, sorted; hidden ones
 * not. A folder that is one data set (*.zarr) is a file here. Links are followed, never in a
 * circle. */
int tl__walk(const char *root, tl__paths *out, tl_err *e) TL_MUST_CHECK;
/* The lines of a text file: absolute names; folders in it are walked. */
int tl__walk_list(const char *file, tl__paths *out, tl_err *e) TL_MUST_CHECK;
void tl__paths_free(tl__paths *p);

/* --- metatext.c: single values of metadata files -----------------------------------------------
 */

/* The first 4 MiB of a file, malloc'd; NULL when there is no such file. */
char *tl__metatext_read(const char *path);
/* The value of the first `key` after `from` (or the text's begin): <key ...>value</key>, key =
 * value, "key": value, without quotes. 1 = found. */
int tl__metatext_find(const char *text, const char *from, const char *key, char *value,
                      size_t size);
double tl__metatext_number(const char *text, const char *from, const char *key); /* NaN */

/* --- the layouts: 1 = the file is one of theirs (and was taken, or is of no use) ----------------
 */

typedef struct tl__file {
    const char *rel;  /* path below the source */
    const char *path; /* absolute */
    const char *top;  /* the source folder's own name; "" */
} tl__file;

int tl__sentinel2_take(tl__drafts *all, const tl__file *f);
int tl__landsat_take(tl__drafts *all, const tl__file *f);
void tl__plain_take(tl__drafts *all, const tl__file *f);
void tl__pattern_take(tl__drafts *all, const tl__file *f, const tl__match *m);

/* Is the text the name of a band, as B04, B8A, SCL, VV, red, swir16? */
int tl__is_band_name(const char *text, size_t n);
/* Pixel size of a Sentinel-2 band, metres; 0 unknown. */
double tl__sentinel2_metres(const char *band);

/* timestack.c: `more` are fields of a pattern (or NULL). */
int tl__timestack_take(tl__drafts *all, const char *path, const char *rel, const tl__match *m,
                       tl_err *e) TL_MUST_CHECK;

#endif
