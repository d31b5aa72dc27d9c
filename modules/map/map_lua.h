/* Map: the web map of a session. SPDX-License-Identifier: MIT */
#ifndef TL_MAP_LUA_H
#define TL_MAP_LUA_H

#include <lua.h>
#include "modules/map/map.h"

/* Adds Map (to the table at the top of the stack, left there). s: the session's outputs; host:
 * copied. Both outlive L. */
void tl_map_open_lua(lua_State *L, tl_script *s, const tl_map_host *host);

/* For prompts, which forget an entry's outputs when it is over: on the map of this state they stay,
 * as what map:add gave. Nothing when no map is open. */
int tl_map_keep(lua_State *L, const tl_script *s, tl_err *e) TL_MUST_CHECK;
int tl_map_is_open(lua_State *L);

#endif
