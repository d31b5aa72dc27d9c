/* Map: the web map of a session, on a thread of its own. SPDX-License-Identifier: MIT */
#include "modules/map/map_lua.h"
#include "modules/image/image_lua.h"
#include "modules/map/looks_lua.h"
#include "runtime/border.h"
#include "runtime/json_lua.h"
#include "runtime/mem.h"

#include <lauxlib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MAP_TYPE   "tellua.map"
#define FIRST_PORT 8000 /* tried first, so that an open page finds the next session */

static const char current_key; /* of the registry, by its address */

/* What every Map of a state is made with. */
typedef struct opening {
    tl_script *script;
    tl_map_host host;
} opening;

typedef struct session {
    tl_map *map;
    pthread_t thread;
    tl_script own;           /* layers that were added, as outputs */
    const tl_script *script; /* the session's */
} session;

/* --- the thread
 * ----------------------------------------------------------------------------------- */

static void *run(void *arg)
{
    tl_map_run(arg);
    return NULL;
}

static void release(void *p)
{
    session *s = p;
    tl_map_stop(s->map);
    pthread_join(s->thread, NULL);
    tl_map_close(s->map);
    tl_script_free(&s->own);
    free(s);
}

static int start(const opening *o, int port, const char *bind, session **out, tl_err *e)
{
    tl_map *map = NULL;
    tl_map_options options = {.bind = bind, .port = port < 0 ? FIRST_PORT : port, .host = o->host};
    int rc = tl_map_open(&options, &map, e);
    if (rc && port < 0) {
        options.port = 0;
        rc = tl_map_open(&options, &map, e);
    }
    if (rc)
        return rc;
    session *s = tl_xcalloc(1, sizeof *s);
    s->map = map;
    s->script = o->script;
    if (pthread_create(&s->thread, NULL, run, map)) {
        tl_map_close(map);
        free(s);
        return tl_fail(e, TL_ENOMEM, "cannot start a thread");
    }
    *out = s;
    return 0;
}

/* --- layers
 * --------------------------------------------------------------------------------------- */

static int has(const tl_script *s, const char *name)
{
    for (int i = 0; i < s->noutputs; i++)
        if (strcmp(s->output[i].name, name) == 0)
            return 1;
    return 0;
}

/* Added ones on top, then the script's outputs of other names. */
static int show(session *s, lua_State *L, tl_err *e)
{
    int n = s->own.noutputs + s->script->noutputs, k = 0;
    tl_output *all = tl_xcalloc((size_t)n + 1, sizeof *all);
    for (int i = s->own.noutputs; i > 0; i--)
        all[k++] = s->own.output[i - 1];
    for (int i = 0; i < s->script->noutputs; i++)
        if (!has(&s->own, s->script->output[i].name))
            all[k++] = s->script->output[i];
    tl_script both = *s->script;
    both.output = all;
    both.noutputs = k;
    tl_painter p = {tl_looks_visualize, tl_looks_legend, L, NULL};
    int rc = tl_map_show(s->map, "session", &both, &p, e);
    free(all);
    return rc;
}

static void remove_own(session *s, const char *name)
{
    for (int i = 0; i < s->own.noutputs; i++)
        if (strcmp(s->own.output[i].name, name) == 0) {
            tl_output_free(&s->own.output[i]);
            memmove(&s->own.output[i], &s->own.output[i + 1],
                    (size_t)(--s->own.noutputs - i) * sizeof s->own.output[0]);
            return;
        }
}

/* o becomes the session's own layer of that name. */
static void add_own(session *s, tl_output o)
{
    remove_own(s, o.name);
    s->own.output =
        tl_xrealloc(s->own.output, (size_t)(s->own.noutputs + 1) * sizeof s->own.output[0]);
    s->own.output[s->own.noutputs++] = o;
}

/* --- Lua
 * ------------------------------------------------------------------------------------------- */

static session *check(lua_State *L)
{
    return tl_box_check(L, 1, MAP_TYPE);
}

