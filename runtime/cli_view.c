/* tellua view: pictures of a script's outputs. SPDX-License-Identifier: MIT */
#include "runtime/cli.h"

int tl_cli_view(const tl_cli *c, tellua *t, tl_err *e)
{
    tl_plan *plan = NULL;
    int rc = tl_cli_make_plan(c, t, 1, &plan, e);
    tl_plan_free(plan);
    return rc;
}
