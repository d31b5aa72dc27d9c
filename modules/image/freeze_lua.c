/* From Lua values to frozen ones: see freeze_lua.h. SPDX-License-Identifier: MIT */
#include "modules/image/freeze_lua.h"
#include "modules/expr/fn_frozen.h"
#include "modules/image/image_lua.h"
#include "runtime/border.h"
#include "runtime/host.h"
#include "runtime/mem.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_DEPTH 30 /* functions in tables in functions ... */

static tl_frozen *freeze(lua_State *L, int idx, int depth, tl_err *e);

/* --- texts of functions
 * ------------------------------------------------------------------------------ */

/* A stock Lua keeps no texts: the file is read again. */
static char *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    char *text = NULL;
    if (f && fseek(f, 0, SEEK_END) == 0) {
        long n = ftell(f);
        if (n >= 0 && n <= TL_FN_MOST_CHUNK && fseek(f, 0, SEEK_SET) == 0) {
            text = tl_xmalloc((size_t)n + 1);
            *len = fread(text, 1, (size_t)n, f);
        }
    }
    if (f)
        fclose(f);
    return text;
}

static int names_of(lua_State *L, int idx, const lua_Debug *ar, const char **params,
                    const char **ups)
{
    lua_pushvalue(L, idx);
    for (int i = 0; i < ar->nparams; i++)
        params[i] = lua_getlocal(L, NULL, i + 1);
    lua_pop(L, 1);
    for (int i = 0; i < ar->nups; i++) {
        ups[i] = lua_getupvalue(L, idx, i + 1);
        if (ups[i])
            lua_pop(L, 1);
    }
    return 0;
}

int tl_find_function(lua_State *L, int idx, tl_fn **out, tl_err *e)
{
    lua_Debug ar;
    const char *params[256] = {NULL}, *ups[256] = {NULL};
    tl_host *h = tl_host_of(L);
    size_t len = 0;
    idx = lua_absindex(L, idx);
    lua_pushvalue(L, idx);
    lua_getinfo(L, ">Su", &ar);
    if (ar.what[0] == 'C')
        return tl_fail(e, TL_ESCRIPT, "a function written in C cannot run on pixels");
    names_of(L, idx, &ar, params, ups);
    char *own = NULL;
    const char *text = h ? tl_host_source(h, ar.source, &len) : NULL;
    if (!h && ar.source[0] == '@') /* a host keeps them all; the name is the script's to choose */
        text = own = read_file(ar.source + 1, &len);
    if (!text)
        return tl_fail(e, TL_ESCRIPT, "the text of the function at %s:%d is not at hand",
                       ar.short_src, ar.linedefined);
    tl_fn_where w = {ar.source, ar.linedefined, ar.lastlinedefined, params, ar.nparams,
                     ups,       ar.nups};
    int rc = tl_fn_find(text, len, &w, out, NULL, e);
    free(own);
    return rc;
}

/* --- functions
 * ------------------------------------------------------------------------------------------ */

static int is_own(lua_State *L, int idx)
{
    lua_Debug ar;
    lua_pushvalue(L, idx);
    lua_getinfo(L, ">S", &ar);
    return strncmp(ar.source, "=[tellua", 8) == 0;
}

/* Registry: functions that scripts have by themselves, to their names. A script may give the names
 * to functions of its own. */
static char names_key;

/* The functions of table t; the list of names is on top. */
static void note_names(lua_State *L, int t, const char *prefix)
{
    int names = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, t); lua_settop(L, names + 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || !lua_isfunction(L, -1) ||
            !(lua_iscfunction(L, -1) || is_own(L, -1)))
            continue;
        lua_pushvalue(L, -1);
        lua_pushfstring(L, "%s%s", prefix, lua_tostring(L, -3));
        lua_rawset(L, names);
    }
}

void tl_freeze_open_lua(lua_State *L)
{
    static const char *const libraries[] = {"math", "table", "string", "utf8", "coroutine", "os"};
    char prefix[16];
    int own = lua_gettop(L);
    lua_pushglobaltable(L);
    lua_newtable(L);
    note_names(L, own, "");
    note_names(L, own + 1, "");
    for (size_t k = 0; k < sizeof libraries / sizeof *libraries; k++) {
        if (lua_getfield(L, own + 1, libraries[k]) == LUA_TTABLE) {
            lua_insert(L, -2);
            snprintf(prefix, sizeof prefix, "%s.", libraries[k]);
            note_names(L, own + 2, prefix);
            lua_remove(L, own + 2);
        } else {
            lua_pop(L, 1);
        }
    }
    lua_rawsetp(L, LUA_REGISTRYINDEX, &names_key);
    lua_settop(L, own);
}

