/* A worker whose Lua is broken on purpose: what the guards keep from scripts is there again, and so
 * are functions that do what an exploit would. SPDX-License-Identifier: MIT
 *
 * Linked over the worker's own objects by --wrap; never installed. */
#define _GNU_SOURCE
#include "runtime/host_int.h"

#include <lualib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void __real_tl__make_environment(lua_State *L, tl_host *h);
void __wrap_tl__make_environment(lua_State *L, tl_host *h);
void __wrap_tl__vm_expect_stack(tl_host *h);

/* fault(what): native code. */
static int fault(lua_State *L)
{
    const char *what = luaL_checkstring(L, 1);
    if (strcmp(what, "null") == 0)
        *(volatile int *)(uintptr_t)luaL_optinteger(L, 2, 0) = 1;
    else if (strcmp(what, "syscall") == 0)
        lua_pushinteger(L, syscall(luaL_checkinteger(L, 2), 0, 0, 0, 0, 0, 0));
    else if (strcmp(what, "bells") == 0) /* answers that nobody asked for */
        for (int k = 0; k < 100000 && write(1, "!!!!", 4) > 0; k++)
            continue;
    else if (strcmp(what, "abort") == 0)
        abort();
    else if (strcmp(what, "exit") == 0)
        _exit(0);
    else if (strcmp(what, "spin") == 0)
        for (;;)
            __asm__ volatile("");
    else if (strcmp(what, "double free") == 0) {
        void *volatile p = malloc(5000);
        free(p);
        free(p);
    }
    return 1;
}

void __wrap_tl__make_environment(lua_State *L, tl_host *h)
{
    luaL_requiref(L, LUA_GNAME, luaopen_base, 0);
    luaL_requiref(L, LUA_COLIBNAME, luaopen_coroutine, 0);
    lua_getfield(L, -2, "setmetatable");
    __real_tl__make_environment(L, h);
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_insert(L, -4); /* globals, base, coroutine, setmetatable */
    lua_setfield(L, -4, "setmetatable");
    lua_setfield(L, -3, LUA_COLIBNAME);
    lua_pop(L, 1);
    lua_pushcfunction(L, fault);
    lua_setfield(L, -2, "fault");
    lua_pop(L, 1);
}

void __wrap_tl__vm_expect_stack(tl_host *h)
{
    (void)h;
}
