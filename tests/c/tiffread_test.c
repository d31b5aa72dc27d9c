/* Blocks of GeoTIFF decoded here against GDAL's own reading of the same random files.
 * TELLUA_SEED=n other files, TELLUA_FILES=n more of them, TELLUA_KEEP=1 leaves
 * them. SPDX-License-Identifier: MIT */
#include "modules/raster/tiffread.h"
#include "runtime/log.h"
#include "runtime/mem.h"
#include "tests/c/picture.h"
#include "tests/c/raster_util.h"

#include <cpl_conv.h>
#include <cpl_string.h>
#include <math.h>
#include <unistd.h>

static uint64_t seed;

static int below(int n)
{
    return (int)(tl_test_random(&seed) % (uint64_t)n);
}

static int setting(const char *name, int usual)
{
    return getenv(name) ? atoi(getenv(name)) : usual;
}

/* --- random files ----------------------------------------------------------------------------- */

typedef struct {
    char path[330], text[700]; /* what it is, for messages */
    GDALDataType type;
    int w, h, nbands;
    int ours;   /* 1 = what we decode; -1 = some bands */
    int sparse; /* some blocks are not there */
    int damaged;
} file;

static const GDALDataType types[] = {GDT_Byte,   GDT_UInt16, GDT_Int16,   GDT_UInt32, GDT_Int32,
                                     GDT_UInt64, GDT_Int64,  GDT_Float32, GDT_Float64};

static void add(file *f, char ***options, const char *key, const char *value)
{
    *options = CSLSetNameValue(*options, key, value);
    snprintf(f->text + strlen(f->text), sizeof f->text - strlen(f->text), " %s=%s", key, value);
}

static char **choose(file *f)
{
    static const char *const side[] = {"16", "32", "48", "128"}, *const squeeze[] = {"NONE", "LZW"};
    char rows[16], **o = NULL;
    int real = f->type == GDT_Float32 || f->type == GDT_Float64;
    if (below(2)) {
        add(f, &o, "TILED", "YES");
        add(f, &o, "BLOCKXSIZE", side[below(4)]);
        add(f, &o, "BLOCKYSIZE", side[below(4)]);
    } else {
        snprintf(rows, sizeof rows, "%d", 1 + below(f->h));
        add(f, &o, "BLOCKYSIZE", rows);
    }
    int kind = below(8);
    /* GDAL cuts a long strip that is not compressed into smaller ones: such a file is its own. */
    f->ours = kind == 0 && !strstr(f->text, "TILED") ? -1 : kind != 1;
    add(f, &o, "COMPRESS", kind < 2 ? squeeze[kind] : "DEFLATE");
    if (kind)
        add(f, &o, "PREDICTOR", below(3) == 0 ? "1" : real && below(2) ? "3" : "2");
    add(f, &o, "INTERLEAVE", below(2) ? "PIXEL" : "BAND");
    if (below(4) == 0)
        add(f, &o, "BIGTIFF", "YES");
    if (below(8) == 0) {
        add(f, &o, "ENDIANNESS", "BIG");
        f->ours = 0;
    }
    add(f, &o, "PHOTOMETRIC", "MINISBLACK");
    if (f->nbands > 1 && below(6) == 0) {
        add(f, &o, "ALPHA", "YES"); /* the mask of the others */
        f->ours = f->ours && strstr(f->text, "INTERLEAVE=PIXEL") ? -1 : f->ours;
    } else {
        add(f, &o, "ALPHA", "NO");
    }
    f->sparse = below(5) == 0;
    if (f->sparse)
        add(f, &o, "SPARSE_OK", "TRUE");
    return o;
}

/* Waves with noise, so that blocks compress as pictures do; some NaN. */
static void fill(file *f, GDALRasterBandH band)
{
    size_t n = (size_t)f->w * (size_t)f->h;
    double *v = malloc(n * sizeof *v);
    double scale = f->type == GDT_Byte ? 40 : 3000;
    int noise = 1 + below(20);
    for (size_t i = 0; i < n; i++)
        v[i] = scale *
                   (2 + sin((double)(i % (size_t)f->w) / 9) * cos((double)(i / (size_t)f->w) / 7)) +
               below(noise);
    if (f->type == GDT_Float64)
        v[below((int)n)] = NAN;
    /* A sparse file has rows that nobody writes. */
    int from = f->sparse ? f->h / 3 : 0;
    assert_int_equal(GDALRasterIO(band, GF_Write, 0, from, f->w, f->h - from, v, f->w, f->h - from,
                                  GDT_Float64, 0, 0),
                     CE_None);
    free(v);
}

