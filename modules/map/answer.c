/* What handlers share: numbers of the query, errors, work on the pool. SPDX-License-Identifier: MIT
 */
#include "modules/map/map_int.h"
#include "runtime/jail.h"
#include "runtime/log.h"
#include "runtime/cancel.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- answers -------------------------------------------------------------------------------------
 */

void tl__answer_json(tl_request *r, int status, json_t *j)
{
    char *text = j ? json_dumps(j, JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(j);
    tl_request_say(r, "Cache-Control", "no-cache");
    if (text)
        tl_request_answer_own(r, status, "application/json", text, strlen(text));
    else
        tl_request_answer(r, 500, "application/json", "{}", 2);
}

int tl__status_of(const tl_err *e)
{
    switch (e->code) {
    case TL_EUSAGE:
    case TL_ESCRIPT:
        return 400;
    case TL_EDATA:
        return 404;
    case TL_ETRANSIENT:
        return strcmp(e->source, TL_JAIL_SOURCE) == 0 ? 429 : 503;
    case TL_ENOMEM:
        return 503;
    default:
        return 500;
    }
}

const char *tl__without_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static json_t *error_json(const tl_err *e)
{
    return json_pack("{s:{s:s, s:o, s:o, s:o}}", "error", "code", tl_code_name(e->code), "message",
                     tl_json_text(e->message), "where", tl_json_text(tl__without_folder(e->where)),
                     "source", tl_json_text(tl__without_folder(e->source)));
}

void tl__answer_error(tl_map *m, tl_request *r, const tl_err *e)
{
    int status = tl__status_of(e);
    if (status == 503 || status == 429) {
        atomic_fetch_add(&m->count[TL_COUNT_BUSY], 1);
        tl_request_say(r, "Retry-After", "1");
    }
    tl__answer_json(r, status, error_json(e));
}

/* --- the query -----------------------------------------------------------------------------------
 */

static int number(const char *text, char end, const char **after, double *out)
{
    char *stop;
    double x = strtod(text, &stop);
    if (stop == text || *stop != end || !isfinite(x) || strlen(text) > 200)
        return -1;
    *after = stop + (end != '\0');
    *out = x;
    return 0;
}

int tl__arg_number(tl_request *r, const char *name, double dflt, double lo, double hi, double *out,
                   tl_err *e)
{
    const char *text = tl_request_arg(r, name), *after;
    double x = dflt;
    if (text && number(text, '\0', &after, &x))
        return tl_fail(e, TL_EUSAGE, "%s is a number", name);
    if (!(x >= lo && x <= hi))
        return tl_fail(e, TL_EUSAGE, "%s is wanted, from %g to %g", name, lo, hi);
    *out = x;
    return 0;
}

int tl__arg_box(tl_request *r, const char *name, double box[4], tl_err *e)
{
    const char *p = tl_request_arg(r, name);
    for (int i = 0; i < 4; i++)
        if (!p || number(p, i < 3 ? ',' : '\0', &p, &box[i]) || fabs(box[i]) > 720)
            return tl_fail(e, TL_EUSAGE, "%s = west,south,east,north in degrees", name);
    if (!(box[0] < box[2]) || !(box[1] < box[3]) || box[1] < -90 || box[3] > 90)
        return tl_fail(e, TL_EUSAGE, "%s is empty or impossible", name);
    return 0;
}

int tl__which_layer(tl_map *m, tl_request *r, const char *text, char key[80])
{
    tl_err e = TL_ERR_INIT;
    if (text && tl_is_key(text))
        strcpy(key, text);
    else if (!text || tl__layer_named(m, text, key)) {
        tl_fail(&e, text ? TL_EDATA : TL_EUSAGE, "%s",
                text ? "there is no layer of that name or key" : "layer = a name or a key");
        tl__answer_error(m, r, &e);
        return -1;
    }
    return 0;
}

json_t *tl__body_json(tl_map *m, tl_request *r)
{
    size_t n;
    json_error_t je;
    tl_err e = TL_ERR_INIT;
    const char *type = tl_request_header(r, "Content-Type"), *text = tl_request_body(r, &n);
    /* A page of another site can send text/plain unasked, but not this. */
    if (!type || strncmp(type, "application/json", 16) != 0) {
        tl_fail(&e, TL_EUSAGE, "Content-Type: application/json is wanted");
        tl__answer_error(m, r, &e);
        return NULL;
    }
    json_t *j = json_loadb(text, n, JSON_REJECT_DUPLICATES, &je);
    if (json_is_object(j))
        return j;
    if (j)
        tl_fail(&e, TL_EUSAGE, "an object is wanted: {...}");
    else
        tl_fail(&e, TL_EUSAGE, "not JSON: line %d, column %d: %s", je.line, je.column, je.text);
    json_decref(j);
    tl__answer_error(m, r, &e);
    return NULL;
}

/* --- work on the pool ----------------------------------------------------------------------------
 */

tl__job *tl__job_new(tl_map *m, tl_request *r, json_t *(*compute)(tl__job *j, tl_err *e))
{
    tl__job *j = tl_xcalloc(1, sizeof *j);
    j->map = m;
    j->r = r;
    j->compute = compute;
    return j;
}

void tl__job_free(tl__job *j)
{
    json_decref(j->body);
    json_decref(j->answer);
    free(j->text);
    free(j);
}

static void run(void *ctx, const atomic_int *cancel)
{
    tl__job *j = ctx;
    j->cancel = cancel;
    tl_allow_cpu(TL__REQUEST_CPU);
    j->answer = j->compute(j, &j->err);
}

static void done(void *ctx, int ran)
{
    tl__job *j = ctx;
    if (j->r && j->answer)
        tl__answer_json(j->r, 200, json_incref(j->answer));
    else if (j->r) {
        if (!ran)
            tl_fail(&j->err, TL_ETRANSIENT, "the server is ending");
        else if (!j->err.code)
            tl_fail(&j->err, TL_EDATA,
                    "no JSON can hold the answer: a number is not finite, or a text not UTF-8");
        tl__answer_error(j->map, j->r, &j->err);
    }
    tl__job_free(j);
}

static void gone(void *ctx)
{
    tl__job *j = ctx;
    j->r = NULL;
    tl_task_cancel(j->task);
}

void tl__job_start(tl__job *j)
{
    tl_err e = TL_ERR_INIT;
    j->task = tl_pool_submit(j->map->pool, &(tl_task_spec){run, done, j});
    if (j->task) {
        tl_request_hold(j->r, gone, j);
        return;
    }
    tl_fail(&e, TL_ETRANSIENT, "too many requests are waiting; try again in a second");
    tl__answer_error(j->map, j->r, &e);
    tl__job_free(j);
}
