/* How true a picture is: random cells of a view beside the same places at full resolution.
 * SPDX-License-Identifier: MIT */
#ifndef TL_REPL_CHECK_H
#define TL_REPL_CHECK_H

#include <stdatomic.h>
#include "modules/image/image.h"

typedef struct tl_check_band {
    int64_t compared;   /* cells with a value in both */
    int64_t equal;      /* of these */
    int64_t only;       /* cells with a value in one alone */
    double sum, most;   /* of the differences' sizes */
    double shown, full; /* the two values that differ most */
    double place[2];    /* there: longitude, latitude; in the image's own units without a CRS */
} tl_check_band;

typedef struct tl_check {
    const tl_image *img;
    tl_grid view, own; /* own: at full resolution */
    int64_t n;         /* cells wanted */
    uint64_t seed;
    const atomic_int *cancel; /* may be NULL */
    int64_t done;             /* cells looked at: fewer where the view hardly meets the image */
    tl_check_band *band;      /* zeroed, one per band of img; the caller's */
} tl_check;

int tl_check_run(tl_check *c, tl_err *e) TL_MUST_CHECK;

#endif
