/* How images look, from Lua. SPDX-License-Identifier: MIT */
#ifndef TL_LOOKS_LUA_H
#define TL_LOOKS_LUA_H

#include <jansson.h>
#include <lua.h>
#include "modules/image/image.h"

/* Adds palette, ramp, rgb, stretch, visualize, legend ... to the methods of Images. After
 * tl_image_open_lua; leaves the stack as it was. */
void tl_looks_open_lua(lua_State *L);

/* Turns looks into data: an image of three uint8 bands, red, green and blue. `looks` is an output's
 * options, other names among them are passed over; it overrides what the image says of itself. May
 * read pixels, for the statistics of a stretch. ctx is the lua_State that tl_looks_open_lua was
 * called on. A tl_visualize (modules/batch/plan.h). Does not raise. */
int tl_looks_visualize(void *ctx, const tl_image *img, const json_t *looks, tl_image **out,
                       tl_err *e) TL_MUST_CHECK;

/* The legend of such a picture as JSON, a new reference: {"type": "ramp", "min", "max", "stops":
 * [{"value", "color"}]}, {"type": "classes", "entries": [{"value", "color", "label"}]} or {"type":
 * "rgb", "bands", "stretch": [{"min", "max"}], "gamma"}. */
int tl_looks_legend(void *ctx, const tl_image *img, const json_t *looks, json_t **out,
                    tl_err *e) TL_MUST_CHECK;

/* animate_lua.c; after Collections. */
void tl_animate_open_lua(lua_State *L);

#endif
