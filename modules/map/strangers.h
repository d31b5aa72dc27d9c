/* Plans that strangers send: what is looked at before anything is opened. SPDX-License-Identifier:
 * MIT
 *
 * Their sources are regular files below declared folders, of formats told by their first bytes,
 * whose side-cars name nothing else; their functions compile. docs/security.md says what that
 * leaves. */
#ifndef TL_MAP_STRANGERS_H
#define TL_MAP_STRANGERS_H

#include <jansson.h>
#include "modules/batch/plan.h"

/* plan: the plan itself, not wrapped; its functions become such that must compile. TL_EUSAGE says
 * what is refused. */
int tl_stranger_check(json_t *plan, const char *const *roots, int nroots, tl_err *e) TL_MUST_CHECK;
/* After loading: no call is interpreted. */
int tl_stranger_check_compiled(const tl_plan *p, tl_err *e) TL_MUST_CHECK;

#endif
