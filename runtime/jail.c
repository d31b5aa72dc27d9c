/* The pool: who gets which worker, and what became of the request. See jail.h.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "runtime/jail_int.h"
#include "runtime/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- the jail -----------------------------------------------------------------------------------
 */

tl_jail *tl_jail_new(const tl_jail_options *options)
{
    tl_jail *j = tl_xcalloc(1, sizeof *j);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_condattr_t a;
    if (options)
        j->o = *options;
    if (!j->o.most_workers)
        j->o.most_workers = cores > 2 ? 2 * (int)cores : 4;
    if (!j->o.most_per_tenant)
        j->o.most_per_tenant = (j->o.most_workers + 1) / 2;
    if (j->o.patience <= 0)
        j->o.patience = 10;
    if (j->o.worker)
        j->worker = tl_xstrdup(j->o.worker);
    pthread_mutex_init(&j->lock, NULL);
    pthread_mutex_init(&j->zygote_lock, NULL);
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(&j->freed, &a);
    pthread_condattr_destroy(&a);
    j->breaker = tl__breaker_new();
    return j;
}

void tl_jail_free(tl_jail *j)
{
    if (!j)
        return;
    for (tl__jailed *w = j->workers, *next; w; w = next) {
        next = w->next;
        tl__jailed_end(j, w, &(int){0}, &(int64_t){0});
    }
    tl__zygote_end(j);
    tl__breaker_free(j->breaker);
    pthread_cond_destroy(&j->freed);
    pthread_mutex_destroy(&j->lock);
    pthread_mutex_destroy(&j->zygote_lock);
    free(j->worker);
    free(j);
}

static tl_jail *shared;

static void make_shared(void)
{
    shared = tl_jail_new(&(tl_jail_options){.gives_way = 1});
}

tl_jail *tl_jail_shared(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_shared);
    return shared;
}

tl_jail_counts tl_jail_count(tl_jail *j)
{
    pthread_mutex_lock(&j->lock);
    tl_jail_counts c = j->counts;
    c.workers = 0;
    for (tl__jailed *w = j->workers; w; w = w->next)
        c.workers++;
    pthread_mutex_unlock(&j->lock);
    return c;
}

const char *tl_verdict_name(tl_verdict v)
{
    static const char *const name[] = {"harmless",      "blocked-error", "killed-time",
                                       "killed-memory", "crashed",       "refused"};
    return name[v];
}

/* --- leases -------------------------------------------------------------------------------------
 */

typedef tl__lease lease;

static int is_fit(const tl__jailed *w, const char *tenant, const tl_limits *l)
{
    return !w->busy && w->tenant && strcmp(w->tenant, tenant) == 0 && w->memory == l->memory;
}

/* Takes the worker that *at points to out of the list. */
static tl__jailed *unlink_worker(tl__jailed **at)
{
    tl__jailed *w = *at;
    *at = w->next;
    w->next = NULL;
    return w;
}

/* Called with the lock held. An idle worker that must make room; NULL = there is room. */
static tl__jailed *make_room(tl_jail *j)
{
    int n = 0;
    tl__jailed **idle = NULL;
    for (tl__jailed **at = &j->workers; *at; at = &(*at)->next) {
        n++;
        if (!(*at)->busy)
            idle = at; /* the last of the list is the longest unused */
    }
    return n >= j->o.most_workers && idle ? unlink_worker(idle) : NULL;
}

static int tenants_busy(const tl_jail *j, const char *tenant)
{
    int n = 0;
    for (const lease *l = j->leases; l; l = l->next)
        n += strcmp(l->tenant, tenant) == 0;
    return n;
}

/* Waits, with the lock held, until the tenant may have one more. */
static int wait_turn(tl_jail *j, lease *l, tl_err *e)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += (time_t)j->o.patience;
    end.tv_nsec += (long)((j->o.patience - (double)(time_t)j->o.patience) * 1e9);
    if (end.tv_nsec >= 1000000000) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000;
    }
    while (j->counts.busy >= j->o.most_workers ||
           tenants_busy(j, l->tenant) >= j->o.most_per_tenant)
        if (pthread_cond_timedwait(&j->freed, &j->lock, &end) == ETIMEDOUT) {
            j->counts.refused++;
            tl_fail(e, TL_ETRANSIENT,
                    "too many functions of this user run already; try again later");
            return tl_err_source(e, TL_JAIL_SOURCE);
        }
    j->counts.busy++;
    l->next = j->leases;
    j->leases = l;
    return 0;
}

static void end_lease(tl_jail *j, lease *l)
{
    j->counts.busy--;
    for (lease **at = &j->leases; *at; at = &(*at)->next)
        if (*at == l) {
            *at = l->next;
            break;
        }
    pthread_cond_broadcast(&j->freed);
}

int tl__jail_lease(tl_jail *j, lease *l, const tl_limits *limits, tl_err *e)
{
    tl__jailed *old = NULL;
    pthread_mutex_lock(&j->lock);
    int rc = wait_turn(j, l, e);
    for (tl__jailed **at = &j->workers; *at && !rc && !l->w; at = &(*at)->next)
        if (is_fit(*at, l->tenant, limits)) {
            l->w = *at;
            l->w->busy = 1;
        }
    if (!rc && !l->w)
        old = make_room(j);
    pthread_mutex_unlock(&j->lock);
    if (old)
        tl__jailed_end(j, old, &(int){0}, &(int64_t){0});
    if (rc || l->w)
        return rc;
    rc = tl__jailed_spawn(j, limits, &l->w, e);
    pthread_mutex_lock(&j->lock);
    if (rc) {
        end_lease(j, l);
    } else {
        j->counts.spawned++;
        l->w->tenant = tl_xstrdup(l->tenant);
        l->w->busy = 1;
        l->w->next = j->workers;
        j->workers = l->w;
    }
    pthread_mutex_unlock(&j->lock);
    return rc;
}

void tl__jail_give_back(tl_jail *j, lease *l, int keep, int *status, int64_t *max_rss)
{
    tl__jailed *w = l->w;
    keep = keep && (w->cpu_life <= 0 || w->cpu_used < w->cpu_life / 2);
    pthread_mutex_lock(&j->lock);
    for (tl__jailed **at = &j->workers; *at; at = &(*at)->next)
        if (*at == w) {
            unlink_worker(at);
            break;
        }
    if (keep) { /* to the front: used last */
        w->busy = 0;
        w->next = j->workers;
        j->workers = w;
    }
    pthread_mutex_unlock(&j->lock);
    if (!keep)
        tl__jailed_end(j, w, status, max_rss);
    pthread_mutex_lock(&j->lock);
    end_lease(j, l);
    pthread_mutex_unlock(&j->lock);
}
