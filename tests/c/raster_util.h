/* Helpers of the raster tests. SPDX-License-Identifier: MIT */
#ifndef TL_RASTER_UTIL_H
#define TL_RASTER_UTIL_H

#include "modules/raster/raster.h"
#include "tests/c/test.h"

#include <stdlib.h>
#include <sys/stat.h>

/* A file of the shared data, or NULL where that is absent. */
static inline const char *shared_file(const char *name)
{
    static char path[4][1024];
    static int turn;
    char *p = path[turn++ % 4];
    const char *root = getenv("TELLUA_SHARED");
    struct stat st;
    snprintf(p, sizeof path[0], "%s/data/%s", root ? root : "../shared", name);
    if (stat(p, &st) == 0)
        return p;
    print_message("# no %s: skipped\n", p);
    return NULL;
}

/* A block of one band. */
typedef struct block {
    tl_rect rect;
    size_t size; /* of a cell */
    void *values;
    uint8_t *valid;
} block;

static inline void block_free(block *b)
{
    free(b->values);
    free(b->valid);
    memset(b, 0, sizeof *b);
}

/* Filled with rubbish first, so that cells left alone show. */
static inline block block_read(const tl_sampling *m, int band, tl_rect rect)
{
    tl_err e = TL_ERR_INIT;
    block b = {rect, tl_dtype_size(m->source->bands[band].dtype), NULL, NULL};
    size_t n = (size_t)(rect.w * rect.h);
    b.values = malloc(n * b.size);
    b.valid = malloc(n);
    memset(b.values, 0xa5, n * b.size);
    memset(b.valid, 0xa5, n);
    const tl_read q = {rect, 1, &band, &b.values, &b.valid};
    assert_tl_ok(m->source->vt->read(m, &q, &e), &e);
    return b;
}

static inline tl_source *open_source(const char *path)
{
    tl_err e = TL_ERR_INIT;
    tl_source *s = NULL;
    assert_tl_ok(tl_raster_open(path, &s, &e), &e);
    return s;
}

static inline tl_sampling *sample_source(tl_source *s, const tl_grid *g, tl_method method)
{
    tl_err e = TL_ERR_INIT;
    tl_sampling *m = NULL;
    assert_tl_ok(s->vt->sample(s, g, method, NULL, &m, &e), &e);
    return m;
}

/* A cell as double. */
static inline double cell_value(const void *values, tl_dtype t, size_t i)
{
    switch (t) {
    case TL_U8:
        return ((const uint8_t *)values)[i];
    case TL_I8:
        return ((const int8_t *)values)[i];
    case TL_U16:
        return ((const uint16_t *)values)[i];
    case TL_I16:
        return ((const int16_t *)values)[i];
    case TL_U32:
        return ((const uint32_t *)values)[i];
    case TL_I32:
        return ((const int32_t *)values)[i];
    case TL_U64:
        return (double)((const uint64_t *)values)[i];
    case TL_I64:
        return (double)((const int64_t *)values)[i];
    case TL_F32:
        return (double)((const float *)values)[i];
    default:
        return ((const double *)values)[i];
    }
}

#endif
