/* Decoding blocks of GeoTIFF files: see tiffread.h. SPDX-License-Identifier: MIT */
#include "modules/raster/tiffread.h"
#include "modules/raster/blockcache.h"
#include "modules/raster/predictor.h"
#include "modules/raster/tiffdir.h"
#include "runtime/mem.h"

#include <cpl_string.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_BLOCK ((int64_t)32 << 20) /* bytes, decoded */

struct tl_tifflevel {
    enum { UNKNOWN, OURS, GDALS } state;
    int number;
    struct tl_tiffread *file;
    tl_tiffdir dir;
};

struct tl_tiffread {
    tl_tiffile f; /* fd is -1: not for us */
    int nlevels;
    tl_tifflevel level[];
};

typedef struct {
    void *bytes;
    size_t size;
} buffer;

static __thread struct {
    struct libdeflate_decompressor *inflate;
    buffer packed, raw, row;
} mine;

static atomic_llong decoded, left;

void tl_tiffread_counts(int64_t *ours, int64_t *gdals)
{
    *ours = atomic_load(&decoded);
    *gdals = atomic_load(&left);
}

void tl_tiffread_thread_done(void)
{
    if (mine.inflate)
        libdeflate_free_decompressor(mine.inflate);
    free(mine.packed.bytes);
    free(mine.raw.bytes);
    free(mine.row.bytes);
    memset(&mine, 0, sizeof mine);
    tl_blockcache_forget(NULL);
}

/* At least `size` bytes; NULL when memory is gone. */
static void *reserve(buffer *b, size_t size)
{
    if (size > b->size) {
        free(b->bytes);
        *b = (buffer){NULL, 0};
        if (tl_try_alloc(&b->bytes, size, 1, "a block", NULL))
            return NULL;
        b->size = size;
    }
    return b->bytes;
}

/* --- files and levels ------------------------------------------------------------------------- */

/* Descriptors are many where handles are: half of them are left to everything else. */
static int is_spare(int fd)
{
    struct rlimit most;
    return getrlimit(RLIMIT_NOFILE, &most) == 0 && (rlim_t)fd < most.rlim_cur / 2;
}

