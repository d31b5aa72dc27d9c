/* Coordinates of blocks, kept for the next source that lies alike. SPDX-License-Identifier: MIT
 *
 * The bands of a scene are often files of their own on one grid, and are read one after the other
 * for the same block: the second needs no coordinates computed. Each thread keeps those of one
 * block. */
#include "modules/raster/crs.h"
#include "modules/raster/lattice.h"
#include "modules/raster/raster_int.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_KEPT ((size_t)1 << 20) /* cells whose coordinates stay when a read is over */

/* All that coordinates follow from. */
typedef struct key {
    const char *crs; /* interned */
    double anchor[2], cell[2], gt[6], scale[2], period, middle, shift;
    tl_georef georef;
    tl_rect at;
    int curved;
} key;

static __thread struct {
    key key;
    char *operation; /* NULL: nothing is kept */
    double *x, *y;
    int32_t *pixels; /* two of each cell, not kept from one read to the next */
    size_t room;
} mine;

static key key_of(const tl_raster_sampling *m, tl_rect at, double shift)
{
    const tl_raster *r = (const tl_raster *)m->m.source;
    const tl_grid *g = &m->m.lattice;
    key k;
    memset(&k, 0, sizeof k); /* compared as bytes */
    k.crs = g->crs;
    k.anchor[0] = g->x0;
    k.anchor[1] = g->y0;
    k.cell[0] = g->dx;
    k.cell[1] = g->dy;
    memcpy(k.gt, r->gt, sizeof k.gt);
    k.scale[0] = m->fx;
    k.scale[1] = m->fy;
    k.period = r->period;
    k.middle = r->middle;
    k.shift = shift;
    k.georef = r->georef;
    k.at = at;
    k.curved = m->curved;
    return k;
}

void tl_raster_placed_done(void)
{
    free(mine.operation);
    free(mine.x);
    free(mine.y);
    free(mine.pixels);
    memset(&mine, 0, sizeof mine);
}

int32_t *tl_raster_placed_pixels(void)
{
    return mine.pixels;
}

void tl_raster_placed_trim(void)
{
    if (mine.room > MOST_KEPT)
        tl_raster_placed_done();
}

static int make_room(size_t n, tl_err *e)
{
    void *x = NULL, *y = NULL, *pixels = NULL;
    if (n <= mine.room)
        return 0;
    tl_raster_placed_done();
    int rc = tl_try_alloc(&x, n, sizeof(double), "coordinates", e);
    if (!rc)
        rc = tl_try_alloc(&y, n, sizeof(double), "coordinates", e);
    if (!rc)
        rc = tl_try_alloc(&pixels, n, 2 * sizeof(int32_t), "the pixels of a block", e);
    if (rc) {
        free(x);
        free(y);
        return rc;
    }
    mine.x = x;
    mine.y = y;
    mine.pixels = pixels;
    mine.room = n;
    return 0;
}

/* A turn of the globe brings a position back to where it was: between nodes that are as far apart,
 * none can be guessed. Exact costs nothing where so few cells are the globe. */
static int is_coarse(const tl_grid *g)
{
    double metres = tl_crs_unit_size(g->crs) * (tl_crs_is_geographic(g->crs) ? 6.4e6 : 1);
    return fmax(g->dx, g->dy) * metres * TL_LATTICE_STEP / 2 > 5e6;
}

int tl_raster_placed(const tl_raster_sampling *m, tl_gdal_handle *h, tl_rect at, double shift,
                     const double **x, const double **y, tl_err *e)
{
    const key k = key_of(m, at, shift);
    tl_mapper p;
    tl_gdal_guard g;
    int same = mine.operation && m->m.operation && k.georef != TL_GEO_WARP &&
               memcmp(&k, &mine.key, sizeof k) == 0 && strcmp(mine.operation, m->m.operation) == 0;
    int rc = same ? 0 : tl_mapper_init(&p, m, h, e);
    if (!rc && !same)
        rc = make_room((size_t)(at.w * at.h), e);
    if (rc)
        return rc;
    if (!same) {
        tl_gdal_begin(&g, NULL);
        tl_lattice_eval(tl_mapper_map, &p, at, shift, !m->curved || is_coarse(&m->m.lattice),
                        mine.x, mine.y);
        tl_gdal_end(&g);
        free(mine.operation);
        mine.operation = tl_xstrdup(m->m.operation);
        mine.key = k;
    }
    *x = mine.x;
    *y = mine.y;
    return 0;
}
