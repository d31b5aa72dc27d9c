/* The interpreter of users' functions against the compiler. SPDX-License-Identifier: MIT */
#include "tests/c/test.h"
#include "tests/c/fake_source.h"
#include "modules/image/interpret_lua.h"
#include "modules/image/pass.h"

#include <time.h>

#define W    60
#define H    40
#define MOST 8

static fake *src;

static int open_source(void **state)
{
    (void)state;
    tl_interpreter_install();
    src = fake_new("/made/up", 10);
    return 0;
}

static int nothing_is_left(void **state)
{
    (void)state;
    tl_source_unref(&src->s);
    for (int k = 0; k < TL_LIVE_KINDS; k++)
        if (tl_live_count((enum tl_live_kind)k) != 0) {
            print_error("%ld objects of kind %d are left\n", tl_live_count((enum tl_live_kind)k),
                        k);
            return -1;
        }
    return 0;
}

/* --- calls --------------------------------------------------------------------------------------
 */

/* "f0", "f1" ... : functions given beforehand; K: a table; "b0" ... "b3": bands; x: 2.5. */
static tl_frozen *helper;

static tl_frozen *frozen_table(void)
{
    tl_err e = TL_ERR_INIT;
    tl_frozen *t = tl_frozen_table(), *inner = tl_frozen_table();
    static const double numbers[] = {-80, -20.5, 0, 7, 44.25};
    for (int k = 0; k < 5; k++) {
        tl_frozen *key = tl_frozen_int(k + 1), *value = tl_frozen_float(numbers[k]);
        assert_tl_ok(tl_frozen_set(inner, key, value, &e), &e);
        tl_frozen_unref(key);
        tl_frozen_unref(value);
    }
    tl_frozen *key = tl_frozen_string("xs", 2), *name = tl_frozen_string("name", 4);
    assert_tl_ok(tl_frozen_set(t, key, inner, &e), &e);
    assert_tl_ok(tl_frozen_set(t, name, name, &e), &e);
    tl_frozen_unref(key);
    tl_frozen_unref(name);
    tl_frozen_unref(inner);
    return t;
}

static tl_frozen *known(const char *name)
{
    if (strcmp(name, "K") == 0)
        return frozen_table();
    if (strcmp(name, "x") == 0)
        return tl_frozen_float(2.5);
    if (strcmp(name, "n") == 0)
        return tl_frozen_int(7);
    if (strcmp(name, "f") == 0)
        return tl_frozen_refused("it calls itself");
    if (strcmp(name, "helper") == 0 && helper)
        return tl_frozen_ref(helper);
    tl_frozen *v = tl_frozen_standard(name);
    return v ? v : tl_frozen_nil();
}

static void bind_name(const char *name, tl_bound *b)
{
    if (name[0] == 'b' && name[1] >= '0' && name[1] <= '3' && !name[2])
        *b = (tl_bound){NULL, name[1] - '0'};
    else
        *b = (tl_bound){known(name), 0};
}

static tl_fn *parsed(const char *text, int is_expr)
{
    tl_err e = TL_ERR_INIT;
    tl_fn *fn = NULL;
    int rc = is_expr ? tl_expr_parse(text, strlen(text), "=expr", 1, &fn, NULL, &e)
                     : tl_fn_parse(text, strlen(text), "@t.lua", 10, 1, &fn, NULL, &e);
    if (rc)
        fail_msg("%s\n%s", e.message, text);
    return fn;
}

typedef struct how {
    int any, is_expr, fail;
    tl_compile compile;
    const char *const *bands;
    int nbands;
} how;

static int make_call(const char *text, how o, tl_call **out, tl_err *e)
{
    tl_fn *fn = parsed(text, o.is_expr);
    int np = tl_fn_n_params(fn), nf = tl_fn_n_free(fn);
    tl_bound *b = tl_xcalloc((size_t)(np + nf), sizeof *b);
    for (int k = 0; k < np; k++)
        bind_name(tl_fn_param(fn, k), &b[k]);
    for (int k = 0; k < nf; k++)
        bind_name(tl_fn_free(fn, k), &b[np + k]);
    tl_node *band[4];
    for (int k = 0; k < 4; k++)
        band[k] = tl_node_band(&src->s, k, TL_NEAREST, "t.lua:1");
    tl_call_spec spec = {fn,     b,         b + np,  band,     4,         o.any,
                         o.fail, o.compile, o.bands, o.nbands, "t.lua:9", NULL};
    int rc = tl_call_new(&spec, out, e);
    for (int k = 0; k < 4; k++)
        tl_node_unref(band[k]);
    for (int k = 0; k < np + nf; k++)
        tl_frozen_unref(b[k].value);
    free(b);
    tl_fn_unref(fn);
    return rc;
}

