/* Whole reads and writes of descriptors: short ones go on, EINTR repeats. SPDX-License-Identifier:
 * MIT
 *
 * From any thread; none moves where a descriptor stands but tl_write_all. */
#ifndef TL_FDIO_H
#define TL_FDIO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes read from `at` on, less than n at the end of the file alone; -1 with errno. */
ssize_t tl_read_at(int fd, void *buf, size_t n, int64_t at);
/* Writes all n bytes. 0, or -1 with errno; what takes nothing is full (ENOSPC). */
int tl_write_all(int fd, const void *data, size_t n);
int tl_write_at(int fd, const void *data, size_t n, int64_t at);

/* What really writes, from `at` on, or where the descriptor stands when that is negative; tests put
 * a failing one here. */
typedef ssize_t tl__io_writer(int fd, const void *data, size_t n, int64_t at);
extern tl__io_writer tl__io_plain, *tl__io_write;

#endif
