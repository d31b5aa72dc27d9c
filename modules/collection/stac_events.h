/* The walk through a STAC text, event by event. Internal. SPDX-License-Identifier: MIT
 *
 * `where` is a stack of what each open object or array is; what has no place there is skipped by
 * counting brackets. A key decides what its value means. */
#ifndef TL_STAC_EVENTS_H
#define TL_STAC_EVENTS_H

#include "modules/collection/stac_int.h"
#include <yajl/yajl_parse.h>

enum { TL__STAC_DEEPEST = 64 };

/* What an open object or array is. */
enum tl__stac_place {
    TOP,
    FEATURES,
    ITEM,
    PROPERTIES,
    GEOMETRY,
    COORDINATES,
    NUMBERS,
    ASSETS,
    ASSET,
    BANDS,
    BAND
};

/* What the value of a key is. TL__STAC_TEXTS + ... where it is not one of those texts. */
enum tl__stac_slots {
    NONE = -1,
    S_FEATURES = TL__STAC_TEXTS,
    S_PROPERTIES,
    S_GEOMETRY,
    S_ASSETS,
    S_BBOX,
    S_GEOMETRY_TYPE,
    S_COORDINATES,
    S_CLOUD,
    S_EPSG,
    S_CODE,
    S_PROJ_BBOX,
    S_TRANSFORM,
    S_SHAPE,
    S_DROPPED,
    S_PROPERTY,
    S_HREF,
    S_BANDS,
    S_RASTER_BANDS,
    S_NAME,
    S_COMMON,
    S_SCALE,
    S_OFFSET,
    S_NODATA,
    S_DATA_TYPE
};

/* The meaning of a key in such a place. */
int tl__stac_slot(int place, const char *key, size_t len);

typedef struct tl__stac_walker {
    tl__stac it;
    tl_index *into;
    tl_err *e;
    int rc;
    unsigned char where[TL__STAC_DEEPEST];
    int depth; /* of `where`; 0 before the text */
    int slot, skipped;
    int is_list, began;
    char type[40];  /* of the whole text */
    double *number; /* where numbers of an array go */
    int *count, most;
    size_t key;          /* of a property, in it.text */
    tl__stac_proj now;   /* of this asset */
    tl__stac_band whole; /* what an asset says of all its bands */
    int band;
    int ordinal[TL__STAC_DEEPEST];        /* children seen of each open array */
    unsigned char kind[TL__STAC_DEEPEST]; /* of coordinates: what they turned out to be */
    size_t first[TL__STAC_DEEPEST];       /* and their first point */
    int64_t items;
} tl__stac_walker;

extern const yajl_callbacks tl__stac_callbacks; /* their context is the walker */

#endif
