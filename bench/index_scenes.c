/* Synthetic scenes like a Sentinel-2 archive's, for bench/index.sh. SPDX-License-Identifier: MIT
 *
 *   index_scenes csv|ndjson|full COUNT [SEED [TEMPLATE.json]] > FILE
 *
 * Tiles of the military grid between 56 S and 72 N, in patches like land; each is seen every five
 * days of five years, by two satellites in turn, some 40 % of the time by the edge of the swath;
 * clouds by season. The order is that of time. `full` varies a real STAC item. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_TILES = 40000, FIRST_DAY = 17532 /* 2018-01-01 */, DAYS = 5 * 365 };

typedef struct {
    char name[6];
    int zone, south;
    double x, y; /* upper left, UTM */
    int phase;
} tile;
static tile tiles[MOST_TILES];
static int ntiles;
static uint64_t seed = 4;

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* 0 to 1 by what it is for: the same whatever else was asked. */
static double chance(uint64_t a, uint64_t b)
{
    return (double)(mix(seed * 0x9e3779b97f4a7c15u + mix(a * 0x632be59bd9b4e019u + b)) >> 11) *
           0x1p-53;
}

static void lonlat(const tile *t, double x, double y, double *lon, double *lat)
{
    double northing = t->south ? y - 1e7 : y;
    *lat = northing / 110700;
    *lon = t->zone * 6 - 183 + (x - 5e5) / (111320 * cos(*lat * M_PI / 180));
    if (*lon > 180)
        *lon -= 360;
    if (*lon < -180)
        *lon += 360;
}

/* Patches of some 15 degrees that are land, with ragged coasts. */
static int is_land(double lon, double lat)
{
    double a = chance((uint64_t)floor((lon + 180) / 15) + 1000, (uint64_t)floor((lat + 90) / 15));
    return a < 0.36 &&
           chance((uint64_t)floor((lon + 180) * 4), (uint64_t)floor((lat + 90) * 4)) < 0.9;
}

static void make_tiles(void)
{
    static const char bands[] = "CDEFGHJKLMNPQRSTUVWX", letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZ";
    for (int zone = 1; zone <= 60; zone++)
        for (int row = -62; row < 80; row++)
            for (int col = 1; col <= 8; col++) {
                tile t = {.zone = zone, .south = row < 0, .x = col * 1e5};
                double lon, lat;
                t.y = (row + 1) * 1e5 + (row < 0 ? 1e7 : 0);
                lonlat(&t, t.x + 5e4, t.y - 5e4, &lon, &lat);
                double off = fabs((t.x + 5e4 - 5e5) / (111320 * cos(lat * M_PI / 180)));
                if (off > 3.2 || !is_land(lon, lat) || ntiles == MOST_TILES)
                    continue;
                snprintf(t.name, sizeof t.name, "%02d%c%c%c", zone, bands[(int)((lat + 80) / 8)],
                         letters[((zone - 1) % 3) * 8 + col - 1], letters[((row + 200) % 20)]);
                t.phase = (int)(chance((uint64_t)zone, (uint64_t)col) * 5);
                tiles[ntiles++] = t;
            }
}

typedef struct {
    const tile *t;
    char id[40], sat;
    int y, m, d, n;
    char when[32];
    double cloud, box[4], ring[7][2], sun;
} scene;

static void swath(scene *s, uint64_t k, uint64_t day)
{
    const double size = 109800;
    double x0 = s->t->x, x1 = x0 + size, y1 = s->t->y, y0 = y1 - size, c[5][2];
    double cut = chance(k, day % 10 + 77);
    double top = x0 + size * (0.2 + cut), low = top - size * 0.25;
    int n = 5;
    if (cut > 0.8 || top > x1 || low < x0) {
        const double all[5][2] = {{x0, y1}, {x1, y1}, {x1, y0}, {x0, y0}, {x0, y1}};
        memcpy(c, all, sizeof all);
    } else {
        const double part[5][2] = {{x0, y1}, {top, y1}, {low, y0}, {x0, y0}, {x0, y1}};
        memcpy(c, part, sizeof part);
    }
    s->box[0] = s->box[1] = 1e9;
    s->box[2] = s->box[3] = -1e9;
    for (int i = 0; i < n; i++) {
        lonlat(s->t, c[i][0], c[i][1], &s->ring[i][0], &s->ring[i][1]);
        double near = s->ring[i][0] - 360 * round((s->ring[i][0] - s->ring[0][0]) / 360);
        s->box[0] = fmin(s->box[0], near);
        s->box[2] = fmax(s->box[2], near);
        s->box[1] = fmin(s->box[1], s->ring[i][1]);
        s->box[3] = fmax(s->box[3], s->ring[i][1]);
    }
    if (s->box[0] < -180)
        s->box[0] += 360;
    if (s->box[2] > 180)
        s->box[2] -= 360;
    s->n = n;
}

