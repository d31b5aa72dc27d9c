/* Random and damaged pixel programs. SPDX-License-Identifier: MIT */
#include "tests/c/expr_help.h"

#define SEED     20240607
#define N        700 /* pixels: one span and a part */
#define MOST     90
#define INPUTS   6
#define OUTPUTS  5
#define PROGRAMS 300
#define DAMAGES  20000

/* A program being made, and beside it what each value must be, computed without the builder: the
 * plain operation on the operands as they were asked for. */
typedef struct maker {
    tl_ir *ir;
    uint64_t seed;
    int n;
    tl_val v[MOST];
    tl_type type[MOST];
    tl_num (*want)[N]; /* of each value */
    tl_dtype in_type[INPUTS];
    int64_t in[INPUTS][N];
    tl_dtype out_type[OUTPUTS];
    int out[OUTPUTS]; /* index of the value */
} maker;

static int pick(maker *m, int n)
{
    return (int)(tl_test_random(&m->seed) % (uint64_t)n);
}

static tl_num random_num(maker *m, tl_type t)
{
    if (t == TL_B)
        return (tl_num){.i = pick(m, 2)};
    if (t == TL_I)
        return (tl_num){.i = pick(m, 2) ? edge_i[pick(m, N_EDGE_I)] : pick(m, 7) - 3};
    return (tl_num){.f = pick(m, 2) ? edge_f[pick(m, N_EDGE_F)] : (pick(m, 9) - 4) / 2.0};
}

static void note(maker *m, tl_val v, tl_type t)
{
    m->v[m->n] = v;
    m->type[m->n++] = t;
}

static void add_input(maker *m, int slot)
{
    tl_dtype t = (tl_dtype)pick(m, TL_DTYPES);
    int is_mask = t == TL_U8 && pick(m, 2);
    tl_type type = is_mask ? TL_B : tl_dtype_is_float(t) ? TL_F : TL_I;
    m->in_type[slot] = t;
    for (int i = 0; i < N; i++) {
        tl_num x = random_num(m, type), *want = &m->want[m->n][i];
        char *cell = (char *)m->in[slot] + (size_t)i * tl_dtype_size(t);
        *want = x;
        if (t == TL_F32) {
            float f = (float)x.f;
            memcpy(cell, &f, sizeof f);
            want->f = f;
        } else {
            memcpy(cell, &x, tl_dtype_size(t));
            if (type == TL_I && tl_dtype_size(t) < 8) {
                int shift = 64 - 8 * (int)tl_dtype_size(t);
                uint64_t up = (uint64_t)x.i << shift;
                want->i = tl_dtype_is_signed(t) ? (int64_t)up >> shift : (int64_t)(up >> shift);
            }
        }
    }
    note(m, is_mask ? tl_ir_load_mask(m->ir, slot) : tl_ir_load(m->ir, slot, t), type);
}

static void add_const(maker *m, tl_type t)
{
    tl_num x = random_num(m, t);
    for (int i = 0; i < N; i++)
        m->want[m->n][i] = x;
    note(m, tl_ir_const(m->ir, t, x), t);
}

/* Some value of type t, recent ones more often. */
static int some(maker *m, tl_type t)
{
    for (int tries = 0; tries < 100; tries++) {
        int k = pick(m, 2) ? m->n - 1 - pick(m, m->n < 8 ? m->n : 8) : pick(m, m->n);
        if (m->type[k] == t)
            return k;
    }
    for (int k = 0;; k++) /* there is a constant of each type */
        if (m->type[k] == t)
            return k;
}

static void add_lookup(maker *m)
{
    tl_type t = pick(m, 2) ? TL_I : TL_F;
    tl_num entry[5];
    int n = pick(m, 6), at = some(m, TL_I);
    for (int k = 0; k < n; k++)
        entry[k] = random_num(m, t);
    for (int i = 0; i < N; i++) {
        int64_t index = m->want[at][i].i;
        m->want[m->n][i] = index >= 0 && index < n ? entry[index] : (tl_num){.i = 0};
    }
    note(m, tl_ir_lookup(m->ir, tl_ir_table(m->ir, t, entry, n), m->v[at]), t);
}

