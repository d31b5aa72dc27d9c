/* Folders that appear whole or not at all: see outdir.h. SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* renameat2, syncfs */
#include "modules/raster/outdir.h"
#include "modules/raster/outfile.h"
#include "runtime/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tl_outdir {
    char *path, *tmp, *old;
    int fd; /* of tmp */
};

/* --- trees ------------------------------------------------------------------------------------ */

static int is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Never through a symbolic link. What cannot be removed stays. */
static void remove_tree(int at, const char *name)
{
    if (unlinkat(at, name, 0) == 0 || (errno != EISDIR && errno != EPERM))
        return;
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *d;
    while (dir && (d = readdir(dir)))
        if (!is_dots(d->d_name))
            remove_tree(fd, d->d_name);
    if (dir)
        closedir(dir);
    unlinkat(at, name, AT_REMOVEDIR);
}

static int64_t bytes_at(int at, const char *name)
{
    struct stat st;
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW))
        return 0;
    if (!S_ISDIR(st.st_mode))
        return (int64_t)st.st_size;
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *d;
    int64_t sum = 0;
    while (dir && (d = readdir(dir)))
        if (!is_dots(d->d_name))
            sum += bytes_at(fd, d->d_name);
    if (dir)
        closedir(dir);
    return sum;
}

int64_t tl_tree_bytes(const char *path)
{
    return bytes_at(AT_FDCWD, path);
}

/* --- writing ---------------------------------------------------------------------------------- */

static int fail(const tl_outdir *d, int why, tl_err *e)
{
    return tl_fail(e, TL_EIO, "cannot write %s: %s", d->path, strerror(why));
}

static void release(tl_outdir *d)
{
    if (d->fd >= 0)
        close(d->fd);
    free(d->path);
    free(d->tmp);
    free(d->old);
    free(d);
}

int tl_outdir_open(const char *path, tl_outdir **out, tl_err *e)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    tl_outdir *d = tl_xmalloc(sizeof *d);
    d->path = tl_xstrdup(path);
    d->tmp = tl_outfile_temporary(path);
    d->old = tl_xasprintf("%.*s.%s.old-%ld", (int)(name - path), path, name, (long)getpid());
    remove_tree(AT_FDCWD, d->tmp); /* of a dead process that had our number */
    int made = mkdir(d->tmp, 0777) == 0;
    d->fd = made ? open(d->tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (d->fd < 0) {
        int r = fail(d, errno, e);
        if (made)
            rmdir(d->tmp);
        release(d);
        return r;
    }
    *out = d;
    return 0;
}

int tl_outdir_make(tl_outdir *d, const char *name, tl_err *e)
{
    return mkdirat(d->fd, name, 0777) ? fail(d, errno, e) : 0;
}

int tl_outdir_put(tl_outdir *d, const char *name, const void *data, size_t n, tl_err *e)
{
    int fd = openat(d->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return fail(d, errno, e);
    int r = tl_write_all(fd, data, n) ? fail(d, errno, e) : 0;
    if (close(fd) && errno != EINTR && !r)
        r = fail(d, errno, e);
    return r;
}

void tl_outdir_abort(tl_outdir *d)
{
    if (!d)
        return;
    remove_tree(AT_FDCWD, d->tmp);
    release(d);
}

/* The new folder takes the place of what is there. In one step where the file system can. */
static int take_place(const tl_outdir *d)
{
    struct stat st;
    if (lstat(d->path, &st))
        return errno == ENOENT ? rename(d->tmp, d->path) : -1;
    if (renameat2(AT_FDCWD, d->tmp, AT_FDCWD, d->path, RENAME_EXCHANGE) == 0) {
        remove_tree(AT_FDCWD, d->tmp);
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (rename(d->path, d->old))
        return -1;
    if (rename(d->tmp, d->path)) {
        int why = errno, back = rename(d->old, d->path);
        (void)back; /* where even that fails, the next run mends it */
        errno = why;
        return -1;
    }
    remove_tree(AT_FDCWD, d->old);
    return 0;
}

/* One call for all files: thousands of fsync take minutes. */
int tl_outdir_commit(tl_outdir *d, tl_err *e)
{
    int r = syncfs(d->fd) ? fail(d, errno, e) : 0;
    if (!r && take_place(d))
        r = fail(d, errno, e);
    if (!r && tl_sync_dir_of(d->path))
        r = tl_fail(e, TL_EIO, "cannot sync the folder of %s: %s", d->path, strerror(errno));
    tl_outdir_abort(d); /* after the rename there is no temporary name left to remove */
    return r;
}

void tl_outdir_mend(const char *path, const char *entry)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    char *left = tl_xasprintf("%.*s%s", (int)(name - path), path, entry);
    struct stat st;
    int is_old = strncmp(entry + 1 + strlen(name), ".old-", 5) == 0;
    if (!is_old || lstat(path, &st) == 0 || errno != ENOENT || rename(left, path))
        remove_tree(AT_FDCWD, left);
    free(left);
}
