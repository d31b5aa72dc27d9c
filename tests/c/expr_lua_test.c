/* Pixel operations against stock Lua, on numbers at the edges. SPDX-License-Identifier: MIT */
#include "tests/c/expr_help.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

/* Each operation as Lua writes it; NULL: Lua has none, or a raising one. */
static const struct {
    tl_op op;
    const char *lua;
} oracle[] = {
    {TL_OP_i_add, "a + b"},
    {TL_OP_i_sub, "a - b"},
    {TL_OP_i_mul, "a * b"},
    {TL_OP_i_neg, "-a"},
    {TL_OP_i_idiv, "b == 0 and 0 or a // b"},
    {TL_OP_i_mod, "b == 0 and 0 or a % b"},
    {TL_OP_i_and, "a & b"},
    {TL_OP_i_or, "a | b"},
    {TL_OP_i_xor, "a ~ b"},
    {TL_OP_i_not, "~a"},
    {TL_OP_i_shl, "a << b"},
    {TL_OP_i_shr, "a >> b"},
    {TL_OP_i_min, "math.min(a, b)"},
    {TL_OP_i_max, "math.max(a, b)"},
    {TL_OP_i_abs, "math.abs(a)"},
    {TL_OP_i_lt, "a < b"},
    {TL_OP_i_le, "a <= b"},
    {TL_OP_i_eq, "a == b"},
    {TL_OP_f_add, "a + b"},
    {TL_OP_f_sub, "a - b"},
    {TL_OP_f_mul, "a * b"},
    {TL_OP_f_div, "a / b"},
    {TL_OP_f_idiv, "a // b"},
    {TL_OP_f_mod, "a % b"},
    {TL_OP_f_fmod, "math.fmod(a, b)"},
    {TL_OP_f_pow, "a ^ b"},
    {TL_OP_f_neg, "-a"},
    {TL_OP_f_abs, "math.abs(a)"},
    {TL_OP_f_min, "math.min(a, b)"},
    {TL_OP_f_max, "math.max(a, b)"},
    {TL_OP_f_floor, "a // 1"},
    {TL_OP_f_ceil, "-(-a // 1)"},
    {TL_OP_f_trunc, "a < 0 and -(-a // 1) or a // 1"},
    {TL_OP_f_sqrt, "math.sqrt(a)"},
    {TL_OP_f_exp, "math.exp(a)"},
    {TL_OP_f_log, "math.log(a)"},
    {TL_OP_f_log2, "math.log(a, 2)"},
    {TL_OP_f_log10, "math.log(a, 10)"},
    {TL_OP_f_sin, "math.sin(a)"},
    {TL_OP_f_cos, "math.cos(a)"},
    {TL_OP_f_tan, "math.tan(a)"},
    {TL_OP_f_asin, "math.asin(a)"},
    {TL_OP_f_acos, "math.acos(a)"},
    {TL_OP_f_atan, "math.atan(a)"},
    {TL_OP_f_atan2, "math.atan(a, b)"},
    {TL_OP_f_lt, "a < b"},
    {TL_OP_f_le, "a <= b"},
    {TL_OP_f_eq, "a == b"},
    {TL_OP_f_is_finite, "a == a and a ~= math.huge and a ~= -math.huge"},
    {TL_OP_if_lt, "a < b"},
    {TL_OP_if_le, "a <= b"},
    {TL_OP_fi_lt, "a < b"},
    {TL_OP_fi_le, "a <= b"},
    {TL_OP_if_eq, "a == b"},
    {TL_OP_i_to_f, "a + 0.0"},
    {TL_OP_f_to_i, "math.tointeger((math.modf(a))) or 0"},
    {TL_OP_f_has_i, "math.tointeger(a) ~= nil"},
    {TL_OP_f_fits_i, "math.tointeger((math.modf(a))) ~= nil"},
    {TL_OP_f_to_f32, "(string.unpack('f', string.pack('f', a)))"},
    {TL_OP_i_to_b, "a ~= 0"},
    {TL_OP_b_and, "a and b"},
    {TL_OP_b_or, "a or b"},
    {TL_OP_b_xor, "a ~= b"},
    {TL_OP_b_not, "not a"},
    {TL_OP_b_to_i, "a and 1 or 0"},
    {TL_OP_i_select, "a and b or c"},
    {TL_OP_f_select, "a and b or c"},
    /* Lua's "a and b or c" is no choice when b is false, and it has none of these. */
    {TL_OP_b_select, "(a and b) or (not a and c)"},
    {TL_OP_f_hypot, NULL},
    {TL_OP_f_sinh, NULL},
    {TL_OP_f_cosh, NULL},
    {TL_OP_f_tanh, NULL},
    {TL_OP_f_round_even, NULL},
};

static int n_edges(tl_type t)
{
    return t == TL_B ? 2 : t == TL_I ? N_EDGE_I : N_EDGE_F;
}

static tl_num edge(tl_type t, int k)
{
    return t == TL_B   ? (tl_num){.i = k}
           : t == TL_I ? (tl_num){.i = edge_i[k]}
                       : (tl_num){.f = edge_f[k]};
}