typedef struct outcome {
    int n;
    int64_t raised, col, row;
    tl_type type[MOST];
    char name[MOST][16];
    tl_num cell[MOST][W * H];
    uint8_t valid[MOST][W * H];
} outcome;

/* Gives the call up. */
static int run_call(tl_call *c, outcome *o, tl_err *e)
{
    static const tl_dtype types[] = {[TL_B] = TL_U8, [TL_I] = TL_I64, [TL_F] = TL_F64};
    tl_node *node[MOST];
    tl_dtype dtype[MOST];
    void *values[MOST];
    uint8_t *valid[MOST];
    memset(o, 0, sizeof *o);
    o->n = c->nresults;
    assert_true(o->n <= MOST);
    for (int k = 0; k < o->n; k++) {
        node[k] = tl_call_node(c, k);
        o->type[k] = c->result[k].type;
        snprintf(o->name[k], sizeof o->name[k], "%s", c->result[k].name);
        dtype[k] = types[o->type[k]];
        values[k] = o->cell[k];
        valid[k] = o->valid[k];
    }
    tl_pass_spec spec = {.lattice = src->s.native, .nodes = node, .dtypes = dtype, .n = o->n};
    tl_pass *p = NULL;
    tl_pass_worker *w = NULL;
    int rc = tl_pass_new(&spec, &p, e);
    if (!rc)
        rc = tl_pass_worker_new(p, W, H, &w, e);
    if (!rc)
        rc = tl_pass_run(w, (tl_rect){0, 0, W, H}, values, valid, e);
    tl_pass_trap trap;
    if (!rc && tl_pass_traps(p, &trap, 1)) {
        o->raised = trap.count;
        o->col = trap.col;
        o->row = trap.row;
    }
    tl_pass_worker_free(w);
    tl_pass_free(p);
    for (int k = 0; k < o->n; k++)
        tl_node_unref(node[k]);
    tl_call_unref(c);
    return rc;
}

static int try_run(const char *text, how h, outcome *o, tl_err *e)
{
    tl_call *c = NULL;
    int rc = make_call(text, h, &c, e);
    return rc ? rc : run_call(c, o, e);
}

static outcome one, other;

static void must_run(const char *text, how h, outcome *o)
{
    tl_err e = TL_ERR_INIT;
    if (try_run(text, h, o, &e))
        fail_msg("%s\n%s", e.message, text);
}

/* Both twins, pixel by pixel. */
static void twins_agree(const char *text, how h)
{
    h.compile = TL_COMPILE_REQUIRE;
    must_run(text, h, &one);
    h.compile = TL_COMPILE_NEVER;
    must_run(text, h, &other);
    assert_int_equal(one.n, other.n);
    for (int k = 0; k < one.n; k++) {
        assert_int_equal(one.type[k], other.type[k]);
        assert_string_equal(one.name[k], other.name[k]);
        for (int i = 0; i < W * H; i++)
            if (one.valid[k][i] != other.valid[k][i])
                fail_msg("valid %d in the program, %d in Lua: result %d, pixel %d of\n%s",
                         one.valid[k][i], other.valid[k][i], k, i, text);
        if (memcmp(one.cell[k], other.cell[k], sizeof one.cell[k]) != 0)
            for (int i = 0; i < W * H; i++)
                if (one.cell[k][i].i != other.cell[k][i].i)
                    fail_msg("%a in the program, %a in Lua: result %d, pixel %d of\n%s",
                             one.cell[k][i].f, other.cell[k][i].f, k, i, text);
    }
    if (one.raised != other.raised)
        fail_msg("%lld raise in the program, %lld in Lua:\n%s", (long long)one.raised,
                 (long long)other.raised, text);
    if (one.raised)
        assert_true(one.col == other.col && one.row == other.row);
}

/* --- the twins ----------------------------------------------------------------------------------
 */

