/* Compiled functions: every construct against stock Lua, and every refusal.
 * SPDX-License-Identifier: MIT */
#include "tests/c/fn_help.h"

/* Functions of a, b (integers) and x, y (floats); the compiler and Lua must agree on every pixel.
 */
static const char *const bodies[] = {
    "return a + b, a - b, a * b, -a, x + y, x - y, x * y, -x",
    "return a / b, x / y, a ^ b, x ^ y, a / x, y ^ a",
    "local z <const>, o <const> = 1, 0 return x - 0, x - (1 - 1), x - o, x - o * z, x + 0, -0.0 - "
    "0",
    "local z = 0 return x - z, x - 0.0, x - (z), y - a, 0 - x",
    "return a // b",
    "return a % b",
    "return x // y, x % y, a // x, a % x, x // b, x % b",
    "return a & b, a | b, a ~ b, ~a, a << b, a >> b, a << 3, a >> -2",
    "return x & 1",
    "return x | a, ~y",
    "return a < b, a <= b, a > b, a >= b, a == b, a ~= b, x < y, x <= y, x == y, x ~= y",
    "return a < x, a <= x, x < a, x <= a, a == x, x ~= a",
    "return a and b, a or b, not (a == b), a < b and x or y, (a < b or x < y) and a",
    "if a < b then return 1 elseif a == b then return 2 else return 3 end",
    "if a < b then return x end return y",
    "if a < b then return x end",
    "if a < b then return a end return x",
    "local s = 0 for i = 1, 5 do s = s + i * a end return s",
    "local s = 0 for i = 10, 1, -3 do if i == a then break end s = s + i end return s",
    "local s = 0.0 for i = 0, 1, 0.25 do s = s + i * x end return s",
    "for i = 1, 5 do if a == i then return i * 10 end end return -1",
    "for i = math.maxinteger - 1, math.maxinteger do a = a + 1 end return a",
    "for i = 1, 0 do return 5 end return 6",
    "for i = 3, 1.5, -1 do a = a + i end return a",
    "for i = 1, math.huge do if i > 4 then break end a = a + i end return a",
    "if a < b then for i = 1, 3, 0 do end end return 1",
    "local n = 0 for i = 3, 0 / 0, -1 do n = n + i if n < -9 then break end end return n + a",
    "local n = 0 for i = 1, 0 / 0 do n = n + 1 end for i = 1.0, 0 / 0 do n = n + a end for i = 0 / "
    "0, "
    "3 do n = n + 7 end return n",
    "return math.max(a < b), (math.min(a < b and x))",
    "local n = 0 while n < 5 do n = n + 1 end return n + a",
    "local n = 0 repeat local k = n n = n + 2 until k > 5 return n + a",
    "local t = {a, b, x} return t[1], t[2], t[3], t[4], #t",
    "local t = {} for i = 1, 3 do t[i] = a * i end return t[1] + t[2] + t[3], #t",
    "local t = {10, 20, 30} return t[a]",
    "local t = {x, y, [a] = 3, [1] = 4, 5, [3] = 6} return t[1], t[2], t[3], t[a]",
    "local t = {10, 20.5, 30} return t[x]",
    "local t = {0, 0, 0} t[a] = 5 return t[1], t[2], t[3], t[a]",
    "local t = {1, 2, 3} t[a] = 5 t[b] = 6 t[2] = 7 return t[1], t[2], t[3], t[a], t[b]",
    "local t = {} t[a] = 1 t[b] = 2 return t[a], t[b], t[7]",
    "local t = {1, 2, 3} if a < b then t[2] = x t[4] = y end return t[2], t[4]",
    "local t = {v = a, w = {b, x}} t.v = t.v + 1 t.w[2] = 3 return t.v, t.w[1], t.w[2], t.none",
    "local t if a < b then t = {1, 2, 3} else t = {4, 5} end return t[1], t[2], t[3]",
    "local t = a < b and {1, 2} or {3, 4} t[1] = a return t[1], t[2]",
    "local t if a < b then t = {x} end return t[1]",
    "local s = 0 for i, v in ipairs({a, b, 5}) do s = s + i * v end return s",
    "local function f(p, q) if p < q then return p end return q end return f(a, b), f(x, y)",
    "local function f(p) if p < 0 then return 1, 2 end return 3 end return f(a)",
    "local function f(p) if p < 0 then return 1, 2 end return 3, 4 end local u, v = f(a) return v, "
    "u",
    "local function f(p) if p < 0 then return p end end return f(a) or b, (f(b))",
    "local n = 0 local function up(k) n = n + k if k < 0 then return end n = n + 1 end up(a) up(b) "
    "return n",
    "local function g(t) t[1] = t[1] + 1 return t end local t = {a} g(t) return g(t)[1], t[1]",
    "local t = {1} local function f() if a < b then return t end t[1] = 5 return t end return "
    "f()[1], t[1]",
    "local v = 1 local function f() return v end if a < b then v = 2 end return f()",
    "local fs = {} for i = 1, 3 do fs[i] = function() return i * a end end return fs[1]() + "
    "fs[3]()",
    "local f = a < b and math.abs or math.floor return f(x)",
    "local o = {n = a} function o:add(k) self.n = self.n + k return self end return "
    "o:add(1):add(b).n",
    "local p, q = a, b p, q = q, p return p, q",
    "local i = 1 local t = {5, 6, 7} i, t[i] = 2, a return i, t[1], t[2]",
    "local c <const> = 5 return c * a",
    "do local a = x b = a end return a, b",
    "local a = a + 1 do local a = a * 2 b = a end return a, b",
    "return math.abs(a), math.abs(x), math.floor(x), math.ceil(x), math.floor(a), math.sqrt(x)",
    "return math.max(a, x), math.min(a, x), math.max(a, b, 3), math.min(x, y, 0), math.max(x)",
    "return math.fmod(x, y), math.fmod(a, x)",
    "return math.fmod(a, b)",
    "return math.exp(x), math.log(x), math.log(x, 2), math.log(x, 10), math.log(x, y), math.log(a, "
    "3)",
    "return math.sin(x), math.cos(x), math.tan(x), math.asin(x), math.acos(x), math.atan(x)",
    "return math.atan(x, y), math.deg(x), math.rad(x), math.tointeger(x), math.tointeger(a)",
    "return math.modf(x)",
    "return math.modf(a)",
    "return math.ult(a, b), math.type(x) == 'float', math.type(a) == 'integer', math.type(nil) == "
    "nil",
    "return math.ult(x, b)",
    "return math.pi * x, math.huge, math.maxinteger, math.mininteger",
    "return math.floor(x) + a, math.floor(x) // 2, math.type(math.floor(x)) == 'integer'",
    "local v = a < b and a or x return v + 1, v // 1, v * v, v < y, v == a, -v, math.type(v) == "
    "'float'",
    "local v = a < b and a or x local w = a < 0 and b or y return v + w, v < w, v <= w, v == w, v "
    "% w",
    "local v if a < b then v = a elseif a > b then v = x end return v",
    "local v if a < b then v = a elseif a > b then v = x end return v + 1",
    "local v = a < b if x < y then v = a end return v",
    "return (a < b) == (x < y), (a < b) == nil, nil == nil, a == 'a', type(a) == 'number'",
    "return a < b and nil",
    "return nil, a",
    "return true, false",
    "return x // 0, a // 0.0, -x // 0",
    "if a < b then return a // 0 end return b",
    "if a < b then local t = nil t.x = 1 end return b",
    "if x < y then return a + nil end return 3",
    "return a < b and a + true or b",
    "local f if a < b then f = math.abs end return f(x)",
    "return near(a, 0, 0), nd(x, y), clamp(a, -5, 7), clamp(x, 0.5, b)",
    "return lerp(x, {0, 1, 2, 2, 5}, {10, 20, -3, 7, 1})",
    "local c = lerp(x, {-1, 0, 1}, {{1, 0, 0}, {0, 1, 0.5}, {0, 0, 1}}) return c[1], c[2], c[3]",
    "return step(x, {0, 1, 2, 5}, {10, 20.5, 30, 40}), step(a, {0, 3}, {1, 2})",
    "return tonumber(a), tonumber(nil), select('#', a, b), select(2, a, b, x), (select(-1, a, b))",
    "return table.unpack({a, x, b})",
    "assert(a < b) return a",
    "if a < b then error('no') end return a",
    "local s = 0 for dx = -1, 1 do for dy = -1, 1 do s = s + dx * dy * a end end return s",
    "for i = 1, 4 do for j = 1, 4 do if i * j == a then return i, j end if j > i then break end "
    "end end",
    "local r = 0 for i = 1, 6 do if i == a then r = r + 100 break end if i > b then r = -r end r = "
    "r + i end return r",
    "local function f(p) for i = 1, 3 do if p == i then return i end p = p - 1 end return p end "
    "return f(a), f(b)",
    "return 0x7fffffffffffffff + 1, 0xffffffffffffffff, 9223372036854775808, 1e308 * 10, 0x.8p1, "
    "3., .5",
    "return a --[[ a comment ]] + --[==[ ]] ]==] b -- the end",
    "return #'four' + #\"\\65\\x42\\u{20AC}\\z   d\"",
    "local t = {[1] = a, [2.0] = b, x; y} return t[1], t[2], t[3]",
    "local goto_ = nil return a",
    "return a; ",
    "local s = '' if a < b then s = 'low' else s = 'high' end return s == 'low', s ~= 'high'",
    "local t = {low = 1, high = 2} return t[a < b and 'low' or 'low']",
    "local t = {low = 1, high = 2} return t[a < b and 'low' or 'high'], t[a < b and 'none' or "
    "'low']",
    "while true do a = a + 1 break end return a",
    "local t = {} t[#t + 1] = a t[#t + 1] = b return #t, t[2]",
    "local function f() return 1, 2 end local t = {f(), f()} return #t, t[3]",
    "local function f() return a, x end return (f()), math.max(f())",
    "return ((((a)))) + 2 ^ 3 ^ 2 - -b, not not (a < b) == true, -2 ^ 2, 2 * 3 % 4 // 1, 1 << 2 + "
    "1 & 7 "
    "| 8 ~ 3",
};

