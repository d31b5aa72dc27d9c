/* param and output. SPDX-License-Identifier: MIT */
#include "modules/batch/plan_lua.h"
#include "modules/image/image_lua.h"
#include "runtime/border.h"
#include "runtime/json_lua.h"
#include "runtime/mem.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static tl_script *script(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

/* --- param --------------------------------------------------------------------------------------
 */

static tl_setting *find_setting(tl_script *s, const char *name)
{
    tl_setting *found = NULL; /* the last -p of a name counts, all of them are used */
    for (int i = 0; i < s->nsettings; i++)
        if (strcmp(s->setting[i].name, name) == 0) {
            s->setting[i].used = 1;
            found = &s->setting[i];
        }
    return found;
}

static int bad(const tl_setting *set, const char *wanted, tl_err *e)
{
    return tl_fail(e, TL_EUSAGE, "-p %s=%s: %s", set->name, set->text, wanted);
}

/* The text as a value of the default's type. */
static int parse_setting(const tl_setting *set, const json_t *def, json_t **out, tl_err *e)
{
    char *end;
    if (json_is_integer(def)) {
        long long i = strtoll(set->text, &end, 10);
        double x = strtod(set->text, &end);
        if (end == set->text || *end)
            return bad(set, "a whole number is wanted", e);
        if (x != (double)i)
            return bad(set, "a whole number is wanted (the default is one)", e);
        *out = json_integer(i);
    } else if (json_is_real(def)) {
        double x = strtod(set->text, &end);
        if (end == set->text || *end || !isfinite(x))
            return bad(set, "a number is wanted", e);
        *out = json_real(x);
    } else if (json_is_boolean(def)) {
        int yes = strcmp(set->text, "true") == 0 || strcmp(set->text, "1") == 0;
        if (!yes && strcmp(set->text, "false") != 0 && strcmp(set->text, "0") != 0)
            return bad(set, "true or false is wanted", e);
        *out = json_boolean(yes);
    } else {
        *out = json_string(set->text);
        if (!*out)
            return bad(set, "the text is not UTF-8", e);
    }
    return 0;
}

static int check_range(const char *name, const json_t *v, const json_t *options, tl_err *e)
{
    const json_t *lo = json_object_get(options, "min"), *hi = json_object_get(options, "max");
    if (!json_is_number(v))
        return 0;
    double x = json_number_value(v);
    if ((json_is_number(lo) && x < json_number_value(lo)) ||
        (json_is_number(hi) && x > json_number_value(hi)))
        return tl_fail(e, TL_EUSAGE, "parameter %s = %.17g is outside %.17g .. %.17g", name, x,
                       json_is_number(lo) ? json_number_value(lo) : -INFINITY,
                       json_is_number(hi) ? json_number_value(hi) : INFINITY);
    return 0;
}

static int check_choice(const char *name, const json_t *v, const json_t *options, tl_err *e)
{
    const json_t *choices = json_object_get(options, "choices"), *c;
    size_t i;
    if (!json_is_array(choices))
        return 0;
    json_array_foreach(choices, i, c) if (json_equal(c, v)) return 0;
    char *all = json_dumps(choices, JSON_ENCODE_ANY), *it = json_dumps(v, JSON_ENCODE_ANY);
    tl_fail(e, TL_EUSAGE, "parameter %s = %s is none of %s", name, it ? it : "?", all ? all : "?");
    free(all);
    free(it);
    return e->code;
}

/* What an option must be; others check more. ANY: whoever uses it says what it must be. */
typedef struct {
    const char *name;
    enum { ANY, TEXT, NUMBER, FLAG, LIST } kind;
} option;

static int known_options(const char *what, const json_t *options, const option *known, tl_err *e)
{
    static const char *const kinds[] = {"", "a text", "a number", "true or false", "a list"};
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)options, key, v)
    {
        const option *o = known;
        while (o->name && strcmp(o->name, key) != 0)
            o++;
        if (!o->name)
            return tl_fail(e, TL_ESCRIPT, "%s has no option '%s'", what, key);
        if ((o->kind == TEXT && !json_is_string(v)) || (o->kind == NUMBER && !json_is_number(v)) ||
            (o->kind == FLAG && !json_is_boolean(v)) || (o->kind == LIST && !json_is_array(v)))
            return tl_fail(e, TL_ESCRIPT, "%s: %s is %s", what, key, kinds[o->kind]);
    }
    return 0;
}

