/* Options about jobs. SPDX-License-Identifier: MIT */
#include "runtime/cli_options_int.h"

#include <string.h>

int tl__option_set_after(tl_cli *c, const char *t, tl_err *e)
{
    return *t ? tl__option_append(&c->after, &c->nafter, t)
              : tl__option_bad(e, t, "a job's folder");
}

int tl__option_set_engine_option(tl_cli *c, const char *t, tl_err *e)
{
    return strchr(t, '=') && t[0] != '=' && !strchr(t, '\n')
               ? tl__option_append(&c->engine_option, &c->nengine_options, t)
               : tl__option_bad(e, t, "NAME=VALUE");
}

static int count(int64_t *to, const char *t, long long most, const char *wanted, tl_err *e)
{
    long long n;
    if (tl__option_whole(t, 1, most, &n))
        return tl__option_bad(e, t, wanted);
    *to = n;
    return 0;
}

int tl__option_set_slots(tl_cli *c, const char *t, tl_err *e)
{
    return count(&c->slots, t, 10000, "1 to 10000 processes", e);
}

int tl__option_set_tasks(tl_cli *c, const char *t, tl_err *e)
{
    return count(&c->tasks, t, 9999999, "1 to 9999999 tasks", e);
}

int tl__option_set_tile(tl_cli *c, const char *t, tl_err *e)
{
    return count(&c->tile, t, 1000000, "cells, 4096 for example", e);
}

int tl__option_set_bundle(tl_cli *c, const char *t, tl_err *e)
{
    return count(&c->bundle, t, 1000000000, "scenes, 100 for example", e);
}

int tl__option_set_under(tl_cli *c, const char *t, tl_err *e)
{
    return count(&c->under, t, 1LL << 40, "a process", e);
}

int tl__option_set_backoff(tl_cli *c, const char *t, tl_err *e)
{
    return tl__option_numbers(t, ',', &c->backoff, 1) || c->backoff <= 0
               ? tl__option_bad(e, t, "seconds above 0")
               : 0;
}

int tl__option_set_checkpoint(tl_cli *c, const char *t, tl_err *e)
{
    return tl__option_numbers(t, ',', &c->checkpoint, 1) || c->checkpoint <= 0
               ? tl__option_bad(e, t, "seconds above 0")
               : 0;
}

int tl__option_set_metrics(tl_cli *c, const char *t, tl_err *e)
{
    c->metrics = t;
    return strcmp(t, "prometheus") && strcmp(t, "graphite")
               ? tl__option_bad(e, t, "prometheus or graphite")
               : 0;
}