static const char *const functions[] = {
    "function(b0, b1) return (b1 - b0) / (b1 + b0) end",
    "function(b0, b1) return b0 // b1 end",
    "function(b0, b1) return b0 % b1, b0 // 1.5, b1 % -3 end",
    "function(b0) return b0 end",
    "function(b0) return b0 > 0 end",
    "function(b0, b2) return b0 > b2, b0, b2 end",
    "function(b0) if b0 > 20 then return 1 elseif b0 < -20 then return 2 end end",
    "function(b0) if b0 > 20 then return 1 else return 2.5 end end",
    "function(b0) if b0 > 20 then return true else return b0 end end",
    "function(b2) if b2 > 20 then return true end end",
    "function(b2) return 0 / 0, 1 / 0, -1 / 0, b2 / 0 end",
    "function(b0) return {z = b0, a = b0 * 0.5, m = b0 > 3} end",
    "function(b0) return {b0, b0 + 1} end",
    "function(b0) if b0 > 0 then return {a = 1, b = 2} else return {a = 3} end end",
    "function(b0) if b0 > 0 then return {a = 1, b = 2} end end",
    "function(b0) if b0 > 0 then return 1, 2 end return 3 end",
    "local function f(b0, b1)\n local t = {b0, b1} for k = 1, 2 do b0 = t[k] end return b0 end",
    "function f(b0) return math.abs(b0), math.floor(b0 / 3), math.ceil(b0 / 3) end",
    "function f.g(b2) return math.sqrt(b2), math.exp(b2 / 50), math.log(b2) end",
    "function(b0, b2) return math.max(b0, b2), math.min(b0, b2, 3), math.fmod(b2, 7) end",
    "function(b2) return math.sin(b2), math.cos(b2), math.atan(b2, 3) end",
    "function(b0) return math.tointeger(b0 / 4) end",
    "function(b0, b2) return math.type(b0) == 'integer' and math.type(b2) == 'float' end",
    "function(b0) return b0 & 0xff, b0 | 1, b0 ~ 3, ~b0, b0 << 3, b0 >> 1 end",
    "function(b2) return b2 | 0 end",
    "function(b0) return b0 + 0x7fffffffffffffff end",
    "function(b0) return (b0 + 0.0) // 0, -b0 * 0.0 end",
    "function(b0) return b0 ^ 2, b0 ^ 0.5 end",
    "function(b0) return x * b0 + n end",
    "function(b2) return lerp(b2, K.xs, {1, 2, 4, 8, 16}) end",
    "function(b2) return step(b2, K.xs, {1, 2, 4, 8, 16}), clamp(b2, -3, 4), nd(b2, 7) end",
    "function(b0) local t = {} for k = 1, 4 do t[k] = b0 * k end return #t, t[1] + t[4] end",
    "function(b0) local s = 0 for k, v in ipairs(K.xs) do s = s + v * k end return s * b0 end",
    "function(b0) return #K.xs, K.xs[2] + b0, K.none end",
    "function(b0) if b0 > 50 then return 1 end return K.none + b0 end",
    "function(b0, b1) if b0 > 90 then error('no') end return b0 // (b1 % 5) end",
    "function(b0) return (b0 > 10 and 1 or 0) + (not (b0 < 5) and 2 or 0) end",
    "function(b0) local a, b = b0, 2; a, b = b, a; return a - b end",
    "function(b0) local function sq(v) return v * v end return sq(b0) + sq(2.5) end",
    "function(b0) return helper(b0) + helper(2) end",
    "function(b0) return b0 + b3 end",
    "function(b3) return 2^53 + 1 + b3, (1 << 53) + b3, math.mininteger // -1 end",
    "function(b0) return type(b0) == 'number' and b0 or nil end",
    "function(b0, x) return b0 * x end",
    "function(b0) return select(2, b0, b0 + 1, 3) end",
    "function(b0) local y <const> = 3; return math.modf((b0 + y) / 4) end",
    "-- said before\nlocal --[[ ( ]] function --[==[ ( ]] ]==] f -- (\n  (b0) return b0 end",
};

static const char *const functions_any[] = {
    "function(b0, b1) return b0 == nil and -1 or b0 end",
    "function(b0, b1) return b0 + b1 end",
    "function(b0, b1) if b0 ~= nil and b1 ~= nil then return b0 + b1 elseif b0 == nil then return "
    "b1 end end",
    "function(b0, b2) local s, n = 0, 0 if b0 ~= nil then s = s + b0 n = n + 1 end\n"
    "  if b2 ~= nil then s = s + b2 n = n + 1 end return s / n end",
    "function(b0) if b0 == nil then return b2 end return b0 end",
};

