/* Stacks: see timestack.h. SPDX-License-Identifier: MIT */
#include "modules/raster/timestack.h"
#include "modules/raster/gdal.h"
#include "modules/raster/mdim.h"
#include "runtime/mem.h"

#include <cpl_string.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MOST_STEPS     ((size_t)1 << 20)
#define MOST_VARIABLES 10000

typedef struct opened {
    GDALDatasetH ds;
    GDALGroupH root;
    char **names;
    const char *yname, *xname, *tname; /* interned; tname NULL: no time */
} opened;

void tl_stack_free(tl_stack *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->nvars; i++) {
        free(s->var[i].key);
        free(s->var[i].variable);
    }
    for (size_t i = 0; i < s->nscalars; i++) {
        free(s->scalar[i].name);
        free(s->scalar[i].value);
    }
    for (size_t i = 0; s->text && i < s->nsteps; i++)
        free(s->text[i]);
    free(s->var);
    free(s->scalar);
    free(s->text);
    free(s->number);
    free(s->file);
    free(s->time_name);
    free(s->units);
    free(s->calendar);
    free(s->start);
    free(s);
}

/* --- dimensions ------------------------------------------------------------------------------ */

static int is_time(GDALDimensionH d)
{
    static const char *const names[] = {"time",     "t",          "timestamp",       "date",
                                        "datetime", "valid_time", "acquisition_time"};
    const char *type = GDALDimensionGetType(d), *name = GDALDimensionGetName(d);
    if (type && strcmp(type, "TEMPORAL") == 0)
        return 1;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(name, names[i]) == 0)
            return 1;
    return 0;
}

/* The variable with time that lies over most cells says which dimensions are x and y; without one,
 * the largest of all. */
static void find_dimensions(opened *o)
{
    double best = -1;
    for (int i = 0; o->names && o->names[i] && i < MOST_VARIABLES; i++) {
        GDALMDArrayH a = GDALGroupOpenMDArray(o->root, o->names[i], NULL);
        size_t n = 0;
        if (!a)
            continue;
        GDALDimensionH *dim = GDALMDArrayGetDimensions(a, &n);
        const char *time = NULL;
        for (size_t k = 0; k + 2 < n; k++)
            if (is_time(dim[k]))
                time = GDALDimensionGetName(dim[k]);
        double cells = n < 2 ? -1
                             : (double)GDALDimensionGetSize(dim[n - 1]) *
                                   (double)GDALDimensionGetSize(dim[n - 2]);
        cells *= time ? 1e18 : 1;
        if (n >= 2 && cells > best && !is_time(dim[n - 1]) && !is_time(dim[n - 2]) &&
            tl_mdim_is_number(a)) {
            best = cells;
            o->xname = tl_intern(GDALDimensionGetName(dim[n - 1]));
            o->yname = tl_intern(GDALDimensionGetName(dim[n - 2]));
            o->tname = time ? tl_intern(time) : NULL;
        }
        GDALReleaseDimensions(dim, n);
        GDALMDArrayRelease(a);
    }
}

static int is_dimension(GDALDimensionH d, const char *name)
{
    return name && strcmp(GDALDimensionGetName(d), name) == 0;
}

/* --- variables ------------------------------------------------------------------------------- */

static void add_var(tl_stack *s, tl_stack_var v)
{
    s->var = tl_xrealloc(s->var, (s->nvars + 1) * sizeof *s->var);
    s->var[s->nvars++] = v;
}

/* One asset for each place on the further dimension, named by its texts where it has some. */
static void add_extra(tl_stack *s, const opened *o, const char *name, GDALDimensionH d, int first)
{
    size_t n = (size_t)GDALDimensionGetSize(d);
    GDALMDArrayH a = tl_mdim_coordinate(o->root, d);
    char **word = a ? tl_mdim_texts(a, MOST_VARIABLES) : NULL;
    for (size_t k = 0; k < n && n <= MOST_VARIABLES; k++) {
        char *key = (size_t)CSLCount(word) == n ? tl_xasprintf("%s_%s", name, word[k])
                                                : tl_xasprintf("%s_%zu", name, k + 1);
        int band = first ? (int)k + 1 : (int)(k * s->nsteps) + 1;
        add_var(s,
                (tl_stack_var){key, tl_xstrdup(name), 1, (int)k, band, first ? (int)n : 1, first});
    }
    CSLDestroy(word);
    if (a)
        GDALMDArrayRelease(a);
}

