/* Cubes as NetCDF-4: see cube.h. SPDX-License-Identifier: MIT
 *
 * A NetCDF-4 file is an HDF5 file whose dimensions are "dimension scales": datasets that other
 * datasets refer to in an attribute DIMENSION_LIST. HDF5 takes chunks that are compressed already,
 * the NetCDF library does not. No time stamps are kept, so that equal cubes are equal bytes. */
#include "modules/raster/cube.h"
#include "modules/raster/hdf5file.h"
#include "modules/raster/outfile.h"
#include "runtime/mem.h"

#include <errno.h>
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const tl_cube *c;
    const tl_cf *cf;
    const char *path;
    hid_t file, driver;
    hid_t *set; /* of each variable */
    int why;    /* errno of what failed */
    tl_err *e;
} writer;

/* Says it once: what fails after that follows from it. HDF5's own errors are bugs of ours; what a
 * disk does is in w->why. */
static int broken(writer *w)
{
    if (w->e->code)
        return w->e->code;
    return tl_fail(w->e, TL_EIO, "cannot write %s: %s", w->path,
                   w->why ? strerror(w->why) : "HDF5 refuses it");
}

/* --- attributes ------------------------------------------------------------------------------- */

static hid_t text_type(size_t n)
{
    hid_t t = H5Tcopy(H5T_C_S1);
    H5Tset_size(t, n);
    return t;
}

