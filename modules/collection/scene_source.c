/* The scene source: stands for the files of any scene. See composite.h. SPDX-License-Identifier:
 * MIT
 */
#include "modules/collection/composite_int.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    tl_source s; /* first */
    tl_scene_band *band;
} scene_source;

/* Of one member; assets that no band asked for needs are NULL. */
typedef struct {
    tl_sampling m; /* first */
    int nassets;
    tl_sampling **asset;
} scene_sampling;

const tl_scene_band *tl_scene_source_bands(const tl_source *s)
{
    return ((const scene_source *)s)->band;
}

static void destroy(tl_source *s)
{
    free(((scene_source *)s)->band);
    free(s->bands);
    free(s->uri);
    free(s);
    tl_live(TL_LIVE_SOURCE, -1);
}

/* --- sampling
 * ------------------------------------------------------------------------------------------------
 */

static scene_sampling *new_sampling(tl_source *s, const tl_grid *lattice, tl_method method)
{
    scene_sampling *m = tl_xcalloc(1, sizeof *m);
    tl_sampling_begin(&m->m, s, lattice, method, "each scene's own files");
    return m;
}

/* Of no scene: what a kind's pass is made with. */
static int sample(tl_source *s, const tl_grid *grid, tl_method method, const char *operation,
                  tl_sampling **out, tl_err *e)
{
    (void)operation, (void)e;
    *out = &new_sampling(s, grid, method)->m;
    return 0;
}

static void sampling_destroy(tl_sampling *base)
{
    scene_sampling *m = (scene_sampling *)base;
    for (int a = 0; a < m->nassets; a++)
        tl_sampling_unref(m->asset[a]);
    free(m->asset);
    tl_sampling_destroy(base);
}

static int check_cells(const tl_source *file, const tl_scene_band *b, tl_err *e)
{
    if (b->band >= file->nbands)
        return tl_fail(e, TL_EDATA, "band %s is number %d of a file that has %d", b->name,
                       b->band + 1, file->nbands);
    if (file->bands[b->band].dtype != b->dtype)
        return tl_fail(e, TL_EDATA, "band %s holds %s, in the other scenes %s", b->name,
                       tl_dtype_name(file->bands[b->band].dtype), tl_dtype_name(b->dtype));
    return 0;
}

static int open_asset(scene_sampling *m, const tl_member *member, const tl_scene_band *b, tl_err *e)
{
    if (b->asset >= member->nassets)
        return tl_fail(e, TL_EDATA, "there is no file for band %s", b->name);
    tl_sampling **at = &m->asset[b->asset];
    tl_source *file = *at ? tl_source_ref((*at)->source) : NULL;
    int rc = file ? 0 : tl_raster_open_within(member->asset[b->asset], member->roots, &file, e);
    if (!rc)
        rc = check_cells(file, b, e);
    if (!rc && b->has_nodata)
        tl_raster_also_nodata(file, b->band, b->nodata);
    if (!rc && !*at)
        rc = file->vt->sample(file, &m->m.lattice, m->m.method, NULL, at, e);
    if (rc)
        tl_err_source(e, member->asset[b->asset]);
    tl_source_unref(file);
    return rc;
}

int tl__scene_sample(const tl_source *scene, const tl_member *member, const tl_sampling *like,
                     const int *bands, int nbands, tl_sampling **out, tl_err *e)
{
    const tl_scene_band *band = tl_scene_source_bands(scene);
    scene_sampling *m = new_sampling((tl_source *)(uintptr_t)scene, &like->lattice, like->method);
    int rc = 0;
    for (int i = 0; i < nbands; i++)
        m->nassets = band[bands[i]].asset >= m->nassets ? band[bands[i]].asset + 1 : m->nassets;
    m->asset = tl_xcalloc((size_t)m->nassets, sizeof *m->asset);
    for (int i = 0; i < nbands && !rc; i++)
        rc = open_asset(m, member, &band[bands[i]], e);
    if (rc)
        sampling_destroy(&m->m);
    else
        *out = &m->m;
    return rc;
}

