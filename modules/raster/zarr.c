/* Cubes as Zarr, version 2: see cube.h. SPDX-License-Identifier: MIT
 *
 * A folder for each variable. Chunks are the stored tiles as they are: zlib of cells in C order,
 * little-endian. Coordinates are one chunk each, not compressed. .zmetadata holds all that the
 * other .z files say, so that a reader asks once. Chunks without valid cells are left out. */
#include "modules/raster/cube.h"
#include "modules/raster/outdir.h"
#include "runtime/mem.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Some readers take the files for ASCII. */
#define DUMP (JSON_SORT_KEYS | JSON_INDENT(1) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17))

typedef struct {
    const tl_cube *c;
    const tl_cf *cf;
    tl_outdir *dir;
    json_t *all; /* of .zmetadata: name -> content */
} writer;

/* --- texts ------------------------------------------------------------------------------------ */

static int put_json(writer *w, const char *folder, const char *file, json_t *j, tl_err *e)
{
    char *name = tl_xasprintf("%s%s%s", folder, folder[0] ? "/" : "", file);
    char *text = j ? json_dumps(j, DUMP) : NULL;
    int rc = text ? tl_outdir_put(w->dir, name, text, strlen(text), e)
                  : tl_fail(e, TL_EDATA, "the metadata of %s cannot be written as JSON", name);
    if (w->all)
        json_object_set(w->all, name, j);
    json_decref(j);
    free(text);
    free(name);
    return rc;
}

static json_t *fill_json(const tl_product *p)
{
    if (!p->has_nodata)
        return json_null();
    if (p->dtype == TL_U64 || p->dtype == TL_I64)
        return json_integer(p->nodata_i);
    if (!tl_dtype_is_float(p->dtype))
        return json_integer((json_int_t)p->nodata);
    double v = p->dtype == TL_F32 ? (double)(float)p->nodata : p->nodata;
    return isnan(v)   ? json_string("NaN")
           : isinf(v) ? json_string(v > 0 ? "Infinity" : "-Infinity")
                      : json_real(v);
}

/* NumPy's name of a cell type. */
static void type_name(tl_dtype t, char out[8])
{
    size_t n = tl_dtype_size(t);
    snprintf(out, 8, "%c%c%zu", n == 1 ? '|' : '<',
             tl_dtype_is_float(t)    ? 'f'
             : tl_dtype_is_signed(t) ? 'i'
                                     : 'u',
             n);
}

static json_t *array_json(json_t *shape, json_t *chunks, const char *type, json_t *fill,
                          json_t *compressor)
{
    return json_pack("{s:i, s:o, s:o, s:s, s:o, s:s, s:o, s:n, s:s}", "zarr_format", 2, "shape",
                     shape, "chunks", chunks, "dtype", type, "fill_value", fill, "order", "C",
                     "compressor", compressor, "filters", "dimension_separator", ".");
}

/* --- variables -------------------------------------------------------------------------------- */

static int start_array(writer *w, const tl_cf_var *v, json_t *array, json_t *dims, tl_err *e)
{
    json_t *attrs = json_copy(v->attrs);
    json_object_set_new(attrs, "_ARRAY_DIMENSIONS", dims);
    if (v->kind == TL_CF_BAND && w->cf->wkt) /* what GDAL's Zarr driver looks for */
        json_object_set_new(attrs, "_CRS", json_pack("{s:s}", "wkt", w->cf->wkt));
    int rc = tl_outdir_make(w->dir, v->name, e);
    if (rc) {
        json_decref(array);
        json_decref(attrs);
        return rc;
    }
    rc = put_json(w, v->name, ".zarray", array, e);
    if (rc)
        json_decref(attrs);
    else
        rc = put_json(w, v->name, ".zattrs", attrs, e);
    return rc;
}

static int put_chunk(writer *w, const tl_cf_var *v, const char *chunk, const void *data, size_t n,
                     tl_err *e)
{
    char *name = tl_xasprintf("%s/%s", v->name, chunk);
    int rc = tl_outdir_put(w->dir, name, data, n, e);
    free(name);
    return rc;
}

static int write_coordinates(writer *w, const tl_cf_var *v, tl_err *e)
{
    size_t n;
    double *x = tl_cf_coordinates(w->c, v->kind, &n);
    json_t *array = array_json(json_pack("[I]", (json_int_t)n), json_pack("[I]", (json_int_t)n),
                               "<f8", json_null(), json_null());
    int rc = start_array(w, v, array, json_pack("[s]", v->name), e);
    if (!rc)
        rc = put_chunk(w, v, "0", x, n * sizeof *x, e);
    free(x);
    return rc;
}

/* Texts of one length, padded with NUL: what readers of NumPy's types know. */
static int write_ids(writer *w, const tl_cf_var *v, tl_err *e)
{
    size_t n = (size_t)w->c->ntimes, size = 1;
    char type[24];
    for (size_t i = 0; i < n; i++)
        size = strlen(w->c->ids[i]) > size ? strlen(w->c->ids[i]) : size;
    char *text = tl_xcalloc(n, size);
    for (size_t i = 0; i < n; i++)
        memcpy(text + i * size, w->c->ids[i], strlen(w->c->ids[i]));
    snprintf(type, sizeof type, "|S%zu", size);
    json_object_set_new(v->attrs, "_Encoding", json_string("utf-8"));
    json_t *array = array_json(json_pack("[I]", (json_int_t)n), json_pack("[I]", (json_int_t)n),
                               type, json_null(), json_null());
    int rc = start_array(w, v, array, json_pack("[s]", "time"), e);
    if (!rc)
        rc = put_chunk(w, v, "0", text, n * size, e);
    free(text);
    return rc;
}

