/* What a job costs at the least: reading its inputs and writing its product through GDAL, no more.
 * SPDX-License-Identifier: MIT
 *
 *   floor decode THREADS FILE ...          all blocks of the files, each thread with handles of its
 * own floor encode THREADS PRODUCT [OPTION ...]  the product's values, in memory beforehand, to a
 * GeoTIFF of the creation options, which is then removed
 *
 * Prints seconds of the processor and of the clock. */
#include <cpl_string.h>
#include <gdal.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static char **files;
static int nfiles;
static atomic_int next; /* row of blocks, counted over all files */

static void die(const char *what)
{
    fprintf(stderr, "floor: %s: %s\n", what, CPLGetLastErrorMsg());
    exit(1);
}

static double now(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void report(double cpu, double wall)
{
    printf("%.3f %.3f\n", now(CLOCK_PROCESS_CPUTIME_ID) - cpu, now(CLOCK_MONOTONIC) - wall);
}

/* --- reading -------------------------------------------------------------------------------------
 */

static int block_height(GDALDatasetH ds)
{
    int w, h;
    GDALGetBlockSize(GDALGetRasterBand(ds, 1), &w, &h);
    return h < 64 ? 512 : h;
}

static void read_rows(GDALDatasetH ds, int y, int h, void *into)
{
    int w = GDALGetRasterXSize(ds), n = GDALGetRasterCount(ds);
    GDALDataType type = GDALGetRasterDataType(GDALGetRasterBand(ds, 1));
    if (GDALDatasetRasterIO(ds, GF_Read, 0, y, w, h, into, w, h, type, n, NULL, 0, 0, 0))
        die("reading");
}

static size_t row_bytes(GDALDatasetH ds)
{
    GDALDataType type = GDALGetRasterDataType(GDALGetRasterBand(ds, 1));
    return (size_t)GDALGetRasterXSize(ds) * (size_t)GDALGetRasterCount(ds) *
           (size_t)GDALGetDataTypeSizeBytes(type);
}

static void *decode_some(void *unused)
{
    (void)unused;
    GDALDatasetH *ds = calloc((size_t)nfiles, sizeof *ds);
    char *into = NULL;
    for (;;) {
        int k = atomic_fetch_add(&next, 1), f = 0, h = 0;
        for (; f < nfiles; f++) {
            if (!ds[f] && !(ds[f] = GDALOpen(files[f], GA_ReadOnly)))
                die(files[f]);
            h = block_height(ds[f]);
            int rows = (GDALGetRasterYSize(ds[f]) + h - 1) / h;
            if (k < rows)
                break;
            k -= rows;
        }
        if (f == nfiles)
            break;
        int y = k * h;
        if (h > GDALGetRasterYSize(ds[f]) - y)
            h = GDALGetRasterYSize(ds[f]) - y;
        free(into);
        into = malloc(row_bytes(ds[f]) * (size_t)h);
        read_rows(ds[f], y, h, into);
    }
    for (int f = 0; f < nfiles; f++)
        GDALClose(ds[f]);
    free(ds);
    free(into);
    return NULL;
}

static void decode(int threads)
{
    pthread_t t[64];
    double cpu = now(CLOCK_PROCESS_CPUTIME_ID), wall = now(CLOCK_MONOTONIC);
    for (int i = 0; i < threads; i++)
        pthread_create(&t[i], NULL, decode_some, NULL);
    for (int i = 0; i < threads; i++)
        pthread_join(t[i], NULL);
    report(cpu, wall);
}

/* --- writing -------------------------------------------------------------------------------------
 */

static void encode(const char *path, char **options, int threads)
{
    char out[4096], number[32];
    GDALDatasetH in = GDALOpen(path, GA_ReadOnly);
    if (!in)
        die(path);
    int w = GDALGetRasterXSize(in), h = GDALGetRasterYSize(in), n = GDALGetRasterCount(in);
    GDALDataType type = GDALGetRasterDataType(GDALGetRasterBand(in, 1));
    char *values = malloc(row_bytes(in) * (size_t)h);
    read_rows(in, 0, h, values);
    GDALClose(in);
    snprintf(number, sizeof number, "%d", threads);
    snprintf(out, sizeof out, "%s.floor.tif", path);
    options = CSLSetNameValue(options, "NUM_THREADS", number);
    double cpu = now(CLOCK_PROCESS_CPUTIME_ID), wall = now(CLOCK_MONOTONIC);
    GDALDatasetH to = GDALCreate(GDALGetDriverByName("GTiff"), out, w, h, n, type, options);
    if (!to)
        die(out);
    for (int y = 0; y < h; y += 512) { /* whole rows of tiles, so that each is compressed once */
        int k = h - y < 512 ? h - y : 512;
        char *from =
            values + (size_t)y * (size_t)w * (size_t)n * (size_t)GDALGetDataTypeSizeBytes(type);
        if (GDALDatasetRasterIO(to, GF_Write, 0, y, w, k, from, w, k, type, n, NULL, 0, 0, 0))
            die(out);
    }
    GDALClose(to);
    report(cpu, wall);
    VSIUnlink(out);
    CSLDestroy(options);
    free(values);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        die("usage: floor decode|encode THREADS FILE ...");
    GDALAllRegister();
    int threads = atoi(argv[2]);
    if (strcmp(argv[1], "encode") == 0) {
        encode(argv[3], CSLDuplicate(argv + 4), threads);
    } else {
        files = argv + 3;
        nfiles = argc - 3;
        decode(threads < 64 ? threads : 64);
    }
    return 0;
}
