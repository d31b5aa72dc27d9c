/* Following the links of a catalogue: see stac_read.h. SPDX-License-Identifier: MIT
 *
 * Depth first, in the order of the links; each document is read once, by its address. One that is
 * met again while what it links to is still being read is a circle. */
#include "modules/collection/href.h"
#include "modules/collection/stac_read.h"
#include "modules/raster/http.h"
#include "runtime/hash.h"
#include "runtime/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- addresses that were met ------------------------------------------------------------------ */

typedef struct met {
    char *address; /* NULL: free */
    int open;      /* what it links to is being read */
} met;

typedef struct walk {
    tl_stac_reading *r;
    met *seat;
    size_t nseats, used; /* nseats is a power of 2 */
    tl_stac_ahead ahead[TL_STAC_AHEAD];
    size_t nahead;
} walk;

/* The seat of an address, or the free one where it belongs. */
static met *seat_of(const walk *w, const char *address)
{
    size_t i = (size_t)tl_fnv(TL_FNV, address, strlen(address)) & (w->nseats - 1);
    while (w->seat[i].address && strcmp(w->seat[i].address, address) != 0)
        i = (i + 1) & (w->nseats - 1);
    return &w->seat[i];
}

static void grow(walk *w)
{
    walk old = *w;
    if (2 * (w->used + 1) <= w->nseats)
        return;
    w->nseats = old.nseats ? 2 * old.nseats : 64;
    w->seat = tl_xcalloc(w->nseats, sizeof *w->seat);
    for (size_t i = 0; i < old.nseats; i++)
        if (old.seat[i].address)
            *seat_of(w, old.seat[i].address) = old.seat[i];
    free(old.seat);
}

static void mark(walk *w, const char *address, int open)
{
    grow(w);
    met *m = seat_of(w, address);
    if (!m->address) {
        m->address = tl_xstrdup(address);
        w->used++;
    }
    m->open = open;
}

/* --- links to follow -------------------------------------------------------------------------- */

/* Kept as short as possible: a catalogue's text is given back before what it links to is read. */
typedef struct onward {
    tl_buf
        links; /* of each 'i' for an Item or 'c', the link's number, its address, with a NUL each */
    char *pages; /* rel=items, or NULL */
    const char *address;
} onward;

/* One of onward's links. */
typedef struct step {
    char kind;
    const char *number, *to, *next;
} step;

static step step_at(const char *s)
{
    const char *to = s + strlen(s) + 1;
    return (step){s[0], s + 1, to, to + strlen(to) + 1};
}

static int note_link(void *ctx, const tl_stac_link *link, size_t number, tl_err *e)
{
    onward *o = ctx;
    char place[32], shown[256];
    tl_buf to = TL_BUF_INIT;
    int pages = strcmp(link->rel, "items") == 0;
    if (!pages && strcmp(link->rel, "item") != 0 && strcmp(link->rel, "child") != 0)
        return 0;
    if (strstr(link->type, "html"))
        return 0;
    tl_href_join(o->address, link->href, &to);
    const char *address = tl_buf_text(&to);
    if (tl_href_is_remote(o->address) && !tl_href_is_remote(address)) {
        tl_buf_free(&to);
        tl_http_shown(o->address, shown, sizeof shown);
        tl_fail(e, TL_EDATA, "%s: links[%zu].href leads from a server to %.200s", shown, number,
                link->href);
        return tl_err_source(e, shown);
    }
    if (pages && !o->pages) {
        o->pages = tl_xstrdup(address);
    } else if (!pages) {
        snprintf(place, sizeof place, "%c%zu", link->rel[0], number);
        tl_buf_add(&o->links, place, strlen(place) + 1);
        tl_buf_add(&o->links, address, strlen(address) + 1);
    }
    tl_buf_free(&to);
    return 0;
}

static int visit(walk *w, const char *address, tl_buf *text, int depth, tl_err *e);

static int circle(const char *from, const step *s, tl_err *e)
{
    char a[256], b[256];
    tl_http_shown(from, a, sizeof a);
    tl_fail(e, TL_EDATA, "%s: links[%s].href goes round in a circle, back to %s", a, s->number,
            tl_http_shown(s->to, b, sizeof b));
    return tl_err_source(e, a);
}

static int is_met(const walk *w, const char *address)
{
    return w->nseats > 0 && seat_of(w, address)->address != NULL;
}

static tl_stac_ahead *find_ahead(walk *w, const char *address)
{
    for (size_t i = 0; i < w->nahead; i++)
        if (w->ahead[i].address && strcmp(w->ahead[i].address, address) == 0)
            return &w->ahead[i];
    return NULL;
}

