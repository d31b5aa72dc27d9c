/* The words of STAC that matter here. SPDX-License-Identifier: MIT */
#include "modules/collection/stac_events.h"

#include <string.h>

typedef struct {
    const char *key;
    int slot, len;
} word;
#define W(text, slot)                                                                              \
    {                                                                                              \
        text, slot, sizeof text - 1                                                                \
    }

static const word of_top[] = {W("type", TL__STAC_TYPE),
                              W("features", S_FEATURES),
                              W("id", TL__STAC_ID),
                              W("collection", TL__STAC_COLLECTION),
                              W("bbox", S_BBOX),
                              W("geometry", S_GEOMETRY),
                              W("properties", S_PROPERTIES),
                              W("assets", S_ASSETS),
                              {NULL, 0, 0}};
static const word of_geometry[] = {
    W("type", S_GEOMETRY_TYPE), W("coordinates", S_COORDINATES), {NULL, 0, 0}};
static const word of_properties[] = {W("datetime", TL__STAC_DATETIME),
                                     W("start_datetime", TL__STAC_START),
                                     W("end_datetime", TL__STAC_END),
                                     W("platform", TL__STAC_PLATFORM),
                                     W("eo:platform", TL__STAC_PLATFORM),
                                     W("constellation", TL__STAC_CONSTELLATION),
                                     W("collection", TL__STAC_COLLECTION),
                                     W("eo:cloud_cover", S_CLOUD),
                                     W("s2:mgrs_tile", TL__STAC_MGRS),
                                     W("grid:code", TL__STAC_GRID),
                                     W("mgrs:utm_zone", TL__STAC_ZONE),
                                     W("mgrs:latitude_band", TL__STAC_BAND),
                                     W("mgrs:grid_square", TL__STAC_SQUARE),
                                     W("sentinel:utm_zone", TL__STAC_ZONE),
                                     W("sentinel:latitude_band", TL__STAC_BAND),
                                     W("sentinel:grid_square", TL__STAC_SQUARE),
                                     W("landsat:wrs_path", TL__STAC_PATH),
                                     W("landsat:wrs_row", TL__STAC_ROW),
                                     W("proj:epsg", S_EPSG),
                                     W("proj:code", S_CODE),
                                     W("proj:bbox", S_PROJ_BBOX),
                                     W("proj:transform", S_TRANSFORM),
                                     W("proj:shape", S_SHAPE),
                                     W("proj:wkt2", S_DROPPED),
                                     {NULL, 0, 0}};
static const word of_asset[] = {W("href", S_HREF),
                                W("eo:bands", S_BANDS),
                                W("bands", S_BANDS),
                                W("raster:bands", S_RASTER_BANDS),
                                W("proj:epsg", S_EPSG),
                                W("proj:code", S_CODE),
                                W("proj:bbox", S_PROJ_BBOX),
                                W("proj:transform", S_TRANSFORM),
                                W("proj:shape", S_SHAPE),
                                W("raster:scale", S_SCALE),
                                W("raster:offset", S_OFFSET),
                                W("nodata", S_NODATA),
                                W("data_type", S_DATA_TYPE),
                                {NULL, 0, 0}};
static const word of_band[] = {W("name", S_NAME),
                               W("common_name", S_COMMON),
                               W("eo:common_name", S_COMMON),
                               W("scale", S_SCALE),
                               W("offset", S_OFFSET),
                               W("raster:scale", S_SCALE),
                               W("raster:offset", S_OFFSET),
                               W("nodata", S_NODATA),
                               W("data_type", S_DATA_TYPE),
                               {NULL, 0, 0}};
static const word *const words[] = {
    [TOP] = of_top,           [FEATURES] = NULL,    [ITEM] = of_top,  [PROPERTIES] = of_properties,
    [GEOMETRY] = of_geometry, [COORDINATES] = NULL, [NUMBERS] = NULL, [ASSETS] = NULL,
    [ASSET] = of_asset,       [BANDS] = NULL,       [BAND] = of_band};

int tl__stac_slot(int place, const char *key, size_t len)
{
    for (const word *p = words[place]; p && p->key; p++)
        if ((size_t)p->len == len && p->key[len - 1] == key[len - 1] &&
            memcmp(p->key, key, len) == 0)
            return p->slot;
    return place == PROPERTIES ? S_PROPERTY : NONE;
}
