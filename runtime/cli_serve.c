/* tellua serve: scripts on a web map. SPDX-License-Identifier: MIT */
#include "modules/map/map.h"
#include "runtime/cli.h"
#include "runtime/log.h"
#include "runtime/mem.h"
#include "runtime/scratch.h"
#include "runtime/session_paint.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TEMP_BYTES ((int64_t)2 << 30) /* of whole Images */

static tl_map *serving; /* for the signal handler */

static void on_signal(int sig)
{
    signal(sig, SIG_DFL);
    if (serving)
        tl_map_stop(serving);
}

/* $XDG_CACHE_HOME/tellua/plans, or that in the home folder; NULL without one. */
static char *default_store(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && cache[0] == '/')
        return tl_xasprintf("%s/tellua/plans", cache);
    return home && home[0] == '/' ? tl_xasprintf("%s/.cache/tellua/plans", home) : NULL;
}

/* -p NAME=VALUE for all scripts; each takes those it declares. */
static json_t *given(const tl_cli *c, tl_err *e)
{
    json_t *j = json_object();
    for (int i = 0; i < c->nparams; i++) {
        const char *eq = strchr(c->param[i], '=');
        char *name = eq ? tl_xasprintf("%.*s", (int)(eq - c->param[i]), c->param[i]) : NULL;
        json_t *v = eq ? json_string(eq + 1) : NULL;
        if (!v || json_object_set_new(j, name, v)) {
            tl_fail(e, TL_EUSAGE, "-p %s: NAME=VALUE is wanted, in UTF-8", c->param[i]);
            json_decref(j);
            j = NULL;
        }
        free(name);
        if (!j)
            return NULL;
    }
    return j;
}

static int add_scripts(const tl_cli *c, tl_map *m, tl_err *e)
{
    json_t *params = given(c, e);
    int rc = params ? 0 : e->code;
    for (int i = 0; i < c->nscripts && !rc; i++)
        rc = tl_map_add(m, c->scripts[i], params, e);
    json_decref(params);
    return rc;
}

static void serve(tl_map *m)
{
    serving = m;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    printf("%s\n", tl_map_url(m));
    fflush(stdout);
    tl_map_run(m);
    serving = NULL;
}

int tl_cli_serve(const tl_cli *c, tl_err *e)
{
    tl_map *m = NULL;
    tellua_options session = {
        .instructions = c->budget, .allow_io = c->allow_io, .allow_os = c->allow_os, .threads = 1};
    char *store = c->store ? tl_xstrdup(c->store) : default_store();
    tl_map_options o = {.bind = c->bind,
                        .port = c->port,
                        .threads = c->threads,
                        .store = store,
                        .roots = c->roots,
                        .nroots = c->nroots,
                        .names = c->hosts,
                        .nnames = c->nhosts,
                        .cache = c->mem,
                        .watch = c->watch,
                        .no_tiles_kept = c->no_tile_cache,
                        .host = tl_session_host(&session)};
    tl_scratch_limit(c->temp ? c->temp : TEMP_BYTES);
    int rc = tl_map_open(&o, &m, e);
    if (!rc)
        rc = add_scripts(c, m, e);
    if (!rc)
        serve(m);
    tl_map_close(m);
    free(store);
    return rc;
}
