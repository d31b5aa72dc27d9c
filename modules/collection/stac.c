/* STAC documents: see open.h and stac_read.h. SPDX-License-Identifier: MIT */
#include "modules/collection/href.h"
#include "modules/collection/open.h"
#include "modules/collection/stac_read.h"
#include "modules/collection/stac_item.h"
#include "modules/raster/http.h"
#include "runtime/log.h"
#include "runtime/mem.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD 4096

/* --- getting one ----------------------------------------------------------------------------- */

static int not_json(const char *address, const char *text, size_t len, tl_err *e)
{
    char shown[256];
    size_t space = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (space < len && strchr(" \t\r\n", text[space]) && text[space])
        space++;
    tl_http_shown(address, shown, sizeof shown);
    if (space == len)
        tl_fail(e, TL_EDATA, "%s is empty, no STAC", shown);
    else if (text[space] == '<')
        tl_fail(e, TL_EDATA, "%s is an HTML or XML page, no STAC: its JSON has another address",
                shown);
    else if (text[space] != '{' && text[space] != '[')
        tl_fail(e, TL_EDATA, "%s is no STAC: it does not begin as JSON does", shown);
    else
        return 0;
    return tl_err_source(e, shown);
}

/* Looks at a file's beginning first, so that what is no JSON costs nothing, whatever its size. */
static int get_file(const char *address, size_t most, tl_buf *text, tl_err *e)
{
    tl_buf path = TL_BUF_INIT;
    tl_href_to_path(address, NULL, &path);
    int code = tl_file_head(tl_buf_text(&path), HEAD, text, e);
    if (!code)
        code = not_json(address, tl_buf_text(text), text->len, e);
    if (!code && text->len == HEAD) {
        tl_buf_free(text);
        code = tl_file_get(tl_buf_text(&path), most, text, e);
    }
    tl_buf_free(&path);
    return code;
}

int tl__stac_get(const char *address, size_t most_bytes, tl_buf *text, tl_err *e)
{
    int code;
    if (tl_href_is_http(address)) {
        code = tl_http_get(address, NULL, most_bytes, text, e);
        if (!code)
            code = not_json(address, tl_buf_text(text), text->len, e);
    } else {
        code = get_file(address, most_bytes, text, e);
    }
    if (code)
        tl_buf_free(text);
    return code;
}

/* --- its parts ------------------------------------------------------------------------------- */

static int broken(const tl_stac_doc *d, const tl_span_walk *w, tl_err *e)
{
    char shown[256];
    const char *end = d->text.at + d->text.len;
    tl_http_shown(d->address, shown, sizeof shown);
    if (w->at >= end) /* a server that says no length can be cut unnoticed */
        tl_fail(e, tl_href_is_http(d->address) ? TL_ETRANSIENT : TL_EDATA,
                "%s is cut off: its JSON has no end after %zu bytes", shown, d->text.len);
    else
        tl_fail(e, TL_EDATA, "%s is no JSON: a mistake at byte %zu", shown,
                (size_t)(w->at - d->text.at) + 1);
    return tl_err_source(e, shown);
}

static int wrong(const tl_stac_doc *d, tl_err *e, const char *text)
{
    char shown[256];
    tl_fail(e, TL_EDATA, "%s: %s", tl_http_shown(d->address, shown, sizeof shown), text);
    return tl_err_source(e, shown);
}

