/* See chirp.h. SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* environ */
#include "modules/batch/chirp.h"
#include "runtime/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

void tl_chirp(const char *name, const char *value, int late)
{
    const char *program = getenv("_CONDOR_CHIRP_CONFIG") ? tool() : NULL;
    if (!program)
        return;
    char *text = quoted(value);
    char *argv[] = {(char *)(uintptr_t)program, late ? "set_job_attr_delayed" : "set_job_attr",
                    (char *)(uintptr_t)name, text, NULL};
    posix_spawn_file_actions_t files;
    pid_t pid;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    if (posix_spawn(&pid, program, &files, NULL, argv, environ) == 0)
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    posix_spawn_file_actions_destroy(&files);
    free(text);
}
