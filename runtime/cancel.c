/* See cancel.h. SPDX-License-Identifier: MIT */
#include "runtime/cancel.h"

#include <stddef.h>
#include <time.h>

static _Thread_local const atomic_int *obeyed;
static _Thread_local double allowed, until;

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

static double cpu_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void tl_allow_cpu(double seconds)
{
    allowed = seconds;
    until = seconds > 0 ? cpu_time() + seconds : 0;
}

double tl_cpu_allowed(void)
{
    return allowed;
}

int tl_cpu_spent(void)
{
    return allowed > 0 && cpu_time() > until;
}
