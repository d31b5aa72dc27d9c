/* Layer 4: merge and pyramid. SPDX-License-Identifier: MIT */
#include "tests/c/store_util.h"
#include "tests/c/write_file.h"
#include "modules/batch/merge.h"
#include "modules/batch/pyramid.h"
#include "modules/batch/quarters.h"

#include <dirent.h>
#include <pthread.h>

static tl_product product(int w, int h)
{
    tl_product p;
    tl_product_defaults(&p);
    p.dtype = TL_I16;
    p.nbands = 2;
    p.tile = 64;
    p.level = 1;
    p.overview = TL_AVERAGE;
    p.has_nodata = 1;
    p.nodata = -32768;
    p.grid = (tl_grid){.crs = "LOCAL", .dx = 10, .dy = 10, .w = w, .h = h};
    return p;
}

/* --- products ----------------------------------------------------------------------------------
 */

typedef struct crew {
    picture_of *o;
    tl_store *s;
    tl_pyramid *y;
    pthread_mutex_t lock;
    int order[4096], n, next, stop_after;
    int failed;
    tl_err e;
} crew;

/* The tile that was encoded last. */
static void copy_cells(const picture_of *o, tl_tile_at at, tl__cells *to)
{
    int w, h;
    tl_product_tile_size(o->p, at.level, at.tx, at.ty, &w, &h);
    size_t n = (size_t)w * (size_t)h;
    for (int b = 0; b < o->p->nbands; b++) {
        memcpy(to->values[b], o->values[b], n * tl_dtype_size(o->p->dtype));
        memcpy(to->valid[b], o->valid[b], n);
    }
}

/* Stores one tile of level 0 and what follows from it. The picture is shared: encoding is locked.
 */
static int one_tile(crew *c, tl_codec *codec, int k, tl_err *e)
{
    int64_t across, down;
    tl_packed t;
    tl_product_level_tiles(c->o->p, 0, &across, &down);
    tl_tile_at at = {0, k % across, k / across};
    if (tl_store_has(c->s, 0, 0, at.tx, at.ty))
        return 0;
    tl__cells own = {0};
    pthread_mutex_lock(&c->lock);
    int r = picture_encode(c->o, 0, at.tx, at.ty, &t, e);
    if (!r)
        r = tl_store_put(c->s, 0, 0, at.tx, at.ty, &t, e);
    if (!r)
        r = tl__cells_new(c->o->p, &own, e);
    if (!r)
        copy_cells(c->o, at, &own);
    pthread_mutex_unlock(&c->lock);
    if (!r)
        r = tl_pyramid_climb(c->y, codec, at, own.values, own.valid, e);
    tl__cells_free(&own);
    return r;
}

static void *work(void *arg)
{
    crew *c = arg;
    tl_err e = TL_ERR_INIT;
    tl_codec *codec = NULL;
    int r = tl_codec_new(c->o->p, &codec, &e);
    while (!r) {
        pthread_mutex_lock(&c->lock);
        int k = c->next < c->n && c->next < c->stop_after ? c->order[c->next++] : -1;
        pthread_mutex_unlock(&c->lock);
        if (k < 0)
            break;
        r = one_tile(c, codec, k, &e);
    }
    tl_codec_free(codec);
    if (r) {
        pthread_mutex_lock(&c->lock);
        c->failed = r;
        c->e = e;
        pthread_mutex_unlock(&c->lock);
    }
    return NULL;
}

