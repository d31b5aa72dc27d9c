/* Layer 4: tile store, merge, pyramid. SPDX-License-Identifier: MIT */
#include "tests/c/picture.h"
#include "modules/batch/merge.h"
#include "modules/batch/pyramid.h"
#include "modules/raster/png.h"
#include "modules/raster/tiff.h"

#include <dirent.h>
#include <errno.h>
#include <gdal.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char *const key_a = "00000000000000000000000000000000"
                                 "0123456789abcdef0123456789abcdef";
static const char *const key_b = "11111111111111111111111111111111"
                                 "0123456789abcdef0123456789abcdef";

static tl_product product(int w, int h) {
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

static tl_store *open_store(const char *dir, const char *segment, int flags) {
    tl_store *s = NULL;
    tl_err e = TL_ERR_INIT;
    assert_tl_ok(tl_store_open(dir, segment, key_a, flags, &s, &e), &e);
    return s;
}

static void remove_store(const char *dir) {
    tl_err e = TL_ERR_INIT;
    assert_tl_ok(tl_store_remove(dir, &e), &e);
    assert_int_equal(access(dir, F_OK), -1);
}

/* Tile k: some bytes that follow from k. */
static tl_packed sample(int k, uint8_t buf[600]) {
    size_t n = (size_t)(k * 37 % 500) + 5;
    uint64_t seed = (uint64_t)k + 1;
    for (size_t i = 0; i < n + 20; i++)
        buf[i] = (uint8_t)tl_test_random(&seed);
    return k % 10 == 9 ? (tl_packed){NULL, 0, NULL, 0} : (tl_packed){buf, n, buf + n, 20};
}

static int put_sample(tl_store *s, int k, tl_err *e) {
    uint8_t buf[600];
    tl_packed t = sample(k, buf);
    return tl_store_put(s, 1, k % 3, k, k * 5, &t, e);
}

static void put_samples(tl_store *s, int from, int to) {
    tl_err e = TL_ERR_INIT;
    for (int k = from; k < to; k++)
        assert_tl_ok(put_sample(s, k, &e), &e);
}

static void assert_samples(tl_store *s, int from, int to) {
    tl_err e = TL_ERR_INIT;
    uint8_t want[600], *buf = NULL;
    size_t cap = 0;
    for (int k = from; k < to; k++) {
        tl_packed t = sample(k, want), got;
        assert_int_equal(tl_store_has(s, 1, k % 3, k, k * 5), 1);
        assert_tl_ok(tl_store_get(s, 1, k % 3, k, k * 5, &buf, &cap, &got, &e), &e);
        assert_int_equal(got.len, t.len);
        assert_int_equal(got.mask_len, t.mask_len);
        if (t.len) {
            assert_memory_equal(got.bytes, t.bytes, t.len);
            assert_memory_equal(got.mask, t.mask, t.mask_len);
        }
    }
    free(buf);
}

/* --- the store ---------------------------------------------------------------------------------
 */

static void tiles_come_back_after_reopening(void **state) {
    (void)state;
    const char *dir = scratch("job");
    tl_err e = TL_ERR_INIT;
    for (int round = 0; round < 3; round++) {
        tl_store *s = open_store(dir, "a", 0);
        assert_samples(s, 0, round * 1000);
        put_samples(s, round * 1000, round * 1000 + 1000);
        assert_samples(s, 0, round * 1000 + 1000);
        assert_int_equal(tl_store_has(s, 0, 0, 0, 0), 0);
        assert_int_equal(tl_store_has(s, 1, 1, 0, 0), 0);
        assert_tl_ok(tl_store_sync(s, &e), &e);
        tl_store_close(s);
    }
    tl_store *s = open_store(dir, NULL, TL_STORE_VERIFY);
    assert_samples(s, 0, 3000);
    assert_int_equal(tl_store_count(s, 1, 0) + tl_store_count(s, 1, 1) + tl_store_count(s, 1, 2),
                     3000);
    assert_int_equal(tl_store_count(s, 2, 0), 0);
    assert_int_equal(put_sample(s, 0, &e), TL_EUSAGE);
    tl_store_close(s);
    remove_store(dir);
}

static void a_missing_tile_is_named(void **state) {
    (void)state;
    tl_store *s = open_store(scratch("job"), "a", 0);
    tl_err e = TL_ERR_INIT;
    uint8_t *buf = NULL;
    size_t cap = 0;
    tl_packed t;
    assert_int_equal(tl_store_get(s, 3, 2, 71, 5, &buf, &cap, &t, &e), TL_EDATA);
    assert_non_null(strstr(e.message, "tile 71,5 of level 2 of product 3"));
    tl_store_close(s);
    remove_store(scratch("job"));
}

static void several_segments_are_read_as_one(void **state) {
    (void)state;
    const char *dir = scratch("job");
    tl_err e = TL_ERR_INIT;
    tl_store *a = open_store(dir, "a", 0), *b = open_store(dir, "b", 0);
    put_samples(a, 0, 100);
    put_samples(b, 100, 200);
    assert_tl_ok(tl_store_refresh(a, &e), &e);
    assert_samples(a, 0, 200);
    put_samples(b, 200, 300);
    put_samples(a, 300, 400);
    assert_tl_ok(tl_store_refresh(a, &e), &e);
    assert_tl_ok(tl_store_refresh(b, &e), &e);
    assert_samples(a, 0, 400);
    assert_samples(b, 0, 400);
    tl_store *r = open_store(dir, NULL, 0);
    assert_samples(r, 0, 400);
    tl_store_close(r);
    tl_store_close(a);
    tl_store_close(b);
    remove_store(dir);
}

static void a_segment_has_one_writer(void **state) {
    (void)state;
    const char *dir = scratch("job");
    tl_err e = TL_ERR_INIT;
    tl_store *a = open_store(dir, "a", 0), *again = NULL;
    assert_int_equal(tl_store_open(dir, "a", key_a, 0, &again, &e), TL_EUSAGE);
    assert_non_null(strstr(e.message, "in use"));
    assert_null(again);
    tl_store_close(a);
    remove_store(dir);
}

static void a_folder_belongs_to_one_plan(void **state) {
    (void)state;
    const char *dir = scratch("job"), *segments[] = {"a", "b", NULL};
    tl_err e = TL_ERR_INIT;
    tl_store *s = open_store(dir, "a", 0);
    put_samples(s, 0, 10);
    tl_store_close(s);
    for (int k = 0; k < 3; k++) {
        s = NULL;
        assert_int_equal(tl_store_open(dir, segments[k], key_b, 0, &s, &e), TL_EUSAGE);
        assert_non_null(strstr(e.message, "another plan"));
        assert_null(s);
    }
    s = open_store(dir, NULL, 0);
    assert_samples(s, 0, 10);
    tl_store_close(s);
    remove_store(dir);
}

static void names_and_keys_that_cannot_be_are_refused(void **state) {
    (void)state;
    tl_err e = TL_ERR_INIT;
    tl_store *s = NULL;
    const char *dir = scratch("never");
    assert_int_equal(tl_store_open(dir, "../a", key_a, 0, &s, &e), TL_EUSAGE);
    assert_int_equal(tl_store_open(dir, "", key_a, 0, &s, &e), TL_EUSAGE);
    assert_int_equal(tl_store_open(dir, "a", "abc", 0, &s, &e), TL_EUSAGE);
    assert_int_equal(tl_store_open(scratch("no/such/place"), "a", key_a, 0, &s, &e), TL_EIO);
    assert_non_null(strstr(e.message, "no/such/place"));
    assert_non_null(strstr(e.message, strerror(ENOENT)));
    assert_int_equal(access(dir, F_OK), -1);
}

/* --- damage ------------------------------------------------------------------------------------
 */

/* Opens a folder that holds these two files, reads, and goes on writing. */
static void survive(const char *idx, size_t nidx, const char *dat, size_t ndat, int tiles) {
    const char *dir = scratch("torn");
    mkdir(dir, 0777);
    spill(scratch("torn/a.idx"), idx, nidx);
    spill(scratch("torn/a.dat"), dat, ndat);
    tl_store *s = open_store(dir, NULL, 0);
    assert_samples(s, 0, tiles);
    assert_int_equal(tl_store_has(s, 1, tiles % 3, tiles, tiles * 5), 0);
    tl_store_close(s);
    for (int k = 0; k < 2; k++) {
        s = open_store(dir, "a", 0);
        assert_samples(s, 0, tiles);
        if (!k)
            put_samples(s, tiles, tiles + 4);
        assert_samples(s, 0, tiles + 4);
        assert_int_equal(tl_store_has(s, 1, (tiles + 4) % 3, tiles + 4, (tiles + 4) * 5), 0);
        tl_store_close(s);
    }
    remove_store(dir);
}

static void a_torn_end_is_cut_off_wherever_it_tore(void **state) {
    (void)state;
    const char *dir = scratch("job");
    size_t nidx, ndat;
    uint8_t buf[600];
    tl_store *s = open_store(dir, "a", 0);
    put_samples(s, 0, 8);
    tl_store_close(s);
    char *idx = slurp(scratch("job/a.idx"), &nidx), *dat = slurp(scratch("job/a.dat"), &ndat);
    size_t last = sample(7, buf).len + 20;
    for (size_t cut = 1; cut <= 48; cut++)
        survive(idx, nidx - cut, dat, ndat, 7);
    for (size_t cut = 1; cut < nidx - 8 * 48; cut += 5) /* in the header, too */
        survive(idx, nidx - 8 * 48 - cut, dat, ndat, 0);
    for (size_t cut = 1; cut <= last; cut += 3)
        survive(idx, nidx, dat, ndat - cut, 7);
    for (size_t at = 1; at <= 48; at++) { /* a flipped bit anywhere in the last record */
        idx[nidx - at] ^= 16;
        survive(idx, nidx, dat, ndat, 7);
        idx[nidx - at] ^= 16;
    }
    char *zeros = tl_xcalloc(nidx + 4096, 1); /* what some file systems leave after a power cut */
    memcpy(zeros, idx, nidx);
    survive(zeros, nidx + 4096, dat, ndat, 8);
    free(zeros);
    free(idx);
    free(dat);
    remove_store(dir);
}

static void a_damaged_header_is_an_error(void **state) {
    (void)state;
    const char *dir = scratch("job");
    size_t n;
    tl_err e = TL_ERR_INIT;
    tl_store *s = open_store(dir, "a", 0);
    tl_store_close(s);
    char *idx = slurp(scratch("job/a.idx"), &n);
    assert_int_equal(n, 96);
    idx[20] ^= 1;
    spill(scratch("job/a.idx"), idx, n);
    assert_int_equal(tl_store_open(dir, "a", key_a, 0, &s, &e), TL_EDATA);
    free(idx);
    remove_store(dir);
}

static void a_flipped_byte_is_reported_and_verifying_forgets_the_tile(void **state) {
    (void)state;
    const char *dir = scratch("job");
    size_t n;
    tl_err e = TL_ERR_INIT;
    uint8_t *buf = NULL;
    size_t cap = 0;
    tl_packed t;
    tl_store *s = open_store(dir, "a", 0);
    put_samples(s, 0, 20);
    tl_store_close(s);
    char *dat = slurp(scratch("job/a.dat"), &n);
    dat[100] ^= 4; /* tiles 0..2 end at 25, 87, 186 */
    spill(scratch("job/a.dat"), dat, n);
    free(dat);
    s = open_store(dir, "a", 0);
    assert_int_equal(tl_store_has(s, 1, 2, 2, 10), 1);
    assert_int_equal(tl_store_get(s, 1, 2, 2, 10, &buf, &cap, &t, &e), TL_EDATA);
    assert_non_null(strstr(e.message, "damaged"));
    tl_store_close(s);
    s = open_store(dir, "a", TL_STORE_VERIFY);
    assert_int_equal(tl_store_has(s, 1, 2, 2, 10), 0);
    assert_samples(s, 0, 2);
    assert_samples(s, 3, 20);
    put_samples(s, 2, 3);
    assert_samples(s, 0, 20);
    tl_store_close(s);
    s = open_store(dir, NULL, 0);
    assert_samples(s, 0, 20);
    tl_store_close(s);
    free(buf);
    remove_store(dir);
}

static void foreign_files_in_the_folder_stay(void **state) {
    (void)state;
    const char *dir = scratch("job");
    tl_err e = TL_ERR_INIT;
    tl_store *s = open_store(dir, "a", 0);
    spill(scratch("job/plan.json"), "{}", 2);
    spill(scratch("job/places.idx"), "not ours at all, but long enough to look at", 43);
    tl_store_close(s);
    s = open_store(dir, NULL, 0);
    tl_store_close(s);
    assert_tl_ok(tl_store_remove(dir, &e), &e);
    assert_int_equal(access(scratch("job/a.idx"), F_OK), -1);
    assert_int_equal(access(scratch("job/a.dat"), F_OK), -1);
    assert_int_equal(unlink(scratch("job/plan.json")), 0);
    assert_int_equal(unlink(scratch("job/places.idx")), 0);
    assert_int_equal(rmdir(dir), 0);
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

/* Stores one tile of level 0 and what follows from it. The picture is shared: encoding is locked.
 */
static int one_tile(crew *c, tl_codec *codec, int k, tl_err *e) {
    int64_t across, down;
    tl_packed t;
    tl_product_level_tiles(c->o->p, 0, &across, &down);
    tl_tile_at at = {0, k % across, k / across};
    if (tl_store_has(c->s, 0, 0, at.tx, at.ty))
        return 0;
    pthread_mutex_lock(&c->lock);
    int r = picture_encode(c->o, 0, at.tx, at.ty, &t, e);
    if (!r)
        r = tl_store_put(c->s, 0, 0, at.tx, at.ty, &t, e);
    pthread_mutex_unlock(&c->lock);
    return r ? r : tl_pyramid_climb(c->y, codec, at, e);
}

static void *work(void *arg) {
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
static void run_crew(picture_of *o, tl_store *s, int threads, uint64_t seed, int stop_after) {
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
    assert_tl_ok(tl_pyramid_new(o->p, 0, s, &c->y, &e), &e);
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

static void write_plainly(picture_of *o, const char *path) {
    tl_err e = TL_ERR_INIT;
    tl_outfile *f;
    tl_tiles tiles = {o, picture_size, picture_get};
    assert_tl_ok(tl_outfile_open(path, &f, &e), &e);
    if (o->p->format == TL_PNG)
        assert_tl_ok(tl_png_write(o->p, &tiles, f, &e), &e);
    else
        assert_tl_ok(tl_tiff_write(o->p, &tiles, f, &e), &e);
    assert_tl_ok(tl_outfile_commit(f, &e), &e);
}

static void assert_merges_like_the_plain_way(picture_of *o, tl_store *s) {
    tl_err e = TL_ERR_INIT;
    assert_tl_ok(tl_merge(s, 0, o->p, scratch("merged.tif"), &e), &e);
    write_plainly(o, scratch("plain.tif"));
    assert_same_file(scratch("merged.tif"), scratch("plain.tif"));
}

static void any_order_and_any_threads_give_the_same_file(void **state) {
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

static void a_run_that_stopped_anywhere_resumes_to_the_same_file(void **state) {
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

static void overviews_lost_with_a_torn_end_are_made_again(void **state) {
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

static void processes_share_a_folder_and_one_finishes(void **state) {
    (void)state;
    tl_product p = product(500, 300);
    picture_of o;
    tl_err e = TL_ERR_INIT;
    tl_codec *codec;
    tl_pyramid *y;
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
    assert_tl_ok(tl_codec_new(&p, &codec, &e), &e);
    assert_tl_ok(tl_pyramid_new(&p, 0, s, &y, &e), &e);
    assert_tl_ok(tl_pyramid_finish(y, codec, &e), &e);
    assert_merges_like_the_plain_way(&o, s);
    tl_pyramid_free(y);
    tl_codec_free(codec);
    tl_store_close(s);
    remove_store(scratch("job"));
    picture_free(&o);
}

static void a_killed_process_loses_nothing_that_it_finished(void **state) {
    (void)state;
    const char *dir = scratch("job");
    for (int round = 0; round < 6; round++) {
        int pipe_fd[2], k = 0;
        assert_int_equal(pipe(pipe_fd), 0);
        pid_t pid = fork();
        if (pid == 0) {
            tl_err e = TL_ERR_INIT;
            tl_store *s;
            if (tl_store_open(dir, "a", key_a, 0, &s, &e))
                _exit(1);
            for (int i = 0;; i++)
                if (put_sample(s, i % 5000, &e) || write(pipe_fd[1], &i, sizeof i) < 0)
                    _exit(1);
        }
        close(pipe_fd[1]);
        for (int i = 0; i < 200 + 300 * round; i++)
            assert_int_equal(read(pipe_fd[0], &k, sizeof k), sizeof k);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        while (read(pipe_fd[0], &k, sizeof k) == sizeof k)
            ;
        close(pipe_fd[0]);
        tl_store *s = open_store(dir, "a", TL_STORE_VERIFY);
        assert_samples(s, 0, k < 5000 ? k + 1 : 5000);
        tl_store_close(s);
    }
    remove_store(dir);
}

/* --- writes that fail --------------------------------------------------------------------------
 */

static int calls, fail_at, mode; /* mode 0: error, 1: half of it, then an error, 2: interrupted */

static ssize_t failing_write(int fd, const void *data, size_t n) {
    calls++;
    if (mode == 2) { /* every other call: EINTR; else as little as is allowed */
        if (calls % 2) {
            errno = EINTR;
            return -1;
        }
        return write(fd, data, n > 1000 ? n / 2 : n);
    }
    if (mode == 1 && calls == fail_at && n > 1)
        return write(fd, data, n / 2);
    if (calls >= fail_at) {
        errno = ENOSPC;
        return -1;
    }
    return write(fd, data, n);
}

static int files_in(const char *dir) {
    int n = 0;
    DIR *d = opendir(dir);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static void a_failing_write_leaves_the_old_product(void **state) {
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
            r = tl_merge(s, 0, &p, scratch("out/x"), &e);
            assert_int_equal(files_in(scratch("out")), 1);
            if (!r)
                break;
            assert_int_equal(r, TL_EIO);
            assert_non_null(strstr(e.message, "out/x: No space left"));
            char *old = slurp(scratch("out/x"), &n);
            assert_string_equal(old, "old");
            free(old);
        }
        tl__io_write = write;
        assert_true(fail_at > 2);
        tl_store_close(s);
        remove_store(scratch("job"));
        picture_free(&o);
    }
    unlink(scratch("out/x"));
    rmdir(scratch("out"));
}

static void a_failing_write_leaves_the_store_as_it_was(void **state) {
    (void)state;
    tl_err e = TL_ERR_INIT;
    for (mode = 0; mode < 2; mode++)
        for (fail_at = 1; fail_at <= 3; fail_at++) {
            tl_store *s = open_store(scratch("job"), "a", 0);
            put_samples(s, 0, 5);
            calls = 0;
            tl__io_write = failing_write;
            assert_int_equal(put_sample(s, 5, &e), TL_EIO);
            tl__io_write = write;
            assert_non_null(strstr(e.message, "job/a."));
            assert_non_null(strstr(e.message, "No space left"));
            assert_int_equal(tl_store_has(s, 1, 5 % 3, 5, 25), 0);
            put_samples(s, 5, 9);
            assert_samples(s, 0, 9);
            tl_store_close(s);
            s = open_store(scratch("job"), "a", TL_STORE_VERIFY);
            assert_samples(s, 0, 9);
            tl_store_close(s);
            remove_store(scratch("job"));
        }
}

static void short_and_interrupted_writes_go_on(void **state) {
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
    tl__io_write = write;
    tl_store_close(s);
    s = open_store(scratch("job"), NULL, TL_STORE_VERIFY);
    assert_merges_like_the_plain_way(&o, s);
    tl_store_close(s);
    remove_store(scratch("job"));
    picture_free(&o);
}

static void a_merge_with_a_tile_missing_names_it(void **state) {
    (void)state;
    tl_product p = product(400, 300);
    picture_of o;
    tl_err e = TL_ERR_INIT;
    picture_make(&o, &p, 5);
    tl_store *s = open_store(scratch("job"), "a", 0);
    run_crew(&o, s, 1, 1, 20);
    assert_int_equal(tl_merge(s, 0, &p, scratch("job/x.tif"), &e), TL_EDATA);
    assert_non_null(strstr(e.message, "of level 0 of product 0 is missing"));
    assert_int_equal(files_in(scratch("job")), 2);
    tl_store_close(s);
    remove_store(scratch("job"));
    picture_free(&o);
}

static void a_full_disk_leaves_the_old_product_and_nothing_else(void **state) {
    (void)state;
    const char *dir = scratch("small");
    tl_product p = product(900, 700);
    picture_of o;
    tl_err e = TL_ERR_INIT;
    size_t n;
    mkdir(dir, 0777);
    if (mount("none", dir, "tmpfs", 0, "size=400k")) {
        rmdir(dir);
        print_message("# cannot mount a small disk: %s\n", strerror(errno));
        skip();
    }
    spill(scratch("small/x.tif"), "old", 3);
    p.compress = TL_UNCOMPRESSED;
    picture_make(&o, &p, 5);
    tl_store *s = open_store(scratch("job"), "a", 0);
    run_crew(&o, s, 1, 1, INT32_MAX);
    assert_int_equal(tl_merge(s, 0, &p, scratch("small/x.tif"), &e), TL_EIO);
    assert_non_null(strstr(e.message, "small/x.tif: No space left on device"));
    assert_int_equal(files_in(dir), 1);
    char *old = slurp(scratch("small/x.tif"), &n);
    assert_string_equal(old, "old");
    free(old);
    tl_store_close(s);
    remove_store(scratch("job"));

    int k = 0, r = 0;
    s = open_store(scratch("small/job"), "a", 0);
    while (!r && k < 100000)
        r = put_sample(s, k++, &e);
    assert_int_equal(r, TL_EIO);
    assert_samples(s, 0, k - 1);
    tl_store_close(s);
    s = open_store(scratch("small/job"), "a", TL_STORE_VERIFY);
    assert_samples(s, 0, k - 1);
    tl_store_close(s);
    assert_int_equal(umount(dir), 0);
    rmdir(dir);
    picture_free(&o);
}

static void a_folder_that_cannot_be_written_is_named(void **state) {
    (void)state;
    tl_product p = product(40, 30);
    tl_err e = TL_ERR_INIT;
    tl_store *s = open_store(scratch("job"), "a", 0);
    assert_int_equal(tl_merge(s, 0, &p, scratch("no/such/x.tif"), &e), TL_EIO);
    assert_non_null(strstr(e.message, "no/such/x.tif: No such file or directory"));
    tl_store_close(s);
    remove_store(scratch("job"));
}

/* --- size --------------------------------------------------------------------------------------
 */

static void very_many_tiles_are_found_again(void **state) {
    (void)state;
    tl_err e = TL_ERR_INIT;
    tl_packed empty = {NULL, 0, NULL, 0};
    tl_store *s = open_store(scratch("job"), "a", 0);
    int side = 400; /* 160,000; enough to see a bad hash, not to wear out a disk */
    for (int k = 0; k < side * side; k++)
        if (tl_store_put(s, 0, 0, k % side, k / side, &empty, &e))
            fail_msg("%s", e.message);
    tl_store_close(s);
    s = open_store(scratch("job"), NULL, 0);
    assert_int_equal(tl_store_count(s, 0, 0), side * side);
    for (int k = 0; k < side * side; k++)
        if (!tl_store_has(s, 0, 0, k % side, k / side))
            fail_msg("tile %d", k);
    tl_store_close(s);
    remove_store(scratch("job"));
}

static int start(void **state) {
    (void)state;
    GDALAllRegister();
    return 0;
}

static int stop(void **state) {
    (void)state;
    unlink(scratch("merged.tif"));
    unlink(scratch("plain.tif"));
    return rmdir(scratch_dir()); /* fails if a test left a file */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_come_back_after_reopening),
        cmocka_unit_test(a_missing_tile_is_named),
        cmocka_unit_test(several_segments_are_read_as_one),
        cmocka_unit_test(a_segment_has_one_writer),
        cmocka_unit_test(a_folder_belongs_to_one_plan),
        cmocka_unit_test(names_and_keys_that_cannot_be_are_refused),
        cmocka_unit_test(a_torn_end_is_cut_off_wherever_it_tore),
        cmocka_unit_test(a_damaged_header_is_an_error),
        cmocka_unit_test(a_flipped_byte_is_reported_and_verifying_forgets_the_tile),
        cmocka_unit_test(foreign_files_in_the_folder_stay),
        cmocka_unit_test(any_order_and_any_threads_give_the_same_file),
        cmocka_unit_test(a_run_that_stopped_anywhere_resumes_to_the_same_file),
        cmocka_unit_test(overviews_lost_with_a_torn_end_are_made_again),
        cmocka_unit_test(processes_share_a_folder_and_one_finishes),
        cmocka_unit_test(a_killed_process_loses_nothing_that_it_finished),
        cmocka_unit_test(a_failing_write_leaves_the_old_product),
        cmocka_unit_test(a_failing_write_leaves_the_store_as_it_was),
        cmocka_unit_test(short_and_interrupted_writes_go_on),
        cmocka_unit_test(a_merge_with_a_tile_missing_names_it),
        cmocka_unit_test(a_full_disk_leaves_the_old_product_and_nothing_else),
        cmocka_unit_test(a_folder_that_cannot_be_written_is_named),
        cmocka_unit_test(very_many_tiles_are_found_again),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name(__FILE__, tests, start, stop);
}
