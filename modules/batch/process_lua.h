/* Processes for sys_lua.h. SPDX-License-Identifier: MIT */
#ifndef TL_PROCESS_LUA_H
#define TL_PROCESS_LUA_H

#include <lua.h>

/* Adds spawn, capture, wait, kill, pause, started, signals to the table on top. */
void tl__process_open(lua_State *L);
/* capture alone, a lua_CFunction. */
int tl__process_capture(lua_State *L);

#endif
