/* Searching STAC APIs: see stac_api.h. SPDX-License-Identifier: MIT */
#include "modules/collection/stac_api.h"
#include "modules/collection/href.h"
#include "modules/collection/open.h"
#include "modules/collection/stac_read.h"
#include "modules/raster/http.h"
#include "runtime/log.h"
#include "runtime/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PAGE 100 /* Items of some 30 KB; large pages run into limits of servers */

/* --- options -----------------------------------------------------------------------------------
 */

static int is_names(const json_t *j)
{
    size_t i;
    const json_t *v;
    if (json_is_string(j))
        return 1;
    json_array_foreach(j, i, v) if (!json_is_string(v)) return 0;
    return json_array_size(j) > 0;
}

static int is_box(const json_t *j)
{
    size_t i;
    const json_t *v;
    json_array_foreach(j, i, v) if (!json_is_number(v)) return 0;
    return json_array_size(j) == 4 || json_array_size(j) == 6;
}

static int is_text(const json_t *j)
{
    return json_is_string(j) && json_string_length(j) > 0;
}

static int is_object(const json_t *j)
{
    return json_is_object(j);
}

static int is_filter(const json_t *j)
{
    return is_text(j) || json_is_object(j);
}

static int is_count(const json_t *j)
{
    return json_is_number(j) && json_number_value(j) >= 1 && json_number_value(j) <= 1e12;
}

/* Which of them a Collection's page of items knows, too. */
static const struct option {
    const char *name;
    int (*good)(const json_t *j);
    const char *what;
    int sent, plain;
} option[] = {
    {"collections", is_names, "a name or an array of names", 1, 0},
    {"ids", is_names, "a name or an array of names", 1, 0},
    {"bbox", is_box, "[west, south, east, north] in degrees", 1, 1},
    {"datetime", is_text, "a text such as \"2023-08-01T00:00:00Z/..\"", 1, 1},
    {"intersects", is_object, "a GeoJSON geometry", 1, 0},
    {"query", is_object, "an object such as {\"eo:cloud_cover\": {\"lt\": 20}}", 1, 0},
    {"filter", is_filter, "CQL2, a text or an object", 1, 0},
    {"limit", is_count, "a number of Items above 0", 0, 1},
    {"max", is_count, "a number of Items above 0", 0, 1},
    {"prefer", is_object, "an object with query", 0, 1},
};
#define NOPTIONS (sizeof option / sizeof option[0])

static const struct option *option_of(const char *name)
{
    for (size_t i = 0; i < NOPTIONS; i++)
        if (strcmp(option[i].name, name) == 0)
            return &option[i];
    return NULL;
}

static int check_options(const json_t *options, int plain, tl_err *e)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)options, key, value)
    {
        const struct option *o = option_of(key);
        if (!o)
            return tl_fail(e, TL_EUSAGE,
                           "%s is no option of a STAC API, which has: collections, ids, bbox, "
                           "datetime, intersects, query, filter, limit, max",
                           key);
        if (!o->good(value))
            return tl_fail(e, TL_EUSAGE, "the option %s of a STAC API is %s", key, o->what);
        if (plain && !o->plain)
            return tl_fail(e, TL_EUSAGE,
                           "the items of one Collection cannot be searched by %s: name the API's "
                           "landing page as the source",
                           key);
    }
    if (json_object_get(options, "bbox") && json_object_get(options, "intersects"))
        return tl_fail(e, TL_EUSAGE, "a STAC API takes one of bbox and intersects, not both");
    return 0;
}

/* --- the request -------------------------------------------------------------------------------
 */

/* The body of a POST; a GET's parameters are its members. */
static json_t *body_of(const json_t *options, int knows_query)
{
    json_t *body = json_object(), *value;
    const char *key;
    json_object_foreach((json_t *)options, key, value)
    {
        if (option_of(key)->sent)
            json_object_set(body, key, value);
    }
    for (int i = 0; i < 2; i++) { /* one name is an array of it */
        const char *name = i ? "ids" : "collections";
        value = json_object_get(body, name);
        if (json_is_string(value))
            json_object_set_new(body, name, json_pack("[O]", value));
    }
    value = json_object_get(body, "filter");
    if (value)
        json_object_set_new(body, "filter-lang",
                            json_string(json_is_string(value) ? "cql2-text" : "cql2-json"));
    value = json_object_get(json_object_get(options, "prefer"), "query");
    if (knows_query && value) {
        json_t *query = json_deep_copy(value);
        json_object_update(query, json_object_get(body, "query"));
        json_object_set_new(body, "query", query);
    }
    value = json_object_get(options, "limit");
    json_object_set_new(body, "limit",
                        json_integer(value ? (json_int_t)json_number_value(value) : PAGE));
    return body;
}

