/* batch: jobs from scripts. SPDX-License-Identifier: MIT */
#ifndef TL_JOBS_LUA_H
#define TL_JOBS_LUA_H

#include <lua.h>

/* Puts `batch` into the table on top. */
void tl_jobs_open_lua(lua_State *L);

/* A lua_CFunction: a script is over; starts what it submitted and did not start itself. Returns how
 * many jobs it submitted. */
int tl_jobs_start_pending(lua_State *L);

#endif
