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

struct tl_outway {
    tl_outfile *f;
    int64_t at;    /* where the buffer's bytes belong */
    int64_t begun; /* where those begin that the disk was not yet told to write */
    size_t used;
    char buffer[BUFFER];
};

struct tl_outfile {
    int fd;
    char *path, *tmp;
    tl_outway front; /* from the first byte on */
};

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
    f->front.f = f;
    f->front.at = f->front.begun = 0;
    f->front.used = 0;
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

/* --- ways
 * ---------------------------------------------------------------------------------------------- */

/* So that the sync at the end finds little to do. Only advice: an error will show there. */
static void begin_writing(tl_outway *w, int64_t least)
{
    if (w->at - w->begun < least)
        return;
    sync_file_range(w->f->fd, w->begun, w->at - w->begun, SYNC_FILE_RANGE_WRITE);
    w->begun = w->at;
}

/* Past the buffer. */
static int put(tl_outway *w, const void *data, size_t n, tl_err *e)
{
    if (tl_write_at(w->f->fd, data, n, w->at))
        return fail(w->f, errno, e);
    w->at += (int64_t)n;
    begin_writing(w, AHEAD);
    return 0;
}

int tl_outway_flush(tl_outway *w, tl_err *e)
{
    size_t n = w->used;
    w->used = 0;
    return put(w, w->buffer, n, e);
}

int tl_outway_write(tl_outway *w, const void *data, size_t n, tl_err *e)
{
    int r;
    if (w->used + n > BUFFER && (r = tl_outway_flush(w, e)))
        return r;
    if (n > BUFFER)
        return put(w, data, n, e);
    if (n)
        memcpy(w->buffer + w->used, data, n);
    w->used += n;
    return 0;
}

tl_outway *tl_outway_new(tl_outfile *f)
{
    tl_outway *w = tl_xmalloc(sizeof *w);
    w->f = f;
    w->at = w->begun = 0;
    w->used = 0;
    return w;
}

int tl_outway_seek(tl_outway *w, int64_t at, tl_err *e)
{
    int r = tl_outway_flush(w, e);
    begin_writing(w, 1);
    w->at = w->begun = at;
    return r;
}

void tl_outway_free(tl_outway *w)
{
    free(w);
}

/* --- the file
 * ---------------------------------------------------------------------------------------------- */

int tl_outfile_write(tl_outfile *f, const void *data, size_t n, tl_err *e)
{
    return tl_outway_write(&f->front, data, n, e);
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
    int r = tl_outway_flush(&f->front, e);
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

int tl_outfile_put(const char *path, const void *data, size_t n, tl_err *e)
{
    tl_outfile *f;
    int r = tl_outfile_open(path, &f, e);
    if (r)
        return r;
    r = tl_outfile_write(f, data, n, e);
    if (r)
        tl_outfile_abort(f);
    else
        r = tl_outfile_commit(f, e);
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