static const char *const expressions[] = {"(b1 - b0) / (b1 + b0)", "b0 > b1 and b0 or b1",
                                          "math.sqrt(b2) -- said\n + n", "nd(b0, b1)"};

static void make_helper(void)
{
    tl_fn *fn = parsed("function(v) return math.abs(v) + n end", 0);
    tl_frozen *frees[2];
    assert_int_equal(tl_fn_n_free(fn), 2);
    for (int k = 0; k < 2; k++)
        frees[k] = known(tl_fn_free(fn, k));
    helper = tl_frozen_fn(fn, frees);
    for (int k = 0; k < 2; k++)
        tl_frozen_unref(frees[k]);
    tl_fn_unref(fn);
}

static void the_interpreter_computes_what_the_program_does(void **state)
{
    (void)state;
    make_helper();
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++)
        for (int any = 0; any < 2; any++)
            twins_agree(functions[k], (how){.any = any});
    for (size_t k = 0; k < sizeof functions_any / sizeof *functions_any; k++)
        for (int any = 0; any < 2; any++)
            twins_agree(functions_any[k], (how){.any = any});
    for (size_t k = 0; k < sizeof expressions / sizeof *expressions; k++)
        for (int any = 0; any < 2; any++)
            twins_agree(expressions[k], (how){.any = any, .is_expr = 1});
    tl_frozen_unref(helper);
    helper = NULL;
}

static void bands_may_be_named_anew(void **state)
{
    (void)state;
    static const char *const names[] = {"one", "two"};
    twins_agree("function(b0) return {z = b0, a = 2} end", (how){.bands = names, .nbands = 2});
    assert_string_equal(one.name[0], "one");
    assert_true(other.cell[0][1].i == 2);
}

/* --- what does not compile ---------------------------------------------------------------------
 */

/* Cell i of the first result of a function of b0, everywhere as `twin` has it. */
static void same_as(const char *text, const char *twin, int any)
{
    tl_err e = TL_ERR_INIT;
    tl_call *c = NULL;
    if (make_call(text, (how){.any = any}, &c, &e))
        fail_msg("%s\n%s", e.message, text);
    if (c->compiled)
        fail_msg("this compiles:\n%s", text);
    if (run_call(c, &one, &e))
        fail_msg("%s\n%s", e.message, text);
    must_run(twin, (how){.any = any, .compile = TL_COMPILE_NEVER}, &other);
    for (int i = 0; i < W * H; i++) {
        if (one.valid[0][i] != other.valid[0][i])
            fail_msg("pixel %d: valid is %d in\n%s", i, one.valid[0][i], text);
        double x = one.type[0] == TL_F ? one.cell[0][i].f : (double)one.cell[0][i].i;
        double y = other.type[0] == TL_F ? other.cell[0][i].f : (double)other.cell[0][i].i;
        if (x != y)
            fail_msg("pixel %d: %g, not %g in\n%s", i, x, y, text);
    }
}

static void functions_that_do_not_compile_run(void **state)
{
    (void)state;
    const char *plain = "function(b0) return b0 * 1.0 end";
    same_as("function(b0) return tonumber(tostring(b0)) end", plain, 0);
    same_as("function(b0) local s = ('%d'):format(b0) return s + 0 end", plain, 0);
    same_as("function(b0) return string.format('%d', b0) // 1 | 0 end", plain, 0);
    same_as("function(b0) local i = 0 while i < math.abs(b0) do i = i + 1 end return i end",
            "function(b0) return math.abs(b0) * 1.0 end", 0);
    same_as("function(b0) local t = {} for k = 1, math.abs(b0) do t[#t + 1] = k end return #t end",
            "function(b0) return math.abs(b0) * 1.0 end", 0);
    same_as("function(b0) local f = {} for k = 1, b0 % 5 + 1 do f[k] = function() return b0 * k "
            "end end return f[1]() end",
            plain, 0);
    same_as("function(b0) local s = 0 for k, v in pairs(K.xs) do s = s + v end "
            "return b0 * 1.0 + s - s end",
            plain, 0);
    same_as("function(b0) local ok, v = pcall(function() return b0 + nil end) "
            "return ok and 0 or b0 end",
            plain, 0);
    same_as("function(b0) while true do return b0 + rawlen(K.xs) - 5 + (rawget(K, 'none') or 0) "
            "+ (next(K.xs) - 1) end end",
            plain, 0);
    same_as("local function f(b0) if b0 < 0 then return -f(-b0) end "
            "return b0 == 0 and 0 or f(b0 - 1) + 1 end",
            plain, 0);
    same_as("function(b0) local s = tostring(b0) if b0 then return tonumber(s) end end", plain, 1);
}

