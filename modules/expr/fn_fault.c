/* What Lua would raise, what is refused, and the bounds of the work. SPDX-License-Identifier: MIT
 */
#include "modules/expr/expr_int.h"
#include "modules/expr/fn_lower.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_DEPTH 1000

/* The place at hand; in a helper's text, the place of its call. */
static tl__place place_now(const tl__lower *lw)
{
    const tl__context *call = lw->call;
    int32_t at = lw->at;
    while (call && call->fn->env->fn->is_prelude && call->caller) {
        at = call->called_at;
        call = call->caller;
    }
    const tl_fn *fn = call ? call->fn->env->fn : lw->fn;
    return (tl__place){fn->text, fn->chunk, fn->len, fn->line, fn->column, at};
}

void tl__refuse(tl__lower *lw, tl_fn_class kind, const char *fmt, ...)
{
    char reason[240];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    if (lw->fn) {
        tl__place place = place_now(lw);
        tl__fault_at(&place, kind, reason, lw->fault, lw->e);
    }
    longjmp(lw->out, 1);
}

void tl__refuse_last_trap(tl__lower *lw)
{
    char reason[240];
    snprintf(reason, sizeof reason, "every pixel raises an error here: %s",
             lw->site[lw->n_site - 1].reason);
    tl__fault_at(&lw->last_trap, TL_FN_USER, reason, lw->fault, lw->e);
    longjmp(lw->out, 1);
}

void *tl__get(tl__lower *lw, size_t n)
{
    void *x = tl__arena_get(&lw->arena, n);
    if (!x)
        tl__refuse(lw, TL_FN_SUBSET, "compiling it takes more than %zu MiB", lw->arena.most >> 20);
    return x;
}

void tl__step(tl__lower *lw)
{
    if (++lw->steps > TL_FN_MOST_STEPS || lw->work > 8L * TL_FN_MOST_WORK)
        tl__refuse(lw, TL_FN_SUBSET, "it takes more than %d steps with its loops unrolled",
                   TL_FN_MOST_STEPS);
}

void tl__deeper(tl__lower *lw)
{
    if (++lw->depth > MOST_DEPTH)
        tl__refuse(lw, TL_FN_SUBSET,
                   "nested too deeply: more than %d levels with its calls inlined", MOST_DEPTH);
}

static void add_site(tl__lower *lw, tl_val mask, const char *reason)
{
    if (!lw->fn) /* a constant of the chunk */
        return;
    tl__place place = place_now(lw);
    tl_fn_site s = {.chunk = place.chunk, .reason = reason, .mask = mask};
    tl__locate(&place, &s.line, &s.column);
    if (lw->n_site == lw->cap_site) {
        lw->cap_site = lw->cap_site ? lw->cap_site * 2 : 16;
        tl_fn_site *more = tl__get(lw, (size_t)lw->cap_site * sizeof *more);
        if (lw->n_site)
            memcpy(more, lw->site, (size_t)lw->n_site * sizeof *more);
        lw->site = more;
    }
    lw->site[lw->n_site++] = s;
    lw->last_trap = place;
}

void tl__drop(tl__lower *lw, tl_val mask)
{
    tl_val here = tl__possible(lw, lw->active, mask);
    if (tl__known(lw, here) == 0)
        return;
    lw->lost = tl__or(lw, lw->lost, here);
    lw->active = tl__known(lw, mask) == 1 ? lw->no : tl__and(lw, lw->active, tl__not(lw, mask));
    lw->losses++;
}

void tl__trap(tl__lower *lw, tl_val mask, const char *fmt, ...)
{
    tl_val here = tl__possible(lw, lw->active, mask);
    if (tl__known(lw, here) == 0)
        return;
    char *reason = tl__get(lw, 120);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(reason, 120, fmt, ap);
    va_end(ap);
    add_site(lw, here, reason);
    lw->trap = tl__or(lw, lw->trap, here);
    tl__drop(lw, mask);
}
