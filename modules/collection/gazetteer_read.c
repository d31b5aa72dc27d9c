/* Lists of places. SPDX-License-Identifier: MIT */
#include "modules/collection/gazetteer.h"
#include "modules/raster/geometry.h"
#include "runtime/buf.h"
#include "runtime/mem.h"

#include <errno.h>
#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct {
    tl_place_fn *each;
    void *ctx;
    int64_t n;
} reader;

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "");
}

static int give(reader *r, tl_place *p, const char *aliases, tl_err *e)
{
    if (!p->name[0] || !(fabs(p->lon) <= 180) || !(fabs(p->lat) <= 90))
        return 0;
    r->n++;
    return r->each(r->ctx, p, aliases, e);
}

static void point_box(tl_place *p)
{
    p->box[0] = p->box[2] = p->lon;
    p->box[1] = p->box[3] = p->lat;
}

/* --- GeoNames ----------------------------------------------------------------------------------
 */

enum {
    G_NAME = 1,
    G_ALIASES = 3,
    G_LAT = 4,
    G_LON = 5,
    G_CLASS = 6,
    G_COUNTRY = 8,
    G_ADMIN1 = 10,
    G_POPULATION = 14,
    G_FIELDS = 19
};

/* Cuts at tabs; returns how many fields there are, at most `most` of them noted. */
static int split(char *line, char sep, char **field, int most)
{
    int n = 0;
    for (char *p = line; p; n++) {
        char *end = strchr(p, sep);
        if (end)
            *end++ = '\0';
        if (n < most)
            field[n] = p;
        p = end;
    }
    return n;
}

static int geonames_line(reader *r, char *line, tl_err *e)
{
    char *f[G_FIELDS];
    tl_place p = {0};
    if (split(line, '\t', f, G_FIELDS) < G_POPULATION + 1 || strcmp(f[G_CLASS], "P") != 0)
        return 0; /* seas, hills and roads would only make names ambiguous */
    copy(p.name, sizeof p.name, f[G_NAME]);
    copy(p.region, sizeof p.region, f[G_ADMIN1]);
    copy(p.region_code, sizeof p.region_code, f[G_ADMIN1]);
    copy(p.country, sizeof p.country, f[G_COUNTRY]);
    p.lon = strtod(f[G_LON], NULL);
    p.lat = strtod(f[G_LAT], NULL);
    p.population = strtoll(f[G_POPULATION], NULL, 10);
    point_box(&p);
    return give(r, &p, f[G_ALIASES], e);
}

/* --- CSV ---------------------------------------------------------------------------------------
 */

/* Cuts at commas that are not quoted, takes the quotes away. */
static int split_csv(char *line, char **field, int most)
{
    int n = 0;
    char *from = line;
    for (;;) {
        char *to = from;
        if (n < most)
            field[n] = from;
        n++;
        int quoted = 0;
        for (; *from && (quoted || *from != ','); from++) {
            if (*from == '"' && quoted && from[1] == '"')
                *to++ = *from++;
            else if (*from == '"')
                quoted = !quoted;
            else
                *to++ = *from;
        }
        int more = *from == ',';
        *to = '\0';
        from++;
        if (!more)
            return n;
    }
}

enum { C_NAME, C_COUNTRY, C_LON, C_LAT, C_REGION, C_POPULATION, C_COLUMNS };

/* Which column is what, by the first line; -1 where there is none. */
static int csv_header(char *line, int at[C_COLUMNS])
{
    static const char *const names[C_COLUMNS][5] = {
        {"name", "city", "place"},        {"country", "iso2", "country_code"},
        {"lon", "lng", "longitude", "x"}, {"lat", "latitude", "y"},
        {"region", "admin1", "state"},    {"population", "pop", "pop_max"}};
    char *f[64];
    int n = split_csv(line, f, 64);
    for (int k = 0; k < C_COLUMNS; k++) {
        at[k] = -1;
        for (int i = 0; i < n && i < 64 && at[k] < 0; i++)
            for (int j = 0; j < 5 && names[k][j]; j++)
                if (strcasecmp(f[i], names[k][j]) == 0)
                    at[k] = i;
    }
    return at[C_NAME] >= 0 && at[C_LON] >= 0 && at[C_LAT] >= 0;
}

static int csv_line(reader *r, char *line, const int at[C_COLUMNS], tl_err *e)
{
    char *f[64], *end;
    tl_place p = {0};
    int n = split_csv(line, f, 64);
    const char *v[C_COLUMNS];
    for (int k = 0; k < C_COLUMNS; k++)
        v[k] = at[k] >= 0 && at[k] < n ? f[at[k]] : "";
    copy(p.name, sizeof p.name, v[C_NAME]);
    copy(p.region, sizeof p.region, v[C_REGION]);
    copy(p.country, sizeof p.country, v[C_COUNTRY]);
    p.lon = strtod(v[C_LON], &end);
    p.lat = end != v[C_LON] ? strtod(v[C_LAT], &end) : NAN;
    p.population = (int64_t)strtod(v[C_POPULATION], NULL);
    point_box(&p);
    return give(r, &p, NULL, e);
}

