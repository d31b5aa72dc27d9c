/* Pages of a STAC API: see stac_read.h. SPDX-License-Identifier: MIT */
#include "modules/collection/href.h"
#include "modules/collection/stac_read.h"
#include "modules/raster/http.h"
#include "runtime/hash.h"
#include "runtime/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MOST_PAGES   1000000
#define ATTEMPTS     3
#define MOST_HEADERS 8192 /* bytes that a link may ask to be sent */

void tl__stac_request_free(tl_stac_request *q)
{
    free(q->url);
    free(q->headers);
    json_decref(q->body);
    *q = (tl_stac_request){0};
}

/* --- the next page ---------------------------------------------------------------------------- */

typedef struct onward {
    const tl_stac_request *now;
    tl_stac_request next; /* url NULL: there is none */
} onward;

static int bad_next(const onward *o, size_t number, const char *what, tl_err *e)
{
    char shown[256];
    tl_http_shown(o->now->url, shown, sizeof shown);
    tl_fail(e, TL_EDATA, "%s: links[%zu]%s", shown, number, what);
    return tl_err_source(e, shown);
}

/* "Name: value" lines of an object of texts; NULL when one could forge other lines. */
static char *headers_of(const json_t *object)
{
    tl_buf out = TL_BUF_INIT;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        const char *s = json_string_value(json_is_array(value) ? json_array_get(value, 0) : value);
        if (!s)
            continue;
        if (strpbrk(name, "\r\n:") || strpbrk(s, "\r\n") || out.len > MOST_HEADERS) {
            tl_buf_free(&out);
            return NULL;
        }
        tl_buf_printf(&out, "%s%s: %s", out.len ? "\r\n" : "", name, s);
    }
    char *text = tl_xstrdup(tl_buf_text(&out));
    tl_buf_free(&out);
    return text;
}

/* The body of the next POST: the link's, upon the last one's where it says "merge". */
static json_t *body_of(const json_t *link, const json_t *last)
{
    json_t *given = json_object_get(link, "body");
    if (!json_is_object(given))
        return last ? json_deep_copy(last) : json_object();
    json_t *body =
        json_is_true(json_object_get(link, "merge")) && last ? json_deep_copy(last) : json_object();
    json_object_update(body, given);
    return body;
}

static int note_next(void *ctx, const tl_stac_link *link, size_t number, tl_err *e)
{
    onward *o = ctx;
    const json_t *headers = json_object_get(link->all, "headers");
    tl_buf url = TL_BUF_INIT;
    if (strcmp(link->rel, "next") != 0 || o->next.url)
        return 0;
    int post = strcasecmp(link->method, "POST") == 0;
    if (!post && link->method[0] && strcasecmp(link->method, "GET") != 0)
        return bad_next(o, number, ".method is neither GET nor POST", e);
    tl_href_join(o->now->url, link->href, &url);
    if (!tl_href_is_http(tl_buf_text(&url))) {
        tl_buf_free(&url);
        return bad_next(o, number, ".href of the next page is no http:// or https:// address", e);
    }
    if (json_is_object(headers) && !(o->next.headers = headers_of(headers))) {
        tl_buf_free(&url);
        return bad_next(o, number, ".headers cannot be sent", e);
    }
    o->next.url = tl_xstrdup(tl_buf_text(&url));
    o->next.body = post ? body_of(link->all, o->now->body) : NULL;
    tl_buf_free(&url);
    return 0;
}

/* --- going on --------------------------------------------------------------------------------- */

typedef struct pages {
    tl_stac_reading *r;
    tl_buf asked;     /* sha256 of each request, 64 digits each */
    char content[65]; /* of the last page's Items */
    int64_t first;    /* Items before this search */
    int empty;        /* pages without Items, one after the other */
} pages;

static int stuck(const char *url, const char *why, tl_err *e)
{
    char shown[256];
    tl_http_shown(url, shown, sizeof shown);
    tl_fail(e, TL_EDATA, "%s: the link to the next page does not advance: %s", shown, why);
    return tl_err_source(e, shown);
}

/* A request that was made before would go round for ever. Linear in the pages: a page costs a
 * request, a comparison of some 100 KB of digits does not count beside it. */
