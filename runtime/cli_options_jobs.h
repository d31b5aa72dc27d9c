/* Options about jobs: a part of cli_options.c, which is long. SPDX-License-Identifier: MIT */
static int set_after(tl_cli *c, const char *t, tl_err *e)
{
    return *t ? append(&c->after, &c->nafter, t) : bad(e, t, "a job's folder");
}

static int set_engine_option(tl_cli *c, const char *t, tl_err *e)
{
    return strchr(t, '=') && t[0] != '=' && !strchr(t, '\n')
               ? append(&c->engine_option, &c->nengine_options, t)
               : bad(e, t, "NAME=VALUE");
}

static int count(int64_t *to, const char *t, long long most, const char *wanted, tl_err *e)
{
    long long n;
    if (whole(t, 1, most, &n))
        return bad(e, t, wanted);
    *to = n;
    return 0;
}

static int set_slots(tl_cli *c, const char *t, tl_err *e)
{
    return count(&c->slots, t, 10000, "1 to 10000 processes", e);
}

static int set_tasks(tl_cli *c, const char *t, tl_err *e)
{
    return count(&c->tasks, t, 9999999, "1 to 9999999 tasks", e);
}

static int set_tile(tl_cli *c, const char *t, tl_err *e)
{
    return count(&c->tile, t, 1000000, "cells, 4096 for example", e);
}

static int set_bundle(tl_cli *c, const char *t, tl_err *e)
{
    return count(&c->bundle, t, 1000000000, "scenes, 100 for example", e);
}

static int set_under(tl_cli *c, const char *t, tl_err *e)
{
    return count(&c->under, t, 1LL << 40, "a process", e);
}

static int set_backoff(tl_cli *c, const char *t, tl_err *e)
{
    return numbers(t, ',', &c->backoff, 1) || c->backoff <= 0 ? bad(e, t, "seconds above 0") : 0;
}

static int set_checkpoint(tl_cli *c, const char *t, tl_err *e)
{
    return numbers(t, ',', &c->checkpoint, 1) || c->checkpoint <= 0 ? bad(e, t, "seconds above 0")
                                                                    : 0;
}

static int set_metrics(tl_cli *c, const char *t, tl_err *e)
{
    c->metrics = t;
    return strcmp(t, "prometheus") && strcmp(t, "graphite") ? bad(e, t, "prometheus or graphite")
                                                            : 0;
}
