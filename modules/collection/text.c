/* Dates, addresses, JSON of catalogues: see text.h. SPDX-License-Identifier: MIT */
#include "modules/collection/text.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

/* --- dates ------------------------------------------------------------------------------------ */

/* Days since 1970-01-01 of the proleptic Gregorian calendar: years are counted from March, so that
 * the leap day is the last one. */
static int64_t days_of(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void tl__date_split(double t, int *year, int *month, int *day)
{
    int64_t z = (int64_t)floor(t / 86400) + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

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

static int month_days(int y, int m)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[m - 1] + (m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
}

int tl__date_parse(const char *s, size_t len, double *t)
{
    const char *p = s, *end = s + len;
    int y, m = 1, d = 1;
    if (digits(&p, end, 4, &y) || !one_of(&p, end, "-") || digits(&p, end, 2, &m) || m < 1 ||
        m > 12)
        return -1;
    if (one_of(&p, end, "-") && (digits(&p, end, 2, &d) || d < 1 || d > month_days(y, m)))
        return -1;
    double at = (double)days_of(y, m, d) * 86400;
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

static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++)
        if (*p == '\\' && ++p == end)
            return NULL;
    return p < end ? p + 1 : NULL;
}

const char *tl__json_skip(const char *p, const char *end)
{
    int depth = 0;
    while (p < end && strchr(" \t\r\n", *p) && *p)
        p++;
    const char *first = p;
    while (p && p < end) {
        if (*p == '"') {
            p = skip_string(p, end);
        } else if (*p == '[' || *p == '{') {
            depth++;
            p++;
        } else if (*p == ']' || *p == '}') {
            if (!depth)
                break;
            depth--;
            p++;
        } else if (!depth && (*p == ',' || *p == ':' || isspace((unsigned char)*p))) {
            break;
        } else {
            p++;
            continue;
        }
        if (p && !depth)
            break;
    }
    return p && p > first && !depth ? p : NULL;
}

/* --- addresses -------------------------------------------------------------------------------- */

/* "s3:", "https:", "NETCDF:"; the length with its colon, 0 for none. */
static size_t scheme(const char *s)
{
    size_t n = 0;
    while (isalnum((unsigned char)s[n]) || (n && (s[n] == '+' || s[n] == '-' || s[n] == '.')))
        n++;
    return n > 1 && isalpha((unsigned char)*s) && s[n] == ':' ? n + 1 : 0;
}

/* What of `base` stays whatever the href: "https://host" or "". */
static size_t root_of(const char *base)
{
    size_t n = scheme(base);
    if (!n || strncmp(base + n, "//", 2) != 0)
        return 0;
    return n + 2 + strcspn(base + n + 2, "/?#");
}

void tl__href_join(tl_buf *b, const char *base, const char *href)
{
    if (scheme(href)) {
        tl_buf_puts(b, href);
        return;
    }
    size_t root = root_of(base), len = root + strcspn(base + root, root ? "?#" : "");
    if (href[0] == '/') {
        if (href[1] == '/' && root) /* "//host/path" */
            tl__put(b, base, scheme(base));
        else
            tl__put(b, base, root);
        tl_buf_puts(b, href);
        return;
    }
    while (len > root && base[len - 1] != '/')
        len--;
    for (;;) {
        if (strncmp(href, "./", 2) == 0) {
            href += 2;
        } else if (strncmp(href, "../", 3) == 0 && len > root + 1) {
            href += 3;
            for (len--; len > root && base[len - 1] != '/'; len--)
                ;
        } else {
            break;
        }
    }
    tl__put(b, base, len);
    if (root && len == root)
        tl__put(b, "/", 1);
    tl_buf_puts(b, href);
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
    if (n)
        memcpy(&w, p, n);
    return mix(h ^ w ^ 0x5bd1e995u);
}