static void fill(fn_inputs *in, int n, int any)
{
    uint64_t seed = 5;
    *in = (fn_inputs){.n_args = 4, .any = any, .n = (size_t)n};
    for (int k = 0; k < 4; k++) {
        in->type[k] = k < 2 ? TL_I64 : TL_F64;
        in->cell[k] = tl_xcalloc((size_t)n, sizeof *in->cell[k]);
        in->valid[k] = tl_xcalloc((size_t)n, 1);
        for (int i = 0; i < n; i++) {
            uint64_t r = tl_test_random(&seed);
            in->valid[k][i] = r % 16 != 0;
            if (k < 2)
                in->cell[k][i].i = r & 32 ? edge_i[(r >> 8) % N_EDGE_I] : (int64_t)(r >> 8) % 9 - 3;
            else
                in->cell[k][i].f =
                    r & 32 ? edge_f[(r >> 8) % N_EDGE_F] : (double)((int)(r >> 8 & 31) - 12) / 4;
        }
    }
}

static void release(fn_inputs *in)
{
    for (int k = 0; k < in->n_args; k++) {
        free(in->cell[k]);
        free(in->valid[k]);
    }
}

static int compare_body(lua_State *L, const char *body, const fn_inputs *in)
{
    char text[1200];
    fn_outputs o;
    tl_err e = TL_ERR_INIT;
    snprintf(text, sizeof text, "return function(a, b, x, y) %s\nend", body);
    if (luaL_loadstring(L, text) || lua_pcall(L, 0, 1, 0))
        fail_msg("%s", lua_tostring(L, -1));
    tl_fn *fn = parsed(text + 7);
    int code = try_fn(fn, in, NULL, &o, NULL, &e), bad = 0;
    if (code && !in->any) { /* where any value may be nil, lengths may depend on the pixel */
        print_message("# %s: %s\n", body, e.message);
        bad = 1;
    }
    for (size_t i = 0; i < in->n && !code; i++) {
        const char *what = compare_pixel(L, in, &o, 4, i);
        if (what) {
            print_message("# %s\n# pixel %zu: %lld %lld %.17g %.17g: %s\n", body, i,
                          (long long)in->cell[0][i].i, (long long)in->cell[1][i].i,
                          in->cell[2][i].f, in->cell[3][i].f, what);
            bad = 1;
            break;
        }
    }
    lua_pop(L, 1);
    if (!code)
        free_outputs(&o);
    tl_fn_unref(fn);
    return bad;
}

static void every_construct_gives_what_stock_lua_gives(void **state)
{
    (void)state;
    lua_State *L = judge();
    luaL_dostring(L, "function near(v, dx, dy) return v end");
    for (int any = 0; any < 2; any++) {
        fn_inputs in;
        int bad = 0;
        fill(&in, 1200, any);
        for (size_t k = 0; k < sizeof bodies / sizeof *bodies; k++)
            bad += compare_body(L, bodies[k], &in);
        release(&in);
        assert_int_equal(bad, 0);
    }
    lua_close(L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_construct_gives_what_stock_lua_gives),
    };
    return tl_run_tests(tests);
}