static int write_mapping(writer *w, const tl_cf_var *v, tl_err *e)
{
    int32_t zero = 0;
    json_t *array = array_json(json_array(), json_array(), "<i4", json_null(), json_null());
    int rc = start_array(w, v, array, json_array(), e);
    return rc ? rc : put_chunk(w, v, "0", &zero, sizeof zero, e);
}

static int write_tiles(writer *w, const tl_cf_var *v, int t, tl_err *e)
{
    int64_t across, down;
    int rc = 0;
    tl_product_level_tiles(w->c->p, 0, &across, &down);
    for (int64_t ty = 0; ty < down; ty++)
        for (int64_t tx = 0; tx < across && !rc; tx++) {
            tl_packed tile;
            char chunk[80];
            rc = w->c->get(w->c->ctx, t, v->band, tx, ty, &tile, e);
            if (rc || !tile.len)
                continue;
            if (w->c->ntimes)
                snprintf(chunk, sizeof chunk, "%d.%lld.%lld", t, (long long)ty, (long long)tx);
            else
                snprintf(chunk, sizeof chunk, "%lld.%lld", (long long)ty, (long long)tx);
            rc = put_chunk(w, v, chunk, tile.bytes, tile.len, e);
        }
    return rc;
}

static int write_band(writer *w, const tl_cf_var *v, tl_err *e)
{
    const tl_cube *c = w->c;
    int bw, bh;
    char type[8];
    tl_product_block(c->p, &bw, &bh);
    type_name(c->p->dtype, type);
    json_t *shape = json_array(), *chunks = json_array(), *dims = json_array();
    if (c->ntimes) {
        json_array_append_new(shape, json_integer(c->ntimes));
        json_array_append_new(chunks, json_integer(1));
        json_array_append_new(dims, json_string("time"));
    }
    json_array_append_new(shape, json_integer((json_int_t)c->p->grid.h));
    json_array_append_new(shape, json_integer((json_int_t)c->p->grid.w));
    json_array_append_new(chunks, json_integer(bh));
    json_array_append_new(chunks, json_integer(bw));
    json_array_append_new(dims, json_string("y"));
    json_array_append_new(dims, json_string("x"));
    json_t *compressor =
        c->p->compress == TL_DEFLATE
            ? json_pack("{s:s, s:i}", "id", "zlib", "level", c->p->level > 9 ? 9 : c->p->level)
            : json_null();
    json_t *array = array_json(shape, chunks, type, fill_json(c->p), compressor);
    int rc = start_array(w, v, array, dims, e);
    for (int t = 0; t < (c->ntimes ? c->ntimes : 1) && !rc; t++)
        rc = write_tiles(w, v, t, e);
    return rc;
}

static int write_variable(writer *w, const tl_cf_var *v, tl_err *e)
{
    switch (v->kind) {
    case TL_CF_ID:
        return write_ids(w, v, e);
    case TL_CF_CRS:
        return write_mapping(w, v, e);
    case TL_CF_BAND:
        return write_band(w, v, e);
    default:
        return write_coordinates(w, v, e);
    }
}

/* --- the store -------------------------------------------------------------------------------- */

int tl_zarr_may_replace(const char *path, tl_err *e)
{
    struct stat st;
    if (lstat(path, &st))
        return errno == ENOENT ? 0
                               : tl_fail(e, TL_EIO, "cannot look at %s: %s", path, strerror(errno));
    char *group = tl_xasprintf("%s/.zgroup", path);
    int ours = S_ISDIR(st.st_mode) && access(group, F_OK) == 0;
    free(group);
    return ours ? 0
                : tl_fail(e, TL_EIO, "%s exists and is no Zarr store: it is not replaced", path);
}

static int write_all(writer *w, tl_err *e)
{
    int rc = put_json(w, "", ".zgroup", json_pack("{s:i}", "zarr_format", 2), e);
    if (!rc)
        rc = put_json(w, "", ".zattrs", json_incref(w->cf->attrs), e);
    for (int i = 0; i < w->cf->n && !rc; i++)
        rc = write_variable(w, &w->cf->var[i], e);
    if (rc)
        return rc;
    json_t *all = json_pack("{s:o, s:i}", "metadata", w->all, "zarr_consolidated_format", 1);
    w->all = NULL;
    return put_json(w, "", ".zmetadata", all, e);
}

int tl_zarr_write(const tl_cube *c, const char *path, tl_err *e)
{
    tl_cf cf;
    int rc = tl_product_check(c->p, e);
    if (!rc)
        rc = tl_zarr_may_replace(path, e);
    if (!rc)
        rc = tl_cf_describe(c, &cf, e);
    if (rc)
        return rc;
    writer w = {.c = c, .cf = &cf};
    rc = tl_outdir_open(path, &w.dir, e);
    if (!rc) {
        w.all = json_object();
        rc = write_all(&w, e);
        json_decref(w.all);
        if (rc)
            tl_outdir_abort(w.dir);
        else
            rc = tl_outdir_commit(w.dir, e);
    }
    tl_cf_free(&cf);
    return rc;
}
