/* Plain files: a date and a band in their names, or what a pattern says. SPDX-License-Identifier:
 * MIT
 */
#include "modules/collection/folder_int.h"
#include "modules/collection/when.h"
#include "runtime/mem.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int tl__is_band_name(const char *text, size_t n)
{
    static const char *const known[] = {
        "SCL",    "AOT",      "WVP",      "TCI",      "CLD",      "SNW",   "VV",
        "VH",     "HH",       "HV",       "NDVI",     "QA",       "BQA",   "QA_PIXEL",
        "red",    "green",    "blue",     "nir",      "nir08",    "nir09", "swir16",
        "swir22", "rededge1", "rededge2", "rededge3", "rededge",  "pan",   "cirrus",
        "lwir",   "lwir11",   "coastal",  "visual",   "cloudmask"};
    size_t word = n > 4 && strncasecmp(text, "band", 4) == 0 ? 4 : 1, digits = word;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strlen(known[i]) == n && strncasecmp(text, known[i], n) == 0)
            return 1;
    if (n < 2 || (text[0] | 32) != 'b')
        return 0;
    while (digits < n && isdigit((unsigned char)text[digits]))
        digits++;
    return (digits == n || (digits == n - 1 && (text[n - 1] | 32) == 'a')) && digits > word &&
           digits <= word + 2;
}

/* Where the band at the end of a stem begins: "x_20230810_B04_10m" -> 11, metres 10; n without one.
 * *len is the band's. */
static size_t find_band(const char *stem, size_t n, size_t *len, double *metres)
{
    size_t end = n, from;
    *metres = 0;
    if (n > 4 && stem[n - 1] == 'm' && isdigit((unsigned char)stem[n - 2]) &&
        isdigit((unsigned char)stem[n - 3]) && stem[n - 4] == '_') {
        *metres = atoi(stem + n - 3);
        end = n - 4;
    }
    for (from = end; from > 0 && !strchr("_-. /", stem[from - 1]); from--)
        ;
    *len = end - from;
    if (tl__is_band_name(stem + from, *len))
        return from;
    if (from > 0 && end - from == 5 && strncasecmp(stem + from, "PIXEL", 5) == 0 && from >= 3 &&
        strncasecmp(stem + from - 3, "QA_", 3) == 0) {
        *len = 8;
        return from - 3;
    }
    *metres = 0;
    *len = 0;
    return n;
}

/* The date nearest to the file: in its name, else in its folders', the source's own last. */
static double find_date(const tl__file *f)
{
    const char *rel = f->rel;
    double whole;
    size_t end = strlen(rel);
    while (end > 0) {
        size_t from = end;
        while (from > 0 && rel[from - 1] != '/')
            from--;
        char *name = tl_xasprintf("%.*s", (int)(end - from), rel + from);
        double t;
        int found = tl__when_in_name(name, &t, NULL, NULL);
        free(name);
        if (found)
            return t;
        end = from ? from - 1 : 0;
    }
    return tl__when_in_name(f->top, &whole, NULL, NULL) ? whole : NAN;
}

void tl__plain_take(tl__drafts *all, const tl__file *f)
{
    const char *slash = strrchr(f->rel, '/'), *dot = strrchr(slash ? slash : f->rel, '.');
    size_t n = dot ? (size_t)(dot - f->rel) : strlen(f->rel), len = 0;
    double metres = 0;
    size_t at = find_band(f->rel, n, &len, &metres), keep = at;
    while (keep > 0 && at < n && strchr("_-. /", f->rel[keep - 1]))
        keep--;
    /* A band without anything around it: the source's own folder is the scene. */
    char *id =
        keep ? tl_xasprintf("%.*s", (int)keep, f->rel) : tl_xstrdup(f->top[0] ? f->top : "scene");
    char *key = tl_xasprintf("%.*s", (int)len, f->rel + at);
    int fresh = 0;
    tl__draft *d = tl__draft_get(all, id, &fresh);
    if (fresh)
        d->t0 = find_date(f);
    d->expand = len == 0;
    tl__draft_asset_add(d, len ? key : "data", f->path, 0, metres);
    free(id);
    free(key);
}

void tl__pattern_take(tl__drafts *all, const tl__file *f, const tl__match *m)
{
    int fresh = 0;
    tl__draft *d = tl__draft_get(all, m->id[0] ? m->id : f->top[0] ? f->top : "scene", &fresh);
    if (fresh) {
        d->t0 = m->t;
        tl__draft_set(&d->tile, m->tile);
        json_object_update(d->properties, m->more);
    }
    d->expand = !m->band[0];
    tl__draft_asset_add(d, m->band[0] ? m->band : "data", f->path, 0, 0);
}
