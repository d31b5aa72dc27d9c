/* Sources: where pixels come from. SPDX-License-Identifier: MIT
 *
 * Layer 2 evaluates graphs over this interface and knows no GDAL; modules/raster implements it over
 * GDAL, tests over arithmetic. A source samples itself: asked for cells of any grid, it delivers
 * them.
 *
 *   tl_source    an opened file: bands, native grid. Refcounted, immutable, shared by threads.
 *   tl_sampling  one source sampled on one lattice (CRS, anchor, cell) with one method: overview,
 *                coordinate operation and kernel, decided once when planning, so that a cell's
 * value never depends on the block it is read in. Refcounted, immutable, shared.
 */
#ifndef TL_SOURCE_H
#define TL_SOURCE_H

#include "modules/image/grid.h"
#include "runtime/dtype.h"
#include <stdatomic.h>

/* ORDER TL_METHOD: source.c */
typedef enum tl_method {
    TL_NEAREST,
    TL_BILINEAR,
    TL_CUBIC,
    TL_AVERAGE,
    TL_MODE,
    TL_METHODS
} tl_method;

typedef struct tl_band {
    const char *name;     /* interned; unique in the source */
    tl_dtype dtype;       /* of the file */
    double scale, offset; /* physical = number * scale + offset; 1 and 0 when the file says none */
    int has_scale;        /* the file states scale or offset */
    int has_nodata;
    double nodata; /* exact for every type but 64-bit integers, for which nodata_i holds */
    int64_t nodata_i;
    int block_w, block_h; /* the file's own blocks, cells */
    int block_bands;  /* bands that one such block holds: more than 1 where they are interleaved */
    int is_classes;   /* a palette or class names: averaging makes no sense */
    int is_computed;  /* not stored anywhere: a float64 is written as float32 unless asked otherwise
                       */
    int own_validity; /* other cells than in the source's other bands may be valid */
    int has_range;    /* of an integer type: every valid value lies in lo .. hi */
    int64_t lo, hi;
    int ncolors; /* palette: RGBA each, colors[0..ncolors) ; NULL when none */
    const uint8_t (*colors)[4];
} tl_band;

typedef struct tl_source tl_source;
typedef struct tl_sampling tl_sampling;

/* Cells of one block of several bands of one sampling. */
typedef struct tl_read {
    tl_rect rect; /* absolute indices of the sampling's grid lattice; any place, also outside */
    int nbands;
    const int *bands; /* 0-based */
    void **values;    /* per band: rect.w * rect.h cells of the band's dtype, rows from the north */
    uint8_t **valid;  /* per band: as many bytes, 1 = valid, 0 = not (values there are 0) */
} tl_read;

struct tl_pass; /* pass.h */
/* Cells of one band that lie in memory already; row y, column x of the rect at y * stride + x. */
typedef struct tl_lent {
    const void *values;
    const uint8_t *valid; /* NULL: all of them are */
    int64_t stride;       /* cells from one row to the next */
} tl_lent;

typedef struct tl_source_vt {
    void (*destroy)(tl_source *s);
    /* Decides how s is sampled on the lattice of `grid` (its extent plays no part). `operation`
     * is the coordinate operation that a plan carries (tl_sampling.operation), or NULL to choose
     * one. */
    int (*sample)(tl_source *s, const tl_grid *grid, tl_method method, const char *operation,
                  tl_sampling **out, tl_err *e);
    void (*sampling_destroy)(tl_sampling *m);
    /* Bytes that one read of w x h cells of n bands needs beside the caller's buffers, at most. */
    int64_t (*working_bytes)(const tl_sampling *m, int64_t w, int64_t h, int n);
    /* May be called from any thread; the thread's handles are its own. */
    int (*read)(const tl_sampling *m, const tl_read *r, tl_err *e);

    /* The rest is for sources that compute (collections) and may be NULL. */

    /* Once, after sample and before all else: the bands that will be read, 0-based. */
    int (*prepare)(tl_sampling *m, int nbands, const int *bands, tl_err *e);
    /* The passes that run inside reads, borrowed; returns how many. */
    int (*passes)(const tl_sampling *m, struct tl_pass *const **out);
    /* NULL for sources whose cells have to be fetched. 1 and *out when every cell of rect can be
     * used in place; they stay unchanged as long as the sampling lives. 0: read them. */
    int (*lend)(const tl_sampling *m, int band, tl_rect rect, tl_lent *out);
} tl_source_vt;

struct tl_source {
    const tl_source_vt *vt;
    atomic_int refs;
    char *uri;      /* what the user named, made absolute */
    tl_grid native; /* north-up grid of the file at full resolution */
    int nbands;
    tl_band *bands;
    uint64_t identity; /* equal where the same unchanged file was opened again; 0 = not known */
    int nfiles;        /* files that the read of one block may need open, at most; 0 counts as 1 */
    int depth;         /* of sources that read nodes: how many read within one another; else 0 */
};

struct tl_sampling {
    tl_source *source; /* a reference */
    atomic_int refs;
    tl_grid lattice; /* CRS, anchor, cell; extent unused */
    tl_method method;
    int exact;              /* cells are the file's own, untouched */
    char *operation;        /* PROJ pipeline lattice CRS -> source CRS; "" when they are the same */
    char *note;             /* one line for explain(): overview, kernel, approximation */
    double coarser;         /* lattice cell / source cell, as lengths, at the source's centre */
    int64_t bytes_per_cell; /* estimate of file bytes behind one cell, for plan */
};

tl_source *tl_source_ref(tl_source *s);
void tl_source_unref(tl_source *s); /* NULL is allowed */
tl_sampling *tl_sampling_ref(tl_sampling *m);
void tl_sampling_unref(tl_sampling *m);
/* For sources. The common part of a new sampling: one reference, no operation, as fine as the
 * source; `note` is copied. And its end; m itself stays. */
void tl_sampling_begin(tl_sampling *m, tl_source *s, const tl_grid *lattice, tl_method method,
                       const char *note);
void tl_sampling_end(tl_sampling *m);
/* The vt's sampling_destroy of those that keep nothing else. */
void tl_sampling_destroy(tl_sampling *m);

const char *tl_method_name(tl_method m);
int tl_method_from_name(const char *name, tl_method *out); /* 0 = known, -1 = not */
int tl_method_mixes(tl_method m); /* whether it makes numbers that no pixel has */

#endif