static int64_t working_bytes(const tl_sampling *base, int64_t w, int64_t h, int n)
{
    const scene_sampling *m = (const scene_sampling *)base;
    int64_t most = 0;
    for (int a = 0; a < m->nassets; a++) { /* one after the other */
        const tl_sampling *file = m->asset[a];
        int64_t bytes = file ? file->source->vt->working_bytes(file, w, h, n) : 0;
        most = bytes > most ? bytes : most;
    }
    return most;
}

/* --- reading
 * -----------------------------------------------------------------------------------------------
 */

static int read_asset(const scene_sampling *m, int asset, const tl_read *r, tl_err *e)
{
    const tl_scene_band *band = tl_scene_source_bands(m->m.source);
    tl_read one = {.rect = r->rect};
    int *bands = tl_xcalloc((size_t)r->nbands, sizeof *bands);
    void **values = tl_xcalloc((size_t)r->nbands, sizeof *values);
    uint8_t **valid = tl_xcalloc((size_t)r->nbands, sizeof *valid);
    for (int i = 0; i < r->nbands; i++) {
        const tl_scene_band *b = &band[r->bands[i]];
        if (b->asset != asset)
            continue;
        bands[one.nbands] = b->band;
        values[one.nbands] = r->values[i];
        valid[one.nbands++] = r->valid[i];
    }
    one.bands = bands;
    one.values = values;
    one.valid = valid;
    const tl_sampling *file = m->asset[asset];
    int rc = one.nbands ? file->source->vt->read(file, &one, e) : 0;
    if (rc)
        tl_err_source(e, file->source->uri);
    free(bands);
    free(values);
    free(valid);
    return rc;
}

static int read_scene(const tl_sampling *base, const tl_read *r, tl_err *e)
{
    const scene_sampling *m = (const scene_sampling *)base;
    int rc = m->nassets ? 0
                        : tl_fail(e, TL_ESCRIPT,
                                  "the picture of a collection's scenes has pixels only "
                                  "within the collection: reduce it, or take one scene");
    for (int a = 0; a < m->nassets && !rc; a++)
        rc = read_asset(m, a, r, e);
    return rc;
}

/* --- making
 * ------------------------------------------------------------------------------------------------
 */

static const tl_source_vt vt = {.destroy = destroy,
                                .sample = sample,
                                .sampling_destroy = sampling_destroy,
                                .working_bytes = working_bytes,
                                .read = read_scene};

int tl_is_scene_source(const tl_source *s)
{
    return s->vt == &vt;
}

tl_source *tl_scene_source_new(const tl_scene_band *bands, int n)
{
    static atomic_int serial;
    scene_source *f = tl_xcalloc(1, sizeof *f);
    f->s.vt = &vt;
    atomic_init(&f->s.refs, 1);
    /* Sources of one address count as one; these are told apart by what they are. */
    f->s.uri = tl_xasprintf("scene #%d", atomic_fetch_add(&serial, 1) + 1);
    f->s.native = (tl_grid){"", 0, 0, 1, 1, 0, 0, 1, 1};
    f->s.nbands = n;
    f->s.bands = tl_xcalloc((size_t)n, sizeof *f->s.bands);
    f->band = tl_xcalloc((size_t)n, sizeof *f->band);
    for (int i = 0; i < n; i++) {
        f->band[i] = bands[i];
        f->s.bands[i] = (tl_band){.name = bands[i].name,
                                  .dtype = bands[i].dtype,
                                  .scale = bands[i].scale,
                                  .offset = bands[i].offset,
                                  .has_scale = bands[i].scale != 1 || bands[i].offset != 0,
                                  .block_w = 256,
                                  .block_h = 256,
                                  .block_bands = 1,
                                  .has_nodata = bands[i].has_nodata,
                                  .nodata = bands[i].nodata,
                                  .nodata_i = (int64_t)bands[i].nodata,
                                  .is_classes = bands[i].is_classes};
    }
    tl_live(TL_LIVE_SOURCE, 1);
    return &f->s;
}
