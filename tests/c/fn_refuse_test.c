/* What is refused, with which words and where; finding functions in a text; frozen values; hostile
 * texts. SPDX-License-Identifier: MIT */
#include "tests/c/fn_help.h"

#include <time.h>

static tl_num four[4][4];
static fn_inputs inputs(int any)
{
    fn_inputs in = {.n_args = 4, .n = 4, .any = any};
    for (int k = 0; k < 4; k++) {
        in.type[k] = k < 2 ? TL_I64 : TL_F64;
        in.cell[k] = four[k];
    }
    return in;
}

/* --- refusals -------------------------------------------------------------------------------- */

static const struct {
    const char *body;
    tl_fn_class kind;
    int line, column;
    const char *reason;
} refused[] = {
    {"return 1 +", TL_FN_SYNTAX, 3, 1, "expected a value here, not 'end'"},
    {"local = 1", TL_FN_SYNTAX, 2, 7, "expected a name here"},
    {"if a < b return 1 end", TL_FN_SYNTAX, 2, 10, "expected 'then' here"},
    {"return 'abc", TL_FN_SYNTAX, 2, 8, "this string has no end"},
    {"return 1 1", TL_FN_SYNTAX, 2, 10, "`return` must be the last statement"},
    {"a + b", TL_FN_SYNTAX, 2, 1, "a value alone is no statement"},
    {"break", TL_FN_SYNTAX, 2, 1, "`break` outside of a loop"},
    {"return ...", TL_FN_SYNTAX, 2, 8, "outside of a function with variable arguments"},
    {"local c <const> = 1 c = 2", TL_FN_SYNTAX, 2, 21, "cannot be changed"},
    {"local c <odd> = 1", TL_FN_SYNTAX, 2, 10, "unknown attribute 'odd'"},
    {"return 3x", TL_FN_SYNTAX, 2, 8, "malformed number '3x'"},
    {"return a $ b", TL_FN_SYNTAX, 2, 10, "means nothing in Lua"},
    {"return 'x' + 1", TL_FN_SUBSET, 2, 12, "of a string"},
    {"return a .. b", TL_FN_SUBSET, 2, 10, "strings cannot be put together"},
    {"return ('x'):rep(3)", TL_FN_SUBSET, 2, 9, "methods of strings"},
    {"while a < b do a = a + 1 end return a", TL_FN_SUBSET, 2, 1, "the number of turns"},
    {"for i = 1, a do end return a", TL_FN_SUBSET, 2, 12, "bounds of this loop depend"},
    {"for i = 1, '3' do a = a + i end return a", TL_FN_SUBSET, 2, 12, "a bound of a string"},
    {"local function f() if a < b then return 1 end end return type(f())", TL_FN_SUBSET, 2, 58,
     "type of more or fewer values by pixel"},
    {"local _ENV = {n = 1} return n", TL_FN_SYNTAX, 2, 7, "`_ENV` has no place"},
    {"for k, v in pairs({}) do end return a", TL_FN_SUBSET, 2, 13, "`pairs` has no place"},
    {"for k, v in a do end return a", TL_FN_SUBSET, 2, 1, "other than over ipairs(t)"},
    {"goto done ::done:: return a", TL_FN_SUBSET, 2, 1, "`goto`"},
    {"count = a return a", TL_FN_SUBSET, 2, 1, "assigns to `count`"},
    {"local function f(n) return f(n) end return f(a)", TL_FN_SUBSET, 2, 28, "recursion"},
    {"local f = function(...) return ... end return f(a)", TL_FN_SUBSET, 2, 47,
     "variable arguments"},
    {"print(a) return a", TL_FN_SUBSET, 2, 1, "`print` has no place"},
    {"return math.random()", TL_FN_SUBSET, 2, 12, "math.random"},
    {"math.pi = 3 return a", TL_FN_SUBSET, 2, 5, "a table that lives outside"},
    {"local t = {} if a < b then t[1] = 1 end return #t", TL_FN_SUBSET, 2, 48, "length of a table"},
    {"return a < b and {1} or 2", TL_FN_SUBSET, 2, 1, "a table on some pixels"},
    {"for i = 1, 1e18 do end return a", TL_FN_SUBSET, 2, 1, "1e+18 turns"},
    {"if a then return 1 end return 2", TL_FN_USER, 2, 4, "write a ~= 0"},
    {"if a < b and x then return 1 end", TL_FN_USER, 2, 14, "write x ~= 0"},
    {"return not (b)", TL_FN_USER, 2, 13, "write b ~= 0"},
    {"return near(a + 1, 1, 0)", TL_FN_USER, 2, 8, "must be a band"},
    {"return near(a, b, 0)", TL_FN_USER, 2, 8, "must be whole numbers"},
    {"return near(a, 256, 0)", TL_FN_USER, 2, 8, "at most 255 cells"},
    {"return a + unknown", TL_FN_USER, 2, 10,
     "every pixel raises an error here: arithmetic of a nil"},
    {"return 'text'", TL_FN_USER, 2, 1, "a returned value is a string"},
    {"return {1, 2, n = 3}", TL_FN_USER, 2, 1, "names, or 1, 2, 3"},
    {"return", TL_FN_USER, 2, 1, "no value on any pixel"},
    {"", TL_FN_USER, 1, 1, "no value on any pixel"},
};

