/* Batch jobs: how far they are, and what of their products is there. SPDX-License-Identifier: MIT
 */
#include "modules/map/map_int.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

/* What the host answers, always as an array: Lua's empty table is an object. */
static json_t *ask(tl_map *m, const char *what, const json_t *args, tl_err *e)
{
    const tl_map_host *host = &m->o.host;
    json_t *list = NULL;
    if (host->jobs && host->jobs(host->ctx, what, args, &list, e))
        return NULL;
    if (json_is_array(list))
        return list;
    json_decref(list);
    return json_array();
}

static json_t *list_jobs(tl__job *j, tl_err *e)
{
    json_t *list = ask(j->map, "jobs", NULL, e);
    return list ? json_pack("{s:o, s:{s:i, s:i}}", "jobs", list, "pool", "running",
                            tl_pool_running(j->map->pool), "waiting", tl_pool_waiting(j->map->pool))
                : NULL;
}

/* --- a job's products as layers ------------------------------------------------------------------
 */

/* Three bands as a picture, one by a ramp; limits from what is there. */
static json_t *looks_of(const tl_image *img)
{
    json_t *looks = json_pack("{s:{s:[i, i]}}", "stretch", "percent", 2, 98);
    if (img->nbands == 1) {
        json_object_set_new(looks, "ramp", json_string("viridis"));
        return looks;
    }
    json_t *rgb = json_array();
    for (int k = 0; k < 3; k++)
        json_array_append_new(rgb,
                              tl_json_text(img->band[k < img->nbands ? k : img->nbands - 1].name));
    json_object_set_new(looks, "rgb", rgb);
    return looks;
}

/* "folder/ndvi.tif": an output "ndvi" */
static int add_product(tl_script *s, const char *path, tl_err *e)
{
    tl_source *source = NULL;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    int rc = tl_raster_open(path, &source, e);
    if (rc)
        return rc;
    tl_image *img = tl_image_of_source(source, tl_intern(path));
    tl_source_unref(source);
    s->output = tl_xrealloc(s->output, (size_t)(s->noutputs + 1) * sizeof *s->output);
    s->output[s->noutputs++] =
        (tl_output){.name = tl_xasprintf("%.*s", (int)strcspn(name, "."), name),
                    .where = tl_intern(path),
                    .image = img,
                    .options = looks_of(img)};
    return 0;
}

static int show_products(tl_map *m, const char *id, const json_t *paths, tl_err *e)
{
    tl_script s = {0};
    tl_painter p;
    const json_t *path;
    size_t i;
    int rc = 0;
    json_array_foreach(paths, i, path) if (!rc) rc = add_product(&s, json_string_value(path), e);
    if (!rc && !(rc = m->o.host.open(m->o.host.ctx, &p, e))) {
        rc = tl_map_show(m, id, &s, &p, e);
        m->o.host.close(m->o.host.ctx, &p);
    }
    tl_script_free(&s);
    return rc;
}

/* The products as far as they are finished become an app of the job's name. */
static json_t *show_job(tl__job *j, tl_err *e)
{
    json_t *args = json_pack("{s:s}", "job", j->text);
    json_t *paths = args ? ask(j->map, "products", args, e) : NULL, *answer = NULL;
    if (paths && json_array_size(paths) == 0)
        tl_fail(e, TL_EDATA, "job %.60s has no pictures", j->text);
    else if (paths && !show_products(j->map, j->text, paths, e))
        answer = json_pack("{s:s, s:i}", "app", j->text, "layers", (int)json_array_size(paths));
    json_decref(paths);
    json_decref(args);
    return answer;
}

/* Schedulers and disks may take their time to answer: on the pool. */
void tl__serve_jobs(tl_map *m, tl_request *r, const char *rest)
{
    json_t *body = *rest ? tl__body_json(m, r) : NULL;
    if (*rest && !body)
        return;
    tl__job *j = tl__job_new(m, r, *rest ? show_job : list_jobs);
    j->body = body;
    j->text = *rest ? tl_xstrdup(rest) : NULL;
    tl__job_start(j);
}
