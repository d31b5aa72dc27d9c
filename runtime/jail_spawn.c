/* The zygote and its workers, seen from the server. See jail_wire.h. SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "runtime/jail_int.h"
#include "runtime/mem.h"
#include "runtime/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_SECONDS 10 /* for the zygote's and a worker's first word */

static int no_jail(tl_err *e, const char *what, int error)
{
    return tl_fail(e, TL_ECONFIG, "cannot build the jail for strangers' code: %s%s%s", what,
                   error ? ": " : "", error ? strerror(error) : "");
}

const char *tl__jail_step_text(int step)
{
    static const char *const text[TL_STEPS] = {"start",
                                               "mapping the shared memory",
                                               "closing descriptors",
                                               "signal handler",
                                               "parent's death",
                                               "not dumpable",
                                               "privileges",
                                               "Landlock",
                                               "resource limits",
                                               "seccomp"};
    return text[step > 0 && step < TL_STEPS ? step : 0];
}

/* --- descriptors over the socket ----------------------------------------------------------------
 */

static int send_with(int socket, const void *record, size_t size, const int *fd, int n)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(4 * sizeof(int))];
    } control = {.space = {0}};
    struct iovec v = {(void *)(uintptr_t)record, size};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    if (n) {
        m.msg_control = control.space;
        m.msg_controllen = CMSG_SPACE((size_t)n * sizeof *fd);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN((size_t)n * sizeof *fd);
        memcpy(CMSG_DATA(c), fd, (size_t)n * sizeof *fd);
    }
    ssize_t k;
    while ((k = sendmsg(socket, &m, MSG_NOSIGNAL)) < 0 && errno == EINTR)
        continue;
    return k == (ssize_t)size ? 0 : -1;
}

static int wait_readable(int fd, double seconds)
{
    struct pollfd p = {fd, POLLIN, 0};
    double end = tl_now() + seconds;
    for (;;) {
        double left = end - tl_now();
        int k = poll(&p, 1, left > 0 ? (int)(left * 1000) + 1 : 0);
        if (k > 0)
            return 0;
        if (k == 0 || errno != EINTR)
            return -1;
    }
}

/* *fd = -1 when none came. */
static int receive_with(int socket, void *record, size_t size, int *fd)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec v = {record, size};
    struct msghdr m = {.msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = control.space,
                       .msg_controllen = sizeof control.space};
    *fd = -1;
    if (wait_readable(socket, START_SECONDS))
        return -1;
    ssize_t k = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = k >= 0 ? CMSG_FIRSTHDR(&m) : NULL;
    if (c && c->cmsg_type == SCM_RIGHTS)
        memcpy(fd, CMSG_DATA(c), sizeof *fd);
    return k == (ssize_t)size ? 0 : -1;
}

/* --- the zygote ---------------------------------------------------------------------------------
 */

/* Where files of jobs are carried, it lies beside this program, which may have another name. */
char *tl_jail_worker(const char *named)
{
    named = named ? named : getenv("TELLUA_WORKER");
    if (named && *named)
        return tl_xstrdup(named);
    char self[1024];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n > 0) {
        self[n] = 0;
        char *slash = strrchr(self, '/');
        *slash = 0;
        static const char *const at[] = {"%s/libexec/tellua/worker", "%s/../libexec/tellua/worker",
                                         "%s/worker"};
        for (int k = 0; k < 3; k++) {
            char *path = tl_xasprintf(at[k], self);
            if (access(path, X_OK) == 0)
                return path;
            free(path);
        }
    }
    return tl_xstrdup(TL_LIBEXEC "/tellua/worker");
}

static int spawn_process(const char *path, int socket, pid_t *pid)
{
    char *argv[] = {(char *)(uintptr_t) "tellua-worker", NULL}, *envp[] = {NULL};
    posix_spawn_file_actions_t a;
    posix_spawnattr_t t;
    sigset_t none, all;
    posix_spawn_file_actions_init(&a);
    posix_spawnattr_init(&t);
    posix_spawn_file_actions_addopen(&a, 0, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_addopen(&a, 1, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&a, socket, TL_JAIL_CONTROL);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&t, &none);
    posix_spawnattr_setsigdefault(&t, &all);
    posix_spawnattr_setpgroup(&t, 0); /* the terminal's Ctrl-C is not for it */
    posix_spawnattr_setflags(&t, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                     POSIX_SPAWN_SETPGROUP);
    int error = posix_spawn(pid, path, &a, &t, argv, envp);
    posix_spawnattr_destroy(&t);
    posix_spawn_file_actions_destroy(&a);
    return error;
}