static int choose_kind(tl_stac_doc *d, tl_span type, tl_span version, tl_span extent, tl_err *e)
{
    if (tl_span_is(type, "\"Feature\""))
        d->kind = TL_STAC_ITEM;
    else if (tl_span_is(type, "\"FeatureCollection\""))
        d->kind = TL_STAC_ITEMS;
    else if (tl_span_is(type, "\"Collection\""))
        d->kind = TL_STAC_COLLECTION;
    else if (tl_span_is(type, "\"Catalog\""))
        d->kind = TL_STAC_CATALOG;
    else if (!type.len && version.len) /* before 1.0 catalogues had no type */
        d->kind = extent.len ? TL_STAC_COLLECTION : TL_STAC_CATALOG;
    else
        return wrong(d, e,
                     type.len ? "\"type\" is none of STAC's: Feature, FeatureCollection, "
                                "Collection, Catalog"
                              : "\"type\" is missing: this JSON is no STAC");
    if (d->kind == TL_STAC_ITEMS && d->features.len == 0)
        return wrong(d, e, "\"features\" is missing");
    if (d->features.len && d->features.at[0] != '[')
        return wrong(d, e, "\"features\" is not an array");
    if (d->links.len && d->links.at[0] != '[')
        return wrong(d, e, "\"links\" is not an array");
    return 0;
}

static int split_object(tl_stac_doc *d, tl_span_walk *w, tl_err *e)
{
    tl_span key, value, type = {"", 0}, version = type, extent = type;
    int more;
    while ((more = tl_span_next(w, &key, &value)) > 0) {
        tl_span *to = tl_span_is(key, "type")           ? &type
                      : tl_span_is(key, "stac_version") ? &version
                      : tl_span_is(key, "extent")       ? &extent
                      : tl_span_is(key, "links")        ? &d->links
                      : tl_span_is(key, "features")     ? &d->features
                      : tl_span_is(key, "conformsTo")   ? &d->conforms
                                                        : NULL;
        if (to)
            *to = value;
        else if (tl_span_is(key, "numberMatched"))
            d->matched = strtod(value.at, NULL);
    }
    if (more < 0 || w->at + strspn(w->at, " \t\r\n") < w->end)
        return broken(d, w, e);
    return choose_kind(d, type, version, extent, e);
}

int tl__stac_split(const char *address, const tl_buf *text, tl_stac_doc *out, tl_err *e)
{
    tl_span_walk w;
    tl_stac_doc d = {.address = address, .text = {tl_buf_text(text), text->len}, .matched = NAN};
    if (d.text.len >= 3 && memcmp(d.text.at, "\xef\xbb\xbf", 3) == 0)
        d.text = (tl_span){d.text.at + 3, d.text.len - 3};
    if (tl_span_open(&w, d.text, '[')) {
        d.kind = TL_STAC_ITEMS;
        d.features = d.text;
        *out = d;
        return 0;
    }
    if (!tl_span_open(&w, d.text, '{'))
        return not_json(address, d.text.at, d.text.len, e);
    int code = split_object(&d, &w, e);
    if (!code)
        *out = d;
    return code;
}

/* --- links ----------------------------------------------------------------------------------- */

static const char *text_of(const json_t *link, const char *name)
{
    const char *s = json_string_value(json_object_get(link, name));
    return s ? s : "";
}

static int bad_link(const tl_stac_doc *d, size_t number, const char *what, tl_err *e)
{
    char text[300];
    snprintf(text, sizeof text, "links[%zu]%s", number, what);
    return wrong(d, e, text);
}

static int one_link(const tl_stac_doc *d, tl_span value, size_t number, tl_stac_link_fn *each,
                    void *ctx, tl_err *e)
{
    json_t *j = json_loadb(value.at, value.len, 0, NULL);
    int code;
    tl_stac_link link = {text_of(j, "rel"), text_of(j, "href"), text_of(j, "type"),
                         text_of(j, "method"), j};
    if (!json_is_object(j))
        code = bad_link(d, number, " is not an object", e);
    else if (!json_is_string(json_object_get(j, "rel")))
        code = bad_link(d, number, ".rel is not a text", e);
    else if (!link.href[0])
        code = bad_link(d, number, ".href is missing or not a text", e);
    else
        code = each(ctx, &link, number, e);
    json_decref(j);
    return code;
}

