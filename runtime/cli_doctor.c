/* tellua doctor: what this machine has. SPDX-License-Identifier: MIT */
#include "modules/batch/crew.h"
#include "modules/batch/plan.h"
#include "modules/collection/gazetteer.h"
#include "modules/raster/raster.h"
#include "runtime/cli.h"
#include "runtime/jail.h"
#include "runtime/version.h"

#include <stdio.h>
#include <unistd.h>

static void print_gazetteer(void)
{
    tl_gazetteer *g = NULL;
    tl_err e = TL_ERR_INIT;
    if (tl_gazetteer_open(NULL, &g, &e))
        printf("gazetteer: none: %s\n", e.message);
    else
        printf("gazetteer: %s, %lld places\n", tl_gazetteer_path(),
               (long long)tl_gazetteer_count(g));
    tl_gazetteer_close(g);
}

static void print_jail(void)
{
    tl_jail *j = tl_jail_new(NULL);
    tl_err e = TL_ERR_INIT;
    if (tl_jail_describe(j, stdout, &e))
        printf("jail: none, strangers' code is not run: %s\n", e.message);
    tl_jail_free(j);
}

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
    print_gazetteer();
    print_jail();
    return 0;
}