static scene make(const tile *t, int day)
{
    scene s = {.t = t};
    uint64_t k = (uint64_t)(t - tiles), d = (uint64_t)day;
    time_t at = (time_t)(FIRST_DAY + day) * 86400 + 86400 / 2 - t->zone * 1440 +
                (time_t)(k % 600) * 7 + (t->zone <= 0) + 43200;
    struct tm tm;
    gmtime_r(&at, &tm);
    s.sat = (day / 5) % 2 ? 'B' : 'A';
    s.y = tm.tm_year + 1900;
    s.m = tm.tm_mon + 1;
    s.d = tm.tm_mday;
    strftime(s.when, sizeof s.when, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(s.when + 19, 8, ".%03dZ", (int)(chance(k, d + 5) * 1000));
    snprintf(s.id, sizeof s.id, "S2%c_%.5s_%04d%02d%02d_0_L2A", s.sat, t->name, s.y, s.m, s.d);
    double u = chance(k, d + 9), wet = 0.5 + 0.3 * cos(tm.tm_yday / 58.1 + t->south * M_PI);
    s.cloud = u < wet ? 100 * sqrt(chance(k, d + 3)) : 100 * pow(chance(k, d + 4), 4);
    s.sun = 20 + 40 * chance(k, d + 6);
    swath(&s, k, d);
    return s;
}

static void href(const scene *s, FILE *f)
{
    fprintf(
        f,
        "https://sentinel-cogs.s3.us-west-2.amazonaws.com/sentinel-s2-l2a-cogs/%d/%c/%s/%d/%d/%s/",
        s->t->zone, s->t->name[2], s->t->name + 3, s->y, s->m, s->id);
}

static void coordinates(const scene *s, const char *point, const char *between, FILE *f)
{
    for (int i = 0; i < s->n; i++) {
        fputs(i ? between : "", f);
        fprintf(f, point, s->ring[i][0], s->ring[i][1]);
    }
}

static const char *const bands[] = {"B01", "B02", "B03", "B04", "B05", "B06", "B07",
                                    "B08", "B8A", "B09", "B11", "B12", "SCL"};
enum { NBANDS = sizeof bands / sizeof *bands };

static void csv_head(void)
{
    fputs(
        "id,collection,platform,tile,datetime,cloud,west,south,east,north,crs,xmin,ymin,xmax,ymax,"
        "href,footprint,s2:processing_baseline,sat:relative_orbit,view:sun_elevation",
        stdout);
    for (int i = 0; i < NBANDS; i++)
        printf(",asset:%s", bands[i]);
    putchar('\n');
}

static void csv(const scene *s)
{
    const tile *t = s->t;
    printf("%s,sentinel-2-l2a,sentinel-2%c,%s,%s,%.4f,%.6f,%.6f,%.6f,%.6f,EPSG:%d,%.0f,%.0f,%.0f,%."
           "0f,",
           s->id, s->sat + 32, t->name, s->when, s->cloud, s->box[0], s->box[1], s->box[2],
           s->box[3], (t->south ? 32700 : 32600) + t->zone, t->x, t->y - 109800, t->x + 109800,
           t->y);
    href(s, stdout);
    fputs(",\"POLYGON((", stdout);
    coordinates(s, "%.5f %.5f", ",", stdout);
    printf("))\",%s,%d,%.2f", s->y < 2022 ? "\"03.01\"" : "\"05.09\"", 1 + t->zone * 2, s->sun);
    for (int i = 0; i < NBANDS; i++)
        printf(",%s.tif", bands[i]);
    putchar('\n');
}

static void ndjson(const scene *s)
{
    printf("{\"type\":\"Feature\",\"stac_version\":\"1.0.0\",\"id\":\"%s\",\"collection\":"
           "\"sentinel-2-l2a\",\"bbox\":[%.5f,%.5f,%.5f,%.5f],\"geometry\":{\"type\":\"Polygon\","
           "\"coordinates\":[[",
           s->id, s->box[0], s->box[1], s->box[2], s->box[3]);
    coordinates(s, "[%.4f,%.4f]", ",", stdout);
    printf(
        "]]},\"properties\":{\"datetime\":\"%s\",\"platform\":\"sentinel-2%c\",\"eo:cloud_cover\":"
        "%.2f,\"s2:mgrs_tile\":\"%s\",\"proj:epsg\":%d},\"assets\":{\"B04\":{\"href\":\"",
        s->when, s->sat + 32, s->cloud, s->t->name, (s->t->south ? 32700 : 32600) + s->t->zone);
    href(s, stdout);
    fputs("B04.tif\"}}}\n", stdout);
}

/* --- a real item, varied ------------------------------------------------------------------------
 */

static char *template, old_id[80];

static void load(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(1);
    }
    template = calloc(1, 1 << 20);
    if (fread(template, 1, (1 << 20) - 1, f) < 100)
        exit(1);
    fclose(f);
    const char *id = strstr(template, "\"id\"");
    if (!id ||
        sscanf(id, "\"id\" : \"%79[^\"]", old_id) + sscanf(id, "\"id\": \"%79[^\"]", old_id) < 1)
        exit(1);
    for (char *p = template; *p; p++)
        if (*p == '\n' || *p == '\r')
            *p = ' ';
}

