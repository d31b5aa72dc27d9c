/* theil_sen and mann_kendall for scripts and functions on pixels. SPDX-License-Identifier: MIT */
#ifndef TL_THEIL_SEN_LUA_H
#define TL_THEIL_SEN_LUA_H

struct lua_State;
/* Sets both in the table on top of the stack. */
void tl_theil_sen_open_lua(struct lua_State *L);

#endif
