/* Patterns of file names with named fields. SPDX-License-Identifier: MIT
 *
 *   {band} {tile} {id} {name}   any text without '/', at least one character
 *   {year} {month} {day} {doy}  digits;  {name:d} {name:f} numbers
 *   {date} {datetime}           YYYYMMDD, YYYY-MM-DD or YYYY_MM_DD, with a time where there is one
 *   {date:%Y%m%d}               as written: %Y %m %d %j %H %M %S %y %%
 *   {*}                         any text, also none, that says nothing about the scene
 *   *  ?                        any text without '/' (also none), any character: part of its name
 *
 * A pattern is laid over the end of the path, as many folders of it as the pattern has. */
#ifndef TL_PATTERN_H
#define TL_PATTERN_H

#include "runtime/err.h"
#include <jansson.h>

typedef struct tl__pattern tl__pattern;

typedef struct tl__match {
    char *id;     /* {id}, else what was matched without the band, {*} and the extension */
    char *band;   /* "" */
    char *tile;   /* "" */
    double t;     /* NaN: no date */
    json_t *more; /* the other fields, by their names */
} tl__match;

int tl__pattern_new(const char *text, tl__pattern **out, tl_err *e) TL_MUST_CHECK;
void tl__pattern_free(tl__pattern *p); /* NULL is allowed */
/* 1 = it matches, and *out is to be freed by tl__match_free. A date that does not exist does not
 * match. */
int tl__pattern_match(const tl__pattern *p, const char *path, tl__match *out);
void tl__match_free(tl__match *m);

#endif
