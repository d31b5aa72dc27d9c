/* Collections in Lua: the primitives that collection.lua stands on. SPDX-License-Identifier: MIT */
#include "modules/collection/collection_lua.h"
#include "modules/collection/open.h"
#include "modules/image/image_lua.h"
#include "runtime/border.h"
#include "runtime/json_lua.h"
#include "runtime/log.h"
#include "runtime/mem.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TL_INDEX_TYPE  "tellua.index"
#define TL_FOLDER_TYPE "tellua.folder"

/* --- the index ----------------------------------------------------------------------------------
 */

static void set_text(lua_State *L, const char *key, const char *s)
{
    if (*s) {
        lua_pushstring(L, s);
        lua_setfield(L, -2, key);
    }
}

static void set_number(lua_State *L, const char *key, double x)
{
    if (!isnan(x)) {
        lua_pushnumber(L, x);
        lua_setfield(L, -2, key);
    }
}

static void set_four(lua_State *L, const char *key, const double x[4])
{
    if (isnan(x[0]) || isnan(x[1]) || isnan(x[2]) || isnan(x[3]))
        return;
    lua_createtable(L, 4, 0);
    for (int i = 0; i < 4; i++) {
        lua_pushnumber(L, x[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, key);
}

static void push_scene(lua_State *L, const tl_scene *s)
{
    lua_createtable(L, 0, 12);
    set_text(L, "id", s->id);
    set_text(L, "collection", s->collection);
    set_text(L, "platform", s->platform);
    set_text(L, "tile", s->tile);
    set_number(L, "t", s->t0);
    set_number(L, "t1", s->t1);
    set_number(L, "cloud", s->cloud);
    set_four(L, "box", s->box);
    set_text(L, "crs", s->crs);
    set_four(L, "bounds", s->bounds);
    set_text(L, "json", s->properties);
    set_text(L, "info", s->assets_info ? s->assets_info : "");
    lua_createtable(L, (int)s->nassets, 0);
    for (size_t i = 0; i < s->nassets; i++) {
        lua_createtable(L, 0, 3);
        set_text(L, "key", s->asset[i].key);
        set_text(L, "href", s->asset[i].href);
        lua_pushinteger(L, s->asset[i].band);
        lua_setfield(L, -2, "band");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "assets");
}

typedef struct visit {
    lua_State *L;
    const tl_scene *scene;
    lua_Integer n;
} visit;

/* Protected: a visit, and a list to append to or a function to call. */
static int take_scene(lua_State *L)
{
    visit *v = lua_touserdata(L, 1);
    if (lua_istable(L, 2)) {
        push_scene(L, v->scene);
        lua_rawseti(L, 2, ++v->n);
    } else {
        lua_pushvalue(L, 2);
        push_scene(L, v->scene);
        lua_call(L, 1, 0);
    }
    return 0;
}

static int each_scene(void *ctx, const tl_scene *s, tl_err *e)
{
    visit *v = ctx;
    v->scene = s;
    lua_pushcfunction(v->L, take_scene);
    lua_pushlightuserdata(v->L, v);
    lua_pushvalue(v->L, 3);
    return tl_pcall(v->L, 2, 0, e);
}

static json_t *check_query(lua_State *L, int idx)
{
    tl_err e = TL_ERR_INIT;
    luaL_checktype(L, idx, LUA_TTABLE);
    if (lua_rawlen(L, idx) == 0)
        return json_array(); /* {} would be an object */
    json_t *query = tl_json_from(L, idx, &e);
    if (!query)
        tl_raise(L, &e);
    return query;
}

/* core.index_open(source, options or nil, query) -> an index that has what the query needs */
static int index_open(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    const char *source = luaL_checkstring(L, 1);
    void **box = tl_box_push(L, TL_INDEX_TYPE);
    json_t *wanted = check_query(L, 3);
    json_t *options = lua_istable(L, 2) ? tl_json_from(L, 2, &e) : NULL;
    int rc = e.code;
    if (!rc)
        rc = tl_collection_open(source, options, wanted, (tl_index **)box, &e);
    json_decref(options);
    json_decref(wanted);
    return rc ? tl_raise(L, &e) : 1;
}

/* core.index_query(index, query[, fn]) -> a list of scenes, or fn(scene) for each */
static int index_query(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    visit v = {L, NULL, 0};
    tl_index *ix = tl_box_check(L, 1, TL_INDEX_TYPE);
    lua_settop(L, 3);
    if (lua_isnil(L, 3)) {
        lua_newtable(L);
        lua_replace(L, 3);
    }
    luaL_checkstack(L, 8, NULL);
    json_t *query = check_query(L, 2);
    int rc = tl_index_query(ix, query, each_scene, &v, &e);
    json_decref(query);
    return rc ? tl_raise(L, &e) : 1;
}

/* core.index_summary(index, query) -> {count =, t0 =, t1 =, box =, collections =} */
static int index_summary(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_index *ix = tl_box_check(L, 1, TL_INDEX_TYPE);
    tl_index_summary s = {0};
    json_t *query = check_query(L, 2);
    int rc = tl_index_summarise(ix, query, &s, &e);
    json_decref(query);
    if (rc)
        return tl_raise(L, &e);
    lua_newtable(L);
    lua_pushinteger(L, s.count);
    lua_setfield(L, -2, "count");
    set_number(L, "t0", s.t0);
    set_number(L, "t1", s.t1);
    set_four(L, "box", s.box);
    set_text(L, "collections", s.collections ? s.collections : "");
    return 1;
}

static void release_index(void *p)
{
    tl_index_close(p);
}

/* --- Collections: a userdata whose user value is a table of collection.lua ----------------------
 */

/* core.new_collection(state) */
static int new_collection(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_newuserdatauv(L, 0, 1);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    luaL_setmetatable(L, TL_COLLECTION_TYPE);
    return 1;
}

/* core.collection_state(x) -> its table, nil for anything else */
static int collection_state(lua_State *L)
{
    if (!luaL_testudata(L, 1, TL_COLLECTION_TYPE))
        return 0;
    lua_getiuservalue(L, 1, 1);
    return 1;
}

/* --- small things -------------------------------------------------------------------------------
 */

/* core.from_json(text) -> the value; nil and the reason when it is none */
static int from_json(lua_State *L)
{
    json_error_t why;
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    json_t *j = json_loadb(text, len, JSON_DECODE_ANY, &why);
    if (!j) {
        lua_pushnil(L);
        lua_pushfstring(L, "line %d: %s", why.line, why.text);
        return 2;
    }
    tl_json_push(L, j); /* ours: a raise for want of memory may lose it */
    json_decref(j);
    return 1;
}

#define MOST_DEFINITION ((size_t)1 << 20)

/* core.read_text(path) -> the text of a small file; nil when it cannot be read */
static int read_text(lua_State *L)
{
    luaL_Buffer b;
    const char *path = luaL_checkstring(L, 1);
    char *text = luaL_buffinitsize(L, &b, MOST_DEFINITION);
    FILE *f = fopen(path, "rb");
    if (!f)
        return 0;
    size_t n = fread(text, 1, MOST_DEFINITION, f);
    fclose(f);
    luaL_pushresultsize(&b, n);
    return 1;
}

/* core.path_kind(path) -> "file", "folder" or nil */
static int path_kind(lua_State *L)
{
    struct stat st;
    if (stat(luaL_checkstring(L, 1), &st))
        return 0;
    lua_pushstring(L, S_ISDIR(st.st_mode) ? "folder" : "file");
    return 1;
}

static void release_folder(void *p)
{
    closedir(p);
}

/* core.folder(path) -> a list of the names in it, in no order, empty when there is none */
static int folder(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    lua_settop(L, 1);
    void **box = tl_box_push(L, TL_FOLDER_TYPE);
    lua_newtable(L);
    DIR *d = *box = opendir(path);
    const struct dirent *entry;
    for (int k = 0; d && (entry = readdir(d));)
        if (entry->d_name[0] != '.') {
            lua_pushstring(L, entry->d_name);
            lua_rawseti(L, 3, ++k);
        }
    tl_box_close(L, 2, TL_FOLDER_TYPE);
    return 1;
}

/* core.collection_path() -> TELLUA_COLLECTIONS, or ~/.tellua/collections and the folder
 * share/tellua/collections beside the program's, with colons between. */
static int collection_path(lua_State *L)
{
    const char *set = getenv("TELLUA_COLLECTIONS"), *home = getenv("HOME");
    char exe[4096];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[n > 0 ? n : 0] = '\0';
    for (int up = 0; up < 2; up++) { /* PREFIX/bin/tellua */
        char *slash = strrchr(exe, '/');
        if (slash)
            *slash = '\0';
    }
    if (set)
        lua_pushstring(L, set);
    else
        lua_pushfstring(L, "%s/.tellua/collections:%s/share/tellua/collections", home ? home : ".",
                        exe);
    return 1;
}

/* core.warn(text[, where]): once; where is the script's line unless given. */
static int warn(lua_State *L)
{
    const char *text = luaL_checkstring(L, 1), *where = luaL_optstring(L, 2, tl_script_line(L));
    tl_warn_once("%s%s%s", where, *where ? ": " : "", text);
    return 0;
}

/* core.line() -> "script.lua:3" */
static int line(lua_State *L)
{
    lua_pushstring(L, tl_script_line(L));
    return 1;
}

static int call_core(lua_State *L, const char *name)
{
    tl_core_push(L);
    if (lua_istable(L, -1) && lua_getfield(L, -1, name) == LUA_TFUNCTION)
        lua_call(L, 0, 0);
    return 0;
}

int tl_collection_warn_unused(lua_State *L)
{
    return call_core(L, "warn_unused");
}

/* --- the halves in Lua --------------------------------------------------------------------------
 */

/* clang-format off */
#define EACH(X) \
    X(dates) X(query) X(sensors) X(clouds) X(kinds) X(fold) X(collection) \
    X(filters) X(reducers) X(reduce) X(groups) X(columns) X(trend) X(series) X(climate) \
    X(parts) X(products) X(catalogue) X(describe) X(aliases)
/* clang-format on */
#define DECLARE(half) TL_HALF_DECLARE(tl_lua_modules_collection_##half)
#define ENTRY(half)   TL_HALF("=[tellua " #half "]", tl_lua_modules_collection_##half),
EACH(DECLARE)
static const tl_half halves[] = {EACH(ENTRY)};

TL_HALF_DECLARE(tl_lua_modules_collection_profiles)

/* core.read_profiles(ipairs, string.upper) -> what profiles.lua tells */
static int read_profiles(lua_State *L)
{
    lua_settop(L, 2);
    tl_loads(L, tl_lua_modules_collection_profiles, tl_lua_modules_collection_profiles_len,
             "=[tellua profiles]", 2, 1);
    return 1;
}

/* Each gets core, a table of what they share, the globals and the metatable of Collections. */
static void open_halves(lua_State *L)
{
    int globals = lua_gettop(L);
    luaL_checkstack(L, 10, NULL);
    tl_core_push(L);
    lua_newtable(L);
    lua_pushvalue(L, globals);
    luaL_getmetatable(L, TL_COLLECTION_TYPE);
    tl_load_halves(L, halves, sizeof halves / sizeof *halves, 4);
    lua_settop(L, globals);
}

void tl_collection_open_lua(lua_State *L)
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg functions[] = {{"index_open", index_open},
                                         {"index_query", index_query},
                                         {"index_summary", index_summary},
                                         {"new_collection", new_collection},
                                         {"collection_state", collection_state},
                                         {"from_json", from_json},
                                         {"read_text", read_text},
                                         {"path_kind", path_kind},
                                         {"folder", folder},
                                         {"collection_path", collection_path},
                                         {"warn", warn},
                                         {"read_profiles", read_profiles},
                                         {"line", line},
                                         {NULL, NULL}};
    tl_box_register(L, TL_INDEX_TYPE, "index", none, NULL, release_index);
    tl_box_register(L, TL_FOLDER_TYPE, "folder", none, NULL, release_folder);
    if (luaL_newmetatable(L, TL_COLLECTION_TYPE)) {
        lua_pushstring(L, "Collection");
        lua_setfield(L, -2, "__name");
        lua_pushstring(L, "Collection");
        lua_setfield(L, -2, "__metatable");
    }
    lua_pop(L, 1);
    tl_core_push(L);
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
    open_halves(L);
}
