/* Files of arrays with named dimensions: see mdim.h. SPDX-License-Identifier: MIT */
#include "modules/raster/mdim.h"
#include "runtime/buf.h"
#include "runtime/mem.h"

#include <cpl_conv.h>
#include <cpl_string.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_COORDINATES ((size_t)1 << 24)

static char *text_part(const char *from, size_t n)
{
    return tl_xasprintf("%.*s", (int)n, from);
}

void tl_mdim_split(const char *uri, char **file, char **array)
{
    const char *colon = strchr(uri, ':');
    int netcdf = strncmp(uri, "NETCDF:", 7) == 0, zarr = strncmp(uri, "ZARR:", 5) == 0;
    *file = *array = NULL;
    if (!netcdf && !zarr) {
        *file = tl_xstrdup(uri);
        return;
    }
    const char *from = colon + 1;
    int quoted = *from == '"';
    from += quoted;
    size_t n = strcspn(from, quoted ? "\"" : ":");
    const char *rest = from + n + (quoted && from[n] == '"');
    *file = text_part(from, n);
    if (*rest != ':' || !rest[1])
        return;
    rest += 1 + (rest[1] == '/');
    /* Zarr: steps of further dimensions follow. */
    char *name = text_part(rest, zarr ? strcspn(rest, ":") : strlen(rest));
    *array = tl_xasprintf("/%s", name);
    free(name);
}

GDALMDArrayH tl_mdim_coordinate(GDALGroupH root, GDALDimensionH dim)
{
    GDALMDArrayH a = GDALDimensionGetIndexingVariable(dim);
    if (!a)
        a = GDALGroupOpenMDArray(root, GDALDimensionGetName(dim), NULL);
    if (a && GDALMDArrayGetDimensionCount(a) != 1) {
        GDALMDArrayRelease(a);
        a = NULL;
    }
    return a;
}

static GDALExtendedDataTypeClass class_of(GDALMDArrayH a)
{
    GDALExtendedDataTypeH t = GDALMDArrayGetDataType(a);
    GDALExtendedDataTypeClass class = GDALExtendedDataTypeGetClass(t);
    GDALExtendedDataTypeRelease(t);
    return class;
}

int tl_mdim_is_number(GDALMDArrayH a)
{
    return class_of(a) == GEDTC_NUMERIC;
}

/* Reads all of a one-dimensional array into cells of `size` bytes; NULL when that fails. */
static void *read_all(GDALMDArrayH a, GDALExtendedDataTypeH t, size_t size, size_t most, size_t *n)
{
    GUInt64 start = 0, total = GDALMDArrayGetTotalElementsCount(a);
    void *to = NULL;
    if (GDALMDArrayGetDimensionCount(a) == 1 && total >= 1 && total <= most) {
        *n = (size_t)total;
        to = tl_xcalloc(*n, size);
        if (!GDALMDArrayRead(a, &start, n, NULL, NULL, t, to, NULL, 0)) {
            free(to);
            to = NULL;
        }
    }
    GDALExtendedDataTypeRelease(t);
    return to;
}

double *tl_mdim_numbers(GDALMDArrayH a, size_t most, size_t *n)
{
    if (!tl_mdim_is_number(a))
        return NULL;
    return read_all(a, GDALExtendedDataTypeCreate(GDT_Float64), sizeof(double), most, n);
}

char **tl_mdim_texts(GDALMDArrayH a, size_t most)
{
    size_t n = 0;
    char **list = NULL;
    if (class_of(a) != GEDTC_STRING)
        return NULL;
    char **read = read_all(a, GDALExtendedDataTypeCreateString(0), sizeof(char *), most, &n);
    for (size_t i = 0; read && i < n; i++) {
        list = CSLAddString(list, read[i] ? read[i] : "");
        CPLFree(read[i]);
    }
    free(read);
    return list;
}

int tl_mdim_axis(GDALGroupH root, GDALDimensionH dim, tl_axis *out)
{
    tl_axis x = {.even = 1};
    GDALMDArrayH a = tl_mdim_coordinate(root, dim);
    double *v = a ? tl_mdim_numbers(a, MOST_COORDINATES, &x.n) : NULL;
    if (a)
        GDALMDArrayRelease(a);
    if (!v)
        return 0;
    x.first = v[0];
    x.last = v[x.n - 1];
    x.step = x.n > 1 ? (x.last - x.first) / (double)(x.n - 1) : 0;
    for (size_t i = 0; i < x.n; i++)
        if (!(fabs(v[i] - (x.first + (double)i * x.step)) <= 0.01 * fabs(x.step)))
            x.even = 0;
    free(v);
    *out = x;
    return 1;
}

char *tl_mdim_attribute(GDALGroupH group, GDALMDArrayH array, const char *name)
{
    GDALAttributeH at =
        array ? GDALMDArrayGetAttribute(array, name) : GDALGroupGetAttribute(group, name);
    tl_buf b = TL_BUF_INIT;
    if (!at)
        return NULL;
    char **part = GDALAttributeReadAsStringArray(at);
    GDALAttributeRelease(at);
    int n = CSLCount(part);
    for (int i = 0; i < n; i++)
        tl_buf_printf(&b, "%s%s%s",
                      i       ? ", "
                      : n > 1 ? "("
                              : "",
                      part[i], n > 1 && i == n - 1 ? ")" : "");
    CSLDestroy(part);
    char *text = tl_xstrdup(tl_buf_text(&b));
    tl_buf_free(&b);
    return text;
}

char *tl_mdim_unit(GDALMDArrayH a)
{
    const char *unit = GDALMDArrayGetUnit(a);
    if (unit && unit[0])
        return tl_xstrdup(unit);
    char *text = tl_mdim_attribute(NULL, a, "units");
    return text ? text : tl_xstrdup("");
}
