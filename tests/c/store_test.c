/* Layer 4: the tile store. SPDX-License-Identifier: MIT */
#include "tests/c/store_util.h"

#include <signal.h>
#include <sys/wait.h>

static const char *const key_b = "11111111111111111111111111111111"
                                 "0123456789abcdef0123456789abcdef";

/* Tile k: some bytes that follow from k. */
static tl_packed sample(int k, uint8_t buf[600])
{
    size_t n = (size_t)(k * 37 % 500) + 5;
    uint64_t seed = (uint64_t)k + 1;
    for (size_t i = 0; i < n + 20; i++)
        buf[i] = (uint8_t)tl_test_random(&seed);
    return k % 10 == 9 ? (tl_packed){NULL, 0, NULL, 0} : (tl_packed){buf, n, buf + n, 20};
}

static int put_sample(tl_store *s, int k, tl_err *e)
{
    uint8_t buf[600];
    tl_packed t = sample(k, buf);
    return tl_store_put(s, 1, k % 3, k, k * 5, &t, e);
}

static void put_samples(tl_store *s, int from, int to)
{
    tl_err e = TL_ERR_INIT;
    for (int k = from; k < to; k++)
        assert_tl_ok(put_sample(s, k, &e), &e);
}

static void assert_samples(tl_store *s, int from, int to)
{
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

static void tiles_come_back_after_reopening(void **state)
{
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

static void a_missing_tile_is_named(void **state)
{
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

static void several_segments_are_read_as_one(void **state)
{
    (void)state;
    const char *dir = scratch("job");
    tl_store *a = open_store(dir, "a", 0);
    put_samples(a, 0, 100);
    tl_store *b = open_store(dir, "b", 0);
    assert_samples(b, 0, 100);
    put_samples(b, 100, 200);
    put_samples(a, 200, 300);
    put_samples(b, 300, 400);
    tl_store *r = open_store(dir, NULL, 0);
    assert_samples(r, 0, 400);
    tl_store_close(r);
    tl_store_close(a);
    tl_store_close(b);
    remove_store(dir);
}

static void a_segment_has_one_writer(void **state)
{
    (void)state;
    const char *dir = scratch("job");
    tl_err e = TL_ERR_INIT;
    tl_store *a = open_store(dir, "a", 0), *again = NULL;
    assert_int_equal(tl_store_open(dir, "a", key_a, 0, &again, &e), TL_EIO);
    assert_non_null(strstr(e.message, "in use"));
    assert_null(again);
    put_samples(a, 0, 3);
    assert_int_equal(tl_store_remove(dir, &e), TL_EIO);
    assert_non_null(strstr(e.message, "in use"));
    assert_samples(a, 0, 3);
    tl_store_close(a);
    remove_store(dir);
}

static void a_folder_belongs_to_one_plan(void **state)
{
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

static void names_and_keys_that_cannot_be_are_refused(void **state)
{
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
static void survive(const char *idx, size_t nidx, const char *dat, size_t ndat, int tiles)
{
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

static void a_torn_end_is_cut_off_wherever_it_tore(void **state)
{
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

static void a_damaged_header_is_an_error(void **state)
{
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

static void a_flipped_byte_is_reported_and_verifying_forgets_the_tile(void **state)
{
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

static void foreign_files_in_the_folder_stay(void **state)
{
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

static void a_killed_process_loses_nothing_that_it_finished(void **state)
{
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

static void a_failing_write_leaves_the_store_as_it_was(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    for (mode = 0; mode < 2; mode++)
        for (fail_at = 1; fail_at <= 3; fail_at++) {
            tl_store *s = open_store(scratch("job"), "a", 0);
            put_samples(s, 0, 5);
            calls = 0;
            tl__io_write = failing_write;
            assert_int_equal(put_sample(s, 5, &e), TL_EIO);
            tl__io_write = tl__io_plain;
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

static void a_full_disk_leaves_the_store_as_it_was(void **state)
{
    (void)state;
    const char *dir = scratch("small");
    tl_err e = TL_ERR_INIT;
    mount_small_disk(dir);
    int k = 0, r = 0;
    tl_store *s = open_store(scratch("small/job"), "a", 0);
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
}

/* --- size --------------------------------------------------------------------------------------
 */

static void very_many_tiles_are_found_again(void **state)
{
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

static int stop(void **state)
{
    (void)state;
    scratch_dir();
    return rmdir(scratch_dir()); /* fails if a test left a file */
}

int main(void)
{
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
        cmocka_unit_test(a_killed_process_loses_nothing_that_it_finished),
        cmocka_unit_test(a_failing_write_leaves_the_store_as_it_was),
        cmocka_unit_test(a_full_disk_leaves_the_store_as_it_was),
        cmocka_unit_test(very_many_tiles_are_found_again),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name(__FILE__, tests, NULL, stop);
}
