/* Processes: see process_lua.h. SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* POSIX_SPAWN_SETSID, environ, pipe2 */
#include "modules/batch/process_lua.h"
#include "runtime/border.h"
#include "runtime/buf.h"
#include "runtime/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed(lua_State *L, const char *what, int why)
{
    lua_pushnil(L);
    lua_pushfstring(L, "%s: %s", what, strerror(why));
    lua_pushinteger(L, why);
    return 3;
}

/* The list of words at index 1; a block of memory that Lua owns, which it leaves on the stack. */
static char **words(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    size_t n = lua_rawlen(L, 1);
    luaL_argcheck(L, n > 0, 1, "no command");
    char **argv = lua_newuserdatauv(L, (n + 1) * sizeof *argv, 1);
    lua_newtable(L); /* keeps the texts while they are used */
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        argv[i] = (char *)(uintptr_t)luaL_checkstring(L, -1);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    argv[n] = NULL;
    lua_setiuservalue(L, -2, 1);
    return argv;
}

/* A field of the options at index 2, NULL when there is none. */
static const char *option(lua_State *L, const char *name)
{
    if (!lua_istable(L, 2))
        return NULL;
    lua_getfield(L, 2, name);
    const char *s = lua_tostring(L, -1); /* the table keeps it */
    lua_pop(L, 1);
    return s;
}

static int flag(lua_State *L, const char *name)
{
    if (!lua_istable(L, 2))
        return 0;
    lua_getfield(L, 2, name);
    int yes = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return yes;
}