/* The C half of param: no Lua below, so nothing is lost. */
static int declare(tl_script *s, const char *name, json_t *def, json_t *options,
                   const tl_param **out, tl_err *e)
{
    static const option known[] = {
        {"min", NUMBER}, {"max", NUMBER}, {"choices", LIST}, {"label", TEXT}, {NULL, ANY}};
    json_t *value = NULL;
    tl_setting *set = find_setting(s, name);
    int rc = known_options("param", options, known, e);
    for (int i = 0; i < s->nparams && !rc; i++)
        if (strcmp(s->param[i].name, name) == 0)
            rc = tl_fail(e, TL_ESCRIPT, "parameter '%s' is declared twice", name);
    if (!rc && set)
        rc = parse_setting(set, def, &value, e);
    else
        value = json_incref(def);
    if (!rc)
        rc = check_range(name, value, options, e);
    if (!rc)
        rc = check_choice(name, value, options, e);
    if (rc) {
        json_decref(value);
        return rc;
    }
    s->param = tl_xrealloc(s->param, (size_t)(s->nparams + 1) * sizeof *s->param);
    json_object_set(options, "default", def);
    s->param[s->nparams] =
        (tl_param){.name = tl_xstrdup(name), .value = value, .options = json_incref(options)};
    *out = &s->param[s->nparams++];
    return 0;
}

/* param(name, default[, {min, max, choices, label}]) -> the value */
static int lua_param(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    const tl_param *p = NULL;
    const char *name = luaL_checkstring(L, 1);
    int t = lua_type(L, 2);
    if (t != LUA_TNUMBER && t != LUA_TSTRING && t != LUA_TBOOLEAN)
        return tl_raisef(L, TL_ESCRIPT,
                         "param(\"%s\", default): the default is a number, text or boolean", name);
    if (!lua_isnoneornil(L, 3))
        luaL_checktype(L, 3, LUA_TTABLE);
    json_t *def = tl_json_from(L, 2, &e);
    json_t *options = !def ? NULL : lua_istable(L, 3) ? tl_json_from(L, 3, &e) : json_object();
    if (options && !json_is_object(options))
        tl_fail(&e, TL_ESCRIPT, "param's third argument is a table of names");
    int rc = e.code ? e.code : declare(script(L), name, def, options, &p, &e);
    json_decref(def);
    json_decref(options);
    if (rc)
        return tl_raise(L, &e);
    tl_json_push(L, p->value);
    return 1;
}

/* --- output -------------------------------------------------------------------------------------
 */

static int is_utf8(const char *s)
{
    json_t *text = json_string(s);
    json_decref(text);
    return text != NULL;
}

static int name_is_good(const char *s)
{
    if (!is_utf8(s) || !*s || strlen(s) > 100 || s[0] == '.')
        return 0;
    for (; *s; s++)
        if (strchr("/\\:*?\"<>|", *s) || (unsigned char)*s < 32)
            return 0;
    return 1;
}

/* Where lua_output keeps things on its stack. */
enum { OPTIONS = 3, IMAGE, IMAGES, TIMES, IDS };

/* Puts looks that are checked and plain data (modules/map/looks.lua) for those at OPTIONS. */
static void check_looks(lua_State *L)
{
    int top = lua_gettop(L);
    tl_core_push(L);
    if (lua_getfield(L, -1, "output_options") == LUA_TFUNCTION) {
        lua_pushvalue(L, IMAGE);
        lua_pushvalue(L, OPTIONS);
        lua_call(L, 2, 1);
        lua_replace(L, OPTIONS);
    }
    lua_settop(L, top);
}

