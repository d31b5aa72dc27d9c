/* See cancel.h. SPDX-License-Identifier: MIT */
#include "runtime/cancel.h"

#include <stddef.h>

static _Thread_local const atomic_int *obeyed;

void tl_obey(const atomic_int *cancel)
{
    obeyed = cancel;
}

const atomic_int *tl_obeyed(void)
{
    return obeyed;
}

int tl_cancelled(void)
{
    return obeyed && atomic_load(obeyed);
}
