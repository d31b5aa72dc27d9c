/* Everything that a script can reach, walked from its globals through tables and metatables,
 * against a committed list. SPDX-License-Identifier: MIT
 *
 * TELLUA_WRITE_LISTS=1 writes the lists anew: read the difference before it is committed. */
#include "runtime/host.h"
#include "tests/c/test.h"

#include <lauxlib.h>
#include <stdlib.h>

#define MOST_LINES 400

typedef struct walk {
    char *line[MOST_LINES];
    int n;
} walk;

static void add(walk *w, const char *path, const char *what)
{
    char text[300];
    snprintf(text, sizeof text, "%s %s", path, what);
    assert_true(w->n < MOST_LINES);
    w->line[w->n++] = strdup(text);
}

/* The value on top, whose name is `path`. The table at index 1 holds what was seen. */
static void visit(lua_State *L, walk *w, const char *path)
{
    char name[260];
    luaL_checkstack(L, 10, NULL);
    lua_pushvalue(L, -1);
    int seen = lua_isnil(L, -1) || lua_rawget(L, 1) != LUA_TNIL;
    lua_pop(L, 1);
    int type = lua_type(L, -1);
    add(w, path, seen && type == LUA_TTABLE ? "table, seen" : lua_typename(L, type));
    if (seen || (type != LUA_TTABLE && type != LUA_TUSERDATA && type != LUA_TSTRING))
        return;
    if (type != LUA_TSTRING) {
        lua_pushvalue(L, -1);
        lua_pushboolean(L, 1);
        lua_rawset(L, 1);
    }
    if (lua_getmetatable(L, -1)) {
        snprintf(name, sizeof name, "%s<metatable>", path);
        if (type != LUA_TSTRING || strcmp(path, "\"\"") == 0)
            visit(L, w, name);
        lua_pop(L, 1);
    }
    if (type != LUA_TTABLE)
        return;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        snprintf(name, sizeof name, "%s.%s", path,
                 lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?");
        visit(L, w, name);
    }
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void check(const char *name, tl_limits limits)
{
    walk w = {.n = 0};
    tl_err e = TL_ERR_INIT;
    tl_host *h = NULL;
    char path[200];
    assert_tl_ok(tl_host_open(&limits, &h, &e), &e);
    lua_State *L = tl_host_lua(h);
    lua_newtable(L);
    lua_pushglobaltable(L);
    visit(L, &w, "_G");
    lua_pop(L, 1);
    lua_pushliteral(L, ""); /* what ("").x reaches */
    visit(L, &w, "\"\"");
    lua_settop(L, 0);
    tl_host_close(h);
    qsort(w.line, (size_t)w.n, sizeof *w.line, compare);
    snprintf(path, sizeof path, "tests/data/reachable/%s.txt", name);
    if (getenv("TELLUA_WRITE_LISTS")) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        for (int i = 0; i < w.n; i++)
            fprintf(f, "%s\n", w.line[i]);
        fclose(f);
    }
    FILE *f = fopen(path, "r");
    char line[300];
    int i = 0;
    assert_non_null(f);
    for (; fgets(line, sizeof line, f); i++) {
        line[strcspn(line, "\n")] = 0;
        if (i >= w.n || strcmp(line, w.line[i]) != 0)
            fail_msg("%s: the list has '%s', a script reaches '%s'", name, line,
                     i < w.n ? w.line[i] : "no more");
    }
    fclose(f);
    if (i < w.n)
        fail_msg("%s: a script reaches '%s', which is not in the list", name, w.line[i]);
    for (i = 0; i < w.n; i++)
        free(w.line[i]);
}

static void scripts_reach_what_is_listed(void **state)
{
    (void)state;
    check("own", (tl_limits){0});
    check("pixel", tl_limits_of(TL_PROFILE_PIXEL));
    check("batch", tl_limits_of(TL_PROFILE_BATCH));
}

/* What is not the user's own cannot be opened by asking. */
static void strangers_get_no_io(void **state)
{
    (void)state;
    tl_limits l = tl_limits_of(TL_PROFILE_BATCH);
    l.allow_io = l.allow_os = 1;
    check("batch", l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(scripts_reach_what_is_listed),
                                       cmocka_unit_test(strangers_get_no_io)};
    return tl_run_tests(tests);
}
