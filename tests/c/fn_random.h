/* Random functions over the compiled subset, as Lua text. SPDX-License-Identifier: MIT
 *
 * Numbers meet numbers most of the time, so that most pixels get through; now and then anything
 * meets anything. Each statement is a line, so that a failing function can be made shorter line by
 * line. */
#ifndef TL_TEST_FN_RANDOM_H
#define TL_TEST_FN_RANDOM_H

#include "runtime/buf.h"
#include "tests/c/test.h"

#include <stdlib.h>

#define MOST_NAMES 40

typedef struct writer {
    uint64_t seed;
    tl_buf out;
    int n_numbers, n_tables, n_functions; /* in scope: v1 ..., t1 ..., f1 ... */
    int next;                             /* of all names */
    int numbers[MOST_NAMES], tables[MOST_NAMES], functions[MOST_NAMES], arity[MOST_NAMES];
    int budget, loops, in_function, own_params, any;
} writer;

static inline int pick(writer *w, int n)
{
    return (int)(tl_test_random(&w->seed) % (uint64_t)n);
}
static inline void say(writer *w, const char *s)
{
    tl_buf_puts(&w->out, s);
}

static void write_number(writer *w, int depth);
static void write_bool(writer *w, int depth);
static void write_block(writer *w, int n, int depth);

static void write_literal(writer *w)
{
    static const char *const literals[] = {"0",
                                           "1",
                                           "2",
                                           "3",
                                           "7",
                                           "-1",
                                           "0.5",
                                           "2.0",
                                           "-0.0",
                                           "1e308",
                                           "1e-310",
                                           "2^53",
                                           "63",
                                           "64",
                                           "-3",
                                           "0x7fffffffffffffff",
                                           "math.mininteger",
                                           "math.huge",
                                           "-math.huge",
                                           "(0/0)",
                                           "9007199254740993",
                                           "9007199254740993.0",
                                           "255",
                                           "10",
                                           "1.5",
                                           "-2.5",
                                           "3.0",
                                           "100",
                                           "1e15",
                                           "4294967296"};
    say(w, literals[pick(w, pick(w, 3) ? 6 : (int)(sizeof literals / sizeof *literals))]);
}

static void write_variable(writer *w)
{
    static const char *const params[] = {"a", "b", "x", "y"};
    if (w->in_function && pick(w, 2) && w->own_params)
        tl_buf_printf(&w->out, "p%d", 1 + pick(w, w->own_params));
    else if (w->n_numbers && pick(w, 2))
        tl_buf_printf(&w->out, "v%d", w->numbers[pick(w, w->n_numbers)]);
    else
        say(w, params[pick(w, 4)]);
}

static void write_near(writer *w)
{
    tl_buf_printf(&w->out, "near(%c, %d, %d)", "abxy"[pick(w, 4)], pick(w, 5) - 2, pick(w, 3) - 1);
}

static void write_math(writer *w, int depth)
{
    static const char *const one[] = {"abs", "floor", "ceil", "sqrt", "exp",  "log",  "sin", "cos",
                                      "tan", "atan",  "deg",  "rad",  "modf", "asin", "acos"};
    static const char *const two[] = {"max", "min", "fmod", "atan", "log"};
    int first = pick(w, 4) ? 3 : 15; /* mostly the exact ones */
    if (pick(w, 3)) {
        tl_buf_printf(&w->out, "(math.%s(", one[pick(w, first)]);
        write_number(w, depth - 1);
        say(w, "))");
        return;
    }
    tl_buf_printf(&w->out, "math.%s(", two[pick(w, pick(w, 3) ? 3 : 5)]);
    write_number(w, depth - 1);
    say(w, ", ");
    write_number(w, depth - 1);
    say(w, ")");
}

static void write_helper(writer *w, int depth)
{
    static const char *const calls[] = {"clamp(%s", "nd(%s", "lerp(%s", "step(%s"};
    static const char *const rest[] = {", -2, 2.5)", ")", ", {-1, 0, 2, 2, 4}, {1, 2.5, -3, 4, 0})",
                                       ", {0, 1, 3}, {5, 6.5, 7})"};
    int k = pick(w, 4);
    tl_buf_printf(&w->out, calls[k], "");
    write_number(w, depth - 1);
    if (k == 1) {
        say(w, ", ");
        write_number(w, depth - 1);
    }
    say(w, rest[k]);
}

static void write_table_read(writer *w, int depth)
{
    tl_buf_printf(&w->out, "t%d", w->tables[pick(w, w->n_tables)]);
    if (pick(w, 4) == 0) {
        say(w, ".k");
        return;
    }
    say(w, "[");
    if (pick(w, 2))
        tl_buf_printf(&w->out, "%d", 1 + pick(w, 4));
    else
        write_number(w, depth > 1 ? 1 : 0);
    say(w, "]");
}

static void write_call(writer *w, int depth)
{
    int f = pick(w, w->n_functions);
    tl_buf_printf(&w->out, "f%d(", w->functions[f]);
    for (int k = 0; k < w->arity[f]; k++) {
        if (k)
            say(w, ", ");
        write_number(w, depth - 1);
    }
    say(w, ")");
}

