/* Frozen functions and values back into Lua: see thaw_lua.h. SPDX-License-Identifier: MIT */
#include "modules/image/thaw_lua.h"
#include "modules/image/theil_sen_lua.h"
#include "modules/expr/fn_frozen.h"

#include <ctype.h>
#include <string.h>

static char made_key;    /* registry: what was made of frozen values, by address */
static char guarded_key; /* in the metatable of a guarded table: the table behind it */

/* --- what ends the run ------------------------------------------------------------------------ */

/* Upvalues: the tl_thaw, the reason. */
static int refuse(lua_State *L)
{
    tl_thaw *t = lua_touserdata(L, lua_upvalueindex(1));
    tl_err e = TL_ERR_INIT;
    tl_fail(&e, TL_ESCRIPT, "%s", lua_tostring(L, lua_upvalueindex(2)));
    tl_script_line_to(L, e.where, sizeof e.where);
    if (!t->fatal.code)
        t->fatal = e;
    return tl_raise(L, &e);
}

static void push_refusal(lua_State *L, tl_thaw *t, const char *reason)
{
    lua_pushlightuserdata(L, t);
    lua_pushstring(L, reason);
    lua_pushcclosure(L, refuse, 2);
}

/* A value that is refused when something is done with it. */
static void push_refused(lua_State *L, tl_thaw *t, const char *reason)
{
    static const char *const events[] = {
        "__index", "__newindex", "__call", "__add",    "__sub", "__mul",   "__div",     "__mod",
        "__pow",   "__unm",      "__idiv", "__band",   "__bor", "__bxor",  "__shl",     "__shr",
        "__bnot",  "__lt",       "__le",   "__concat", "__len", "__pairs", "__tostring"};
    lua_newuserdatauv(L, 0, 0);
    lua_createtable(L, 0, 32);
    for (size_t k = 0; k < sizeof events / sizeof *events; k++) {
        push_refusal(L, t, reason);
        lua_setfield(L, -2, events[k]);
    }
    lua_setmetatable(L, -2);
}

/* --- tables that cannot be changed
 * ---------------------------------------------------------------- */

/* Upvalue: the tl_thaw. Stack: table, key. */
static int refuse_write(lua_State *L)
{
    lua_settop(L, 2);
    if (lua_type(L, 2) == LUA_TSTRING)
        lua_pushfstring(L, "it assigns to `%s`, which lives outside of the function",
                        lua_tostring(L, 2));
    else
        lua_pushliteral(L, "it changes a table that lives outside of the function");
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, -2);
    lua_pushcclosure(L, refuse, 2);
    lua_call(L, 0, 0);
    return 0;
}

/* Upvalue of both: the table behind. */
static int guarded_len(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)lua_rawlen(L, lua_upvalueindex(1)));
    return 1;
}

static int next_pair(lua_State *L)
{
    lua_settop(L, 2);
    return lua_next(L, 1) ? 2 : 0;
}

static int guarded_pairs(lua_State *L)
{
    lua_pushcfunction(L, next_pair);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushnil(L);
    return 3;
}

/* Puts the table on top behind one that reads it. */
static void guard(lua_State *L, tl_thaw *t)
{
    lua_newtable(L);
    lua_createtable(L, 0, 6);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushlightuserdata(L, t);
    lua_pushcclosure(L, refuse_write, 1);
    lua_setfield(L, -2, "__newindex");
    lua_pushvalue(L, -3);
    lua_pushcclosure(L, guarded_len, 1);
    lua_setfield(L, -2, "__len");
    lua_pushvalue(L, -3);
    lua_pushcclosure(L, guarded_pairs, 1);
    lua_setfield(L, -2, "__pairs");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushvalue(L, -3);
    lua_rawsetp(L, -2, &guarded_key);
    lua_setmetatable(L, -2);
    lua_remove(L, -2);
}

