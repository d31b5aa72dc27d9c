/* Random functions: the compiled program against stock Lua, bit for bit. SPDX-License-Identifier:
 * MIT
 *
 * TELLUA_TEST_SEED and TELLUA_FUZZ_COUNT choose others and more. */
#include "tests/c/fn_help.h"
#include "tests/c/fn_random.h"

#define PIXELS 160

/* The pixel at hand, for the judge's near. */
static const fn_inputs *inputs_now;
static size_t pixel_now;
static const char invalid_neighbour[] = "invalid neighbour";

/* near(band number, dx, dy): an invalid neighbour is nil, or ends the pixel. */
static int judge_near(lua_State *L)
{
    const fn_inputs *in = inputs_now;
    int arg = (int)lua_tointeger(L, 1);
    int dx = (int)lua_tointeger(L, 2), dy = (int)lua_tointeger(L, 3);
    int64_t j = (int64_t)pixel_now + near_shift(dx, dy);
    if (dx == 0 && dy == 0)
        j = (int64_t)pixel_now;
    if (j < 0 || j >= (int64_t)in->n || (in->valid[arg] && !in->valid[arg][j])) {
        if (!in->any) {
            lua_pushlightuserdata(L, (void *)invalid_neighbour);
            return lua_error(L);
        }
        lua_pushnil(L);
        return 1;
    }
    push_input(L, in, arg, (size_t)j);
    return 1;
}

/* The judge is told the band by its number. */
static char *judges_text(const char *text)
{
    tl_buf out = TL_BUF_INIT;
    tl_buf_puts(&out, "return ");
    for (const char *s = text; *s; s++)
        if (strncmp(s, "near(", 5) == 0 && s[5] && s[6] == ',') {
            tl_buf_printf(&out, "near(%d", (int)(strchr("abxy", s[5]) - "abxy"));
            s += 5;
        } else {
            tl_buf_add(&out, s, 1);
        }
    return out.data;
}

enum { SAME, DIFFERS, REFUSED, NO_LUA };

typedef struct verdict {
    int what;
    const char *how;
    size_t pixel;
    int traps, invalid;
    tl_fn_class kind;
    char message[800];
} verdict;

static const char *compare_at(lua_State *L, const fn_inputs *in, const fn_outputs *o, size_t i)
{
    inputs_now = in;
    pixel_now = i;
    const char *how = compare_pixel(L, in, o, 4, i);
    if (!how || in->any)
        return how;
    /* An invalid neighbour is no error: the pixel is invalid, and not trapped. */
    int top = lua_gettop(L), ours = 0;
    lua_pushvalue(L, top);
    for (int k = 0; k < 4; k++) {
        if (in->valid[k] && !in->valid[k][i]) {
            lua_settop(L, top);
            return how;
        }
        push_input(L, in, k, i);
    }
    if (lua_pcall(L, 4, LUA_MULTRET, 0))
        ours = lua_touserdata(L, -1) == invalid_neighbour;
    lua_settop(L, top);
    return !ours ? how : o->trap[i] ? "trapped at an invalid neighbour" : all_invalid(o, i);
}

/* What Lua says where the compiler says that every pixel raises. */
static int all_raise(lua_State *L, const fn_inputs *in)
{
    fn_outputs none = {0};
    uint8_t *trap = tl_xcalloc(in->n, 1);
    int good = 1;
    memset(trap, 1, in->n);
    none.trap = trap;
    for (size_t i = 0; i < in->n && good; i++) {
        int missing = 0;
        for (int k = 0; k < 4; k++)
            missing |= in->valid[k] && !in->valid[k][i];
        if (!missing || in->any)
            good = compare_at(L, in, &none, i) == NULL ||
                   strcmp(compare_at(L, in, &none, i), "trapped at an invalid neighbour") == 0;
    }
    free(trap);
    return good;
}

static verdict judge_text(lua_State *L, const char *text, const fn_inputs *in)
{
    verdict v = {.what = SAME};
    char *lua_text = judges_text(text);
    tl_fn_fault fault = {0};
    tl_err e = TL_ERR_INIT;
    tl_fn *fn = NULL;
    fn_outputs o = {0};
    int bad = luaL_loadstring(L, lua_text) || lua_pcall(L, 0, 1, 0) || !lua_isfunction(L, -1);
    free(lua_text);
    int code = tl_fn_parse(text, strlen(text), "=random", 1, 1, &fn, &fault, &e);
    if (bad || code) {
        v.what = bad && code ? NO_LUA : DIFFERS;
        v.how = bad ? "Lua refuses the text" : "the parser refuses the text";
    } else if (try_fn(fn, in, NULL, &o, &fault, &e)) {
        v.what = REFUSED;
        v.kind = fault.kind;
        if (strstr(e.message, "every pixel raises") && !all_raise(L, in)) {
            v.what = DIFFERS;
            v.how = "Lua does not raise on every pixel";
        }
    } else {
        for (size_t i = 0; i < in->n && v.what == SAME; i++) {
            v.traps += o.trap[i];
            v.invalid += !o.valid[0][i];
            v.how = compare_at(L, in, &o, i);
            v.pixel = i;
            v.what = v.how ? DIFFERS : SAME;
        }
        free_outputs(&o);
    }
    snprintf(v.message, sizeof v.message, "%s", e.message);
    tl_fn_unref(fn);
    lua_settop(L, 0);
    return v;
}

