/* Where a stranger's sources may lie. SPDX-License-Identifier: MIT
 *
 * A plain file counts where it really is, links resolved; it is opened by an allowed driver alone,
 * and everything that GDAL says belongs to it must lie below the roots too. Names that are no plain
 * path ("NETCDF:...", "<VRTDataset>", "/vsi...") are refused, but for roots that are such prefixes
 * themselves. */
#ifndef TL_ROOTS_H
#define TL_ROOTS_H

#include <stdint.h>
#include "runtime/err.h"

typedef struct tl_roots {
    int64_t id;                /* above 0; handles of files are kept apart by it */
    char **folder;             /* real paths, NULL-terminated */
    char **prefix;             /* "/vsicurl/https://host/folder/", NULL-terminated */
    const char *const *driver; /* GDAL's names, NULL-terminated */
} tl_roots;

/* n folders or prefixes; none: every source is refused. Kept for the life of the process: few. */
int tl_roots_new(const char *const *root, int n, const tl_roots **out, tl_err *e) TL_MUST_CHECK;
const tl_roots *tl_roots_of_id(int64_t id); /* NULL for 0 */

/* The real path, malloc'd; TL_EDATA when it is not below a root or no regular file. */
int tl_roots_resolve(const tl_roots *r, const char *path, char **real, tl_err *e) TL_MUST_CHECK;
/* Whether the side-cars that GDAL would read beside the file point elsewhere. */
int tl_roots_check_sidecars(const tl_roots *r, const char *real, tl_err *e) TL_MUST_CHECK;
/* An open dataset (a GDALDatasetH): its files and what its metadata points at. */
int tl_roots_check_dataset(const tl_roots *r, void *dataset, const char *real,
                           tl_err *e) TL_MUST_CHECK;

#endif
