/* tellua doctor: what this machine has. SPDX-License-Identifier: MIT */
#include "modules/batch/crew.h"
#include "modules/batch/plan.h"
#include "modules/raster/raster.h"
#include "runtime/cli.h"
#include "runtime/version.h"

#include <stdio.h>
#include <unistd.h>

int tl_cli_doctor(const tl_cli *c)
{
    char probe[17];
    (void)c;
    tl_libm_probe(probe);
    printf("tellua: %s\nLua: %s\ncores: %d\nmemory: %.1f GiB\nvector kernels: %s\nlibm: %s\n",
           tl_version(), LUA_RELEASE, tl_cores(),
           (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / 1073741824.0,
           tl_expr_isa(), probe);
    fputs(tl_raster_versions(), stdout);
    return 0;
}
