/* TIFF directories, inside tiff.c and tifftags.c. SPDX-License-Identifier: MIT */
#ifndef TL_TIFF_INT_H
#define TL_TIFF_INT_H

#include "modules/raster/geokeys.h"
#include "modules/raster/product.h"
#include "modules/raster/tiff.h"
#include "runtime/buf.h"

/* TIFF field types */
enum { TL__ASCII = 2, TL__SHORT = 3, TL__LONG = 4, TL__DOUBLE = 12, TL__LONG8 = 16 };

typedef struct tl__entry {
    uint16_t tag, type;
    uint64_t count;
    size_t bytes;
    size_t at;        /* of the value in ifd.values ... */
    const void *late; /* ... or, for the tile arrays, the value itself */
    uint64_t file_at; /* of a value that does not fit into the entry */
} tl__entry;

/* One directory: the image or the mask of one level. */
typedef struct tl__ifd {
    int level, is_mask;
    int64_t ntiles;
    void *offsets; /* uint32_t, or uint64_t in a BigTIFF */
    uint32_t *counts;
    tl__entry entry[24];
    int n;
    tl_buf values; /* of all entries but the late ones */
    uint64_t file_at, next;
} tl__ifd;

typedef struct tl__run {
    int level;
    int64_t first, n; /* tiles, by number in their level */
} tl__run;

struct tl_tiff {
    const tl_product *p;
    tl_outfile *f;
    int big, levels, nifds;
    tl__ifd *ifd; /* of level l: ifd[l], or with masks ifd[2l] and ifd[2l + 1] */
    tl_geokeys keys;
    int has_keys;
    char note[320];
    uint64_t data_at, data_bytes, frame; /* frame: leader and trailer of a tile, bytes */
    int64_t nruns;
    tl__run *run;
};

static inline tl__ifd *tl__tiff_image(const tl_tiff *w, int level)
{
    return &w->ifd[w->p->has_mask ? 2 * level : level];
}

/* The runs of a file whose tiles have their places. */
int tl__tiff_cut(tl_tiff *w, tl_err *e) TL_MUST_CHECK;

/* Fills the entries of d. keys may be NULL: no georeference. */
void tl__tiff_tags(tl__ifd *d, const tl_product *p, const tl_geokeys *keys, int big);

#endif
