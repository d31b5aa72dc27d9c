/* What the texts of options say: see cli_options_int.h. SPDX-License-Identifier: MIT */
#include "runtime/cli_options_int.h"
#include "runtime/mem.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

int tl__option_bad(tl_err *e, const char *text, const char *wanted)
{
    return tl_fail(e, TL_EUSAGE, "'%s': %s", text, wanted);
}

int tl__option_numbers(const char *text, char sep, double *x, int n)
{
    const char *p = text;
    for (int i = 0; i < n; i++) {
        char *end;
        x[i] = strtod(p, &end);
        if (end == p || !isfinite(x[i]) || *end != (i < n - 1 ? sep : '\0'))
            return -1;
        p = end + 1;
    }
    return 0;
}

int tl__option_whole(const char *text, long long least, long long most, long long *out)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (end == text || *end || errno || v < least || v > most)
        return -1;
    *out = v;
    return 0;
}

int tl__option_bytes(const char *text, int64_t *out)
{
    char *end;
    double x = strtod(text, &end), unit = 1;
    if (end == text || !(x > 0))
        return -1;
    if (*end == 'k' || *end == 'K')
        unit = 1024;
    else if (*end == 'm' || *end == 'M')
        unit = 1048576;
    else if (*end == 'g' || *end == 'G')
        unit = 1073741824;
    end += unit > 1;
    if (*end == 'i' || *end == 'I')
        end++;
    if (*end == 'b' || *end == 'B')
        end++;
    if (*end || x * unit > 1e18)
        return -1;
    *out = (int64_t)(x * unit);
    return 0;
}

int tl__option_append(const char ***list, int *n, const char *t)
{
    *list = tl_xrealloc(*list, (size_t)(*n + 1) * sizeof **list);
    (*list)[(*n)++] = t;
    return 0;
}
