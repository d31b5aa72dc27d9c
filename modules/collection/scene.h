/* Scenes: what a catalogue knows of one acquisition, without opening its files.
 * SPDX-License-Identifier: MIT
 *
 * A plain record. Readers of catalogues fill one and hand it to tl_index_add (index.h), which
 * copies; queries hand one out, valid until the callback returns. Texts are UTF-8, never NULL;
 * "" = unknown. */
#ifndef TL_SCENE_H
#define TL_SCENE_H

#include <stddef.h>

typedef struct tl_asset {
    const char *key;  /* "B04", "red", "visual": as the catalogue calls it */
    const char *href; /* absolute path, URL, or a name of GDAL's ("NETCDF:\"f.nc\":B04") */
    int band;         /* 1-based band of that file, 0 = all of them */
} tl_asset;

typedef struct tl_scene {
    const char *id;         /* unique in the collection: a later one of the same id replaces it */
    const char *collection; /* "sentinel-2-l2a"; what sensor profiles go by */
    const char *platform;   /* "sentinel-2b" */
    const char *tile;       /* "33TWM", path and row "044033" */
    double t0, t1;     /* seconds since 1970-01-01 UTC, t1 = t0 for an instant; NaN = unknown */
    double cloud;      /* per cent; NaN = unknown */
    double box[4];     /* W,S,E,N in degrees; W > E when it crosses the antimeridian */
    const float *ring; /* footprint: lon, lat pairs, closed, degrees, longitudes unwrapped so that
                          neighbours lie within 180; NULL = the box */
    size_t nring;      /* points */
    const char *crs;   /* canonical ("EPSG:32633"); "" unknown */
    double bounds[4];  /* xmin, ymin, xmax, ymax in crs; NaN = unknown */
    const char *properties; /* JSON object of the catalogue's other scalars, by their own names */
    const tl_asset *asset;
    size_t nassets;
    /* What the catalogue says of assets, a JSON object by their keys, "" = nothing: {"B04":
     * {"name":, "common_name":, "scale":, "offset":, "nodata":, "data_type":}}, all optional; an
     * asset of several bands has {"bands": [{...}, ...]} of such instead. Stored once for equal
     * texts. */
    const char *assets_info;
} tl_scene;

#endif
