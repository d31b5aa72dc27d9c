/* The tellua program: finds the command, sets up the process, reports how it ended.
 * SPDX-License-Identifier: MIT */
#include "runtime/cancel.h"
#include "modules/raster/raster.h"
#include "runtime/cli_job.h"
#include "runtime/log.h"
#include "runtime/mem.h"
#include "runtime/version.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int command_of(const char *word)
{
    static const struct {
        const char *word;
        int command;
    } words[] = {
        {"run", TL_CMD_RUN},         {"view", TL_CMD_VIEW},      {"plan", TL_CMD_PLAN},
        {"index", TL_CMD_INDEX},     {"-e", TL_CMD_EVAL},        {"doctor", TL_CMD_DOCTOR},
        {"submit", TL_CMD_SUBMIT},   {"task", TL_CMD_TASK},      {"jobs", TL_CMD_JOBS},
        {"status", TL_CMD_STATUS},   {"wait", TL_CMD_WAIT},      {"logs", TL_CMD_LOGS},
        {"cancel", TL_CMD_CANCEL},   {"hold", TL_CMD_HOLD},      {"release", TL_CMD_RELEASE},
        {"suspend", TL_CMD_SUSPEND}, {"resume", TL_CMD_RESUME},  {"retry", TL_CMD_RETRY},
        {"serve", TL_CMD_SERVE},     {"sandbox", TL_CMD_SANDBOX}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].word, word) == 0)
            return words[i].command;
    return 0;
}

static int has_word(int argc, char **argv, const char *word)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], word) == 0)
            return 1;
    return 0;
}

static int dispatch(tl_cli *c, tellua *t, tl_err *e)
{
    switch (c->command) {
    case TL_CMD_RUN:
        return tl_cli_run(c, t, e);
    case TL_CMD_VIEW:
        return tl_cli_view(c, t, e);
    case TL_CMD_PLAN:
        return tl_cli_plan(c, t, e);
    case TL_CMD_INDEX:
        return tl_cli_index(c, t, e);
    case TL_CMD_REPL:
        return tl_repl(c, t, e);
    case TL_CMD_SUBMIT:
        return tl_cli_submit(c, t, e);
    case TL_CMD_TASK:
        return tl_cli_task(c, t, e);
    default:
        return tl_cli_eval(c, t, e);
    }
}

static int with_session(tl_cli *c, tl_err *e)
{
    tellua_options o = {.instructions = c->budget,
                        .allow_io = c->allow_io,
                        .allow_os = c->allow_os,
                        .threads = c->threads};
    tellua *t = tellua_open(&o);
    if (!t)
        return tl_fail(e, TL_ENOMEM, "out of memory");
    tl_obey(&t->cancel);
    tl_cli_interrupts(t);
    tl_cli_limit_io(c->io_timeout);
    int rc = dispatch(c, t, e);
    tl_cli_interrupts(NULL);
    tl_obey(NULL);
    tellua_close(t);
    return rc;
}

static int flush(int rc, tl_err *e)
{
    if (!rc && (fflush(stdout) || ferror(stdout)))
        return tl_fail(e, TL_EIO, "cannot write to standard output");
    return rc;
}

/* The end of what only prints. */
static int told(tl_err *e)
{
    int rc = flush(0, e);
    if (rc)
        tl_cli_print_error(e);
    return tl_exit_status(rc);
}

/* For tests: what should be gone by now and is not, as an exit status of its own. */
static int leak_status(int status)
{
#ifndef TL_DEBUG
    if (!getenv("TELLUA_LEAKCHECK"))
        return status;
#endif
    long nodes = tl_live_count(TL_LIVE_NODE), images = tl_live_count(TL_LIVE_IMAGE),
         sources = tl_live_count(TL_LIVE_SOURCE), programs = tl_live_count(TL_LIVE_PROGRAM),
         handles = tl_live_count(TL_LIVE_HANDLE);
    int datasets = tl_raster_open_datasets();
    if (!nodes && !images && !sources && !programs && !handles && !datasets)
        return status;
    tl_log(TL_LOG_QUIET,
           "leak: %ld nodes, %ld images, %ld sources, %ld programs, %ld handles, %d datasets are "
           "left (exit %d)",
           nodes, images, sources, programs, handles, datasets, status);
    return 99;
}

/* Else the C library, as blocks are freed, keeps ever larger ones on its threads' heaps: a run's
 * peak differs by a quarter from one time to the next, and a server's grows for hours. */
static void give_memory_back(void)
{
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    mallopt(M_TRIM_THRESHOLD, 4 << 20);
}

int main(int argc, char **argv)
{
    tl_err e = TL_ERR_INIT;
    give_memory_back();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is a failed write like any other */
    tl_cli_errors_as_json(
        has_word(argc, argv, "--json")); /* errors of the options are errors, too */
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--version") == 0) {
        printf("tellua %s\n", tl_version());
        return told(&e);
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "help") == 0) {
        tl_cli_help(argc > 2 ? command_of(argv[2]) : 0);
        return told(&e);
    }
    tl_cli c = {.command = command_of(word),
                .zoom = -1,
                .size = {800, 600},
                .io_timeout = 60,
                .port = 8000};
    int words = c.command != 0; /* before the options */
    if (!c.command && (argc < 2 || *word == '-'))
        c.command = TL_CMD_REPL;
    int rc =
        c.command ? 0 : tl_fail(&e, TL_EUSAGE, "no command '%s'; `tellua --help` lists them", word);
    if (!rc && c.command != TL_CMD_EVAL &&
        (has_word(argc, argv, "--help") || has_word(argc, argv, "-h"))) {
        tl_cli_help(c.command);
        return told(&e);
    }
    if (c.command == TL_CMD_TASK) /* from the start: its scheduler may ask at any time */
        tl_cli_hear_sigterm();
    if (!rc)
        rc = tl_cli_parse(&c, argc - words, argv + words, &e);
    tl_cli_is_a_task(c.command == TL_CMD_TASK && c.word && c.word[0] >= '0' && c.word[0] <= '9');
    tl_log_set_level(c.quiet ? TL_LOG_QUIET : c.debug ? TL_LOG_DEBUG : TL_LOG_INFO);
    if (!rc && c.command == TL_CMD_DOCTOR)
        rc = tl_cli_doctor(&c);
    else if (!rc && c.command == TL_CMD_SERVE)
        rc = tl_cli_serve(&c, &e);
    else if (!rc && c.command & TL_CMD_CONSOLE)
        rc = tl_cli_job(&c, NULL, &e);
    else if (!rc && c.command == TL_CMD_SANDBOX)
        rc = tl_cli_sandbox(&c, &e);
    else if (!rc)
        rc = with_session(&c, &e);
    rc = flush(rc, &e);
    if (rc && e.message[0]) /* the prompt has told its errors */
        tl_cli_print_error(&e);
    tl_cli_free(&c);
    return leak_status(c.status ? c.status : tl_exit_status(rc));
}
