/* JSON values to and from Lua: see json_lua.h. SPDX-License-Identifier: MIT */
#include "runtime/json_lua.h"

#include "runtime/border.h"
#include "runtime/mem.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* null: pushes what stands for JSON's null. */
static void push(lua_State *L, const json_t *j, int null)
{
    const char *key;
    json_t *v;
    size_t i;
    luaL_checkstack(L, 4, "JSON too deep");
    switch (j ? json_typeof(j) : JSON_NULL) {
    case JSON_OBJECT:
        lua_newtable(L);
        json_object_foreach((json_t *)(uintptr_t)j, key, v)
        {
            push(L, v, null);
            lua_setfield(L, -2, key);
        }
        break;
    case JSON_ARRAY:
        lua_newtable(L);
        json_array_foreach(j, i, v)
        {
            push(L, v, null);
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
        break;
    case JSON_STRING:
        lua_pushlstring(L, json_string_value(j), json_string_length(j));
        break;
    case JSON_INTEGER:
        lua_pushinteger(L, json_integer_value(j));
        break;
    case JSON_REAL:
        lua_pushnumber(L, json_real_value(j));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        lua_pushboolean(L, json_is_true(j));
        break;
    default:
        if (null)
            lua_pushlightuserdata(L, NULL);
        else
            lua_pushnil(L);
        break;
    }
}

void tl_json_push(lua_State *L, const json_t *j)
{
    push(L, j, 0);
}

static json_t *from(lua_State *L, int idx, int depth, tl_err *e);

static lua_Integer keys_of(lua_State *L, int idx)
{
    lua_Integer n = 0;
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1))
        n++;
    return n;
}

static json_t *from_array(lua_State *L, int idx, lua_Integer n, int depth, tl_err *e)
{
    if (keys_of(L, idx) > n) {
        tl_fail(e, TL_ESCRIPT, "a table mixes names with numbers as keys");
        return NULL;
    }
    json_t *a = json_array();
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, idx, i);
        json_t *v = from(L, lua_gettop(L), depth, e);
        lua_pop(L, 1);
        if (!v || json_array_append_new(a, v)) {
            json_decref(a);
            return NULL;
        }
    }
    return a;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Takes o. A table's keys come in another order in each run, and columns and files follow them. */
static json_t *sorted(json_t *o)
{
    size_t n = json_object_size(o), i = 0;
    if (n < 2)
        return o;
    const char **keys = tl_xcalloc(n, sizeof *keys), *key;
    json_t *v, *to = json_object();
    json_object_foreach(o, key, v)
    {
        keys[i++] = key;
    }
    qsort(keys, n, sizeof *keys, by_text);
    for (i = 0; i < n; i++)
        json_object_set(to, keys[i], json_object_get(o, keys[i]));
    free(keys);
    json_decref(o);
    return to;
}

static json_t *from_object(lua_State *L, int idx, int depth, tl_err *e)
{
    json_t *o = json_object();
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        json_t *v = NULL;
        if (lua_type(L, -2) != LUA_TSTRING) /* lua_tostring would change the key under lua_next */
            tl_fail(e, TL_ESCRIPT, "a table mixes names with numbers as keys");
        else
            v = from(L, lua_gettop(L), depth, e);
        if (!v || json_object_set_new(o, lua_tostring(L, -2), v)) {
            if (e->code == 0)
                tl_fail(e, TL_ESCRIPT, "a key is not UTF-8");
            lua_pop(L, 2);
            json_decref(o);
            return NULL;
        }
        lua_pop(L, 1);
    }
    return sorted(o);
}

static json_t *from_table(lua_State *L, int idx, int depth, tl_err *e)
{
    if (depth > 32 || !lua_checkstack(L, 6)) {
        tl_fail(e, TL_ESCRIPT, "a table nested too deep");
        return NULL;
    }
    lua_Integer n = (lua_Integer)lua_rawlen(L, idx);
    return n > 0 ? from_array(L, idx, n, depth + 1, e) : from_object(L, idx, depth + 1, e);
}

static json_t *from_number(lua_State *L, int idx, tl_err *e)
{
    if (lua_isinteger(L, idx))
        return json_integer(lua_tointeger(L, idx));
    double x = lua_tonumber(L, idx);
    if (!isfinite(x)) {
        tl_fail(e, TL_ESCRIPT, "a number that is not finite cannot be kept");
        return NULL;
    }
    return json_real(x);
}

static json_t *from(lua_State *L, int idx, int depth, tl_err *e)
{
    json_t *j = NULL;
    size_t len;
    switch (lua_type(L, idx)) {
    case LUA_TNIL:
        return json_null();
    case LUA_TBOOLEAN:
        return json_boolean(lua_toboolean(L, idx));
    case LUA_TNUMBER:
        return from_number(L, idx, e);
    case LUA_TTABLE:
        return from_table(L, idx, depth, e);
    case LUA_TSTRING: {
        const char *s = lua_tolstring(L, idx, &len);
        j = json_stringn(s, len);
        if (!j)
            tl_fail(e, TL_ESCRIPT, "a text is not UTF-8");
        return j;
    }
    default:
        tl_fail(e, TL_ESCRIPT, "a %s where a number, text, boolean or table of them belongs",
                luaL_typename(L, idx));
        return NULL;
    }
}

json_t *tl_json_from(lua_State *L, int idx, tl_err *e)
{
    return from(L, lua_absindex(L, idx), 0, e);
}

/* --- for scripts --------------------------------------------------------------------------------
 */

static void release(void *p)
{
    json_decref(p);
}

void **tl_json_box(lua_State *L)
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    tl_box_register(L, "tellua.json", "JSON", none, NULL, release);
    return tl_box_push(L, "tellua.json");
}

#define MOST_BYTES (512.0 * 1024 * 1024)

/* What jansson takes for a text, outside of what Lua's memory is counted in: measured per array,
 * object, pair, element and string. */
static double cost_of(const char *text, size_t len)
{
    double bytes = (double)len;
    int quoted = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = 1;
            bytes += 50;
        } else {
            bytes += c == '[' ? 160 : c == '{' ? 260 : c == ':' ? 100 : c == ',' ? 50 : 0;
        }
    }
    return bytes;
}

static json_t *parse(const char *text, size_t len, tl_err *e)
{
    json_error_t why;
    double bytes = cost_of(text, len);
    if (bytes > MOST_BYTES) {
        tl_fail(e, TL_ENOMEM,
                "json.decode: this text would take %.0f MiB, and may take %.0f; decode parts of it",
                bytes / (1024 * 1024), MOST_BYTES / (1024 * 1024));
        return NULL;
    }
    json_t *j = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    if (!j)
        tl_fail(e, TL_EDATA, "no JSON: line %d, column %d: %s", why.line, why.column, why.text);
    return j;
}

/* json.decode(text) */
static int json_decode(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    void **box = tl_json_box(L);
    *box = parse(text, len, &e);
    if (!*box)
        return tl_raise(L, &e);
    push(L, *box, 1);
    tl_box_close(L, -2, "tellua.json"); /* now, not when Lua comes to it */
    return 1;
}

void tl_json_open_lua(lua_State *L)
{
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, json_decode);
    lua_setfield(L, -2, "decode");
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    lua_setfield(L, -2, "json");
}
