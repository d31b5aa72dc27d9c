/* placeholder until looks lands */
#ifndef TL_LOOKS_LUA_H
#define TL_LOOKS_LUA_H
#include <jansson.h>
#include <lua.h>
#include "modules/image/image.h"
static inline void tl_looks_open_lua(lua_State *L) { (void)L; }
static inline int tl_looks_visualize(void *ctx, const tl_image *img, const json_t *looks, tl_image **out, tl_err *e)
{ (void)ctx; (void)looks; (void)out; (void)img; return tl_fail(e, TL_ESCRIPT, "looks are not here yet"); }
#endif
