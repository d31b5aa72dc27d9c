/* One segment of a tile store: see segment.h. SPDX-License-Identifier: MIT */
#include "modules/batch/segment.h"
#include "modules/raster/outfile.h"
#include "runtime/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC   "TLTILES\n"
#define VERSION 1u
#define HEADER  ((size_t)96)
#define RECORD  ((size_t)48)
#define BATCH   ((size_t)2048) /* records read at once */
#define EMPTY   1u

/* --- small helpers ---------------------------------------------------------------------------- */

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t get32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t crc(const void *p, size_t n)
{
    return libdeflate_crc32(0, p, n);
}

static int fail(const char *what, const char *path, tl_err *e)
{
    return tl_fail(e, TL_EIO, "cannot %s %s: %s", what, path, strerror(errno));
}

/* --- header ----------------------------------------------------------------------------------- */

static void make_header(uint8_t h[HEADER], const char *key)
{
    memset(h, 0, HEADER);
    memcpy(h, MAGIC, 8);
    put32(h + 8, VERSION);
    put32(h + 12, (uint32_t)RECORD);
    memcpy(h + 16, key, 64);
    put32(h + HEADER - 4, crc(h, HEADER - 4));
}

/* *good 0: not a whole header (a process was killed while making it). */
static int check_header(const tl__segment *g, const char *key, int *good, tl_err *e)
{
    uint8_t h[HEADER];
    ssize_t n = tl_read_at(g->idx, h, HEADER, 0);
    *good = 0;
    if (n < 0)
        return fail("read", g->idx_path, e);
    if (n < (ssize_t)HEADER)
        return 0;
    if (memcmp(h, MAGIC, 8) != 0)
        return tl_fail(e, TL_EUSAGE, "%s is not an index of tiles", g->idx_path);
    if (get32(h + HEADER - 4) != crc(h, HEADER - 4))
        return tl_fail(e, TL_EDATA, "%s is damaged; remove the folder and start again",
                       g->idx_path);
    if (get32(h + 8) != VERSION || get32(h + 12) != RECORD)
        return tl_fail(e, TL_EUSAGE, "%s was written by another version of this program",
                       g->idx_path);
    if (memcmp(h + 16, key, 64) != 0)
        return tl_fail(e, TL_EUSAGE,
                       "the folder of %s belongs to another plan (%.12s..., not %.12s...); remove "
                       "it or use another",
                       g->idx_path, (const char *)h + 16, key);
    *good = 1;
    return 0;
}

