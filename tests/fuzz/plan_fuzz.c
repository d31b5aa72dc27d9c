/* Any text as a stranger's plan: read, planned, never run. There is no jail behind it and no folder
 * that is open: what is tried is the reading. SPDX-License-Identifier: MIT
 *
 * clang -fsanitize=fuzzer makes a fuzzer of it; tests/c/jail_corpus_test.c replays the corpus. */
#include "modules/batch/plan.h"
#include "modules/raster/roots.h"
#include "runtime/jail.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static tl_jail *jail;
    static const tl_roots *roots;
    static tl_limits limits;
    tl_err e = TL_ERR_INIT;
    tl_plan *p = NULL;
    if (!jail) {
        static const tl_jail_options none = {.worker = "/nowhere"};
        static const char *const root[] = {"tests/data"};
        jail = tl_jail_new(&none);
        limits = tl_limits_of(TL_PROFILE_PIXEL);
        if (tl_roots_new(root, 1, &roots, &e))
            abort();
    }
    tl_trust trust = {"fuzz", jail, &limits, roots};
    if (!tl_plan_load_foreign((const char *)data, size, &trust, &p, &e))
        tl_plan_free(p);
    return 0;
}
