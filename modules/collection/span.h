/* Parts of a JSON text, found without building anything. SPDX-License-Identifier: MIT
 *
 * For texts whose parts go to other parsers: finds where the members of an object or the elements
 * of an array begin and end, in one pass, without recursion or memory. It sees strings, nesting and
 * commas; what stands inside a part is for who reads the part to judge. Parts point into the text.
 */
#ifndef TL_SPAN_H
#define TL_SPAN_H

#include <stddef.h>

typedef struct tl_span {
    const char *at;
    size_t len;
} tl_span;

typedef struct tl_span_walk {
    const char *at, *end;
    char close; /* '}' or ']' */
    int begun;
} tl_span_walk;

/* 1 when the text (white space and a byte order mark before it allowed) begins an object ('{') or
 * array ('['), as `open` says. */
int tl_span_open(tl_span_walk *w, tl_span text, char open);
/* 1: a part, its key ("" in arrays) without quotes, escapes as they are; 0: the end, w->at is
 * behind it; -1: no JSON, w->at is where. */
int tl_span_next(tl_span_walk *w, tl_span *key, tl_span *value);
/* The member of that name (the last of several), a length of 0 when there is none. The text was
 * walked before, so faults are none here. */
tl_span tl_span_member(tl_span object, const char *name);
int tl_span_is(tl_span s, const char *text);

#endif
