/* The border between C and Lua: see border.h. SPDX-License-Identifier: MIT */
#include "runtime/border.h"
#include "runtime/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN_CHUNK "=[tellua" /* what the source of our embedded chunks starts with */

/* --- addresses ------------------------------------------------------------------------------- */

const char *tl_script_line_to(lua_State *L, char *buf, size_t size)
{
    lua_Debug ar;
    buf[0] = '\0';
    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (ar.currentline < 1 || strncmp(ar.source, OWN_CHUNK, strlen(OWN_CHUNK)) == 0)
            continue;
        int named = ar.source[0] == '@' || ar.source[0] == '=';
        snprintf(buf, size, "%s:%d", named ? ar.source + 1 : ar.short_src, ar.currentline);
        break;
    }
    return buf;
}

const char *tl_script_line(lua_State *L)
{
    char buf[sizeof((tl_err *)0)->where];
    return tl_intern(tl_script_line_to(L, buf, sizeof buf));
}

/* --- error objects --------------------------------------------------------------------------- */

static char error_key; /* its address is the registry key of the metatable: no string is made */

static const tl_err *error_object(lua_State *L, int idx)
{
    const tl_err *e = lua_touserdata(L, idx);
    if (!e || lua_islightuserdata(L, idx) || !lua_checkstack(L, 2) || !lua_getmetatable(L, idx))
        return NULL;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &error_key);
    int same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same ? e : NULL;
}

static const tl_err *check_error(lua_State *L, int idx)
{
    const tl_err *e = error_object(L, idx);
    if (!e)
        luaL_typeerror(L, idx, "error");
    return e;
}

static int error_index(lua_State *L)
{
    const tl_err *e = check_error(L, 1);
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    const char *value = strcmp(key, "code") == 0      ? tl_code_name(e->code)
                        : strcmp(key, "message") == 0 ? e->message
                        : strcmp(key, "where") == 0   ? e->where
                        : strcmp(key, "source") == 0  ? e->source
                                                      : NULL;
    lua_pushstring(L, value); /* nil for NULL */
    return 1;
}

static int error_tostring(lua_State *L)
{
    char text[sizeof(tl_err)];
    lua_pushstring(L, tl_err_text(check_error(L, 1), text, sizeof text));
    return 1;
}

static int error_concat(lua_State *L)
{
    luaL_tolstring(L, 1, NULL);
    luaL_tolstring(L, 2, NULL);
    lua_concat(L, 2);
    return 1;
}

static void push_error_metatable(lua_State *L)
{
    static const luaL_Reg meta[] = {{"__index", error_index},
                                    {"__tostring", error_tostring},
                                    {"__concat", error_concat},
                                    {NULL, NULL}};
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &error_key) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    luaL_newmetatable(L, "tellua.error");
    luaL_setfuncs(L, meta, 0);
    lua_pushliteral(L, "error");
    lua_setfield(L, -2, "__name");
    lua_pushliteral(L, "error");
    lua_setfield(L, -2, "__metatable");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);
}

tl_err *tl__push_error(lua_State *L)
{
    luaL_checkstack(L, 4, "error");
    tl_err *e = lua_newuserdatauv(L, sizeof *e, 0);
    memset(e, 0, sizeof *e);
    push_error_metatable(L);
    lua_setmetatable(L, -2);
    return e;
}

int tl_raise(lua_State *L, const tl_err *e)
{
    tl_err *copy = tl__push_error(L);
    *copy = *e;
    if (!copy->where[0])
        tl_script_line_to(L, copy->where, sizeof copy->where);
    return lua_error(L);
}

int tl_raisef(lua_State *L, int code, const char *fmt, ...)
{
    tl_err e = TL_ERR_INIT;
    va_list ap;
    va_start(ap, fmt);
    tl_vfail(&e, code, fmt, ap);
    va_end(ap);
    return tl_raise(L, &e);
}

int tl_arg_error(lua_State *L, int arg, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    lua_Debug ar;
    if (!lua_getstack(L, 0, &ar))
        return tl_raisef(L, TL_ESCRIPT, "bad argument #%d (%s)", arg, text);
    lua_getinfo(L, "n", &ar);
    const char *name = ar.name ? ar.name : "?";
    if (strcmp(ar.namewhat, "metamethod") == 0)
        return tl_raisef(L, TL_ESCRIPT, "bad operand of '%s' (%s)", name, text);
    if (strcmp(ar.namewhat, "method") == 0 && --arg == 0)
        return tl_raisef(L, TL_ESCRIPT, "calling '%s' on a bad self (%s)", name, text);
    return tl_raisef(L, TL_ESCRIPT, "bad argument #%d to '%s' (%s)", arg, name, text);
}

