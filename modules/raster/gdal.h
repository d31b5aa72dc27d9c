/* GDAL, tamed: start, errors, handles of threads. Internal. SPDX-License-Identifier: MIT */
#ifndef TL_RASTER_GDAL_H
#define TL_RASTER_GDAL_H

#include "runtime/err.h"
#include <gdal.h>
#include <stdint.h>

/* One-member structs, so that a dataset cannot be taken for a band. */
typedef struct tl_gdal_ds {
    GDALDatasetH h;
} tl_gdal_ds;
typedef struct tl_gdal_band {
    GDALRasterBandH h;
} tl_gdal_band;

/* Registers drivers and sets GDAL's process options, once; cheap afterwards. */
void tl_gdal_start(void);

/* Between begin and end GDAL's messages of this thread are caught: the first failure is kept,
 * warnings go to the log. Both in one C function, no Lua between. `what` (or NULL) is what the
 * watch reports as long as the calls last. */
typedef struct tl_gdal_guard {
    int failed; /* a failure was reported, which need not mean that the call failed */
    int watched;
    char message[400]; /* GDAL's first failure; "" */
} tl_gdal_guard;
void tl_gdal_begin(tl_gdal_guard *g, const char *what);
void tl_gdal_end(tl_gdal_guard *g);

/* "fmt: GDAL's message" about the file `uri`; the code is TL_ETRANSIENT where the message speaks of
 * a server or a network, else `code`. Returns it. */
int tl_gdal_fail(const tl_gdal_guard *g, const char *uri, int code, tl_err *e, const char *fmt, ...)
    TL_PRINTF(5, 6);

/* A file as it was when opened: a handle of the same name is the same file while this agrees. */
typedef struct tl_gdal_stamp {
    int64_t bytes, mtime, node; /* mtime in ns; -1 unknown */
    int64_t roots;              /* opened for strangers: the id of a tl_roots; 0 = the user's own */
} tl_gdal_stamp;
tl_gdal_stamp tl_gdal_stamp_of(const char *uri);
struct stat;
/* Whether that is the local file that was stamped. */
int tl_gdal_stamp_fits(const tl_gdal_stamp *s, const struct stat *st);

/* A file that one thread reads. */
typedef struct tl_gdal_handle {
    tl_gdal_ds ds;   /* .h is NULL until somebody needs GDAL */
    const char *uri; /* interned; NULL = free seat */
    tl_gdal_stamp stamp;
    void *transformer; /* GDALGenImgProjTransformer, made on need; NULL */
    uint64_t used;
    struct tl_tiffread *tiff; /* what reads its blocks without GDAL, made on need; NULL */
} tl_gdal_handle;

/* The calling thread's handle of that file, perhaps not opened yet; the least recently used one is
 * closed when there are too many. Valid until the next call on this thread. */
tl_gdal_handle *tl_gdal_handle_get(const char *uri, tl_gdal_stamp stamp);
/* Opens its dataset where it is not open. */
int tl_gdal_handle_open(tl_gdal_handle *h, tl_err *e) TL_MUST_CHECK;
/* Closes its dataset: whoever needs it opens it again. */
void tl_gdal_handle_rest(tl_gdal_handle *h);
/* Closes the calling thread's handle of that file, if any. */
void tl_gdal_handle_drop(const char *uri);
/* Closes all of them. */
void tl_gdal_handles_close(void);

int tl_gdal_is_remote(const char *uri);

#endif
