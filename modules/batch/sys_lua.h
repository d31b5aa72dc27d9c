/* What the batch layer's Lua asks of the system: processes, files, locks. SPDX-License-Identifier:
 * MIT
 *
 * Only for our own Lua (console_lua.c), never for scripts. Functions return nil, message where the
 * world fails, and raise where the caller is wrong. */
#ifndef TL_SYS_LUA_H
#define TL_SYS_LUA_H

#include <lua.h>

/* Pushes the table `sys`. */
void tl_sys_push(lua_State *L);

#endif