static int refuse(const char *text, tl_fn_fault *fault, tl_err *e)
{
    tl_fn *fn = NULL;
    fn_outputs o;
    fn_inputs in = inputs(0);
    int code = tl_fn_parse(text, strlen(text), "@some.lua", 1, 1, &fn, fault, e);
    if (!code) {
        code = try_fn(fn, &in, NULL, &o, fault, e);
        if (!code)
            free_outputs(&o);
    }
    tl_fn_unref(fn);
    return code;
}

static void every_refusal_has_a_class_a_place_and_a_sentence(void **state)
{
    (void)state;
    int bad = 0;
    for (size_t k = 0; k < sizeof refused / sizeof *refused; k++) {
        char text[400], where[40];
        tl_fn_fault f = {0};
        tl_err e = TL_ERR_INIT;
        snprintf(text, sizeof text, "function(a, b, x, y)\n%s\nend", refused[k].body);
        int code = refuse(text, &f, &e);
        snprintf(where, sizeof where, "some.lua:%d", refused[k].line);
        if (code == TL_ESCRIPT && f.kind == refused[k].kind && f.line == refused[k].line &&
            f.column == refused[k].column && strstr(f.reason, refused[k].reason) &&
            strstr(e.message, f.reason) && strchr(e.message, '^') && strcmp(e.where, where) == 0)
            continue;
        bad++;
        print_message("# %s: %d, class %d, %s, column %d: %s\n", refused[k].body, code, f.kind,
                      e.where, f.column, e.message);
    }
    assert_int_equal(bad, 0);
}

static void a_refusal_shows_the_line_and_a_caret(void **state)
{
    (void)state;
    tl_fn_fault f;
    tl_err e = TL_ERR_INIT;
    assert_int_equal(refuse("function(a, b)\n  return a .. b\nend", &f, &e), TL_ESCRIPT);
    assert_string_equal(e.message, "does not compile: strings cannot be put together per pixel "
                                   "(column 12)\n      return a .. b\n               ^");
}

static void in_any_mode_a_band_may_be_asked_for_nil(void **state)
{
    (void)state;
    tl_fn *fn = parsed("function(a) if a then return 1 end return 2 end");
    uint8_t valid[4] = {1, 0, 1, 0};
    fn_inputs in = inputs(1);
    in.valid[0] = valid;
    fn_outputs o;
    tl_err e = TL_ERR_INIT;
    assert_tl_ok(try_fn(fn, &in, NULL, &o, NULL, &e), &e);
    for (int i = 0; i < 4; i++)
        assert_int_equal(o.cell[0][i].i, i % 2 ? 2 : 1);
    free_outputs(&o);
    tl_fn_unref(fn);
}