static void write_operation(writer *w, int depth)
{
    static const char *const ops[] = {"+", "-", "*", "+", "-", "*",  "/", "//",
                                      "%", "^", "&", "|", "~", "<<", ">>"};
    int unary = pick(w, 8) == 0;
    if (unary)
        say(w, pick(w, 5) ? "(- " : "(~ ");
    else
        say(w, "(");
    write_number(w, depth - 1);
    if (!unary) {
        tl_buf_printf(&w->out, " %s ", ops[pick(w, pick(w, 3) ? 7 : 15)]);
        write_number(w, depth - 1);
    }
    say(w, ")");
}

static void write_choice(writer *w, int depth)
{
    say(w, "(");
    write_bool(w, depth - 1);
    say(w, pick(w, 4) ? " and " : " or ");
    write_number(w, depth - 1);
    say(w, " or ");
    write_number(w, depth - 1);
    say(w, ")");
}

/* Anything: nil, a boolean, a table. */
static void write_any(writer *w, int depth)
{
    switch (pick(w, 5)) {
    case 0:
        say(w, "nil");
        break;
    case 1:
        write_bool(w, depth);
        break;
    case 2:
        if (w->n_tables) {
            tl_buf_printf(&w->out, "t%d", w->tables[pick(w, w->n_tables)]);
            break;
        }
        /* fall through */
    default:
        write_number(w, depth);
    }
}

static void write_number(writer *w, int depth)
{
    w->budget--;
    if (depth <= 0 || w->budget < 0) {
        if (pick(w, 3))
            write_variable(w);
        else
            write_literal(w);
        return;
    }
    switch (pick(w, 16)) {
    case 0:
        write_literal(w);
        break;
    case 1:
    case 2:
        write_math(w, depth);
        break;
    case 3:
        write_helper(w, depth);
        break;
    case 4:
    case 5:
        write_choice(w, depth);
        break;
    case 6:
        write_near(w);
        break;
    case 7:
        if (w->n_tables) {
            write_table_read(w, depth);
            break;
        }
        /* fall through */
    case 8:
        if (w->n_functions && !w->in_function) {
            write_call(w, depth);
            break;
        }
        /* fall through */
    case 9:
        if (pick(w, 12) == 0) {
            write_any(w, depth - 1);
            break;
        }
        /* fall through */
    case 10:
    case 11:
        write_variable(w);
        break;
    default:
        write_operation(w, depth);
    }
}

static void write_bool(writer *w, int depth)
{
    static const char *const compare[] = {"<", "<=", ">", ">=", "==", "~="};
    int kind = depth <= 0 ? 9 : pick(w, 10);
    say(w, "(");
    if (kind == 0) {
        say(w, "not ");
        write_bool(w, depth - 1);
    } else if (kind == 1 || kind == 2) {
        write_bool(w, depth - 1);
        say(w, kind == 1 ? " and " : " or ");
        write_bool(w, depth - 1);
    } else if (kind == 3) {
        write_any(w, depth - 1);
        say(w, pick(w, 2) ? " == " : " ~= ");
        write_any(w, depth - 1);
    } else if (kind == 4) {
        say(w, "math.type(");
        write_number(w, depth - 1);
        say(w, pick(w, 2) ? ") == 'integer'" : ") == 'float'");
    } else {
        write_number(w, depth - 1);
        tl_buf_printf(&w->out, " %s ", compare[pick(w, 6)]);
        write_number(w, depth - 1);
    }
    say(w, ")");
}

/* --- statements ----------------------------------------------------------------------------- */

static void write_local(writer *w, int depth)
{
    int n = ++w->next;
    tl_buf_printf(&w->out, "local v%d = ", n);
    if (pick(w, 8))
        write_number(w, depth);
    else
        write_any(w, depth);
    say(w, "\n");
    if (w->n_numbers < MOST_NAMES)
        w->numbers[w->n_numbers++] = n;
}

static void write_table(writer *w, int depth)
{
    int n = ++w->next, size = pick(w, 4);
    tl_buf_printf(&w->out, "local t%d = {", n);
    for (int k = 0; k < size; k++) {
        write_number(w, depth - 1);
        say(w, ", ");
    }
    if (pick(w, 2)) {
        say(w, "k = ");
        write_number(w, depth - 1);
    } else if (pick(w, 2)) { /* over or under one of the list */
        tl_buf_printf(&w->out, "[%d] = ", 1 + pick(w, 3));
        write_number(w, depth - 1);
    }
    say(w, "}\n");
    if (w->n_tables < MOST_NAMES)
        w->tables[w->n_tables++] = n;
}

static void write_assignment(writer *w, int depth)
{
    int to_table = w->n_tables && pick(w, 2);
    if (!to_table && !w->n_numbers) {
        write_local(w, depth);
        return;
    } else if (to_table) {
        write_table_read(w, depth);
        say(w, " = ");
    } else if (pick(w, 6) == 0) {
        tl_buf_printf(&w->out, "v%d, v%d = ", w->numbers[pick(w, w->n_numbers)],
                      w->numbers[pick(w, w->n_numbers)]);
        write_number(w, depth - 1);
        say(w, ", ");
    } else {
        tl_buf_printf(&w->out, "v%d = ", w->numbers[pick(w, w->n_numbers)]);
    }
    if (pick(w, 15))
        write_number(w, depth);
    else
        write_any(w, depth);
    say(w, "\n");
}

