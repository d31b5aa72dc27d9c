/* What of a STAC item is kept while it is read. Internal. SPDX-License-Identifier: MIT */
#ifndef TL_STAC_INT_H
#define TL_STAC_INT_H

#include "modules/collection/scene.h"
#include "modules/collection/index.h"
#include "runtime/buf.h"

/* Texts of an item lie one after the other in `text`; 0 is the empty one. */
typedef struct tl__stac_band {
    size_t name, common, scale, offset, nodata, type; /* the last four as JSON */
} tl__stac_band;
enum { TL__STAC_BANDS = 64 };

/* What of the projection extension is on the item or on one of its assets. */
typedef struct tl__stac_proj {
    size_t code; /* "EPSG:32633" */
    double bbox[6], transform[9], shape[2];
    int nbbox, ntransform, nshape;
} tl__stac_proj;

typedef struct tl__stac_ring {
    size_t first; /* point */
    int outer;
} tl__stac_ring;

enum tl__stac_text {
    TL__STAC_ID,
    TL__STAC_TYPE,
    TL__STAC_COLLECTION,
    TL__STAC_PLATFORM,
    TL__STAC_CONSTELLATION,
    TL__STAC_DATETIME,
    TL__STAC_START,
    TL__STAC_END,
    TL__STAC_MGRS, /* "33TWM" */
    TL__STAC_GRID, /* "MGRS-33TWM" */
    TL__STAC_ZONE,
    TL__STAC_BAND,
    TL__STAC_SQUARE,
    TL__STAC_PATH,
    TL__STAC_ROW,
    TL__STAC_CRS,
    TL__STAC_TEXTS
};
enum { TL__STAC_ABSENT, TL__STAC_NULL, TL__STAC_OBJECT };

typedef struct tl__stac_asset {
    size_t key, href; /* href 0: none */
} tl__stac_asset;

typedef struct tl__stac {
    const char *file, *base;
    int64_t number;        /* of the item in its list, from 1 */
    tl_buf text;           /* starts with a NUL */
    tl_buf props, info;    /* JSON, without the last brace */
    tl_buf points, rings;  /* double pairs; tl__stac_ring */
    tl_buf assets;         /* tl__stac_asset */
    size_t known[TL__STAC_TEXTS];
    int geometry, geometry_type_is_area, nbbox, nband;
    double cloud, bbox[6];
    tl__stac_proj proj, asset_proj; /* of the item; of the first asset that has a transform */
    tl__stac_band band[TL__STAC_BANDS];
    tl_buf ring, hull, hrefs, scene_assets; /* of the finished scene */
} tl__stac;

void tl__stac_reset(tl__stac *it);
void tl__stac_free(tl__stac *it);
/* Adds the scene of what was read. */
int tl__stac_finish(tl__stac *it, tl_index *into, tl_err *e) TL_MUST_CHECK;
const char *tl__stac_text(const tl__stac *it, int which);
/* "FILE: item 'ID': FIELD what" */
int tl__stac_bad(const tl__stac *it, tl_err *e, const char *field, const char *what);

/* stac_shape.c: the footprint of points and rings, and its box; *ring stays in `it`. */
int tl__stac_shape(tl__stac *it, tl_scene *s, tl_err *e) TL_MUST_CHECK;

#endif