/* Does a message start with an address in one of our own chunks? */
static int is_own(const char *s)
{
    return strncmp(s, &OWN_CHUNK[1], strlen(OWN_CHUNK) - 1) == 0;
}

/* --- thrown values ---------------------------------------------------------------------------- */

/* Length of the "chunk:12" that Lua put before ": " at the front of a message; 0 without one. A
 * name with blanks counts only when it looks like a script or like Lua's own [string "..."]. */
static size_t address_length(const char *s)
{
    for (const char *p = s; *p && *p != '\n'; p++) {
        size_t digits = *p == ':' ? strspn(p + 1, "0123456789") : 0;
        if (!digits || p[1 + digits] != ':' || p[2 + digits] != ' ')
            continue;
        size_t name = (size_t)(p - s);
        const char *file = strstr(s, ".lua");
        if (!name || (memchr(s, ' ', name) && s[0] != '[' && (!file || file > p)))
            return 0;
        return name + 1 + digits;
    }
    return 0;
}

static void copy_clean(char *to, size_t size, const char *from, size_t len)
{
    size_t n = len < size - 1 ? len : size - 1;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)from[i];
        to[i] = (c < 32 && c != '\n' && c != '\t') || c == 127 ? '?' : (char)c;
    }
    to[n] = '\0';
}

static void from_string(const char *s, size_t len, tl_err *e)
{
    if (strcmp(s, "not enough memory") == 0) {
        tl_fail(e, TL_ENOMEM, "%s", s);
        return;
    }
    size_t at = address_length(s);
    if (at && !is_own(s))
        copy_clean(e->where, sizeof e->where, s, at);
    size_t skip = at ? at + 2 : 0;
    copy_clean(e->message, sizeof e->message, s + skip, len - skip);
}

/* error{code = "data", message = "..."}. Neither calls Lua nor allocates. */
static void from_table(lua_State *L, int idx, tl_err *e)
{
    tl_fail(e, TL_ESCRIPT, "the error is a table without a message");
    if (!lua_checkstack(L, 3))
        return;
    idx = lua_absindex(L, idx);
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
            continue;
        const char *key = lua_tostring(L, -2), *value = lua_tostring(L, -1);
        if (strcmp(key, "message") == 0)
            snprintf(e->message, sizeof e->message, "%s", value);
        for (int code = TL_EUSAGE; code <= TL_EINTR && strcmp(key, "code") == 0; code++)
            if (strcmp(tl_code_name(code), value) == 0)
                e->code = code;
    }
}

void tl_to_err(lua_State *L, int idx, tl_err *e)
{
    const tl_err *object = error_object(L, idx);
    if (object) {
        *e = *object;
        return;
    }
    *e = (tl_err)TL_ERR_INIT;
    e->code = TL_ESCRIPT;
    size_t len;
    const char *s;
    switch (lua_type(L, idx)) {
    case LUA_TSTRING:
        s = lua_tolstring(L, idx, &len);
        from_string(s, len, e);
        break;
    case LUA_TNUMBER: /* not lua_tolstring: it allocates */
        if (lua_isinteger(L, idx))
            snprintf(e->message, sizeof e->message, "%lld", (long long)lua_tointeger(L, idx));
        else
            snprintf(e->message, sizeof e->message, "%.14g", lua_tonumber(L, idx));
        break;
    case LUA_TTABLE:
        from_table(L, idx, e);
        break;
    default:
        tl_fail(e, TL_ESCRIPT, "the error is a %s value", luaL_typename(L, idx));
    }
}

int tl__fix_address(lua_State *L)
{
    if (lua_type(L, 1) != LUA_TSTRING)
        return 1;
    const char *s = lua_tostring(L, 1);
    if (!is_own(s))
        return 1;
    char line[sizeof((tl_err *)0)->where];
    size_t at = address_length(s);
    if (at && tl_script_line_to(L, line, sizeof line)[0])
        lua_pushfstring(L, "%s: %s", line, s + at + 2);
    return 1;
}

