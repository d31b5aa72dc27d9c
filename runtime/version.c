/* The version of this program. SPDX-License-Identifier: MIT */
#include "runtime/version.h"
#include "build_version.h"

const char *tl_version(void)
{
    return TL_VERSION;
}