static int note_request(pages *p, const tl_stac_request *q, const char *from, tl_err *e)
{
    char hex[65];
    char *body = q->body ? json_dumps(q->body, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    char *all = tl_xasprintf("%s\n%s\n%s", q->url, q->headers ? q->headers : "", body ? body : "");
    tl_sha256(all, strlen(all), hex);
    free(all);
    free(body);
    for (size_t i = 0; i < p->asked.len; i += 64)
        if (memcmp(p->asked.data + i, hex, 64) == 0)
            return stuck(from, "it leads to a page that was read", e);
    if (p->asked.len >= 64u * MOST_PAGES)
        return stuck(from, "there are more than 1,000,000 pages", e);
    tl_buf_add(&p->asked, hex, 64);
    return 0;
}

static int check_page(pages *p, const tl_stac_doc *doc, int64_t count, tl_err *e)
{
    char hex[65];
    p->empty = count ? 0 : p->empty + 1;
    if (p->empty > TL_STAC_MOST_EMPTY)
        return stuck(doc->address, "50 pages in a row hold no Items", e);
    tl_sha256(doc->features.at, doc->features.len, hex);
    if (count && strcmp(hex, p->content) == 0)
        return stuck(doc->address, "two pages hold the same Items", e);
    memcpy(p->content, hex, sizeof hex);
    return 0;
}

static int fetch_once(const tl_stac_request *q, tl_buf *text, tl_err *e)
{
    if (!q->body)
        return tl_http_get(q->url, q->headers, TL_STAC_MOST_BYTES, text, e);
    char *body = json_dumps(q->body, JSON_COMPACT | JSON_SORT_KEYS);
    int code = tl_http_post(q->url, body, q->headers, TL_STAC_MOST_BYTES, text, e);
    free(body);
    return code;
}

/* A page that was cut without HTTP noticing is asked for again. */
static int fetch(const tl_stac_request *q, tl_buf *text, tl_stac_doc *doc, tl_err *e)
{
    int code = TL_ETRANSIENT;
    for (int i = 0; i < ATTEMPTS && code == TL_ETRANSIENT; i++) {
        tl_buf_free(text);
        code = fetch_once(q, text, e);
        if (code)
            return code;
        code = tl__stac_split(q->url, text, doc, e);
    }
    return code;
}

/* Refused at once, and not after the last allowed Item was read. */
static int check_matched(const pages *p, const tl_stac_doc *doc, tl_err *e)
{
    char shown[256];
    int64_t most = p->r->most_items - p->first;
    if (!p->r->most_items || !(doc->matched > (double)most))
        return 0;
    tl_http_shown(doc->address, shown, sizeof shown);
    tl_fail(e, TL_EDATA,
            "%s finds %.0f Items, more than %lld; narrow the search, or allow more with max", shown,
            doc->matched, (long long)most);
    return tl_err_source(e, shown);
}

/* Reads one page; o->next is the request after it. */
static int read_page(pages *p, onward *o, tl_err *e)
{
    char shown[256];
    tl_buf text = TL_BUF_INIT;
    tl_stac_doc doc;
    int64_t count = 0;
    int code = fetch(o->now, &text, &doc, e);
    if (!code && doc.kind != TL_STAC_ITEMS) {
        tl_http_shown(o->now->url, shown, sizeof shown);
        tl_fail(e, TL_EDATA, "%s: the answer to a search is no FeatureCollection", shown);
        code = tl_err_source(e, shown);
    }
    if (!code)
        code = check_matched(p, &doc, e);
    if (!code)
        code = tl__stac_add(p->r, &doc, &count, e);
    if (!code)
        code = check_page(p, &doc, count, e);
    if (!code)
        code = tl__stac_links(&doc, note_next, o, e);
    tl_buf_free(&text);
    return code;
}

int tl__stac_pages(tl_stac_reading *r, tl_stac_request *q, tl_err *e)
{
    pages p = {.r = r, .first = r->items};
    int code = note_request(&p, q, q->url, e);
    while (!code && q->url) {
        onward o = {.now = q};
        code = read_page(&p, &o, e);
        if (!code && o.next.url)
            code = note_request(&p, &o.next, q->url, e);
        tl__stac_request_free(q);
        *q = o.next;
    }
    tl__stac_request_free(q);
    tl_buf_free(&p.asked);
    return code;
}
