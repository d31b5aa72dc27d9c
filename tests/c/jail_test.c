/* The jail from the server's side: verdicts, tenants, deaths, limits. SPDX-License-Identifier: MIT
 */
#include "runtime/jail.h"
#include "runtime/jail_wire.h"
#include "runtime/mem.h"
#include "runtime/watch.h"
#include "tests/c/test.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static tl_jail *jail;

static int open_jail(void **state)
{
    tl_jail_options o = {.most_workers = 4, .most_per_tenant = 2, .patience = 0.3};
    (void)state;
    jail = tl_jail_new(&o);
    return 0;
}

static int count_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

static int close_jail(void **state)
{
    (void)state;
    tl_jail_free(jail);
    jail = NULL;
    return 0;
}

static tl_limits pixel(void)
{
    return tl_limits_of(TL_PROFILE_PIXEL);
}

static tl_jail_report run(const char *tenant, const tl_limits *l, const char *text, tl_err *e)
{
    tl_jail_report r;
    *e = (tl_err)TL_ERR_INIT;
    int rc = tl_jail_script(jail, tenant, l, text, strlen(text), &r, e);
    assert_int_equal(rc != 0, r.verdict != TL_VERDICT_HARMLESS);
    return r;
}

static void bytes_come_back(void **state)
{
    (void)state;
    static char a[1 << 20], b[1 << 20];
    tl_err e = TL_ERR_INIT;
    for (size_t i = 0; i < sizeof a; i++)
        a[i] = (char)(i * 31);
    assert_tl_ok(tl_jail_echo(jail, "t", a, b, sizeof a, &e), &e);
    assert_int_equal(tl_jail_echo(jail, "t", a, b, TL_JAIL_IN, &e), TL_ESCRIPT);
}

static void verdicts_have_a_line_and_a_reason(void **state)
{
    (void)state;
    tl_err e;
    tl_limits l = pixel();
    assert_int_equal(run("t", &l, "return function(a) return a end", &e).verdict,
                     TL_VERDICT_HARMLESS);
    assert_int_equal(run("t", &l, "\nerror 'no'", &e).verdict, TL_VERDICT_BLOCKED);
    assert_string_equal(e.message, "no");
    assert_string_equal(e.where, "tenant:2");
    tl_jail_report r = run("t", &l, "\n\nwhile true do end", &e);
    assert_int_equal(r.verdict, TL_VERDICT_TIME);
    assert_string_equal(e.where, "tenant:3");
    assert_non_null(strstr(e.message, "0.25 s of CPU"));
    assert_true(r.cpu >= 0.25 && r.cpu < 0.28);
    assert_int_equal(run("t", &l, "local s = 'x' while true do s = s .. s end", &e).verdict,
                     TL_VERDICT_MEMORY);
    assert_int_equal(e.code, TL_ENOMEM);
    assert_non_null(strstr(e.message, "32 MiB"));
    assert_int_equal(run("t", &l, "x = = 1", &e).verdict, TL_VERDICT_BLOCKED);
    assert_string_equal(e.where, "tenant:1:5");
}

static void the_hard_deadline_kills(void **state)
{
    (void)state;
    tl_err e;
    tl_limits l = pixel();
    l.wall = 100; /* of a busy machine */
    tl_jail_report r =
        run("h", &l, "return ('a'):rep(60):find(('a?'):rep(60) .. ('a'):rep(60) .. 'b')", &e);
    assert_int_equal(r.verdict, TL_VERDICT_TIME);
    assert_int_equal(r.killed, 1);
    assert_true(r.cpu >= 1.5 && r.cpu < 1.55);
    double t0 = tl_now();
    assert_int_equal(run("h", &l, "return 1", &e).verdict, TL_VERDICT_HARMLESS);
    print_message("# next request after a kill: %.2f ms\n", (tl_now() - t0) * 1e3);
}

static void a_deadline_of_wall_time_says_so(void **state)
{
    (void)state;
    tl_err e;
    tl_limits l = pixel();
    l.cpu_soft = l.cpu_hard = 0;
    l.wall = 1;
    assert_int_equal(run("w", &l, "while true do end", &e).verdict, TL_VERDICT_TIME);
    assert_string_equal(e.message, "it was stopped: it was not done after 1 s");
}