/* --- results --------------------------------------------------------------------------------- */

static void named_bands_come_in_the_order_of_their_names(void **state)
{
    (void)state;
    tl_fn *fn = parsed("function(a, b, x, y) if a < b then return {red = 1, blue = x} end "
                       "return {red = 2, green = true} end");
    fn_inputs in = inputs(0);
    fn_outputs o;
    tl_err e = TL_ERR_INIT;
    assert_tl_ok(try_fn(fn, &in, NULL, &o, NULL, &e), &e);
    assert_int_equal(o.n_bands, 3);
    assert_string_equal(o.name[0], "blue");
    assert_string_equal(o.name[1], "green");
    assert_string_equal(o.name[2], "red");
    assert_int_equal(o.type[0], TL_F);
    assert_int_equal(o.type[1], TL_B);
    assert_int_equal(o.type[2], TL_I);
    assert_int_equal(o.valid[0][0], 0);
    assert_int_equal(o.valid[2][0], 1);
    free_outputs(&o);
    tl_fn_unref(fn);
}

static void a_place_that_may_raise_is_known_with_its_pixels(void **state)
{
    (void)state;
    tl_fn *fn = parsed("function(a, b)\n  return a // b\nend");
    tl_ir *ir = tl_ir_new();
    tl_fn_arg arg[2] = {{NULL, tl_ir_load(ir, 0, TL_I16), TL_NONE},
                        {NULL, tl_ir_load(ir, 1, TL_I16), TL_NONE}};
    tl_fn_options options = {0};
    tl_fn_result *r;
    tl_err e = TL_ERR_INIT;
    assert_tl_ok(tl_fn_lower(fn, ir, arg, NULL, &options, &r, NULL, &e), &e);
    assert_int_equal(r->n_sites, 1);
    assert_int_equal(r->site[0].line, 2);
    assert_int_equal(r->site[0].column, 12);
    assert_string_equal(r->site[0].reason, "attempt to perform 'n//0'");
    assert_int_equal(r->site[0].mask, r->trap);
    tl_fn_result_free(r);
    tl_ir_free(ir);
    tl_fn_unref(fn);
}

static void an_expression_is_a_function_of_its_free_names(void **state)
{
    (void)state;
    static const char text[] = "(B08 - B04) / (B08 + B04)";
    tl_fn *fn = NULL;
    tl_err e = TL_ERR_INIT;
    assert_tl_ok(tl_expr_parse(text, strlen(text), "=expr", 3, &fn, NULL, &e), &e);
    assert_int_equal(tl_fn_is_expr(fn), 1);
    assert_int_equal(tl_fn_n_free(fn), 2);
    assert_string_equal(tl_fn_free(fn, 0), "B08");
    tl_ir *ir = tl_ir_new();
    tl_fn_arg band[2] = {{NULL, tl_ir_load(ir, 0, TL_U16), TL_NONE},
                         {NULL, tl_ir_load(ir, 1, TL_U16), TL_NONE}};
    tl_fn_options options = {0};
    tl_fn_result *r;
    assert_tl_ok(tl_fn_lower(fn, ir, NULL, band, &options, &r, NULL, &e), &e);
    assert_int_equal(r->n_bands, 1);
    assert_int_equal(tl_ir_type(ir, r->band[0].value), TL_F);
    tl_fn_result_free(r);
    tl_ir_free(ir);
    tl_fn_unref(fn);
    fn = NULL;
    assert_int_equal(tl_expr_parse("B08 -", 5, "=expr", 3, &fn, NULL, &e), TL_ESCRIPT);
    assert_int_equal(tl_expr_parse("B08 B04", 7, "=expr", 3, &fn, NULL, &e), TL_ESCRIPT);
}