static void add_parameter(tl_buf *url, const char *name, const json_t *value)
{
    size_t i;
    const json_t *v;
    tl_buf_printf(url, "%c%s=", strchr(tl_buf_text(url), '?') ? '&' : '?', name);
    if (json_is_string(value)) {
        tl_href_encode(json_string_value(value), url);
        return;
    }
    if (!json_is_array(value)) {
        char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
        tl_href_encode(text, url);
        free(text);
        return;
    }
    json_array_foreach(value, i, v)
    {
        if (i)
            tl_buf_puts(url, ",");
        if (json_is_string(v))
            tl_href_encode(json_string_value(v), url);
        else
            tl_buf_printf(url, "%.12g", json_number_value(v));
    }
}

static tl_stac_request request_of(const char *url, json_t *body, int post)
{
    tl_stac_request q = {0};
    tl_buf all = TL_BUF_INIT;
    const char *key;
    json_t *value;
    tl_buf_puts(&all, url);
    if (post) {
        q.body = body;
    } else {
        json_object_foreach(body, key, value) add_parameter(&all, key, value);
        json_decref(body);
    }
    q.url = tl_xstrdup(tl_buf_text(&all));
    tl_buf_free(&all);
    return q;
}

/* With what the index will be asked for, where that is not given: what is given restricts the
 * Collection, and one restriction of a kind is sent. A new reference. */
static json_t *with_wanted(const json_t *options, const tl_index *into, int plain)
{
    json_t *all = options ? json_copy((json_t *)options) : json_object();
    json_t *wanted = tl_stac_api_options(tl_index_wanted(into)), *value;
    const char *key;
    int placed = json_object_get(all, "bbox") || json_object_get(all, "intersects");
    json_object_foreach(wanted, key, value)
    {
        int place = strcmp(key, "bbox") == 0 || strcmp(key, "intersects") == 0;
        if (!(place && placed) && !(plain && !option_of(key)->plain) && !json_object_get(all, key))
            json_object_set(all, key, value);
    }
    json_decref(wanted);
    return all;
}

static int run(const char *url, int post, int plain, int knows_query, const json_t *options,
               tl_index *into, tl_err *e)
{
    tl_stac_reading r = {.into = into};
    int code = tl__stac_max(options, TL_STAC_MOST_ITEMS, &r.most_items, e);
    if (code)
        return code;
    /* Of an address with a query of its own it is not known what that restricts. */
    json_t *all = strchr(url, '?') ? json_deep_copy(options) : with_wanted(options, into, plain);
    tl_stac_request q = request_of(url, body_of(all, knows_query), post);
    json_decref(all);
    return tl__stac_pages(&r, &q, e);
}

/* --- what is there -----------------------------------------------------------------------------
 */

typedef struct ways {
    const char *address;
    char *get, *post; /* rel=search, by method */
    char *items;      /* rel=items */
} ways;

static void keep(char **to, const char *address, const char *href)
{
    tl_buf url = TL_BUF_INIT;
    tl_href_join(address, href, &url);
    if (!*to && tl_href_is_http(tl_buf_text(&url)))
        *to = tl_xstrdup(tl_buf_text(&url));
    tl_buf_free(&url);
}

static int note_way(void *ctx, const tl_stac_link *link, size_t number, tl_err *e)
{
    ways *w = ctx;
    (void)number;
    (void)e;
    if (strstr(link->type, "html"))
        return 0;
    if (strcmp(link->rel, "items") == 0)
        keep(&w->items, w->address, link->href);
    else if (strcmp(link->rel, "search") == 0)
        keep(strcasecmp(link->method, "POST") == 0 ? &w->post : &w->get, w->address, link->href);
    return 0;
}

static void free_ways(ways *w)
{
    free(w->get);
    free(w->post);
    free(w->items);
}

/* Extensions are named by URIs that end so, whatever their version. */
static int declares(const tl_stac_doc *doc, const char *what)
{
    tl_span_walk w;
    tl_span key, value;
    size_t n = strlen(what);
    if (doc && tl_span_open(&w, doc->conforms, '['))
        while (tl_span_next(&w, &key, &value) > 0)
            if (value.len > n + 1 && memcmp(value.at + value.len - 1 - n, what, n) == 0)
                return 1;
    return 0;
}