int tl__segment_is_index(const char *path)
{
    char head[8];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = tl_read_at(fd, head, sizeof head, 0);
    close(fd);
    return n >= 0 && memcmp(head, MAGIC, (size_t)n) == 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

static void name_files(const char *dir, const char *name, tl__segment *g)
{
    *g = (tl__segment){.idx = -1, .dat = -1};
    g->idx_path = tl_xasprintf("%s/%s.idx", dir, name);
    g->dat_path = tl_xasprintf("%s/%s.dat", dir, name);
    g->idx_end = HEADER;
}

static int start_new(tl__segment *g, const char *key, tl_err *e)
{
    uint8_t h[HEADER];
    make_header(h, key);
    if (ftruncate(g->idx, 0) || ftruncate(g->dat, 0) || lseek(g->idx, 0, SEEK_SET) < 0)
        return fail("write", g->idx_path, e);
    if (tl_write_all(g->idx, h, HEADER)) {
        int r = fail("write", g->idx_path, e);
        if (ftruncate(g->idx, 0) == 0)
            unlink(g->idx_path);
        unlink(g->dat_path);
        return r;
    }
    return 0;
}

int tl__segment_lock(int idx, const char *path, tl_err *e)
{
    /* File systems without locks rely on the engine to give each process its own segment. */
    if (flock(idx, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
        return tl_fail(e, TL_EIO, "%s is in use by another process", path);
    return 0;
}

/* Whether the file at `path` is the one that is open. */
static int still_there(int fd, const char *path)
{
    struct stat here, there;
    return fstat(fd, &here) == 0 && stat(path, &there) == 0 && here.st_ino == there.st_ino &&
           here.st_dev == there.st_dev;
}

/* Another process may remove the file between opening and locking it. */
static int open_locked(tl__segment *g, tl_err *e)
{
    for (int attempt = 0; attempt < 100; attempt++) {
        g->idx = open(g->idx_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (g->idx < 0)
            return fail("write", g->idx_path, e);
        int r = tl__segment_lock(g->idx, g->idx_path, e);
        if (r || still_there(g->idx, g->idx_path))
            return r;
        close(g->idx);
        g->idx = -1;
    }
    return tl_fail(e, TL_EIO, "%s is made and removed by others all the time", g->idx_path);
}

static int own(tl__segment *g, const char *key, tl_err *e)
{
    int good, r = open_locked(g, e);
    if (!r)
        r = check_header(g, key, &good, e);
    if (r)
        return r;
    g->dat = open(g->dat_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (g->dat < 0) {
        r = fail("write", g->dat_path, e);
        if (!good)
            unlink(g->idx_path);
        return r;
    }
    return good ? 0 : start_new(g, key, e);
}

int tl__segment_own(const char *dir, const char *name, const char *key, tl__segment *g, tl_err *e)
{
    name_files(dir, name, g);
    int r = own(g, key, e);
    if (r)
        tl__segment_close(g);
    return r;
}

int tl__segment_look(const char *dir, const char *name, const char *key, tl__segment *g, tl_err *e)
{
    int good = 0, r = 0;
    name_files(dir, name, g);
    g->idx = open(g->idx_path, O_RDONLY | O_CLOEXEC);
    if (g->idx < 0 && errno != ENOENT)
        r = fail("read", g->idx_path, e);
    if (g->idx >= 0 && tl__segment_is_index(g->idx_path))
        r = check_header(g, key, &good, e);
    if (good && (g->dat = open(g->dat_path, O_RDONLY | O_CLOEXEC)) < 0) {
        good = 0; /* its tiles are lost, and will be made again */
        if (errno != ENOENT)
            r = fail("read", g->dat_path, e);
    }
    if (r || !good)
        tl__segment_close(g);
    return r;
}

void tl__segment_rest(tl__segment *g, int dat)
{
    if (g->idx >= 0)
        close(g->idx);
    if (g->dat >= 0 && !dat)
        close(g->dat);
    g->idx = -1;
    g->dat = dat ? g->dat : -1;
}

void tl__segment_close(tl__segment *g)
{
    tl__segment_rest(g, 0);
    free(g->idx_path);
    free(g->dat_path);
    *g = (tl__segment){.idx = -1, .dat = -1};
}

/* --- records ---------------------------------------------------------------------------------- */

static void encode(uint8_t r[RECORD], const tl__place *p)
{
    const uint32_t v[] = {p->product,
                          p->level,
                          p->tx,
                          p->ty,
                          p->len,
                          p->mask_len,
                          p->crc,
                          p->len ? 0 : EMPTY,
                          (uint32_t)p->offset,
                          (uint32_t)(p->offset >> 32),
                          0};
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++)
        put32(r + 4 * i, v[i]);
    put32(r + RECORD - 4, crc(r, RECORD - 4));
}

static int decode(const uint8_t r[RECORD], uint64_t dat_size, tl__place *p)
{
    if (get32(r + RECORD - 4) != crc(r, RECORD - 4))
        return 0;
    *p = (tl__place){.product = get32(r),
                     .level = get32(r + 4),
                     .tx = get32(r + 8),
                     .ty = get32(r + 12),
                     .len = get32(r + 16),
                     .mask_len = get32(r + 20),
                     .crc = get32(r + 24),
                     .offset = get32(r + 32) | (uint64_t)get32(r + 36) << 32};
    uint64_t n = (uint64_t)p->len + p->mask_len;
    return p->level < TL__MOST_LEVELS && p->product < 65536 && p->offset <= dat_size &&
           n <= dat_size - p->offset && (p->len ? 0 : EMPTY) == (get32(r + 28) & EMPTY);
}

/* Whether the data of p are what was written. 1, 0, or -1: out of memory. */
static int intact(const tl__segment *g, const tl__place *p, tl_err *e)
{
    uint8_t *buf = NULL;
    if (tl_try_alloc((void **)&buf, (size_t)p->len + p->mask_len, 1, "a tile", e))
        return -1;
    int good = tl__segment_read(g, p, buf, e) == 0;
    free(buf);
    return good;
}

typedef struct loader {
    tl__segment *g;
    int verify;
    uint64_t dat_size;
    tl__on_place *on_place;
    void *ctx;
} loader;

/* Takes n records that lie at `at` in the file. */
static int take(loader *l, const uint8_t *r, size_t n, uint64_t at, tl_err *e)
{
    for (size_t i = 0; i < n; i++, r += RECORD, at += RECORD) {
        tl__place p;
        tl_err why = TL_ERR_INIT;
        if (!decode(r, l->dat_size, &p))
            continue;
        if (p.len && l->verify) {
            int good = intact(l->g, &p, &why);
            if (good < 0)
                return tl_fail(e, why.code, "%s", why.message);
            if (!good)
                continue;
        }
        l->g->idx_end = at + RECORD;
        if (p.offset + p.len + p.mask_len > l->g->dat_end)
            l->g->dat_end = p.offset + p.len + p.mask_len;
        int bad = l->on_place(l->ctx, &p, e);
        if (bad)
            return bad;
    }
    return 0;
}

/* Records whose data are not all there are torn, too, in whatever order the disk got them. */
static int cut(tl__segment *g, tl_err *e)
{
    if (ftruncate(g->idx, (off_t)g->idx_end) || lseek(g->idx, 0, SEEK_END) < 0)
        return fail("write", g->idx_path, e);
    if (ftruncate(g->dat, (off_t)g->dat_end) || lseek(g->dat, 0, SEEK_END) < 0)
        return fail("write", g->dat_path, e);
    return 0;
}

int tl__segment_load(tl__segment *g, int is_own, int verify, tl__on_place *on_place, void *ctx,
                     tl_err *e)
{
    struct stat st;
    uint64_t at = g->idx_end;
    uint8_t *buf = tl_xmalloc(BATCH * RECORD);
    ssize_t n = 0;
    int r = 0;
    for (;; at += (uint64_t)n / RECORD * RECORD) {
        n = tl_read_at(g->idx, buf, BATCH * RECORD, (int64_t)at);
        if (n < (ssize_t)RECORD)
            break;
        /* The size after the records: data come first, so theirs are in it. */
        if (fstat(g->dat, &st)) {
            r = fail("read", g->dat_path, e);
            break;
        }
        loader l = {g, verify, (uint64_t)st.st_size, on_place, ctx};
        if ((r = take(&l, buf, (size_t)n / RECORD, at, e)))
            break;
    }
    free(buf);
    if (!r && n < 0)
        r = fail("read", g->idx_path, e);
    return r || !is_own ? r : cut(g, e);
}

/* --- data ------------------------------------------------------------------------------------- */

static int undo(tl__segment *g)
{
    return ftruncate(g->dat, (off_t)g->dat_end) || ftruncate(g->idx, (off_t)g->idx_end) ||
           lseek(g->dat, (off_t)g->dat_end, SEEK_SET) < 0 ||
           lseek(g->idx, (off_t)g->idx_end, SEEK_SET) < 0;
}

int tl__segment_append(tl__segment *g, tl__place *p, const tl_packed *t, tl_err *e)
{
    uint8_t r[RECORD];
    if (g->broken)
        return tl_fail(e, TL_EIO, "cannot write %s after an earlier failure", g->idx_path);
    p->offset = g->dat_end;
    p->crc = libdeflate_crc32(0, t->bytes, t->len); /* NULL and 0: the start value */
    p->crc = t->mask_len ? libdeflate_crc32(p->crc, t->mask, t->mask_len) : p->crc;
    encode(r, p);
    int bad = 0;
    if (tl_write_all(g->dat, t->bytes, t->len) || tl_write_all(g->dat, t->mask, t->mask_len))
        bad = fail("write", g->dat_path, e);
    else if (tl_write_all(g->idx, r, RECORD))
        bad = fail("write", g->idx_path, e);
    if (bad) {
        g->broken = undo(g) != 0;
        return bad;
    }
    g->dat_end += (uint64_t)p->len + p->mask_len;
    g->idx_end += RECORD;
    return 0;
}

int tl__segment_read(const tl__segment *g, const tl__place *p, uint8_t *buf, tl_err *e)
{
    size_t n = (size_t)p->len + p->mask_len;
    int fd = g->dat >= 0 ? g->dat : open(g->dat_path, O_RDONLY | O_CLOEXEC);
    ssize_t k = fd < 0 ? -1 : tl_read_at(fd, buf, n, (int64_t)p->offset);
    int r = k < 0 ? fail("read", g->dat_path, e) : 0;
    if (fd >= 0 && fd != g->dat)
        close(fd);
    if (r)
        return r;
    if ((size_t)k < n || crc(buf, n) != p->crc)
        return tl_fail(e, TL_EDATA, "tile %u,%u of level %u is damaged in %s", p->tx, p->ty,
                       p->level, g->dat_path);
    return 0;
}

int tl__segment_sync(const tl__segment *g, tl_err *e)
{
    if (fdatasync(g->dat))
        return fail("sync", g->dat_path, e);
    if (fdatasync(g->idx))
        return fail("sync", g->idx_path, e);
    return tl_sync_dir_of(g->idx_path) ? fail("sync the folder of", g->idx_path, e) : 0;
}