/* Fills the store with a product in a shuffled order by so many threads; stops early on request. */
static void run_crew(picture_of *o, tl_store *s, int threads, uint64_t seed, int stop_after)
{
    crew *c = tl_xcalloc(1, sizeof *c);
    tl_err e = TL_ERR_INIT;
    tl_codec *codec;
    int64_t across, down;
    pthread_t t[8];
    tl_product_level_tiles(o->p, 0, &across, &down);
    c->o = o;
    c->s = s;
    c->n = (int)(across * down);
    c->stop_after = stop_after;
    pthread_mutex_init(&c->lock, NULL);
    for (int i = 0; i < c->n; i++) {
        int k = (int)(tl_test_random(&seed) % (uint64_t)(i + 1));
        c->order[i] = c->order[k];
        c->order[k] = i;
    }
    assert_tl_ok(tl_pyramid_new(o->p, 0, s, threads, 0, &c->y, &e), &e);
    assert_tl_ok(tl_codec_new(o->p, &codec, &e), &e);
    assert_tl_ok(tl_pyramid_finish(c->y, codec, &e), &e); /* what an earlier run left */
    for (int i = 0; i < threads; i++)
        assert_int_equal(pthread_create(&t[i], NULL, work, c), 0);
    for (int i = 0; i < threads; i++)
        pthread_join(t[i], NULL);
    assert_tl_ok(c->failed, &c->e);
    tl_codec_free(codec);
    tl_pyramid_free(c->y);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static void assert_merges_like_the_plain_way(picture_of *o, tl_store *s)
{
    tl_err e = TL_ERR_INIT;
    assert_tl_ok(tl_merge(s, 0, o->p, scratch("merged.tif"), 2, &e), &e);
    write_picture(o, scratch("plain.tif"));
    assert_same_file(scratch("merged.tif"), scratch("plain.tif"));
}

/* Some runs of 8 MiB and the rest of one. */
static void threads_assemble_the_same_file(void **state)
{
    (void)state;
    tl_product p = product(1700, 1400);
    picture_of o;
    tl_err e = TL_ERR_INIT;
    p.dtype = TL_F64;
    p.compress = TL_UNCOMPRESSED;
    picture_make(&o, &p, 11);
    tl_store *s = open_store(scratch("job"), "a", 0);
    run_crew(&o, s, 2, 11, INT32_MAX);
    write_picture(&o, scratch("plain.tif"));
    for (int threads = 1; threads <= 7; threads += 3) {
        assert_tl_ok(tl_merge(s, 0, &p, scratch("merged.tif"), threads, &e), &e);
        assert_same_file(scratch("merged.tif"), scratch("plain.tif"));
    }
    tl_store_close(s);
    remove_store(scratch("job"));
    picture_free(&o);
}

static void any_order_and_any_threads_give_the_same_file(void **state)
{
    (void)state;
    for (int k = 0; k < 9; k++) {
        tl_product p = product(700, 450);
        picture_of o;
        p.overview = k % 3 == 0 ? TL_AVERAGE : k % 3 == 1 ? TL_MODE : TL_NEAREST;
        if (k % 2) {
            p.has_nodata = 0;
            p.has_mask = 1;
        }
        picture_make(&o, &p, 5);
        tl_store *s = open_store(scratch("job"), "a", 0);
        run_crew(&o, s, 1 + k % 4, (uint64_t)k, INT32_MAX);
        assert_int_equal(tl_store_count(s, 0, 0), 88);
        assert_int_equal(tl_store_count(s, 0, 1), 24);
        assert_int_equal(tl_store_count(s, 0, 4), 1);
        assert_merges_like_the_plain_way(&o, s);
        tl_store_close(s);
        remove_store(scratch("job"));
        picture_free(&o);
    }
}

static void a_run_that_stopped_anywhere_resumes_to_the_same_file(void **state)
{
    (void)state;
    tl_product p = product(400, 300);
    picture_of o;
    picture_make(&o, &p, 5);
    for (int stop = 0; stop <= 35; stop += 5) {
        tl_store *s = open_store(scratch("job"), "a", 0);
        run_crew(&o, s, 2, 3, stop);
        tl_store_close(s);
        s = open_store(scratch("job"), "a", 0);
        run_crew(&o, s, 2, 4, INT32_MAX);
        assert_merges_like_the_plain_way(&o, s);
        tl_store_close(s);
        remove_store(scratch("job"));
    }
    picture_free(&o);
}

static void overviews_lost_with_a_torn_end_are_made_again(void **state)
{
    (void)state;
    tl_product p = product(400, 300);
    picture_of o;
    size_t n;
    picture_make(&o, &p, 5);
    tl_store *s = open_store(scratch("job"), "a", 0);
    run_crew(&o, s, 1, 3, INT32_MAX);
    tl_store_close(s);
    char *idx = slurp(scratch("job/a.idx"), &n);
    int records = (int)((n - 96) / 48);
    for (int keep = 0; keep < records; keep += 3) {
        spill(scratch("job/a.idx"), idx, 96 + 48 * (size_t)keep + (size_t)(keep % 48));
        s = open_store(scratch("job"), "a", 0);
        run_crew(&o, s, 1, 3, INT32_MAX);
        assert_merges_like_the_plain_way(&o, s);
        tl_store_close(s);
    }
    free(idx);
    remove_store(scratch("job"));
    picture_free(&o);
}

static void finish(const tl_product *p, tl_store *s)
{
    tl_err e = TL_ERR_INIT;
    tl_codec *codec;
    tl_pyramid *y;
    assert_tl_ok(tl_codec_new(p, &codec, &e), &e);
    assert_tl_ok(tl_pyramid_new(p, 0, s, 2, 0, &y, &e), &e);
    assert_tl_ok(tl_pyramid_finish(y, codec, &e), &e);
    tl_pyramid_free(y);
    tl_codec_free(codec);
}

static void processes_share_a_folder_and_one_finishes(void **state)
{
    (void)state;
    tl_product p = product(500, 300);
    picture_of o;
    tl_err e = TL_ERR_INIT;
    picture_make(&o, &p, 5);
    for (int part = 0; part < 3; part++) {
        char name[8];
        snprintf(name, sizeof name, "%d", part);
        tl_store *s = open_store(scratch("job"), name, 0);
        for (int k = part; k < 8 * 5; k += 3) {
            tl_packed t;
            assert_tl_ok(picture_encode(&o, 0, k % 8, k / 8, &t, &e), &e);
            assert_tl_ok(tl_store_put(s, 0, 0, k % 8, k / 8, &t, &e), &e);
        }
        tl_store_close(s);
    }
    tl_store *s = open_store(scratch("job"), "merge", 0);
    finish(&p, s);
    assert_merges_like_the_plain_way(&o, s);
    tl_store_close(s);
    remove_store(scratch("job"));
    picture_free(&o);
}

/* A task: every `of`-th run of three tiles, as a process of its own stores it. */
static void store_as_task(picture_of *o, int part, int of)
{
    tl_err e = TL_ERR_INIT;
    tl_codec *codec;
    tl_pyramid *y;
    tl_store *s;
    char name[8];
    int64_t across, down, done = 0;
    tl_product_level_tiles(o->p, 0, &across, &down);
    snprintf(name, sizeof name, "%d", part);
    s = open_store(scratch("job"), name, TL_STORE_ALONE);
    assert_tl_ok(tl_codec_new(o->p, &codec, &e), &e);
    assert_tl_ok(tl_pyramid_new(o->p, 0, s, 1, TL_PYRAMID_SPILL, &y, &e), &e);
    for (int k = 0; k < across * down; k++) {
        tl_tile_at at = {0};
        tl_packed t;
        if (k / 3 % of != part)
            continue;
        tl_place_by_quarters(k, across, down, &at.tx, &at.ty);
        assert_tl_ok(picture_encode(o, 0, at.tx, at.ty, &t, &e), &e);
        assert_tl_ok(tl_store_put(s, 0, 0, at.tx, at.ty, &t, &e), &e);
        assert_tl_ok(tl_pyramid_climb(y, codec, at, o->values, o->valid, &e), &e);
        if (done++ % 7 == 3) /* a checkpoint */
            assert_tl_ok(tl_pyramid_rest(y, &e), &e);
    }
    assert_tl_ok(tl_pyramid_rest(y, &e), &e);
    tl_pyramid_free(y);
    tl_codec_free(codec);
    tl_store_close(s);
}

/* Quarters of other cells, or bytes that are none: -1 and 1. */
static void spoil_quarters(const tl_product *p, tl_store *s, int how)
{
    tl_err e = TL_ERR_INIT;
    tl__cells c;
    assert_tl_ok(tl__cells_new(p, &c, &e), &e);
    memset(c.block, 1, tl__cells_bytes(p));
    for (int64_t ty = 0; ty < 5; ty++)
        for (int64_t tx = 0; tx < 8; tx++) {
            tl_packed none = {(const uint8_t *)"no quarter", 10, NULL, 0};
            if (!tl_store_has(s, 0, TL_STORE_QUARTER, tx, ty))
                continue;
            if (how > 0) {
                assert_tl_ok(tl_store_put(s, 0, TL_STORE_QUARTER, tx, ty, &none, &e), &e);
                continue;
            }
            tl__quarters *q = tl__quarters_new(p, 0, s, 1, 1);
            assert_tl_ok(tl__quarters_add(q, (tl_tile_at){0, tx, ty}, (const void **)c.values,
                                          (const uint8_t **)c.valid, &e),
                         &e);
            assert_tl_ok(tl__quarters_rest(q, &e), &e);
            tl__quarters_free(q);
        }
    tl__cells_free(&c);
}

/* spoil 0: as it is; 1: quarters that cannot be read are made of tiles; -1: those that can are
 * used. */
static void tasks_leave_quarters_of_what_they_share(void **state)
{
    (void)state;
    for (int k = 0; k < 12; k++) {
        tl_product p = product(500, 300);
        picture_of o;
        int spoil = k % 4 == 3 ? 1 : 0;
        p.has_nodata = k % 3 == 0;
        p.has_mask = k % 3 == 1;
        p.overview = k % 2 ? TL_MODE : TL_AVERAGE;
        picture_make(&o, &p, 5);
        for (int part = 0; part < 3; part++)
            store_as_task(&o, part, 3);
        tl_store *s = open_store(scratch("job"), "merge", 0);
        assert_true(tl_store_count(s, 0, TL_STORE_QUARTER) > 0);
        assert_true(tl_store_count(s, 0, TL_STORE_QUARTER + 1) > 0);
        if (spoil)
            spoil_quarters(&p, s, spoil);
        finish(&p, s);
        assert_merges_like_the_plain_way(&o, s);
        tl_store_close(s);
        remove_store(scratch("job"));
        picture_free(&o);
    }
}

static void a_quarter_is_used_in_place_of_its_tile(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    tl_product p = product(500, 300);
    picture_of o;
    size_t n, m;
    picture_make(&o, &p, 5);
    for (int part = 0; part < 3; part++)
        store_as_task(&o, part, 3);
    tl_store *s = open_store(scratch("job"), "merge", 0);
    spoil_quarters(&p, s, -1);
    finish(&p, s);
    assert_tl_ok(tl_merge(s, 0, &p, scratch("merged.tif"), 2, &e), &e);
    write_picture(&o, scratch("plain.tif"));
    char *a = slurp(scratch("merged.tif"), &n), *b = slurp(scratch("plain.tif"), &m);
    assert_false(n == m && memcmp(a, b, n) == 0);
    free(a);
    free(b);
    tl_store_close(s);
    remove_store(scratch("job"));
    picture_free(&o);
}

/* --- writes that fail --- */

static int files_in(const char *dir)
{
    int n = 0;
    DIR *d = opendir(dir);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static void a_failing_write_leaves_the_old_product(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    size_t n;
    mkdir(scratch("out"), 0777);
    for (int k = 0; k < 4; k++) {
        tl_product p = product(900, 700);
        picture_of o;
        p.format = k / 2 ? TL_PNG : TL_COG;
        p.dtype = k / 2 ? TL_U16 : TL_F64;
        p.nodata = 7;
        p.compress = TL_UNCOMPRESSED;
        picture_make(&o, &p, 5);
        tl_store *s = open_store(scratch("job"), "a", 0);
        run_crew(&o, s, 1, 1, INT32_MAX);
        spill(scratch("out/x"), "old", 3);
        mode = k % 2;
        tl__io_write = failing_write;
        int r = 1;
        for (fail_at = 1; r && fail_at < 100000; fail_at++) {
            calls = 0;
            r = tl_merge(s, 0, &p, scratch("out/x"), 2, &e);
            assert_int_equal(files_in(scratch("out")), 1);
            if (!r)
                break;
            assert_int_equal(r, TL_EIO);
            assert_non_null(strstr(e.message, "out/x: No space left"));
            char *old = slurp(scratch("out/x"), &n);
            assert_string_equal(old, "old");
            free(old);
        }
        tl__io_write = tl__io_plain;
        assert_true(fail_at > 2);
        tl_store_close(s);
        remove_store(scratch("job"));
        picture_free(&o);
    }
    unlink(scratch("out/x"));
    rmdir(scratch("out"));
}

static void short_and_interrupted_writes_go_on(void **state)
{
    (void)state;
    tl_product p = product(700, 300);
    picture_of o;
    picture_make(&o, &p, 5);
    mode = 2;
    calls = 0;
    tl__io_write = failing_write;
    tl_store *s = open_store(scratch("job"), "a", 0);
    run_crew(&o, s, 1, 1, INT32_MAX);
    assert_merges_like_the_plain_way(&o, s);
    tl__io_write = tl__io_plain;
    tl_store_close(s);
    s = open_store(scratch("job"), NULL, TL_STORE_VERIFY);
    assert_merges_like_the_plain_way(&o, s);
    tl_store_close(s);
    remove_store(scratch("job"));
    picture_free(&o);
}

static void a_merge_with_a_tile_missing_names_it(void **state)
{
    (void)state;
    tl_product p = product(400, 300);
    picture_of o;
    tl_err e = TL_ERR_INIT;
    picture_make(&o, &p, 5);
    tl_store *s = open_store(scratch("job"), "a", 0);
    run_crew(&o, s, 1, 1, 20);
    assert_int_equal(tl_merge(s, 0, &p, scratch("job/x.tif"), 2, &e), TL_EDATA);
    assert_non_null(strstr(e.message, "of level 0 of product 0 is missing"));
    assert_int_equal(files_in(scratch("job")), 2);
    tl_store_close(s);
    remove_store(scratch("job"));
    picture_free(&o);
}

static void a_full_disk_leaves_the_old_product_and_nothing_else(void **state)
{
    (void)state;
    const char *dir = scratch("small");
    tl_product p = product(900, 700);
    picture_of o;
    tl_err e = TL_ERR_INIT;
    size_t n;
    mount_small_disk(dir);
    spill(scratch("small/x.tif"), "old", 3);
    p.compress = TL_UNCOMPRESSED;
    picture_make(&o, &p, 5);
    tl_store *s = open_store(scratch("job"), "a", 0);
    run_crew(&o, s, 1, 1, INT32_MAX);
    assert_int_equal(tl_merge(s, 0, &p, scratch("small/x.tif"), 2, &e), TL_EIO);
    assert_non_null(strstr(e.message, "small/x.tif: No space left on device"));
    assert_int_equal(files_in(dir), 1);
    char *old = slurp(scratch("small/x.tif"), &n);
    assert_string_equal(old, "old");
    free(old);
    tl_store_close(s);
    remove_store(scratch("job"));
    assert_int_equal(umount(dir), 0);
    rmdir(dir);
    picture_free(&o);
}

static void a_folder_that_cannot_be_written_is_named(void **state)
{
    (void)state;
    tl_product p = product(40, 30);
    tl_err e = TL_ERR_INIT;
    tl_store *s = open_store(scratch("job"), "a", 0);
    assert_int_equal(tl_merge(s, 0, &p, scratch("no/such/x.tif"), 2, &e), TL_EIO);
    assert_non_null(strstr(e.message, "no/such/x.tif: No such file or directory"));
    tl_store_close(s);
    remove_store(scratch("job"));
}

static int stop(void **state)
{
    (void)state;
    unlink(scratch("merged.tif"));
    unlink(scratch("plain.tif"));
    return rmdir(scratch_dir()); /* fails if a test left a file */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_assemble_the_same_file),
        cmocka_unit_test(any_order_and_any_threads_give_the_same_file),
        cmocka_unit_test(a_run_that_stopped_anywhere_resumes_to_the_same_file),
        cmocka_unit_test(overviews_lost_with_a_torn_end_are_made_again),
        cmocka_unit_test(processes_share_a_folder_and_one_finishes),
        cmocka_unit_test(tasks_leave_quarters_of_what_they_share),
        cmocka_unit_test(a_quarter_is_used_in_place_of_its_tile),
        cmocka_unit_test(a_failing_write_leaves_the_old_product),
        cmocka_unit_test(short_and_interrupted_writes_go_on),
        cmocka_unit_test(a_merge_with_a_tile_missing_names_it),
        cmocka_unit_test(a_full_disk_leaves_the_old_product_and_nothing_else),
        cmocka_unit_test(a_folder_that_cannot_be_written_is_named),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name(__FILE__, tests, NULL, stop);
}
