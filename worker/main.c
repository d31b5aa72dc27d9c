/* The zygote: forks workers on request, and says how they ended. SPDX-License-Identifier: MIT
 *
 * Started by posix_spawn with an empty environment and one socket. As a namespace of processes dies
 * with its first member, the zygote is that one: the program itself only waits for it. */
#define _GNU_SOURCE
#include "worker/worker.h"
#include "modules/expr/fn.h"
#include "runtime/host.h"

#include <errno.h>
#include <jansson.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static tl_wall wall;

static void on_deadline(int sig)
{
    (void)sig;
    tl_host_deadline();
}

/* --- the worker
 * ----------------------------------------------------------------------------------- */

static void refuse(int step)
{
    _exit(TL_JAIL_EXIT + step);
}

/* fd: in, out, the bell to read, the bell to write. */
static void become_worker(const tl_zygote_ask *q, const int fd[4])
{
    char *in = mmap(NULL, TL_JAIL_IN, PROT_READ, MAP_SHARED, fd[0], 0);
    char *out = mmap(NULL, TL_JAIL_OUT, PROT_READ | PROT_WRITE, MAP_SHARED, fd[1], 0);
    if (in == MAP_FAILED || out == MAP_FAILED || q->fail_step == TL_STEP_MAP ||
        dup2(fd[2], 0) < 0 || dup2(fd[3], 1) < 0)
        refuse(TL_STEP_MAP);
    tl_wall_enter(&wall, q, on_deadline);
    if (write(1, "!", 1) != 1)
        _exit(1);
    tl_serve(in, out);
}

/* --- the zygote
 * ----------------------------------------------------------------------------------- */

static int take_fds(struct msghdr *m, int fd[4])
{
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(4 * sizeof *fd))
        return -1;
    memcpy(fd, CMSG_DATA(c), 4 * sizeof *fd);
    return 0;
}

static void answer(const tl_zygote_answer *a, int pidfd)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.space = {0}};
    struct iovec v = {(void *)(uintptr_t)a, sizeof *a};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    if (pidfd >= 0) {
        m.msg_control = control.space;
        m.msg_controllen = sizeof control.space;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof pidfd);
        memcpy(CMSG_DATA(c), &pidfd, sizeof pidfd);
    }
    if (sendmsg(TL_JAIL_CONTROL, &m, MSG_NOSIGNAL) != (ssize_t)sizeof *a)
        _exit(0); /* nobody is there any more */
}

static void fork_one(const tl_zygote_ask *q, const int fd[4])
{
    tl_zygote_answer a = {0};
    int pidfd = -1;
    pid_t pid = fork();
    if (pid == 0)
        become_worker(q, fd);
    if (pid > 0) {
        a.child = pid;
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    }
    if (pidfd < 0) {
        a.error = errno;
        if (pid > 0) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
        }
    }
    answer(&a, pidfd);
    if (pidfd >= 0)
        close(pidfd);
}

/* The server has seen it die, or has no hand on it. */
static void reap(int child)
{
    tl_zygote_answer a = {.child = child};
    struct rusage u;
    memset(&u, 0, sizeof u);
    if (child <= 0 || kill(child, SIGKILL) || wait4(child, &a.status, 0, &u) != child)
        a.error = ECHILD;
    a.max_rss = (int64_t)u.ru_maxrss * 1024;
    answer(&a, -1);
}

static void serve_control(void)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(4 * sizeof(int))];
    } control;
    for (;;) {
        tl_zygote_ask q;
        int fd[4];
        struct iovec v = {&q, sizeof q};
        struct msghdr m = {.msg_iov = &v,
                           .msg_iovlen = 1,
                           .msg_control = control.space,
                           .msg_controllen = sizeof control.space};
        ssize_t n = recvmsg(TL_JAIL_CONTROL, &m, MSG_CMSG_CLOEXEC);
        if (n < 0 && errno == EINTR)
            continue;
        if (n != (ssize_t)sizeof q || q.wire != TL_JAIL_WIRE)
            return;
        if (q.op == TL_ZYGOTE_REAP) {
            reap(q.child);
        } else if (!take_fds(&m, fd)) {
            fork_one(&q, fd);
            for (int k = 0; k < 4; k++)
                close(fd[k]);
        }
    }
}

/* The first malloc of a process asks for random numbers, and so does jansson's first object; what
 * is done once wakes others by a system call: a jailed one cannot. */
static void warm_up(void)
{
    void *volatile p = malloc(64);
    free(p);
    json_object_seed(0);
    tl_frozen_unref(tl_frozen_standard("clamp")); /* of the helpers, which are parsed once */
}

static void run_zygote(int namespaces)
{
    tl_zygote_hello h = {.wire = TL_JAIL_WIRE, .namespaces = namespaces};
    const struct scmp_version *v = seccomp_version();
    warm_up();
    h.error = tl_wall_make(&wall);
    h.step = h.error ? TL_STEP_SECCOMP : 0;
    h.landlock = wall.landlock;
    wall.address_space = tl_wall_address_space();
    h.user = tl_wall_user();
    h.mdwe = tl_wall_mdwe();
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* after the change of user, which forgets it */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    snprintf(h.lua, sizeof h.lua, "%s", LUA_RELEASE);
    snprintf(h.filter, sizeof h.filter, "%u.%u.%u", v->major, v->minor, v->micro);
    if (send(TL_JAIL_CONTROL, &h, sizeof h, MSG_NOSIGNAL) == (ssize_t)sizeof h && !h.error)
        serve_control();
    _exit(0);
}

int main(void)
{
    int type;
    socklen_t size = sizeof type;
    if (getsockopt(TL_JAIL_CONTROL, SOL_SOCKET, SO_TYPE, &type, &size)) {
        fputs("tellua-worker: started by tellua, not by hand\n", stderr);
        return 2;
    }
    close_range(TL_JAIL_CONTROL + 1, ~0u, 0);
    int namespaces = tl_wall_namespaces();
    pid_t zygote = fork();
    if (zygote == 0)
        run_zygote(namespaces);
    close(TL_JAIL_CONTROL);
    while (zygote > 0 && waitpid(zygote, NULL, 0) < 0 && errno == EINTR)
        continue;
    return zygote < 0;
}
