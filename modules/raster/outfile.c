/* Files that appear whole or not at all: see outfile.h. SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* sync_file_range */
#include "modules/raster/outfile.h"
#include "runtime/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER ((size_t)1 << 20)
#define AHEAD  ((int64_t)16 << 20) /* the disk begins to write when so much is there */

ssize_t (*tl__io_write)(int fd, const void *data, size_t n) = write;

struct tl_outfile {
    int fd;
    int64_t pos, begun; /* bytes taken; bytes that the disk was told to write */
    char *path, *tmp;
    size_t used;
    char buffer[BUFFER];
};

int tl_write_all(int fd, const void *data, size_t n)
{
    const char *p = data;
    while (n) {
        ssize_t k = tl__io_write(fd, p, n < ((size_t)1 << 30) ? n : (size_t)1 << 30);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0) {
            if (!k)
                errno = ENOSPC; /* a device that takes nothing */
            return -1;
        }
        p += k;
        n -= (size_t)k;
    }
    return 0;
}

int tl_sync_dir_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int r = fd < 0 ? -1 : fsync(fd);
    int why = errno;
    if (fd >= 0)
        close(fd);
    free(dir);
    if (r && (why == EINVAL || why == ENOTSUP)) /* some file systems cannot, and need not */
        return 0;
    errno = why;
    return r;
}

static int fail(const tl_outfile *f, int why, tl_err *e)
{
    return tl_fail(e, TL_EIO, "cannot write %s: %s", f->path, strerror(why));
}

char *tl_outfile_temporary(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return tl_xasprintf("%.*s.%s.tmp-%ld", (int)(name - path), path, name, (long)getpid());
}

int tl_outfile_open(const char *path, tl_outfile **out, tl_err *e)
{
    tl_outfile *f = tl_xmalloc(sizeof *f);
    f->pos = f->begun = 0;
    f->used = 0;
    f->path = tl_xstrdup(path);
    f->tmp = tl_outfile_temporary(path);
    unlink(f->tmp); /* of a dead process that had our number */
    f->fd = open(f->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (f->fd < 0) {
        int r = fail(f, errno, e);
        free(f->path);
        free(f->tmp);
        free(f);
        return r;
    }
    *out = f;
    return 0;
}

/* So that the sync at the end finds little to do. Only advice: an error will show there. */
static void begin_writing(tl_outfile *f)
{
    if (f->pos - f->begun < AHEAD)
        return;
    sync_file_range(f->fd, f->begun, f->pos - f->begun, SYNC_FILE_RANGE_WRITE);
    f->begun = f->pos;
}

static int flush(tl_outfile *f, tl_err *e)
{
    size_t n = f->used;
    f->used = 0;
    if (tl_write_all(f->fd, f->buffer, n))
        return fail(f, errno, e);
    begin_writing(f);
    return 0;
}

int tl_outfile_write(tl_outfile *f, const void *data, size_t n, tl_err *e)
{
    int r;
    if (f->used + n > BUFFER && (r = flush(f, e)))
        return r;
    if (n > BUFFER) {
        if (tl_write_all(f->fd, data, n))
            return fail(f, errno, e);
    } else if (n) {
        memcpy(f->buffer + f->used, data, n);
        f->used += n;
    }
    f->pos += (int64_t)n;
    return 0;
}

void tl_outfile_abort(tl_outfile *f)
{
    if (!f)
        return;
    if (f->fd >= 0)
        close(f->fd);
    unlink(f->tmp);
    free(f->path);
    free(f->tmp);
    free(f);
}

/* Until the rename all can be undone; after it the file is whole, only its name may not last. */
int tl_outfile_commit(tl_outfile *f, tl_err *e)
{
    int r = flush(f, e);
    if (!r && fsync(f->fd))
        r = fail(f, errno, e);
    if (!r) {
        int fd = f->fd;
        f->fd = -1;
        if (close(fd) && errno != EINTR)
            r = fail(f, errno, e);
    }
    if (!r && rename(f->tmp, f->path))
        r = fail(f, errno, e);
    if (!r && tl_sync_dir_of(f->path))
        r = tl_fail(e, TL_EIO, "cannot sync the folder of %s: %s", f->path, strerror(errno));
    tl_outfile_abort(f); /* after the rename there is no temporary name left to remove */
    return r;
}

int tl_outfile_adopt(const char *tmp, const char *path, tl_err *e)
{
    int fd = open(tmp, O_RDONLY | O_CLOEXEC), r = 0;
    if (fd < 0 || fsync(fd) || rename(tmp, path))
        r = tl_fail(e, TL_EIO, "cannot write %s: %s", path, strerror(errno));
    else if (tl_sync_dir_of(path))
        r = tl_fail(e, TL_EIO, "cannot sync the folder of %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    unlink(tmp);
    return r;
}