/* --- finding -----------------------------------------------------------------------------------
 */

static const char chunk[] =
    "local k <const> = -5 * 2\n"
    "local m = 3\n"
    "local function f(a, b) return a + k end local g = function(a, b) return a * m end\n"
    "function h.x:y(a)\n return a end\n"
    "run(function(v) return v end, function(w) return w end)\n"
    "run(function(v) return 1 end, function(v) return 2 end)\n"
    "run(function(v) return 1 end, function(v) return 1 end)\n"
    "local tools <const> = {}\n"
    "function tools.half(v) return v / 2 end\n"
    "local function outer(q)\n"
    "  return function(z) return z + q + m end\n"
    "end\n";

/* Asks Lua itself where the function on the stack's top is. */
static int find(lua_State *L, tl_fn **fn, tl_fn_fault *fault, tl_err *e)
{
    lua_Debug ar;
    const char *params[8], *ups[8];
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">Su", &ar);
    tl_fn_where w = {"@chunk.lua", ar.linedefined, ar.lastlinedefined, params, ar.nparams,
                     ups,          ar.nups};
    for (int k = 0; k < ar.nparams; k++) {
        lua_pushvalue(L, -1);
        params[k] = lua_getlocal(L, NULL, k + 1);
    }
    for (int k = 0; k < ar.nups; k++)
        ups[k] = lua_getupvalue(L, -1 - k, k + 1);
    int code = tl_fn_find(chunk, strlen(chunk), &w, fn, fault, e);
    lua_settop(L, 0);
    return code;
}

static void functions_are_found_where_lua_says_they_are(void **state)
{
    (void)state;
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    char text[sizeof chunk + 200];
    static const struct {
        const char *get, *text;
    } wanted[] = {
        {"f", "local function f(a, b) return a + k end"},
        {"g", "function(a, b) return a * m end"},
        {"h.x.y", "function h.x:y(a)\n return a end"},
        {"tools.half", "function tools.half(v) return v / 2 end"},
        {"found[1]", "function(v) return v end"},
        {"found[2]", "function(w) return w end"},
        {"found[3]", NULL},
        {"found[5]", "function(v) return 1 end"},
        {"outer(1)", "function(z) return z + q + m end"},
    };
    for (size_t k = 0; k < sizeof wanted / sizeof *wanted; k++) {
        luaL_dostring(L, "h = {x = {}} found = {} "
                         "function run(a, b) found[#found + 1] = a found[#found + 1] = b end");
        snprintf(text, sizeof text, "%sreturn %s", chunk, wanted[k].get);
        if (luaL_loadbuffer(L, text, strlen(text), "@chunk.lua") || lua_pcall(L, 0, 1, 0))
            fail_msg("%s", lua_tostring(L, -1));
        tl_fn *fn = NULL;
        tl_fn_fault fault;
        tl_err e = TL_ERR_INIT;
        int code = find(L, &fn, &fault, &e);
        if (!wanted[k].text) {
            assert_int_equal(code, TL_ESCRIPT);
            assert_int_equal(fault.kind, TL_FN_USER);
            assert_non_null(strstr(e.message, "2 different functions begin on line 7"));
            continue;
        }
        assert_tl_ok(code, &e);
        size_t len;
        assert_string_equal(tl_fn_text(fn, &len), wanted[k].text);
        assert_int_equal(tl_fn_n_params(fn), k < 2 ? 2 : k == 2 ? 2 : 1);
        if (k == 0) { /* what Lua has folded away is known all the same */
            fn_inputs in = inputs(0);
            assert_string_equal(tl_fn_free(fn, 0), "k");
            assert_non_null(tl_fn_free_const(fn, 0));
            (void)in;
        }
        tl_fn_unref(fn);
    }
    lua_close(L);
}

/* --- frozen values -------------------------------------------------------------------------------
 */

