/* The library's public face: see tellua.h. SPDX-License-Identifier: MIT */
#include "runtime/tellua.h"
#include "modules/batch/evaluate.h"
#include "modules/batch/gridding.h"
#include "modules/batch/jobs_lua.h"
#include "modules/batch/plan_lua.h"
#include "modules/batch/read_lua.h"
#include "modules/classes/classes_lua.h"
#include "modules/collection/collection_lua.h"
#include "modules/collection/compose_lua.h"
#include "modules/batch/zones_lua.h"
#include "modules/collection/place_lua.h"
#include "modules/image/image_lua.h"
#include "modules/image/interpret_lua.h"
#include "modules/indices/indices_lua.h"
#include "modules/map/looks_lua.h"
#include "modules/map/map_lua.h"
#include "modules/raster/raster.h"
#include "modules/terrain/terrain_lua.h"
#include "runtime/border.h"
#include "runtime/hash.h"
#include "runtime/json_lua.h"
#include "runtime/mem.h"
#include "runtime/session.h"
#include "runtime/session_paint.h"
#include "runtime/version.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *tellua_version(void)
{
    return tl_version();
}

int tellua_exit_status(int code)
{
    return tl_exit_status(code);
}

const char *tellua_message(const tellua *t)
{
    return t->text;
}

static int done(tellua *t, int rc)
{
    t->text[0] = '\0';
    if (rc)
        tl_err_text(&t->err, t->text, sizeof t->text);
    return rc;
}

static tl_err *fresh(tellua *t)
{
    t->err = (tl_err)TL_ERR_INIT;
    return &t->err;
}

/* Adds Tellua's names to the table at the top of the stack: upvalue-free, in dependence order. */
static void add_names(lua_State *L, tl_script *script)
{
    tl_map_host host = tl_session_host(NULL);
    tl_interpreter_install();
    tl_image_open_lua(L);
    tl_compose_open_lua(L);
    tl_plan_open_lua(L);
    tl_numbers_open_lua(L);
    tl_terrain_open_lua(L);
    tl_indices_open_lua(L);
    tl_place_open_lua(L);
    tl_zones_open_lua(L);
    tl_looks_open_lua(L);
    tl_classes_open_lua(L);
    tl_collection_open_lua(L);
    tl_animate_open_lua(L);
    tl_jobs_open_lua(L);
    tl_script_open_lua(L, script);
    tl_map_open_lua(L, script, &host);
    tl_json_open_lua(L);
    tl_read_open_lua(L, script);
}

/* tellua.collections, on the table on top. */
static void add_collections(lua_State *L)
{
    tl_core_push(L);
    lua_getfield(L, -1, "collections");
    lua_setfield(L, -3, "collections");
    lua_pop(L, 1);
}

/* Protected: light userdata of the session. */
static int open_names(lua_State *L)
{
    tellua *t = lua_touserdata(L, 1);
    lua_pushglobaltable(L);
    add_names(L, &t->script);
    lua_newtable(L);
    lua_pushstring(L, tl_version());
    lua_setfield(L, -2, "version");
    lua_getfield(L, -2, "test_execute");
    lua_setfield(L, -2, "test_execute");
    add_collections(L);
    lua_setfield(L, -2, "tellua");
    return 0;
}

tellua *tellua_open(const tellua_options *options)
{
    tl_limits limits = {0};
    tellua *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    if (options)
        limits = (tl_limits){.memory = options->lua_memory,
                             .instructions = options->instructions,
                             .allow_io = options->allow_io,
                             .allow_os = options->allow_os};
    t->threads = options ? options->threads : 0;
    t->script.reads_all = limits.allow_io;
    int rc = tl_host_open(&limits, &t->host, fresh(t));
    if (!rc) {
        t->L = tl_host_lua(t->host);
        lua_gc(t->L, LUA_GCSTOP); /* hardly anything of what is made here is garbage */
        lua_pushcfunction(t->L, open_names);
        lua_pushlightuserdata(t->L, t);
        rc = tl_host_call(t->host, 1, 0, &t->err);
        lua_gc(t->L, LUA_GCRESTART);
    }
    if (rc) {
        tellua_close(t);
        return NULL;
    }
    return t;
}

void tellua_close(tellua *t)
{
    if (!t)
        return;
    tl_script_free(&t->script);
    json_decref(t->part);
    tl_host_close(t->host);
    tl_raster_thread_done();
    free(t);
}

/* --- jobs --- */

static int set_part(lua_State *L) /* light userdata: JSON */
{
    tl_core_push(L);
    tl_json_push(L, lua_touserdata(L, 1));
    lua_setfield(L, -2, "part");
    return 0;
}

int tl_session_part(tellua *t, json_t *part, tl_err *e)
{
    json_decref(t->part);
    t->part = json_incref(part);
    lua_pushcfunction(t->L, set_part);
    lua_pushlightuserdata(t->L, part);
    return tl_host_call(t->host, 1, 0, e);
}

