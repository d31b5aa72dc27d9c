/* See grace.h. SPDX-License-Identifier: MIT */
#include "modules/batch/grace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Half of it, for the other half may go into carrying files. */
#define SLURM  30.0 /* engine_slurm.lua asks for the signal 60 s before the end */
#define CONDOR 60.0 /* engine_htcondor.lua has job_max_vacate_time = 120 */

/* A number of the machine's ClassAd, which lies beside the job; `standard` when it is not there or
 * is an expression. */
static double machine_says(const char *name, double standard)
{
    const char *path = getenv("_CONDOR_MACHINE_AD");
    FILE *f = path ? fopen(path, "r") : NULL;
    char line[4096];
    size_t n = strlen(name);
    double x = standard;
    while (f && fgets(line, sizeof line, f)) {
        char *end, *at = line + n;
        if (strncmp(line, name, n) != 0 || strncmp(at, " = ", 3) != 0)
            continue;
        double y = strtod(at + 3, &end);
        if (end > at + 3 && (*end == '\n' || *end == '\0'))
            x = y;
    }
    if (f)
        fclose(f);
    return x;
}

double tl_grace(void)
{
    if (getenv("_CONDOR_SCRATCH_DIR"))
        return fmin(CONDOR, machine_says("MachineMaxVacateTime", 2 * CONDOR) / 2);
    return getenv("SLURM_JOB_ID") ? SLURM : HUGE_VAL;
}