static void add_scalar(tl_stack *s, const char *name, GDALMDArrayH a)
{
    size_t n = 0;
    double *v = tl_mdim_numbers(a, MOST_STEPS, &n);
    if (v && n == s->nsteps) {
        s->scalar = tl_xrealloc(s->scalar, (s->nscalars + 1) * sizeof *s->scalar);
        s->scalar[s->nscalars++] = (tl_stack_scalar){tl_xstrdup(name), v};
    } else {
        free(v);
    }
}

static void add_array(tl_stack *s, const opened *o, const char *name, GDALMDArrayH a)
{
    size_t n = 0;
    GDALDimensionH *dim = GDALMDArrayGetDimensions(a, &n);
    int over = n >= 2 && is_dimension(dim[n - 1], o->xname) && is_dimension(dim[n - 2], o->yname);
    if (!tl_mdim_is_number(a))
        over = 0;
    else if (n == 1 && is_dimension(dim[0], o->tname) && strcmp(name, o->tname) != 0)
        add_scalar(s, name, a);
    if (over && n == 2)
        add_var(s, (tl_stack_var){tl_xstrdup(name), tl_xstrdup(name), 0, -1, 1, 0, 1});
    else if (over && n == 3 && is_dimension(dim[0], o->tname))
        add_var(s, (tl_stack_var){tl_xstrdup(name), tl_xstrdup(name), 1, -1, 1, 1, 1});
    else if (over && n == 4 && is_dimension(dim[0], o->tname))
        add_extra(s, o, name, dim[1], 1);
    else if (over && n == 4 && is_dimension(dim[1], o->tname))
        add_extra(s, o, name, dim[0], 0);
    GDALReleaseDimensions(dim, n);
}

/* --- time ------------------------------------------------------------------------------------ */

static char *attribute(GDALMDArrayH a, const char *name)
{
    char *text = tl_mdim_attribute(NULL, a, name);
    return text ? text : tl_xstrdup("");
}

static void read_texts(tl_stack *s, GDALMDArrayH a)
{
    char **list = tl_mdim_texts(a, MOST_STEPS);
    if ((size_t)CSLCount(list) == s->nsteps) {
        s->text = tl_xcalloc(s->nsteps, sizeof *s->text);
        for (size_t i = 0; i < s->nsteps; i++)
            s->text[i] = tl_xstrdup(list[i]);
    }
    CSLDestroy(list);
}

static int read_time(tl_stack *s, const opened *o, tl_err *e)
{
    size_t n = 0, ndims = 0;
    GDALDimensionH found = NULL, *dim = GDALGroupGetDimensions(o->root, &ndims, NULL);
    for (size_t i = 0; i < ndims; i++)
        if (is_dimension(dim[i], o->tname))
            found = dim[i];
    s->nsteps = found ? (size_t)GDALDimensionGetSize(found) : 1;
    GDALMDArrayH a = found ? tl_mdim_coordinate(o->root, found) : NULL;
    GDALReleaseDimensions(dim, ndims);
    if (s->nsteps < 1 || s->nsteps > MOST_STEPS) {
        if (a)
            GDALMDArrayRelease(a);
        return tl_fail(e, TL_EDATA, "%s: %zu steps of time, between 1 and %zu can be read", s->file,
                       s->nsteps, MOST_STEPS);
    }
    if (a && tl_mdim_is_number(a)) {
        free(s->units);
        free(s->calendar);
        s->number = tl_mdim_numbers(a, MOST_STEPS, &n);
        s->units = tl_mdim_unit(a);
        s->calendar = attribute(a, "calendar");
    } else if (a) {
        read_texts(s, a);
    }
    if (a)
        GDALMDArrayRelease(a);
    if (s->number && n != s->nsteps)
        return tl_fail(e, TL_EDATA, "%s: %zu values of %s for %zu steps", s->file, n, o->tname,
                       s->nsteps);
    return 0;
}

static char *read_start(const opened *o)
{
    static const char *const names[] = {"time_coverage_start", "datetime_start", "datetime",
                                        "start_datetime"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *text = tl_mdim_attribute(o->root, NULL, names[i]);
        if (text)
            return text;
    }
    return tl_xstrdup("");
}