/* A child starts with the signals as a shell would hand them down. */
static void default_signals(posix_spawnattr_t *a, short flags)
{
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(a, &all);
    posix_spawnattr_setsigmask(a, &none);
    posix_spawnattr_setflags(a, flags | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

/* spawn(words[, {out =, err =, cwd =, session =, append =}]) -> pid. out and err are files; without
 * them the child has ours. A child of its own session outlives us. */
static int sys_spawn(lua_State *L)
{
    const char *out = option(L, "out"), *err = option(L, "err"), *cwd = option(L, "cwd");
    int how = O_WRONLY | O_CREAT | (flag(L, "append") ? O_APPEND : O_TRUNC);
    char **argv = words(L);
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    pid_t pid = 0;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    if (out)
        posix_spawn_file_actions_addopen(&files, 1, out, how, 0666);
    if (err && out && strcmp(err, out) == 0)
        posix_spawn_file_actions_adddup2(&files, 1, 2);
    else if (err)
        posix_spawn_file_actions_addopen(&files, 2, err, how, 0666);
    if (cwd)
        posix_spawn_file_actions_addchdir_np(&files, cwd);
    default_signals(&attr, flag(L, "session") ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP);
    int rc = posix_spawnp(&pid, argv[0], &files, &attr, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    if (rc)
        return failed(L, argv[0], rc);
    lua_pushinteger(L, pid);
    return 1;
}

/* Both pipes to their ends. */
static void drain(int fd[2], tl_buf text[2])
{
    struct pollfd p[2] = {{.fd = fd[0], .events = POLLIN}, {.fd = fd[1], .events = POLLIN}};
    char chunk[65536];
    while (p[0].fd >= 0 || p[1].fd >= 0) {
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            break;
        for (int i = 0; i < 2; i++) {
            if (p[i].fd < 0 || !p[i].revents)
                continue;
            ssize_t n = read(p[i].fd, chunk, sizeof chunk);
            if (n > 0)
                tl_buf_add(&text[i], chunk, (size_t)n);
            else if (n == 0 || errno != EINTR)
                p[i].fd = -1;
        }
    }
}

static int status_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* C only: nothing of Lua's below. */
static int run(char **argv, const char *cwd, tl_buf text[2], int *status)
{
    int out[2], err[2];
    pid_t pid;
    if (pipe2(out, O_CLOEXEC))
        return errno;
    if (pipe2(err, O_CLOEXEC)) {
        close(out[0]);
        close(out[1]);
        return errno;
    }
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out[1], 1);
    posix_spawn_file_actions_adddup2(&files, err[1], 2);
    if (cwd)
        posix_spawn_file_actions_addchdir_np(&files, cwd);
    default_signals(&attr, 0);
    int rc = posix_spawnp(&pid, argv[0], &files, &attr, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    close(out[1]);
    close(err[1]);
    if (!rc) {
        drain((int[]){out[0], err[0]}, text);
        while (waitpid(pid, status, 0) < 0 && errno == EINTR)
            ;
    }
    close(out[0]);
    close(err[0]);
    return rc;
}

/* capture(words[, {cwd =}]) -> output, errors, exit status (128 + signal); nil, message */
int tl__process_capture(lua_State *L)
{
    const char *cwd = option(L, "cwd");
    char **argv = words(L);
    tl_buf text[2] = {TL_BUF_INIT, TL_BUF_INIT};
    int status = 0, rc = run(argv, cwd, text, &status);
    if (rc) {
        tl_buf_free(&text[0]);
        tl_buf_free(&text[1]);
        return failed(L, argv[0], rc);
    }
    for (int i = 0; i < 2; i++) {
        lua_pushlstring(L, tl_buf_text(&text[i]), text[i].len);
        tl_buf_free(&text[i]);
    }
    lua_pushinteger(L, status_of(status));
    return 3;
}

/* wait() -> pid, exit status (128 + signal), {seconds of CPU, peak bytes}; false: none has ended;
 * nil: there are none */
static int sys_wait(lua_State *L)
{
    int status;
    struct rusage u;
    pid_t pid = wait4(-1, &status, WNOHANG, &u);
    if (pid < 0) {
        lua_pushnil(L);
        return 1;
    }
    if (pid == 0) {
        lua_pushboolean(L, 0);
        return 1;
    }
    lua_pushinteger(L, pid);
    lua_pushinteger(L, status_of(status));
    lua_newtable(L);
    lua_pushnumber(L, (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                          (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
    lua_setfield(L, -2, "cpu");
    lua_pushinteger(L, (lua_Integer)u.ru_maxrss * 1024);
    lua_setfield(L, -2, "memory");
    return 3;
}

static const struct {
    const char *name;
    int number;
} known_signals[] = {{"0", 0},          {"TERM", SIGTERM}, {"KILL", SIGKILL}, {"STOP", SIGSTOP},
                     {"CONT", SIGCONT}, {"INT", SIGINT},   {"USR1", SIGUSR1}};

/* kill(pid, "TERM") -> true; nil, message. A negative pid is a group. */
static int sys_kill(lua_State *L)
{
    lua_Integer pid = luaL_checkinteger(L, 1);
    const char *name = luaL_checkstring(L, 2);
    luaL_argcheck(L, pid > 1 || pid < -1, 1, "a pid");
    for (size_t i = 0; i < sizeof known_signals / sizeof known_signals[0]; i++)
        if (strcmp(known_signals[i].name, name) == 0) {
            if (kill((pid_t)pid, known_signals[i].number))
                return failed(L, "cannot signal it", errno);
            lua_pushboolean(L, 1);
            return 1;
        }
    return luaL_argerror(L, 2, "a signal's name");
}

/* When a process started, in the kernel's ticks: with the pid it names one process for ever. nil:
 * it is gone, or dead and not yet waited for. */
static int sys_started(lua_State *L)
{
    char path[64], text[1024];
    lua_Integer pid = luaL_checkinteger(L, 1);
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f)
        fclose(f);
    text[n] = '\0';
    char *p = strrchr(text, ')');
    if (p && (p[1] != ' ' || p[2] == 'Z' || p[2] == 'X'))
        p = NULL;
    for (int field = 0; p && field < 20; field++)
        p = strchr(p + 1, ' ');
    if (!p) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, (lua_Integer)strtoll(p, NULL, 10));
    return 1;
}

/* --- signals: a pipe that a wait ends on ------------------------------------------------------ */

static int woken[2] = {-1, -1};
static volatile sig_atomic_t asked; /* TERM or INT came */

static void on_signal(int sig)
{
    int saved = errno;
    if (sig == SIGTERM || sig == SIGINT)
        asked = sig;
    ssize_t n = write(woken[1], "", 1);
    (void)n;
    errno = saved;
}

/* signals(): from now on children's ends, TERM, INT and USR1 end a pause */
static int sys_signals(lua_State *L)
{
    static const int caught[] = {SIGCHLD, SIGTERM, SIGINT, SIGUSR1};
    if (woken[0] < 0 && pipe2(woken, O_CLOEXEC | O_NONBLOCK))
        return failed(L, "pipe", errno);
    struct sigaction s = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&s.sa_mask);
    for (int i = 0; i < 4; i++)
        sigaction(caught[i], &s, NULL);
    lua_pushboolean(L, 1);
    return 1;
}

/* pause(seconds) -> true when we were asked to end */
static int sys_pause(lua_State *L)
{
    double seconds = luaL_checknumber(L, 1);
    struct pollfd p = {.fd = woken[0], .events = POLLIN};
    char sink[256];
    if (poll(&p, woken[0] < 0 ? 0 : 1, seconds > 0 ? (int)(seconds * 1000) : 0) > 0)
        while (read(woken[0], sink, sizeof sink) > 0)
            ;
    lua_pushboolean(L, asked != 0);
    return 1;
}

void tl__process_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"spawn", sys_spawn},     {"capture", tl__process_capture},
                                         {"wait", sys_wait},       {"kill", sys_kill},
                                         {"started", sys_started}, {"signals", sys_signals},
                                         {"pause", sys_pause},     {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
