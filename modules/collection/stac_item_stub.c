/* STANDS IN for stac_item.c and index.c until they are there; deleted then.
 * SPDX-License-Identifier: MIT */
#include "modules/collection/href.h"
#include "modules/collection/stac_item.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct row {
    char *id, *collection;
    tl_asset *asset;
    size_t n;
} row;

struct tl_index {
    row *row;
    size_t n;
};

int tl_index_create(const char *path, tl_index **out, tl_err *e)
{
    if (path)
        return tl_fail(e, TL_ECONFIG, "the stand-in index has no files");
    *out = tl_xcalloc(1, sizeof **out);
    return 0;
}

void tl_index_close(tl_index *ix)
{
    for (size_t i = 0; ix && i < ix->n; i++) {
        for (size_t k = 0; k < ix->row[i].n; k++) {
            free((void *)ix->row[i].asset[k].key);
            free((void *)ix->row[i].asset[k].href);
        }
        free(ix->row[i].id);
        free(ix->row[i].collection);
        free(ix->row[i].asset);
    }
    if (ix)
        free(ix->row);
    free(ix);
}

int tl_index_add(tl_index *ix, const tl_scene *s, tl_err *e)
{
    (void)e;
    for (size_t i = 0; i < ix->n; i++)
        if (strcmp(ix->row[i].id, s->id) == 0)
            return 0;
    ix->row = tl_xrealloc(ix->row, (ix->n + 1) * sizeof *ix->row);
    row *r = &ix->row[ix->n++];
    *r = (row){tl_xstrdup(s->id), tl_xstrdup(s->collection),
               tl_xcalloc(s->nassets + 1, sizeof *r->asset), s->nassets};
    for (size_t i = 0; i < s->nassets; i++)
        r->asset[i] = (tl_asset){tl_xstrdup(s->asset[i].key), tl_xstrdup(s->asset[i].href), 0};
    return 0;
}

int tl_index_commit(tl_index *ix, tl_err *e)
{
    (void)ix;
    (void)e;
    return 0;
}

int tl_index_query(tl_index *ix, const json_t *query, tl_scene_fn *each, void *ctx, tl_err *e)
{
    int code = 0;
    (void)query;
    for (size_t i = 0; !code && i < ix->n; i++) {
        tl_scene s = {.id = ix->row[i].id,
                      .collection = ix->row[i].collection,
                      .asset = ix->row[i].asset,
                      .nassets = ix->row[i].n};
        code = each(ctx, &s, e);
    }
    return code;
}

static int item_fields(const json_t *j, const char *name, tl_err *e)
{
    const json_t *p = json_object_get(j, "properties"), *t = json_object_get(p, "datetime");
    if (!json_is_string(json_object_get(j, "id")))
        return tl_fail(e, TL_EDATA, "%s: id is missing or not a text", name);
    if (!json_object_get(j, "geometry"))
        return tl_fail(e, TL_EDATA, "%s: geometry is missing", name);
    if (!json_is_object(p))
        return tl_fail(e, TL_EDATA, "%s: properties is missing or not an object", name);
    if (!json_is_string(t) && !json_is_string(json_object_get(p, "start_datetime")))
        return tl_fail(e, TL_EDATA, "%s: properties.datetime is null without start_datetime", name);
    return 0;
}

int tl_stac_item_add(const char *text, size_t len, const char *base_href,
                     const char *name_for_errors, tl_index *into, tl_err *e)
{
    json_error_t why;
    json_t *j = json_loadb(text, len, 0, &why), *assets, *v;
    const char *key, *collection;
    size_t n = 0;
    if (!j)
        return tl_fail(e, TL_EDATA, "%s: no JSON: %s", name_for_errors, why.text);
    int code = item_fields(j, name_for_errors, e);
    assets = json_object_get(j, "assets");
    collection = json_string_value(json_object_get(j, "collection"));
    tl_asset *a = tl_xcalloc(json_object_size(assets) + 1, sizeof *a);
    json_object_foreach(assets, key, v)
    {
        const char *href = json_string_value(json_object_get(v, "href"));
        tl_buf path = TL_BUF_INIT;
        tl_href_to_path(href ? href : "", base_href, &path);
        a[n++] = (tl_asset){key, tl_xstrdup(tl_buf_text(&path)), 0};
        tl_buf_free(&path);
    }
    tl_scene s = {.id = json_string_value(json_object_get(j, "id")),
                  .collection = collection ? collection : "",
                  .asset = a,
                  .nassets = n};
    if (!code)
        code = tl_index_add(into, &s, e);
    for (size_t i = 0; i < n; i++)
        free((void *)a[i].href);
    free(a);
    json_decref(j);
    return code;
}