static int get_part(lua_State *L) /* light userdata: the session */
{
    tl_err e = TL_ERR_INIT;
    tellua *t = lua_touserdata(L, 1);
    tl_core_push(L);
    lua_getfield(L, -1, "part");
    json_t *part = tl_json_from(L, -1, &e);
    if (!part)
        return tl_raise(L, &e);
    json_decref(t->part);
    t->part = part;
    return 0;
}

int tl_session_parts(tellua *t, tl_err *e)
{
    lua_pushcfunction(t->L, get_part);
    lua_pushlightuserdata(t->L, t);
    return tl_host_call(t->host, 1, 0, e);
}

int tellua_set(tellua *t, const char *name_value)
{
    return done(t, tl_script_set(&t->script, name_value, fresh(t)));
}

static void name_script(tellua *t, const char *name, const char *text, size_t len)
{
    free(t->script.name);
    t->script.name = tl_xstrdup(name);
    tl_sha256(text ? text : "", text ? len : 0, t->script.sha256);
}

int tl_session_end(tellua *t, tl_err *e)
{
    lua_pushcfunction(t->L, tl_collection_warn_unused);
    int rc = tl_host_call(t->host, 0, 0, e);
    if (rc)
        return rc;
    lua_pushcfunction(t->L, tl_jobs_start_pending);
    rc = tl_host_call(t->host, 0, 1, e);
    if (!rc) {
        t->njobs = (int)lua_tointeger(t->L, -1);
        lua_pop(t->L, 1);
    }
    return rc;
}

static int end_script(tellua *t, int rc)
{
    return rc ? rc : tl_session_end(t, &t->err);
}

int tellua_run_file(tellua *t, const char *path)
{
    size_t len = 0;
    const char *slash = strrchr(path, '/');
    free(t->script.folder);
    t->script.folder = slash ? tl_xasprintf("%.*s/", (int)(slash - path), path) : tl_xstrdup(".");
    int rc = end_script(t, tl_host_run_file(t->host, path, 0, fresh(t)));
    const char *text = rc ? NULL : tl_host_source(t->host, path, &len);
    if (!rc) /* where the script lay plays no part in what it computes */
        name_script(t, slash ? slash + 1 : path, text, len);
    return done(t, rc);
}

int tellua_run_text(tellua *t, const char *text, size_t len, const char *name)
{
    int rc = end_script(t, tl_host_run_text(t->host, text, len, name, 0, fresh(t)));
    if (!rc)
        name_script(t, name, text, len);
    return done(t, rc);
}

void tellua_interrupt(tellua *t)
{
    atomic_store(&t->cancel, 1);
    if (t->host)
        tl_host_interrupt(t->host);
}

int tellua_outputs(const tellua *t)
{
    return t->script.noutputs;
}

const char *tellua_output_name(const tellua *t, int i)
{
    return i >= 0 && i < t->script.noutputs ? t->script.output[i].name : NULL;
}

const tellua_image *tellua_output(const tellua *t, const char *name)
{
    for (int i = 0; i < t->script.noutputs; i++)
        if (strcmp(t->script.output[i].name, name) == 0)
            return t->script.output[i].image;
    return NULL;
}

int tellua_bands(const tellua_image *img)
{
    return img->nbands;
}

const char *tellua_band_name(const tellua_image *img, int band)
{
    return band >= 0 && band < img->nbands ? img->band[band].name : NULL;
}

int tellua_native_grid(tellua *t, const tellua_image *img, tellua_grid *g)
{
    tl_grid n;
    int rc = tl_native_grid(img, &n, fresh(t));
    if (!rc)
        *g = (tellua_grid){n.crs, n.x0, n.y0, n.dx, n.dy, n.col, n.row, n.w, n.h};
    return done(t, rc);
}

static int check_grid(const tellua_grid *g, tl_grid *out, tl_err *e)
{
    int64_t cells;
    *out = (tl_grid){"", g->x0, g->y0, g->dx, g->dy, g->col, g->row, g->w, g->h};
    if (!(g->dx > 0 && g->dy > 0) || !isfinite(g->dx) || !isfinite(g->dy) || g->w <= 0 || g->h <= 0)
        return tl_fail(e, TL_EUSAGE, "a grid of %lld x %lld cells of %g x %g", (long long)g->w,
                       (long long)g->h, g->dx, g->dy);
    if (!isfinite(g->x0) || !isfinite(g->y0))
        return tl_fail(e, TL_EUSAGE, "a grid with its anchor at %g, %g", g->x0, g->y0);
    if (g->col < -TL_GRID_MOST || g->col > TL_GRID_MOST || g->row < -TL_GRID_MOST ||
        g->row > TL_GRID_MOST || __builtin_mul_overflow(g->w, g->h, &cells) || cells > TL_GRID_MOST)
        return tl_fail(e, TL_EUSAGE, "a grid of %lld x %lld cells at %lld, %lld is too large",
                       (long long)g->w, (long long)g->h, (long long)g->col, (long long)g->row);
    return tl_crs_canonical(g->crs ? g->crs : "", &out->crs, e);
}

