/* What asks a process to end, and what it says then: see cli_job.h. SPDX-License-Identifier: MIT */
#include "runtime/cli_job.h"
#include "runtime/log.h"
#include "runtime/watch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* For the signal handler. */
static tellua *running;
static volatile sig_atomic_t asked;
static int is_task;

/* The first signal asks, the second ends; but schedulers may send SIGTERM to a task more than once,
 * and have SIGKILL for the end. */
static void on_signal(int sig)
{
    asked = 1;
    if (!is_task || sig != SIGTERM)
        signal(sig, SIG_DFL);
    if (running)
        tellua_interrupt(running);
}

void tl_cli_hear_sigterm(void)
{
    is_task = 1;
    signal(SIGTERM, on_signal);
}

void tl_cli_is_a_task(int yes)
{
    is_task = yes;
}

void tl_cli_interrupts(tellua *t)
{
    running = t;
    if (!t)
        return;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    if (asked)
        tellua_interrupt(t);
}

int tl_cli_asked_to_end(void)
{
    return asked;
}

static int as_json;

void tl_cli_errors_as_json(int yes)
{
    as_json = yes;
}

void tl_cli_print_error(const tl_err *e)
{
    char text[1400];
    tl_err clean = *e;
    /* Of several lines are syntax errors, which show the place; a file's name must not make more.
     */
    tl_make_visible(clean.message, e->code == TL_ESCRIPT ? "\n\t" : "");
    tl_make_visible(clean.where, "");
    tl_make_visible(clean.source, "");
    if (!as_json) {
        tl_log(TL_LOG_QUIET, "%s", tl_err_text(&clean, text, sizeof text));
        return;
    }
    json_t *j = json_pack("{s:{s:s, s:s, s:s, s:s}}", "error", "code", tl_code_name(clean.code),
                          "message", clean.message, "where", clean.where, "source", clean.source);
    char *s = j ? json_dumps(j, JSON_SORT_KEYS) : NULL;
    fprintf(stderr, "%s\n", s ? s : "{\"error\":{}}");
    free(s);
    json_decref(j);
}

/* On the watch's own thread: a call into GDAL cannot be interrupted, so the process ends. What was
 * finished is on disk. */
static void too_slow(const char *what, double seconds)
{
    tl_err e = TL_ERR_INIT;
    tl_fail(&e, TL_ETRANSIENT, "gave up after %.0f s in one call: %s (--io-timeout allows more)",
            seconds, what);
    tl_cli_print_error(&e);
    _exit(tl_cli_fault_status(tl_exit_status(e.code)));
}

void tl_cli_limit_io(double seconds)
{
    tl_watch_limit(seconds, too_slow);
}