static void a_worker_serves_one_tenant(void **state)
{
    (void)state;
    tl_err e;
    tl_limits l = pixel();
    tl_jail_counts before = tl_jail_count(jail);
    run("one", &l, "return 1", &e);
    run("one", &l, "return 1", &e);
    tl_jail_counts same = tl_jail_count(jail);
    run("two", &l, "return 1", &e);
    tl_jail_counts other = tl_jail_count(jail);
    assert_int_equal(same.spawned - before.spawned, 1);
    assert_int_equal(other.spawned - same.spawned, 1);
    for (int k = 0; k < 20; k++) { /* no more processes than allowed */
        char name[20];
        snprintf(name, sizeof name, "n%d", k);
        run(name, &l, "return 1", &e);
        assert_true(tl_jail_count(jail).workers <= 4);
    }
}

static void what_is_killed_thrice_rests(void **state)
{
    (void)state;
    tl_err e;
    tl_limits l = pixel();
    const char *text = "while true do end --[[ breaker ]]";
    for (int k = 0; k < 3; k++)
        assert_int_equal(run("b", &l, text, &e).verdict, TL_VERDICT_TIME);
    assert_int_equal(run("b", &l, text, &e).verdict, TL_VERDICT_REFUSED);
    assert_int_equal(e.code, TL_ETRANSIENT);
    assert_int_equal(run("b", &l, "return 1", &e).verdict, TL_VERDICT_HARMLESS);
    assert_int_equal(run("c", &l, text, &e).verdict, TL_VERDICT_TIME);
}

static void *run_long(void *refused)
{
    tl_err e = TL_ERR_INIT;
    tl_limits l = pixel();
    tl_jail_report r;
    char text[80];
    snprintf(text, sizeof text, "while true do end -- %p", refused);
    l.cpu_soft = 1;
    if (tl_jail_script(jail, "many", &l, text, strlen(text), &r, &e) == TL_ETRANSIENT)
        *(int *)refused = 1;
    return NULL;
}

static void a_tenant_has_its_share_alone(void **state)
{
    (void)state;
    pthread_t t[4];
    int refused[4] = {0};
    tl_err e;
    tl_limits l = pixel();
    for (int k = 0; k < 4; k++)
        pthread_create(&t[k], NULL, run_long, &refused[k]);
    while (tl_jail_count(jail).busy < 2)
        usleep(1000);
    assert_int_equal(run("other", &l, "return 1", &e).verdict, TL_VERDICT_HARMLESS);
    for (int k = 0; k < 4; k++)
        pthread_join(t[k], NULL);
    assert_int_equal(refused[0] + refused[1] + refused[2] + refused[3], 2);
}

static void each_step_that_fails_refuses_to_serve(void **state)
{
    (void)state;
    for (int step = TL_STEP_MAP; step < TL_STEPS; step++) {
        tl_jail_options o = {.fail_step = step};
        tl_jail *j = tl_jail_new(&o);
        tl_err e = TL_ERR_INIT;
        char byte = 1;
        assert_int_equal(tl_jail_echo(j, "t", &byte, &byte, 1, &e), TL_ECONFIG);
        if (!strstr(e.message, "refused to serve"))
            fail_msg("step %d: %s", step, e.message);
        tl_jail_free(j);
    }
}

static void a_zygote_that_dies_is_replaced(void **state)
{
    (void)state;
    tl_err e;
    tl_limits l = pixel();
    run("z", &l, "return 1", &e);
    FILE *f = fopen("/proc/thread-self/children", "r");
    int pid = 0, n = 0;
    while (f && fscanf(f, "%d", &pid) == 1)
        n += kill(pid, SIGKILL) == 0;
    if (f)
        fclose(f);
    if (!n)
        skip(); /* a kernel that does not tell */
    for (n = 0; run("z", &l, "return 1", &e).verdict == TL_VERDICT_HARMLESS; n++)
        assert_true(n < 100000); /* until its worker is found dead */
    assert_int_equal(run("y", &l, "return 1", &e).verdict, TL_VERDICT_HARMLESS);
    assert_int_equal(run("z", &l, "return 1", &e).verdict, TL_VERDICT_HARMLESS);
}

