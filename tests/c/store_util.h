/* What tests of stores share: samples, folders, writes that fail. SPDX-License-Identifier: MIT */
#ifndef TL_TEST_STORE_H
#define TL_TEST_STORE_H

#include "tests/c/picture.h"
#include "modules/batch/store.h"
#include "modules/raster/outfile.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/stat.h>

static const char *const key_a = "00000000000000000000000000000000"
                                 "0123456789abcdef0123456789abcdef";

static inline tl_store *open_store(const char *dir, const char *segment, int flags)
{
    tl_store *s = NULL;
    tl_err e = TL_ERR_INIT;
    assert_tl_ok(tl_store_open(dir, segment, key_a, flags, &s, &e), &e);
    return s;
}

static inline void remove_store(const char *dir)
{
    tl_err e = TL_ERR_INIT;
    assert_tl_ok(tl_store_remove(dir, &e), &e);
    assert_int_equal(access(dir, F_OK), -1);
}

/* --- writes that fail --------------------------------------------------------------------------
 */

static atomic_int calls;  /* of any thread */
static int fail_at, mode; /* mode 0: error, 1: half of it, then an error, 2: interrupted */

static inline ssize_t failing_write(int fd, const void *data, size_t n, int64_t at)
{
    int call = ++calls;
    if (mode == 2) { /* every other call: EINTR; else as little as is allowed */
        if (call % 2) {
            errno = EINTR;
            return -1;
        }
        return tl__io_plain(fd, data, n > 1000 ? n / 2 : n, at);
    }
    if (mode == 1 && call == fail_at && n > 1)
        return tl__io_plain(fd, data, n / 2, at);
    if (call >= fail_at) {
        errno = ENOSPC;
        return -1;
    }
    return tl__io_plain(fd, data, n, at);
}

/* A disk of some 100 KiB at `dir`, unless this user may not mount one: then the test is skipped. */
static inline void mount_small_disk(const char *dir)
{
    mkdir(dir, 0777);
    if (!mount("none", dir, "tmpfs", 0, "size=400k"))
        return;
    rmdir(dir);
    print_message("# cannot mount a small disk: %s\n", strerror(errno));
    skip();
}

#endif