int tl__stac_links(const tl_stac_doc *doc, tl_stac_link_fn *each, void *ctx, tl_err *e)
{
    tl_span_walk w;
    tl_span key, value;
    size_t n = 0;
    int more = 0, code = 0;
    if (!tl_span_open(&w, doc->links, '['))
        return 0;
    while (!code && (more = tl_span_next(&w, &key, &value)) > 0)
        code = one_link(doc, value, n++, each, ctx, e);
    return code ? code : more < 0 ? broken(doc, &w, e) : 0;
}

/* --- Items ----------------------------------------------------------------------------------- */

/* Items in a collection of them carry their own place in a link "self", by which their relative
 * hrefs go. The Item's own parser judges its text; here what is no such link is passed over. */
static void self_of(tl_span item, const char *address, tl_buf *base)
{
    tl_span_walk w;
    tl_span key, value;
    if (tl_span_open(&w, tl_span_member(item, "links"), '['))
        while (tl_span_next(&w, &key, &value) > 0) {
            if (!tl_span_is(tl_span_member(value, "rel"), "\"self\""))
                continue;
            json_t *link = json_loadb(value.at, value.len, 0, NULL);
            const char *href = text_of(link, "href");
            int found = href[0] != '\0';
            if (found)
                tl_href_join(address, href, base);
            json_decref(link);
            if (found)
                return;
        }
    tl_buf_puts(base, address);
}

static int too_many(const tl_stac_reading *r, const tl_stac_doc *d, tl_err *e)
{
    char text[200];
    snprintf(text, sizeof text,
             "there are more than %lld Items; narrow the search, or allow more with max",
             (long long)r->most_items);
    return wrong(d, e, text);
}

static int add_features(tl_stac_reading *r, const tl_stac_doc *d, int64_t *count, tl_err *e)
{
    tl_span_walk w;
    tl_span key, value;
    char name[400], shown[256];
    int more = 0, code = 0;
    if (!tl_span_open(&w, d->features, '['))
        return broken(d, &w, e);
    tl_http_shown(d->address, shown, sizeof shown);
    while (!code && (more = tl_span_next(&w, &key, &value)) > 0) {
        tl_buf base = TL_BUF_INIT;
        if (r->most_items && r->items >= r->most_items)
            return too_many(r, d, e);
        snprintf(name, sizeof name, "%s: features[%lld]", shown, (long long)*count);
        self_of(value, d->address, &base);
        code = tl_stac_item_add(value.at, value.len, tl_buf_text(&base), name, r->into, e);
        tl_buf_free(&base);
        if (code)
            tl_err_source(e, shown);
        r->items++;
        ++*count;
    }
    return code ? code : more < 0 ? broken(d, &w, e) : 0;
}

int tl__stac_add(tl_stac_reading *r, const tl_stac_doc *doc, int64_t *count, tl_err *e)
{
    char shown[256];
    *count = 0;
    if (doc->kind == TL_STAC_ITEMS)
        return add_features(r, doc, count, e);
    if (r->most_items && r->items >= r->most_items)
        return too_many(r, doc, e);
    tl_http_shown(doc->address, shown, sizeof shown);
    int code = tl_stac_item_add(doc->text.at, doc->text.len, doc->address, shown, r->into, e);
    if (code)
        return tl_err_source(e, shown);
    r->items++;
    *count = 1;
    return 0;
}

/* --- the reader ------------------------------------------------------------------------------ */

int tl__stac_max(const json_t *options, int64_t standard, int64_t *out, tl_err *e)
{
    const json_t *j = json_object_get(options, "max");
    *out = standard;
    if (!j)
        return 0;
    if (!(json_number_value(j) >= 1 && json_number_value(j) <= 1e12))
        return tl_fail(e, TL_EUSAGE, "the option max is a number of Items above 0");
    *out = (int64_t)json_number_value(j);
    return 0;
}

static int check_options(const json_t *options, tl_err *e)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)options, key, value)
    {
        if (strcmp(key, "max") != 0)
            return tl_fail(e, TL_EUSAGE,
                           "%s is no option of a STAC catalogue, which has: max; filter the "
                           "Collection instead",
                           key);
    }
    return 0;
}

