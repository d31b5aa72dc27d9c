/* A picture's file, written plainly: by one thread, without a store. SPDX-License-Identifier: MIT
 */
#ifndef TL_TEST_WRITE_FILE_H
#define TL_TEST_WRITE_FILE_H

#include "tests/c/picture.h"
#include "modules/raster/png.h"
#include "modules/raster/tiff.h"

/* All of it by one thread, one run after the other: what several threads make must be the same. */
static inline int write_tiff(const tl_product *p, const tl_tiles *tiles, tl_outfile *f, tl_err *e)
{
    tl_tiff *w = NULL;
    int r = tl_tiff_begin(p, tiles, f, &w, e);
    tl_outway *way = r ? NULL : tl_outway_new(f);
    for (int64_t k = 0; !r && k < tl_tiff_runs(w); k++)
        r = tl_tiff_run(w, tiles, way, k, e);
    tl_outway_free(way);
    tl_tiff_free(w);
    return r;
}

static inline int write_to(const tl_product *p, const tl_tiles *tiles, const char *path, tl_err *e)
{
    tl_outfile *f;
    int r = tl_outfile_open(path, &f, e);
    if (r)
        return r;
    r = p->format == TL_PNG ? tl_png_write(p, tiles, f, e) : write_tiff(p, tiles, f, e);
    if (!r)
        return tl_outfile_commit(f, e);
    tl_outfile_abort(f);
    return r;
}

static inline void write_picture(picture_of *o, const char *path)
{
    tl_err e = TL_ERR_INIT;
    tl_tiles tiles = {o, picture_size, picture_get};
    assert_tl_ok(write_to(o->p, &tiles, path, &e), &e);
}

#endif