int tl_thaw_behind(lua_State *L, int idx)
{
    if (lua_type(L, idx) != LUA_TTABLE || !lua_getmetatable(L, idx))
        return 0;
    int found = lua_rawgetp(L, -1, &guarded_key) == LUA_TTABLE;
    if (found)
        lua_copy(L, -1, idx);
    lua_pop(L, 2);
    return found;
}

/* Upvalue: Lua's own. */
static int raw_read(lua_State *L)
{
    tl_thaw_behind(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* Upvalues: Lua's own, the tl_thaw. */
static int raw_write(lua_State *L)
{
    if (tl_thaw_behind(L, 1)) {
        lua_pushvalue(L, lua_upvalueindex(2));
        lua_pushcclosure(L, refuse_write, 1);
        lua_insert(L, 1);
    } else {
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_insert(L, 1);
    }
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

void tl_thaw_prepare(lua_State *L, tl_thaw *t)
{
    static const char *const readers[] = {"rawget", "rawlen", "next"};
    static const char *const random[] = {"random", "randomseed"};
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &made_key);
    for (int k = 0; k < 3; k++) {
        lua_getglobal(L, readers[k]);
        lua_pushcclosure(L, raw_read, 1);
        lua_setglobal(L, readers[k]);
    }
    lua_getglobal(L, "rawset");
    lua_pushlightuserdata(L, t);
    lua_pushcclosure(L, raw_write, 2);
    lua_setglobal(L, "rawset");
    lua_getglobal(L, "math");
    for (int k = 0; k < 2; k++) {
        push_refusal(L, t, "random numbers have no place in a function on pixels");
        lua_setfield(L, -2, random[k]);
    }
    lua_pop(L, 1);
    lua_pushglobaltable(L);
    tl_theil_sen_open_lua(L);
    lua_pop(L, 1);
    push_refusal(L, t, "near needs a function that compiles");
    lua_setglobal(L, "near");
}

/* --- the state's own ----------------------------------------------------------------------------
 */

/* Names that scripts have and the interpreter can give them; those of libraries with their members.
 */
static int is_given(const char *name)
{
    static const char *const given[] = {"pairs",        "next",         "tostring",  "pcall",
                                        "xpcall",       "getmetatable", "rawset",    "string",
                                        "setmetatable", "utf8",         "coroutine", "table"};
    size_t n = strcspn(name, ".");
    for (size_t k = 0; k < sizeof given / sizeof *given; k++)
        if (strlen(given[k]) == n && memcmp(name, given[k], n) == 0)
            return 1;
    return 0;
}

/* "math.abs", "pairs", "string"; a library is guarded. Pushes nil when there is none. */
static void push_own(lua_State *L, tl_thaw *t, const char *name)
{
    const char *dot = strchr(name, '.');
    lua_pushglobaltable(L);
    lua_pushlstring(L, name, dot ? (size_t)(dot - name) : strlen(name));
    lua_rawget(L, -2);
    lua_remove(L, -2);
    if (dot && lua_istable(L, -1)) {
        lua_pushstring(L, dot + 1);
        lua_rawget(L, -2);
        lua_remove(L, -2);
    }
    if (lua_istable(L, -1))
        guard(L, t);
}

/* A refused value whose reason begins with a name of Lua's, "`pairs` has no place ...". */
static void push_refused_value(lua_State *L, tl_thaw *t, const tl_frozen *v)
{
    const char *end = *v->s == '`' ? strchr(v->s + 1, '`') : NULL;
    if (end) {
        const char *name = lua_pushlstring(L, v->s + 1, (size_t)(end - v->s - 1));
        if (is_given(name)) {
            push_own(L, t, name);
            lua_remove(L, -2);
            return;
        }
        lua_pop(L, 1);
    }
    push_refused(L, t, v->s);
}

/* --- values
 * ------------------------------------------------------------------------------------------------
 */

static void push_table(lua_State *L, tl_thaw *t, const tl_frozen *v)
{
    static const tl__key pi = {TL__STRING, {.i = 0}, "pi", 2};
    if (v->x.i == 1) {
        push_own(L, t, tl__frozen_get(v, &pi) ? "math" : "table");
        return;
    }
    lua_createtable(L, v->n_array, v->n - v->n_array);
    for (int k = 0; k < v->n; k++) {
        tl_thaw_value(L, t, v->key[k]);
        tl_thaw_value(L, t, v->value[k]);
        lua_rawset(L, -3);
    }
    guard(L, t);
}

static void push_new(lua_State *L, tl_thaw *t, const tl_frozen *v)
{
    switch (v->kind) {
    case TL__TABLE:
        push_table(L, t, v);
        break;
    case TL__CLOSURE:
        tl_thaw_function(L, t, v->fn, (const tl_frozen *const *)v->value);
        lua_pop(L, 1);
        break;
    case TL__BUILTIN:
        push_own(L, t, tl__builtin_name((tl__builtin)v->x.i));
        break;
    case TL__REFUSED:
        push_refused_value(L, t, v);
        break;
    default:
        lua_pushnil(L);
    }
}

void tl_thaw_value(lua_State *L, tl_thaw *t, const tl_frozen *v)
{
    luaL_checkstack(L, 12, "values of a function on pixels");
    switch (v ? v->kind : TL__NIL) {
    case TL__NIL:
        lua_pushnil(L);
        return;
    case TL__BOOL:
        lua_pushboolean(L, v->x.i != 0);
        return;
    case TL__INT:
        lua_pushinteger(L, v->x.i);
        return;
    case TL__FLT:
        lua_pushnumber(L, v->x.f);
        return;
    case TL__STRING:
        lua_pushlstring(L, v->s, v->len);
        return;
    default:
        break;
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &made_key);
    if (lua_rawgetp(L, -1, v) == LUA_TNIL) {
        lua_pop(L, 1);
        push_new(L, t, v);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, -3, v);
    }
    lua_remove(L, -2);
}

/* --- texts
 * -------------------------------------------------------------------------------------------------
 */

/* The end of the comment that begins at p (after its dashes). */
static const char *comment_end(const char *p, const char *end)
{
    size_t level = 0;
    if (p < end && *p == '[') {
        while (p + 1 + level < end && p[1 + level] == '=')
            level++;
        if (p + 1 + level < end && p[1 + level] == '[')
            for (p += 2 + level; p < end; p++) {
                size_t k = 0;
                while (*p == ']' && p + 1 + k < end && p[1 + k] == '=')
                    k++;
                if (*p == ']' && k == level && p + 1 + k < end && p[1 + k] == ']')
                    return p + 2 + k;
            }
    }
    while (p < end && *p != '\n' && *p != '\r')
        p++;
    return p;
}

static const char *skip_blank(const char *p, const char *end)
{
    for (;;) {
        while (p < end && isspace((unsigned char)*p))
            p++;
        if (end - p < 2 || p[0] != '-' || p[1] != '-')
            return p;
        p = comment_end(p + 2, end);
    }
}

/* Where the parameters' "(" stands; the name before it. */
typedef struct header {
    const char *open, *name;
    size_t len; /* of a simple name; 0 = none, or one with dots */
    int is_method;
} header;

static header read_header(const char *text, const char *end)
{
    header h = {NULL, NULL, 0, 0};
    const char *p = skip_blank(text, end);
    if (strncmp(p, "local", 5) == 0)
        p = skip_blank(p + 5, end);
    h.name = p = skip_blank(p + strlen("function"), end);
    while (p < end && *p != '(') {
        size_t n = 0;
        while (p + n < end && (isalnum((unsigned char)p[n]) || p[n] == '_'))
            n++;
        h.is_method |= *p == ':';
        h.len = p == h.name ? n : 0;
        p = skip_blank(p + (n ? n : 1), end);
    }
    h.open = p;
    return h;
}

static void add_newlines(luaL_Buffer *b, const char *from, const char *to)
{
    for (; from < to; from++)
        if (*from == '\n')
            luaL_addchar(b, '\n');
}

/* "return function(" at the same line of the script, whatever the text's head looks like. */
static void add_function(luaL_Buffer *b, const char *text, size_t len)
{
    const char *end = text + len;
    header h = read_header(text, end);
    luaL_addstring(b, "return function");
    add_newlines(b, text, h.open);
    luaL_addchar(b, '(');
    const char *rest = h.open + 1;
    if (h.is_method)
        luaL_addstring(b, *skip_blank(rest, end) == ')' ? "self" : "self, ");
    luaL_addlstring(b, rest, (size_t)(end - rest));
}

static void add_expression(luaL_Buffer *b, const tl_fn *fn, const tl_frozen *const *values,
                           const char *text, size_t len)
{
    int n = 0;
    luaL_addstring(b, "return function(");
    for (int k = 0; k < tl_fn_n_free(fn); k++)
        if (!values[k]) {
            luaL_addstring(b, n++ ? "," : "");
            luaL_addstring(b, tl_fn_free(fn, k));
        }
    luaL_addstring(b, ") return ");
    luaL_addlstring(b, text, len);
    luaL_addstring(b, "\nend");
}

/* A function that mentions itself was frozen as often as the freezer had patience. */
static int is_itself(const tl_fn *fn, const tl_frozen *v, const char *name)
{
    size_t len, other;
    const char *text = tl_fn_text(fn, &len);
    header h = tl_fn_is_expr(fn) ? (header){NULL, NULL, 0, 0} : read_header(text, text + len);
    if (!v || !h.len || strlen(name) != h.len || memcmp(name, h.name, h.len) != 0)
        return 0;
    if (v->kind != TL__CLOSURE)
        return v->kind == TL__REFUSED;
    const char *its = tl_fn_text(v->fn, &other);
    return other == len && memcmp(text, its, len) == 0 && tl_fn_line(v->fn) == tl_fn_line(fn) &&
           strcmp(tl_fn_chunk(v->fn), tl_fn_chunk(fn)) == 0;
}

/* Stack: function, values. */
static void set_values(lua_State *L, tl_thaw *t, const tl_fn *fn, const tl_frozen *const *values)
{
    for (int k = 0; k < tl_fn_n_free(fn); k++) {
        const char *name = tl_fn_free(fn, k);
        if (!values[k])
            continue;
        if (is_itself(fn, values[k], name))
            lua_pushvalue(L, -2);
        else
            tl_thaw_value(L, t, values[k]);
        lua_setfield(L, -2, name);
    }
}

void tl_thaw_function(lua_State *L, tl_thaw *t, const tl_fn *fn, const tl_frozen *const *values)
{
    size_t len;
    const char *text = tl_fn_text(fn, &len);
    luaL_Buffer b;
    luaL_checkstack(L, 20, "functions of a function on pixels");
    luaL_buffinit(L, &b);
    for (int k = 1; k < tl_fn_line(fn); k++)
        luaL_addchar(&b, '\n');
    if (tl_fn_is_expr(fn))
        add_expression(&b, fn, values, text, len);
    else
        add_function(&b, text, len);
    luaL_pushresult(&b);
    text = lua_tolstring(L, -1, &len);
    if (luaL_loadbufferx(L, text, len, tl_fn_chunk(fn), "t") != LUA_OK)
        lua_error(L);
    lua_remove(L, -2);
    lua_newtable(L); /* loader, values */
    lua_pushvalue(L, -1);
    guard(L, t);
    lua_setupvalue(L, -3, 1); /* _ENV, which the function inherits */
    lua_insert(L, -2);
    lua_call(L, 0, 1);
    lua_insert(L, -2);
    set_values(L, t, fn, values);
}