static GDALDriverH tiff(void)
{
    return GDALGetDriverByName("GTiff");
}

/* Beside the file; or inside, in a copy (libtiff does not always come to an end when it adds them).
 */
static void build_overviews(file *f, int inside, char **options)
{
    int list[] = {2, 4};
    char *from = tl_xasprintf("%s", f->path);
    GDALDatasetH ds = GDALOpen(from, GA_ReadOnly), copy;
    assert_int_equal(GDALBuildOverviews(ds, "NEAREST", 2, list, 0, NULL, NULL, NULL), CE_None);
    snprintf(f->text + strlen(f->text), sizeof f->text - strlen(f->text), ", overviews %s",
             inside ? "inside" : "beside");
    if (inside) {
        memcpy(strrchr(f->path, '.'), "c.tif", 6);
        options = CSLSetNameValue(CSLDuplicate(options), "COPY_SRC_OVERVIEWS", "YES");
        copy = GDALCreateCopy(tiff(), f->path, ds, 0, options, NULL, NULL);
        assert_non_null(copy);
        GDALClose(copy);
        CSLDestroy(options);
    }
    GDALClose(ds);
    free(from);
}

static file make(int k)
{
    file f = {.type = types[below(sizeof types / sizeof *types)]};
    snprintf(f.path, sizeof f.path, "%s/%d.tif", scratch_dir(), k);
    f.w = 1 + below(below(4) ? 150 : 600);
    f.h = 1 + below(150);
    f.nbands = 1 + below(4);
    snprintf(f.text, sizeof f.text, "%s, %d x %d x %d %s:", f.path, f.w, f.h, f.nbands,
             GDALGetDataTypeName(f.type));
    char **o = choose(&f);
    GDALDatasetH ds = GDALCreate(tiff(), f.path, f.w, f.h, f.nbands, f.type, o);
    assert_non_null(ds);
    double place[6] = {500000, 10, 0, 5000000, 0, -10};
    GDALSetGeoTransform(ds, place);
    if (below(2))
        GDALSetRasterNoDataValue(GDALGetRasterBand(ds, 1), 80 + below(20));
    for (int b = 1; b <= f.nbands; b++)
        fill(&f, GDALGetRasterBand(ds, b));
    GDALClose(ds);
    int how = below(3);
    if (how && f.w > 8 && f.h > 8)
        build_overviews(&f, how == 1, o);
    CSLDestroy(o);
    return f;
}

/* --- one window ------------------------------------------------------------------------------- */

static tl_rect random_window(const tl_level *l, int bw, int bh)
{
    int64_t x = below(l->w), y = below(l->h);
    tl_rect all = {0, 0, l->w, l->h}, r = {x, y, 1 + below(l->w), 1 + below(l->h)};
    int kind = below(4);
    if (kind == 0) /* whole blocks */
        r = (tl_rect){x / bw * bw, y / bh * bh, bw * (1 + below(3)), bh * (1 + below(3))};
    return kind == 1 ? all : tl_rect_intersect(all, r);
}

/* The bits and the mask that RasterIO gives, or 0 where it reports a failure. */
static int by_gdal(const tl_raster *r, GDALDatasetH ds, int level, int band, tl_rect w, void *out,
                   uint8_t *mask)
{
    int x = (int)w.x, y = (int)w.y, n = (int)w.w, m = (int)w.h;
    GDALRasterBandH b = GDALGetRasterBand(ds, band + 1);
    if (b && level > 0)
        b = GDALGetOverview(b, level - 1);
    if (!b)
        return 0;
    CPLErrorReset();
    CPLErr done = GDALRasterIO(b, GF_Read, x, y, n, m, out, n, m, r->info[band].type, 0, 0);
    if (done == CE_None && r->info[band].validity == TL_VALID_MASK)
        done = GDALRasterIO(GDALGetMaskBand(b), GF_Read, x, y, n, m, mask, n, m, GDT_Byte, 0, 0);
    return done == CE_None && CPLGetLastErrorType() < CE_Failure;
}

