/* Dates, addresses, JSON of catalogues: see text.h. SPDX-License-Identifier: MIT */
#include "modules/collection/text.h"
#include "modules/collection/when.h"

#include <ctype.h>
#include <string.h>

/* --- dates ------------------------------------------------------------------------------------ */

/* Exactly n digits. */
static int digits(const char **p, const char *end, int n, int *out)
{
    int v = 0;
    if (end - *p < n)
        return -1;
    for (int i = 0; i < n; i++) {
        if (!isdigit((unsigned char)(*p)[i]))
            return -1;
        v = v * 10 + (*p)[i] - '0';
    }
    *p += n;
    *out = v;
    return 0;
}

static int one_of(const char **p, const char *end, const char *set)
{
    if (*p == end || !strchr(set, **p) || !**p)
        return 0;
    ++*p;
    return 1;
}

/* "Z", "+02:00", "+0200", "+02", or nothing. */
static int zone(const char **p, const char *end, double *t)
{
    int h = 0, m = 0;
    if (one_of(p, end, "Zz") || *p == end)
        return 0;
    int west = **p == '-';
    if (!one_of(p, end, "+-") || digits(p, end, 2, &h))
        return -1;
    one_of(p, end, ":");
    if (*p < end && digits(p, end, 2, &m))
        return -1;
    *t += (west ? 1 : -1) * (h * 3600.0 + m * 60.0);
    return h > 23 || m > 59 ? -1 : 0;
}

static int clock_time(const char **p, const char *end, double *t)
{
    int h, m, s = 0;
    if (digits(p, end, 2, &h) || !one_of(p, end, ":") || digits(p, end, 2, &m))
        return -1;
    if (one_of(p, end, ":") && digits(p, end, 2, &s))
        return -1;
    if (h > 24 || m > 59 || s > 60)
        return -1;
    *t += h * 3600.0 + m * 60.0 + s;
    if (one_of(p, end, ".,")) {
        double unit = 1, f = 0;
        const char *first = *p;
        for (; *p < end && isdigit((unsigned char)**p); ++*p)
            f += (**p - '0') * (unit /= 10);
        if (*p == first)
            return -1;
        *t += f;
    }
    return zone(p, end, t);
}

int tl__date_parse(const char *s, size_t len, double *t)
{
    const char *p = s, *end = s + len;
    int y, m = 1, d = 1;
    double at;
    if (digits(&p, end, 4, &y) || !one_of(&p, end, "-") || digits(&p, end, 2, &m))
        return -1;
    if (one_of(&p, end, "-") && digits(&p, end, 2, &d))
        return -1;
    if (!tl__when(y, m, d, 0, 0, 0, &at))
        return -1;
    if (one_of(&p, end, "Tt ") && clock_time(&p, end, &at))
        return -1;
    if (p != end)
        return -1;
    *t = at;
    return 0;
}

/* --- JSON ------------------------------------------------------------------------------------- */

void tl__json_quote(tl_buf *b, const char *s, size_t len)
{
    tl__put(b, "\"", 1);
    size_t from = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        tl__put(b, s + from, i - from);
        from = i + 1;
        if (c < 0x20)
            tl_buf_printf(b, "\\u%04x", c);
        else
            tl__put(b, (char[]){'\\', (char)c}, 2);
    }
    tl__put(b, s + from, len - from);
    tl__put(b, "\"", 1);
}

/* --- hashes ----------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t h)
{
    h = (h ^ (h >> 32)) * 0xd6e8feb86659fd93u;
    h = (h ^ (h >> 32)) * 0xd6e8feb86659fd93u;
    return h ^ (h >> 32);
}

uint64_t tl__hash64(uint64_t seed, const void *data, size_t n)
{
    const unsigned char *p = data;
    uint64_t h = mix(seed ^ ((uint64_t)n * 0x9e3779b97f4a7c15u)), w;
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&w, p, 8);
        h = mix(h ^ w);
    }
    w = 0;
    if (n) /* p may be NULL */
        memcpy(&w, p, n);
    return mix(h ^ w ^ 0x5bd1e995u);
}
