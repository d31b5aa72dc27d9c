/* Scripts and sessions as apps: what they show, by which parameters. SPDX-License-Identifier: MIT
 */
#include "modules/map/map_int.h"
#include "runtime/hash.h"
#include "runtime/log.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

/* --- what a run of a script gives
 * ----------------------------------------------------------------- */

typedef struct made {
    tl_map *map;
    const json_t *fixed; /* parameters that the operator gave: not the viewers' */
    json_t *params, *layers;
    tl_layer **layer;
    int n;
} made;

static void free_made(made *k)
{
    for (int i = 0; i < k->n; i++)
        tl_layer_unref(k->layer[i]);
    free(k->layer);
    json_decref(k->params);
    json_decref(k->layers);
}

static const char *type_of(const json_t *v)
{
    return json_is_integer(v)   ? "integer"
           : json_is_real(v)    ? "float"
           : json_is_boolean(v) ? "boolean"
                                : "string";
}

static json_t *params_json(const tl_script *s, const json_t *fixed)
{
    json_t *list = json_array();
    for (int i = 0; i < s->nparams; i++)
        if (!json_object_get(fixed, s->param[i].name))
            json_array_append_new(list, json_pack("{s:o, s:O, s:O, s:s}", "name",
                                                  tl_json_text(s->param[i].name), "value",
                                                  s->param[i].value, "options", s->param[i].options,
                                                  "type", type_of(s->param[i].value)));
    return list;
}

/* A tl_map_got: the outputs as layers, on the shelf. */
static int got(void *arg, const tl_script *s, const tl_painter *p, tl_err *e)
{
    made *k = arg;
    int rc = 0;
    k->params = params_json(s, k->fixed);
    k->layers = json_array();
    k->layer = tl_xcalloc((size_t)s->noutputs, sizeof *k->layer);
    for (int i = 0; i < s->noutputs && !rc; i++) {
        rc = tl_layer_make(&s->output[i], NULL, NULL, p, &k->layer[i], e);
        if (rc) {
            tl_err_where(e, s->output[i].where);
            break;
        }
        k->n++;
        json_array_append_new(k->layers, tl_layer_json(k->layer[i]));
        rc = tl_shelf_put(k->map->shelf, k->layer[i], e);
    }
    return rc;
}

/* Values for the script: those of the command line, then those of the viewer. */
static int run(tl_map *m, const char *path, const json_t *given, const json_t *params, made *out,
               tl_err *e)
{
    json_t *all = given ? json_copy((json_t *)(uintptr_t)given) : json_object();
    if (params)
        json_object_update(all, (json_t *)(uintptr_t)params);
    *out = (made){.map = m, .fixed = given};
    atomic_fetch_add(&m->count[TL_COUNT_RUNS], 1);
    int rc = m->o.host.run(m->o.host.ctx, path, all, got, out, e);
    json_decref(all);
    return rc;
}

/* --- the list
 * ------------------------------------------------------------------------------------- */

static tl__app *find(tl_map *m, const char *id)
{
    for (int i = 0; i < m->napps; i++)
        if (strcmp(m->app[i].id, id) == 0)
            return &m->app[i];
    return NULL;
}

static void clear(tl__app *a)
{
    for (int i = 0; i < a->nlayers; i++)
        tl_layer_unref(a->layer[i]);
    free(a->layer);
    json_decref(a->params);
    json_decref(a->layers);
    a->layer = NULL;
    a->params = a->layers = NULL;
    a->nlayers = 0;
}

void tl__apps_free(tl_map *m)
{
    for (int i = 0; i < m->napps; i++) {
        clear(&m->app[i]);
        json_decref(m->app[i].given);
        free(m->app[i].id);
        free(m->app[i].path);
    }
    free(m->app);
}

/* Under the lock: the app takes what was made, or the error. */
static void take(tl_map *m, tl__app *a, made *k, const tl_err *e)
{
    a->error[0] = '\0';
    if (e->code) {
        tl_err told = *e; /* to clients */
        snprintf(told.where, sizeof told.where, "%s", tl__without_folder(e->where));
        snprintf(told.source, sizeof told.source, "%s", tl__without_folder(e->source));
        tl_err_text(&told, a->error, sizeof a->error);
    } else {
        clear(a);
        a->params = k->params;
        a->layers = k->layers;
        a->layer = k->layer;
        a->nlayers = k->n;
        *k = (made){0};
    }
    a->generation = ++m->generation;
}

