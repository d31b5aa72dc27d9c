/* Where a run's products go. SPDX-License-Identifier: MIT */
#ifndef TL_PLACE_H
#define TL_PLACE_H

#include "modules/batch/plan.h"

/* Refuses products of more cells than `most` (0 = no limit). */
int tl__place_check_size(const tl_plan *p, int64_t most, tl_err *e) TL_MUST_CHECK;
/* Makes the folder, and refuses what could not be finished there, before anything is computed. */
int tl__place_prepare(const tl_plan *p, const char *dir, tl_err *e) TL_MUST_CHECK;
/* Removes what a killed run was assembling beside the products, and brings back an old product that
 * it was about to replace. */
void tl__place_mend(const tl_plan *p, const char *dir);

#endif