/* Reads a window both ways; 1 = both gave pixels, the same ones. */
static int compare(const file *f, const tl_raster *r, GDALDatasetH ds, int level, int band,
                   tl_rect w)
{
    const tl_dtype t = r->s.bands[band].dtype;
    size_t size = tl_dtype_size(t), gap = (size_t)below(3), stride = (size_t)w.w + gap;
    char *want = malloc((size_t)(w.w * w.h) * size), *got = malloc(stride * (size_t)w.h * size);
    uint8_t *valid = malloc(stride * (size_t)w.h), *mask = malloc((size_t)(w.w * w.h));
    int64_t decoded[2], left[2];
    tl_gdal_handle *h = tl_raster_handle(r);
    tl_err e = TL_ERR_INIT;
    int gdals = by_gdal(r, ds, level, band, w, want, mask);
    tl_tiffread_counts(&decoded[0], &left[0]);
    int ours = !tl_raster_window(r, h, level, band, w, got, valid, (int64_t)stride, &e);
    if (gdals != ours)
        fail_msg("%s, level %d, band %d, %lld,%lld %lldx%lld: GDAL %s, we %s (%s)", f->text, level,
                 band, (long long)w.x, (long long)w.y, (long long)w.w, (long long)w.h,
                 gdals ? "reads it" : "fails", ours ? "read it" : "fail", e.message);
    tl_tiffread_counts(&decoded[1], &left[1]);
    /* Of damaged blocks GDAL gives now and then what its memory held before, never the same. */
    int same = ours && (!f->damaged || (decoded[1] > decoded[0] && left[1] == left[0]));
    for (int64_t i = 0; i < w.w * w.h && same; i++) {
        size_t at = (size_t)(i / w.w) * stride + (size_t)(i % w.w);
        double v = cell_value(want, t, (size_t)i);
        tl_validity rule = r->info[band].validity;
        int none = isnan(v) || (rule == TL_VALID_MASK && !mask[i]) ||
                   (rule == TL_VALID_NODATA && v == r->s.bands[band].nodata);
        if (valid[at] == none || (!none && memcmp(got + at * size, want + (size_t)i * size, size)))
            fail_msg("%s, level %d, band %d, window %lld,%lld %lldx%lld, cell %lld: GDAL %.17g, "
                     "we %.17g, valid %d",
                     f->text, level, band, (long long)w.x, (long long)w.y, (long long)w.w,
                     (long long)w.h, (long long)i, v, cell_value(got, t, at), valid[at]);
    }
    free(want);
    free(got);
    free(valid);
    free(mask);
    return ours;
}

/* Returns how many windows had pixels. */
static int compare_windows(const file *f, const tl_raster *r, GDALDatasetH ds, int n)
{
    int good = 0;
    for (int k = 0; k < n; k++) {
        int level = below(r->nlevels), band = below(r->s.nbands);
        const tl_band *b = &r->s.bands[band];
        good += compare(f, r, ds, level, band,
                        random_window(&r->levels[level], b->block_w, b->block_h));
    }
    return good;
}

/* --- tests ------------------------------------------------------------------------------------ */

static int start(void **state)
{
    (void)state;
    CPLSetConfigOption("GDAL_PAM_ENABLED", "NO");
    tl_raster_set_cache(64 << 20);
    CPLSetErrorHandler(CPLQuietErrorHandler);
    tl_log_set_level(TL_LOG_QUIET);
    seed = (uint64_t)setting("TELLUA_SEED", 9);
    print_message("# TELLUA_SEED=%llu\n", (unsigned long long)seed);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    char *cmd = tl_xasprintf("rm -r '%s'", scratch_dir());
    int r = getenv("TELLUA_KEEP") ? 0 : system(cmd);
    free(cmd);
    tl_raster_thread_done();
    return r || tl_raster_open_datasets() != 0 || tl_live_count(TL_LIVE_SOURCE) != 0;
}

static void random_files_have_the_bits_that_gdal_reads(void **state)
{
    (void)state;
    int64_t decoded[2], left[2], all = 0;
    for (int k = 0; k < setting("TELLUA_FILES", 150); k++) {
        file f = make(k);
        tl_source *s = open_source(f.path);
        GDALDatasetH ds = GDALOpen(f.path, GA_ReadOnly);
        tl_raster_set_cache(below(2) ? 64 << 20 : 5 << 20); /* much or nearly nothing is kept */
        tl_tiffread_counts(&decoded[0], &left[0]);
        compare_windows(&f, (const tl_raster *)s, ds, 30);
        compare(&f, (const tl_raster *)s, ds, 0, 0, (tl_rect){0, 0, f.w, f.h});
        tl_tiffread_counts(&decoded[1], &left[1]);
        all += decoded[1] - decoded[0];
        if ((decoded[1] > decoded[0]) != f.ours && f.ours >= 0 && !f.sparse)
            fail_msg("%s: %lld blocks decoded here", f.text, (long long)(decoded[1] - decoded[0]));
        if (left[1] > left[0] && !f.sparse)
            fail_msg("%s: %lld blocks left to GDAL", f.text, (long long)(left[1] - left[0]));
        GDALClose(ds);
        tl_source_unref(s);
    }
    print_message("# %lld blocks decoded here\n", (long long)all);
    tl_raster_thread_done();
}

