/* The two primitives that collection.lua makes composites with. SPDX-License-Identifier: MIT */
#include "modules/collection/compose_lua.h"
#include "modules/collection/composite_json.h"
#include "modules/image/image_lua.h"
#include "runtime/border.h"
#include "runtime/json_lua.h"
#include "runtime/mem.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* core.scene_image{ {name=, asset=, band=, dtype=, scale=, offset=, classes=}, ... } */
static int core_scene_image(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_source *s = NULL;
    luaL_checktype(L, 1, LUA_TTABLE);
    const char *where = tl_script_line(L);
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    json_t *j = tl_json_from(L, 1, &e);
    int rc = j ? tl_scene_source_from_json(j, &s, &e) : e.code;
    if (!rc)
        *box = tl_image_of_source(s, where);
    tl_source_unref(s);
    json_decref(j);
    return rc ? tl_raise(L, &e) : 1;
}

/* The Images of the list on top of the stack as nodes, kind by kind; the first one's names. */
static int read_kinds(lua_State *L, int list, int nkinds, tl_node **nodes, const char **names,
                      int nbands, tl_err *e)
{
    for (int k = 0; k < nkinds; k++) {
        lua_rawgeti(L, list, k + 1);
        const tl_image *img = tl_box_test(L, -1, TL_IMAGE_TYPE);
        lua_pop(L, 1); /* the list holds it */
        if (!img || img->nbands != nbands)
            return tl_fail(e, TL_ESCRIPT,
                           "the scenes have different numbers of bands (%d and %d); select the "
                           "same ones of all",
                           nbands, img ? img->nbands : 0);
        for (int b = 0; b < nbands; b++) {
            nodes[k * nbands + b] = img->band[b].node;
            if (k == 0)
                names[b] = img->band[b].name;
            else if (names[b] != img->band[b].name)
                return tl_fail(e, TL_ESCRIPT,
                               "band %d is '%s' in some scenes and '%s' in others; select the same "
                               "ones of all",
                               b + 1, names[b], img->band[b].name);
        }
    }
    return 0;
}

/* core.compose{ reducer=, kinds={Image, ...}, scenes={...}, ... }: see composite_json.h */
static int core_compose(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_source *s = NULL;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_getfield(L, 1, "kinds");
    luaL_checktype(L, 2, LUA_TTABLE);
    int nkinds = (int)lua_rawlen(L, 2);
    lua_rawgeti(L, 2, 1);
    const tl_image *first = tl_box_test(L, -1, TL_IMAGE_TYPE);
    luaL_argcheck(L, first != NULL, 1, "kinds is a list of Images");
    int nbands = first->nbands;
    const char *where = tl_script_line(L);
    tl_node **nodes = lua_newuserdatauv(L, (size_t)nkinds * (size_t)nbands * sizeof *nodes, 0);
    const char **names = lua_newuserdatauv(L, (size_t)nbands * sizeof *names, 0);
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    int rc = read_kinds(L, 2, nkinds, nodes, names, nbands, &e);
    lua_pushnil(L); /* Images are no JSON; the caller's table is the caller's no more */
    lua_setfield(L, 1, "kinds");
    json_t *j = rc ? NULL : tl_json_from(L, 1, &e);
    rc = j ? tl_composite_from_json(j, nodes, nkinds, names, nbands, NULL, &s, &e) : e.code;
    json_decref(j);
    if (!rc)
        *box = tl_image_of_source(s, where);
    tl_source_unref(s);
    lua_pushvalue(L, 2);
    lua_setfield(L, 1, "kinds");
    return rc ? tl_raise(L, &e) : 1;
}

void tl_compose_open_lua(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"scene_image", core_scene_image}, {"compose", core_compose}, {NULL, NULL}};
    tl_core_push(L);
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
}
