/* How HDF5 writes: see hdf5file.h. SPDX-License-Identifier: MIT */
#include "modules/raster/hdf5file.h"
#include "modules/raster/outfile.h"
#include "runtime/mem.h"

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    H5FD_t base; /* first: HDF5 knows no more of it */
    int fd;
    int *why;
    haddr_t eoa, eof; /* what is in use; what was written */
} driver_file;

static _Thread_local int *opening; /* of the file that is being created */

static void note(driver_file *f)
{
    if (!*f->why)
        *f->why = errno ? errno : EIO;
}

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t access, haddr_t most)
{
    (void)flags;
    (void)access;
    (void)most;
    int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        *opening = errno;
        return NULL;
    }
    driver_file *f = tl_xcalloc(1, sizeof *f);
    f->fd = fd;
    f->why = opening;
    return &f->base;
}

static herr_t driver_close(H5FD_t *base)
{
    driver_file *f = (driver_file *)base;
    if (close(f->fd) && errno != EINTR)
        note(f);
    free(f);
    return 0;
}

/* Few writes: as HDF5's own driver for plain files. */
static herr_t driver_query(const H5FD_t *base, unsigned long *flags)
{
    (void)base;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA;
    return 0;
}

static haddr_t driver_eoa(const H5FD_t *base, H5FD_mem_t type)
{
    (void)type;
    return ((const driver_file *)base)->eoa;
}

static herr_t driver_set_eoa(H5FD_t *base, H5FD_mem_t type, haddr_t at)
{
    (void)type;
    ((driver_file *)base)->eoa = at;
    return 0;
}

static haddr_t driver_eof(const H5FD_t *base, H5FD_mem_t type)
{
    (void)type;
    return ((const driver_file *)base)->eof;
}

static herr_t driver_read(H5FD_t *base, H5FD_mem_t type, hid_t list, haddr_t at, size_t n, void *to)
{
    driver_file *f = (driver_file *)base;
    (void)type;
    (void)list;
    ssize_t k = tl_read_at(f->fd, to, n, (int64_t)at);
    if (k < 0) {
        note(f);
        k = 0;
    }
    memset((char *)to + k, 0, n - (size_t)k); /* behind the end there are zeros */
    return 0;
}

static herr_t driver_write(H5FD_t *base, H5FD_mem_t type, hid_t list, haddr_t at, size_t n,
                           const void *from)
{
    driver_file *f = (driver_file *)base;
    (void)type;
    (void)list;
    if (!*f->why && (lseek(f->fd, (off_t)at, SEEK_SET) < 0 || tl_write_all(f->fd, from, n)))
        note(f);
    if (at + n > f->eof)
        f->eof = at + n;
    return 0;
}

static herr_t driver_truncate(H5FD_t *base, hid_t list, hbool_t closing)
{
    driver_file *f = (driver_file *)base;
    (void)list;
    (void)closing;
    if (!*f->why && f->eoa != f->eof && ftruncate(f->fd, (off_t)f->eoa))
        note(f);
    f->eof = f->eoa;
    return 0;
}

hid_t tl__hdf5_create(const char *path, hid_t creation, hid_t access, int *why, hid_t *driver)
{
    static const H5FD_class_t ours = {
#if H5_VERSION_GE(1, 13, 0)
        .version = H5FD_CLASS_VERSION,
        .value = (H5FD_class_value_t)611, /* 512 and up are anyone's */
#endif
        .name = "tellua",
        .maxaddr = INT64_MAX,
        .fc_degree = H5F_CLOSE_STRONG, /* closing the file closes all that is open in it */
        .open = driver_open,
        .close = driver_close,
        .query = driver_query,
        .get_eoa = driver_eoa,
        .set_eoa = driver_set_eoa,
        .get_eof = driver_eof,
        .read = driver_read,
        .write = driver_write,
        .truncate = driver_truncate,
        .fl_map = H5FD_FLMAP_DICHOTOMY
    };
    *why = 0;
    hid_t file = -1;
    *driver = H5FDregister(&ours);
    opening = why;
    if (*driver >= 0 && H5Pset_driver(access, *driver, NULL) >= 0)
        file = H5Fcreate(path, H5F_ACC_EXCL, creation, access);
    opening = NULL;
    return file;
}
