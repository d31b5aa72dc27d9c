/* Making plans: a script's outputs become products. See plan.h. SPDX-License-Identifier: MIT */
#include "modules/batch/plan_int.h"
#include "modules/batch/region.h"
#include "modules/raster/geokeys.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

/* --- one output's options
 * ------------------------------------------------------------------------- */

static const char *text_option(const json_t *options, const char *key)
{
    return json_string_value(json_object_get(options, key));
}

static int choose_format(tl_plan_output *o, const char *name, tl_err *e)
{
    tl_product *p = &o->product;
    int f = 0;
    while (name && f < 5 && strcmp(tl__plan_formats[f], name) != 0)
        f++;
    if (f == 5)
        return tl_fail(e, TL_ESCRIPT,
                       "output \"%s\": format '%s' is none of cog, gtiff, png, zarr, netcdf",
                       o->name, name);
    p->format = (enum tl_format)f;
    p->overviews = p->format == TL_COG;
    return 0;
}

static int writing_options(tl_plan_output *o, const json_t *options, tl_err *e)
{
    tl_product *p = &o->product;
    const char *compress = text_option(options, "compress"),
               *rule = text_option(options, "overview");
    if (compress && strcmp(compress, "none") == 0)
        p->compress = TL_UNCOMPRESSED;
    else if (compress && strcmp(compress, "deflate") != 0)
        return tl_fail(e, TL_ESCRIPT, "output \"%s\": compress is \"deflate\" or \"none\"",
                       o->name);
    p->overview = tl__plan_is_classes(o) ? TL_MODE : TL_AVERAGE;
    if (rule &&
        (tl_method_from_name(rule, &p->overview) ||
         (p->overview != TL_NEAREST && p->overview != TL_AVERAGE && p->overview != TL_MODE)))
        return tl_fail(e, TL_ESCRIPT, "output \"%s\": overview is nearest, average or mode",
                       o->name);
    const json_t *tile = json_object_get(options, "tile");
    if (tile) {
        json_int_t t = json_integer_value(tile);
        if (t < 64 || t > 4096 || t % 16)
            return tl_fail(e, TL_ESCRIPT, "output \"%s\": tile is a multiple of 16 from 64 to 4096",
                           o->name);
        p->tile = (int)t;
    }
    return 0;
}

static int numbers_option(const json_t *options, const char *key, double *x, size_t n, tl_err *e)
{
    const json_t *j = json_object_get(options, key);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(j, i);
        if (json_array_size(j) != n || !json_is_number(v))
            return tl_fail(e, TL_ESCRIPT, "%s = {%zu numbers}", key, n);
        x[i] = json_number_value(v);
    }
    return 0;
}

/* region = {W, S, E, N}, and no geometry. */
static int has_box_region(const json_t *options)
{
    const json_t *region = json_object_get(options, "region");
    return json_is_array(region) && json_array_size(region) != 2;
}

static int where_options(const json_t *options, tl_where *w, tl_err *e)
{
    const json_t *res = json_object_get(options, "res");
    const char *align = text_option(options, "align");
    const char *box = has_box_region(options) ? "region" : "bbox";
    *w = (tl_where){.crs = text_option(options, "crs")};
    if (json_is_number(res))
        w->res[0] = w->res[1] = json_number_value(res);
    else if (res && numbers_option(options, "res", w->res, 2, e))
        return e->code;
    if (res && !(w->res[0] > 0 && w->res[1] > 0))
        return tl_fail(e, TL_ESCRIPT, "res is a cell size above 0, in units of the CRS");
    if (json_object_get(options, box)) {
        w->has_bbox = 1;
        if (numbers_option(options, box, w->bbox, 4, e))
            return tl_err_prefix(e, "west, south, east, north in degrees");
    }
    if (align && strcmp(align, "crs") != 0)
        return tl_fail(e, TL_ESCRIPT, "align = \"crs\" is the only choice");
    w->align_crs = align != NULL;
    return 0;
}

/* --- outputs
 * --------------------------------------------------------------------------------------- */

/* An output of the script, or a part of its images. */
typedef struct {
    const tl_output *s;
    tl_image *const *image; /* n of them: the steps */
    const tl_dated *dated;  /* n of them, or NULL */
    int n;
    int picture; /* the picture of it is wanted, not its values */
} steps;

static void take_bands(tl_plan_output *o, tl_image *const *image, int n)
{
    o->nbands = image[0]->nbands;
    o->band = tl_xcalloc((size_t)o->nbands, sizeof *o->band);
    o->node = tl_xcalloc((size_t)o->nbands * (size_t)n, sizeof *o->node);
    for (int i = 0; i < o->nbands; i++) {
        o->band[i] = image[0]->band[i].name;
        for (int t = 0; t < n; t++)
            o->node[t * o->nbands + i] = tl_node_ref(image[t]->band[i].node);
    }
    o->product.nbands = o->nbands;
    o->product.band_names = o->band;
}

