/* Times of queries on an index, for bench/index.sh. SPDX-License-Identifier: MIT
 *
 *   index_query FILE: a box of some 100 km, a month and clouds below 20 %, at 21 places, warm and
 *   with the file dropped from the page cache; the least cloudy scene of each tile and year. */
#include "modules/collection/index.h"
#include "modules/collection/text.h"
#include "runtime/watch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { PLACES = 21 };

typedef struct {
    int64_t n, assets;
} seen;

static int count(void *ctx, const tl_scene *s, tl_err *e)
{
    seen *c = ctx;
    (void)e;
    c->n++;
    c->assets += (int64_t)s->nassets;
    return 0;
}

static void die(const tl_err *e)
{
    fprintf(stderr, "%s\n", e->message);
    exit(1);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void drop(const char *path)
{
    int fd = open(path, O_RDONLY);
    if (fd >= 0) {
        fsync(fd);
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        close(fd);
    }
    fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
    if (fd >= 0) {
        if (write(fd, "1", 1) != 1)
            fputs("the page cache could not be dropped as a whole\n", stderr);
        close(fd);
    }
}

static json_t *place_query(int k)
{
    double lon = -170 + 16.3 * k, lat = -30 + (k * 37 % 90), t;
    char when[32];
    snprintf(when, sizeof when, "20%02d-%02d-01", 18 + k % 5, 1 + k % 11);
    tl__date_parse(when, 10, &t);
    return json_pack("[{s:f, s:f, s:[[f,f,f,f]], s:[{s:s, s:s, s:i}]}]", "from", t, "to",
                     t + 30 * 86400.0, "boxes", lon, lat, lon + 1.2, lat + 0.9, "where", "property",
                     "cloud", "op", "<", "value", 20);
}

static double timed(tl_index *ix, const json_t *q, seen *c)
{
    tl_err e = TL_ERR_INIT;
    double began = tl_now();
    if (tl_index_query(ix, q, count, c, &e))
        die(&e);
    return tl_now() - began;
}

static void places(const char *path)
{
    double warm[PLACES], cold[PLACES];
    seen c = {0};
    tl_err e = TL_ERR_INIT;
    for (int k = 0; k < PLACES; k++) {
        tl_index *ix = NULL;
        seen same = {0};
        drop(path);
        double began = tl_now();
        if (tl_index_open(path, &ix, &e))
            die(&e);
        json_t *q = place_query(k);
        timed(ix, q, &c);
        cold[k] = tl_now() - began; /* with opening it */
        warm[k] = timed(ix, q, &same);
        json_decref(q);
        tl_index_close(ix);
    }
    qsort(warm, PLACES, sizeof *warm, by_size);
    qsort(cold, PLACES, sizeof *cold, by_size);
    printf(
        "place + month + cloud: warm %.1f ms (worst %.1f), cold %.1f ms (worst %.1f), %.1f scenes "
        "each\n",
        1e3 * warm[PLACES / 2], 1e3 * warm[PLACES - 1], 1e3 * cold[PLACES / 2],
        1e3 * cold[PLACES - 1], (double)c.n / PLACES);
}

int main(int argc, char **argv)
{
    tl_index *ix = NULL;
    tl_err e = TL_ERR_INIT;
    tl_index_summary sum;
    if (argc < 2)
        return 2;
    places(argv[1]);
    if (tl_index_open(argv[1], &ix, &e))
        die(&e);
    json_t *q = json_pack("[{s:[[s,s]], s:i, s:[s,s]}]", "sort", "cloud", "asc", "limit", 1, "per",
                          "tile", "year");
    seen c = {0};
    clock_t used = clock();
    double t = timed(ix, q, &c);
    printf("least cloudy per tile and year: %.1f s (%.1f s of processor), %lld scenes\n", t,
           (double)(clock() - used) / CLOCKS_PER_SEC, (long long)c.n);
    used = clock();
    t = tl_now();
    if (tl_index_summarise(ix, NULL, &sum, &e))
        die(&e);
    printf("summary of all %lld scenes: %.1f s (%.1f s of processor)\n", (long long)sum.count,
           tl_now() - t, (double)(clock() - used) / CLOCKS_PER_SEC);
    json_decref(q);
    tl_index_close(ix);
    return 0;
}
