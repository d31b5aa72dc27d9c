/* What clients may bring: plans, looks, parameters, an area. SPDX-License-Identifier: MIT */
#include "modules/map/map_int.h"
#include "runtime/hash.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

#define MOST_NODES   100000
#define MOST_SOURCES 4096
#define PLAN_DUMP    (JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(17))

static int open_painter(tl_map *m, tl_painter *p, tl_err *e)
{
    return m->o.host.open(m->o.host.ctx, p, e);
}

static void close_painter(tl_map *m, tl_painter *p)
{
    m->o.host.close(m->o.host.ctx, p);
}

/* --- /plans
 * ---------------------------------------------------------------------------------------- */

static int add_layers(tl_map *m, const tl_plan *plan, const json_t *looks, const char *tenant,
                      json_t *list, tl_err *e)
{
    tl_painter p;
    int rc = open_painter(m, &p, e);
    if (rc)
        return rc;
    for (int k = 0; k < plan->n && !rc; k++) {
        tl_layer *l = NULL;
        rc =
            tl_layer_of_plan(plan, k, json_object_get(looks, plan->out[k].name), tenant, &p, &l, e);
        if (!rc)
            rc = tl_shelf_put(m->shelf, l, e);
        if (!rc)
            json_array_append_new(list, tl_layer_json(l));
        tl_layer_unref(l);
    }
    close_painter(m, &p);
    return rc;
}

/* What is kept of a stranger lies beside the layers' documents. Those have a plan within, which is
 * read as the server's own: so a stranger's has none. */
static int load(tl_map *m, const json_t *plan, const char *tenant, tl_plan **out, tl_err *e)
{
    tl_trust trust = m->strangers;
    trust.tenant = tenant;
    if (json_object_get(plan, "plan"))
        return tl_fail(e, TL_EUSAGE, "a plan within a plan is not taken");
    if (json_array_size(json_object_get(plan, "nodes")) > MOST_NODES ||
        json_array_size(json_object_get(plan, "sources")) > MOST_SOURCES)
        return tl_fail(e, TL_EUSAGE, "a plan by HTTP has at most %d nodes and %d sources",
                       MOST_NODES, MOST_SOURCES);
    char *text = json_dumps(plan, PLAN_DUMP);
    int rc = text ? tl_plan_load_foreign(text, strlen(text), &trust, out, e)
                  : tl_fail(e, TL_ENOMEM, "no memory for a plan");
    free(text);
    if (rc == TL_EDATA) /* the request's, not an address that is not there */
        rc = e->code = TL_EUSAGE;
    return rc;
}

static json_t *take_plan(tl__job *j, tl_err *e)
{
    json_t *whole = j->body, *plan = json_object_get(whole, "plan"), *answer = NULL;
    const char *stated = json_string_value(json_object_get(whole, "key"));
    tl_plan *p = NULL;
    char key[65];
    plan = json_incref(plan ? plan : whole);
    char *text = json_dumps(plan, PLAN_DUMP);
    tl_sha256(text ? text : "", text ? strlen(text) : 0, key);
    json_t *layers = json_array();
    int rc = stated && strcmp(stated, key) != 0
                 ? tl_fail(e, TL_EUSAGE, "the plan was changed: its contents give another key")
                 : load(j->map, plan, key, &p, e);
    if (!rc)
        rc = add_layers(j->map, p, json_object_get(whole, "looks"), key, layers, e);
    if (!rc && j->map->store)
        rc = tl_planstore_put(j->map->store, key, text, strlen(text), e);
    if (!rc)
        answer = json_pack("{s:s, s:O}", "key", key, "layers", layers);
    json_decref(layers);
    json_decref(plan);
    tl_plan_free(p);
    free(text);
    return answer;
}

