/* The view's half in C: evaluating and showing. SPDX-License-Identifier: MIT */
#ifndef TL_REPL_VIEW_LUA_H
#define TL_REPL_VIEW_LUA_H

#include "runtime/cli.h"

/* What the functions below work for; lives as long as the Lua state is used. */
typedef struct tl_viewer {
    const tl_cli *cli;
    tellua *t;
    tl_script shown; /* the outputs that were shown last; owned */
} tl_viewer;

/* Pushes a table of
 *   room() -> w, h                pixels that a picture in this terminal can have
 *   box(img) -> W, S, E, N        degrees; nothing when it states no coordinate system
 *   show(img, looks, png, w, h[, lon, lat, zoom])     at the view, else whole
 *   check(img, n, seed, w, h[, lon, lat, zoom]) -> {n =, cell =, own_cell =, {band =, ...}, ...}
 * where img nil = the outputs in v->shown. */
void tl_viewer_push(lua_State *L, tl_viewer *v);

#endif
