/* The prompt's halves in Lua, called from C. SPDX-License-Identifier: MIT */
#ifndef TL_REPL_NAMES_LUA_H
#define TL_REPL_NAMES_LUA_H

#include "repl/line.h"
#include "repl/view_lua.h"

/* Adds show, zoom, pan, place, view, help and Image:check to the session. */
int tl_names_open(tellua *t, tl_viewer *v, tl_err *e) TL_MUST_CHECK;

/* Calls a function of the table R with the n values on top, which are gone then. */
int tl_names_call(tellua *t, const char *name, int n, tl_err *e) TL_MUST_CHECK;

/* rewrite.lua: the text to run, and the names that were local ("a, b"); malloc'd. */
int tl_names_rewrite(tellua *t, const char *code, char **text, char **kept,
                     tl_err *e) TL_MUST_CHECK;

/* complete.lua; finds nothing where something fails. */
void tl_names_complete(tellua *t, const char *before, tl_completions *c);

#endif
