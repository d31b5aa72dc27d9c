/* The local engine: a plan computed at full resolution into products. SPDX-License-Identifier: MIT
 *
 * Works in a temporary job folder DIR/.NAME.job: finished compressed tiles in a store, then a merge
 * that assembles them into DIR/NAME.tif (or .png, .zarr, .nc). A run that was killed is continued
 * with `resume`. */
#ifndef TL_ENGINE_H
#define TL_ENGINE_H

#include <stdatomic.h>
#include "modules/batch/plan.h"

/* What a run of these threads and this memory looks like; bytes. */
typedef struct tl_memory_plan {
    int threads;
    int rows;      /* of a tile that are computed at once */
    int64_t cache; /* GDAL's block cache */
    int64_t per_thread;
    int64_t base;  /* the program and its libraries */
    int64_t index; /* tables that grow with the number of tiles */
    int64_t total;
} tl_memory_plan;

typedef struct tl_run_progress {
    int64_t tiles, tiles_done; /* of all passes; done includes those a former run left */
    int64_t cells_done;        /* by this run */
    double seconds;            /* since computing began */
    const char *merging;       /* output being assembled, or NULL */
} tl_run_progress;

typedef struct tl_run_options {
    const char *dir;    /* where products go; made when missing */
    int threads;        /* 0 = all cores */
    int64_t mem;        /* bytes the process may take; 0 = 1 GiB or half the machine's */
    int64_t max_pixels; /* cells of all products; 0 = no limit */
    int resume;
    const atomic_int *cancel;
    void (*progress)(void *ctx, const tl_run_progress *p); /* five times a second; may be NULL */
    void *ctx;
} tl_run_options;

typedef struct tl_run_report {
    double seconds_total, seconds_compute, seconds_merge;
    int64_t pixels;                    /* cells computed, bands not counted twice */
    int64_t blocks, blocks_kept;       /* tiles of this run; of a former one */
    int64_t bytes_read, bytes_written; /* by the process, all files */
    int64_t tile_bytes;                /* compressed */
    tl_memory_plan memory;
    int64_t peak_rss;
} tl_run_report;

/* TL_ENOMEM with the figure when `mem` cannot hold it. */
int tl_plan_memory(const tl_plan *p, int threads, int64_t mem, tl_memory_plan *out,
                   tl_err *e) TL_MUST_CHECK;

/* Says in one warning per call how many pixels raised. */
int tl_run_plan(const tl_plan *p, const tl_run_options *o, tl_run_report *report,
                tl_err *e) TL_MUST_CHECK;

/* Calls of the plan that raised on some pixels, since it was made: blocks kept from a former run
 * say nothing. Returns how many; *out is the caller's to free(), what it names is the plan's. */
int tl_plan_raised(const tl_plan *p, tl_pass_trap **out);

/* DIR/NAME.tif, .png, .zarr or .nc; free() it. */
char *tl_product_path(const tl_plan_output *o, const char *dir);

#endif
