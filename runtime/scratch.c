/* Temporary files: see scratch.h. SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* mkostemp */
#include "runtime/scratch.h"
#include "runtime/fdio.h"
#include "runtime/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB (1024.0 * 1024)

static atomic_llong room, taken;

void tl_scratch_limit(int64_t bytes)
{
    atomic_store(&room, bytes);
}

static int take_room(int64_t bytes, tl_err *e)
{
    long long most = atomic_load(&room), now = atomic_fetch_add(&taken, bytes) + bytes;
    if (most == 0 || now <= most)
        return 0;
    atomic_fetch_sub(&taken, bytes);
    return tl_fail(e, TL_ENOMEM,
                   "this would take %.0f MiB of temporary files, and may take %.0f (--temp): look "
                   "from further away, or write this with an output and read that",
                   (double)now / MIB, (double)most / MIB);
}

static const char *folder(void)
{
    const char *dir = getenv("TMPDIR");
    return dir && dir[0] ? dir : "/tmp";
}

static int make(int64_t bytes, int *fd, tl_err *e)
{
    char *path = tl_xasprintf("%s/.tellua-XXXXXX", folder());
    *fd = mkostemp(path, O_CLOEXEC);
    int why = *fd < 0 ? errno : 0;
    if (*fd >= 0) {
        unlink(path);
        why = posix_fallocate(*fd, 0, bytes);
    }
    free(path);
    if (!why)
        return 0;
    if (*fd >= 0)
        close(*fd);
    return tl_fail(e, TL_EIO,
                   "no temporary file of %.0f MiB in %s: %s; TMPDIR names another folder",
                   (double)bytes / MIB, folder(), strerror(why));
}

int tl_scratch_open(int64_t bytes, tl_scratch *s, tl_err *e)
{
    int fd, rc = take_room(bytes, e);
    *s = (tl_scratch){0};
    if (rc)
        return rc;
    if ((rc = make(bytes, &fd, e)))
        atomic_fetch_sub(&taken, bytes);
    else
        *s = (tl_scratch){fd, bytes};
    return rc;
}

void tl_scratch_close(tl_scratch *s)
{
    if (s->bytes) {
        close(s->fd);
        atomic_fetch_sub(&taken, s->bytes);
    }
    *s = (tl_scratch){0};
}

static int bad(const char *what, const char *why, tl_err *e)
{
    return tl_fail(e, TL_EIO, "cannot %s a temporary file in %s: %s", what, folder(), why);
}

int tl_scratch_write(const tl_scratch *s, int64_t at, const void *data, size_t n, tl_err *e)
{
    return tl_write_at(s->fd, data, n, at) ? bad("write", strerror(errno), e) : 0;
}

int tl_scratch_read(const tl_scratch *s, int64_t at, void *data, size_t n, tl_err *e)
{
    ssize_t k = tl_read_at(s->fd, data, n, at);
    if (k < 0)
        return bad("read", strerror(errno), e);
    return (size_t)k < n ? bad("read", "it is too short", e) : 0;
}