/* The very file that was described, or -1. */
static int open_same(const tl_raster *r)
{
    struct stat st;
    if (!r->geotiff)
        return -1;
    /* What the path is by now must not make us wait. */
    int fd = open(r->s.uri, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -1;
    if (is_spare(fd) && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
        tl_gdal_stamp_fits(&r->stamp, &st))
        return fd;
    close(fd);
    return -1;
}

static struct tl_tiffread *open_file(const tl_raster *r)
{
    struct tl_tiffread *t = tl_xcalloc(1, sizeof *t + (size_t)r->nlevels * sizeof *t->level);
    t->nlevels = r->nlevels;
    t->f = (tl_tiffile){open_same(r), (uint64_t)r->stamp.bytes};
    for (int k = 0; k < t->nlevels; k++) {
        t->level[k].file = t;
        t->level[k].number = k;
    }
    return t;
}

void tl_tiffread_close(struct tl_tiffread *t)
{
    if (!t)
        return;
    tl_blockcache_forget(t);
    if (t->f.fd >= 0)
        close(t->f.fd);
    free(t);
}

static int64_t cell_bytes(const tl_tiffdir *d)
{
    return (int64_t)d->together * d->size;
}

static int reads_as_described(const tl_raster *r, const tl_tifflevel *l)
{
    const tl_tiffdir *d = &l->dir;
    const tl_level *described = &r->levels[l->number];
    if (d->w != described->w || d->h != described->h || d->nbands != r->s.nbands)
        return 0;
    for (int k = 0; k < r->s.nbands; k++)
        if ((int)tl_dtype_size(r->s.bands[k].dtype) != d->size || r->info[k].refused ||
            (d->predictor == TL_PREDICT_FLOAT && !tl_dtype_is_float(r->s.bands[k].dtype)))
            return 0;
    return (double)d->block_w * d->block_h * (double)cell_bytes(d) <= (double)MOST_BLOCK;
}

/* Whether the directory at the place that GDAL names describes what GDAL describes. GDAL is asked
 * once of each file: for the place it looks at all that the file says of its georeference. */
static int understand(const tl_raster *r, GDALRasterBandH from, tl_tifflevel *l)
{
    tl_level *described = &r->levels[l->number];
    uint64_t at = atomic_load(&described->tiff_dir);
    int bw, bh;
    if (at)
        return tl_tiffdir_read(&l->file->f, at, &l->dir) && reads_as_described(r, l);
    const char *text = GDALGetMetadataItem(from, "IFD_OFFSET", "TIFF");
    at = text ? strtoull(text, NULL, 10) : 0;
    if (!at || !tl_tiffdir_read(&l->file->f, at, &l->dir) || !reads_as_described(r, l))
        return 0;
    GDALGetBlockSize(from, &bw, &bh);
    if (l->dir.w != GDALGetRasterBandXSize(from) || l->dir.h != GDALGetRasterBandYSize(from) ||
        l->dir.block_w != bw || l->dir.block_h != bh)
        return 0;
    atomic_store(&described->tiff_dir, at);
    return 1;
}

tl_tifflevel *tl_tiffread_level(const tl_raster *r, tl_gdal_handle *h, int level, int band,
                                GDALRasterBandH from)
{
    if (!h->tiff)
        h->tiff = open_file(r);
    struct tl_tiffread *t = h->tiff;
    if (t->f.fd < 0 || level >= t->nlevels)
        return NULL;
    tl_tifflevel *l = &t->level[level];
    int masked = r->info[band].validity == TL_VALID_MASK;
    if (!from && (masked || !atomic_load(&r->levels[level].tiff_dir)))
        return NULL;
    if (l->state == UNKNOWN)
        l->state = understand(r, from, l) ? OURS : GDALS;
    /* Where the mask is a band of the same blocks, GDAL would decode them once more for it. */
    int twice = masked && l->dir.together > 1 && GDALGetMaskFlags(from) & GMF_ALPHA;
    return l->state == OURS && !twice ? l : NULL;
}

int tl_tiffread_is_enough(const tl_raster *r, tl_gdal_handle *h)
{
    tl_gdal_guard g;
    int enough = r->geotiff && r->georef != TL_GEO_WARP;
    for (int b = 0; b < r->s.nbands && enough; b++)
        enough = r->info[b].validity != TL_VALID_MASK;
    if (!enough)
        return 0;
    tl_gdal_begin(&g, NULL);
    enough = tl_tiffread_level(r, h, 0, 0, GDALGetRasterBand(h->ds.h, 1)) != NULL;
    tl_gdal_end(&g);
    return enough;
}

void tl_tiffread_block_size(const tl_tifflevel *l, int *w, int *h)
{
    *w = l->dir.block_w;
    *h = l->dir.block_h;
}

int tl_tiffread_is_whole(const tl_tifflevel *l, tl_rect win)
{
    const tl_tiffdir *d = &l->dir;
    int64_t x1 = win.x + win.w, y1 = win.y + win.h;
    return d->together == 1 && win.x % d->block_w == 0 && win.y % d->block_h == 0 &&
           (x1 % d->block_w == 0 || x1 == d->w) && (y1 % d->block_h == 0 || y1 == d->h);
}

/* --- one block -------------------------------------------------------------------------------- */

/* Rows that the file has of a block: the last strip ends with the picture. */
static int64_t rows_of(const tl_tiffdir *d, int64_t by)
{
    int64_t rest = d->h - by * d->block_h;
    return d->tiled || rest > d->block_h ? d->block_h : rest;
}

/* Block k, of `size` bytes, as it was before it was compressed. */
static int load(tl_tifflevel *l, int64_t k, void *to, size_t size)
{
    const tl_tiffile *f = &l->file->f;
    uint64_t at, length;
    if (!tl_tiffdir_block(f, &l->dir, k, &at, &length))
        return 0;
    if (!l->dir.deflated)
        return length == size && tl_tiffile_read(f, at, to, length);
    if (length > size + size / 8 + 1024) /* no writer needs as much */
        return 0;
    void *packed = reserve(&mine.packed, length);
    if (!mine.inflate)
        mine.inflate = libdeflate_alloc_decompressor();
    return packed && mine.inflate && tl_tiffile_read(f, at, packed, length) &&
           libdeflate_zlib_decompress(mine.inflate, packed, length, to, size, NULL) ==
               LIBDEFLATE_SUCCESS;
}

/* A block of one band whose cells are all wanted: from the buffer straight to where they go. */
static int decode_into(tl_tifflevel *l, int64_t k, int64_t rows, tl_rect part, void *to,
                       int64_t stride)
{
    const tl_tiffdir *d = &l->dir;
    size_t size = (size_t)d->size, n = (size_t)d->block_w;
    uint8_t *raw = reserve(&mine.raw, n * (size_t)rows * size),
            *work = reserve(&mine.row, n * size);
    if (!raw || !work || !load(l, k, raw, n * (size_t)rows * size))
        return 0;
    for (int64_t y = 0; y < part.h; y++)
        tl_unpredict_row(d->predictor, (char *)to + (size_t)(y * stride) * size, (size_t)part.w,
                         raw + (size_t)y * n * size, work, n, 1, size);
    return 1;
}

/* A whole block among those kept, all bands that it holds. */
static void *decode_kept(tl_tifflevel *l, int64_t k, int64_t rows)
{
    const tl_tiffdir *d = &l->dir;
    size_t size = (size_t)d->size, n = (size_t)d->block_w * (size_t)d->together, row = n * size;
    uint8_t *work = reserve(&mine.row, row);
    tl_blockkey key = {l->file, l->number, k};
    uint8_t *cells = work ? tl_blockcache_add(&key, row * (size_t)rows) : NULL;
    if (!cells)
        return NULL;
    if (!load(l, k, cells, row * (size_t)rows)) {
        tl_blockcache_undo();
        return NULL;
    }
    for (int64_t y = 0; y < rows && d->predictor != TL_PREDICT_NONE; y++, cells += row)
        tl_unpredict_row(d->predictor, cells, n, cells, work, n, (size_t)d->together, size);
    return tl_blockcache_find(&key);
}

#define PICK(T)                                                                                    \
    for (int64_t x = 0; x < n; x++)                                                                \
    ((T *)to)[x] = ((const T *)from)[x * lag]

static void copy_row(void *to, const void *from, int64_t n, int64_t lag, int size)
{
    if (lag == 1)
        memcpy(to, from, (size_t)n * (size_t)size);
    else if (size == 1)
        PICK(uint8_t);
    else if (size == 2)
        PICK(uint16_t);
    else if (size == 4)
        PICK(uint32_t);
    else
        PICK(uint64_t);
}

/* Out of a kept block, whose first cell is column x0, row y0. */
static void copy_part(const tl_tiffdir *d, const uint8_t *cells, int band, tl_rect part, void *to,
                      int64_t stride)
{
    int64_t x = part.x % d->block_w, y = part.y % d->block_h, lag = d->together;
    const uint8_t *from =
        cells + ((y * d->block_w + x) * lag + (lag > 1 ? band : 0)) * (int64_t)d->size;
    for (int64_t j = 0; j < part.h; j++)
        copy_row((char *)to + (size_t)(j * stride) * (size_t)d->size,
                 from + j * d->block_w * lag * d->size, part.w, lag, d->size);
}

int tl_tiffread_part(tl_tifflevel *l, int band, tl_rect part, void *to, int64_t stride, int keep)
{
    const tl_tiffdir *d = &l->dir;
    int64_t by = part.y / d->block_h, rows = rows_of(d, by);
    int64_t k = by * d->across + part.x / d->block_w;
    if (d->together == 1)
        k += band * d->across * d->down;
    tl_blockkey key = {l->file, l->number, k};
    void *cells = tl_blockcache_find(&key);
    int fresh = !cells, done = 1;
    if (fresh && !keep)
        done = decode_into(l, k, rows, part, to, stride);
    else if (cells || (cells = decode_kept(l, k, rows)))
        copy_part(d, cells, band, part, to, stride);
    else
        done = 0;
    atomic_fetch_add_explicit(done ? &decoded : &left, done ? fresh : 1, memory_order_relaxed);
    return done;
}
