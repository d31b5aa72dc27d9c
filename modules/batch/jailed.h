/* Strangers' functions in the jail. SPDX-License-Identifier: MIT
 *
 * What a worker prepares is {"function": entry of a plan's functions, "types": "ifb..."}, one
 * letter per band of the call; it answers with what image/foreign.h reads. */
#ifndef TL_JAILED_H
#define TL_JAILED_H

#include "modules/batch/plan.h"
#include "modules/batch/plan_call.h"

/* A tl__foreign_maker; ctx: const tl_trust *. */
int tl__jailed_make(const void *trust, json_t *function, const tl_type *types, int nargs,
                    tl_foreign **out, tl_err *e);

#endif