/* The run ends with an error of this code that contains the text. */
static void run_fails(const char *text, int code, const char *says)
{
    tl_err e = TL_ERR_INIT;
    if (try_run(text, (how){.any = 0}, &one, &e) != code)
        fail_msg("%d '%s' of\n%s", e.code, e.message, text);
    if (!strstr(e.message, says))
        fail_msg("'%s' does not say '%s':\n%s", e.message, says, text);
}

static void what_no_pixel_may_do_ends_the_run(void **state)
{
    (void)state;
    run_fails("function(b0) while true do end end", TL_ESCRIPT,
              "the function at t.lua:10: it runs too long");
    run_fails("function(b0) while true do pcall(error) end end", TL_ESCRIPT, "it runs too long");
    run_fails("function(b0) local t = {} while true do t[#t + 1] = {} end end", TL_ENOMEM,
              "the function at t.lua:10: not enough memory");
    run_fails("function(b0) return #string.rep('x', 1 << 30) end", TL_ENOMEM, "not enough memory");
    run_fails("function(b0) local s = tostring(b0) n = n + 1 return n end", TL_ESCRIPT,
              "assigns to `n`");
    run_fails("function(b0) local s = tostring(b0) fresh = 1 return 1 end", TL_ESCRIPT,
              "assigns to `fresh`");
    run_fails("function(b0) K.xs[b0] = tostring(b0) return 1 end", TL_ESCRIPT, "lives outside");
    run_fails("function(b0) K.name = tostring(b0) return 1 end", TL_ESCRIPT, "assigns to `name`");
    run_fails("function(b0) pcall(rawset, K, 'name', b0) return 1 end", TL_ESCRIPT, "`name`");
    run_fails("function(b0) math.abs = tostring return 1 end", TL_ESCRIPT, "`abs`");
    run_fails("function(b0) string.len = nil return 1 end", TL_ESCRIPT, "`len`");
    run_fails("function(b0) local s = tostring(b0) return math.random() end", TL_ESCRIPT,
              "random numbers");
    run_fails("function(b0) local s = tostring(b0) return near(b0, 1, 0) end", TL_ESCRIPT,
              "near needs a function that compiles");
    run_fails("function(b0) print(b0) return 1 end", TL_ESCRIPT, "`print`");
    run_fails("function(b0) return os.time() end", TL_ESCRIPT, "`os`");
    run_fails("function(b0) return load('return 1')() end", TL_ESCRIPT, "`load`");
    run_fails("function(b0) return tonumber(tostring(b0)), 2 end", TL_ESCRIPT, "more values");
    run_fails("function(b0) return {a = tonumber(tostring(b0))} end", TL_ESCRIPT,
              "a table of other names");
}

/* Every valid pixel raises. */
static void all_raise(const char *text)
{
    must_run(text, (how){.any = 0}, &one);
    int64_t valid = 0;
    for (int64_t i = 0; i < W * H; i++) {
        assert_int_equal(one.valid[0][i], 0);
        valid += fake_valid(i % W, i / W, 0);
    }
    if (one.raised != valid)
        fail_msg("%lld of %lld pixels raise:\n%s", (long long)one.raised, (long long)valid, text);
}

static void pixels_that_raise_are_invalid_and_counted(void **state)
{
    (void)state;
    all_raise("function(b0) local s = tostring(b0) error({}) end");
    all_raise("function(b0) error(setmetatable({}, {__tostring = error})) end");
    all_raise("function(b0) return tostring(b0) end");
    all_raise("function(b0) return setmetatable({}, {__index = error}), nil end");
    all_raise("function(b0) return coroutine.yield(tostring(b0)) end");
    all_raise("function(b0) return ('x').y.z end");
    all_raise("function(b0) return {tostring(b0)} end");
    all_raise("function(b0) return {{tonumber(tostring(b0))}} end");
}