/* --- the whole ------------------------------------------------------------------------------- */

/* `only`: the variable that was asked for, or NULL. */
static int describe(tl_stack *s, opened *o, const char *only, tl_err *e)
{
    o->names = GDALGroupGetMDArrayNames(o->root, NULL);
    find_dimensions(o);
    s->time_name = tl_xstrdup(o->tname ? o->tname : "");
    s->units = tl_xstrdup("");
    s->calendar = tl_xstrdup("");
    s->start = read_start(o);
    if (!o->xname)
        return tl_fail(e, TL_EDATA, "%s holds no variable of numbers over two dimensions", s->file);
    int code = read_time(s, o, e);
    for (int i = 0; !code && o->names[i] && i < MOST_VARIABLES; i++) {
        if (only && strcmp(o->names[i], only) != 0)
            continue;
        GDALMDArrayH a = GDALGroupOpenMDArray(o->root, o->names[i], NULL);
        if (a) {
            add_array(s, o, o->names[i], a);
            GDALMDArrayRelease(a);
        }
    }
    if (!code && s->nvars == 0)
        code = only ? tl_fail(e, TL_EDATA, "%s has no variable %s over x and y", s->file, only)
                    : tl_fail(e, TL_EDATA,
                              "%s: no variable lies over y and x, or time, y and x; time is a "
                              "dimension of such a name",
                              s->file);
    return code;
}

static int open_group(opened *o, const tl_stack *s, tl_err *e)
{
    tl_gdal_guard g;
    char what[256];
    snprintf(what, sizeof what, "open %s", s->file);
    tl_gdal_begin(&g, what);
    o->ds = GDALOpenEx(s->file, GDAL_OF_MULTIDIM_RASTER | GDAL_OF_VERBOSE_ERROR, NULL, NULL, NULL);
    o->root = o->ds ? GDALDatasetGetRootGroup(o->ds) : NULL;
    tl_gdal_end(&g);
    if (!o->root)
        return tl_gdal_fail(&g, s->file, TL_EDATA, e, "cannot open %s", s->file);
    return 0;
}

int tl_stack_open(const char *path, tl_stack **out, tl_err *e)
{
    char full[PATH_MAX], what[256];
    opened o = {0};
    tl_gdal_guard g;
    tl_gdal_start();
    tl_stack *s = tl_xcalloc(1, sizeof *s);
    char *file = NULL, *array = NULL;
    tl_mdim_split(path, &file, &array);
    s->file = tl_xstrdup(strncmp(file, "/vsi", 4) != 0 && realpath(file, full) ? full : file);
    int code = open_group(&o, s, e);
    snprintf(what, sizeof what, "describe %s", s->file);
    tl_gdal_begin(&g, what);
    if (!code) {
        s->is_zarr = strcmp(GDALGetDescription(GDALGetDatasetDriver(o.ds)), "Zarr") == 0;
        code = describe(s, &o, array ? array + 1 : NULL, e);
    }
    CSLDestroy(o.names);
    if (o.root)
        GDALGroupRelease(o.root);
    if (o.ds)
        GDALClose(o.ds);
    tl_gdal_end(&g);
    free(file);
    free(array);
    if (code) {
        if (e)
            tl_err_source(e, s->file);
        tl_stack_free(s);
        return code;
    }
    *out = s;
    return 0;
}

char *tl_stack_href(const tl_stack *s, const tl_stack_var *v, size_t step, int *band)
{
    *band = 1;
    if (!s->is_zarr) {
        *band = v->band + (v->has_time ? (int)step * v->by : 0);
        return tl_xasprintf("NETCDF:\"%s\":%s", s->file, v->variable);
    }
    if (!v->has_time)
        return tl_xasprintf("ZARR:\"%s\":/%s", s->file, v->variable);
    if (v->extra < 0)
        return tl_xasprintf("ZARR:\"%s\":/%s:%zu", s->file, v->variable, step);
    if (v->time_first)
        return tl_xasprintf("ZARR:\"%s\":/%s:%zu:%d", s->file, v->variable, step, v->extra);
    return tl_xasprintf("ZARR:\"%s\":/%s:%d:%zu", s->file, v->variable, v->extra, step);
}
