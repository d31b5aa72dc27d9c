/* How HDF5 writes: a driver of our own. SPDX-License-Identifier: MIT
 *
 * HDF5 cannot stand a write that fails while it closes a file: it keeps the file open, tries again
 * at the end of the process and crashes there. This driver notes the first failure, tells HDF5 that
 * all is well and writes no more; whoever closed the file then asks how it went. */
#ifndef TL_HDF5FILE_H
#define TL_HDF5FILE_H

#include <hdf5.h>

/* Creates path, which must not exist; < 0 when that fails. *why: 0, or the errno of the first
 * failure; it must outlive the file. The access list is the caller's. One thread at a time for one
 * file. *driver: for H5FDunregister, if >= 0, once the file is closed and not before: HDF5 frees
 * the driver with its last use, and then looks at it. */
hid_t tl__hdf5_create(const char *path, hid_t creation, hid_t access, int *why, hid_t *driver);

#endif
