/* What tests of files share: products, writing, GDAL's own reading. SPDX-License-Identifier: MIT */
#ifndef TL_TEST_FILE_H
#define TL_TEST_FILE_H

#include "tests/c/write_file.h"

#include <cpl_conv.h>
#include <gdal.h>

static inline tl_product product(tl_dtype t, int nbands, int w, int h, int tile)
{
    tl_product p;
    tl_product_defaults(&p);
    p.dtype = t;
    p.nbands = nbands;
    p.tile = tile;
    p.level = 1;
    p.grid = (tl_grid){.crs = "EPSG:32633", .dx = 10, .dy = 20, .col = 50000, .row = -250000};
    p.grid.w = w;
    p.grid.h = h;
    return p;
}

/* 0 none, 1 nodata, 2 mask */
static inline void set_validity(tl_product *p, int kind)
{
    p->has_nodata = kind == 1;
    p->has_mask = kind == 2;
    p->nodata = tl_dtype_is_float(p->dtype) ? -9999.5 : 100;
    p->nodata_i = 100;
}

static inline GDALDatasetH open_file(const char *path)
{
    GDALDatasetH ds = GDALOpen(path, GA_ReadOnly);
    if (!ds)
        fail_msg("GDAL cannot open %s: %s", path, CPLGetLastErrorMsg());
    return ds;
}

static inline int start(void **state)
{
    (void)state;
    GDALAllRegister();
    CPLSetConfigOption("GDAL_PAM_ENABLED", "NO");
    CPLSetConfigOption("GDAL_DISABLE_READDIR_ON_OPEN", "EMPTY_DIR");
    return 0;
}

static inline int stop(void **state)
{
    (void)state;
    int n = 0;
    GDALDatasetH *open;
    GDALGetOpenDatasets(&open, &n);
    char *cmd = tl_xasprintf("rm -r '%s'", scratch_dir());
    int r = system(cmd);
    free(cmd);
    if (n)
        print_message("# %d datasets are still open\n", n);
    return n || r ? -1 : 0;
}

#endif