static void add_op(maker *m)
{
    tl_op op = (tl_op)pick(m, TL_OPS);
    int at[3] = {0, 0, 0};
    tl_val v[3] = {TL_NONE, TL_NONE, TL_NONE};
    for (int k = 0; k < tl_op_arity(op); k++) {
        at[k] = some(m, tl_op_operand(op, k));
        v[k] = m->v[at[k]];
    }
    for (int i = 0; i < N; i++)
        m->want[m->n][i] = tl_op_eval(op, m->want[at[0]][i], m->want[at[1]][i], m->want[at[2]][i]);
    note(m, tl_ir_op(m->ir, op, v[0], v[1], v[2]), tl_op_result(op));
}

static tl_prog *make(maker *m)
{
    m->ir = tl_ir_new();
    m->n = 0;
    for (int t = TL_B; t <= TL_F; t++)
        add_const(m, (tl_type)t);
    for (int s = 0; s < INPUTS; s++)
        add_input(m, s);
    int size = 12 + pick(m, MOST - 12);
    while (m->n < size)
        switch (pick(m, 12)) {
        case 0:
            add_const(m, (tl_type)pick(m, 3));
            break;
        case 1:
            add_lookup(m);
            break;
        default:
            add_op(m);
        }
    for (int s = 0; s < OUTPUTS; s++) {
        int k = m->out[s] = s ? pick(m, m->n) : m->n - 1;
        m->out_type[s] = m->type[k] == TL_F ? TL_F64 : TL_I64;
        tl_ir_output(m->ir, s, m->v[k], m->out_type[s]);
    }
    tl_prog *p = compiled(m->ir);
    tl_ir_free(m->ir);
    return p;
}

/* Buffers that are large enough for cells of any type. */
typedef struct cells {
    const void *in[INPUTS];
    void *out[OUTPUTS];
    int64_t space[OUTPUTS][N];
} cells;

static void point(cells *c, maker *m)
{
    for (int s = 0; s < INPUTS; s++)
        c->in[s] = m->in[s];
    for (int s = 0; s < OUTPUTS; s++)
        c->out[s] = c->space[s];
}

static void check_outputs(maker *m, cells *c, int program, const char *who)
{
    for (int s = 0; s < OUTPUTS; s++) {
        tl_type t = m->type[m->out[s]];
        for (int i = 0; i < N; i++) {
            tl_num got, want = m->want[m->out[s]][i];
            memcpy(&got, &c->space[s][i], sizeof got);
            if (!same_num(t, got, want))
                fail_msg("program %d, %s, output %d, pixel %d: %llx, want %llx", program, who, s, i,
                         (long long)got.i, (long long)want.i);
        }
    }
}

static void random_programs_give_what_their_values_say_on_every_isa(void **state)
{
    (void)state;
    maker *m = tl_xcalloc(1, sizeof *m);
    cells *c = tl_xcalloc(1, sizeof *c);
    m->want = tl_xcalloc(MOST, sizeof *m->want);
    m->seed = SEED;
    point(c, m);
    print_message("# seed %d, %d programs of up to %d values\n", SEED, PROGRAMS, MOST);
    for (int k = 0; k < PROGRAMS; k++) {
        tl_prog *p = make(m);
        memset(c->space, 0x5a, sizeof c->space);
        tl_prog_run_scalar(p, N, c->in, c->out);
        check_outputs(m, c, k, "scalar twin");
        for (int a = 0; a < 3; a++)
            if (use_isa(all_isas[a])) {
                memset(c->space, 0x5a, sizeof c->space);
                run(p, N, c->in, c->out);
                check_outputs(m, c, k, all_isas[a]);
            }
        tl_prog_free(p);
    }
    free(m->want);
    free(c);
    free(m);
}

/* --- damage --------------------------------------------------------------------------------------
 */

