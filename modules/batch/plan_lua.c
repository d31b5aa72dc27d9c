/* Planning from Lua: see plan_lua.h. SPDX-License-Identifier: MIT */
#include "modules/batch/plan_lua.h"
#include "modules/batch/engine.h"
#include "modules/batch/plan.h"
#include "modules/image/image_lua.h"
#include "modules/map/looks_lua.h"
#include "runtime/border.h"
#include "runtime/hash.h"
#include "runtime/json_lua.h"
#include "runtime/mem.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* img:grid() -> its native Grid */
static int image_grid(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_grid g;
    if (tl_native_grid(tl_image_check(L, 1), &g, &e))
        return tl_raise(L, &e);
    tl_grid_push(L, &g);
    return 1;
}

static int explain(tl_image *img, const char *where, tl_buf *text, tl_err *e)
{
    tl_plan *plan = NULL;
    tl_script s = {0};
    tl_output o = {.name = "image", .where = where, .image = img, .options = json_object()};
    tl_plan_request r = {0};
    s.output = &o;
    s.noutputs = 1;
    int rc = tl_plan_make(&s, &r, &plan, e);
    if (!rc)
        tl_plan_explain(plan, 1, text);
    tl_plan_free(plan);
    json_decref(o.options);
    return rc;
}

/* img:explain() prints the plan and the program on the image's native grid. */
static int image_explain(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_buf text = TL_BUF_INIT;
    lua_getglobal(L, "print");
    luaL_checktype(L, -1, LUA_TFUNCTION);
    int rc = explain(tl_image_check(L, 1), tl_script_line(L), &text, &e);
    if (rc) {
        tl_buf_free(&text);
        return tl_raise(L, &e);
    }
    if (text.len && text.data[text.len - 1] == '\n')
        text.len--; /* print adds one */
    lua_pushlstring(L, tl_buf_text(&text), text.len);
    tl_buf_free(&text);
    lua_call(L, 1, 0);
    return 0;
}

void tl_plan_open_lua(lua_State *L)
{
    static const luaL_Reg methods[] = {{"grid", image_grid}, {"explain", image_explain}, {NULL, NULL}};
    tl_core_push(L);
    lua_getfield(L, -1, "methods");
    luaL_setfuncs(L, methods, 0);
    lua_pop(L, 2);
}

/* --- run ---------------------------------------------------------------------------------------------- */

static int set_params(tl_script *s, const json_t *params, tl_err *e)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)params, key, v)
    {
        char *value = json_is_string(v) ? tl_xstrdup(json_string_value(v)) : json_dumps(v, JSON_ENCODE_ANY);
        char *text = tl_xasprintf("%s=%s", key, value ? value : "");
        int rc = tl_script_set(s, text, e);
        free(text);
        free(value);
        if (rc)
            return rc;
    }
    return 0;
}

static int compute(lua_State *L, tl_script *s, const json_t *o, json_t *paths, tl_err *e)
{
    const char *out = json_string_value(json_object_get(o, "out"));
    const json_t *res = json_object_get(o, "res"), *box = json_object_get(o, "bbox");
    tl_plan *plan = NULL;
    tl_run_report report;
    tl_plan_request r = {.format = json_string_value(json_object_get(o, "format")),
                         .where = {.crs = json_string_value(json_object_get(o, "crs"))},
                         .visualize = tl_looks_visualize,
                         .ctx = L};
    r.where.res[0] = r.where.res[1] = json_number_value(res);
    r.where.has_bbox = json_array_size(box) == 4;
    for (size_t i = 0; i < 4; i++)
        r.where.bbox[i] = json_number_value(json_array_get(box, i));
    tl_run_options opt = {.dir = out ? out : ".",
                          .threads = (int)json_integer_value(json_object_get(o, "threads")),
                          .mem = json_integer_value(json_object_get(o, "mem")),
                          .resume = json_is_true(json_object_get(o, "resume"))};
    int rc = tl_script_check(s, 1, e);
    if (!rc)
        rc = tl_plan_make(s, &r, &plan, e);
    if (!rc)
        rc = tl_run_plan(plan, &opt, &report, e);
    for (int i = 0; i < (rc ? 0 : plan->n); i++) {
        char *path = tl_product_path(&plan->out[i], opt.dir);
        json_array_append_new(paths, json_string(path));
        free(path);
    }
    tl_plan_free(plan);
    return rc;
}

static void release_json(void *p)
{
    json_decref(p);
}

/* A JSON value that Lua frees, whatever is raised. */
static json_t *keep_json(lua_State *L, json_t *(*make)(void))
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    tl_box_register(L, "tellua.json", "JSON", none, NULL, release_json);
    void **box = tl_box_push(L, "tellua.json");
    *box = make();
    return *box;
}

/* run(path[, options]): upvalues are the script and the table of names. */
static int lua_run(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_script *s = lua_touserdata(L, lua_upvalueindex(1));
    const char *path = luaL_checkstring(L, 1), *slash = strrchr(path, '/');
    lua_settop(L, 2);
    json_t *paths = keep_json(L, json_array), *options = keep_json(L, json_object);
    if (lua_istable(L, 2)) {
        json_t *given = tl_json_from(L, 2, &e);
        if (given)
            json_object_update(options, given);
        json_decref(given);
    }
    tl_script_free(s);
    if (e.code || set_params(s, json_object_get(options, "params"), &e))
        return tl_raise(L, &e);
    s->name = tl_xstrdup(slash ? slash + 1 : path);
    if (luaL_loadfilex(L, path, "t"))
        return lua_error(L);
    lua_newtable(L); /* the script's globals: Tellua's names over Lua's own */
    lua_newtable(L);
    lua_pushvalue(L, lua_upvalueindex(3));
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_setupvalue(L, -2, 1);
    lua_call(L, 0, 0);
    if (compute(L, s, options, paths, &e))
        return tl_raise(L, &e);
    tl_json_push(L, paths);
    return 1;
}

void tl_run_open_lua(lua_State *L, tl_script *s)
{
    lua_pushlightuserdata(L, s);
    lua_pushvalue(L, -2);
    lua_newtable(L); /* names of this module, then those of Lua */
    lua_newtable(L);
    lua_pushglobaltable(L);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_pushnil(L);
    while (lua_next(L, -3)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_settable(L, -4);
    }
    lua_pushcclosure(L, lua_run, 3);
    lua_setfield(L, -2, "run");
}