static json_t *give_plan(tl__job *j, tl_err *e)
{
    tl_buf text = TL_BUF_INIT;
    json_t *plan = NULL;
    int rc = j->map->store ? tl_planstore_get(j->map->store, j->layer, &text, e)
                           : tl_fail(e, TL_EDATA, "this server keeps no plans");
    if (!rc)
        plan = json_loadb(tl_buf_text(&text), text.len, 0, NULL);
    tl_buf_free(&text);
    if (plan && json_object_get(plan, "layer")) { /* it would tell where the server's files lie */
        json_decref(plan);
        plan = NULL;
        tl_fail(e, TL_EDATA, "no plan of that key");
    }
    return plan ? json_pack("{s:s, s:o}", "key", j->layer, "plan", plan) : NULL;
}

void tl__serve_plans(tl_map *m, tl_request *r, const char *rest)
{
    tl_err e = TL_ERR_INIT;
    if (*rest && !tl_is_key(rest)) {
        tl_fail(&e, TL_EUSAGE, "plans/KEY: a key has 64 digits");
        tl__answer_error(m, r, &e);
        return;
    }
    json_t *body = *rest ? NULL : tl__body_json(m, r);
    if (!*rest && !body)
        return;
    tl__job *j = tl__job_new(m, r, *rest ? give_plan : take_plan);
    strcpy(j->layer, rest);
    j->body = body;
    tl__job_start(j);
}

/* --- /style
 * ----------------------------------------------------------------------------------------- */

static json_t *restyle(tl__job *j, tl_err *e)
{
    tl_layer *l = NULL, *other = NULL;
    tl_painter p;
    json_t *answer = NULL;
    int rc = tl_shelf_get(j->map->shelf, j->layer, &l, e);
    if (!rc)
        rc = open_painter(j->map, &p, e);
    if (!rc) {
        rc = tl_layer_restyle(l, j->body, &p, &other, e);
        close_painter(j->map, &p);
    }
    if (!rc)
        rc = tl_shelf_put(j->map->shelf, other, e);
    if (!rc)
        answer = tl_layer_json(other);
    tl_layer_unref(l);
    tl_layer_unref(other);
    return answer;
}

void tl__serve_style(tl_map *m, tl_request *r, const char *rest)
{
    json_t *body = tl__body_json(m, r);
    if (!body)
        return;
    tl__job *j = tl__job_new(m, r, restyle);
    j->body = body;
    if (tl__which_layer(m, r, rest, j->layer))
        tl__job_free(j);
    else
        tl__job_start(j);
}

/* --- /apps
 * ------------------------------------------------------------------------------------------- */

static json_t *run_app(tl__job *j, tl_err *e)
{
    json_t *params = json_object_get(j->body, "params");
    return tl__app_run(j->map, j->text, params ? params : j->body, e);
}

void tl__serve_apps(tl_map *m, tl_request *r, const char *rest)
{
    json_t *body = tl__body_json(m, r);
    if (!body)
        return;
    tl__job *j = tl__job_new(m, r, run_app);
    j->body = body;
    j->text = tl_xstrdup(rest);
    tl__job_start(j);
}

/* --- /area: what was drawn, for the session
 * ----------------------------------------------------------- */

json_t *tl_map_area(tl_map *m)
{
    pthread_mutex_lock(&m->lock);
    json_t *area = json_deep_copy(m->area);
    pthread_mutex_unlock(&m->lock);
    return area;
}

void tl__serve_area(tl_map *m, tl_request *r, const char *rest)
{
    (void)rest;
    if (strcmp(tl_request_method(r), "GET") == 0) {
        json_t *area = tl_map_area(m);
        tl__answer_json(r, 200, area ? area : json_object());
        return;
    }
    json_t *body = tl__body_json(m, r);
    if (!body)
        return;
    pthread_mutex_lock(&m->lock);
    json_t *old = m->area;
    m->area = json_object_size(body) ? body : NULL;
    pthread_mutex_unlock(&m->lock);
    if (!json_object_size(body))
        json_decref(body);
    json_decref(old);
    tl__answer_json(r, 200, json_object());
}
