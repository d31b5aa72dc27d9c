/* Sessions for a map server: see session_paint.h. SPDX-License-Identifier: MIT */
#include "modules/batch/console_lua.h"
#include "runtime/session_paint.h"
#include "modules/map/looks_lua.h"
#include "runtime/mem.h"
#include "runtime/session.h"

#include <stdlib.h>
#include <string.h>

tl_painter tl_session_painter(tellua *t)
{
    return (tl_painter){tl_looks_visualize, tl_looks_legend, t->L, t};
}

static int open_session(void *ctx, tl_painter *out, tl_err *e)
{
    tellua *t = tellua_open(ctx);
    if (!t)
        return tl_fail(e, TL_ENOMEM, "out of memory");
    *out = tl_session_painter(t);
    return 0;
}

static void close_session(void *ctx, tl_painter *p)
{
    (void)ctx;
    tellua_close(p->owner);
}

/* As the command line has them: name=value. */
static int set_params(tellua *t, const json_t *params, tl_err *e)
{
    const char *name;
    json_t *v;
    int rc = 0;
    json_object_foreach((json_t *)(uintptr_t)params, name, v)
    {
        char *text = json_is_string(v) ? tl_xstrdup(json_string_value(v))
                                       : json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
        char *pair = tl_xasprintf("%s=%s", name, text ? text : "");
        if (!rc)
            rc = tl_script_set(&t->script, pair, e);
        free(text);
        free(pair);
    }
    return rc;
}

static int run_script(void *ctx, const char *path, const json_t *params, tl_map_got *got, void *arg,
                      tl_err *e)
{
    tellua *t = tellua_open(ctx);
    if (!t)
        return tl_fail(e, TL_ENOMEM, "out of memory");
    int rc = set_params(t, params, e);
    t->script.set_by_viewers = 1;
    if (!rc && (rc = tellua_run_file(t, path)))
        *e = t->err;
    if (!rc)
        rc = tl_script_check(&t->script, 1, e);
    if (!rc) {
        tl_painter p = tl_session_painter(t);
        rc = got(arg, &t->script, &p, e);
    }
    tellua_close(t);
    return rc;
}

static int ask_jobs(void *ctx, const char *what, const json_t *args, json_t **out, tl_err *e)
{
    (void)ctx;
    return tl_console_ask(what, args, out, e);
}

tl_map_host tl_session_host(const tellua_options *o)
{
    return (tl_map_host){(void *)(uintptr_t)o, open_session, close_session, run_script, ask_jobs};
}
