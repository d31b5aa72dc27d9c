/* A task whose units are scenes. SPDX-License-Identifier: MIT */
#include "modules/map/looks_lua.h"
#include "modules/raster/outfile.h"
#include "runtime/cli_job.h"
#include "runtime/cli_task_int.h"
#include "runtime/log.h"
#include "runtime/mem.h"
#include "runtime/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void read_where(const json_t *o, tl_where *w)
{
    const json_t *res = json_object_get(o, "res"), *box = json_object_get(o, "bbox");
    const json_t *win = json_object_get(o, "window");
    int64_t *cell[4] = {&w->window.x, &w->window.y, &w->window.w, &w->window.h};
    *w = (tl_where){.crs = json_string_value(json_object_get(o, "crs")),
                    .has_bbox = box != NULL,
                    .has_window = win != NULL};
    for (size_t i = 0; i < 2; i++)
        w->res[i] = json_number_value(json_array_get(res, i));
    for (size_t i = 0; i < 4; i++) {
        w->bbox[i] = json_number_value(json_array_get(box, i));
        *cell[i] = (int64_t)json_integer_value(json_array_get(win, i));
    }
}

/* Runs the folder's script for the scenes of this task alone. */
static int run_script(tellua *t, const tl__task *k, const json_t *part, tl_err *e)
{
    int64_t from, end;
    size_t i, len = 0;
    const json_t *setting;
    tl__task_units(k, part, &from, &end);
    json_t *mine =
        json_pack("{s:s, s:O, s:I, s:I}", "mode", "task", "output", json_object_get(part, "output"),
                  "from", (json_int_t)from, "to", (json_int_t)end);
    tl_log(TL_LOG_INFO, "task %lld: scenes %lld to %lld", (long long)k->number, (long long)from,
           (long long)end - 1);
    int rc = tl_session_part(t, mine, e);
    json_decref(mine);
    json_array_foreach(json_object_get(k->job, "params"), i, setting) if (!rc) rc =
        tl_script_set(&t->script, json_string_value(setting), e);
    char *text = NULL, *file = tl_xasprintf("%s/script.lua", k->dir);
    const char *cwd = json_string_value(json_object_get(k->job, "cwd"));
    if (!rc)
        rc = tl_cli_read_file(file, &text, &len, e);
    /* Relative names mean the same as where the job was submitted. */
    if (!rc && cwd && chdir(cwd))
        tl_log(TL_LOG_WARN, "%s is not here; relative names of sources lead nowhere", cwd);
    if (!rc && tellua_run_text(t, text, len, json_string_value(json_object_get(k->job, "script"))))
        rc = (*e = t->err).code;
    free(text);
    free(file);
    return rc;
}

/* So many products of scenes lie in one folder. */
#define PRODUCTS_OF_A_FOLDER 5000

static int make_products(const tl_cli *c, tellua *t, const tl__task *k, const json_t *part,
                         tl_run_report *r, tl_err *e)
{
    const json_t *opt = json_object_get(k->job, "options");
    const json_t *where = json_object_get(k->job, "where");
    int64_t from, end;
    tl__task_units(k, part, &from, &end);
    tl_plan_request q = {.format = json_string_value(json_object_get(where, "format")),
                         .visualize = tl_looks_visualize,
                         .ctx = t->L};
    read_where(where, &q.where);
    int many = json_integer_value(json_object_get(part, "units")) > PRODUCTS_OF_A_FOLDER;
    char *dir =
        many ? tl_xasprintf("%s/result/%04lld", k->dir, (long long)(from / PRODUCTS_OF_A_FOLDER))
             : tl_xasprintf("%s/result", k->dir);
    tl__task_shown shown = {.t = t, .last = -2, .most = c->checkpoint};
    tl_plan *plan = NULL;
    int rc = tl_plan_make(&t->script, &q, &plan, e);
    tl_run_options o = {.dir = dir,
                        .threads = (int)json_integer_value(json_object_get(opt, "threads")),
                        .mem = json_integer_value(json_object_get(opt, "mem")),
                        .resume = 1,
                        .cancel = &t->cancel,
                        .progress = tl__task_progress,
                        .ctx = &shown};
    if (!rc)
        rc = tl_run_plan(plan, &o, r, e);
    tl_plan_free(plan);
    free(dir);
    return rc;
}

int tl__task_scenes(const tl_cli *c, tellua *t, tl__task *k, const json_t *part, tl_run_report *r,
                    tl_err *e)
{
    double began = tl_now();
    int rc = run_script(t, k, part, e);
    if (!rc && t->script.noutputs)
        rc = make_products(c, t, k, part, r, e);
    for (int i = 0; i < t->script.ntables && !rc; i++) {
        char *path = tl_xasprintf("%s.csv", k->base);
        rc = tl_outfile_put(path, t->script.table[i].text, strlen(t->script.table[i].text), e);
        free(path);
    }
    r->seconds_total = tl_now() - began;
    return rc;
}
