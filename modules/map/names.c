/* Which names the map is asked for by. SPDX-License-Identifier: MIT
 *
 * A page of another site may have its name mean this machine (DNS rebinding) and is then, to the
 * browser, of the map's own site. A map that listens to this machine alone therefore answers to
 * this machine's names, and to those that its operator gives. */
#include "modules/map/map_int.h"

#include <string.h>
#include <strings.h>

static int is_loopback(const char *bind)
{
    return !bind || strncmp(bind, "127.", 4) == 0 || strcmp(bind, "::1") == 0;
}

/* Without ":8000"; an IPv6 address stands in brackets. */
static size_t name_length(const char *host)
{
    const char *end = *host == '[' ? strchr(host, ']') : NULL;
    return end ? (size_t)(end - host) + 1 : strcspn(host, ":");
}

static int is(const char *name, size_t n, const char *wanted)
{
    return strlen(wanted) == n && strncasecmp(name, wanted, n) == 0;
}

static int is_this_machine(const char *name, size_t n)
{
    static const char domain[] = ".localhost";
    const size_t tail = sizeof domain - 1;
    return is(name, n, "localhost") || is(name, n, "[::1]") ||
           (strncmp(name, "127.", 4) == 0 && strspn(name, "0123456789.") == n) ||
           (n > tail && is(name + n - tail, tail, domain));
}

int tl__map_answers_to(const tl_map_options *o, const char *host)
{
    if (!host || !is_loopback(o->bind))
        return 1;
    size_t n = name_length(host);
    int known = is_this_machine(host, n);
    for (int i = 0; i < o->nnames; i++)
        known |= is(host, n, o->names[i]);
    return known;
}