static tl__app *new_app(tl_map *m, const char *id, const char *path)
{
    m->app = tl_xrealloc(m->app, (size_t)(m->napps + 1) * sizeof *m->app);
    tl__app *a = &m->app[m->napps++];
    *a = (tl__app){.id = tl_xstrdup(id), .path = path ? tl_xstrdup(path) : NULL};
    return a;
}

/* "folder/ndvi.lua": ndvi, or ndvi-2 where there is one already. */
static char *id_of(tl_map *m, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t n = strlen(name);
    n -= n > 4 && strcmp(name + n - 4, ".lua") == 0 ? 4 : 0;
    char *id = tl_xasprintf("%.*s", (int)n, name);
    for (int k = 2; find(m, id); k++) {
        free(id);
        id = tl_xasprintf("%.*s-%d", (int)n, name, k);
    }
    return id;
}

int tl_map_add(tl_map *m, const char *path, const json_t *params, tl_err *e)
{
    made k;
    int rc = run(m, path, params, NULL, &k, e);
    if (!rc) {
        pthread_mutex_lock(&m->lock);
        char *id = id_of(m, path);
        tl__app *a = new_app(m, id, path);
        a->given = params ? json_copy((json_t *)(uintptr_t)params) : NULL;
        take(m, a, &k, e);
        pthread_mutex_unlock(&m->lock);
        free(id);
    }
    free_made(&k);
    return rc;
}

static void announce(tl_map *m, const char *id, const char *error)
{
    tl__event(m, "layers", json_pack("{s:s, s:s}", "app", id, "error", error));
}

int tl_map_show(tl_map *m, const char *name, const tl_script *s, const tl_painter *p, tl_err *e)
{
    made k = {.map = m};
    int rc = got(&k, s, p, e);
    if (!rc) {
        pthread_mutex_lock(&m->lock);
        tl__app *a = find(m, name);
        take(m, a ? a : new_app(m, name, NULL), &k, e);
        pthread_mutex_unlock(&m->lock);
        announce(m, name, "");
    }
    free_made(&k);
    return rc;
}

json_t *tl__apps_json(tl_map *m)
{
    json_t *list = json_array();
    pthread_mutex_lock(&m->lock);
    for (int i = 0; i < m->napps; i++) {
        const tl__app *a = &m->app[i];
        json_array_append_new(list, json_pack("{s:o, s:O, s:O, s:i, s:o, s:b}", "id",
                                              tl_json_text(a->id), "params", a->params, "layers",
                                              a->layers, "generation", a->generation, "error",
                                              tl_json_text(a->error), "runs", a->path != NULL));
    }
    pthread_mutex_unlock(&m->lock);
    return list;
}

int tl__layer_named(tl_map *m, const char *name, char key[80])
{
    int rc = -1;
    pthread_mutex_lock(&m->lock);
    for (int i = 0; i < m->napps && rc; i++)
        for (int k = 0; k < m->app[i].nlayers && rc; k++)
            if (strcmp(m->app[i].layer[k]->name, name) == 0) {
                strcpy(key, m->app[i].layer[k]->key);
                rc = 0;
            }
    pthread_mutex_unlock(&m->lock);
    return rc;
}

/* --- other parameters
 * ----------------------------------------------------------------------------- */

/* No other kinds of JSON, and no XML within: GDAL takes either for the description of a raster,
 * which may name any file or server. */
static int is_geojson(const char *text)
{
    static const char *const types[] = {"Point",           "MultiPoint",       "LineString",
                                        "MultiLineString", "Polygon",          "MultiPolygon",
                                        "Feature",         "FeatureCollection"};
    int known = 0;
    json_t *j =
        *text == '{' && !strchr(text, '<') ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const char *type = json_string_value(json_object_get(j, "type"));
    for (size_t i = 0; i < sizeof types / sizeof types[0] && type; i++)
        known |= strcmp(types[i], type) == 0;
    known = known && (json_object_get(j, "coordinates") || json_object_get(j, "geometry") ||
                      json_object_get(j, "features"));
    json_decref(j);
    return known;
}

/* A viewer's text may become a file's name in the script: so it is GeoJSON, or has nothing that
 * leads out of the working folder or to another driver or server. */
static int is_harmless(const char *text)
{
    if (is_geojson(text))
        return 1;
    for (const char *s = text; *s; s++)
        if ((unsigned char)*s < ' ' || strchr("/\\:<>{}|$`\"", *s))
            return 0;
    return !strstr(text, "..") && strlen(text) <= 200;
}

