/* What the readers of STAC share. Internal. SPDX-License-Identifier: MIT */
#ifndef TL_STAC_READ_H
#define TL_STAC_READ_H

#include "modules/collection/index.h"
#include "modules/collection/span.h"
#include "runtime/buf.h"
#include <jansson.h>

#define TL_STAC_MOST_BYTES     ((size_t)64 << 20) /* of one document that is read whole */
#define TL_STAC_MOST_DEPTH     32                 /* of catalogues in catalogues */
#define TL_STAC_MOST_DOCUMENTS 2000000            /* followed from one source */
#define TL_STAC_MOST_ITEMS     100000             /* of an API, unless options.max says otherwise */
#define TL_STAC_MOST_EMPTY     50                 /* pages without items, one after the other */

typedef enum tl_stac_kind {
    TL_STAC_ITEM,
    TL_STAC_ITEMS, /* an ItemCollection, a page of an API, an array of Items */
    TL_STAC_CATALOG,
    TL_STAC_COLLECTION
} tl_stac_kind;

/* A document's parts; they point into its text. */
typedef struct tl_stac_doc {
    const char *address; /* borrowed */
    tl_span text;
    tl_stac_kind kind;
    tl_span links, features; /* arrays; a length of 0 when there is none */
    tl_span conforms;        /* conformsTo, likewise */
    double matched;          /* numberMatched; NaN unknown */
} tl_stac_doc;

/* What one reading has done so far. */
typedef struct tl_stac_reading {
    tl_index *into;
    int64_t items, most_items; /* most_items 0: no bound */
} tl_stac_reading;

/* One link. Texts are "" when absent; `all` is the link itself. */
typedef struct tl_stac_link {
    const char *rel, *href, *type, *method;
    const json_t *all;
} tl_stac_link;

/* The document at an address into text, which is empty when it fails. */
int tl__stac_get(const char *address, size_t most_bytes, tl_buf *text, tl_err *e) TL_MUST_CHECK;
/* What it is, and its parts; text must stay. TL_EDATA names address and field. */
int tl__stac_split(const char *address, const tl_buf *text, tl_stac_doc *out,
                   tl_err *e) TL_MUST_CHECK;
/* All Items of a document of kind TL_STAC_ITEM or TL_STAC_ITEMS. *count: of this document. */
int tl__stac_add(tl_stac_reading *r, const tl_stac_doc *doc, int64_t *count,
                 tl_err *e) TL_MUST_CHECK;
/* Calls each for every link, in order, with its number; a link that is none is an error. */
typedef int tl_stac_link_fn(void *ctx, const tl_stac_link *link, size_t number, tl_err *e);
int tl__stac_links(const tl_stac_doc *doc, tl_stac_link_fn *each, void *ctx,
                   tl_err *e) TL_MUST_CHECK;

/* stac_ahead.c: documents on servers, several at a time. Owned texts. */
#define TL_STAC_AHEAD       16
#define TL_STAC_AHEAD_BYTES ((size_t)4 << 20) /* of one of them */
typedef struct tl_stac_ahead {
    char *address;
    tl_buf text;
    int code; /* 0, or what e says */
    tl_err e;
} tl_stac_ahead;
/* Returns when all are there or have failed. */
void tl__stac_fetch(tl_stac_ahead *all, size_t n);

/* stac_walk.c: a document and what it links to. text is given away. */
int tl__stac_walk(tl_stac_reading *r, const char *address, tl_buf *text, tl_err *e) TL_MUST_CHECK;

/* stac_page.c: a request, and the pages that follow it. Owned parts. */
typedef struct tl_stac_request {
    char *url;
    json_t *body;  /* NULL: GET */
    char *headers; /* or NULL */
} tl_stac_request;
void tl__stac_request_free(tl_stac_request *q);
/* Takes q's parts over. */
int tl__stac_pages(tl_stac_reading *r, tl_stac_request *q, tl_err *e) TL_MUST_CHECK;

/* stac_api.c: reads by the search that a landing page offers; with `doc` NULL the page is read. */
int tl__stac_search(const tl_stac_doc *doc, const char *address, const json_t *options,
                    tl_index *into, tl_err *e) TL_MUST_CHECK;
/* options.max, a whole number above 0; without one `standard`. */
int tl__stac_max(const json_t *options, int64_t standard, int64_t *out, tl_err *e) TL_MUST_CHECK;

#endif