/* The catalogue in a folder: catalog.json, else collection.json. */
static void enter_folder(tl_buf *address)
{
    static const char *const name[] = {"catalog.json", "collection.json"};
    tl_buf path = TL_BUF_INIT;
    tl_href_to_path(tl_buf_text(address), NULL, &path);
    if (!tl_href_is_http(tl_buf_text(address)) && tl_file_size(tl_buf_text(&path)) == -2) {
        while (path.len > 1 && path.data[path.len - 1] == '/')
            path.data[--path.len] = '\0';
        for (size_t i = 0; i < sizeof name / sizeof name[0]; i++) {
            tl_buf file = TL_BUF_INIT;
            tl_buf_printf(&file, "%s/%s", tl_buf_text(&path), name[i]);
            int there = tl_file_size(tl_buf_text(&file)) >= 0;
            if (there) {
                tl_buf_free(address);
                tl_buf_puts(address, tl_buf_text(&file));
            }
            tl_buf_free(&file);
            if (there)
                break;
        }
    }
    tl_buf_free(&path);
}

static int has_search(void *ctx, const tl_stac_link *link, size_t number, tl_err *e)
{
    (void)number;
    (void)e;
    *(int *)ctx |= strcmp(link->rel, "search") == 0;
    return 0;
}

static int read_document(const char *address, const json_t *options, tl_index *into, tl_err *e)
{
    tl_buf text = TL_BUF_INIT;
    tl_stac_doc doc;
    tl_stac_reading r = {.into = into};
    int search = 0;
    int code = tl__stac_get(address, TL_STAC_MOST_BYTES, &text, e);
    if (!code && tl_href_is_http(address)) {
        code = tl__stac_split(address, &text, &doc, e);
        if (!code && doc.kind == TL_STAC_CATALOG)
            code = tl__stac_links(&doc, has_search, &search, e);
        if (!code && search)
            code = tl__stac_search(&doc, address, options, into, e);
    }
    if (!code && !search)
        code = check_options(options, e);
    if (!code && !search)
        code = tl__stac_max(options, 0, &r.most_items, e);
    if (!code && !search)
        code = tl__stac_walk(&r, address, &text, e);
    tl_buf_free(&text);
    return code;
}

/* An ItemCollection too large to be read whole goes by as a stream; the only local document that
 * may be so large. Its Items' links "self" are not looked at. */
static int read_stream(const char *path, const json_t *options, tl_index *into, tl_err *e)
{
    tl_buf head = TL_BUF_INIT;
    FILE *f = NULL;
    int code = check_options(options, e);
    if (!code && json_object_get(options, "max"))
        code = tl_fail(e, TL_EUSAGE, "%s: max is not known for files of more than 64 MiB", path);
    if (!code)
        code = tl_file_head(path, HEAD, &head, e);
    if (!code)
        code = not_json(path, tl_buf_text(&head), head.len, e);
    if (!code && !(f = fopen(path, "rb")))
        code = tl_fail(e, TL_EDATA, "cannot read %s: %s", path, strerror(errno));
    if (!code)
        code = tl_stac_items_stream(f, path, path, into, e);
    if (f)
        fclose(f);
    tl_buf_free(&head);
    return code ? tl_err_source(e, path) : 0;
}

int tl_read_stac(const char *source, const json_t *options, tl_index *into, tl_err *e)
{
    tl_buf address = TL_BUF_INIT;
    tl_href_of_source(source, &address);
    enter_folder(&address);
    const char *a = tl_buf_text(&address);
    int large = a[0] == '/' && !tl_href_is_remote(a) && strncmp(a, "/vsi", 4) != 0 &&
                tl_file_size(a) > (long long)TL_STAC_MOST_BYTES;
    int code = large ? read_stream(a, options, into, e) : read_document(a, options, into, e);
    tl_buf_free(&address);
    return code;
}
