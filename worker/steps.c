/* Into the jail. Each step is checked; one that fails ends the worker. SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OVERHEAD ((uint64_t)64 << 20) /* beside Lua's own memory: stacks, malloc, the compiler */
#define NOBODY   65534

/* --- the filter ---------------------------------------------------------------------------------
 */

/* All that a worker asks of the kernel once it is inside: its bells, and memory that can never be
 * executed. */
static int fill_filter(scmp_filter_ctx c)
{
    static const int free_calls[] = {SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap),
                                     SCMP_SYS(rt_sigreturn), SCMP_SYS(exit_group)};
    int rc =
        seccomp_rule_add_exact(c, SCMP_ACT_ALLOW, SCMP_SYS(read), 1, SCMP_A0_64(SCMP_CMP_EQ, 0, 0));
    rc |= seccomp_rule_add_exact(c, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
                                 SCMP_A0_64(SCMP_CMP_EQ, 1, 0));
    rc |= seccomp_rule_add_exact(c, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                                 SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                                 SCMP_A3_64(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
    for (size_t k = 0; k < sizeof free_calls / sizeof *free_calls; k++)
        rc |= seccomp_rule_add_exact(c, SCMP_ACT_ALLOW, free_calls[k], 0);
    return rc;
}

/* The compiled filter, through a memory file: libseccomp writes it to a descriptor. */
static int export_filter(scmp_filter_ctx c, struct sock_fprog *out)
{
    int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0 || seccomp_export_bpf(c, fd))
        return -1;
    off_t size = lseek(fd, 0, SEEK_END);
    struct sock_filter *f = malloc((size_t)size);
    int good = f && size > 0 && pread(fd, f, (size_t)size, 0) == size;
    close(fd);
    *out = (struct sock_fprog){(unsigned short)((size_t)size / sizeof *f), f};
    return good ? 0 : -1;
}

static int make_filter(struct sock_fprog *out)
{
    scmp_filter_ctx c = seccomp_init(SCMP_ACT_KILL_PROCESS); /* other architectures, x32 too */
    int rc = c ? fill_filter(c) : -1;
    rc = rc ? rc : seccomp_attr_set(c, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    rc = rc ? rc : export_filter(c, out);
    seccomp_release(c);
    return rc ? ENOSYS : 0;
}

int tl_wall_make(tl_wall *w)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    w->landlock = abi > 0 ? (int)abi : 0;
    return make_filter(&w->filter);
}

/* --- the zygote's share -------------------------------------------------------------------------
 */

int tl_wall_namespaces(void)
{
    static const struct {
        int flag, bit;
    } kinds[] = {{CLONE_NEWPID, 2},
                 {CLONE_NEWNET, 4},
                 {CLONE_NEWNS, 8},
                 {CLONE_NEWIPC, 16},
                 {CLONE_NEWUTS, 32}};
    int left = 0;
    if (geteuid() != 0 && unshare(CLONE_NEWUSER) == 0)
        left |= 1;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        if (unshare(kinds[k].flag) == 0)
            left |= kinds[k].bit;
    return left;
}

int tl_wall_user(void)
{
    return geteuid() == 0 && setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
           setresuid(NOBODY, NOBODY, NOBODY) == 0;
}

int tl_wall_mdwe(void)
{
    return prctl(65 /* PR_SET_MDWE */, 1 /* PR_MDWE_REFUSE_EXEC_GAIN */, 0, 0, 0) == 0;
}

size_t tl_wall_address_space(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f || fscanf(f, "%lu", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE) + TL_JAIL_IN + TL_JAIL_OUT;
}

/* --- steps: 0 = done
 * ------------------------------------------------------------------------------ */

static int close_all(void)
{
    return close_range(2, ~0u, 0);
}

/* Restarts a read of the bell; the alarm itself is the host's. */
static int set_signals(void (*on_deadline)(int))
{
    struct sigaction a = {.sa_handler = on_deadline, .sa_flags = SA_RESTART};
    return sigaction(SIGUSR1, &a, NULL);
}

static int set_parent(void)
{
    return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

static int set_undumpable(void)
{
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static int drop_privileges(void)
{
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_capset, &h, none) ? -1 : 0;
}

/* What the running kernel knows of; newer rights are in the later fields. */
static int set_landlock(int abi)
{
    struct {
        uint64_t fs, net, scoped;
    } all = {abi >= 5   ? (1u << 16) - 1
             : abi >= 3 ? (1u << 15) - 1
             : abi == 2 ? (1u << 14) - 1
                        : (1u << 13) - 1,
             abi >= 4 ? 3 : 0, abi >= 6 ? 3 : 0};
    if (!abi)
        return 0; /* the zygote said so, and doctor shows it */
    size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    int fd = (int)syscall(SYS_landlock_create_ruleset, &all, size, 0);
    int rc = fd < 0 ? -1 : (int)syscall(SYS_landlock_restrict_self, fd, 0);
    if (fd >= 0 && close(fd))
        rc = -1;
    return rc;
}

static int set_rlimits(const tl_wall *w, const tl_zygote_ask *q)
{
    rlim_t space = w->address_space + q->memory + OVERHEAD;
    const struct {
        int what;
        rlim_t soft, hard;
    } limits[] = {{RLIMIT_AS, space, space},
                  {RLIMIT_CPU, q->cpu_life ? q->cpu_life : RLIM_INFINITY,
                   q->cpu_life ? q->cpu_life + 1 : RLIM_INFINITY},
                  {RLIMIT_CORE, 0, 0},
                  {RLIMIT_FSIZE, 0, 0},
                  {RLIMIT_NOFILE, 0, 0},
                  {RLIMIT_NPROC, 0, 0},
                  {RLIMIT_MEMLOCK, 0, 0},
                  {RLIMIT_MSGQUEUE, 0, 0}};
    for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) {
        struct rlimit r = {limits[k].soft, limits[k].hard};
        if (setrlimit((__rlimit_resource_t)limits[k].what, &r))
            return -1;
    }
    return 0;
}

static int set_filter(const tl_wall *w)
{
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &w->filter);
}

static int do_step(tl_jail_step step, const tl_wall *w, const tl_zygote_ask *q,
                   void (*on_deadline)(int))
{
    switch (step) {
    case TL_STEP_CLOSE:
        return close_all();
    case TL_STEP_SIGNALS:
        return set_signals(on_deadline);
    case TL_STEP_PARENT:
        return set_parent();
    case TL_STEP_DUMPABLE:
        return set_undumpable();
    case TL_STEP_PRIVILEGES:
        return drop_privileges();
    case TL_STEP_LANDLOCK:
        return set_landlock(w->landlock);
    case TL_STEP_RLIMITS: /* after Landlock, which needs a descriptor */
        return set_rlimits(w, q);
    case TL_STEP_SECCOMP:
        return set_filter(w);
    default:
        return 0;
    }
}

void tl_wall_enter_until(const tl_wall *w, const tl_zygote_ask *q, void (*on_deadline)(int),
                         tl_jail_step last)
{
    for (tl_jail_step step = TL_STEP_CLOSE; step <= last; step++)
        if (q->fail_step == (int)step || do_step(step, w, q, on_deadline))
            _exit(TL_JAIL_EXIT + (int)step);
}

void tl_wall_enter(const tl_wall *w, const tl_zygote_ask *q, void (*on_deadline)(int))
{
    tl_wall_enter_until(w, q, on_deadline, TL_STEP_SECCOMP);
}
