/* Trying remote files again. SPDX-License-Identifier: MIT
 *
 * GDAL repeats a request that was answered 429 or 5xx. What it does not notice is a connection cut
 * half-way: it hands the bytes that came to the decoder and keeps them in its cache. So a read that
 * fails is repeated from a clean cache. */
#include "modules/raster/raster_int.h"
#include "runtime/log.h"

#include <cpl_vsi.h>
#include <time.h>

#define MOST_TRIES 3

/* 0.25, 0.5, 1 s, each up to half as long again: threads that failed together part. */
static void wait_before(int tries, const char *uri)
{
    double s = 0.25 * (1 << (tries - 1));
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    s *= 1 + 0.5 * (double)(((uint64_t)t.tv_nsec ^ (uintptr_t)&t) % 1024) / 1024;
    tl_log(TL_LOG_INFO, "%s could not be read, try %d of %d", uri, tries + 1, MOST_TRIES);
    t.tv_sec = (time_t)s;
    t.tv_nsec = (long)((s - (double)t.tv_sec) * 1e9);
    nanosleep(&t, NULL);
}

int tl_raster_try_again(const char *uri, int code, int tries)
{
    if ((code != TL_EDATA && code != TL_ETRANSIENT) || tries >= MOST_TRIES ||
        !tl_gdal_is_remote(uri))
        return 0;
    if (code == TL_EDATA && tries > 1) /* it is what it is */
        return 0;
    tl_gdal_handle_drop(uri);
    VSICurlPartialClearCache(uri);
    wait_before(tries, uri);
    return 1;
}