static void memory_stays_below_the_cap_and_what_is_stated(void **state)
{
    (void)state;
    static const char *const attacks[] = {
        "local t = {} for i = 1, 1e9 do t[i] = i end",
        "local t = {} for i = 1, 1e9 do t[i] = {} end",
        "local t = {} for i = 1, 1e9 do t['k' .. i] = i end",
        "local s = 'x' while true do s = s .. s end",
        "return ('x'):rep(1 << 24):gsub('.', ('y'):rep(1 << 16))",
        ("while true do pcall(string.rep, 'x', 1 << 25) local t = "
         "{} for i = 1, 1e6 do t[i] = i end end")};
    tl_limits l = pixel();
    int64_t most = 0;
    for (size_t k = 0; k < sizeof attacks / sizeof *attacks; k++) {
        char tenant[20];
        tl_err e;
        snprintf(tenant, sizeof tenant, "m%zu", k);
        tl_jail_report r = run(tenant, &l, attacks[k], &e);
        assert_true(r.peak <= l.memory);
        /* Its end tells what the process had. */
        r = run(tenant, &l, "return ('a'):rep(60):find(('a?'):rep(60) .. ('a'):rep(60) .. 'b')",
                &e);
        most = r.max_rss > most ? r.max_rss : most;
    }
    print_message("# resident memory of workers: %.1f MiB at most, cap %d MiB\n",
                  (double)most / 1048576, (int)(l.memory >> 20));
    assert_true(most > 0 && most <= (int64_t)l.memory + (24 << 20));
}

static void nothing_is_left_open(void **state)
{
    (void)state;
    int before = count_descriptors();
    for (int k = 0; k < 5; k++) {
        tl_jail *j = tl_jail_new(NULL);
        tl_err e = TL_ERR_INIT;
        char byte = 1;
        assert_tl_ok(tl_jail_echo(j, "t", &byte, &byte, 1, &e), &e);
        tl_jail_free(j);
    }
    assert_int_equal(count_descriptors(), before);
}

/* Descends from this thread by newest children; of the last the number of children, -1 = not told.
 */
static int count_children(int generations)
{
    char path[80] = "/proc/thread-self/children";
    for (;; generations--) {
        FILE *f = fopen(path, "r");
        int pid = 0, n = 0;
        while (f && fscanf(f, "%d", &pid) == 1)
            n++;
        if (f)
            fclose(f);
        if (!f || !generations || !pid)
            return f && !generations ? n : -1;
        snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    }
}

/* Whatever is refused first: no descriptor is lost, and no worker that nobody has a hand on. */
static void without_descriptors_nothing_is_left(void **state)
{
    (void)state;
    tl_jail *j = tl_jail_new(&(tl_jail_options){.most_workers = 32});
    tl_err e = TL_ERR_INIT;
    char byte = 1, tenant[20];
    int refused = 0, served = 0, before = count_descriptors(), free_fd;
    assert_tl_ok(tl_jail_echo(j, "t", &byte, &byte, 1, &e), &e);
    for (int more = 0; more < 60 && served < 2; more++) {
        struct rlimit was, less;
        free_fd = dup(0);
        close(free_fd);
        getrlimit(RLIMIT_NOFILE, &was);
        less = (struct rlimit){(rlim_t)(free_fd + more), was.rlim_max};
        snprintf(tenant, sizeof tenant, "t%d", more);
        setrlimit(RLIMIT_NOFILE, &less);
        int rc = tl_jail_echo(j, tenant, &byte, &byte, 1, &e);
        setrlimit(RLIMIT_NOFILE, &was);
        assert_true(rc == 0 || rc == TL_ECONFIG);
        refused += rc != 0;
        served += rc == 0;
    }
    assert_true(refused >= 3 && served == 2);
    int workers = count_children(2);
    if (workers >= 0)
        assert_int_equal(workers, tl_jail_count(j).workers);
    tl_jail_free(j);
    assert_int_equal(count_descriptors(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back),
        cmocka_unit_test(verdicts_have_a_line_and_a_reason),
        cmocka_unit_test(the_hard_deadline_kills),
        cmocka_unit_test(a_deadline_of_wall_time_says_so),
        cmocka_unit_test(a_worker_serves_one_tenant),
        cmocka_unit_test(what_is_killed_thrice_rests),
        cmocka_unit_test(a_tenant_has_its_share_alone),
        cmocka_unit_test(memory_stays_below_the_cap_and_what_is_stated),
        cmocka_unit_test(each_step_that_fails_refuses_to_serve),
        cmocka_unit_test(a_zygote_that_dies_is_replaced),
        cmocka_unit_test(without_descriptors_nothing_is_left),
        cmocka_unit_test(nothing_is_left_open)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name(__FILE__, tests, open_jail, close_jail);
}