void tl__zygote_end(tl_jail *j)
{
    if (!j->zygote.pid)
        return;
    close(j->zygote.socket); /* it ends, and with it all workers */
    while (waitpid(j->zygote.pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    j->zygote.pid = 0;
}

static int hear_hello(tl_jail *j, tl_err *e)
{
    tl_zygote_hello *h = &j->zygote.hello;
    int none;
    if (receive_with(j->zygote.socket, h, sizeof *h, &none))
        return no_jail(e, j->worker, 0) ? tl_err_prefix(e, "no word from the worker program") : 0;
    if (h->wire != TL_JAIL_WIRE)
        return no_jail(e, "the worker program is of another version than this one", 0);
    h->lua[sizeof h->lua - 1] = h->filter[sizeof h->filter - 1] = 0;
    return h->error ? no_jail(e, tl__jail_step_text(h->step), h->error) : 0;
}

/* Called with zygote_lock held. */
static int start(tl_jail *j, tl_err *e)
{
    int pair[2];
    if (j->zygote.pid)
        return 0;
    if (!j->worker)
        j->worker = tl_jail_worker(j->o.worker);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return no_jail(e, "socketpair", errno);
    int error = spawn_process(j->worker, pair[1], &j->zygote.pid);
    close(pair[1]);
    j->zygote.socket = pair[0];
    if (error) {
        close(pair[0]);
        j->zygote.pid = 0;
        return no_jail(e, j->worker, error);
    }
    j->zygote.generation++;
    int rc = hear_hello(j, e);
    if (rc) {
        kill(j->zygote.pid, SIGKILL); /* what says nothing may not hear that its socket is closed */
        tl__zygote_end(j);
    }
    return rc;
}

/* One question, one answer; a zygote that does not answer a FORK is replaced once. *generation says
 * which one answered; a REAP is for the one it names alone. */
static int ask(tl_jail *j, const tl_zygote_ask *q, const int *fds, int nfds, tl_zygote_answer *a,
               int *fd, long *generation, tl_err *e)
{
    int rc = 0, fork = q->op == TL_ZYGOTE_FORK, again = fork;
    pthread_mutex_lock(&j->zygote_lock);
    do {
        if (!fork && (!j->zygote.pid || j->zygote.generation != *generation)) {
            rc = -1;
            break;
        }
        rc = start(j, e);
        if (rc)
            break;
        *generation = j->zygote.generation;
        if (!send_with(j->zygote.socket, q, sizeof *q, fds, nfds) &&
            !receive_with(j->zygote.socket, a, sizeof *a, fd))
            break;
        kill(j->zygote.pid, SIGKILL);
        tl__zygote_end(j);
        rc = no_jail(e, "the worker program ended", 0);
    } while (again--);
    pthread_mutex_unlock(&j->zygote_lock);
    return rc;
}

/* --- workers ------------------------------------------------------------------------------------
 */

static int memory_file(const char *name, size_t size, char **map)
{
    int fd = (int)syscall(SYS_memfd_create, name, 3 /* CLOEXEC | ALLOW_SEALING */);
    if (fd < 0)
        return -1;
    if (ftruncate(fd, (off_t)size) == 0)
        *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (*map != MAP_FAILED)
        return fd;
    close(fd);
    return -1;
}

/* `in` can be mapped for reading alone from here on; neither changes its size. */
static int make_memory(tl__jailed *w, int fd[2])
{
    fd[0] = memory_file("tellua-in", TL_JAIL_IN, &w->in);
    fd[1] = fd[0] < 0 ? -1 : memory_file("tellua-out", TL_JAIL_OUT, &w->out);
    int sizes = F_SEAL_SHRINK | F_SEAL_GROW;
    return fd[1] < 0 || fcntl(fd[0], F_ADD_SEALS, sizes | 16 /* FUTURE_WRITE */ | F_SEAL_SEAL) ||
                   fcntl(fd[1], F_ADD_SEALS, sizes | F_SEAL_SEAL)
               ? -1
               : 0;
}

/* The worker's number in this process's namespace stands in /proc alone. */
static void find_clock(tl__jailed *w)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", w->pidfd);
    FILE *f = fopen(path, "re");
    int pid = 0;
    while (f && !pid && fgets(line, sizeof line, f))
        if (strncmp(line, "Pid:", 4) == 0)
            pid = atoi(line + 4);
    if (f)
        fclose(f);
    w->pid = pid;
    w->has_clock = pid > 0 && clock_getcpuclockid(pid, &w->clock) == 0;
}

/* Has the zygote that knows it end the child, and say how it ended. */
static int reap(tl_jail *j, tl__jailed *w, int child, tl_zygote_answer *a)
{
    tl_zygote_ask q = {.wire = TL_JAIL_WIRE, .op = TL_ZYGOTE_REAP, .child = child};
    int none;
    return ask(j, &q, NULL, 0, a, &none, &w->generation, NULL);
}

static int ended_early(tl_jail *j, tl__jailed *w, tl_err *e)
{
    int status = 0;
    int64_t rss;
    tl__jailed_end(j, w, &status, &rss);
    int step = WIFEXITED(status) ? WEXITSTATUS(status) - TL_JAIL_EXIT : 0;
    if (step > 0 && step < TL_STEPS)
        return no_jail(e, tl__jail_step_text(step), 0)
                   ? tl_err_prefix(e, "a worker refused to serve")
                   : 0;
    return no_jail(e, "a worker ended at its start", 0);
}

static int fork_worker(tl_jail *j, tl__jailed *w, const tl_limits *l, const int fd[4], tl_err *e)
{
    tl_zygote_ask q = {.wire = TL_JAIL_WIRE,
                       .op = TL_ZYGOTE_FORK,
                       .fail_step = j->o.fail_step,
                       .memory = l->memory,
                       .cpu_life = (uint64_t)l->cpu_life};
    tl_zygote_answer a = {0};
    int rc = ask(j, &q, fd, 4, &a, &w->pidfd, &w->generation, e);
    if (rc)
        return rc;
    if (a.error)
        return no_jail(e, "fork", a.error);
    if (w->pidfd < 0) { /* there was no room for it in this process: nobody could end that worker */
        reap(j, w, a.child, &(tl_zygote_answer){0});
        return no_jail(e, "fork", EMFILE);
    }
    w->child = a.child;
    return 0;
}

int tl__jailed_spawn(tl_jail *j, const tl_limits *limits, tl__jailed **out, tl_err *e)
{
    tl__jailed *w = tl_xcalloc(1, sizeof *w);
    int mem[2] = {-1, -1}, from[2] = {-1, -1};
    *w = (tl__jailed){.pidfd = -1, .to = -1, .from = -1, .in = MAP_FAILED, .out = MAP_FAILED};
    w->memory = limits->memory;
    w->cpu_life = limits->cpu_life;
    w->gives_way = j->o.gives_way;
    int rc = 0;
    /* An event counter: writing to a dead worker's is no SIGPIPE. */
    if (make_memory(w, mem) || (w->to = eventfd(0, EFD_CLOEXEC)) < 0 || pipe2(from, O_CLOEXEC))
        rc = no_jail(e, "memory files and bells", errno);
    w->from = from[0];
    if (!rc) {
        fcntl(w->from, F_SETFL, O_NONBLOCK); /* of this end alone */
        rc = fork_worker(j, w, limits, (const int[4]){mem[0], mem[1], w->to, from[1]}, e);
    }
    const int ours[3] = {mem[0], mem[1], from[1]};
    for (int k = 0; k < 3; k++)
        if (ours[k] >= 0)
            close(ours[k]);
    char byte;
    if (!rc) {
        find_clock(w);
        if (wait_readable(w->from, START_SECONDS) || read(w->from, &byte, 1) != 1)
            return ended_early(j, w, e);
        *out = w;
        return 0;
    }
    w->child = -1;
    tl__jailed_end(j, w, &(int){0}, &(int64_t){0});
    return rc;
}

void tl__jailed_end(tl_jail *j, tl__jailed *w, int *status, int64_t *max_rss)
{
    *status = 0;
    *max_rss = 0;
    if (w->pidfd >= 0 && w->child >= 0) {
        syscall(SYS_pidfd_send_signal, w->pidfd, SIGKILL, NULL, 0);
        tl_zygote_answer a = {0};
        if (wait_readable(w->pidfd, START_SECONDS) == 0 && !reap(j, w, w->child, &a)) {
            *status = a.status;
            *max_rss = a.max_rss;
        }
    }
    const int fds[3] = {w->pidfd, w->to, w->from};
    for (int k = 0; k < 3; k++)
        if (fds[k] >= 0)
            close(fds[k]);
    if (w->in != MAP_FAILED)
        munmap(w->in, TL_JAIL_IN);
    if (w->out != MAP_FAILED)
        munmap(w->out, TL_JAIL_OUT);
    free(w->tenant);
    free(w);
}