static void drop_ahead(walk *w)
{
    for (size_t i = 0; i < w->nahead; i++) {
        free(w->ahead[i].address);
        tl_buf_free(&w->ahead[i].text);
    }
    w->nahead = 0;
}

/* The Items from `at` on that are to be read next, before they are needed. Not while others wait:
 * what is fetched ahead stays bounded. */
static void fetch_ahead(walk *w, const onward *o, const char *at)
{
    const char *end = o->links.data + o->links.len;
    drop_ahead(w);
    for (const char *s = at; s < end && w->nahead < TL_STAC_AHEAD; s = step_at(s).next) {
        step t = step_at(s);
        if (t.kind != 'i')
            break; /* a catalogue, which fetches its own */
        if (tl_href_is_remote(t.to) && !is_met(w, t.to) && !find_ahead(w, t.to))
            w->ahead[w->nahead++] = (tl_stac_ahead){.address = tl_xstrdup(t.to)};
    }
    tl__stac_fetch(w->ahead, w->nahead);
}

/* From what was fetched ahead, else now. One that failed for its size or for good is tried again,
 * alone: there it may be larger, and the error is that of a single document. */
static int get(walk *w, const char *address, tl_buf *text, tl_err *e)
{
    tl_stac_ahead *a = find_ahead(w, address);
    if (!a || a->code == TL_EDATA)
        return tl__stac_get(address, TL_STAC_MOST_BYTES, text, e);
    if (a->code)
        *e = a->e;
    *text = a->text;
    a->text = (tl_buf)TL_BUF_INIT;
    return a->code;
}

static int follow_one(walk *w, const char *from, const step *s, int depth, tl_err *e)
{
    char shown[256];
    tl_buf text = TL_BUF_INIT;
    if (is_met(w, s->to))
        return seat_of(w, s->to)->open ? circle(from, s, e) : 0;
    tl_http_shown(from, shown, sizeof shown);
    if (depth >= TL_STAC_MOST_DEPTH || w->used >= TL_STAC_MOST_DOCUMENTS) {
        tl_fail(e, TL_EDATA, "%s: links[%s].href is one too many: %s", shown, s->number,
                depth >= TL_STAC_MOST_DEPTH ? "catalogues lie deeper than 32 levels"
                                            : "more than 2,000,000 documents are linked");
        return tl_err_source(e, shown);
    }
    int code = get(w, s->to, &text, e);
    if (code)
        return tl_err_prefix(e, "%s: links[%s].href", shown, s->number);
    return visit(w, s->to, &text, depth + 1, e);
}

static int follow(walk *w, const onward *o, int depth, tl_err *e)
{
    const char *at = o->links.data, *end = at ? at + o->links.len : at;
    int code = 0, mine = w->nahead == 0;
    while (!code && at < end) {
        step s = step_at(at);
        if (mine && s.kind == 'i' && tl_href_is_remote(s.to) && !is_met(w, s.to) &&
            !find_ahead(w, s.to))
            fetch_ahead(w, o, at);
        else if (mine && s.kind != 'i')
            drop_ahead(w);
        code = follow_one(w, o->address, &s, depth, e);
        at = s.next;
    }
    if (mine)
        drop_ahead(w);
    if (code || o->links.len > 0 || !o->pages)
        return code;
    /* A Collection of an API has no links to its Items, but one to pages of them. */
    tl_stac_request q = {.url = tl_xstrdup(o->pages)};
    return tl__stac_pages(w->r, &q, e);
}

/* text is given away. */
static int visit(walk *w, const char *address, tl_buf *text, int depth, tl_err *e)
{
    tl_stac_doc doc;
    int64_t count;
    onward o = {TL_BUF_INIT, NULL, address};
    mark(w, address, 1);
    int code = tl__stac_split(address, text, &doc, e);
    int leaf = !code && (doc.kind == TL_STAC_ITEM || doc.kind == TL_STAC_ITEMS);
    if (!code && leaf)
        code = tl__stac_add(w->r, &doc, &count, e);
    else if (!code)
        code = tl__stac_links(&doc, note_link, &o, e);
    tl_buf_free(text);
    if (!code && !leaf)
        code = follow(w, &o, depth, e);
    tl_buf_free(&o.links);
    free(o.pages);
    mark(w, address, 0);
    return code;
}

int tl__stac_walk(tl_stac_reading *r, const char *address, tl_buf *text, tl_err *e)
{
    walk w = {.r = r};
    int code = visit(&w, address, text, 0, e);
    drop_ahead(&w);
    for (size_t i = 0; i < w.nseats; i++)
        free(w.seat[i].address);
    free(w.seat);
    return code;
}
