/* Requests to workers: asking, judging what came back, and what the breaker is told.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "runtime/jail_int.h"
#include "runtime/log.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

/* --- answers ------------------------------------------------------------------------------------
 */

static void clean(char *to, size_t size, const char *from, size_t n)
{
    size_t k = strnlen(from, n);
    k = k < size ? k : size - 1;
    memcpy(to, from, k);
    to[k] = 0;
    tl_make_visible(to, "\n\t");
}

/* The head of the answer, copied once; 0 when it is one. */
static int read_head(const tl__jailed *w, tl_jail_out *h)
{
    memcpy(h, w->out, sizeof *h);
    __atomic_signal_fence(__ATOMIC_SEQ_CST); /* the copy is what is looked at */
    return h->serial == w->serial && h->answer <= TL_ANSWER_MEMORY &&
                   h->len <= TL_JAIL_OUT - TL_JAIL_HEAD && h->code >= 0 && h->code <= TL_EINTR
               ? 0
               : -1;
}

static int judge_answer(const tl_jail_out *h, tl_jail_report *r, tl_err *e)
{
    static const tl_verdict verdict[] = {TL_VERDICT_HARMLESS, TL_VERDICT_BLOCKED, TL_VERDICT_TIME,
                                         TL_VERDICT_MEMORY}; /* ORDER TL_ANSWER_ */
    r->verdict = verdict[h->answer];
    r->peak = (size_t)h->peak;
    r->output = (size_t)h->output;
    if (h->answer == TL_ANSWER_DONE)
        return 0;
    char where[160];
    int code = h->answer == TL_ANSWER_MEMORY      ? TL_ENOMEM
               : h->code == TL_ENOMEM || !h->code ? TL_ESCRIPT
               : h->code == TL_EDATA              ? TL_EDATA
                                                  : TL_ESCRIPT;
    tl_fail(e, code, "%s", "");
    if (e)
        clean(e->message, sizeof e->message, h->message, sizeof h->message);
    clean(where, sizeof where, h->where, sizeof h->where);
    tl_err_where(e ? e : &(tl_err)TL_ERR_INIT, where);
    return code;
}

