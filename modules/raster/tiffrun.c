/* A TIFF file's tiles, copied in runs: see tiff.h. SPDX-License-Identifier: MIT */
#include "modules/raster/tiff_int.h"
#include "runtime/mem.h"

#define RUN ((uint64_t)8 << 20) /* bytes, at least, but for the last one of a level */

/* --- cutting ---------------------------------------------------------------------------------- */

static uint64_t bytes_of(const tl_tiff *w, const tl__ifd *d, int64_t i)
{
    uint64_t n = d->counts[i] ? d->counts[i] + w->frame : 0;
    if (w->p->has_mask && d[1].counts[i])
        n += d[1].counts[i] + w->frame;
    return n;
}

int tl__tiff_cut(tl_tiff *w, tl_err *e)
{
    size_t most = (size_t)(w->data_bytes / RUN) + (size_t)w->levels;
    int r = tl_try_alloc((void **)&w->run, most, sizeof *w->run, "the list of runs", e);
    for (int level = w->levels; level-- > 0 && !r;) {
        const tl__ifd *d = tl__tiff_image(w, level);
        int64_t first = 0;
        uint64_t bytes = 0;
        for (int64_t i = 0; i < d->ntiles; i++) {
            bytes += bytes_of(w, d, i);
            if (bytes < RUN && i + 1 < d->ntiles)
                continue;
            w->run[w->nruns++] = (tl__run){level, first, i + 1 - first};
            first = i + 1;
            bytes = 0;
        }
    }
    return r;
}

int64_t tl_tiff_runs(const tl_tiff *w)
{
    return w->nruns;
}

/* Where the first tile's leader is; a run of empty tiles is nowhere. */
static int64_t place_of(const tl_tiff *w, const tl__run *u)
{
    const tl__ifd *d = tl__tiff_image(w, u->level);
    for (int64_t i = u->first; i < u->first + u->n; i++)
        if (d->counts[i])
            return (int64_t)((w->big ? ((const uint64_t *)d->offsets)[i]
                                     : ((const uint32_t *)d->offsets)[i]) -
                             w->frame / 2);
    return 0;
}

/* --- copying ---------------------------------------------------------------------------------- */

static int write_bytes(const tl_tiff *w, tl_outway *way, const uint8_t *data, size_t n, tl_err *e)
{
    uint32_t size = (uint32_t)n;
    int r;
    if (!n)
        return 0;
    if (w->frame && (r = tl_outway_write(way, &size, 4, e)))
        return r;
    if ((r = tl_outway_write(way, data, n, e)))
        return r;
    return w->frame ? tl_outway_write(way, data + n - 4, 4, e) : 0;
}

static int write_tile(const tl_tiff *w, const tl_tiles *tiles, tl_outway *way, int level, int64_t i,
                      tl_err *e)
{
    const tl__ifd *d = tl__tiff_image(w, level);
    tl_packed t = {NULL, 0, NULL, 0};
    int64_t across, down;
    if (!d->counts[i])
        return 0;
    tl_product_level_tiles(w->p, level, &across, &down);
    int64_t tx = i % across, ty = i / across;
    int r = tiles->get(tiles->ctx, level, tx, ty, &t, e);
    if (r)
        return r;
    if (t.len != d->counts[i] || (w->p->has_mask && t.mask_len != d[1].counts[i]) ||
        (w->frame && (t.len < 4 || (w->p->has_mask && t.mask_len < 4))))
        return tl_fail(e, TL_EDATA, "tile %lld,%lld of level %d has %zu + %zu bytes instead of %u",
                       (long long)tx, (long long)ty, level, t.len, t.mask_len, d->counts[i]);
    r = write_bytes(w, way, t.bytes, t.len, e);
    return r || !w->p->has_mask ? r : write_bytes(w, way, t.mask, t.mask_len, e);
}

int tl_tiff_run(const tl_tiff *w, const tl_tiles *tiles, tl_outway *way, int64_t k, tl_err *e)
{
    const tl__run *u = &w->run[k];
    int r = tl_outway_seek(way, place_of(w, u), e);
    for (int64_t i = u->first; i < u->first + u->n && !r; i++)
        r = write_tile(w, tiles, way, u->level, i, e);
    return r ? r : tl_outway_flush(way, e);
}
