/* See chirp.h. SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* environ */
#include "modules/batch/chirp.h"
#include "runtime/mem.h"

#include "runtime/pause.h"
#include "runtime/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_SECONDS 10.0

static struct {
    pid_t pid; /* 0 = none */
    double since;
} sent;

/* Where packages put it; it is not in PATH. */
static const char *tool(void)
{
    static const char *const places[] = {"/usr/libexec/condor/condor_chirp",
                                         "/usr/lib/condor/libexec/condor_chirp"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (access(places[i], X_OK) == 0)
            return places[i];
    return NULL;
}

/* As a ClassAd string: one line, quotes and backslashes escaped. */
static char *quoted(const char *s)
{
    char *out = tl_xmalloc(2 * strlen(s) + 3), *p = out;
    *p++ = '"';
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            *p++ = '\\';
        *p++ = (unsigned char)*s < 32 ? ' ' : *s;
    }
    *p++ = '"';
    *p = '\0';
    return out;
}

/* Whether the last call is through; one that takes too long is ended. */
static int is_through(void)
{
    if (!sent.pid)
        return 1;
    if (tl_now() - sent.since > MOST_SECONDS)
        kill(sent.pid, SIGKILL);
    pid_t got = waitpid(sent.pid, NULL, WNOHANG);
    if (got == sent.pid || (got < 0 && errno == ECHILD))
        sent.pid = 0;
    return !sent.pid;
}

static void wait_for_it(void)
{
    while (!is_through())
        tl_pause(0.01);
}

void tl_chirp(const char *name, const char *value, int late)
{
    const char *program = getenv("_CONDOR_CHIRP_CONFIG") ? tool() : NULL;
    if (!program || (late && !is_through()))
        return;
    wait_for_it();
    char *text = quoted(value);
    char *argv[] = {(char *)(uintptr_t)program, late ? "set_job_attr_delayed" : "set_job_attr",
                    (char *)(uintptr_t)name, text, NULL};
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    sent.since = tl_now();
    if (posix_spawn(&sent.pid, program, &files, NULL, argv, environ))
        sent.pid = 0;
    if (!late)
        wait_for_it();
    posix_spawn_file_actions_destroy(&files);
    free(text);
}