int tl_pcall(lua_State *L, int nargs, int nresults, tl_err *e)
{
    int base = lua_gettop(L) - nargs;
    if (!lua_checkstack(L, 2))
        return tl_fail(e, TL_ESCRIPT, "stack overflow");
    lua_pushcfunction(L, tl__fix_address);
    lua_insert(L, base);
    int status = lua_pcall(L, nargs, nresults, base);
    lua_remove(L, base);
    if (status == LUA_OK)
        return 0;
    tl_to_err(L, -1, e);
    lua_pop(L, 1);
    return e->code;
}

/* --- boxes ------------------------------------------------------------------------------------ */

static void gc_stress(lua_State *L)
{
#ifdef TL_DEBUG
    static int on = -1;
    if (on < 0) {
        const char *v = getenv("TL_GCSTRESS");
        on = v && strcmp(v, "1") == 0;
    }
    if (on)
        lua_gc(L, LUA_GCCOLLECT);
#else
    (void)L;
#endif
}

typedef void (*release_fn)(void *);

/* What a box points to. Lua skips a finaliser for which memory is refused, so the cells of a state
 * also form a list: what was skipped is released when the state closes. */
typedef struct cell {
    void *p;
    release_fn release;
    struct cell *next, **prev; /* prev: who points here */
} cell;

static char cells_key; /* registry key of the userdata that holds the list's head */

static void free_cell(cell *c)
{
    void *p = c->p;
    *c->prev = c->next;
    if (c->next)
        c->next->prev = c->prev;
    c->p = NULL;
    if (p)
        c->release(p);
    free(c);
}

static int free_cells(lua_State *L)
{
    cell **head = lua_touserdata(L, 1);
    while (*head)
        free_cell(*head);
    return 0;
}

/* Before the first box: finalisers run in reverse order, so this one's comes last. */
static void make_cell_list(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &cells_key) == LUA_TNIL) {
        cell **head = lua_newuserdatauv(L, sizeof *head, 0);
        *head = NULL;
        lua_createtable(L, 0, 1);
        lua_pushcfunction(L, free_cells);
        lua_setfield(L, -2, "__gc");
        lua_setmetatable(L, -2);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &cells_key);
    }
    lua_pop(L, 1);
}

/* Where the box's pointer lies, or NULL for another type and a closed box. */
static void **test_box(lua_State *L, int idx, const char *metatable, int *is_box)
{
    cell **box = luaL_testudata(L, idx, metatable);
    *is_box = box != NULL;
    return box && *box ? &(*box)->p : NULL;
}

/* Upvalue: the metatable's name as light userdata. */
static int box_gc(lua_State *L)
{
    cell **box = luaL_checkudata(L, 1, lua_touserdata(L, lua_upvalueindex(1)));
    cell *c = *box;
    *box = NULL; /* first: release may come back here through a collection */
    if (c)
        free_cell(c);
    return 0;
}

/* Upvalues: the metatable's name, the type's name. */
static int box_tostring(lua_State *L)
{
    cell **box = luaL_checkudata(L, 1, lua_touserdata(L, lua_upvalueindex(1)));
    const char *name = lua_touserdata(L, lua_upvalueindex(2));
    lua_pushfstring(L, *box && (*box)->p ? "%s" : "%s (closed)", name);
    return 1;
}

static void set_closure(lua_State *L, const char *field, lua_CFunction f, const void *a,
                        const void *b)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)a);
    lua_pushlightuserdata(L, (void *)(uintptr_t)b);
    lua_pushcclosure(L, f, 2);
    lua_setfield(L, -2, field);
}

void tl_box_register(lua_State *L, const char *metatable, const char *type_name,
                     const luaL_Reg *methods, const luaL_Reg *metamethods, void (*release)(void *))
{
    luaL_checkstack(L, 6, type_name);
    make_cell_list(L);
    if (!luaL_newmetatable(L, metatable)) {
        lua_pop(L, 1);
        return;
    }
    set_closure(L, "__gc", box_gc, metatable, NULL);
    lua_getfield(L, -1, "__gc");
    lua_setfield(L, -2, "__close");
    set_closure(L, "__tostring", box_tostring, metatable, type_name);
    lua_newuserdatauv(L, sizeof release, 0);
    memcpy(lua_touserdata(L, -1), &release, sizeof release);
    lua_rawsetp(L, -2, &cells_key);
    lua_newtable(L);
    if (methods)
        luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "__index");
    for (const luaL_Reg *m = metamethods; m && m->name; m++) {
        lua_pushvalue(L, -1);
        lua_pushcclosure(L, m->func, 1);
        lua_setfield(L, -3, m->name);
    }
    lua_pop(L, 1);
    lua_pushstring(L, type_name);
    lua_setfield(L, -2, "__name");
    lua_pushstring(L, type_name);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