static int check_buffer(tellua_type type, const void *values, tl_err *e)
{
    if ((int)type < TELLUA_UINT8 || (int)type > TELLUA_FLOAT64)
        return tl_fail(e, TL_EUSAGE, "%d is no tellua_type", (int)type);
    return values ? 0 : tl_fail(e, TL_EUSAGE, "tellua_evaluate needs a buffer for the values");
}

/* Bands in one pass, written straight into the caller's memory. */
static int evaluate(tellua *t, const tl_image *img, const tl_grid *g, tl_dtype type, char *values,
                    uint8_t *valid, tl_err *e)
{
    int n = img->nbands;
    size_t cells = (size_t)(g->w * g->h), size = tl_dtype_size(type);
    tl_node **nodes = tl_xcalloc((size_t)n, sizeof *nodes);
    tl_dtype *types = tl_xcalloc((size_t)n, sizeof *types);
    void **to = tl_xcalloc((size_t)n, sizeof *to);
    uint8_t **mask = tl_xcalloc((size_t)n, sizeof *mask);
    tl_pass *pass = NULL;
    for (int b = 0; b < n; b++) {
        nodes[b] = img->band[b].node;
        types[b] = type;
        to[b] = values + (size_t)b * cells * size;
        mask[b] = valid + (size_t)b * cells;
    }
    tl_pass_spec spec = {*g, nodes, types, n, NULL, NULL};
    int rc = tl_pass_new(&spec, &pass, e);
    if (!rc)
        rc = tl_evaluate(pass, g, n, types, t->threads, &t->cancel, to, mask, e);
    tl_pass_free(pass);
    free(nodes);
    free(types);
    free(to);
    free(mask);
    return rc;
}

int tellua_evaluate(tellua *t, const tellua_image *img, const tellua_grid *g, tellua_type type,
                    void *values, uint8_t *valid)
{
    tl_grid grid;
    void *own = NULL;
    atomic_store(&t->cancel, 0);
    int rc = check_grid(g, &grid, fresh(t));
    if (!rc)
        rc = check_buffer(type, values, &t->err);
    if (!rc && !valid)
        rc = tl_try_alloc(&own, (size_t)(g->w * g->h), (size_t)img->nbands, "validity", &t->err);
    if (!rc)
        rc = evaluate(t, img, &grid, (tl_dtype)type, values, valid ? valid : own, &t->err);
    free(own);
    return done(t, rc);
}

typedef struct {
    const char *name;
    lua_CFunction open;
} registration;

static int call_open(lua_State *L) /* a registration */
{
    const registration *r = lua_touserdata(L, 1);
    luaL_requiref(L, r->name, r->open, 0);
    lua_pushglobaltable(L);
    lua_insert(L, -2);
    lua_setfield(L, -2, r->name);
    return 0;
}

/* Neither push allocates: outside a protected call that could end the process. */
int tellua_register(tellua *t, const char *name, lua_CFunction open)
{
    registration r = {name, open};
    if (!name || !*name || !open)
        return done(t, tl_fail(fresh(t), TL_EUSAGE, "tellua_register needs a name and a function"));
    lua_pushcfunction(t->L, call_open);
    lua_pushlightuserdata(t->L, &r);
    return done(t, tl_host_call(t->host, 1, 0, fresh(t)));
}

lua_State *tellua_lua(tellua *t)
{
    return t->L;
}

/* --- require "tellua"
 * ------------------------------------------------------------------------------- */

static void release_session(void *p)
{
    tellua *t = p;
    tl_script_free(&t->script);
    tl_raster_thread_done();
    free(t);
}

static const char session_key; /* its address is the registry key of the session of a stock Lua */

/* The registry keeps the session: its functions hold plain pointers into it and may outlive the
 * module's table. */
static tellua *keep_session(lua_State *L)
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    tl_box_register(L, "tellua.session", "Tellua session", none, NULL, release_session);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &session_key) == LUA_TUSERDATA) {
        tellua *known = tl_box_check(L, -1, "tellua.session");
        lua_pop(L, 1);
        return known; /* required again */
    }
    lua_pop(L, 1);
    void **box = tl_box_push(L, "tellua.session");
    tellua *t = tl_xcalloc(1, sizeof *t);
    *box = t;
    t->L = L;
    lua_rawsetp(L, LUA_REGISTRYINDEX, &session_key);
    return t;
}

int luaopen_tellua(lua_State *L)
{
    lua_newtable(L);
    tellua *t = keep_session(L);
    lua_pushstring(L, tl_version());
    lua_setfield(L, -2, "version");
    add_names(L, &t->script);
    add_collections(L);
    tl_run_open_lua(L, &t->script);
    return 1;
}