/* map:add(name, image[, looks]) */
static int map_add(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    session *s = check(L);
    const char *name = luaL_checkstring(L, 2);
    tl_image *img = tl_image_check(L, 3);
    lua_settop(L, 4);
    if (!lua_isnil(L, 4)) { /* looks, checked as those of an output */
        luaL_checktype(L, 4, LUA_TTABLE);
        tl_core_push(L);
        lua_getfield(L, -1, "output_options");
        lua_pushvalue(L, 3);
        lua_pushvalue(L, 4);
        lua_call(L, 2, 1);
        lua_replace(L, 4);
    }
    const char *where = tl_script_line(L);
    json_t *options = lua_istable(L, 4) ? tl_json_from(L, 4, &e) : json_object();
    if (!options)
        return tl_raise(L, &e);
    add_own(s, (tl_output){.name = tl_xstrdup(name),
                           .where = where,
                           .image = tl_image_ref(img),
                           .options = options});
    if (show(s, L, &e)) {
        remove_own(s, name);
        return tl_raise(L, &e);
    }
    lua_settop(L, 1);
    return 1;
}

static int map_remove(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    session *s = check(L);
    remove_own(s, luaL_checkstring(L, 2));
    if (show(s, L, &e))
        return tl_raise(L, &e);
    lua_settop(L, 1);
    return 1;
}

static int map_update(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    if (show(check(L), L, &e))
        return tl_raise(L, &e);
    lua_settop(L, 1);
    return 1;
}

static int map_url(lua_State *L)
{
    lua_pushstring(L, tl_map_url(check(L)->map));
    return 1;
}

static int map_area(lua_State *L)
{
    json_t *area = tl_map_area(check(L)->map);
    tl_json_push(L, area); /* NULL: nil. Memory that ends here ends the session. */
    json_decref(area);
    return 1;
}

static int map_close(lua_State *L)
{
    check(L);
    tl_box_close(L, 1, MAP_TYPE);
    return 0;
}

/* Pushes the open Map of this state, or nil. */
static session *push_current(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &current_key);
    return tl_box_test(L, -1, MAP_TYPE);
}

int tl_map_is_open(lua_State *L)
{
    int open = push_current(L) != NULL;
    lua_pop(L, 1);
    return open;
}

int tl_map_keep(lua_State *L, const tl_script *script, tl_err *e)
{
    session *s = push_current(L);
    lua_pop(L, 1);
    if (!s || !script->noutputs)
        return 0;
    for (int i = script->noutputs; i > 0; i--) /* the first one comes on top */
        add_own(s, tl_output_copy(&script->output[i - 1]));
    int rc = show(s, L, e);
    for (int i = 0; i < script->noutputs && rc; i++) /* else all that follow would fail as well */
        remove_own(s, script->output[i].name);
    return rc;
}

/* Map(), Map{port =, bind =}: the state's one map, opened at the first call. */
static int map_new(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    int port = -1;
    const char *bind = NULL;
    const opening *o = lua_touserdata(L, lua_upvalueindex(1));
    if (!lua_isnoneornil(L, 1)) {
        luaL_checktype(L, 1, LUA_TTABLE);
        if (lua_getfield(L, 1, "port") != LUA_TNIL)
            port = (int)luaL_checkinteger(L, -1);
        if (lua_getfield(L, 1, "bind") != LUA_TNIL)
            bind = luaL_checkstring(L, -1);
        luaL_argcheck(L, port >= -1 && port <= 65535, 1, "port is 0 to 65535");
    }
    if (push_current(L))
        return 1;
    void **box = tl_box_push(L, MAP_TYPE);
    session *s = NULL;
    if (start(o, port, bind, &s, &e))
        return tl_raise(L, &e);
    *box = s;
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &current_key);
    if (show(s, L, &e))
        return tl_raise(L, &e);
    return 1;
}

static int map_text(lua_State *L)
{
    const session *s = tl_box_test(L, 1, MAP_TYPE);
    lua_pushfstring(L, "Map %s", s ? tl_map_url(s->map) : "(closed)");
    return 1;
}

void tl_map_open_lua(lua_State *L, tl_script *s, const tl_map_host *host)
{
    static const luaL_Reg methods[] = {
        {"add", map_add}, {"remove", map_remove}, {"update", map_update},
        {"url", map_url}, {"area", map_area},     {"close", map_close},
        {NULL, NULL}};
    static const luaL_Reg meta[] = {{"__tostring", map_text}, {NULL, NULL}};
    tl_box_register(L, MAP_TYPE, "Map", methods, meta, release);
    opening *o = lua_newuserdatauv(L, sizeof *o, 0);
    *o = (opening){s, *host};
    lua_pushcclosure(L, map_new, 1);
    lua_setfield(L, -2, "Map");
}
