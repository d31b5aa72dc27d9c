/* NetCDF and Zarr with a time axis: each step a scene. SPDX-License-Identifier: MIT */
#include "modules/collection/folder_int.h"
#include "modules/collection/open.h"
#include "modules/collection/when.h"
#include "modules/raster/timestack.h"
#include "runtime/mem.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Seconds of all steps; NaN where nothing says when. */
static int read_times(const tl_stack *s, const char *rel, double *t, tl_err *e)
{
    const char *slash = strrchr(rel, '/');
    int code = 0;
    for (size_t i = 0; i < s->nsteps; i++)
        t[i] = NAN;
    if (s->number) {
        code = tl__when_cf(s->time_name, s->units, s->calendar, s->number, t, (int)s->nsteps, e);
        if (code)
            return tl_err_prefix(e, "%s", s->file);
    }
    for (size_t i = 0; s->text && i < s->nsteps; i++)
        if (!tl__when_parse(s->text[i], &t[i]))
            return tl_fail(e, TL_EDATA, "%s: step %zu of %s is '%s', which is no date", s->file,
                           i + 1, s->time_name, s->text[i]);
    if (s->nsteps == 1 && isnan(t[0]) && !tl__when_parse(s->start, &t[0]))
        tl__when_in_name(slash ? slash + 1 : rel, &t[0], NULL, NULL);
    return 0;
}

/* Files that differ in their pixels only, S2_L2A_10m_x.nc and S2_L2A_20m_x.nc, hold the same
 * scenes: "_10m" and the extension are not in the name. */
static char *stem_of(const char *rel)
{
    char *stem = tl_xstrdup(rel), *slash = strrchr(stem, '/'), *dot;
    char *name = slash ? slash + 1 : stem;
    if ((dot = strrchr(name, '.')) && dot > name)
        *dot = '\0';
    for (char *c = strchr(name, '_'); c; c = strchr(c + 1, '_')) {
        size_t n = strspn(c + 1, "0123456789");
        if (n < 1 || n > 5 || c[n + 1] != 'm' || (c[n + 2] && c[n + 2] != '_'))
            continue;
        memmove(c, c + n + 2, strlen(c + n + 2) + 1);
        break;
    }
    return stem;
}

static double metres_of(const char *rel)
{
    for (const char *c = strchr(rel, '_'); c; c = strchr(c + 1, '_')) {
        size_t n = strspn(c + 1, "0123456789");
        if (n >= 1 && n <= 5 && c[n + 1] == 'm' && (!c[n + 2] || strchr("_.", c[n + 2])))
            return atof(c + 1);
    }
    return 0;
}

/* Angles of the sun go by their names of STAC too. */
static void add_scalars(tl__draft *d, const tl_stack *s, size_t step)
{
    for (size_t i = 0; i < s->nscalars; i++) {
        const char *name = s->scalar[i].name;
        double v = s->scalar[i].value[step];
        if (!isfinite(v))
            continue;
        json_object_set_new(d->properties, name, json_real(v));
        if (strcmp(name, "sunZenithAngles") == 0 || strcmp(name, "solar_zenith_angle") == 0)
            json_object_set_new(d->properties, "view:sun_elevation", json_real(90 - v));
        if (strcmp(name, "sunAzimuthAngles") == 0 || strcmp(name, "solar_azimuth_angle") == 0)
            json_object_set_new(d->properties, "view:sun_azimuth", json_real(v));
    }
}

/* Where the variables of a file lie, which is the same for all steps. */
typedef struct placed {
    const char *crs;
    double bounds[4], metres;
} placed;

static int find_place(const tl_stack *s, placed *p, tl_err *e)
{
    int band = 0;
    char *href = tl_stack_href(s, &s->var[0], 0, &band);
    int code = tl__place_of(href, &p->crs, p->bounds, e);
    free(href);
    return code;
}

static void add_step(tl__draft *d, const tl_stack *s, size_t step, const placed *p)
{
    for (size_t k = 0; k < s->nvars; k++) {
        int band = 0;
        char *href = tl_stack_href(s, &s->var[k], step, &band);
        tl__draft_asset_add(d, s->var[k].key, href, band, p->metres);
        free(href);
    }
    if (!d->crs) {
        d->crs = p->crs;
        memcpy(d->bounds, p->bounds, sizeof d->bounds);
    }
    add_scalars(d, s, step);
}

/* Two steps at one second are two scenes. */
static char *id_of(const char *stem, const tl_stack *s, const double *t, size_t step)
{
    char when[24];
    size_t same = 1;
    for (size_t i = step; i-- > 0 && floor(t[i]) == floor(t[step]);)
        same++;
    if (s->nsteps == 1 && !s->number && !s->text)
        return tl_xstrdup(stem);
    if (isnan(t[step]))
        return tl_xasprintf("%s_%zu", stem, step + 1);
    tl__when_compact(t[step], when);
    if (same > 1)
        return tl_xasprintf("%s_%s_%zu", stem, when, same);
    return tl_xasprintf("%s_%s", stem, when);
}

int tl__timestack_take(tl__drafts *all, const char *path, const char *rel, const tl__match *m,
                       tl_err *e)
{
    tl_stack *s = NULL;
    int code = tl_stack_open(path, &s, e);
    if (code)
        return code;
    double *t = tl_xcalloc(s->nsteps, sizeof *t);
    char *stem = m ? tl_xstrdup(m->id) : stem_of(rel);
    placed p = {NULL, {0}, metres_of(rel)};
    code = read_times(s, rel, t, e);
    if (!code)
        code = find_place(s, &p, e);
    for (size_t i = 0; i < s->nsteps && !code; i++) {
        int fresh = 0;
        char *id = id_of(stem, s, t, i);
        tl__draft *d = tl__draft_get(all, id, &fresh);
        free(id);
        if (fresh && m) {
            tl__draft_set(&d->tile, m->tile);
            json_object_update(d->properties, m->more);
        }
        if (fresh)
            d->t0 = isnan(t[i]) && m ? m->t : t[i];
        add_step(d, s, i, &p);
    }
    free(stem);
    free(t);
    tl_stack_free(s);
    return code;
}

/* The file's own name: "s.nc" of "a/s.nc", "a/s.zarr/" or NETCDF:"a/s.nc":B04. */
static char *name_of(const char *source)
{
    int inside = strncmp(source, "NETCDF:", 7) == 0 || strncmp(source, "ZARR:", 5) == 0;
    const char *from = inside ? strchr(source, ':') + 1 : source;
    from += *from == '"';
    size_t n = strcspn(from, inside ? from > source && from[-1] == '"' ? "\"" : ":" : "");
    while (n > 1 && from[n - 1] == '/')
        n--;
    size_t at = n;
    while (at > 0 && from[at - 1] != '/')
        at--;
    return tl_xasprintf("%.*s", (int)(n - at), from + at);
}

int tl_read_timestack(const char *source, const json_t *options, tl_index *into, tl_err *e)
{
    tl__drafts all;
    char *name = name_of(source);
    tl__drafts_init(&all);
    int code = tl__read_options(options, &all, NULL, e);
    if (!code)
        code = tl__timestack_take(&all, source, name, NULL, e);
    if (!code)
        code = tl__drafts_add(&all, into, e);
    tl__drafts_free(&all);
    free(name);
    return code;
}