static void metatables_of_returned_tables_are_not_asked(void **state)
{
    (void)state;
    must_run("function(b0) return setmetatable({}, {__index = function() while true do end end})"
             " end",
             (how){.any = 0}, &one);
    assert_int_equal(one.raised, 0);
    for (int i = 0; i < W * H; i++)
        assert_int_equal(one.valid[0][i], 0);
    must_run("function(b0) return setmetatable({tonumber(tostring(b0))}, {__metatable = false, "
             "__index = {}}) end",
             (how){.any = 0}, &one);
    assert_int_equal(one.raised, 0);
    int valid = 0;
    for (int i = 0; i < W * H; i++)
        valid += one.valid[0][i];
    assert_true(valid > 1000);
}

static void named_bands_are_found_in_tables_and_by_place(void **state)
{
    (void)state;
    static const char *const names[] = {"q", "p"};
    how h = {.bands = names, .nbands = 2};
    must_run("function(b0) return {p = tonumber(tostring(b0)), q = 2} end", h, &one);
    must_run("function(b0) return 2, tonumber(tostring(b0)) end", h, &other);
    assert_memory_equal(one.cell, other.cell, sizeof one.cell);
    assert_memory_equal(one.valid, other.valid, sizeof one.valid);
    must_run("function(b0) return {2, tonumber(tostring(b0))} end", h, &other);
    assert_memory_equal(one.cell, other.cell, sizeof one.cell);
}

static void errors_have_the_scripts_line(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    assert_int_equal(try_run("function\n f\n (b0)\n print(b0)\nend", (how){.any = 0}, &one, &e),
                     TL_ESCRIPT);
    assert_string_equal(e.where, "t.lua:13");
}

static void a_pixel_that_raises_can_end_the_run(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    assert_int_equal(
        try_run("function(b0) return tostring(b0) + {} end", (how){.fail = 1}, &one, &e),
        TL_ESCRIPT);
    assert_non_null(strstr(e.message, "row 0"));
}

/* --- speed --------------------------------------------------------------------------------------
 */

static void a_pixel_costs_little(void **state)
{
    (void)state;
    enum { N = 1 << 18 };
    tl_err e = TL_ERR_INIT;
    tl_call *c = NULL;
    void *s = NULL;
    assert_tl_ok(make_call("function(b0, b1) return (b1 - b0) / (b1 + b0) end",
                           (how){.compile = TL_COMPILE_NEVER}, &c, &e),
                 &e);
    const tl_interpreter *in = tl_get_interpreter();
    assert_tl_ok(in->open(c, &s, &e), &e);
    int64_t *cells = tl_xcalloc(N, sizeof *cells);
    double *result = tl_xcalloc(N, sizeof *result);
    uint8_t *ok = tl_xcalloc(N, 3), *valid = ok + N, *raised = ok + 2 * N;
    for (int i = 0; i < N; i++) {
        cells[i] = i + 1;
        ok[i] = 1;
    }
    const void *args[4] = {cells, cells, cells, cells};
    const uint8_t *args_valid[4] = {ok, ok, ok, ok};
    void *results[1] = {result};
    uint8_t *results_valid[1] = {valid};
    clock_t start = clock();
    assert_tl_ok(in->run(s, N, args, args_valid, results, results_valid, raised, &e), &e);
    double ns = (double)(clock() - start) * 1e9 / CLOCKS_PER_SEC / N;
    print_message("# %.1f ns per pixel\n", ns);
    assert_true(ns < 20000);
    in->close(s);
    tl_call_unref(c);
    free(cells);
    free(result);
    free(ok);
}

int main(void)
{
#define with_source(f) cmocka_unit_test_setup_teardown(f, open_source, nothing_is_left)
    const struct CMUnitTest tests[] = {
        with_source(the_interpreter_computes_what_the_program_does),
        with_source(bands_may_be_named_anew),
        with_source(functions_that_do_not_compile_run),
        with_source(what_no_pixel_may_do_ends_the_run),
        with_source(pixels_that_raise_are_invalid_and_counted),
        with_source(metatables_of_returned_tables_are_not_asked),
        with_source(named_bands_are_found_in_tables_and_by_place),
        with_source(errors_have_the_scripts_line),
        with_source(a_pixel_that_raises_can_end_the_run),
        with_source(a_pixel_costs_little),
    };
    return tl_run_tests(tests);
}