static int32_t damaged(maker *m, int32_t x)
{
    switch (pick(m, 5)) {
    case 0:
        return x ^ (int32_t)((uint32_t)1 << pick(m, 32));
    case 1:
        return x + pick(m, 5) - 2;
    case 2:
        return (int32_t)tl_test_random(&m->seed);
    case 3:
        return pick(m, 12);
    default:
        return pick(m, TL__CODES + 1);
    }
}

/* One field of the program; counts of arrays stay, since whoever reads the arrays makes them. */
static int32_t *some_field(maker *m, tl_prog *p)
{
    switch (pick(m, 12)) {
    case 0:
        return pick(m, 2) ? &p->n_wide : &p->n_byte;
    case 1:
        if (p->n_konst) {
            tl__konst *k = &p->konst[pick(m, p->n_konst)];
            return pick(m, 2) ? &k->reg : &k->type;
        }
        break;
    case 2:
        if (p->n_table) {
            tl__table *t = &p->table[pick(m, p->n_table)];
            int32_t *field[] = {&t->type, &t->n, &t->first};
            return field[pick(m, 3)];
        }
        break;
    }
    tl__insn *in = &p->insn[pick(m, p->n_insn)];
    int32_t *field[] = {&in->code, &in->dst, &in->src[0], &in->src[1], &in->src[2], &in->imm};
    return field[pick(m, 6)];
}

static void damage_types(maker *m, tl_prog *p)
{
    if (p->n_in && pick(m, 20) == 0)
        p->in_type[pick(m, p->n_in)] = (uint8_t)pick(m, TL_DTYPES + 2);
    if (p->n_out && pick(m, 20) == 0)
        p->out_type[pick(m, p->n_out)] = (uint8_t)pick(m, TL_DTYPES + 2);
}

/* 1 when the verifier lets it pass, and then it ran, the same on every instruction set. */
static int survives(const tl_prog *p, cells *c, cells *twin)
{
    if (tl_prog_verify(p, NULL))
        return 0;
    tl_buf text = TL_BUF_INIT;
    tl_prog_dump(p, &text);
    tl_buf_free(&text);
    tl_prog_run_scalar(p, N, twin->in, twin->out);
    for (int a = 0; a < 3; a++) {
        if (!use_isa(all_isas[a]))
            continue;
        run(p, N, c->in, c->out);
        for (int s = 0; s < p->n_out; s++)
            for (size_t i = 0; i < N && p->out_type[s] != TL__UNUSED; i++)
                if (!same_cell((tl_dtype)p->out_type[s], c->out[s], twin->out[s], i))
                    fail_msg("a damaged program differs from its twin on %s", all_isas[a]);
    }
    return 1;
}

static void a_damaged_program_is_refused_or_runs_safely(void **state)
{
    (void)state;
    maker *m = tl_xcalloc(1, sizeof *m);
    cells *c = tl_xcalloc(1, sizeof *c), *twin = tl_xcalloc(1, sizeof *twin);
    m->want = tl_xcalloc(MOST, sizeof *m->want);
    m->seed = SEED + 1;
    point(c, m);
    point(twin, m);
    int passed = 0, harmless = 0;
    for (int k = 0; k < DAMAGES;) {
        tl_prog *p = make(m);
        uint8_t in_type[INPUTS], out_type[OUTPUTS];
        memcpy(in_type, p->in_type, INPUTS);
        memcpy(out_type, p->out_type, OUTPUTS);
        for (int end = k + 200; k < end; k++) {
            int32_t *field = some_field(m, p), was = *field;
            *field = damaged(m, was);
            harmless += *field == was;
            damage_types(m, p);
            passed += survives(p, c, twin);
            *field = was;
            memcpy(p->in_type, in_type, INPUTS);
            memcpy(p->out_type, out_type, OUTPUTS);
        }
        tl_prog_free(p);
    }
    print_message("# %d damages, %d passed, %d of them changed nothing\n", DAMAGES, passed,
                  harmless);
    assert_true(passed > harmless / 2 && passed < DAMAGES / 2);
    free(m->want);
    free(twin);
    free(c);
    free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_programs_give_what_their_values_say_on_every_isa),
        cmocka_unit_test(a_damaged_program_is_refused_or_runs_safely),
    };
    return tl_run_tests(tests);
}
