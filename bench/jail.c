/* The jail's price: round trips, and good requests among hostile ones. SPDX-License-Identifier: MIT
 */
#include "runtime/jail.h"
#include "runtime/limits.h"
#include "runtime/mem.h"
#include "runtime/watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void say(const char *what, double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, compare);
    printf("%-58s median %9.3f ms   p99 %9.3f   max %9.3f   (n=%d)\n", what, v[n / 2] * 1e3,
           v[n * 99 / 100] * 1e3, v[n - 1] * 1e3, n);
}

static void die(const tl_err *e)
{
    fprintf(stderr, "%s\n", e->message);
    exit(1);
}

enum { TRIPS = 2000, BLOCK = 1 << 20 }; /* 256 x 256 x 4 floats */

static void round_trips(tl_jail *j)
{
    static char from[BLOCK], to[BLOCK];
    static double v[TRIPS], own[TRIPS];
    tl_err e = TL_ERR_INIT;
    for (int k = 0; k < TRIPS; k++) {
        double t = tl_now();
        if (tl_jail_echo(j, "bench", from, to, BLOCK, &e))
            die(&e);
        v[k] = tl_now() - t;
        t = tl_now();
        memcpy(to, from, BLOCK);
        __asm__ volatile("" ::: "memory");
        own[k] = tl_now() - t;
    }
    say("a block of 256 x 256 x 4 floats there and back", v, TRIPS);
    say("the same copied once in process", own, TRIPS);
    printf("%-58s %16.1f us\n", "over in-process (median)", (v[TRIPS / 2] - own[TRIPS / 2]) * 1e6);
}

/* --- a function
 * ------------------------------------------------------------------------------------- */

/* An NDVI that does not compile, as an entry of a plan. */
static const char function[] =
    "{\"function\":{\"text\":\"function(a, b) local s = tostring(1) return (b - a) / (b + a) end\","
    "\"chunk\":\"=bench\",\"line\":1,\"column\":1,\"expression\":false,\"params\":[{\"band\":0},"
    "{\"band\":1}],\"free\":[{\"value\":{\"refused\":\"`tostring` has no "
    "place\"}}],\"bands\":[\"n\"],\"valid\":\"strict\","
    "\"on_error\":\"count\",\"compile\":\"auto\"},\"types\":\"ff\"}";

static void functions(tl_jail *j)
{
    enum { N = 65536, RUNS = 40 };
    static double a[N], b[N], r[N], v[RUNS];
    static uint8_t ones[N], valid[N], raised[N];
    tl_limits l = tl_limits_of(TL_PROFILE_BATCH);
    tl_err e = TL_ERR_INIT;
    for (int i = 0; i < N; i++) {
        a[i] = i % 100 + 1;
        b[i] = i % 37 + 1;
        ones[i] = 1;
    }
    tl_jail_fn *f = tl_jail_fn_new(j, "bench", &l, function, sizeof function - 1);
    const void *args[2] = {a, b};
    const uint8_t *valids[2] = {ones, ones}, size[1] = {8};
    void *results[1] = {r};
    uint8_t *results_valid[1] = {valid};
    tl_jail_block block = {N, 2, 1, args, valids, results, size, results_valid, raised};
    for (int k = 0; k < RUNS; k++) {
        double t = tl_now();
        if (tl_jail_fn_run(f, &block, &e))
            die(&e);
        v[k] = tl_now() - t;
    }
    say("an interpreted function on 65,536 pixels in the jail", v, RUNS);
    tl_jail_fn_free(f);
}

/* --- a storm
 * ---------------------------------------------------------------------------------------- */

enum { GOOD = 1000, HOSTILE = 1000, ATTACKERS = 4 };
static tl_jail *storm_jail;
static atomic_int hostile_left, refused, killed;

/* Each attack is another text, so that the breaker does not end the storm. */
static void *attack(void *arg)
{
    static const char *const texts[] = {
        "while true do end", "local s='x' while true do s=s..s end", "error('x')",
        "return ('a'):rep(40):find(('a?'):rep(40)..('a'):rep(40)..'b')",
        "local t={} while true do t[#t+1]={} end"};
    (void)arg;
    for (int k; (k = atomic_fetch_sub(&hostile_left, 1)) > 0;) {
        char text[200];
        tl_limits l = tl_limits_of(TL_PROFILE_PIXEL);
        tl_jail_report r;
        tl_err e = TL_ERR_INIT;
        snprintf(text, sizeof text, "%s -- %d", texts[k % 5], k);
        if (tl_jail_script(storm_jail, "hostile", &l, text, strlen(text), &r, &e) == TL_ETRANSIENT)
            atomic_fetch_add(&refused, 1);
        atomic_fetch_add(&killed, r.killed);
    }
    return NULL;
}

/* At a viewer's pace: n of them, and on until no hostile one is left. Their number; *times: sorted.
 */
static int good_requests(const char *what, int n, double **times)
{
    static const char text[] = "return function(a, b, c, d) return (d - c) / (d + c) end";
    tl_limits l = tl_limits_of(TL_PROFILE_PIXEL);
    double *v = NULL;
    int k = 0;
    for (; k < n || atomic_load(&hostile_left) > 0; k++) {
        tl_err e = TL_ERR_INIT;
        if (k % n == 0)
            v = tl_xrealloc(v, (size_t)(k + n) * sizeof *v);
        double t = tl_now();
        if (tl_jail_script(storm_jail, "good", &l, text, sizeof text - 1, NULL, &e))
            die(&e);
        v[k] = tl_now() - t;
        struct timespec pause = {0, 20000000};
        nanosleep(&pause, NULL);
    }
    say(what, v, k);
    *times = v;
    return k;
}

static void storm(int hostile)
{
    double *alone = NULL, *among = NULL;
    pthread_t t[ATTACKERS];
    tl_jail_options o = {.patience = 30, .gives_way = 1};
    storm_jail = tl_jail_new(&o);
    int n = good_requests("good requests alone", GOOD, &alone);
    double before = alone[n * 99 / 100];
    atomic_store(&hostile_left, hostile);
    for (int k = 0; k < ATTACKERS; k++)
        pthread_create(&t[k], NULL, attack, NULL);
    n = good_requests("good requests among hostile ones", GOOD, &among);
    for (int k = 0; k < ATTACKERS; k++)
        pthread_join(t[k], NULL);
    printf("%-58s %.2f (%d hostile ones ran, %d were refused, %d needed SIGKILL)\n",
           "p99 among / p99 alone", among[n * 99 / 100] / before, hostile, atomic_load(&refused),
           atomic_load(&killed));
    tl_jail_free(storm_jail);
    free(alone);
    free(among);
}

int main(void)
{
    tl_jail *j = tl_jail_new(NULL);
    round_trips(j);
    functions(j);
    tl_jail_free(j);
    storm(HOSTILE);
    return 0;
}