/* The Image at index 2, or the lists of the table there and its first image, to their places. */
static void place_image(lua_State *L, const char *name)
{
    static const char *const lists[] = {"images", "times", "ids"};
    lua_settop(L, OPTIONS);
    if (!lua_istable(L, 2)) {
        tl_image_check(L, 2);
        lua_pushvalue(L, 2);
        return;
    }
    lua_pushnil(L);
    for (int k = 0; k < 3; k++)
        if (lua_getfield(L, 2, lists[k]) != LUA_TTABLE)
            tl_raisef(L, TL_ESCRIPT,
                      "output(\"%s\", image): an Image is wanted, or a table of the lists images, "
                      "times and ids",
                      name);
    if (lua_rawlen(L, IMAGES) == 0)
        tl_raisef(L, TL_ESCRIPT, "output \"%s\": there are no images", name);
    lua_rawgeti(L, IMAGES, 1);
    lua_replace(L, IMAGE);
    if (!tl_box_test(L, IMAGE, TL_IMAGE_TYPE))
        tl_raisef(L, TL_ESCRIPT, "output \"%s\": the first of images is no Image", name);
}

/* Raises unless the lists fit together. Runs no code of the script. */
static void check_lists(lua_State *L, const char *name)
{
    lua_Unsigned n = lua_rawlen(L, IMAGES);
    if (n > 1 << 20)
        tl_raisef(L, TL_ESCRIPT, "output \"%s\": more than 2^20 images", name);
    if (lua_rawlen(L, TIMES) != n || lua_rawlen(L, IDS) != n)
        tl_raisef(L, TL_ESCRIPT,
                  "output \"%s\": %d images, %d times, %d ids: one of each is wanted", name, (int)n,
                  (int)lua_rawlen(L, TIMES), (int)lua_rawlen(L, IDS));
    for (lua_Integer i = 1; i <= (lua_Integer)n; i++) {
        lua_rawgeti(L, IMAGES, i);
        int has_time = lua_rawgeti(L, TIMES, i) == LUA_TNUMBER;
        int has_id = lua_rawgeti(L, IDS, i) == LUA_TSTRING;
        size_t len = lua_rawlen(L, -1);
        if (!tl_box_test(L, -3, TL_IMAGE_TYPE) || !has_time || !has_id || !len ||
            strlen(lua_tostring(L, -1)) != len || !is_utf8(lua_tostring(L, -1)))
            tl_raisef(L, TL_ESCRIPT,
                      "output \"%s\": entry %d is an Image, a time in seconds and an id", name,
                      (int)i);
        lua_pop(L, 3);
    }
}

/* The contents of lists that were checked. Raises nothing. */
static void take_lists(lua_State *L, tl_output *o)
{
    o->ndated = (int)lua_rawlen(L, IMAGES);
    o->dated = tl_xcalloc((size_t)o->ndated, sizeof *o->dated);
    for (int i = 0; i < o->ndated; i++) {
        lua_rawgeti(L, IMAGES, i + 1);
        lua_rawgeti(L, TIMES, i + 1);
        lua_rawgeti(L, IDS, i + 1);
        o->dated[i] = (tl_dated){tl_image_ref(tl_box_test(L, -3, TL_IMAGE_TYPE)),
                                 lua_tonumber(L, -2), tl_xstrdup(lua_tostring(L, -1))};
        lua_pop(L, 3);
    }
}

/* output(name, rows): the text and the file's ending are at the top of the stack. */
static int take_table(lua_State *L, tl_script *s, const char *name)
{
    size_t len;
    const char *where = tl_script_line(L), *bytes = lua_tolstring(L, -2, &len);
    char *copy = tl_xcalloc(len + 1, 1);
    memcpy(copy, bytes, len);
    s->table = tl_xrealloc(s->table, (size_t)(s->ntables + 1) * sizeof *s->table);
    s->table[s->ntables++] =
        (tl_script_table){tl_xstrdup(name), where, copy, len, tl_intern(lua_tostring(L, -1))};
    return 0;
}

/* What modules/collection/products.lua makes of a Collection at index 2, to its place. */
static void open_collection(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TUSERDATA)
        return;
    tl_core_push(L);
    if (lua_getfield(L, -1, "collection_products") == LUA_TFUNCTION) {
        lua_pushvalue(L, 2);
        lua_call(L, 1, 1);
        if (lua_istable(L, -1))
            lua_replace(L, 2);
    }
    lua_settop(L, OPTIONS);
}

/* Pushes the text of what stands at index 2 (rows, a model, features ...: table_text in zones.lua)
 * and the suffix of its file; nils when it is something else. */
