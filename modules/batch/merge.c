/* A product's file from its stored tiles: see merge.h. SPDX-License-Identifier: MIT */
#include "modules/batch/merge.h"
#include "modules/raster/png.h"
#include "modules/raster/tiff.h"

#include <stdlib.h>

typedef struct reader {
    tl_store *s;
    int product;
    uint8_t *buf;
    size_t cap;
} reader;

typedef struct cube_reader {
    reader in; /* its product is that of the first band of the first step */
    int nbands;
} cube_reader;

static int size_of(void *ctx, int level, int64_t tx, int64_t ty, uint32_t *len, uint32_t *mask_len,
                   tl_err *e)
{
    reader *r = ctx;
    return tl_store_size(r->s, r->product, level, tx, ty, len, mask_len, e);
}

static int get(void *ctx, int level, int64_t tx, int64_t ty, tl_packed *out, tl_err *e)
{
    reader *r = ctx;
    return tl_store_get(r->s, r->product, level, tx, ty, &r->buf, &r->cap, out, e);
}

int tl_merge(tl_store *s, int product, const tl_product *p, const char *path, tl_err *e)
{
    reader in = {.s = s, .product = product};
    tl_tiles tiles = {&in, size_of, get};
    tl_outfile *f;
    int r = tl_outfile_open(path, &f, e);
    if (r)
        return r;
    r = p->format == TL_PNG ? tl_png_write(p, &tiles, f, e) : tl_tiff_write(p, &tiles, f, e);
    if (r)
        tl_outfile_abort(f);
    else
        r = tl_outfile_commit(f, e);
    free(in.buf);
    return r;
}

static int get_part(void *ctx, int t, int b, int64_t tx, int64_t ty, tl_packed *out, tl_err *e)
{
    cube_reader *r = ctx;
    return tl_store_get(r->in.s, r->in.product + t * r->nbands + b, 0, tx, ty, &r->in.buf,
                        &r->in.cap, out, e);
}

int tl_merge_cube(tl_store *s, int first, tl_cube *c, const char *path, tl_err *e)
{
    cube_reader r = {{.s = s, .product = first}, c->p->nbands};
    c->ctx = &r;
    c->get = get_part;
    int rc = c->p->format == TL_ZARR ? tl_zarr_write(c, path, e) : tl_netcdf_write(c, path, e);
    free(r.in.buf);
    c->ctx = NULL; /* it was ours */
    return rc;
}