static int read_lines(reader *r, FILE *f, tl_err *e)
{
    char *line = NULL;
    size_t cap = 0;
    int at[C_COLUMNS], rc = 0, csv = 0;
    for (int64_t n = 0; !rc; n++) {
        ssize_t len = getline(&line, &cap, f);
        if (len < 0)
            break;
        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
            line[--len] = '\0';
        char *text = n == 0 && strncmp(line, "\xef\xbb\xbf", 3) == 0 ? line + 3 : line;
        if (n == 0 && !strchr(text, '\t')) {
            csv = 1;
            if (!csv_header(text, at))
                rc = tl_fail(e, TL_EDATA,
                             "a list of places needs columns name, country, lon and lat, named in "
                             "its first line");
        } else if (len > 0) {
            rc = csv ? csv_line(r, text, at, e) : geonames_line(r, text, e);
        }
    }
    free(line);
    return rc;
}

/* --- the list inside Debian's libgeonames0 ------------------------------------------------------
 */

/* id, name, code and name of the region, code and name of the country, time zone, people, lat, lon
 */
#define COMPILED "a(sssssssudd)"

static int read_compiled(reader *r, FILE *f, tl_err *e)
{
    tl_buf b = TL_BUF_INIT;
    int rc = tl_buf_read(&b, f, 64u << 20) ? tl_fail(e, TL_EDATA, "%s", strerror(errno)) : 0;
    GVariant *v = g_variant_new_from_data(G_VARIANT_TYPE(COMPILED), tl_buf_text(&b), b.len, FALSE,
                                          NULL, NULL);
    g_variant_ref_sink(v);
    GVariantIter it;
    const char *id, *name, *code, *region, *cc, *country, *zone;
    guint32 people;
    double lat, lon;
    g_variant_iter_init(&it, v);
    while (!rc && g_variant_iter_next(&it, "(&s&s&s&s&s&s&sudd)", &id, &name, &code, &region, &cc,
                                      &country, &zone, &people, &lat, &lon)) {
        tl_place p = {.lon = lon, .lat = lat, .population = people};
        copy(p.name, sizeof p.name, name);
        copy(p.region, sizeof p.region, region);
        copy(p.region_code, sizeof p.region_code, code);
        copy(p.country, sizeof p.country, cc);
        point_box(&p);
        copy(p.country_name, sizeof p.country_name, country);
        rc = give(r, &p, NULL, e);
    }
    g_variant_unref(v);
    tl_buf_free(&b);
    return rc;
}

/* --- whatever OGR reads -------------------------------------------------------------------------
 */

static const json_t *member(const json_t *attributes, const char *const *names)
{
    const char *key;
    json_t *v;
    for (; *names; names++)
        json_object_foreach((json_t *)(uintptr_t)attributes, key, v)
        {
            if (strcasecmp(key, *names) == 0 && !json_is_null(v))
                return v;
        }
    return NULL;
}

static int feature(void *ctx, int64_t id, const tl_geometry *g, const json_t *a, tl_err *e)
{
    static const char *const name[] = {"name", "nameascii", "name_en", "nam", NULL};
    static const char *const country[] = {"iso_a2",   "country",    "adm0_a3", "sov_a3",
                                          "adm0name", "sovereignt", NULL};
    static const char *const country_name[] = {"adm0name", "sov0name", "sovereignt", "admin", NULL};
    static const char *const region[] = {"adm1name", "region", "admin1", NULL};
    static const char *const people[] = {"pop_max", "population", "pop_est", NULL};
    tl_place p = {0};
    (void)id;
    if (!g)
        return 0;
    copy(p.name, sizeof p.name, json_string_value(member(a, name)));
    copy(p.region, sizeof p.region, json_string_value(member(a, region)));
    copy(p.country_name, sizeof p.country_name, json_string_value(member(a, country_name)));
    copy(p.country, sizeof p.country, json_string_value(member(a, country)));
    p.population = (int64_t)json_number_value(member(a, people));
    tl_geometry_box(g, p.box);
    double east = p.box[2] < p.box[0] ? p.box[2] + 360 : p.box[2];
    p.lon = (p.box[0] + east) / 2;
    p.lon -= p.lon > 180 ? 360 : 0;
    p.lat = (p.box[1] + p.box[3]) / 2;
    return give(ctx, &p, NULL, e);
}

static int ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcasecmp(s + n - m, end) == 0;
}

int tl__gazetteer_read(const char *list, tl_place_fn *each, void *ctx, tl_err *e)
{
    reader r = {each, ctx, 0};
    int rc;
    if (ends_with(list, ".txt") || ends_with(list, ".tsv") || ends_with(list, ".csv") ||
        ends_with(list, ".compiled")) {
        FILE *f = fopen(list, "rb");
        if (!f)
            return tl_fail(e, TL_EDATA, "%s: %s", list, strerror(errno));
        rc = ends_with(list, ".compiled") ? read_compiled(&r, f, e) : read_lines(&r, f, e);
        fclose(f);
        if (rc)
            tl_err_source(e, list);
    } else {
        rc = tl_features_each(list, NULL, NULL, feature, &r, e);
    }
    if (!rc && r.n == 0)
        rc = tl_fail(e, TL_EDATA, "%s holds no place with a name", list);
    return rc;
}