void **tl_box_push(lua_State *L, const char *metatable)
{
    gc_stress(L);
    luaL_checkstack(L, 4, metatable);
    cell **box = lua_newuserdatauv(L, sizeof *box, 1);
    *box = NULL;
    if (luaL_getmetatable(L, metatable) != LUA_TTABLE)
        luaL_error(L, "%s is not registered", metatable);
    lua_rawgetp(L, -1, &cells_key);
    release_fn *release = lua_touserdata(L, -1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &cells_key);
    cell **head = lua_touserdata(L, -1);
    lua_pop(L, 2);
    lua_setmetatable(L, -2);
    cell *c = tl_xmalloc(sizeof *c);
    *c = (cell){NULL, *release, *head, head};
    if (c->next)
        c->next->prev = &c->next;
    *head = *box = c;
    return &c->p;
}

static const char *type_name_of(lua_State *L, const char *metatable, char *buf, size_t size)
{
    snprintf(buf, size, "%s", metatable);
    if (luaL_getmetatable(L, metatable) == LUA_TTABLE) {
        lua_getfield(L, -1, "__name");
        if (lua_type(L, -1) == LUA_TSTRING)
            snprintf(buf, size, "%s", lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return buf;
}

void *tl_box_check(lua_State *L, int idx, const char *metatable)
{
    int is_box;
    void **p = test_box(L, idx, metatable, &is_box);
    if (p && *p)
        return *p;
    char want[64], got[64];
    type_name_of(L, metatable, want, sizeof want);
    if (is_box) {
        tl_arg_error(L, idx, "this %s is closed", want);
        return NULL;
    }
    snprintf(got, sizeof got, "%s", luaL_typename(L, idx));
    if (luaL_getmetafield(L, idx, "__name") == LUA_TSTRING)
        snprintf(got, sizeof got, "%s", lua_tostring(L, -1));
    tl_arg_error(L, idx, "%s expected, got %s", want, lua_isnone(L, idx) ? "no value" : got);
    return NULL;
}

void *tl_box_test(lua_State *L, int idx, const char *metatable)
{
    int is_box;
    void **p = test_box(L, idx, metatable, &is_box);
    return p ? *p : NULL;
}

void tl_box_close(lua_State *L, int idx, const char *metatable)
{
    if (!tl_box_test(L, idx, metatable))
        return;
    luaL_checkstack(L, 3, metatable);
    idx = lua_absindex(L, idx);
    luaL_getmetafield(L, idx, "__close");
    lua_pushvalue(L, idx);
    lua_call(L, 1, 0);
}

/* --- embedded chunks -------------------------------------------------------------------------- */

/* --- fields ------------------------------------------------------------------------------------
 */

void tl_set_boolean(lua_State *L, const char *key, int x)
{
    lua_pushboolean(L, x);
    lua_setfield(L, -2, key);
}

void tl_set_integer(lua_State *L, const char *key, int64_t x)
{
    lua_pushinteger(L, x);
    lua_setfield(L, -2, key);
}

void tl_set_number(lua_State *L, const char *key, double x)
{
    lua_pushnumber(L, x);
    lua_setfield(L, -2, key);
}

void tl_set_string(lua_State *L, const char *key, const char *s)
{
    lua_pushstring(L, s);
    lua_setfield(L, -2, key);
}

void tl_loads(lua_State *L, const unsigned char *bytes, size_t len, const char *name, int nargs,
              int nresults)
{
    luaL_checkstack(L, 2, name);
    if (luaL_loadbufferx(L, (const char *)bytes, len, name, NULL) != LUA_OK)
        lua_error(L);
    lua_insert(L, -nargs - 1);
    lua_call(L, nargs, nresults);
}

void tl_load_halves(lua_State *L, const tl_half *half, size_t n, int nargs)
{
    luaL_checkstack(L, nargs, half->name);
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < nargs; k++)
            lua_pushvalue(L, -nargs);
        tl_loads(L, half[i].bytes, *half[i].len, half[i].name, nargs, 0);
    }
}
