/* A source of arithmetic: see synthetic.h. SPDX-License-Identifier: MIT */
#include "modules/image/synthetic.h"
#include "modules/expr/expr.h"
#include "runtime/mem.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct {
    tl_source s; /* first: a tl_source is one of these */
    atomic_llong spent;
} synthetic;

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* --- cells
 * -------------------------------------------------------------------------------------------- */

/* Bits without a pattern, the same everywhere (the finaliser of SplitMix64). */
static uint64_t mix(int64_t col, int64_t row, int band)
{
    uint64_t z = (uint64_t)col * 0x9e3779b97f4a7c15u + (uint64_t)row * 0xc2b2ae3d27d4eb4fu +
                 ((uint64_t)band + 1) * 0x165667b19e3779f9u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int64_t ordinary_int(tl_dtype t, uint64_t h)
{
    int64_t lo = tl_dtype_is_signed(t) ? -3000 : 0, hi = 10000;
    lo = lo < tl_dtype_min(t) ? tl_dtype_min(t) : lo;
    hi = hi > tl_dtype_max(t) ? tl_dtype_max(t) : hi;
    return lo + (int64_t)(h % (uint64_t)(hi - lo + 1));
}

/* Reflectances on one side, temperatures and heights on the other. */
static double ordinary_float(uint64_t h)
{
    double unit = (double)(h >> 40) / (double)(1 << 24);
    return h & 1 ? unit : unit * 9000 - 1000;
}

static int64_t edge_int(tl_dtype t, uint64_t h)
{
    const int64_t two53 = (int64_t)1 << 53, lo = tl_dtype_min(t), hi = tl_dtype_max(t);
    const int64_t edges[] = {0, 1, -1, lo, hi, hi - 1, lo + 1, two53 - 1, two53, two53 + 1};
    int64_t x = edges[h % (sizeof edges / sizeof edges[0])];
    return x < lo || x > hi ? 0 : x; /* the type has no such edge */
}

static double edge_float(tl_dtype t, uint64_t h)
{
    const int f32 = t == TL_F32;
    const double big = f32 ? FLT_MAX : DBL_MAX, small = f32 ? FLT_MIN : DBL_MIN,
                 least = f32 ? FLT_TRUE_MIN : DBL_TRUE_MIN;
    const double two53 = 9007199254740992.0, whole = f32 ? 16777216.0 : two53;
    const double edges[] = {0,
                            -0.0,
                            1,
                            -1,
                            0.5,
                            -2.5,
                            big,
                            -big,
                            small,
                            least,
                            -least,
                            NAN,
                            INFINITY,
                            -INFINITY,
                            whole - 1,
                            whole,
                            f32 ? whole + 2 : whole + 1,
                            1e10};
    return edges[h % (sizeof edges / sizeof edges[0])];
}

static int is_valid(int64_t col, int64_t row, int band)
{
    if (row < TL_SYNTHETIC_INVALID)
        return 0;
    if (row >= TL_SYNTHETIC_ORDINARY)
        return 1;
    return (row & 15) != 15 && (mix(col, row, band + 4096) & 7) != 0;
}

static tl_num cell(tl_dtype t, int64_t col, int64_t row, int band)
{
    uint64_t h = mix(col, row, band);
    int edge = row < TL_SYNTHETIC_ORDINARY && (h & 3) == 0;
    h >>= 2;
    tl_num x = {0};
    if (!tl_dtype_is_float(t))
        x.i = edge ? edge_int(t, h) : ordinary_int(t, h);
    else
        x.f = edge ? edge_float(t, h) : ordinary_float(h);
    return x;
}

static void store(void *to, int64_t i, tl_dtype t, tl_num x)
{
    switch (t) {
    case TL_U8:
    case TL_I8:
        ((uint8_t *)to)[i] = (uint8_t)x.i;
        break;
    case TL_U16:
    case TL_I16:
        ((uint16_t *)to)[i] = (uint16_t)x.i;
        break;
    case TL_U32:
    case TL_I32:
        ((uint32_t *)to)[i] = (uint32_t)x.i;
        break;
    case TL_F32:
        ((float *)to)[i] = (float)x.f;
        break;
    case TL_F64:
        ((double *)to)[i] = x.f;
        break;
    default:
        ((int64_t *)to)[i] = x.i;
        break;
    }
}

static int synthetic_read(const tl_sampling *m, const tl_read *r, tl_err *e)
{
    synthetic *f = (synthetic *)m->source;
    int64_t start = now();
    (void)e;
    for (int k = 0; k < r->nbands; k++) {
        int band = r->bands[k];
        tl_dtype t = f->s.bands[band].dtype;
        for (int64_t y = 0, i = 0; y < r->rect.h; y++)
            for (int64_t x = 0; x < r->rect.w; x++, i++) {
                int64_t col = r->rect.x + x, row = r->rect.y + y;
                int good = is_valid(col, row, band);
                store(r->values[k], i, t, good ? cell(t, col, row, band) : (tl_num){0});
                r->valid[k][i] = (uint8_t)good;
            }
    }
    atomic_fetch_add(&f->spent, now() - start);
    return 0;
}

/* --- the source
 * --------------------------------------------------------------------------------------- */

static void synthetic_destroy(tl_source *s)
{
    free(s->uri);
    free(s->bands);
    free(s);
    tl_live(TL_LIVE_SOURCE, -1);
}

static int synthetic_sample(tl_source *s, const tl_grid *grid, tl_method method,
                            const char *operation, tl_sampling **out, tl_err *e)
{
    tl_sampling *m = tl_xcalloc(1, sizeof *m);
    (void)operation, (void)e;
    tl_sampling_begin(m, s, grid, method, "synthetic");
    m->exact = 1;
    *out = m;
    return 0;
}

static int64_t synthetic_working_bytes(const tl_sampling *m, int64_t w, int64_t h, int n)
{
    (void)m, (void)w, (void)h, (void)n;
    return 0;
}

static const tl_source_vt vt = {.destroy = synthetic_destroy,
                                .sample = synthetic_sample,
                                .sampling_destroy = tl_sampling_destroy,
                                .working_bytes = synthetic_working_bytes,
                                .read = synthetic_read};

/* Sources of the same address count as one: it names all that decides the cells. */
static char *address(int n, const char *const *names, const tl_dtype *types)
{
    char *text = tl_xstrdup("synthetic");
    for (int k = 0; k < n; k++) {
        char *longer =
            tl_xasprintf("%s%s%s=%s", text, k ? "," : ":", names[k], tl_dtype_name(types[k]));
        free(text);
        text = longer;
    }
    return text;
}

tl_source *tl_synthetic_new(int n, const char *const *names, const tl_dtype *types)
{
    synthetic *f = tl_xcalloc(1, sizeof *f);
    f->s.vt = &vt;
    atomic_init(&f->s.refs, 1);
    atomic_init(&f->spent, 0);
    f->s.uri = address(n, names, types);
    f->s.native = (tl_grid){"", 0, 0, 1, 1, 0, 0, 128, 128};
    f->s.nbands = n;
    f->s.bands = tl_xcalloc((size_t)n, sizeof *f->s.bands);
    for (int k = 0; k < n; k++)
        f->s.bands[k] = (tl_band){.name = tl_intern(names[k]),
                                  .dtype = types[k],
                                  .scale = 1,
                                  .block_w = 128,
                                  .block_h = 128,
                                  .block_bands = 1};
    tl_live(TL_LIVE_SOURCE, 1);
    return &f->s;
}

int tl_is_synthetic(const tl_source *s)
{
    return s->vt == &vt;
}

int64_t tl_synthetic_spent(const tl_source *s)
{
    return atomic_load(&((synthetic *)(uintptr_t)s)->spent);
}