/* dtype = "...": the graph itself says how values become cells. */
static int cast_bands(tl_plan_output *o, const json_t *options, tl_err *e)
{
    const char *name = text_option(options, "dtype");
    if (!name) {
        o->product.dtype = tl__plan_common_dtype(o);
        return 0;
    }
    if (tl_dtype_from_name(name, &o->product.dtype))
        return tl_fail(e, TL_ESCRIPT, "output \"%s\": '%s' is no cell type", o->name, name);
    for (int i = 0; i < tl__plan_nodes(o); i++) {
        tl_node *cast = NULL;
        int rc =
            tl_node_astype(o->node[i], o->product.dtype,
                           json_is_true(json_object_get(options, "saturate")), o->where, &cast, e);
        if (rc)
            return rc;
        tl_node_unref(o->node[i]);
        o->node[i] = cast;
    }
    return 0;
}

static int png_fits(const tl_plan_output *o, tl_err *e)
{
    const tl_product *p = &o->product;
    if (p->format != TL_PNG || ((p->dtype == TL_U8 || p->dtype == TL_U16) && p->nbands <= 4))
        return 0;
    return tl_fail(
        e, TL_ESCRIPT,
        "output \"%s\": a PNG holds 1 to 4 bands of uint8 or uint16, this is %d of %s; give it "
        "a palette, ramp or rgb, or a dtype",
        o->name, p->nbands, tl_dtype_name(p->dtype));
}

static int has_looks(const tl_output *s)
{
    static const char *const keys[] = {"palette", "ramp", "rgb",   "stretch",
                                       "min",     "max",  "gamma", NULL};
    for (int i = 0; keys[i]; i++)
        if (json_object_get(s->options, keys[i]))
            return 1;
    return s->image->looks != NULL;
}

static int output_grid(const steps *in, const tl_plan_request *r, tl_plan_output *o, tl_err *e)
{
    tl_grid native;
    tl_where own, w = r->where;
    int rc = where_options(in->s->options, &own, e);
    if (!rc)
        rc = tl_native_grid_of(in->image, in->n, &native, e);
    if (rc)
        return rc;
    if (r->view && r->viewport) {
        o->product.grid = *r->viewport;
        return 0;
    }
    tl_where_merge(&w, &own);
    rc = tl_resolve_grid(&native, &w, &o->product.grid, e);
    if (rc == TL_EUSAGE && !r->where.has_bbox && !r->where.has_window && !r->where.crs &&
        !(r->where.res[0] > 0))
        rc = e->code = TL_ESCRIPT; /* nobody said anything on the command line */
    if (!rc && r->view)
        tl_fit_grid(&o->product.grid, r->view_w, r->view_h);
    return rc;
}

/* Now rather than when all is computed. */
static int product_crs(const tl_plan_output *o, tl_err *e)
{
    tl_geokeys keys;
    if (o->product.format == TL_PNG || !o->product.grid.crs || !o->product.grid.crs[0])
        return 0;
    int rc = tl_geokeys_get(o->product.grid.crs, &keys, e);
    if (!rc)
        tl_geokeys_free(&keys);
    return rc;
}

static int fill_bands(const steps *in, const tl_plan_request *r, tl_plan_output *o, tl_err *e)
{
    const json_t *options = in->s->options;
    tl_image *img = NULL;
    int picture = r->view || in->picture || (o->product.format == TL_PNG && has_looks(in->s));
    int rc = picture ? r->visualize(r->ctx, in->image[0], options, &img, e) : 0;
    if (rc)
        return rc;
    take_bands(o, picture ? &img : in->image, in->n);
    tl_image_unref(img);
    if (picture) { /* a picture is 3 x uint8 whatever the output's own cell type */
        o->product.dtype = TL_U8;
        o->product.rgb = 1;
        o->product.has_mask = 1;
    } else {
        rc = cast_bands(o, options, e);
        if (!rc)
            rc = tl__plan_nodata(o, options, e);
    }
    if (!rc)
        rc = writing_options(o, options, e);
    return rc ? rc : png_fits(o, e);
}

/* o->name and o->product.format are there. */
static int fill_output(const steps *in, const tl_plan_request *r, tl_plan_output *o, tl_err *e)
{
    o->where = in->s->where;
    tl__plan_date(o, in->dated, in->dated ? in->n : 0);
    int rc = tl__plan_check_times(o, e);
    if (!rc)
        rc = fill_bands(in, r, o, e);
    if (!rc)
        rc = output_grid(in, r, o, e);
    if (rc || !tl_product_check(&o->product, e))
        return rc ? rc : product_crs(o, e);
    if (!(r->where.res[0] > 0) &&
        !r->where.has_window) /* only then are the user's words at fault */
        e->code = TL_ESCRIPT;
    return e->code;
}

static tl_plan_output *new_output(tl_plan *p, char *name)
{
    p->out = tl_xrealloc(p->out, (size_t)(p->n + 1) * sizeof *p->out);
    tl_plan_output *o = &p->out[p->n++];
    *o = (tl_plan_output){.name = name};
    tl_product_defaults(&o->product);
    return o;
}

/* The picture of what p's last output holds. */
static int add_picture(tl_plan *p, const steps *in, const tl_plan_request *r, tl_err *e)
{
    steps picture = *in;
    picture.picture = 1;
    tl_plan_output *o = new_output(p, tl_xasprintf("%s.picture", p->out[p->n - 1].name));
    o->product.format = TL_GTIFF;
    return fill_output(&picture, r, o, e);
}

