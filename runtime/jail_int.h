/* Inside the server's half of the jail. SPDX-License-Identifier: MIT */
#ifndef TL_JAIL_INT_H
#define TL_JAIL_INT_H

#include <pthread.h>
#include <sys/types.h>
#include <time.h>
#include "runtime/jail.h"
#include "runtime/jail_wire.h"

#define TL_JAIL_KEPT 4 /* functions that a worker keeps prepared */

typedef struct tl__jailed {
    struct tl__jailed *next;
    char *tenant; /* NULL = has served nobody */
    int busy, gives_way;
    int child, pidfd, to, from; /* the zygote's number; bells */
    long generation;            /* of the zygote that knows the number */
    pid_t pid;                  /* in this process's namespace; 0 = not known */
    clockid_t clock;            /* its CPU clock */
    int has_clock;
    size_t memory; /* its cap */
    double cpu_life, cpu_used;
    uint32_t serial;
    uint64_t kept[TL_JAIL_KEPT]; /* the oldest is replaced; the worker does the same */
    int next_kept;
    char *in, *out;
} tl__jailed;

typedef struct tl__zygote {
    pid_t pid; /* 0 = not started */
    long generation;
    int socket;
    tl_zygote_hello hello;
} tl__zygote;

/* One request: lies on its thread's stack while it has, or gets, a worker. */
typedef struct tl__lease {
    struct tl__lease *next;
    const char *tenant;
    tl__jailed *w;
} tl__lease;

struct tl_jail {
    tl_jail_options o;
    char *worker;
    pthread_mutex_t lock; /* of all but what a busy worker is */
    pthread_cond_t freed;
    tl__jailed *workers;
    tl__lease *leases;
    pthread_mutex_t zygote_lock;
    tl__zygote zygote;
    tl_jail_counts counts;
    struct tl__breaker *breaker;
};

/* --- jail_spawn.c: locks zygote_lock itself --- */
int tl__jailed_spawn(tl_jail *j, const tl_limits *limits, tl__jailed **out,
                     tl_err *e) TL_MUST_CHECK;
/* Kills it, waits for its end and frees all of it. status: as waitpid has it. */
void tl__jailed_end(tl_jail *j, tl__jailed *w, int *status, int64_t *max_rss);
void tl__zygote_end(tl_jail *j);
const char *tl__jail_step_text(int step);

/* --- jail_wait.c --- */
typedef enum tl__end { TL__ANSWERED, TL__LATE, TL__DIED } tl__end;
/* Rings and waits. TL__LATE: it has been told to die. */
tl__end tl__jailed_ask(tl__jailed *w, const tl_limits *limits, tl_jail_report *r);

/* --- jail.c --- */
/* l->tenant is set; waits for its turn. */
int tl__jail_lease(tl_jail *j, tl__lease *l, const tl_limits *limits, tl_err *e) TL_MUST_CHECK;
/* keep = 0: the worker is dead, or has to be. */
void tl__jail_give_back(tl_jail *j, tl__lease *l, int keep, int *status, int64_t *max_rss);

/* --- jail_request.c --- */
/* Fills the request's data and takes the answer's; either may be NULL. */
typedef struct tl__exchange {
    tl_jail_kind kind;
    uint64_t id, n;
    size_t len;
    void (*fill)(void *ctx, char *data);
    int (*take)(void *ctx, const char *data, size_t len, tl_err *e);
    void *ctx;
} tl__exchange;
/* `before` (may be NULL) when the worker has not kept x->id, then x. key: the breaker's. */
int tl__jail_request(tl_jail *j, const char *tenant, const tl_limits *limits, uint64_t key,
                     const tl__exchange *before, const tl__exchange *x, tl_jail_report *report,
                     tl_err *e) TL_MUST_CHECK;

/* --- jail_breaker.c: locked by the caller --- */
uint64_t tl__breaker_key(const char *tenant, const void *text, size_t len);
int tl__breaker_is_open(struct tl__breaker *b, uint64_t key);
void tl__breaker_note(struct tl__breaker *b, uint64_t key);
struct tl__breaker *tl__breaker_new(void);
void tl__breaker_free(struct tl__breaker *b);

#endif