static int no_search(const char *address, tl_err *e)
{
    char shown[256];
    tl_http_shown(address, shown, sizeof shown);
    tl_fail(e, TL_EDATA, "%s is no STAC API: its \"links\" have no rel \"search\"", shown);
    return tl_err_source(e, shown);
}

int tl__stac_search(const tl_stac_doc *doc, const char *address, const json_t *options,
                    tl_index *into, tl_err *e)
{
    char shown[256];
    ways w = {.address = address};
    int code = tl__stac_links(doc, note_way, &w, e);
    int search = w.post || w.get, plain = !search && doc->kind == TL_STAC_COLLECTION && w.items;
    if (!code && !search && !plain)
        code = no_search(address, e);
    if (!code)
        code = check_options(options, plain, e);
    int knows = declares(doc, "#query");
    if (!code && json_object_get(options, "query") && doc->conforms.len && !knows)
        tl_warn_once("%s does not say that it knows query, and may send what does not match",
                     tl_http_shown(address, shown, sizeof shown));
    if (!code)
        code = run(plain    ? w.items
                   : w.post ? w.post
                            : w.get,
                   !plain && w.post != NULL, plain, knows, options, into, e);
    free_ways(&w);
    return code;
}

/* --- the reader --------------------------------------------------------------------------------
 */

/* The landing page of ".../search", "" when the address is none. */
static void landing_of(const char *address, tl_buf *out)
{
    size_t n = strlen(address), end = strlen("/search");
    if (n > end && address[n - 1] == '/')
        n--;
    if (n > end && strncmp(address + n - end, "/search", end) == 0)
        tl_buf_add(out, address, n - end);
}

static int has_way(const tl_stac_doc *doc)
{
    ways w = {.address = doc->address};
    tl_err ignored = TL_ERR_INIT;
    int found = tl__stac_links(doc, note_way, &w, &ignored) == 0 && (w.get || w.post);
    free_ways(&w);
    return found;
}

static int read_page_of(const char *address, const json_t *options, tl_index *into, tl_err *e)
{
    tl_buf text = TL_BUF_INIT;
    tl_stac_doc doc;
    int code = tl__stac_get(address, TL_STAC_MOST_BYTES, &text, e);
    if (!code)
        code = tl__stac_split(address, &text, &doc, e);
    if (!code && doc.kind == TL_STAC_ITEMS) {
        code = check_options(options, 1, e);
        if (!code)
            code = run(address, 0, 1, 0, options, into, e);
    } else if (!code) {
        code = tl__stac_search(&doc, address, options, into, e);
    }
    tl_buf_free(&text);
    return code;
}

/* ".../search": by POST where the landing page above says so, else by GET. */
static int read_search(const char *address, const char *landing, const json_t *options,
                       tl_index *into, tl_err *e)
{
    tl_buf text = TL_BUF_INIT;
    tl_stac_doc doc;
    tl_err first = TL_ERR_INIT;
    int code = tl__stac_get(landing, TL_STAC_MOST_BYTES, &text, &first);
    int offered = !code && tl__stac_split(landing, &text, &doc, &first) == 0 && has_way(&doc);
    if (code == TL_ETRANSIENT) {
        *e = first;
    } else if (offered) {
        code = tl__stac_search(&doc, landing, options, into, e);
    } else {
        code = check_options(options, 0, e);
        if (!code)
            code = run(address, 0, 0, 0, options, into, e);
    }
    tl_buf_free(&text);
    return code;
}

int tl_read_stac_api(const char *source, const json_t *options, tl_index *into, tl_err *e)
{
    tl_buf landing = TL_BUF_INIT;
    char shown[256];
    if (!tl_href_is_http(source))
        return tl_fail(e, TL_EUSAGE, "%s is no http:// or https:// address of a STAC API",
                       tl_http_shown(source, shown, sizeof shown));
    int code = check_options(options, 0, e);
    landing_of(source, &landing);
    if (!code && strchr(source, '?')) /* a search that was written down */
        code = run(source, 0, 0, 0, options, into, e);
    else if (!code)
        code = landing.len ? read_search(source, tl_buf_text(&landing), options, into, e)
                           : read_page_of(source, options, into, e);
    tl_buf_free(&landing);
    return code;
}
