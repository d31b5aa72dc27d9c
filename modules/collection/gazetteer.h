/* The gazetteer: names of places, offline. SPDX-License-Identifier: MIT
 *
 * A SQLite file of places, or a list of places that is read into memory when it is opened. Names
 * are compared without regard to case, accents and punctuation. One thread per object. */
#ifndef TL_GAZETTEER_H
#define TL_GAZETTEER_H

#include <stdint.h>
#include "runtime/err.h"

typedef struct tl_gazetteer tl_gazetteer;

typedef struct tl_place {
    char name[200];
    char region[100];       /* of first order: "Texas"; "" unknown */
    char region_code[20];   /* "TX"; "" unknown */
    char country[100];      /* "US", or what the source calls it */
    char country_name[100]; /* "United States"; "" unknown */
    double lon, lat;        /* degrees */
    double box[4];          /* W,S,E,N; W > E crosses 180 */
    int64_t population;     /* 0 unknown */
} tl_place;

/* path: a gazetteer's own file, or a list: a GeoNames dump (tab-separated), the compiled list of
 * Debian's libgeonames0, a CSV with name, country, lon, lat in its first line, or any source OGR
 * reads whose features have a field `name`. NULL: what TELLUA_GAZETTEER names, else the file that
 * was built with the program (beside it, in its share folder), else ~/.tellua/places.sqlite;
 * TL_ECONFIG says what to do when there is none. */
int tl_gazetteer_open(const char *path, tl_gazetteer **out, tl_err *e) TL_MUST_CHECK;
void tl_gazetteer_close(tl_gazetteer *g); /* NULL is allowed */
/* Reads a list and writes a gazetteer's file. */
int tl_gazetteer_build(const char *list, const char *to, tl_err *e) TL_MUST_CHECK;
/* The path that NULL means, or "": whether it can be opened is another question. Interned. */
const char *tl_gazetteer_path(void);
int64_t tl_gazetteer_count(tl_gazetteer *g);

/* buffer_km: how far the box reaches beyond the place; < 0: 10 km around a point, nothing around an
 * area. country: a code, or a name of the country or region, or NULL. Of several places of a name
 * one that has ten times the people of every other is meant; else the error lists them. */
int tl_gazetteer_find(tl_gazetteer *g, const char *name, double buffer_km, const char *country,
                      tl_place *out, tl_err *e) TL_MUST_CHECK;

/* lower case, without accents, punctuation as single spaces; malloc'd. */
char *tl__gazetteer_fold(const char *name);

/* --- gazetteer_read.c: lists --------------------------------------------------------------------
 */

/* aliases: further names, separated by commas, or NULL. */
typedef int tl_place_fn(void *ctx, const tl_place *p, const char *aliases, tl_err *e);
int tl__gazetteer_read(const char *list, tl_place_fn *each, void *ctx, tl_err *e) TL_MUST_CHECK;

#endif
