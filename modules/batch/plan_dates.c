/* Dated outputs: names of files, times of cubes. See plan.h. SPDX-License-Identifier: MIT */
#include "modules/batch/plan_int.h"
#include "runtime/log.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ID_BYTES 120 /* of a file's name, which has 255 */

void tl__plan_date(tl_plan_output *o, const tl_dated *d, int n)
{
    o->ntimes = n;
    o->nsteps = n ? n : 1;
    o->times = n ? tl_xcalloc((size_t)n, sizeof *o->times) : NULL;
    o->ids = n ? tl_xcalloc((size_t)n, sizeof *o->ids) : NULL;
    for (int i = 0; i < n; i++) {
        o->times[i] = d[i].time;
        o->ids[i] = tl_xstrdup(d[i].id);
    }
}

/* An id may be an address or a path. */
static char *safe_id(const char *id)
{
    char *s = tl_xstrdup(id);
    size_t n = strlen(s);
    if (n > MOST_ID_BYTES) {
        n = MOST_ID_BYTES;
        while (n && tl_is_within_character(s[n])) /* not within a character */
            n--;
        s[n] = '\0';
    }
    for (char *p = s; *p; p++)
        if (strchr("/\\:*?\"<>| ", *p) || (unsigned char)*p < 32 || *p == 127)
            *p = '_';
    return s;
}

int tl__plan_has_name(const tl_plan *p, const char *name)
{
    for (int i = 0; i < p->n; i++)
        if (strcmp(p->out[i].name, name) == 0)
            return 1;
    return 0;
}

char *tl__plan_dated_name(const tl_plan *p, const char *name, const char *id)
{
    char *safe = safe_id(id), *full = tl_xasprintf("%s_%s", name, safe);
    for (int k = 2; tl__plan_has_name(p, full); k++) {
        free(full);
        full = tl_xasprintf("%s_%s_%d", name, safe, k);
    }
    free(safe);
    return full;
}

int tl__plan_check_times(const tl_plan_output *o, tl_err *e)
{
    if (!tl_format_is_arrays(o->product.format))
        return 0;
    for (int i = 0; i < o->ntimes; i++) {
        if (!isfinite(o->times[i]))
            return tl_fail(e, TL_ESCRIPT,
                           "output \"%s\": the time of %s is not known, so it has no "
                           "place on a time axis",
                           o->name, o->ids[i]);
        if (i && o->times[i] == o->times[i - 1])
            tl_warn_once(
                "output \"%s\": %s and %s have the same time; some readers want times that "
                "differ",
                o->name, o->ids[i - 1], o->ids[i]);
    }
    return 0;
}
