/* The prompt's halves in Lua: see names_lua.h. SPDX-License-Identifier: MIT */
#include "repl/names_lua.h"
#include "modules/image/image_lua.h"
#include "runtime/border.h"
#include "runtime/mem.h"

#include <dirent.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char table_key; /* its address is the registry key of R */

/* --- files, for completion ----------------------------------------------------------------------
 */

static int is_folder(const char *dir, const char *name)
{
    struct stat st;
    char *path = tl_xasprintf("%s%s", dir, name);
    int yes = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    free(path);
    return yes;
}

/* list_files(start) -> paths that start so; folders end in "/" */
static int list_files(lua_State *L)
{
    const char *start = luaL_checkstring(L, 1), *slash = strrchr(start, '/');
    const char *name = slash ? slash + 1 : start;
    lua_pushlstring(L, start, (size_t)(name - start));
    const char *dir = lua_tostring(L, -1);
    lua_newtable(L);
    DIR *d = opendir(*dir ? dir : ".");
    struct dirent *f;
    /* A raise for want of memory may lose the handle. */
    for (lua_Integer n = 0; d && n < 1000 && (f = readdir(d));)
        if (strncmp(f->d_name, name, strlen(name)) == 0 && (f->d_name[0] != '.' || *name == '.')) {
            lua_pushfstring(L, "%s%s%s", dir, f->d_name, is_folder(dir, f->d_name) ? "/" : "");
            lua_rawseti(L, -2, ++n);
        }
    if (d)
        closedir(d);
    return 1;
}

/* --- opening -------------------------------------------------------------------------------------
 */

#define LUA_HALF(name) TL_HALF_DECLARE(tl_lua_repl_##name)
LUA_HALF(display)
LUA_HALF(rewrite)
LUA_HALF(help_data)
LUA_HALF(help)
LUA_HALF(complete)
LUA_HALF(view)
#define RUN(name, nargs, nresults)                                                                 \
    tl_loads(L, tl_lua_repl_##name, tl_lua_repl_##name##_len, "=[tellua " #name "]", nargs,        \
             nresults)

enum { R = 2, CORE, GLOBALS };

static void push_three(lua_State *L)
{
    lua_pushvalue(L, R);
    lua_pushvalue(L, CORE);
    lua_pushvalue(L, GLOBALS);
}

/* Protected: light userdata of the viewer. */
static int open_names(lua_State *L)
{
    lua_newtable(L);
    tl_core_push(L);
    lua_pushglobaltable(L);
    push_three(L);
    RUN(display, 3, 0);
    lua_pushvalue(L, R);
    RUN(rewrite, 1, 0);
    push_three(L);
    RUN(help_data, 0, 1);
    RUN(help, 4, 0);
    push_three(L);
    lua_pushcfunction(L, list_files);
    RUN(complete, 4, 0);
    push_three(L);
    tl_viewer_push(L, lua_touserdata(L, 1));
    RUN(view, 4, 0);
    lua_pushvalue(L, R);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &table_key);
    return 0;
}

int tl_names_open(tellua *t, tl_viewer *v, tl_err *e)
{
    lua_pushcfunction(t->L, open_names);
    lua_pushlightuserdata(t->L, v);
    return tl_host_call(t->host, 1, 0, e);
}

/* --- calling -------------------------------------------------------------------------------------
 * What may raise happens within a protected call; its arguments come as light userdata. */

/* Protected: the name, then arguments for the function. Leaves its results. */
static int call_named(lua_State *L)
{
    const char *name = lua_touserdata(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &table_key);
    lua_getfield(L, -1, name);
    lua_replace(L, 1);
    lua_pop(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

int tl_names_call(tellua *t, const char *name, int n, tl_err *e)
{
    lua_State *L = t->L;
    lua_pushcfunction(L, call_named);
    lua_pushlightuserdata(L, (void *)(uintptr_t)name);
    lua_rotate(L, -n - 2, 2);
    return tl_host_call(t->host, n + 1, 0, e);
}

typedef struct {
    const char *in;
    char **text, **kept;
    tl_completions *found;
} request;

static int rewrite(lua_State *L)
{
    request *q = lua_touserdata(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &table_key);
    lua_getfield(L, -1, "rewrite");
    lua_pushstring(L, q->in);
    lua_call(L, 1, 2);
    *q->text = tl_xstrdup(luaL_checkstring(L, -2));
    *q->kept = tl_xstrdup(lua_tostring(L, -1) ? lua_tostring(L, -1) : "");
    return 0;
}

int tl_names_rewrite(tellua *t, const char *code, char **text, char **kept, tl_err *e)
{
    request q = {.in = code, .text = text, .kept = kept};
    lua_pushcfunction(t->L, rewrite);
    lua_pushlightuserdata(t->L, &q);
    return tl_host_call(t->host, 1, 0, e);
}

static int complete(lua_State *L)
{
    request *q = lua_touserdata(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &table_key);
    lua_getfield(L, -1, "complete");
    lua_pushstring(L, q->in);
    lua_call(L, 1, 2);
    size_t n = lua_rawlen(L, -2);
    q->found->text = tl_xcalloc(n + 1, sizeof *q->found->text);
    lua_tolstring(L, -1, &q->found->replace);
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, -2, (lua_Integer)i + 1);
        if (lua_type(L, -1) == LUA_TSTRING)
            q->found->text[q->found->n++] = tl_xstrdup(lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    return 0;
}

void tl_names_complete(tellua *t, const char *before, tl_completions *c)
{
    tl_err ignored = TL_ERR_INIT;
    request q = {.in = before, .found = c};
    lua_pushcfunction(t->L, complete);
    lua_pushlightuserdata(t->L, &q);
    (void)!tl_host_call(t->host, 1, 0, &ignored);
}