static int push_table(lua_State *L, const tl_script *s)
{
    if (!lua_istable(L, 2))
        return 0;
    tl_core_push(L);
    if (lua_getfield(L, -1, "table_text") != LUA_TFUNCTION)
        return 0;
    lua_pushvalue(L, 2);
    lua_pushvalue(L, OPTIONS);
    lua_pushvalue(L, 1);
    lua_pushboolean(L, s->set_by_viewers); /* a map shows no tables: they are not made */
    lua_call(L, 4, 2);
    return lua_isstring(L, -2);
}

/* In a job whose tasks share scenes (modules/collection/parts.lua): 1 when this run has nothing to
 * do with the output. May put what it is to the place of the value at index 2. */
static int is_others(lua_State *L)
{
    tl_core_push(L);
    if (lua_getfield(L, -1, "scenes_output") == LUA_TFUNCTION) {
        lua_pushvalue(L, 1);
        lua_pushvalue(L, 2);
        lua_pushvalue(L, OPTIONS);
        lua_call(L, 3, 1);
    }
    int others = lua_isboolean(L, -1) && lua_toboolean(L, -1);
    if (lua_istable(L, -1))
        lua_replace(L, 2);
    lua_settop(L, OPTIONS);
    return others;
}

/* output(name, image[, options]), where the image may be a table of dated ones; output(name, rows)
 */
static int lua_output(lua_State *L)
{
    static const option known[] = {
        {"region", ANY},  {"bbox", ANY},      {"crs", TEXT},      {"res", ANY},
        {"align", TEXT},  {"dtype", TEXT},    {"saturate", FLAG}, {"nodata", ANY},
        {"format", TEXT}, {"compress", TEXT}, {"overview", TEXT}, {"tile", ANY},
        {"palette", ANY}, {"ramp", ANY},      {"rgb", ANY},       {"stretch", ANY},
        {"min", ANY},     {"max", ANY},       {"gamma", ANY},     {"reverse", ANY},
        {"classes", ANY}, {"colors", ANY},    {NULL, ANY}};
    tl_err e = TL_ERR_INIT;
    tl_script *s = script(L);
    size_t len;
    const char *name = luaL_checklstring(L, 1, &len);
    lua_settop(L, OPTIONS);
    if (is_others(L))
        return 0;
    open_collection(L);
    int rows = push_table(L, s);
    if (strlen(name) != len || !name_is_good(name))
        return tl_raisef(L, TL_ESCRIPT,
                         "output(\"%s\"): a name becomes a file's name, so no / \\ : and the like",
                         name);
    if (tl_script_named(s, name))
        return tl_raisef(L, TL_ESCRIPT, "output \"%s\" is named twice; the first is at %s", name,
                         tl_script_named(s, name));
    if (rows)
        return take_table(L, s, name);
    place_image(L, name);
    int dated = lua_gettop(L) == IDS;
    if (!lua_isnoneornil(L, 3)) {
        luaL_checktype(L, 3, LUA_TTABLE);
        check_looks(L);
    }
    if (dated)
        check_lists(L, name);
    tl_image *img = tl_image_check(L, IMAGE);
    const char *where = tl_script_line(L);
    json_t *options = lua_istable(L, 3) ? tl_json_from(L, 3, &e) : json_object();
    if (!options || known_options("output", options, known, &e)) {
        json_decref(options);
        return tl_raise(L, &e);
    }
    tl_output o = {
        .name = tl_xstrdup(name), .where = where, .image = tl_image_ref(img), .options = options};
    if (dated)
        take_lists(L, &o);
    if (dated && tl_output_arrange(&o, &e)) {
        tl_output_free(&o);
        return tl_raise(L, &e);
    }
    s->output = tl_xrealloc(s->output, (size_t)(s->noutputs + 1) * sizeof *s->output);
    s->output[s->noutputs++] = o;
    return 0;
}

void tl_script_open_lua(lua_State *L, tl_script *s)
{
    static const luaL_Reg functions[] = {
        {"param", lua_param}, {"output", lua_output}, {NULL, NULL}};
    lua_pushlightuserdata(L, s);
    luaL_setfuncs(L, functions, 1);
}