static int judge_death(tl__end end, int status, const tl_limits *l, tl_jail_report *r, tl_err *e)
{
    if (end == TL__LATE || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)) {
        r->verdict = TL_VERDICT_TIME;
        if (l->wall > 0 && r->seconds >= l->wall)
            return tl_fail(e, TL_ESCRIPT, "it was stopped: it was not done after %.0f s", l->wall);
        return tl_fail(e, TL_ESCRIPT, "it was stopped: it used up its %.2f s of CPU time",
                       l->cpu_hard);
    }
    r->verdict = TL_VERDICT_CRASHED;
    return tl_fail(e, TL_ESCRIPT, "the process that ran it died (%s %d)",
                   WIFSIGNALED(status) ? "signal" : "exit",
                   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* --- requests -----------------------------------------------------------------------------------
 */

typedef tl__exchange exchange;

static int too_large(tl_err *e)
{
    return tl_fail(e, TL_ESCRIPT, "a text of more than %zu MiB is not run for strangers",
                   (TL_JAIL_IN - TL_JAIL_HEAD) >> 20);
}

static int has_kept(const tl__jailed *w, uint64_t id)
{
    for (int k = 0; k < TL_JAIL_KEPT; k++)
        if (w->kept[k] == id)
            return 1;
    return 0;
}

static void note_kept(tl__jailed *w, uint64_t id)
{
    w->kept[w->next_kept] = id;
    w->next_kept = (w->next_kept + 1) % TL_JAIL_KEPT;
}

/* One exchange with the leased worker, which lives on when *end is TL__ANSWERED. */
static int talk(tl__lease *l, const tl_limits *limits, const exchange *x, tl__end *end,
                tl_jail_report *r, tl_err *e)
{
    tl__jailed *w = l->w;
    tl_jail_in q = {++w->serial, x->kind, x->id, x->len, x->n, *limits};
    tl_jail_out h;
    if (x->fill)
        x->fill(x->ctx, w->in + TL_JAIL_HEAD);
    memcpy(w->in, &q, sizeof q);
    *end = tl__jailed_ask(w, limits, r);
    if (*end != TL__ANSWERED)
        return -1;
    if (read_head(w, &h)) {
        *end = TL__DIED; /* it makes up answers: it is made to */
        return -1;
    }
    int rc = judge_answer(&h, r, e);
    if (!rc && x->kind == TL_JAIL_PREPARE)
        note_kept(w, x->id); /* the worker did the same */
    return rc || !x->take ? rc : x->take(x->ctx, w->out + TL_JAIL_HEAD, h.len, e);
}

static int is_refused(tl_jail *j, uint64_t key, tl_jail_report *r, tl_err *e)
{
    pthread_mutex_lock(&j->lock);
    int open = tl__breaker_is_open(j->breaker, key);
    j->counts.requests++;
    j->counts.refused += open;
    pthread_mutex_unlock(&j->lock);
    if (!open)
        return 0;
    r->verdict = TL_VERDICT_REFUSED;
    tl_fail(e, TL_ETRANSIENT,
            "this code was stopped three times within a minute; it is not run for a while");
    return tl_err_source(e, TL_JAIL_SOURCE);
}

static void note_end(tl_jail *j, uint64_t key, const tl_jail_report *r)
{
    pthread_mutex_lock(&j->lock);
    if (r->verdict == TL_VERDICT_TIME || r->verdict == TL_VERDICT_MEMORY ||
        r->verdict == TL_VERDICT_CRASHED)
        tl__breaker_note(j->breaker, key);
    j->counts.killed += r->killed;
    j->counts.crashed += r->verdict == TL_VERDICT_CRASHED;
    pthread_mutex_unlock(&j->lock);
}

int tl__jail_request(tl_jail *j, const char *tenant, const tl_limits *limits, uint64_t key,
                     const exchange *before, const exchange *x, tl_jail_report *report, tl_err *e)
{
    tl_jail_report own = {0}, *r = report ? report : &own;
    tl__lease l = {.tenant = tenant};
    tl__end end = TL__ANSWERED;
    int status = 0;
    *r = (tl_jail_report){.verdict = TL_VERDICT_REFUSED};
    if (x->len > TL_JAIL_IN - TL_JAIL_HEAD || (before && before->len > TL_JAIL_IN - TL_JAIL_HEAD))
        return too_large(e);
    int rc = is_refused(j, key, r, e);
    if (!rc)
        rc = tl__jail_lease(j, &l, limits, e);
    if (rc)
        return rc;
    if (before && !has_kept(l.w, x->id))
        rc = talk(&l, limits, before, &end, r, e);
    if (!rc)
        rc = talk(&l, limits, x, &end, r, e);
    tl__jail_give_back(j, &l, end == TL__ANSWERED, &status, &r->max_rss);
    if (end != TL__ANSWERED)
        rc = judge_death(end, status, limits, r, e);
    note_end(j, key, r);
    return rc;
}

/* --- kinds --------------------------------------------------------------------------------------
 */

typedef struct bytes {
    const void *from;
    void *to;
    size_t n;
} bytes;

static void fill_bytes(void *ctx, char *data)
{
    const bytes *b = ctx;
    memcpy(data, b->from, b->n);
}

static int take_bytes(void *ctx, const char *data, size_t len, tl_err *e)
{
    const bytes *b = ctx;
    if (len != b->n)
        return tl_fail(e, TL_EDATA, "the worker answered with %zu bytes, not %zu", len, b->n);
    memcpy(b->to, data, len);
    return 0;
}

int tl_jail_echo(tl_jail *j, const char *tenant, const void *from, void *back, size_t n, tl_err *e)
{
    tl_limits l = tl_limits_of(TL_PROFILE_PIXEL);
    bytes b = {from, back, n};
    exchange x = {TL_JAIL_ECHO, 0, 0, n, fill_bytes, take_bytes, &b};
    return tl__jail_request(j, tenant, &l, 1, NULL, &x, NULL, e);
}

int tl_jail_script(tl_jail *j, const char *tenant, const tl_limits *limits, const char *text,
                   size_t len, tl_jail_report *report, tl_err *e)
{
    bytes b = {text, NULL, len};
    exchange x = {TL_JAIL_SCRIPT, 0, 0, len, fill_bytes, NULL, &b};
    if (limits->source && len > limits->source) {
        if (report)
            *report = (tl_jail_report){.verdict = TL_VERDICT_BLOCKED};
        return tl_fail(e, TL_ESCRIPT, "a text of %zu bytes; %zu are allowed", len, limits->source);
    }
    return tl__jail_request(j, tenant, limits, tl__breaker_key(tenant, text, len), NULL, &x, report,
                            e);
}
