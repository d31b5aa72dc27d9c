#include "modules/raster/raster_int.h"
int tl_resample_read(const tl_raster_sampling *m, const tl_read *q, tl_err *e)
{
    (void)m;
    (void)q;
    return tl_fail(e, TL_EDATA, "resampled reads are not there yet");
}
int64_t tl_resample_bytes(const tl_raster_sampling *m, int64_t w, int64_t h)
{
    (void)m;
    return 16 * (w + 1) * (h + 1) + (24 << 20);
}