static void a_kept_block_is_decoded_once(void **state)
{
    (void)state;
    const char *path = scratch("one.tif");
    int64_t before, after, left;
    char **o = CSLAddString(CSLAddString(NULL, "COMPRESS=DEFLATE"), "INTERLEAVE=PIXEL");
    o = CSLAddString(CSLAddString(o, "TILED=YES"), "PREDICTOR=2");
    file f = {.text = "one", .type = GDT_UInt16, .w = 512, .h = 512, .nbands = 3};
    GDALDatasetH ds = GDALCreate(tiff(), path, 512, 512, 3, GDT_UInt16, o);
    for (int b = 1; b <= 3; b++)
        fill(&f, GDALGetRasterBand(ds, b));
    GDALClose(ds);
    CSLDestroy(o);
    tl_raster_set_cache(64 << 20);
    tl_source *s = open_source(path);
    ds = GDALOpen(path, GA_ReadOnly);
    tl_tiffread_counts(&before, &left);
    for (int k = 0; k < 60; k++) /* parts of four blocks, three bands in each */
        compare(&f, (const tl_raster *)s, ds, 0, k % 3,
                (tl_rect){250 - k, 250 - k, 10 + 2 * k, 100});
    tl_tiffread_counts(&after, &left);
    assert_int_equal(after - before, 4);
    GDALClose(ds);
    tl_source_unref(s);
    tl_raster_thread_done();
}

/* A copy with some bits turned, more often in the directory, or cut short. */
static void damage(const char *from, const char *to)
{
    size_t n;
    char *text = slurp(from, &n);
    size_t reach = below(2) ? n : n < 512 ? n : 512;
    for (int k = 1 + below(3); k > 0; k--)
        text[tl_test_random(&seed) % reach] ^= (char)(1 << below(8));
    if (below(6) == 0)
        n = 1 + tl_test_random(&seed) % n;
    FILE *f = fopen(to, "wb");
    assert_true(f && fwrite(text, 1, n, f) == n && fclose(f) == 0);
    free(text);
}

static void damaged_files_fail_where_gdal_fails(void **state)
{
    (void)state;
    int opened = 0, good = 0, all = setting("TELLUA_FILES", 150);
    int64_t decoded[2], left;
    tl_tiffread_counts(&decoded[0], &left);
    for (int k = 0; k < all; k++) {
        tl_err e = TL_ERR_INIT;
        tl_source *s = NULL;
        file f = make(k), bad = f;
        snprintf(bad.path, sizeof bad.path, "%s/bad%d.tif", scratch_dir(), k);
        bad.damaged = 1;
        damage(f.path, bad.path);
        if (tl_raster_open(bad.path, &s, &e))
            continue;
        const tl_raster *r = (const tl_raster *)s;
        GDALDatasetH ds = GDALOpen(bad.path, GA_ReadOnly);
        int readable = 1;
        for (int b = 0; b < s->nbands; b++)
            readable = readable && !r->info[b].refused;
        if (ds && readable && (double)r->w * r->h < 4e6) {
            opened++;
            good += compare_windows(&bad, r, ds, 8);
        }
        GDALClose(ds);
        tl_source_unref(s);
    }
    tl_tiffread_counts(&decoded[1], &left);
    print_message("# %d of %d opened, %d of their %d windows readable, %lld blocks decoded here\n",
                  opened, all, good, 8 * opened, (long long)(decoded[1] - decoded[0]));
    assert_true(opened > 0 && good > 0 && good < 8 * opened);
    tl_raster_thread_done();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_files_have_the_bits_that_gdal_reads),
        cmocka_unit_test(a_kept_block_is_decoded_once),
        cmocka_unit_test(damaged_files_fail_where_gdal_fails),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name(__FILE__, tests, start, stop);
}