static void push(lua_State *L, tl_type t, tl_num x)
{
    if (t == TL_B)
        lua_pushboolean(L, x.i != 0);
    else if (t == TL_I)
        lua_pushinteger(L, x.i);
    else
        lua_pushnumber(L, x.f);
}

/* The result on the stack as t; its Lua subtype must be that of t. */
static tl_num pop(lua_State *L, tl_type t, const char *text)
{
    tl_num x = {.i = 0};
    if (t == TL_B ? !lua_isboolean(L, -1)
                  : lua_type(L, -1) != LUA_TNUMBER || lua_isinteger(L, -1) != (t == TL_I))
        fail_msg("%s gives a %s of another kind", text, luaL_typename(L, -1));
    if (t == TL_B)
        x.i = lua_toboolean(L, -1);
    else if (t == TL_I)
        x.i = lua_tointeger(L, -1);
    else
        x.f = lua_tonumber(L, -1);
    lua_pop(L, 1);
    return x;
}

static void compare(lua_State *L, tl_op op, const char *text, const tl_num *x)
{
    int arity = tl_op_arity(op);
    lua_pushvalue(L, -1);
    for (int k = 0; k < arity; k++)
        push(L, tl_op_operand(op, k), x[k]);
    if (lua_pcall(L, arity, 1, 0))
        fail_msg("%s: %s", text, lua_tostring(L, -1));
    tl_num want = pop(L, tl_op_result(op), text), got = tl_op_eval(op, x[0], x[1], x[2]);
    if (!same_num(tl_op_result(op), want, got))
        fail_msg("%s of %llx (%g), %llx (%g): %llx (%.17g), Lua has %llx (%.17g)", tl_op_name(op),
                 (long long)x[0].i, x[0].f, (long long)x[1].i, x[1].f, (long long)got.i, got.f,
                 (long long)want.i, want.f);
}

/* All combinations of edges; returns how many. */
static int compare_all(lua_State *L, tl_op op, const char *text)
{
    int n[3] = {1, 1, 1}, arity = tl_op_arity(op), count = 0;
    for (int k = 0; k < arity; k++)
        n[k] = n_edges(tl_op_operand(op, k));
    for (int i = 0; i < n[0]; i++)
        for (int j = 0; j < n[1]; j++)
            for (int k = 0; k < n[2]; k++, count++) {
                int at[3] = {i, j, k};
                tl_num x[3] = {{.i = 0}, {.i = 0}, {.i = 0}};
                for (int m = 0; m < arity; m++)
                    x[m] = edge(tl_op_operand(op, m), at[m]);
                compare(L, op, text, x);
            }
    return count;
}

static void every_operation_gives_what_stock_lua_gives(void **state)
{
    (void)state;
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    char seen[TL_OPS] = {0}, chunk[256];
    int count = 0;
    for (size_t k = 0; k < sizeof oracle / sizeof *oracle; k++) {
        seen[oracle[k].op] = 1;
        if (!oracle[k].lua)
            continue;
        snprintf(chunk, sizeof chunk, "local a, b, c = ... return %s", oracle[k].lua);
        assert_int_equal(luaL_loadstring(L, chunk), LUA_OK);
        count += compare_all(L, oracle[k].op, oracle[k].lua);
        lua_pop(L, 1);
    }
    for (int op = 0; op < TL_OPS; op++)
        if (!seen[op])
            fail_msg("%s has no line in the table", tl_op_name((tl_op)op));
    print_message("# %d results compared with %s\n", count, LUA_RELEASE);
    lua_close(L);
}

static double eval_f(tl_op op, double a, double b)
{
    return tl_op_eval(op, (tl_num){.f = a}, (tl_num){.f = b}, (tl_num){.i = 0}).f;
}

static void what_lua_lacks_is_as_c_has_it(void **state)
{
    (void)state;
    assert_true(eval_f(TL_OP_f_round_even, 0.5, 0) == 0);
    assert_true(eval_f(TL_OP_f_round_even, 1.5, 0) == 2);
    assert_true(eval_f(TL_OP_f_round_even, 2.5, 0) == 2);
    assert_true(eval_f(TL_OP_f_round_even, -2.5, 0) == -2);
    assert_true(signbit(eval_f(TL_OP_f_round_even, -0.5, 0)));
    assert_true(eval_f(TL_OP_f_round_even, 0x1p52 - 0.5, 0) == 0x1p52);
    assert_true(eval_f(TL_OP_f_hypot, 3, 4) == 5);
    assert_true(eval_f(TL_OP_f_hypot, 1e300, 1e300) < INFINITY);
    assert_true(eval_f(TL_OP_f_tanh, 1000, 0) == 1);
    assert_true(eval_f(TL_OP_f_sinh, 0, 0) == 0);
    assert_true(eval_f(TL_OP_f_cosh, 0, 0) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_gives_what_stock_lua_gives),
        cmocka_unit_test(what_lua_lacks_is_as_c_has_it),
    };
    return tl_run_tests(tests);
}
