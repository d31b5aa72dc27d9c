/* Folders made in tests, and what was read of them as text. SPDX-License-Identifier: MIT */
#ifndef TL_SCENES_UTIL_H
#define TL_SCENES_UTIL_H

#include "modules/collection/open.h"
#include "modules/collection/when.h"
#include "runtime/buf.h"
#include "runtime/mem.h"
#include "tests/c/raster_util.h"

#include <gdal.h>
#include <math.h>
#include <ogr_srs_api.h>
#include <unistd.h>

/* A new empty folder below the scratch folder. */
static inline const char *new_folder(void)
{
    static char path[512];
    static int n;
    const char *tmp = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/f%d-%d", tmp ? tmp : "/tmp", (int)getpid(), n++);
    assert_int_equal(mkdir(path, 0777), 0);
    return path;
}

/* root/rel, with its folders made. In a ring of buffers. */
static inline const char *in_folder(const char *root, const char *rel)
{
    static char path[8][1024];
    static int turn;
    char *p = path[turn++ % 8];
    snprintf(p, sizeof path[0], "%s/%s", root, rel);
    for (char *s = strchr(p + strlen(root) + 1, '/'); s; s = strchr(s + 1, '/')) {
        *s = '\0';
        mkdir(p, 0777);
        *s = '/';
    }
    return p;
}

static inline void put_text(const char *root, const char *rel, const char *text)
{
    FILE *f = fopen(in_folder(root, rel), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* 4 by 3 cells of 10 m from (500000 + east, 5000030), in EPSG:32633. */
static inline void put_tif(const char *root, const char *rel, int nbands, double east)
{
    double gt[6] = {500000 + east, 10, 0, 5000030, 0, -10};
    GDALAllRegister();
    GDALDatasetH ds = GDALCreate(GDALGetDriverByName("GTiff"), in_folder(root, rel), 4, 3, nbands,
                                 GDT_UInt16, NULL);
    OGRSpatialReferenceH srs = OSRNewSpatialReference(NULL);
    assert_non_null(ds);
    OSRImportFromEPSG(srs, 32633);
    GDALSetSpatialRef(ds, srs);
    GDALSetGeoTransform(ds, gt);
    OSRDestroySpatialReference(srs);
    GDALClose(ds);
}

typedef struct told {
    tl_buf text;
    int with;
    size_t n;
    double box[4], bounds[4];
    size_t nring;
    char crs[64], properties[1024], href[1024];
    int band;
} told;

/* A line for each scene: id, collection, platform, tile, date, cloud, keys; of the last one the
 * rest is kept. */
static inline int tell(void *ctx, const tl_scene *s, tl_err *e)
{
    told *t = ctx;
    char when[24] = "-", cloud[24] = "-";
    (void)e;
    if (!isnan(s->t0))
        tl__when_compact(s->t0, when);
    if (!isnan(s->cloud))
        snprintf(cloud, sizeof cloud, "%.6g", s->cloud);
    tl_buf_printf(&t->text, "%s %s %s %s %s %s", s->id, s->collection[0] ? s->collection : "-",
                  s->platform[0] ? s->platform : "-", s->tile[0] ? s->tile : "-", when, cloud);
    for (size_t i = 0; i < s->nassets; i++)
        tl_buf_printf(&t->text, " %s", s->asset[i].key);
    tl_buf_puts(&t->text, "\n");
    t->n++;
    memcpy(t->box, s->box, sizeof t->box);
    memcpy(t->bounds, s->bounds, sizeof t->bounds);
    t->nring = s->ring ? s->nring : 0;
    snprintf(t->crs, sizeof t->crs, "%s", s->crs);
    snprintf(t->properties, sizeof t->properties, "%s", s->properties);
    snprintf(t->href, sizeof t->href, "%s", s->asset[0].href);
    t->band = s->asset[0].band;
    return 0;
}

/* Reads a source into an index in memory; 0 or the code, the error in e. told->text is freed by
 * told_free. `options` is JSON or NULL. */
static inline int read_scenes(tl_reader *reader, const char *source, const char *options, told *t,
                              tl_err *e)
{
    tl_index *ix = NULL;
    json_t *o = options ? json_loads(options, 0, NULL) : NULL, *all = json_array();
    *e = (tl_err)TL_ERR_INIT;
    memset(t, 0, sizeof *t);
    if (options)
        assert_non_null(o);
    assert_tl_ok(tl_index_create(NULL, &ix, e), e);
    int code = reader(source, o, ix, e);
    if (!code)
        assert_tl_ok(tl_index_commit(ix, e), e);
    if (!code)
        assert_tl_ok(tl_index_query(ix, all, tell, t, e), e);
    tl_index_close(ix);
    json_decref(o);
    json_decref(all);
    tl_raster_thread_done();
    return code;
}

static inline void told_free(told *t)
{
    tl_buf_free(&t->text);
}

static inline void assert_scenes(tl_reader *reader, const char *source, const char *options,
                                 const char *want, told *t)
{
    tl_err e;
    told own;
    told *to = t ? t : &own;
    if (read_scenes(reader, source, options, to, &e) != 0)
        fail_msg("%s: %s", source, e.message);
    /* From the first line that differs: messages have an end. */
    const char *got = tl_buf_text(&to->text);
    size_t line = 0;
    for (size_t i = 0; got[i] && got[i] == want[i]; i++)
        line = got[i] == '\n' ? i + 1 : line;
    if (strcmp(got, want) != 0)
        fail_msg("wanted\n%.400s\ngot\n%.400s", want + line, got + line);
    told_free(to);
}

/* Reading fails, and the message has all of `part`s (up to NULL) in it. */
static inline void assert_refused(tl_reader *reader, const char *source, const char *options,
                                  int code, const char *part)
{
    tl_err e;
    told t;
    int got = read_scenes(reader, source, options, &t, &e);
    told_free(&t);
    if (got != code || !strstr(e.message, part))
        fail_msg("wanted %d with '%s', got %d: %s", code, part, got, e.message);
}

static inline void assert_four(const double got[4], double a, double b, double c, double d,
                               double within)
{
    const double want[4] = {a, b, c, d};
    for (int i = 0; i < 4; i++)
        if (!(fabs(got[i] - want[i]) <= within))
            fail_msg("wanted %.9g %.9g %.9g %.9g, got %.9g %.9g %.9g %.9g", a, b, c, d, got[0],
                     got[1], got[2], got[3]);
}

#endif