/* --- the shortest text that still differs --------------------------------------------------- */

static char *without_lines(const char *text, int from, int n)
{
    tl_buf out = TL_BUF_INIT;
    int line = 0;
    for (const char *s = text; *s; s++) {
        if (line < from || line >= from + n)
            tl_buf_add(&out, s, 1);
        line += *s == '\n';
    }
    return out.data ? out.data : tl_xstrdup("");
}

static int count_lines(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static char *shrink(lua_State *L, char *text, const fn_inputs *in)
{
    for (int again = 1; again;) {
        again = 0;
        for (int n = count_lines(text) / 2; n > 0 && !again; n = n > 3 ? n / 2 : n - 1)
            for (int from = 1; from + n < count_lines(text) && !again; from++) {
                char *less = without_lines(text, from, n);
                verdict v = judge_text(L, less, in);
                if (v.what == DIFFERS && strstr(v.how, "refuses") == NULL) {
                    free(text);
                    text = less;
                    again = 1;
                } else {
                    free(less);
                }
            }
    }
    return text;
}

static void show(lua_State *L, char *text, const fn_inputs *in, uint64_t seed)
{
    verdict v = judge_text(L, text, in);
    if (!strstr(v.how, "refuses"))
        text = shrink(L, text, in);
    v = judge_text(L, text, in);
    print_message("# seed %llu%s, pixel %zu: %s\n%s# %s\n", (unsigned long long)seed,
                  in->any ? " (any)" : "", v.pixel, v.how, text, v.message);
    for (int k = 0; k < 4; k++)
        print_message("# %c = %lld or %.17g%s\n", "abxy"[k], (long long)in -> cell[k][v.pixel].i,
                      in->cell[k][v.pixel].f, in->valid[k][v.pixel] ? "" : ", invalid");
    free(text);
}

/* --- the test ------------------------------------------------------------------------------- */

static void fill(fn_inputs *in, uint64_t *seed)
{
    for (int k = 0; k < 4; k++)
        for (size_t i = 0; i < in->n; i++) {
            uint64_t r = tl_test_random(seed);
            in->valid[k][i] = r % 24 != 0;
            int edge = r >> 5 & 1;
            if (in->type[k] == TL_I64)
                in->cell[k][i].i = edge ? edge_i[(r >> 8) % N_EDGE_I] : (int64_t)((r >> 8) % 9) - 3;
            else
                in->cell[k][i].f =
                    edge ? edge_f[(r >> 8) % N_EDGE_F] : (double)((int)(r >> 8 & 31) - 12) / 4;
        }
}

static long number_from(const char *name, long otherwise)
{
    const char *s = getenv(name);
    return s && *s ? strtol(s, NULL, 0) : otherwise;
}

static void random_functions_give_what_stock_lua_gives(void **state)
{
    (void)state;
    long count = number_from("TELLUA_FUZZ_COUNT", 2000), seed = number_from("TELLUA_TEST_SEED", 7);
    long counts[4] = {0}, traps = 0, invalid = 0;
    fn_inputs in = {.n_args = 4, .n = PIXELS};
    for (int k = 0; k < 4; k++) {
        in.cell[k] = tl_xcalloc(PIXELS, sizeof *in.cell[k]);
        in.valid[k] = tl_xcalloc(PIXELS, 1);
    }
    lua_State *L = judge();
    lua_register(L, "near", judge_near);
    print_message("# seed %ld, %ld functions on %d pixels\n", seed, count, PIXELS);
    for (long n = 0; n < count && counts[DIFFERS] < 10; n++) {
        uint64_t s = (uint64_t)seed * 1000003u + (uint64_t)n, more = s ^ 0x5555;
        in.any = n % 3 == 0;
        for (int k = 0; k < 4; k++) /* now and then the bands change their types */
            in.type[k] = (k < 2) ^ (n % 7 == 0) ? TL_I64 : TL_F64;
        fill(&in, &more);
        char *text = random_function(s);
        verdict v = judge_text(L, text, &in);
        counts[v.what]++;
        traps += v.traps;
        invalid += v.invalid;
        if (getenv("TELLUA_FUZZ_SHOW") && (v.what == REFUSED || v.what == NO_LUA))
            print_message("# %s\n%s", v.message, v.what == NO_LUA ? text : "");
        if (v.what == DIFFERS)
            show(L, text, &in, s);
        else
            free(text);
    }
    print_message("# %ld the same, %ld differ, %ld refused; of the pixels %.1f %% trapped, %.1f %% "
                  "invalid\n",
                  counts[SAME], counts[DIFFERS], counts[REFUSED],
                  100.0 * (double)traps / (PIXELS * (double)(counts[SAME] + 1)),
                  100.0 * (double)invalid / (PIXELS * (double)(counts[SAME] + 1)));
    lua_close(L);
    for (int k = 0; k < 4; k++) {
        free(in.cell[k]);
        free(in.valid[k]);
    }
    assert_int_equal(counts[DIFFERS], 0);
    assert_int_equal(counts[NO_LUA], 0);
    assert_true(counts[REFUSED] * 2 < count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_functions_give_what_stock_lua_gives),
    };
    return tl_run_tests(tests);
}
