/* Whole reads and writes: see fdio.h. SPDX-License-Identifier: MIT */
#include "runtime/fdio.h"

#include <errno.h>
#include <unistd.h>

#define MOST ((size_t)1 << 30) /* in one call */

ssize_t tl_read_at(int fd, void *buf, size_t n, int64_t at)
{
    size_t done = 0;
    while (done < n) {
        ssize_t k = pread(fd, (char *)buf + done, n - done, (off_t)at + (off_t)done);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -1;
        if (!k)
            break;
        done += (size_t)k;
    }
    return (ssize_t)done;
}

ssize_t tl__io_plain(int fd, const void *data, size_t n, int64_t at)
{
    return at < 0 ? write(fd, data, n) : pwrite(fd, data, n, (off_t)at);
}

tl__io_writer *tl__io_write = tl__io_plain;

int tl_write_at(int fd, const void *data, size_t n, int64_t at)
{
    const char *p = data;
    while (n) {
        ssize_t k = tl__io_write(fd, p, n < MOST ? n : MOST, at);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0) {
            if (!k)
                errno = ENOSPC; /* a device that takes nothing */
            return -1;
        }
        p += k;
        n -= (size_t)k;
        at += at < 0 ? 0 : k;
    }
    return 0;
}

int tl_write_all(int fd, const void *data, size_t n)
{
    return tl_write_at(fd, data, n, -1);
}
