/* Planning from Lua: see plan_lua.h. SPDX-License-Identifier: MIT */
#include "modules/batch/plan_lua.h"
#include "modules/batch/engine.h"
#include "modules/batch/plan.h"
#include "modules/image/image_lua.h"
#include "modules/map/looks_lua.h"
#include "modules/raster/cells.h"
#include "runtime/border.h"
#include "runtime/hash.h"
#include "runtime/json_lua.h"
#include "runtime/mem.h"

#include <errno.h>
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
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

/* core.cell_metres(img) -> width, height of a cell of its native grid; nothing when unknown */
static int cell_metres(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_grid g;
    double size[2];
    if (tl_native_grid(tl_image_check(L, 1), &g, &e))
        return tl_raise(L, &e);
    tl_cells_metres(&g, size);
    if (!(size[0] > 0 && size[1] > 0))
        return 0;
    lua_pushnumber(L, size[0]);
    lua_pushnumber(L, size[1]);
    return 2;
}

/* img:cells() -> bands inside, width, height: within its native grid, and metres of the cells that
 * are computed */
static int image_cells(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_grid g;
    const char *where = tl_script_line(L);
    if (tl_native_grid(tl_image_check(L, 1), &g, &e))
        return tl_raise(L, &e);
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    tl_source *s = tl_cells_source(&g);
    *box = tl_image_of_source(s, where);
    tl_source_unref(s);
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
    static const luaL_Reg methods[] = {
        {"grid", image_grid}, {"cells", image_cells}, {"explain", image_explain}, {NULL, NULL}};
    tl_core_push(L);
    lua_pushcfunction(L, cell_metres);
    lua_setfield(L, -2, "cell_metres");
    lua_getfield(L, -1, "methods");
    luaL_setfuncs(L, methods, 0);
    lua_pop(L, 2);
}

/* --- run
 * ---------------------------------------------------------------------------------------------- */

static int set_params(tl_script *s, const json_t *params, tl_err *e)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)params, key, v)
    {
        char *value =
            json_is_string(v) ? tl_xstrdup(json_string_value(v)) : json_dumps(v, JSON_ENCODE_ANY);
        char *text = tl_xasprintf("%s=%s", key, value ? value : "");
        int rc = tl_script_set(s, text, e);
        free(text);
        free(value);
        if (rc)
            return rc;
    }
    return 0;
}

/* What the command line takes as well; nothing here may leave the range of what it becomes. */
static int in_range(const char *key, const json_t *v)
{
    double most = strcmp(key, "threads") == 0 ? 200 : 1e18;
    int is_res = strcmp(key, "res") == 0, is_window = strcmp(key, "window") == 0;
    if (json_is_number(v) && json_number_value(v) > most)
        return 0;
    if (is_res && json_is_number(v))
        return json_number_value(v) > 0;
    for (size_t k = 0; k < json_array_size(v); k++) {
        double x = json_number_value(json_array_get(v, k));
        if ((is_res && !(x > 0)) || (is_window && (x != floor(x) || fabs(x) > 1e15)))
            return 0;
    }
    return 1;
}

/* Options of run, by what they must be. */
static int check_options(const json_t *o, tl_err *e)
{
    static const struct {
        const char *name, *kind;
    } known[] = {{"params", "a table"},    {"out", "a text"},
                 {"output", "a text"},     {"crs", "a text"},
                 {"format", "a text"},     {"threads", "a number from 1 to 200"},
                 {"mem", "a number"},      {"max_pixels", "a number"},
                 {"resume", "a boolean"},  {"res", "a cell size above 0"},
                 {"bbox", "four numbers"}, {"window", "four whole numbers"}};
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)o, key, v)
    {
        size_t i = 0, n = sizeof known / sizeof known[0];
        while (i < n && strcmp(known[i].name, key) != 0)
            i++;
        if (i == n)
            return tl_fail(e, TL_EUSAGE, "run has no option '%s'", key);
        const char *kind = known[i].kind;
        int fits = strcmp(kind, "a text") == 0 ? json_is_string(v)
                   : strncmp(kind, "a number", 8) == 0
                       ? json_is_number(v) && json_number_value(v) > 0
                   : strcmp(kind, "a boolean") == 0 ? json_is_boolean(v)
                   : strcmp(kind, "a table") == 0   ? json_is_object(v)
                   : strcmp(kind, "a cell size above 0") == 0
                       ? json_is_number(v) || json_array_size(v) == 2
                       : json_array_size(v) == 4;
        for (size_t k = 0; k < json_array_size(v) && fits; k++)
            fits = json_is_number(json_array_get(v, k));
        fits = fits && in_range(key, v);
        if (!fits)
            return tl_fail(e, TL_EUSAGE, "run: %s is %s", key, kind);
    }
    return 0;
}

static void read_where(const json_t *o, tl_where *w)
{
    const json_t *res = json_object_get(o, "res"), *box = json_object_get(o, "bbox");
    const json_t *win = json_object_get(o, "window");
    int64_t *cell[4] = {&w->window.x, &w->window.y, &w->window.w, &w->window.h};
    w->crs = json_string_value(json_object_get(o, "crs"));
    w->res[0] = w->res[1] = json_number_value(res);
    for (size_t i = 0; i < json_array_size(res); i++)
        w->res[i] = json_number_value(json_array_get(res, i));
    w->has_bbox = box != NULL;
    w->has_window = win != NULL;
    for (size_t i = 0; i < 4; i++) {
        w->bbox[i] = json_number_value(json_array_get(box, i));
        *cell[i] = (int64_t)json_number_value(json_array_get(win, i));
    }
}