/* Of files one for each date; arrays take all dates together. */
static int add_dated(tl_plan *p, const tl_output *s, const tl_plan_request *r,
                     const tl_product *like, tl_err *e)
{
    int together = tl_format_is_arrays(like->format), rc = 0;
    tl_image **image = tl_xcalloc((size_t)s->ndated, sizeof *image);
    for (int k = 0; k < s->ndated; k++)
        image[k] = s->dated[k].image;
    for (int k = 0; k < s->ndated && !rc; k += together ? s->ndated : 1) {
        steps in = {s, image + k, s->dated + k, together ? s->ndated : 1, 0};
        char *name =
            together ? tl_xstrdup(s->name) : tl__plan_dated_name(p, s->name, s->dated[k].id);
        tl_plan_output *o = new_output(p, name);
        o->product = *like;
        rc = fill_output(&in, r, o, e);
        if (!rc && r->pictures)
            rc = add_picture(p, &in, r, e);
    }
    free(image);
    return rc;
}

/* The image within the geometry, invalid outside. */
static int clip(tl_image **img, const tl_geometry *g, const char *where, tl_err *e)
{
    tl_image *clipped = NULL;
    int rc = tl_region_clip(*img, g, where, &clipped, e);
    if (rc)
        return rc;
    tl_image_unref(*img);
    *img = clipped;
    return 0;
}

/* region = a geometry: its box is the output's, and the images are invalid outside. *out: the
 * output as it then is, the caller's. */
static int apply_region(const tl_output *s, tl_output *out, tl_err *e)
{
    const json_t *region = json_object_get(s->options, "region");
    tl_geometry *g = NULL;
    double b[4];
    *out = tl_output_copy(s);
    if (!region || has_box_region(s->options))
        return 0;
    int rc = tl_geometry_of_user(region, &g, e);
    if (!rc)
        rc = clip(&out->image, g, s->where, e);
    for (int k = 0; k < s->ndated && !rc; k++)
        rc = clip(&out->dated[k].image, g, s->where, e);
    if (!rc) {
        tl_region_box(g, b);
        json_object_set_new(out->options, "region", json_pack("[f,f,f,f]", b[0], b[1], b[2], b[3]));
    }
    tl_geometry_free(g);
    return rc ? tl_err_prefix(e, "output \"%s\": region", s->name) : 0;
}

static int add_clipped(tl_plan *p, const tl_output *s, const tl_plan_request *r, tl_err *e)
{
    const char *format = r->view     ? "png"
                         : r->format ? r->format
                                     : text_option(s->options, "format");
    tl_plan_output named = {.name = s->name};
    tl_product_defaults(&named.product);
    int rc = choose_format(&named, format, e);
    if (rc)
        return rc;
    if (s->ndated)
        return add_dated(p, s, r, &named.product, e);
    if (tl__plan_has_name(p, s->name))
        return tl_fail(e, TL_ESCRIPT,
                       "output \"%s\": a dated output before it has a product of that name",
                       s->name);
    steps in = {s, &s->image, NULL, 1, 0};
    tl_plan_output *o = new_output(p, tl_xstrdup(s->name));
    o->product = named.product;
    rc = fill_output(&in, r, o, e);
    return !rc && r->pictures ? add_picture(p, &in, r, e) : rc;
}

static int add_output(tl_plan *p, const tl_output *s, const tl_plan_request *r, tl_err *e)
{
    tl_output clipped;
    int rc = apply_region(s, &clipped, e);
    if (!rc)
        rc = add_clipped(p, &clipped, r, e);
    tl_output_free(&clipped);
    return rc;
}

static int no_such_output(const tl_script *s, const char *name, tl_err *e)
{
    tl_buf b = TL_BUF_INIT;
    for (int i = 0; i < s->noutputs; i++)
        tl_buf_printf(&b, "%s%s", i ? ", " : "", s->output[i].name);
    tl_fail(e, TL_EUSAGE, "--output %s: the script names %s", name, tl_buf_text(&b));
    tl_buf_free(&b);
    return e->code;
}

int tl_plan_make(const tl_script *s, const tl_plan_request *r, tl_plan **out, tl_err *e)
{
    tl_plan *p = tl_xcalloc(1, sizeof *p);
    p->params = tl_script_params(s);
    p->script = tl_xstrdup(s->name ? s->name : "");
    memcpy(p->script_sha256, s->sha256, sizeof p->script_sha256);
    int rc = 0;
    for (int i = 0; i < s->noutputs && !rc; i++)
        if (!r->output || strcmp(r->output, s->output[i].name) == 0) {
            rc = add_output(p, &s->output[i], r, e);
            if (rc)
                tl_err_where(e, s->output[i].where);
        }
    if (!rc && p->n == 0)
        rc = no_such_output(s, r->output ? r->output : "", e);
    if (!rc)
        rc = tl__plan_finish(p, NULL, e);
    if (rc)
        tl_plan_free(p);
    else
        *out = p;
    return rc;
}
