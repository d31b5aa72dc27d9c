/* The border between C and Lua: what every binding uses. SPDX-License-Identifier: MIT
 *
 * A binding has four steps, in this order: check the arguments (may raise), push an empty box
 * (may raise), call the core with a tl_err and fill the box, tl_raise or return. Nothing that C
 * owns is live where something may raise. These helpers need no tl_host: they also work in a state
 * that a stock lua made. */
#ifndef TL_BORDER_H
#define TL_BORDER_H

#include <stddef.h>
#include <lua.h>
#include <lauxlib.h>
#include "runtime/err.h"

/* Marks a function that may leave by longjmp. */
#define TL_LJMP

/* --- errors ---------------------------------------------------------------------------------
 * Scripts see an object with the fields code (the word of tl_code_name), message, where, source;
 * tostring(err) and err .. "text" give the whole sentence. */

/* Raises *e; `where` becomes the script's line when it is empty. Never returns. */
int tl_raise(lua_State *L, const tl_err *e) TL_LJMP;
int tl_raisef(lua_State *L, int code, const char *fmt, ...) TL_PRINTF(3, 4) TL_LJMP;
/* "bad argument #2 to 'clip' (TEXT)" as an error object; `self` of a method is not counted. */
int tl_arg_error(lua_State *L, int arg, const char *fmt, ...) TL_PRINTF(3, 4) TL_LJMP;

/* Fills *e from a thrown value. Runs no code of the script, does not raise. */
void tl_to_err(lua_State *L, int idx, tl_err *e);

/* lua_pcall of the function and arguments on top; on failure nothing is left on the stack. Within
 * a run whose budget is used up or that was interrupted, the caller must hand the error on: the
 * script's own pcall cannot keep it anyway. Does not raise. */
int tl_pcall(lua_State *L, int nargs, int nresults, tl_err *e) TL_MUST_CHECK;

/* "file.lua:12", the innermost line of the user's script on L's stack (C functions and chunks
 * named "=[tellua ..." are passed over); interned, "" when there is none. Does not raise. */
const char *tl_script_line(lua_State *L);
/* The same into buf, not interned. */
const char *tl_script_line_to(lua_State *L, char *buf, size_t size);

/* --- boxes: full userdata with one pointer and one user value -----------------------------------
 * A box is pushed empty, with its metatable, before the resource exists; so a memory error leaves
 * nothing behind. Its pointer is NULL before it is filled and after it is closed. */

/* Makes the metatable, once per state. All the names must be static texts.
 * `methods` go into a table of their own. `metamethods` (may be NULL) may hold __index: that
 * function gets the methods table as its first upvalue. __gc and __close call release(pointer)
 * once; release must not raise. __tostring is the type's name unless given. Leaves the stack as it
 * was. */
void tl_box_register(lua_State *L, const char *metatable, const char *type_name,
                     const luaL_Reg *methods, const luaL_Reg *metamethods,
                     void (*release)(void *)) TL_LJMP;

/* Pushes an empty box; the caller stores its pointer (and with it the reference) through the
 * result. */
void **tl_box_push(lua_State *L, const char *metatable) TL_LJMP;
/* The pointer, borrowed; raises on another type ("Image expected, got nil") and on a closed box. */
void *tl_box_check(lua_State *L, int idx, const char *metatable) TL_LJMP;
/* The pointer, or NULL for another type, a closed or an empty box. */
void *tl_box_test(lua_State *L, int idx, const char *metatable) TL_LJMP;
/* Releases now, as __close does. No-op on another type and on a closed box. */
void tl_box_close(lua_State *L, int idx, const char *metatable) TL_LJMP;

/* --- fields of the table on top ------------------------------------------------------------- */

void tl_set_boolean(lua_State *L, const char *key, int x) TL_LJMP;
void tl_set_integer(lua_State *L, const char *key, int64_t x) TL_LJMP;
void tl_set_number(lua_State *L, const char *key, double x) TL_LJMP;
void tl_set_string(lua_State *L, const char *key, const char *s) TL_LJMP;

/* --- the half that is written in Lua --------------------------------------------------------- */

/* Loads and calls an embedded chunk, bytecode (tools/precompile.c) or text, with the nargs values
 * on top as its arguments, leaves nresults. `name` is "=[tellua NAME]". The chunk sees the script's
 * globals: it should keep what it uses in locals, since a script may change them later. */
void tl_loads(lua_State *L, const unsigned char *bytes, size_t len, const char *name, int nargs,
              int nresults) TL_LJMP;

/* The halves of a module that has several: EACH(X) is X(name) X(name) ... in their order,
 *   EACH(DECLARE)  with TL_HALF_DECLARE(symbol of the build)
 *   static const tl_half halves[] = {EACH(ENTRY)};  with TL_HALF("=[tellua NAME]", symbol), */
typedef struct tl_half {
    const char *name;
    const unsigned char *bytes;
    const size_t *len;
} tl_half;
#define TL_HALF_DECLARE(symbol)                                                                    \
    extern const unsigned char symbol[];                                                           \
    extern const size_t symbol##_len;
#define TL_HALF(name, symbol)                                                                      \
    {                                                                                              \
        name, symbol, &symbol##_len                                                                \
    }
/* Each gets the nargs values on top as its arguments; they stay. */
void tl_load_halves(lua_State *L, const tl_half *half, size_t n, int nargs) TL_LJMP;

/* --- for the host ----------------------------------------------------------------------------- */

/* Pushes an error object of code 0, to be filled through the result. */
tl_err *tl__push_error(lua_State *L) TL_LJMP;
/* A message handler: an error that Lua placed in one of our own chunks gets the script's line. */
int tl__fix_address(lua_State *L) TL_LJMP;

#endif