static int compute(lua_State *L, tl_script *s, const json_t *o, json_t *paths, tl_err *e)
{
    const char *out = json_string_value(json_object_get(o, "out"));
    tl_plan *plan = NULL;
    tl_run_report report;
    tl_plan_request r = {.output = json_string_value(json_object_get(o, "output")),
                         .format = json_string_value(json_object_get(o, "format")),
                         .visualize = tl_looks_visualize,
                         .ctx = L};
    read_where(o, &r.where);
    tl_run_options opt = {.dir = out ? out : ".",
                          .threads = (int)json_number_value(json_object_get(o, "threads")),
                          .mem = (int64_t)json_number_value(json_object_get(o, "mem")),
                          .max_pixels =
                              (int64_t)json_number_value(json_object_get(o, "max_pixels")),
                          .resume = json_is_true(json_object_get(o, "resume"))};
    int rc = tl_script_check(s, 1, e);
    if (!rc && tl_script_wants_plan(s, r.output))
        rc = tl_plan_make(s, &r, &plan, e);
    if (!rc && plan)
        rc = tl_run_plan(plan, &opt, &report, e);
    for (int i = 0; i < s->ntables && !rc; i++) {
        char *path = NULL;
        if (r.output && strcmp(r.output, s->table[i].name) != 0)
            continue;
        rc = tl_script_write_table(&s->table[i], opt.dir, &path, e);
        if (!rc)
            json_array_append_new(paths, json_string(path));
        free(path);
    }
    for (int i = 0; i < (rc || !plan ? 0 : plan->n); i++) {
        char *path = tl_product_path(&plan->out[i], opt.dir);
        json_array_append_new(paths, json_string(path));
        free(path);
    }
    tl_plan_free(plan);
    return rc;
}

/* A JSON value that Lua frees, whatever is raised. */
static json_t *keep_json(lua_State *L, json_t *(*make)(void))
{
    void **box = tl_json_box(L);
    *box = make();
    return *box;
}

static int read_script(const char *path, tl_buf *text, tl_err *e)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return tl_fail(e, TL_EUSAGE, "cannot open script %s: %s", path, strerror(errno));
    int rc = tl_buf_read(text, f, 16u << 20)
                 ? tl_fail(e, TL_EDATA, "cannot read %s: %s", path, strerror(errno))
                 : 0;
    fclose(f);
    return rc;
}

/* Without a byte order mark and the text of a first line "#!...", as on the command line. */
static int load_text(lua_State *L, const tl_buf *b, const char *chunk)
{
    const char *p = tl_buf_text(b), *end = p + b->len;
    if (b->len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        p += 3;
    if (p < end && *p == '#') {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        p = eol ? eol : end;
    }
    return luaL_loadbufferx(L, p, (size_t)(end - p), chunk, "t");
}

/* Pushes the script as a function. Its name in s, its hash: what the command line notes. */
static void push_script(lua_State *L, tl_script *s, const char *path)
{
    tl_err e = TL_ERR_INIT;
    tl_buf text = TL_BUF_INIT;
    const char *slash = strrchr(path, '/'), *chunk = lua_pushfstring(L, "@%s", path);
    int status = LUA_OK, rc = read_script(path, &text, &e);
    if (!rc) {
        s->name = tl_xstrdup(slash ? slash + 1 : path);
        tl_sha256(tl_buf_text(&text), text.len, s->sha256);
        status = load_text(L, &text, chunk);
    }
    tl_buf_free(&text);
    if (rc)
        tl_raise(L, &e);
    if (status != LUA_OK)
        lua_error(L);
    lua_remove(L, -2);
}

/* A table of the script's own, then this module's names (upvalue 2), then those of Lua. */
static void push_globals(lua_State *L)
{
    lua_newtable(L);
    lua_newtable(L);
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
}

/* run(path[, options]): upvalues are the script and the table of names. */
static int lua_run(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_script *s = lua_touserdata(L, lua_upvalueindex(1));
    const char *path = luaL_checkstring(L, 1);
    if (!lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    json_t *paths = keep_json(L, json_array), *options = keep_json(L, json_object);
    if (lua_istable(L, 2)) {
        json_t *given = tl_json_from(L, 2, &e);
        if (given)
            json_object_update(options, given);
        if (json_array_size(given) > 0)
            tl_fail(&e, TL_EUSAGE, "run's options are a table of names");
        json_decref(given);
    }
    tl_script_free(s);
    s->reads_all = 1; /* a stock Lua has io */
    if (e.code || check_options(options, &e) ||
        set_params(s, json_object_get(options, "params"), &e))
        return tl_raise(L, &e);
    push_script(L, s, path);
    push_globals(L);
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
    lua_newtable(L); /* names of this module, then those of Lua */
    lua_newtable(L);
    lua_pushglobaltable(L);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_pushnil(L);
    while (lua_next(L, -4)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_settable(L, -4);
    }
    lua_pushcclosure(L, lua_run, 2);
    lua_setfield(L, -2, "run");
}
