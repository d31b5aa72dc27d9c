/* Products: see product.h. SPDX-License-Identifier: MIT */
#include "modules/raster/product.h"

#include <math.h>
#include <string.h>
#include <strings.h>

void tl_product_defaults(tl_product *p)
{
    *p = (tl_product){
        .nbands = 1,
        .dtype = TL_U8,
        .format = TL_COG,
        .tile = 512,
        .compress = TL_DEFLATE,
        .level = 6,
        .predictor = 1,
        .overviews = 1,
        .overview = TL_NEAREST,
    };
}

int tl_format_is_arrays(enum tl_format f)
{
    return f == TL_ZARR || f == TL_NETCDF;
}

static int is_wide(tl_dtype t)
{
    return t == TL_U64 || t == TL_I64;
}

static int check_nodata(const tl_product *p, tl_err *e)
{
    if (!p->has_nodata || p->dtype == TL_F64)
        return 0;
    int ok;
    if (p->dtype == TL_F32)
        ok = !isfinite(p->nodata) || isfinite((float)p->nodata);
    else if (is_wide(p->dtype))
        ok = p->nodata_i >= tl_dtype_min(p->dtype);
    else
        ok = p->nodata >= (double)tl_dtype_min(p->dtype) &&
             p->nodata <= (double)tl_dtype_max(p->dtype) && p->nodata == floor(p->nodata);
    if (ok)
        return 0;
    if (is_wide(p->dtype))
        return tl_fail(e, TL_EUSAGE, "nodata %lld does not fit into %s", (long long)p->nodata_i,
                       tl_dtype_name(p->dtype));
    return tl_fail(e, TL_EUSAGE, "nodata %.17g does not fit into %s", p->nodata,
                   tl_dtype_name(p->dtype));
}

int tl_product_check(const tl_product *p, tl_err *e)
{
    if (p->grid.w < 1 || p->grid.h < 1 || p->grid.w > INT32_MAX || p->grid.h > INT32_MAX)
        return tl_fail(e, TL_EUSAGE, "a product of %lld x %lld cells: each side must be 1..%d",
                       (long long)p->grid.w, (long long)p->grid.h, INT32_MAX);
    if (p->nbands < 1 || p->nbands > UINT16_MAX)
        return tl_fail(e, TL_EUSAGE, "a product of %d bands: a file holds 1..%d", p->nbands,
                       UINT16_MAX);
    if (p->tile < 16 || p->tile > 16384 || p->tile % 16)
        return tl_fail(e, TL_EUSAGE, "tiles of %d cells: give a multiple of 16, up to 16384",
                       p->tile);
    uint64_t together = tl_format_is_arrays(p->format) ? 1 : (uint64_t)p->nbands;
    if ((uint64_t)p->tile * (uint64_t)p->tile * together * tl_dtype_size(p->dtype) > INT32_MAX)
        return tl_fail(e, TL_EUSAGE, "tiles of %d cells with %d bands of %s exceed 2 GiB", p->tile,
                       p->nbands, tl_dtype_name(p->dtype));
    if (p->compress == TL_DEFLATE && (p->level < 1 || p->level > 12))
        return tl_fail(e, TL_EUSAGE, "compression level %d: give 1..12", p->level);
    if (p->has_nodata && p->has_mask)
        return tl_fail(e, TL_EUSAGE, "a product has a nodata value or a mask, not both");
    if (p->overview != TL_NEAREST && p->overview != TL_AVERAGE && p->overview != TL_MODE)
        return tl_fail(e, TL_EUSAGE, "overviews are nearest, average or mode, not %s",
                       tl_method_name(p->overview));
    if (p->palette && (p->nbands != 1 || p->dtype != TL_U8))
        return tl_fail(e, TL_EUSAGE, "a palette needs one uint8 band, not %d of %s", p->nbands,
                       tl_dtype_name(p->dtype));
    if (p->format == TL_PNG && (p->nbands > 4 || (p->dtype != TL_U8 && p->dtype != TL_U16)))
        return tl_fail(e, TL_EUSAGE, "PNG holds 1 to 4 bands of uint8 or uint16, not %d of %s",
                       p->nbands, tl_dtype_name(p->dtype));
    if (tl_format_is_arrays(p->format) && !p->has_nodata)
        return tl_fail(e, TL_EUSAGE, "Zarr and NetCDF need a nodata number: they have no masks");
    return check_nodata(p, e);
}