static void write_return(writer *w, int depth)
{
    int n = w->in_function ? 1 : 1 + pick(w, 3);
    say(w, "do return ");
    for (int k = 0; k < n; k++) {
        if (k)
            say(w, ", ");
        if (pick(w, 4))
            write_number(w, depth);
        else
            write_bool(w, depth);
    }
    say(w, " end\n");
}

static void write_if(writer *w, int depth)
{
    say(w, "if ");
    write_bool(w, depth);
    say(w, " then\n");
    write_block(w, 2, depth - 1);
    if (pick(w, 3) == 0) {
        say(w, "elseif ");
        write_bool(w, depth);
        say(w, " then\n");
        write_block(w, 2, depth - 1);
    }
    if (pick(w, 2)) {
        say(w, "else\n");
        write_block(w, 2, depth - 1);
    }
    say(w, "end\n");
}

static void write_loop(writer *w, int depth)
{
    static const char *const ranges[] = {"1, 3",      "3, 1, -1",
                                         "0, 1, 0.5", "2.0, 4",
                                         "1, 2.5",    "math.maxinteger - 1, math.maxinteger",
                                         "5, 4",      "1.0, 0 / 0"};
    int n = ++w->next, numbers = w->n_numbers;
    w->loops++;
    if (pick(w, 5) == 0) {
        tl_buf_printf(&w->out, "local w%d = 0\nwhile w%d < 3 do\nw%d = w%d + 1\n", n, n, n, n);
        write_block(w, 2, depth - 1);
    } else if (pick(w, 5) == 0 && w->n_tables) {
        tl_buf_printf(&w->out, "for _, v%d in ipairs({3, 1.5, -1}) do\n", n);
        if (w->n_numbers < MOST_NAMES)
            w->numbers[w->n_numbers++] = n;
        write_block(w, 2, depth - 1);
    } else {
        tl_buf_printf(&w->out, "for v%d = %s do\n", n, ranges[pick(w, 8)]);
        if (w->n_numbers < MOST_NAMES)
            w->numbers[w->n_numbers++] = n;
        write_block(w, 2, depth - 1);
    }
    say(w, "end\n");
    w->loops--;
    w->n_numbers = numbers;
}

static void write_function(writer *w, int depth)
{
    int n = ++w->next, loops = w->loops, arity = 1 + pick(w, 2), numbers = w->n_numbers,
        tables = w->n_tables;
    tl_buf_printf(&w->out, "local function f%d(p1%s)\n", n, arity > 1 ? ", p2" : "");
    w->in_function = 1;
    w->own_params = arity;
    w->loops = 0;
    write_block(w, 2, depth - 1);
    write_return(w, depth - 1);
    say(w, "end\n");
    w->in_function = 0;
    w->loops = loops;
    w->n_numbers = numbers;
    w->n_tables = tables;
    if (w->n_functions < MOST_NAMES) {
        w->arity[w->n_functions] = arity;
        w->functions[w->n_functions++] = n;
    }
}

static void write_statement(writer *w, int depth)
{
    switch (pick(w, depth > 1 ? 14 : 6)) {
    case 0:
    case 1:
        write_local(w, depth);
        break;
    case 2:
        write_table(w, depth);
        break;
    case 6:
    case 7:
    case 8:
        write_if(w, depth);
        break;
    case 9:
    case 10:
        write_loop(w, depth);
        break;
    case 11:
        if (!w->in_function && w->n_functions < 4) {
            write_function(w, depth);
            break;
        }
        /* fall through */
    case 12:
        if (w->loops && pick(w, 2)) {
            say(w, "if ");
            write_bool(w, 1);
            say(w, " then break end\n");
        } else {
            say(w, "if ");
            write_bool(w, 1);
            say(w, " then\n");
            write_return(w, depth - 1);
            say(w, "end\n");
        }
        break;
    default:
        write_assignment(w, depth);
    }
}

static void write_block(writer *w, int n, int depth)
{
    int numbers = w->n_numbers, tables = w->n_tables, functions = w->n_functions;
    for (int k = 1 + pick(w, n); k > 0 && w->budget > 0; k--)
        write_statement(w, depth);
    w->n_numbers = numbers;
    w->n_tables = tables;
    w->n_functions = functions;
}

/* "function(a, b, x, y) ... end"; the caller's to free. */
static inline char *random_function(uint64_t seed)
{
    writer w = {.seed = seed, .out = TL_BUF_INIT, .budget = 150};
    say(&w, "function(a, b, x, y)\n");
    for (int k = 2 + pick(&w, 6); k > 0; k--)
        write_statement(&w, 3);
    write_return(&w, 3);
    say(&w, "end\n");
    return w.out.data;
}

#endif
