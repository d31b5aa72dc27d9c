/* Map: the web map of a session. SPDX-License-Identifier: MIT */
#ifndef TL_MAP_LUA_H
#define TL_MAP_LUA_H

#include <lua.h>
#include "modules/map/map.h"

/* Adds Map (to the table at the top of the stack, left there). s: the session's outputs; host:
 * copied. Both outlive L. */
void tl_map_open_lua(lua_State *L, tl_script *s, const tl_map_host *host);

/* The map that Map() opened in this state and that is still open, borrowed; NULL when there is
 * none. */
tl_map *tl_map_of_lua(lua_State *L);
/* Shows the session's outputs as they are now on that map; does nothing without one. For a prompt,
 * after each input. Does not raise. */
int tl_map_update_lua(lua_State *L, tl_err *e) TL_MUST_CHECK;

#endif