static int64_t shrink(int64_t n, int level)
{
    return (n + ((int64_t)1 << level) - 1) >> level;
}

void tl_product_level_size(const tl_product *p, int level, int64_t *w, int64_t *h)
{
    *w = shrink(p->grid.w, level);
    *h = shrink(p->grid.h, level);
}

int tl_product_levels(const tl_product *p)
{
    int n = 1;
    if (!p->overviews || p->format == TL_PNG || tl_format_is_arrays(p->format))
        return 1;
    while (shrink(p->grid.w, n - 1) > p->tile || shrink(p->grid.h, n - 1) > p->tile)
        n++;
    return n;
}

void tl_product_level_tiles(const tl_product *p, int level, int64_t *across, int64_t *down)
{
    int64_t w, h;
    tl_product_level_size(p, level, &w, &h);
    *across = (w + p->tile - 1) / p->tile;
    *down = (h + p->tile - 1) / p->tile;
}

void tl_product_tile_size(const tl_product *p, int level, int64_t tx, int64_t ty, int *w, int *h)
{
    int64_t lw, lh;
    tl_product_level_size(p, level, &lw, &lh);
    lw -= tx * p->tile;
    lh -= ty * p->tile;
    *w = (int)(lw < p->tile ? lw : p->tile);
    *h = (int)(lh < p->tile ? lh : p->tile);
}

void tl_product_block(const tl_product *p, int *w, int *h)
{
    *w = *h = p->tile;
    if (tl_format_is_arrays(p->format))
        tl_product_tile_size(p, 0, 0, 0, w, h);
}

int tl_product_shuffles(const tl_product *p)
{
    return p->format == TL_NETCDF && p->predictor && p->compress == TL_DEFLATE &&
           tl_dtype_size(p->dtype) > 1;
}

int tl_product_may_skip(const tl_product *p)
{
    return p->has_nodata || p->has_mask;
}

uint64_t tl_product_fill(const tl_product *p)
{
    uint64_t bits = 0;
    if (!p->has_nodata)
        return 0;
    if (p->dtype == TL_F64) {
        memcpy(&bits, &p->nodata, 8);
    } else if (p->dtype == TL_F32) {
        float f = (float)p->nodata;
        memcpy(&bits, &f, 4);
    } else {
        bits = is_wide(p->dtype) ? (uint64_t)p->nodata_i : (uint64_t)(int64_t)p->nodata;
        size_t n = tl_dtype_size(p->dtype);
        if (n < 8)
            bits &= ((uint64_t)1 << (8 * n)) - 1;
    }
    return bits;
}

static int named(const tl_product *p, int band, const char *name)
{
    const char *s = p->band_names && band < p->nbands ? p->band_names[band] : NULL;
    return s && (strcasecmp(s, name) == 0 || (!s[1] && strncasecmp(s, name, 1) == 0));
}

int tl_product_is_rgb(const tl_product *p)
{
    if (p->dtype != TL_U8 || (p->nbands != 3 && p->nbands != 4))
        return 0;
    return p->rgb || (named(p, 0, "red") && named(p, 1, "green") && named(p, 2, "blue"));
}

int tl_product_has_alpha(const tl_product *p)
{
    return (p->nbands == 2 || p->nbands == 4) && p->band_names &&
           strcasecmp(p->band_names[p->nbands - 1], "alpha") == 0;
}
