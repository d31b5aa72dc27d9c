/* The jail: strangers' code, run in processes that can do nothing else. SPDX-License-Identifier:
 * MIT
 *
 * A tl_jail is a pool of workers. Each worker serves one tenant in its life; a tenant is any text
 * that says on whose behalf code runs (an account, an address, a plan's key). The first request
 * starts the zygote (libexec/tellua/worker). All functions may be called from any thread, and block
 * until the worker has answered or was killed; the caller's own event loop must not be on that
 * thread. Nothing a worker does ends or blocks this process: it is killed when its time is up.
 *
 * Errors (tl_err codes): TL_ESCRIPT the code is wrong or took too long; TL_ENOMEM it wanted too
 * much memory; TL_ETRANSIENT too many requests of this tenant, or a function that was killed thrice
 * in a minute (HTTP 429; the error's source is TL_JAIL_SOURCE); TL_ECONFIG the jail cannot be built
 * on this machine: nothing is run then.
 */
#ifndef TL_JAIL_H
#define TL_JAIL_H

#include <stdint.h>
#include <stdio.h>
#include "runtime/err.h"
#include "runtime/limits.h"

#define TL_JAIL_SOURCE "jail"

typedef struct tl_jail tl_jail;

typedef struct tl_jail_options {
    const char *worker;  /* path of the worker program; NULL = where this program has it */
    int most_workers;    /* that run at a time; 0 = twice the cores, at least 4 */
    int most_per_tenant; /* of these; 0 = half of them */
    double patience;     /* seconds that a request waits for a worker; 0 = 10 */
    int gives_way; /* functions that take long and people wait for run when nothing else does */
    int fail_step; /* for tests: this step of the jail fails (jail_wire.h) */
} tl_jail_options;

/* Starts nothing yet. options may be NULL. */
tl_jail *tl_jail_new(const tl_jail_options *options);
void tl_jail_free(tl_jail *j); /* NULL is allowed. Not while a request runs. Ends all workers. */
/* The process's own, made at the first call, ended with the process. */
tl_jail *tl_jail_shared(void);

/* The path of the worker program, malloc'd: as named (may be NULL), else by TELLUA_WORKER, else
 * where this program has it. */
char *tl_jail_worker(const char *named);

/* How a request ended; the words are those of `tellua sandbox`. */
typedef enum tl_verdict {
    TL_VERDICT_HARMLESS,
    TL_VERDICT_BLOCKED, /* an error of the code */
    TL_VERDICT_TIME,
    TL_VERDICT_MEMORY,
    TL_VERDICT_CRASHED, /* the worker died: a fault of the Lua VM, or of ours */
    TL_VERDICT_REFUSED  /* not run: too many requests, or killed too often */
} tl_verdict;
const char *tl_verdict_name(tl_verdict v); /* "harmless", "blocked-error", "killed-time" ... */

typedef struct tl_jail_report {
    tl_verdict verdict;
    double seconds, cpu; /* wall and CPU time of the worker */
    size_t peak, output; /* bytes: held by Lua, printed */
    int64_t max_rss;     /* bytes of a worker that died; 0 = it lives */
    int killed;          /* by the hard deadline */
} tl_jail_report;

/* Runs a script by the contract of `tellua sandbox`: the chunk; then, when it returns a function,
 * that function on limits->pixels pixels of four bands. report may be NULL. 0 or the error. */
int tl_jail_script(tl_jail *j, const char *tenant, const tl_limits *limits, const char *text,
                   size_t len, tl_jail_report *report, tl_err *e) TL_MUST_CHECK;

/* --- functions on pixels -------------------------------------------------------------------------
 * What batch/jailed.h builds on: texts and bytes alone. */
typedef struct tl_jail_fn tl_jail_fn;

/* Takes copies. text: what a worker prepares the function from. Freed by tl_jail_fn_free. */
tl_jail_fn *tl_jail_fn_new(tl_jail *j, const char *tenant, const tl_limits *limits,
                           const char *text, size_t len);
void tl_jail_fn_free(tl_jail_fn *f); /* NULL is allowed. Not while it runs. */

/* Has a worker compile the text. *out, freed by the caller, is what it says of the function: data
 * of a stranger. */
int tl_jail_fn_prepare(tl_jail_fn *f, void **out, size_t *len, tl_err *e) TL_MUST_CHECK;

/* n pixels; args[i]: 8 bytes per cell, results[k]: result_size[k] (1 or 8) bytes per cell, valid:
 * one. What is read from the worker is copied; bytes of validity and of `raised` are 0 or 1. */
typedef struct tl_jail_block {
    size_t n;
    int nargs, nresults;
    const void *const *args;
    const uint8_t *const *valid;
    void *const *results;
    const uint8_t *result_size;
    uint8_t *const *results_valid;
    uint8_t *raised;
} tl_jail_block;
int tl_jail_fn_run(tl_jail_fn *f, const tl_jail_block *b, tl_err *e) TL_MUST_CHECK;

/* --- for tests, benchmarks and doctor --------------------------------------------------------- */

/* Sends n bytes and takes as many back. */
int tl_jail_echo(tl_jail *j, const char *tenant, const void *bytes, void *back, size_t n,
                 tl_err *e) TL_MUST_CHECK;
/* Starts it all and writes some lines: what walls there are here. */
int tl_jail_describe(tl_jail *j, FILE *to, tl_err *e) TL_MUST_CHECK;

typedef struct tl_jail_counts {
    long requests, spawned, killed, crashed, refused;
    int workers, busy;
} tl_jail_counts;
tl_jail_counts tl_jail_count(tl_jail *j);

#endif