/* space: of the values; takes nothing over. */
static int put_attr(writer *w, hid_t at, const char *name, hid_t type, hid_t space,
                    const void *data)
{
    hid_t a = H5Acreate2(at, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    int bad = a < 0 || H5Awrite(a, type, data) < 0;
    if (a >= 0)
        H5Aclose(a);
    return bad ? broken(w) : 0;
}

static int put_numbers(writer *w, hid_t at, const char *name, hid_t type, size_t n,
                       const void *data)
{
    hsize_t size = n;
    hid_t space = H5Screate_simple(1, &size, NULL);
    int rc = put_attr(w, at, name, type, space, data);
    H5Sclose(space);
    return rc;
}

/* NetCDF's text is a single HDF5 string; UTF-8 without a mark, as the NetCDF library writes it. */
static int put_text(writer *w, hid_t at, const char *name, const char *value)
{
    size_t n = strlen(value);
    hid_t space = H5Screate(H5S_SCALAR), type = text_type(n ? n : 1);
    int rc = put_attr(w, at, name, type, space, value);
    H5Tclose(type);
    H5Sclose(space);
    return rc;
}

static int put_attrs(writer *w, hid_t at, const json_t *attrs)
{
    const char *key;
    json_t *v;
    int rc = 0;
    json_object_foreach((json_t *)(uintptr_t)attrs, key, v)
    {
        double x[8];
        size_t n = json_is_array(v) ? json_array_size(v) : 1;
        for (size_t i = 0; i < n && i < 8; i++)
            x[i] = json_number_value(json_is_array(v) ? json_array_get(v, i) : v);
        if (!rc)
            rc = json_is_string(v) ? put_text(w, at, key, json_string_value(v))
                                   : put_numbers(w, at, key, H5T_NATIVE_DOUBLE, n < 8 ? n : 8, x);
    }
    return rc;
}

/* --- datasets --------------------------------------------------------------------------------- */

static hid_t cell_type(tl_dtype t)
{
    switch (t) {
    case TL_U8:
        return H5T_STD_U8LE;
    case TL_I8:
        return H5T_STD_I8LE;
    case TL_U16:
        return H5T_STD_U16LE;
    case TL_I16:
        return H5T_STD_I16LE;
    case TL_U32:
        return H5T_STD_U32LE;
    case TL_I32:
        return H5T_STD_I32LE;
    case TL_U64:
        return H5T_STD_U64LE;
    case TL_I64:
        return H5T_STD_I64LE;
    case TL_F32:
        return H5T_IEEE_F32LE;
    default:
        return H5T_IEEE_F64LE;
    }
}

static hid_t creation_list(void)
{
    hid_t p = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(p, 0);
    H5Pset_attr_creation_order(p, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    return p;
}

static hid_t make_set(writer *w, const char *name, hid_t type, hid_t space, hid_t list)
{
    hid_t d = H5Dcreate2(w->file, name, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    if (d < 0)
        broken(w);
    return d;
}

/* A dimension: a dataset of its own name that says it is one. */
static int write_coordinates(writer *w, const tl_cf_var *v, int k)
{
    size_t n;
    double *x = tl_cf_coordinates(w->c, v->kind, &n);
    hsize_t size = n;
    hid_t space = H5Screate_simple(1, &size, NULL), list = creation_list();
    int id = k; /* order of dimensions, for the NetCDF library */
    w->set[k] = make_set(w, v->name, H5T_IEEE_F64LE, space, list);
    if (w->set[k] >= 0 &&
        H5Dwrite(w->set[k], H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) < 0)
        broken(w);
    H5Pclose(list);
    H5Sclose(space);
    free(x);
    int rc = w->e->code;
    /* With their NULs, as the specification of scales wants them. */
    hid_t scalar = H5Screate(H5S_SCALAR), type = text_type(16);
    if (!rc)
        rc = put_attr(w, w->set[k], "CLASS", type, scalar, "DIMENSION_SCALE");
    H5Tclose(type);
    type = text_type(strlen(v->name) + 1);
    if (!rc)
        rc = put_attr(w, w->set[k], "NAME", type, scalar, v->name);
    if (!rc)
        rc = put_attr(w, w->set[k], "_Netcdf4Dimid", H5T_STD_I32LE, scalar, &id);
    H5Tclose(type);
    H5Sclose(scalar);
    return rc ? rc : put_attrs(w, w->set[k], v->attrs);
}

/* The dimensions are the first variables: [time,] y, x. */
static int refer_to_scales(writer *w, hid_t d, int n)
{
    hobj_ref_t ref[3];
    hvl_t list[3];
    hsize_t size = (hsize_t)n;
    for (int i = 0; i < n; i++) {
        if (H5Rcreate(&ref[i], w->file, w->cf->var[i].name, H5R_OBJECT, -1) < 0)
            return broken(w);
        list[i] = (hvl_t){1, &ref[i]};
    }
    hid_t space = H5Screate_simple(1, &size, NULL), type = H5Tvlen_create(H5T_STD_REF_OBJ);
    int rc = put_attr(w, d, "DIMENSION_LIST", type, space, list);
    H5Tclose(type);
    H5Sclose(space);
    return rc;
}

static int write_ids(writer *w, const tl_cf_var *v, int k)
{
    hsize_t n = (hsize_t)w->c->ntimes;
    hid_t space = H5Screate_simple(1, &n, NULL), list = creation_list();
    hid_t type = text_type(H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    w->set[k] = make_set(w, v->name, type, space, list);
    if (w->set[k] >= 0 && H5Dwrite(w->set[k], type, H5S_ALL, H5S_ALL, H5P_DEFAULT, w->c->ids) < 0)
        broken(w);
    H5Tclose(type);
    H5Pclose(list);
    H5Sclose(space);
    int rc = w->e->code ? w->e->code : put_attrs(w, w->set[k], v->attrs);
    return rc ? rc : refer_to_scales(w, w->set[k], 1);
}

static int write_mapping(writer *w, const tl_cf_var *v, int k)
{
    int zero = 0;
    hid_t space = H5Screate(H5S_SCALAR), list = creation_list();
    w->set[k] = make_set(w, v->name, H5T_STD_I32LE, space, list);
    if (w->set[k] >= 0 &&
        H5Dwrite(w->set[k], H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, &zero) < 0)
        broken(w);
    H5Pclose(list);
    H5Sclose(space);
    return w->e->code ? w->e->code : put_attrs(w, w->set[k], v->attrs);
}

/* Creates a band's dataset, without cells. */
static int start_band(writer *w, const tl_cf_var *v, int k)
{
    const tl_product *p = w->c->p;
    uint64_t fill = tl_product_fill(p);
    int bw, bh, skip = w->c->ntimes ? 0 : 1, rank = 3 - skip;
    tl_product_block(p, &bw, &bh);
    hsize_t size[3] = {(hsize_t)w->c->ntimes, (hsize_t)p->grid.h, (hsize_t)p->grid.w};
    hsize_t chunk[3] = {1, (hsize_t)bh, (hsize_t)bw};
    hid_t space = H5Screate_simple(rank, size + skip, NULL), list = creation_list();
    hid_t type = cell_type(p->dtype);
    H5Pset_chunk(list, rank, chunk + skip);
    H5Pset_fill_value(list, type, &fill);
    if (tl_product_shuffles(p))
        H5Pset_shuffle(list);
    if (p->compress == TL_DEFLATE)
        H5Pset_deflate(list, (unsigned)(p->level > 9 ? 9 : p->level));
    w->set[k] = make_set(w, v->name, type, space, list);
    H5Pclose(list);
    H5Sclose(space);
    int rc = w->e->code;
    if (!rc)
        rc = refer_to_scales(w, w->set[k], rank);
    if (!rc)
        rc = put_numbers(w, w->set[k], "_FillValue", type, 1, &fill);
    return rc ? rc : put_attrs(w, w->set[k], v->attrs);
}

static int write_tiles(writer *w, int k, int t)
{
    const tl_cube *c = w->c;
    int64_t across, down;
    int bw, bh, rc = 0, skip = c->ntimes ? 0 : 1;
    tl_product_level_tiles(c->p, 0, &across, &down);
    tl_product_block(c->p, &bw, &bh);
    for (int64_t ty = 0; ty < down; ty++)
        for (int64_t tx = 0; tx < across && !rc; tx++) {
            tl_packed tile;
            hsize_t at[3] = {(hsize_t)t, (hsize_t)(ty * bh), (hsize_t)(tx * bw)};
            rc = c->get(c->ctx, t, w->cf->var[k].band, tx, ty, &tile, w->e);
            if (!rc && tile.len &&
                (H5Dwrite_chunk(w->set[k], H5P_DEFAULT, 0, at + skip, tile.len, tile.bytes) < 0 ||
                 w->why))
                rc = broken(w);
        }
    return rc;
}

/* --- the file --------------------------------------------------------------------------------- */

static int create_file(writer *w, const char *tmp)
{
    unsigned order = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;
    hid_t creation = H5Pcreate(H5P_FILE_CREATE), access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_link_creation_order(creation, order);
    H5Pset_attr_creation_order(creation, order);
    H5Pset_obj_track_times(creation, 0);
    /* What HDF5 1.8 reads; with attributes above 64 KiB, which 1.6 had not. */
    H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_LATEST);
    w->file = tl__hdf5_create(tmp, creation, access, &w->why, &w->driver);
    H5Pclose(creation);
    H5Pclose(access);
    return w->file < 0 ? broken(w) : 0;
}

static int write_variable(writer *w, int k)
{
    const tl_cf_var *v = &w->cf->var[k];
    switch (v->kind) {
    case TL_CF_ID:
        return write_ids(w, v, k);
    case TL_CF_CRS:
        return write_mapping(w, v, k);
    case TL_CF_BAND:
        return start_band(w, v, k);
    default:
        return write_coordinates(w, v, k);
    }
}

static int write_all(writer *w)
{
    int rc = put_attrs(w, w->file, w->cf->attrs);
    for (int k = 0; k < w->cf->n && !rc; k++)
        rc = write_variable(w, k);
    for (int t = 0; t < (w->c->ntimes ? w->c->ntimes : 1) && !rc; t++)
        for (int k = 0; k < w->cf->n && !rc; k++)
            if (w->cf->var[k].kind == TL_CF_BAND)
                rc = write_tiles(w, k, t);
    return rc;
}

static int write_file(writer *w, const char *tmp)
{
    int rc = create_file(w, tmp);
    if (rc)
        return rc;
    w->set = tl_xcalloc((size_t)w->cf->n, sizeof *w->set);
    rc = write_all(w);
    for (int k = 0; k < w->cf->n; k++)
        if (w->set[k] > 0 && H5Dclose(w->set[k]) < 0 && !rc)
            rc = broken(w);
    free(w->set);
    if ((H5Fclose(w->file) < 0 || w->why) && !rc)
        rc = broken(w);
    return rc;
}

int tl_netcdf_write(const tl_cube *c, const char *path, tl_err *e)
{
    tl_cf cf;
    tl_err mine = TL_ERR_INIT;
    int rc = tl_product_check(c->p, e);
    if (!rc)
        rc = tl_cf_describe(c, &cf, e);
    if (rc)
        return rc;
    writer w = {.c = c, .cf = &cf, .path = path, .e = &mine};
    char *tmp = tl_outfile_temporary(path);
    H5E_auto2_t print;
    void *ctx;
    unlink(tmp); /* of a dead process that had our number */
    H5Eget_auto2(H5E_DEFAULT, &print, &ctx);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    rc = write_file(&w, tmp);
    if (w.driver >= 0)
        H5FDunregister(w.driver);
    H5Eset_auto2(H5E_DEFAULT, print, ctx);
    if (rc) {
        unlink(tmp);
        *e = mine;
    } else {
        rc = tl_outfile_adopt(tmp, path, e);
    }
    free(tmp);
    tl_cf_free(&cf);
    return rc;
}
