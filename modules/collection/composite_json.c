/* Composites as JSON: see composite_json.h. SPDX-License-Identifier: MIT */
#include "modules/collection/composite_json.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- scene sources
 * ------------------------------------------------------------------------------------------------
 */

json_t *tl_scene_source_json(const tl_source *s)
{
    const tl_scene_band *b = tl_scene_source_bands(s);
    json_t *list = json_array();
    for (int i = 0; i < s->nbands; i++) {
        json_t *j = json_pack("{s:s, s:i, s:i, s:s}", "name", b[i].name, "asset", b[i].asset + 1,
                              "band", b[i].band + 1, "dtype", tl_dtype_name(b[i].dtype));
        if (b[i].scale != 1 || b[i].offset != 0) {
            json_object_set_new(j, "scale", json_real(b[i].scale));
            json_object_set_new(j, "offset", json_real(b[i].offset));
        }
        if (b[i].has_nodata)
            json_object_set_new(j, "nodata", json_real(b[i].nodata));
        if (b[i].is_classes)
            json_object_set_new(j, "classes", json_true());
        if (b[i].res > 0)
            json_object_set_new(j, "res", json_real(b[i].res));
        json_array_append_new(list, j);
    }
    return list;
}

static int read_band(const json_t *j, tl_scene_band *b)
{
    const char *name = json_string_value(json_object_get(j, "name"));
    const char *dtype = json_string_value(json_object_get(j, "dtype"));
    const json_t *scale = json_object_get(j, "scale"), *band = json_object_get(j, "band");
    json_int_t asset = json_integer_value(json_object_get(j, "asset"));
    json_int_t number = band ? json_integer_value(band) : 1;
    if (!name || !dtype || tl_dtype_from_name(dtype, &b->dtype) || asset < 1 || asset > 65536 ||
        number < 1 || number > 65536)
        return -1;
    b->name = tl_intern(name);
    b->asset = (int)asset - 1;
    b->band = (int)number - 1;
    b->scale = scale ? json_number_value(scale) : 1;
    b->offset = json_number_value(json_object_get(j, "offset"));
    b->is_classes = json_is_true(json_object_get(j, "classes"));
    b->res = json_number_value(json_object_get(j, "res"));
    b->has_nodata = json_is_number(json_object_get(j, "nodata"));
    b->nodata = json_number_value(json_object_get(j, "nodata"));
    int whole = tl_dtype_is_float(b->dtype) ||
                (b->nodata == floor(b->nodata) && b->nodata >= (double)tl_dtype_min(b->dtype) &&
                 b->nodata <= (double)tl_dtype_max(b->dtype));
    return whole ? 0 : -1;
}

int tl_scene_source_from_json(const json_t *list, tl_source **out, tl_err *e)
{
    size_t n = json_array_size(list);
    if (n < 1 || n > 1024)
        return tl_fail(e, TL_ESCRIPT, "a scene has 1 to 1024 bands, not %zu", n);
    tl_scene_band *bands = tl_xcalloc(n, sizeof *bands);
    int rc = 0;
    for (size_t i = 0; i < n && !rc; i++)
        if (read_band(json_array_get(list, i), &bands[i]))
            rc = tl_fail(e, TL_ESCRIPT,
                         "band %zu of a scene: name, asset (from 1) and dtype are wanted", i + 1);
    if (!rc)
        *out = tl_scene_source_new(bands, (int)n);
    free(bands);
    return rc;
}

/* --- composites
 * -----------------------------------------------------------------------------------------------
 */

static json_t *four(const double *x)
{
    return json_pack("[f,f,f,f]", x[0], x[1], x[2], x[3]);
}

static json_t *member_json(const tl_member *m)
{
    json_t *assets = json_array();
    for (int a = 0; a < m->nassets; a++)
        json_array_append_new(assets, json_string(m->asset[a]));
    json_t *j = json_pack("{s:s, s:i, s:o}", "id", m->id, "kind", m->kind + 1, "assets", assets);
    if (!isnan(m->t))
        json_object_set_new(j, "t", json_real(m->t));
    if (m->crs[0] && !isnan(m->bounds[0])) {
        json_object_set_new(j, "crs", json_string(m->crs));
        json_object_set_new(j, "bounds", four(m->bounds));
    }
    if (!isnan(m->box[0]))
        json_object_set_new(j, "box", four(m->box));
    return j;
}

static int is_wanted(const tl_source *s, int64_t member, const tl_grid *areas, int n)
{
    int wanted = tl_composite_spec_of(s)->r.how == TL_R_stack;
    for (int k = 0; k < n && !wanted; k++)
        wanted = tl_composite_touches(s, member, &areas[k]);
    return wanted;
}

