/* Trying remote files again. SPDX-License-Identifier: MIT
 *
 * GDAL repeats a request that was answered 429 or 5xx. What it does not notice is a connection cut
 * half-way: it hands the bytes that came to the decoder and keeps them in its cache. So a read that
 * fails is repeated from a clean cache. */
#include "modules/raster/raster_int.h"
#include "runtime/log.h"
#include "runtime/pause.h"

#include <cpl_vsi.h>

#define MOST_TRIES 3

/* Half a second, one second, each somewhat less. */
static void wait_before(int tries, const char *uri)
{
    tl_log(TL_LOG_INFO, "%s could not be read, try %d of %d", uri, tries + 1, MOST_TRIES);
    tl_pause(0.5 * (1 << (tries - 1)) * tl_jitter());
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