/* The length of the JSON value at p, an array or a scalar. */
static size_t value(const char *p)
{
    size_t n = 0;
    int depth = 0;
    do {
        depth += (p[n] == '[') - (p[n] == ']');
        n++;
    } while (depth > 0 || (p[n] != ',' && p[n] != '}' && p[n] != ' '));
    return n;
}

static void full(const scene *s)
{
    static const char *const keys[] = {
        "\"datetime\":", "\"coordinates\":", "\"bbox\":", "\"eo:cloud_cover\":"};
    static struct {
        size_t at, len;
        int what;
    } cut[400];
    static size_t ncut;
    static size_t size;
    if (!ncut) {
        size = strlen(template);
        for (size_t i = 0; i < size; i++) {
            if (strncmp(template + i, old_id, strlen(old_id)) == 0) {
                cut[ncut].at = i;
                cut[ncut].len = strlen(old_id);
                cut[ncut++].what = 9;
            }
            for (int k = 0; k < 4; k++)
                if (strncmp(template + i, keys[k], strlen(keys[k])) == 0) {
                    i += strlen(keys[k]);
                    i += template[i] == ' ';
                    cut[ncut].at = i;
                    cut[ncut].len = value(template + i);
                    i += cut[ncut].len - 1;
                    cut[ncut++].what = k;
                }
        }
    }
    size_t from = 0;
    for (size_t i = 0; i < ncut; i++) {
        fwrite(template + from, 1, cut[i].at - from, stdout);
        from = cut[i].at + cut[i].len;
        switch (cut[i].what) {
        case 0:
            printf("\"%s\"", s->when);
            break;
        case 1:
            fputs("[[", stdout);
            coordinates(s, "[%.14f, %.14f]", ", ", stdout);
            fputs("]]", stdout);
            break;
        case 2:
            printf("[%.14f, %.14f, %.14f, %.14f]", s->box[0], s->box[1], s->box[2], s->box[3]);
            break;
        case 3:
            printf("%.6f", s->cloud);
            break;
        default:
            fputs(s->id, stdout);
        }
    }
    fwrite(template + from, 1, size - from, stdout);
    putchar('\n');
}

int main(int argc, char **argv)
{
    static char room[1 << 20];
    if (argc < 3)
        return 2;
    long count = atol(argv[2]), made = 0;
    if (argc > 3)
        seed = strtoull(argv[3], NULL, 10);
    if (argc > 4)
        load(argv[4]);
    void (*write)(const scene *) = *argv[1] == 'c' ? csv : *argv[1] == 'n' ? ndjson : full;
    if (write == full && !template)
        return 2;
    setvbuf(stdout, room, _IOFBF, sizeof room);
    make_tiles();
    long per_tile = DAYS / 5, want = (count + per_tile - 1) / per_tile;
    if (want < 200 && ntiles > 200)
        want = 200;
    if (want > ntiles)
        want = ntiles;
    if (write == csv)
        csv_head();
    for (int day = 0; day < DAYS && made < count; day++)
        for (long k = 0; k < want && made < count; k++) {
            long i = k * ntiles / want; /* all around the globe */
            if ((day + tiles[i].phase) % 5 == 0) {
                scene s = make(&tiles[i], day);
                write(&s);
                made++;
            }
        }
    fprintf(stderr, "%ld scenes of %d tiles, seed %llu\n", made, (int)want,
            (unsigned long long)seed);
    return made == count && !fflush(stdout) ? 0 : 1;
}