json_t *tl_composite_json(const tl_source *s, const tl_grid *areas, int n)
{
    const tl_composite_spec *p = tl_composite_spec_of(s);
    json_t *scenes = json_array();
    for (int64_t i = 0; i < p->nmembers; i++)
        if (is_wanted(s, i, areas, n))
            json_array_append_new(scenes, member_json(&p->member[i]));
    if (json_array_size(scenes) == 0)
        json_array_append_new(scenes, member_json(&p->member[0]));
    json_t *j = json_pack("{s:s, s:I, s:s, s:o}", "reducer", tl_reducer_name(p->r.how), "min_count",
                          (json_int_t)p->r.min_count, "on_error", p->skip ? "skip" : "fail",
                          "scenes", scenes);
    if (p->label[0])
        json_object_set_new(j, "label", json_string(p->label));
    if (p->r.how == TL_R_percentile)
        json_object_set_new(j, "percentile", json_real(p->r.percentile));
    if (p->r.how == TL_R_stddev)
        json_object_set_new(j, "ddof", json_integer(p->r.ddof));
    if (p->r.how == TL_R_quality_mosaic)
        json_object_set_new(j, "quality", json_string(p->names[p->quality]));
    return j;
}

static int read_four(const json_t *j, double *x)
{
    for (size_t k = 0; k < 4; k++)
        x[k] = NAN;
    if (!j || json_is_null(j))
        return 0;
    for (size_t k = 0; k < 4; k++) {
        const json_t *v = json_array_get(j, k);
        if (!json_is_number(v))
            return -1;
        x[k] = json_number_value(v);
    }
    return 0;
}

static int read_member(const json_t *j, int nkinds, tl_member *m)
{
    const char *crs = json_string_value(json_object_get(j, "crs"));
    const json_t *assets = json_object_get(j, "assets"), *t = json_object_get(j, "t");
    json_int_t kind = json_integer_value(json_object_get(j, "kind"));
    size_t n = json_array_size(assets);
    m->id = json_string_value(json_object_get(j, "id"));
    if (!m->id || kind < 1 || kind > nkinds || n < 1 || n > 65536 ||
        read_four(json_object_get(j, "bounds"), m->bounds) ||
        read_four(json_object_get(j, "box"), m->box))
        return -1;
    m->kind = (int)kind - 1;
    m->t = json_is_number(t) ? json_number_value(t) : NAN;
    m->asset = tl_xcalloc(n, sizeof *m->asset);
    for (size_t a = 0; a < n; a++) {
        const char *path = json_string_value(json_array_get(assets, a));
        if (!path)
            return -1;
        m->asset[m->nassets++] = path;
    }
    m->crs = "";
    return crs && crs[0] ? tl_crs_canonical(crs, &m->crs, NULL) : 0;
}

static int read_members(const json_t *list, const struct tl_roots *roots, tl_composite_spec *p,
                        tl_err *e)
{
    size_t n = json_array_size(list);
    tl_member *member = tl_xcalloc(n, sizeof *member);
    p->member = member;
    for (size_t i = 0; i < n; i++) {
        p->nmembers++;
        member[i].roots = roots;
        if (read_member(json_array_get(list, i), p->nkinds, &member[i]))
            return tl_fail(e, TL_ESCRIPT,
                           "scene %zu of a composite: id, kind, assets are wanted%s%s", i + 1,
                           member[i].id ? ": " : "", member[i].id ? member[i].id : "");
    }
    return 0;
}

static int read_quality(const json_t *j, tl_composite_spec *p, tl_err *e)
{
    const char *name = json_string_value(json_object_get(j, "quality"));
    while (name && p->quality < p->nbands && strcmp(p->names[p->quality], name) != 0)
        p->quality++;
    if (!name || p->quality == p->nbands)
        return tl_fail(e, TL_ESCRIPT, "quality_mosaic: the scenes have no band '%s'",
                       name ? name : "");
    return 0;
}

static int read_reduction(const json_t *j, tl_composite_spec *p, tl_err *e)
{
    const char *how = json_string_value(json_object_get(j, "reducer"));
    const char *on_error = json_string_value(json_object_get(j, "on_error"));
    const char *label = json_string_value(json_object_get(j, "label"));
    const json_t *percentile = json_object_get(j, "percentile");
    json_int_t least = json_integer_value(json_object_get(j, "min_count"));
    if (!how || tl_reducer_from_name(how, &p->r.how))
        return tl_fail(e, TL_ESCRIPT, "there is no reducer '%s'", how ? how : "");
    if (on_error && strcmp(on_error, "skip") != 0 && strcmp(on_error, "fail") != 0)
        return tl_fail(e, TL_ESCRIPT, "on_error is \"fail\" or \"skip\", not \"%s\"", on_error);
    p->skip = on_error && strcmp(on_error, "skip") == 0;
    p->label = label ? label : "";
    p->r.min_count = least > 1 ? least : 1;
    p->r.ddof = json_integer_value(json_object_get(j, "ddof")) == 1;
    p->r.percentile = percentile ? json_number_value(percentile) : 50;
    return p->r.how == TL_R_quality_mosaic ? read_quality(j, p, e) : 0;
}

int tl_composite_from_json(const json_t *j, tl_node *const *kinds, int nkinds,
                           const char *const *names, int nbands, const struct tl_roots *roots,
                           tl_source **out, tl_err *e)
{
    tl_composite_spec p = {.nkinds = nkinds, .nbands = nbands, .node = kinds, .names = names};
    int rc = read_reduction(j, &p, e);
    if (!rc)
        rc = read_members(json_object_get(j, "scenes"), roots, &p, e);
    if (!rc)
        rc = tl_composite_new(&p, out, e);
    for (int64_t i = 0; i < p.nmembers; i++)
        free(p.member[i].asset);
    free((void *)(uintptr_t)p.member);
    return rc;
}
