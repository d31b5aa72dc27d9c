/* Planning from Lua: param, output, img:grid(), img:explain(); run for hosts that have no command
 * line. SPDX-License-Identifier: MIT */
#ifndef TL_PLAN_LUA_H
#define TL_PLAN_LUA_H

#include <lua.h>
#include "modules/batch/script.h"

/* Adds param and output (to the table at the top of the stack, left there); s must outlive L. */
void tl_script_open_lua(lua_State *L, tl_script *s);

/* Adds methods to Images. */
void tl_plan_open_lua(lua_State *L);

/* Adds core.numbers and img:values(). */
void tl_numbers_open_lua(lua_State *L);

/* Adds run(script[, options]) to the table at the top of the stack, for a stock Lua: runs the file
 * with this table's names as globals, then computes its outputs. options: params = {name = value},
 * out = folder, mem = bytes, threads, resume, output, crs, res, bbox = {W, S, E, N}, window = {x,
 * y, w, h}, max_pixels, format as on the command line. Returns a list of the products' paths. */
void tl_run_open_lua(lua_State *L, tl_script *s);

#endif
