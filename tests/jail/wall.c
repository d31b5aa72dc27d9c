/* "Assume that the VM is broken": native code behind the wall tries every system call there is, and
 * what is left of the allowed ones beyond their arguments. SPDX-License-Identifier: MIT
 *
 * TAP. The wall is the worker's own (worker/steps.c). */
#define _GNU_SOURCE
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_CALLS 512 /* numbers beyond the newest */

static tl_wall wall;
static int count, failed;

static void on_deadline(int sig)
{
    (void)sig;
}

static void ok(int good, const char *what)
{
    printf("%sok %d - %s\n", good ? "" : "not ", ++count, what);
    failed |= !good;
}

/* How a process ends that goes behind the wall, as far as `last`, and does `act`. */
static int behind(int fail_step, tl_jail_step last, void (*act)(const long *), const long *arg)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        void *volatile warm = malloc(64);
        int bell[2];
        tl_zygote_ask q = {.memory = 32 << 20, .cpu_life = 60, .fail_step = fail_step};
        free(warm);
        if (pipe(bell) || dup2(bell[0], 0) < 0 || dup2(bell[1], 1) < 0)
            _exit(1);
        tl_wall_enter_until(&wall, &q, on_deadline, last);
        act(arg);
        _exit(7);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return status;
}

static void call(const long *a)
{
    syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
}

static int dies(const long *a)
{
    int status = behind(0, TL_STEP_SECCOMP, call, a);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static int is_allowed(long nr)
{
    static const long allowed[] = {SYS_read,   SYS_write,        SYS_mmap,       SYS_munmap,
                                   SYS_mremap, SYS_rt_sigreturn, SYS_exit_group, SYS_brk};
    for (size_t k = 0; k < sizeof allowed / sizeof *allowed; k++)
        if (allowed[k] == nr)
            return 1;
    return 0;
}

/* uretprobe and uprobe of x86-64: newer kernels never show them to a filter, and give them a
 * meaning at a probe's own trampoline alone. Elsewhere they are an illegal instruction or an error.
 */
static void probe(const long *a)
{
    _exit(syscall(a[0], 0, 0, 0) == -1 ? 0 : 1);
}

static int is_probe(long nr)
{
#ifdef __x86_64__
    return nr == 335 || nr == 336;
#else
    return nr < 0;
#endif
}

static int probe_is_harmless(long nr)
{
    int status = behind(0, TL_STEP_SECCOMP, probe, (const long[7]){nr});
    return WIFSIGNALED(status) || WEXITSTATUS(status) == 0;
}

static void try_all(void)
{
    int tried = 0, alive = 0;
    for (long nr = 0; nr < MOST_CALLS; nr++) {
        if (is_allowed(nr))
            continue;
        tried++;
        if (is_probe(nr) ? !probe_is_harmless(nr) : !dies((const long[7]){nr})) {
            alive++;
            printf("# system call %ld was not fatal\n", nr);
        }
    }
    printf("# %d system calls tried\n", tried);
    ok(tried > 400 && !alive, "every system call but the eight is fatal");
}

static void try_arguments(void)
{
    static const struct {
        const char *what;
        long a[7];
    } tries[] = {
        {"read from a descriptor that is not the bell", {SYS_read, 3, 0, 0, 0, 0, 0}},
        {"read from standard error", {SYS_read, 2, 0, 0, 0, 0, 0}},
        {"read with a bell's number in its low half", {SYS_read, 0x100000000, 0, 0, 0, 0, 0}},
        {"write to the bell that is read", {SYS_write, 0, 0, 0, 0, 0, 0}},
        {"write to standard error", {SYS_write, 2, 0, 0, 0, 0, 0}},
        {"map memory that can be executed",
         {SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
          0}},
        {"map a file", {SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, 0, 0}},
    };
    for (size_t k = 0; k < sizeof tries / sizeof *tries; k++)
        ok(dies(tries[k].a), tries[k].what);
}

#ifdef __x86_64__
static void old_gate(const long *a)
{
    long r = a[0];
    __asm__ volatile("int $0x80" : "+a"(r));
}

/* A kernel that runs no 32-bit programs has none: whoever tries is killed by the processor's fault,
 * before any filter is asked. */
static void try_gates(void)
{
    const long getpid_there[7] = {20};
    int there = WIFEXITED(behind(0, TL_STEP_RLIMITS, old_gate, getpid_there));
    int status = behind(0, TL_STEP_SECCOMP, old_gate, getpid_there);
    if (!there)
        puts("# this kernel has no gate of 32-bit programs");
    ok(WIFSIGNALED(status) && WTERMSIG(status) == (there ? SIGSYS : SIGSEGV),
       "the gate of 32-bit programs is closed");
    ok(dies((const long[7]){0x40000000 | SYS_getpid}), "the numbers of x32 are fatal");
    ok(dies((const long[7]){0x40000000 | SYS_write, 1}),
       "an allowed call by its number of x32, too");
}
#else
static void try_gates(void) {}
#endif

static void use_memory(const long *a)
{
    (void)a;
    char *p = malloc(3 << 20);
    if (!p)
        _exit(1);
    memset(p, 1, 3 << 20);
    p = realloc(p, 9 << 20);
    free(p);
    if (write(1, "!", 1) != 1)
        _exit(2);
    _exit(0);
}

static void take_too_much(const long *a)
{
    size_t n = (size_t)a[0];
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    _exit(p == MAP_FAILED ? 0 : 1);
}

static void open_nothing(const long *a)
{
    (void)a;
    _exit(syscall(SYS_openat, AT_FDCWD, "/etc/passwd", 0) < 0 && errno == EACCES ? 0 : 1);
}

static void fork_nothing(const long *a)
{
    (void)a;
    _exit(fork() < 0 ? 0 : 1);
}

static void try_other_walls(void)
{
    ok(behind(0, TL_STEP_SECCOMP, use_memory, NULL) == 0, "memory can be had and the bell rung");
    ok(behind(0, TL_STEP_SECCOMP, take_too_much, (const long[7]){256 << 20}) == 0,
       "no more memory than the cap and what is stated");
    if (wall.landlock)
        ok(behind(0, TL_STEP_LANDLOCK, open_nothing, NULL) == 0,
           "Landlock alone lets no file be opened");
    if (geteuid() != 0)
        ok(behind(0, TL_STEP_RLIMITS, fork_nothing, NULL) == 0,
           "the limits alone let nothing be forked");
}

static void nothing(const long *a)
{
    (void)a;
}

static void try_failures(void)
{
    for (int step = TL_STEP_CLOSE; step < TL_STEPS; step++) {
        char what[80];
        int status = behind(step, TL_STEP_SECCOMP, nothing, NULL);
        snprintf(what, sizeof what, "a worker whose step %d fails ends at once", step);
        ok(WIFEXITED(status) && WEXITSTATUS(status) == TL_JAIL_EXIT + step, what);
    }
}

int main(void)
{
    if (tl_wall_make(&wall)) {
        puts("Bail out! there is no filter");
        return 1;
    }
    wall.address_space = tl_wall_address_space();
    try_all();
    try_arguments();
    try_gates();
    try_other_walls();
    try_failures();
    printf("1..%d\n", count);
    return failed;
}