/* Only what the script declares and the operator left open. */
static int check_params(const json_t *declared, const json_t *params, tl_err *e)
{
    const char *name;
    json_t *v, *d;
    size_t i;
    json_object_foreach((json_t *)(uintptr_t)params, name, v)
    {
        int known = 0;
        json_array_foreach(declared, i, d) known |=
            strcmp(json_string_value(json_object_get(d, "name")), name) == 0;
        if (!known)
            return tl_fail(e, TL_EUSAGE, "the script has no parameter \"%.60s\" for viewers", name);
        if (!json_is_number(v) && !json_is_boolean(v) && !json_is_string(v))
            return tl_fail(e, TL_EUSAGE, "parameter \"%.60s\" is a number, a text or a boolean",
                           name);
        if (json_is_string(v) && !is_harmless(json_string_value(v)))
            return tl_fail(e, TL_EUSAGE,
                           "parameter \"%.60s\": viewers may send GeoJSON, or up to 200 characters "
                           "without / \\ : and the like",
                           name);
    }
    return 0;
}

static char *answer_id(const char *id, int generation, const json_t *params)
{
    char *text = json_dumps(params, JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(17));
    char *all = tl_xasprintf("%s %d %s", id, generation, text ? text : "");
    free(text);
    return all;
}

static int are_there(tl_map *m, const json_t *layers)
{
    const json_t *l;
    size_t i;
    int all = 1;
    json_array_foreach(layers, i, l)
    {
        tl_layer *one = NULL;
        all = all && !tl_shelf_get(m->shelf, json_string_value(json_object_get(l, "key")), &one,
                                   &(tl_err)TL_ERR_INIT);
        tl_layer_unref(one);
    }
    return all;
}

/* NULL also when a layer of it has gone since: the script makes it again. */
static json_t *kept_answer(tl_map *m, const char *id)
{
    tl_blob *b = tl_cache_get(m->answers, id, strlen(id));
    json_t *j = b ? json_loadb((const char *)b->data, b->size, 0, NULL) : NULL;
    tl_blob_unref(b);
    if (j && !are_there(m, json_object_get(j, "layers"))) {
        json_decref(j);
        j = NULL;
    }
    return j;
}

static void keep_answer(tl_map *m, const char *id, const json_t *j)
{
    char *text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(17));
    tl_blob *b = text ? tl_blob_new(strlen(text)) : NULL;
    if (b) {
        memcpy(b->data, text, b->size);
        tl_cache_put(m->answers, id, strlen(id), b);
    }
    tl_blob_unref(b);
    free(text);
}

json_t *tl__app_run(tl_map *m, const char *id, const json_t *params, tl_err *e)
{
    made k = {0};
    char *path = NULL;
    int generation = 0;
    json_t *given = NULL, *answer = NULL;
    pthread_mutex_lock(&m->lock);
    const tl__app *a = find(m, id);
    int rc = a && a->path ? check_params(a->params, params, e)
                          : tl_fail(e, TL_EDATA, "there is no script \"%.60s\" here", id);
    if (!rc) {
        path = tl_xstrdup(a->path);
        given = json_incref(a->given);
        generation = a->generation;
    }
    pthread_mutex_unlock(&m->lock);
    char *key = answer_id(id, generation, params);
    if (!rc && !(answer = kept_answer(m, key)) && !run(m, path, given, params, &k, e)) {
        answer = json_pack("{s:O, s:O}", "params", k.params, "layers", k.layers);
        keep_answer(m, key, answer);
    }
    free_made(&k);
    json_decref(given);
    free(path);
    free(key);
    return answer;
}

void tl__app_again(tl_map *m, const char *id)
{
    made k;
    tl_err e = TL_ERR_INIT;
    char error[800] = "";
    pthread_mutex_lock(&m->lock);
    const tl__app *was = find(m, id);
    char *path = tl_xstrdup(was->path);
    json_t *given = json_incref(was->given);
    pthread_mutex_unlock(&m->lock);
    run(m, path, given, NULL, &k, &e);
    pthread_mutex_lock(&m->lock);
    tl__app *a = find(m, id); /* the list may have grown, and moved */
    take(m, a, &k, &e);
    snprintf(error, sizeof error, "%s", a->error);
    pthread_mutex_unlock(&m->lock);
    tl_log(TL_LOG_INFO, "%s: %s", path, error[0] ? error : "shown again");
    announce(m, id, error);
    json_decref(given);
    free_made(&k);
    free(path);
}