/* A function that scripts have by themselves: math.floor, type, string.format. */
static tl_frozen *known_function(lua_State *L, int idx)
{
    tl_frozen *found = NULL;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &names_key) == LUA_TTABLE) {
        lua_pushvalue(L, idx);
        if (lua_rawget(L, -2) == LUA_TSTRING) {
            const char *name = lua_tostring(L, -1);
            found = tl_frozen_builtin(name);
            if (!found) {
                char *why = tl_xasprintf("`%s` has no place in a compiled function", name);
                found = tl_frozen_refused(why);
                free(why);
            }
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return found;
}

static tl_frozen *freeze_free(lua_State *L, int idx, const tl_fn *fn, int k, int depth, tl_err *e)
{
    const char *name = tl_fn_free(fn, k), *up;
    tl_frozen *fixed = tl_fn_free_const(fn, k), *r = NULL;
    if (fixed)
        return tl_frozen_ref(fixed);
    int found = 0;
    for (int i = 1; !found && (up = lua_getupvalue(L, idx, i)); i++) {
        if (strcmp(up, name) == 0) {
            found = 1;
            r = freeze(L, lua_gettop(L), depth, e);
        } else if (strcmp(up, "_ENV") == 0 && lua_istable(L, -1)) {
            int is_global = 1; /* an upvalue of the name itself goes before a global */
            for (int j = 1; (up = lua_getupvalue(L, idx, j)); j++) {
                is_global &= strcmp(up, name) != 0;
                lua_pop(L, 1);
            }
            if (is_global) {
                found = 1;
                lua_pushstring(L, name);
                /* A script under require "tellua" has its names behind a metatable's table. */
                if (lua_gettable(L, -2) != LUA_TNIL)
                    r = freeze(L, lua_gettop(L), depth, e);
                else if (!(r = tl_frozen_standard(name)))
                    r = tl_frozen_nil();
                lua_pop(L, 1);
            }
        }
        lua_pop(L, 1);
    }
    return found ? r : tl_frozen_standard(name) ? tl_frozen_standard(name) : tl_frozen_nil();
}

static tl_frozen *freeze_function(lua_State *L, int idx, int depth, tl_err *e)
{
    tl_frozen *r = known_function(L, idx);
    tl_fn *fn = NULL;
    if (r)
        return r;
    if (lua_iscfunction(L, idx))
        return tl_frozen_refused("it is a function written in C");
    if (depth >= MOST_DEPTH)
        return tl_frozen_refused("it calls itself, or functions lie too deep in one another");
    if (tl_find_function(L, idx, &fn, e))
        return NULL;
    int n = tl_fn_n_free(fn), k = 0;
    tl_frozen **frees = tl_xcalloc((size_t)n, sizeof *frees);
    while (k < n && (frees[k] = freeze_free(L, idx, fn, k, depth + 1, e)))
        k++;
    r = k == n ? tl_frozen_fn(fn, frees) : NULL;
    while (k > 0)
        tl_frozen_unref(frees[--k]);
    free(frees);
    tl_fn_unref(fn);
    return r;
}

/* --- values
 * ------------------------------------------------------------------------------------------------
 */

/* 1 when t has the entries of a library and no others; keys are sorted in both. */
static int is_library(const tl_frozen *t, const tl_frozen *library)
{
    int same = t->n == library->n && t->n_array == 0;
    tl__key a, b;
    for (int k = 0; same && k < t->n; k++)
        same = tl__frozen_key(t->key[k], &a) && tl__frozen_key(library->key[k], &b) &&
               tl__same_key(&a, &b) && t->value[k]->kind == library->value[k]->kind &&
               t->value[k]->x.i == library->value[k]->x.i;
    return same;
}

/* A script's math, unless it has been changed, is a name. */
static tl_frozen *name_library(tl_frozen *t)
{
    static const tl__key pi = {TL__STRING, {.i = 0}, "pi", 2};
    if (!tl__frozen_get(t, &pi))
        return t;
    tl_frozen *math = tl_frozen_standard("math");
    int same = is_library(t, math);
    tl_frozen_unref(same ? t : math);
    return same ? math : t;
}

static tl_frozen *freeze_table(lua_State *L, int idx, int depth, tl_err *e)
{
    if (depth >= MOST_DEPTH || !lua_checkstack(L, 8))
        return tl_frozen_refused(
            "it is a table that holds itself, or tables lie too deep in one another");
    if (lua_getmetatable(L, idx)) {
        lua_pop(L, 1);
        return tl_frozen_refused("it is a table with a metatable");
    }
    tl_frozen *t = tl_frozen_table();
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        tl_frozen *key = freeze(L, lua_gettop(L) - 1, depth + 1, e);
        tl_frozen *value = key ? freeze(L, lua_gettop(L), depth + 1, e) : NULL;
        int rc = value ? tl_frozen_set(t, key, value, e) : -1;
        tl_frozen_unref(key);
        tl_frozen_unref(value);
        if (rc) {
            lua_pop(L, 2);
            tl_frozen_unref(t);
            return NULL;
        }
        lua_pop(L, 1);
    }
    return name_library(t);
}

static tl_frozen *freeze(lua_State *L, int idx, int depth, tl_err *e)
{
    size_t len;
    char why[64];
    if (!lua_checkstack(L, 12))
        return tl_frozen_refused("there is no memory left");
    switch (lua_type(L, idx)) {
    case LUA_TNIL:
        return tl_frozen_nil();
    case LUA_TBOOLEAN:
        return tl_frozen_bool(lua_toboolean(L, idx));
    case LUA_TNUMBER:
        return lua_isinteger(L, idx) ? tl_frozen_int(lua_tointeger(L, idx))
                                     : tl_frozen_float(lua_tonumber(L, idx));
    case LUA_TSTRING: {
        const char *s = lua_tolstring(L, idx, &len);
        return tl_frozen_string(s, len);
    }
    case LUA_TTABLE:
        return freeze_table(L, idx, depth, e);
    case LUA_TFUNCTION:
        return freeze_function(L, idx, depth, e);
    default:
        if (tl_box_test(L, idx, TL_IMAGE_TYPE))
            return tl_frozen_refused(
                "it is an Image: give bands as arguments, img:execute(fn, {name = other.B04})");
        snprintf(why, sizeof why, "it is a %s", luaL_typename(L, idx));
        return tl_frozen_refused(why);
    }
}

tl_frozen *tl_freeze(lua_State *L, int idx, tl_err *e)
{
    return freeze(L, lua_absindex(L, idx), 0, e);
}

tl_frozen *tl_freeze_free(lua_State *L, int idx, const tl_fn *fn, int k, tl_err *e)
{
    return freeze_free(L, lua_absindex(L, idx), fn, k, 0, e);
}
