/* Texts of STAC items, whole or in pieces: see stac_item.h. SPDX-License-Identifier: MIT */
#include "modules/collection/stac_item.h"
#include "modules/collection/stac_events.h"
#include "runtime/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 18, LARGEST_MIB = 64 };
typedef tl__stac_walker walker;

static int json_error(walker *w, yajl_handle h, const unsigned char *text, size_t len, int64_t at)
{
    if (w->rc)
        return w->rc;
    unsigned char *why = yajl_get_error(h, 0, text, len);
    char *newline = strchr((char *)why, '\n');
    if (newline)
        *newline = '\0';
    const char *colon = strstr((char *)why, ": ");
    const char *id = tl__stac_text(&w->it, TL__STAC_ID);
    int rc = tl_fail(w->e, TL_EDATA, "%s: no JSON at byte %lld%s%.80s%s: %s", w->it.file,
                     (long long)(at + (text ? (int64_t)yajl_get_bytes_consumed(h) : 0)),
                     *id ? " (item '" : "", id, *id ? "')" : "", colon ? colon + 2 : (char *)why);
    yajl_free_error(h, why);
    return rc;
}

/* The text has ended. */
static int last(walker *w)
{
    if (w->is_list)
        return 0;
    if (strcmp(w->type, "Feature") != 0)
        return tl_fail(w->e, TL_EDATA,
                       "%s: is no STAC item or list of items: its type is '%s', not Feature",
                       w->it.file, w->type);
    return tl__stac_finish(&w->it, w->into, w->e);
}

/* Begins a text; what the walker has room for is kept. */
static int start(walker *w, const char *base, const char *name, tl_index *into, tl_err *e,
                 yajl_handle *h)
{
    w->rc = w->depth = w->skipped = w->is_list = w->began = 0;
    w->items = w->it.number = 0;
    w->type[0] = '\0';
    w->it.file = name;
    w->it.base = base;
    w->into = into;
    w->e = e;
    w->slot = NONE;
    tl__stac_reset(&w->it);
    *h = yajl_alloc(&tl__stac_callbacks, NULL, w);
    return *h ? 0 : tl_fail(e, TL_ENOMEM, "no memory to read %s", name);
}

struct tl__stac_reader {
    walker w;
};

tl__stac_reader *tl__stac_reader_new(void)
{
    return tl_xcalloc(1, sizeof(tl__stac_reader));
}

void tl__stac_reader_free(tl__stac_reader *r)
{
    if (r)
        tl__stac_free(&r->w.it);
    free(r);
}

int tl__stac_reader_add(tl__stac_reader *r, const char *text, size_t len, const char *base_href,
                        const char *name_for_errors, tl_index *into, tl_err *e)
{
    walker *w = &r->w;
    yajl_handle h;
    int rc = start(w, base_href, name_for_errors, into, e, &h);
    if (rc)
        return rc;
    const unsigned char *t = (const unsigned char *)text;
    if (yajl_parse(h, t, len) != yajl_status_ok)
        rc = json_error(w, h, t, len, 0);
    else if (yajl_complete_parse(h) != yajl_status_ok)
        rc = json_error(w, h, NULL, 0, (int64_t)len);
    else
        rc = last(w);
    yajl_free(h);
    return rc;
}

int tl_stac_item_add(const char *text, size_t len, const char *base_href,
                     const char *name_for_errors, tl_index *into, tl_err *e)
{
    tl__stac_reader *r = tl__stac_reader_new();
    int rc = tl__stac_reader_add(r, text, len, base_href, name_for_errors, into, e);
    tl__stac_reader_free(r);
    return rc;
}

int tl_stac_items_stream(FILE *f, const char *base_href, const char *name_for_errors,
                         tl_index *into, tl_err *e)
{
    walker *w = tl_xcalloc(1, sizeof *w);
    size_t room = CHUNK;
    unsigned char *chunk = tl_xmalloc(room);
    yajl_handle h;
    int64_t at = 0, quiet = 0;
    size_t n;
    int rc = start(w, base_href, name_for_errors, into, e, &h);
    while (!rc && (n = fread(chunk, 1, room, f)) > 0) {
        size_t bom = !at && n >= 3 && memcmp(chunk, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
        int64_t items = w->items;
        if (yajl_parse(h, chunk + bom, n - bom) != yajl_status_ok)
            rc = json_error(w, h, chunk + bom, n - bom, at);
        at += (int64_t)n;
        /* Neither a text nor an item may grow without end. */
        quiet = w->items != items ? 0 : quiet + (int64_t)n;
        /* A text that goes on in the next chunk is read again from its beginning: twice as much
         * each time keeps that linear. */
        if (quiet > 2 * (int64_t)room) {
            room *= 2;
            chunk = tl_xrealloc(chunk, room);
        }
        if (!rc && quiet > (int64_t)LARGEST_MIB << 20)
            rc = tl_fail(e, TL_EDATA, "%s: more than %d MiB without an item, at byte %lld",
                         name_for_errors, LARGEST_MIB, (long long)at);
    }
    if (!rc && ferror(f))
        rc = tl_fail(e, TL_EDATA, "%s: %s", name_for_errors, strerror(errno));
    if (!rc && yajl_complete_parse(h) != yajl_status_ok)
        rc = json_error(w, h, NULL, 0, at);
    if (!rc)
        rc = last(w);
    if (h)
        yajl_free(h);
    tl__stac_free(&w->it);
    free(chunk);
    free(w);
    return rc;
}
