/* A product's file from its stored tiles: see merge.h. SPDX-License-Identifier: MIT */
#include "modules/batch/merge.h"
#include "modules/batch/crew.h"
#include "modules/raster/png.h"
#include "modules/raster/tiff.h"
#include "runtime/mem.h"

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

/* --- a TIFF file by several threads
 * ---------------------------------------------------------------------------------------------- */

typedef struct assembly {
    tl_store *s;
    int product;
    tl_outfile *f;
    tl_tiff *tiff;
} assembly;

typedef struct copier {
    reader in;
    tl_outway *way;
} copier;

static int start_copier(void *ctx, void **tools, tl_err *e)
{
    const assembly *a = ctx;
    copier *c = tl_xcalloc(1, sizeof *c);
    (void)e;
    c->in = (reader){.s = a->s, .product = a->product};
    c->way = tl_outway_new(a->f);
    *tools = c;
    return 0;
}

static int copy_run(void *ctx, void *tools, int64_t k, tl_err *e)
{
    const assembly *a = ctx;
    copier *c = tools;
    tl_tiles tiles = {&c->in, size_of, get};
    return tl_tiff_run(a->tiff, &tiles, c->way, k, e);
}

static void stop_copier(void *ctx, void *tools)
{
    copier *c = tools;
    (void)ctx;
    tl_outway_free(c->way);
    free(c->in.buf);
    free(c);
}

static int assemble(tl_store *s, int product, const tl_product *p, int threads, tl_outfile *f,
                    tl_err *e)
{
    reader in = {.s = s, .product = product};
    tl_tiles tiles = {&in, size_of, get};
    assembly a = {s, product, f, NULL};
    int r = tl_tiff_begin(p, &tiles, f, &a.tiff, e);
    if (r)
        return r;
    tl_crew crew = {.threads = threads,
                    .items = tl_tiff_runs(a.tiff),
                    .ctx = &a,
                    .start = start_copier,
                    .item = copy_run,
                    .stop = stop_copier};
    r = tl_crew_run(&crew, e);
    tl_tiff_free(a.tiff);
    return r;
}

static int draw(tl_store *s, int product, const tl_product *p, tl_outfile *f, tl_err *e)
{
    reader in = {.s = s, .product = product};
    tl_tiles tiles = {&in, size_of, get};
    int r = tl_png_write(p, &tiles, f, e);
    free(in.buf);
    return r;
}

int tl_merge(tl_store *s, int product, const tl_product *p, const char *path, int threads,
             tl_err *e)
{
    tl_outfile *f;
    int r = tl_outfile_open(path, &f, e);
    if (r)
        return r;
    r = p->format == TL_PNG ? draw(s, product, p, f, e) : assemble(s, product, p, threads, f, e);
    if (r)
        tl_outfile_abort(f);
    else
        r = tl_outfile_commit(f, e);
    return r;
}

/* --- arrays
 * ---------------------------------------------------------------------------------------------- */

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
