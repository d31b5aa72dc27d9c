/* Waiting for a worker's answer, not longer than it may take. SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "runtime/jail_int.h"
#include "runtime/watch.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static double cpu_of(const tl__jailed *w)
{
    struct timespec t = {0, 0};
    if (w->has_clock && clock_gettime(w->clock, &t) == 0)
        return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
    return -1;
}

/* Where people wait, who takes longer than most gives way to everybody else: the scheduler lets any
 * other process go first at once, where mere niceness has it wait for milliseconds. */
#define STEP_BACK_CPU 0.02 /* seconds */

static int step_to(const tl__jailed *w, int policy)
{
    struct sched_param none = {0};
    return w->pid > 0 ? sched_setscheduler(w->pid, policy, &none) : -1;
}

/* What the limits count: CPU time, or, where that cannot be seen, wall time. */
typedef struct watch {
    const tl__jailed *w;
    double cpu0, t0;
    double cpu, wall;
    int warned, behind; /* told of the soft deadline; stepped back */
} watch;

static void look(watch *c)
{
    double cpu = cpu_of(c->w);
    c->wall = tl_now() - c->t0;
    if (cpu >= 0 && c->cpu0 >= 0)
        c->cpu = cpu > c->cpu0 ? cpu - c->cpu0 : 0;
    else if (c->cpu0 < 0)
        c->cpu = c->wall;
    /* else it has died: the last figure stands */
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

/* Seconds until one of the limits can be reached; one thread's CPU time is never faster. */
static double time_left(const watch *c, const tl_limits *l)
{
    double left = 3600;
    if (l->cpu_hard > 0)
        left = least(left, l->cpu_hard - c->cpu);
    if (l->cpu_soft > 0 && !c->warned)
        left = least(left, l->cpu_soft - c->cpu);
    if (!c->behind)
        left = least(left, STEP_BACK_CPU - c->cpu);
    if (l->wall > 0)
        left = least(left, l->wall - c->wall);
    return left > 0 ? left : 0;
}

static void tell(const tl__jailed *w, int sig)
{
    syscall(SYS_pidfd_send_signal, w->pidfd, sig, NULL, 0);
}

/* One byte is an answer; more is none. */
static tl__end take_byte(const tl__jailed *w)
{
    char bytes[8];
    return read(w->from, bytes, sizeof bytes) == 1 ? TL__ANSWERED : TL__DIED;
}

static tl__end wait_for(tl__jailed *w, const tl_limits *l, watch *c)
{
    struct pollfd p[2] = {{w->from, POLLIN, 0}, {w->pidfd, POLLIN, 0}};
    for (;;) {
        double left = time_left(c, l);
        struct timespec t = {(time_t)left, (long)((left - (double)(time_t)left) * 1e9)};
        int k = ppoll(p, 2, &t, NULL);
        if (k > 0 && (p[0].revents & POLLIN))
            return take_byte(w);
        if (k > 0)
            return TL__DIED;
        look(c);
        if ((l->cpu_hard > 0 && c->cpu >= l->cpu_hard) || (l->wall > 0 && c->wall >= l->wall)) {
            tell(w, SIGKILL);
            return TL__LATE;
        }
        if (!c->warned && l->cpu_soft > 0 && c->cpu >= l->cpu_soft) {
            c->warned = 1;
            tell(w, SIGUSR1);
        }
        if (!c->behind && c->cpu >= STEP_BACK_CPU)
            c->behind = step_to(w, SCHED_IDLE) == 0 ? 2 : 1;
    }
}

tl__end tl__jailed_ask(tl__jailed *w, const tl_limits *limits, tl_jail_report *r)
{
    watch c = {.w = w, .cpu0 = cpu_of(w), .t0 = tl_now()};
    c.behind = !(w->gives_way && limits->cpu_soft > 0 && limits->cpu_soft <= 1);
    uint64_t one = 1;
    tl__end end = write(w->to, &one, sizeof one) == sizeof one ? wait_for(w, limits, &c) : TL__DIED;
    look(&c);
    r->cpu = c.cpu;
    r->seconds = c.wall;
    r->killed = end == TL__LATE;
    w->cpu_used += c.cpu;
    /* Coming forward again needs a privilege: without it the worker has served. */
    if (c.behind == 2 && step_to(w, SCHED_OTHER))
        w->cpu_used += w->cpu_life + 1;
    return end;
}