static tl_frozen *names_of_the_test(const char *name)
{
    tl_err e = TL_ERR_INIT;
    if (strcmp(name, "table_of_numbers") == 0 || strcmp(name, "mixed") == 0) {
        tl_frozen *t = tl_frozen_table();
        for (int k = 1; k <= 4; k++) {
            tl_frozen *key = tl_frozen_int(5 - k);
            tl_frozen *v = *name == 'm' && k == 2   ? tl_frozen_float(2.5)
                           : *name == 'm' && k == 3 ? tl_frozen_bool(1)
                                                    : tl_frozen_int(10 * (5 - k));
            assert_tl_ok(tl_frozen_set(t, key, v, &e), &e);
            tl_frozen_unref(key);
            tl_frozen_unref(v);
        }
        return t;
    }
    if (strcmp(name, "twice") == 0) {
        tl_fn *fn = parsed("function(v) return v * two end");
        tl_frozen *two = tl_frozen_int(2), *f = tl_frozen_fn(fn, &two);
        tl_frozen_unref(two);
        tl_fn_unref(fn);
        return f;
    }
    return strcmp(name, "bad") == 0 ? tl_frozen_refused("a userdata is no number") : NULL;
}

static void frozen_tables_and_functions_are_used_as_they_were(void **state)
{
    (void)state;
    tl_fn *fn = parsed("function(a) return table_of_numbers[a], mixed[a], #mixed, twice(a), "
                       "table_of_numbers[2] end");
    fn_inputs in = inputs(0);
    for (int i = 0; i < 4; i++)
        four[0][i].i = i + 2;
    fn_outputs o;
    tl_err e = TL_ERR_INIT;
    assert_tl_ok(try_fn(fn, &in, names_of_the_test, &o, NULL, &e), &e);
    assert_int_equal(o.cell[0][0].i, 20);
    assert_int_equal(o.valid[0][3], 0); /* 5: there is none */
    assert_true(o.cell[1][1].f == 2.5);
    assert_true(o.cell[1][0].f == 1);
    assert_int_equal(o.cell[2][0].i, 4);
    assert_int_equal(o.cell[3][2].i, 8);
    assert_int_equal(o.cell[4][0].i, 20);
    free_outputs(&o);
    tl_fn_unref(fn);
    fn = parsed("function(a) return a + bad end");
    assert_int_equal(try_fn(fn, &in, names_of_the_test, &o, NULL, &e), TL_ESCRIPT);
    assert_non_null(strstr(e.message, "a userdata is no number"));
    tl_fn_unref(fn);
}

static void a_table_cannot_hold_itself(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    tl_frozen *t = tl_frozen_table(), *u = tl_frozen_table(), *key = tl_frozen_int(1);
    assert_int_equal(tl_frozen_set(t, key, t, &e), TL_ESCRIPT);
    assert_tl_ok(tl_frozen_set(t, key, u, &e), &e);
    assert_int_equal(tl_frozen_set(u, key, t, &e), TL_ESCRIPT);
    assert_int_equal(tl_frozen_set(t, key, key, &e), TL_ESCRIPT);
    tl_frozen_unref(t);
    tl_frozen_unref(u);
    tl_frozen_unref(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_refusal_has_a_class_a_place_and_a_sentence),
        cmocka_unit_test(a_refusal_shows_the_line_and_a_caret),
        cmocka_unit_test(in_any_mode_a_band_may_be_asked_for_nil),
        cmocka_unit_test(named_bands_come_in_the_order_of_their_names),
        cmocka_unit_test(a_place_that_may_raise_is_known_with_its_pixels),
        cmocka_unit_test(an_expression_is_a_function_of_its_free_names),
        cmocka_unit_test(functions_are_found_where_lua_says_they_are),
        cmocka_unit_test(frozen_tables_and_functions_are_used_as_they_were),
        cmocka_unit_test(a_table_cannot_hold_itself),
    };
    return tl_run_tests(tests);
}
