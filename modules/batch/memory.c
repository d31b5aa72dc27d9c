/* How much memory a run takes, before it starts. See engine.h. SPDX-License-Identifier: MIT */
#include "modules/batch/crew.h"
#include "modules/batch/engine.h"
#include "modules/batch/pyramid.h"
#include "modules/raster/codec.h"

#include <unistd.h>

#define MIB (1024 * 1024LL)
/* What the program, GDAL, PROJ and their tables take before any pixel. */
#define BASE_BYTES (84 * MIB)
/* Per thread: its stack, its dataset handles, its PROJ context, what a decoder allocates. */
#define HANDLE_BYTES (6 * MIB)
#define LEAST_ROWS   16
/* Program, samplings and JSON of one pass of a short graph; BASE_BYTES holds the first ones. */
#define PASS_BYTES (24 * 1024LL)
/* Graph, program and JSON behind one instruction, which count where there are tens of thousands. */
#define INSTRUCTION_BYTES 512
/* Datasets a thread keeps open. ORDER modules/raster/gdal.c */
#define MOST_HANDLES 32

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Buffers of one thread for one pass when `rows` rows of a tile are computed at once. */
static int64_t thread_bytes(const tl_plan *p, int k, int rows)
{
    const tl_plan_pass *pass = &p->pass[k];
    int64_t tile = pass->tile, bytes = tl_pass_worker_bytes(pass->pass, tile, rows), build = 0;
    for (int m = 0; m < pass->nmembers; m++) {
        const tl_plan_output *o = &p->out[pass->member[m].output];
        const tl_product *q = &o->part;
        bytes += tile * tile * o->nbands * (int64_t)(tl_dtype_size(q->dtype) + 1);
        if (m == 0 || !tl_codec_alike(&p->out[pass->member[m - 1].output].part, q))
            bytes += tl_codec_bytes(q);
        build = most(build, tl_pyramid_build_bytes(q)); /* one parent at a time */
        bytes += tl_pyramid_kept_bytes(q);
    }
    return bytes + build;
}

/* A file's own blocks behind one tile: they should stay in the cache until its neighbours are done.
 * *handles: a block is read and decoded whole whatever is asked of it, bands interleaved in it
 * together; GDAL keeps both buffers as long as the thread's handle is open. */
static int64_t source_bytes(const tl_plan_pass *pass, int64_t *handles)
{
    int64_t bytes = 0, open = 0, n = 0;
    for (int i = 0; i < tl_pass_samplings(pass->pass); i++) {
        const tl_source *s = tl_pass_sampling(pass->pass, i)->source;
        int64_t block = 0, files = most(s->nfiles, 1);
        for (int b = 0; b < s->nbands; b++) {
            const tl_band *band = &s->bands[b];
            int64_t size = (int64_t)tl_dtype_size(band->dtype);
            int64_t w = most(pass->tile, band->block_w), h = most(pass->tile, band->block_h);
            block = most(block, band->block_w * (int64_t)band->block_h *
                                    most(band->block_bands, 1) * size);
            bytes += least(w, s->native.w) * least(h, s->native.h) * size * files;
        }
        open += 2 * block * files;
        n += files;
    }
    *handles = most(*handles, n > MOST_HANDLES ? open / n * MOST_HANDLES : open);
    return bytes;
}

static int64_t default_limit(void)
{
    int64_t ram = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    return ram > 0 && ram / 2 < 1024 * MIB ? ram / 2 : 1024 * MIB;
}

/* Index of the store (40 bytes a tile), offsets of the file (16 a tile), pyramid (1); the plan of
 * many dates, or of a large program. */
static int64_t index_bytes(const tl_plan *p)
{
    int64_t bytes = (p->npasses - 1) * PASS_BYTES;
    for (int k = 0; k < p->npasses; k++)
        bytes +=
            (int64_t)tl_prog_instructions(tl_pass_program(p->pass[k].pass)) * INSTRUCTION_BYTES;
    for (int i = 0; i < p->n; i++) {
        const tl_product *q = &p->out[i].product;
        for (int level = 0; level < tl_product_levels(q); level++) {
            int64_t across, down;
            tl_product_level_tiles(q, level, &across, &down);
            bytes += across * down * 80 * p->out[i].nparts * p->out[i].nsteps;
        }
    }
    return bytes;
}

static int64_t total(const tl_plan *p, tl_memory_plan *m, int64_t limit)
{
    int64_t want = 0, handles = 0;
    m->per_thread = 0;
    for (int k = 0; k < p->npasses; k++) {
        int64_t bytes = thread_bytes(p, k, (int)least(m->rows, p->pass[k].tile));
        m->per_thread = most(m->per_thread, bytes);
        want = most(want, source_bytes(&p->pass[k], &handles));
    }
    m->per_thread += HANDLE_BYTES + handles;
    int64_t fixed = m->base + m->index + m->threads * m->per_thread;
    m->cache = most(16 * MIB, least(m->threads * want + 8 * MIB, (limit - fixed)));
    m->cache = least(m->cache, 256 * MIB);
    m->total = fixed + m->cache;
    return m->total;
}

int tl_plan_memory(const tl_plan *p, int threads, int64_t mem, tl_memory_plan *out, tl_err *e)
{
    int64_t limit = mem > 0 ? mem : default_limit();
    tl_memory_plan m = {
        .threads = threads > 0 ? threads : tl_cores(), .rows = 1 << 20, .base = BASE_BYTES};
    int64_t tile = 0;
    m.index = index_bytes(p);
    for (int k = 0; k < p->npasses; k++)
        tile = most(tile, p->pass[k].tile);
    m.rows = (int)tile;
    while (total(p, &m, limit) > limit) {
        if (m.rows > LEAST_ROWS)
            m.rows /= 2;
        else if (m.threads > 1)
            m.threads--;
        else
            return tl_fail(e, TL_ENOMEM,
                           "this needs %.0f MiB even in the smallest blocks on one thread, --mem "
                           "allows %.0f MiB",
                           (double)m.total / (double)MIB, (double)limit / (double)MIB);
    }
    *out = m;
    return 0;
}
