/* The gazetteer: see gazetteer.h. SPDX-License-Identifier: MIT */
#include "modules/collection/gazetteer.h"
#include "runtime/buf.h"
#include "runtime/mem.h"

#include <errno.h>
#include <glib.h>
#include <limits.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define APPLICATION   0x746c706c /* "tlpl" in the file's head */
#define KM_PER_DEGREE 111.195    /* of latitude: a sphere of 6371 km */
#define SAME_PLACE    0.2        /* degrees within which places of one name and country are one */
#define MOST          200        /* places of one name that are looked at */

struct tl_gazetteer {
    sqlite3 *db;
    const char *path;
};

/* --- names -------------------------------------------------------------------------------------
 */

/* What decomposition leaves as it is. */
static const char *plain(gunichar c)
{
    static const struct {
        gunichar c;
        const char *to;
    } table[] = {{0xe6, "ae"}, {0xf8, "o"},   {0x142, "l"}, {0x111, "d"}, {0xf0, "d"},
                 {0xfe, "th"}, {0x153, "oe"}, {0x131, "i"}, {0x127, "h"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].c == c)
            return table[i].to;
    return NULL;
}

char *tl__gazetteer_fold(const char *name)
{
    char *valid = g_utf8_make_valid(name, -1);
    char *lower = g_utf8_casefold(valid, -1);
    char *parts = g_utf8_normalize(lower, -1, G_NORMALIZE_ALL);
    tl_buf b = TL_BUF_INIT;
    int space = 0;
    for (const char *p = parts; p && *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        char text[7] = "";
        if (g_unichar_ismark(c))
            continue;
        if (!g_unichar_isalnum(c)) {
            space = c != '\'' && c != 0x2019 && c != 0x2bc; /* L'Aquila is laquila */
            continue;
        }
        if (space && b.len)
            tl_buf_puts(&b, " ");
        space = 0;
        text[g_unichar_to_utf8(c, text)] = '\0';
        tl_buf_puts(&b, plain(c) ? plain(c) : text);
    }
    g_free(valid);
    g_free(lower);
    g_free(parts);
    char *out = tl_xstrdup(tl_buf_text(&b));
    tl_buf_free(&b);
    return out;
}

/* --- SQLite -------------------------------------------------------------------------------------
 */

static int sql_fail(sqlite3 *db, const char *path, tl_err *e)
{
    return tl_fail(e, TL_EDATA, "the gazetteer %s: %s", path, sqlite3_errmsg(db));
}

static int run(sqlite3 *db, const char *path, const char *sql, tl_err *e)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : sql_fail(db, path, e);
}

typedef struct {
    sqlite3 *db;
    sqlite3_stmt *place, *name;
    const char *path;
} builder;

static int add_name(builder *b, const char *name, sqlite3_int64 id, int main_name, tl_err *e)
{
    char *folded = tl__gazetteer_fold(name);
    int rc = 0;
    if (folded[0]) {
        sqlite3_bind_text(b->name, 1, folded, -1, SQLITE_TRANSIENT);
        sqlite3_bind_int64(b->name, 2, id);
        sqlite3_bind_int(b->name, 3, main_name);
        rc = sqlite3_step(b->name) == SQLITE_DONE ? 0 : sql_fail(b->db, b->path, e);
        sqlite3_reset(b->name);
    }
    free(folded);
    return rc;
}

static int add_place(void *ctx, const tl_place *p, const char *aliases, tl_err *e)
{
    builder *b = ctx;
    char *c = tl__gazetteer_fold(p->country_name);
    const char *texts[] = {p->name, p->region, p->region_code, p->country, c};
    for (int i = 0; i < 5; i++)
        sqlite3_bind_text(b->place, i + 1, texts[i], -1, SQLITE_TRANSIENT);
    free(c);
    sqlite3_bind_double(b->place, 6, p->lon);
    sqlite3_bind_double(b->place, 7, p->lat);
    for (int i = 0; i < 4; i++)
        sqlite3_bind_double(b->place, 8 + i, p->box[i]);
    sqlite3_bind_int64(b->place, 12, p->population);
    int rc = sqlite3_step(b->place) == SQLITE_DONE ? 0 : sql_fail(b->db, b->path, e);
    sqlite3_reset(b->place);
    sqlite3_int64 id = sqlite3_last_insert_rowid(b->db);
    if (!rc)
        rc = add_name(b, p->name, id, 1, e);
    char *list = aliases ? tl_xstrdup(aliases) : NULL, *save = NULL;
    for (char *a = list ? strtok_r(list, ",", &save) : NULL; a && !rc;
         a = strtok_r(NULL, ",", &save))
        rc = add_name(b, a, id, 0, e);
    free(list);
    return rc;
}

static int fill(sqlite3 *db, const char *path, const char *list, tl_err *e)
{
    builder b = {db, NULL, NULL, path};
    int rc =
        run(db, path,
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN;"
            "CREATE TABLE place(id INTEGER PRIMARY KEY, name TEXT, region TEXT, region_code TEXT,"
            " country TEXT,"
            " country_folded TEXT, lon REAL, lat REAL, w REAL, s REAL, e REAL, n REAL,"
            " population INTEGER);"
            "CREATE TABLE name(folded TEXT, place INTEGER, main INTEGER,"
            " PRIMARY KEY(folded, place)) WITHOUT ROWID;",
            e);
    if (!rc &&
        (sqlite3_prepare_v2(db, "INSERT INTO place VALUES(NULL,?,?,?,?,?,?,?,?,?,?,?,?)", -1,
                            &b.place, NULL) ||
         sqlite3_prepare_v2(db, "INSERT OR IGNORE INTO name VALUES(?,?,?)", -1, &b.name, NULL)))
        rc = sql_fail(db, path, e);
    if (!rc)
        rc = tl__gazetteer_read(list, add_place, &b, e);
    sqlite3_finalize(b.place);
    sqlite3_finalize(b.name);
    char *head =
        tl_xasprintf("COMMIT; PRAGMA application_id=%d; PRAGMA user_version=1;", APPLICATION);
    if (!rc)
        rc = run(db, path, head, e);
    free(head);
    return rc;
}

int tl_gazetteer_build(const char *list, const char *to, tl_err *e)
{
    sqlite3 *db = NULL;
    char *beside = tl_xasprintf("%s.new", to);
    unlink(beside);
    int rc = sqlite3_open(beside, &db) ? sql_fail(db, beside, e) : fill(db, beside, list, e);
    sqlite3_close(db);
    if (!rc && rename(beside, to))
        rc = tl_fail(e, TL_EIO, "cannot write %s: %s", to, strerror(errno));
    if (rc)
        unlink(beside);
    free(beside);
    return rc;
}

/* --- opening ------------------------------------------------------------------------------------
 */

static const char *first_readable(char *const *paths, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (paths[i] && access(paths[i], R_OK) == 0)
            return tl_intern(paths[i]);
    return tl_intern("");
}

const char *tl_gazetteer_path(void)
{
    char exe[PATH_MAX] = "";
    const char *named = getenv("TELLUA_GAZETTEER"), *home = getenv("HOME");
    if (named && named[0])
        return tl_intern(named);
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(exe, '/');
    if (slash)
        *slash = '\0';
    char *paths[] = {
        tl_xasprintf("%s/../share/tellua/places.sqlite", exe),
        tl_xasprintf("%s/../places/places.sqlite", exe), /* in the build folder */
        home ? tl_xasprintf("%s/.tellua/places.sqlite", home) : NULL,
        tl_xstrdup("/usr/local/share/tellua/places.sqlite"),
        tl_xstrdup("/usr/share/tellua/places.sqlite"),
    };
    const char *found = first_readable(paths, sizeof paths / sizeof *paths);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        free(paths[i]);
    return found;
}

static int is_sqlite(const char *path)
{
    char head[16] = "";
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(head, 1, sizeof head, f) : 0;
    if (f)
        fclose(f);
    return n == sizeof head && memcmp(head, "SQLite format 3", 16) == 0;
}

static int64_t number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *q = NULL;
    int64_t x = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
        x = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return x;
}

int tl_gazetteer_open(const char *path, tl_gazetteer **out, tl_err *e)
{
    sqlite3 *db = NULL;
    int rc = 0;
    path = path ? path : tl_gazetteer_path();
    if (!path[0])
        return tl_fail(
            e, TL_ECONFIG,
            "there is no gazetteer: `make places` builds one, or TELLUA_GAZETTEER names a "
            "list of places (a GeoNames dump, a CSV of name,country,lon,lat)");
    if (access(path, R_OK))
        return tl_fail(e, TL_ECONFIG, "the gazetteer %s: %s", path, strerror(errno));
    int own = is_sqlite(path);
    if (sqlite3_open_v2(own ? path : ":memory:", &db,
                        own ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                        NULL))
        rc = sql_fail(db, path, e);
    if (!rc && own && number(db, "PRAGMA application_id") != APPLICATION) {
        /* Another's file, such as a GeoPackage of places. */
        sqlite3_close(db);
        db = NULL;
        own = 0;
        rc = sqlite3_open(":memory:", &db) ? sql_fail(db, path, e) : 0;
    }
    if (!rc && !own)
        rc = fill(db, path, path, e);
    if (rc) {
        sqlite3_close(db);
        return rc;
    }
    *out = tl_xcalloc(1, sizeof **out);
    **out = (tl_gazetteer){db, tl_intern(path)};
    return 0;
}

void tl_gazetteer_close(tl_gazetteer *g)
{
    if (g)
        sqlite3_close(g->db);
    free(g);
}

int64_t tl_gazetteer_count(tl_gazetteer *g)
{
    return number(g->db, "SELECT count(*) FROM place");
}

/* --- finding ------------------------------------------------------------------------------------
 */

static void text_of(sqlite3_stmt *q, int column, char *to, size_t size)
{
    const unsigned char *t = sqlite3_column_text(q, column);
    snprintf(to, size, "%s", t ? (const char *)t : "");
}

static int same(const char *wanted, const char *text)
{
    char *folded = tl__gazetteer_fold(text);
    int yes = folded[0] && strcmp(folded, wanted) == 0;
    free(folded);
    return yes;
}

/* A code or name of the country, a region, or both ("US-Texas"). */
static int is_in(const tl_place *p, const char *wanted)
{
    char both[210], code[130];
    snprintf(both, sizeof both, "%s %s", p->country, p->region);
    snprintf(code, sizeof code, "%s %s", p->country, p->region_code);
    return same(wanted, p->region_code) || same(wanted, code) || same(wanted, p->country) ||
           same(wanted, p->country_name) || same(wanted, p->region) || same(wanted, both);
}

/* A quarter of a town that is listed by itself, or a list's second entry. */
static int is_known(const tl_place *list, int n, const tl_place *p)
{
    for (int i = 0; i < n; i++)
        if (strcmp(list[i].country, p->country) == 0 && fabs(list[i].lat - p->lat) < SAME_PLACE &&
            fabs(list[i].lon - p->lon) * cos(p->lat * M_PI / 180) < SAME_PLACE)
            return 1;
    return 0;
}

static int candidates(tl_gazetteer *g, const char *folded, const char *country, tl_place *list,
                      int *n, int *elsewhere, tl_err *e)
{
    sqlite3_stmt *q = NULL;
    char *in = tl__gazetteer_fold(country ? country : "");
    *n = *elsewhere = 0;
    if (sqlite3_prepare_v2(
            g->db,
            "SELECT p.name, region, country, country_folded, lon, lat, w, s, e, n,"
            " population, region_code FROM name JOIN place p ON p.id = place WHERE folded = ?"
            " ORDER BY population DESC, p.id LIMIT 2000",
            -1, &q, NULL)) {
        free(in);
        return sql_fail(g->db, g->path, e);
    }
    sqlite3_bind_text(q, 1, folded, -1, SQLITE_STATIC);
    while (sqlite3_step(q) == SQLITE_ROW && *n < MOST) {
        tl_place p = {.lon = sqlite3_column_double(q, 4), .lat = sqlite3_column_double(q, 5)};
        text_of(q, 0, p.name, sizeof p.name);
        text_of(q, 1, p.region, sizeof p.region);
        text_of(q, 2, p.country, sizeof p.country);
        text_of(q, 3, p.country_name, sizeof p.country_name);
        for (int i = 0; i < 4; i++)
            p.box[i] = sqlite3_column_double(q, 6 + i);
        p.population = sqlite3_column_int64(q, 10);
        text_of(q, 11, p.region_code, sizeof p.region_code);
        if (country && !is_in(&p, in))
            ++*elsewhere;
        else if (!is_known(list, *n, &p))
            list[(*n)++] = p;
    }
    sqlite3_finalize(q);
    free(in);
    return 0;
}

static int fail_ambiguous(const char *name, const tl_place *list, int n, tl_err *e)
{
    tl_buf b = TL_BUF_INIT;
    for (int i = 0; i < n && i < 6; i++)
        tl_buf_printf(&b, "%s%.20s%s%.30s %.2f,%.2f", i ? "; " : "", list[i].country,
                      list[i].region[0] ? "-" : "", list[i].region, list[i].lat, list[i].lon);
    int k = n > 1 && strcmp(list[0].country, list[1].country) == 0 && list[0].region[0];
    tl_fail(e, TL_ESCRIPT,
            "\"%s\" is %d places: %s%s; name the country or region as well: "
            "(\"%s\", 10, \"%.60s\")",
            name, n, tl_buf_text(&b), n > 6 ? "; ..." : "", name,
            k ? list[0].region : list[0].country);
    tl_buf_free(&b);
    return e->code;
}

/* --- names that nobody knows --------------------------------------------------------------------
 */

static int distance(const char *a, const char *b)
{
    int row[256], n = (int)strlen(b);
    for (int j = 0; j <= n && j < 256; j++)
        row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n && j < 256; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            best = best < row[j] + 1 ? best : row[j] + 1;
            row[j] = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
        }
    }
    return row[n < 255 ? n : 255];
}

static int fail_unknown(tl_gazetteer *g, const char *name, const char *folded, tl_err *e)
{
    sqlite3_stmt *q = NULL;
    char near[3][200] = {"", "", ""}, found[200];
    int len = (int)strlen(folded), away[3], most = len / 3 > 1 ? len / 3 : 1;
    away[0] = away[1] = away[2] = most + 1;
    if (len < 200 &&
        sqlite3_prepare_v2(g->db,
                           "SELECT folded, p.name FROM name JOIN place p ON p.id = place"
                           " WHERE length(folded) BETWEEN ? AND ? ORDER BY population"
                           " DESC LIMIT 300000",
                           -1, &q, NULL) == SQLITE_OK) {
        sqlite3_bind_int(q, 1, len - most);
        sqlite3_bind_int(q, 2, len + most);
        while (sqlite3_step(q) == SQLITE_ROW) {
            int d = distance(folded, (const char *)sqlite3_column_text(q, 0)), at = 2;
            text_of(q, 1, found, sizeof found);
            if (d >= away[2] || strcmp(found, near[0]) == 0 || strcmp(found, near[1]) == 0)
                continue;
            for (; at > 0 && d < away[at - 1]; at--) {
                away[at] = away[at - 1];
                memcpy(near[at], near[at - 1], sizeof near[at]);
            }
            away[at] = d;
            memcpy(near[at], found, sizeof found);
        }
    }
    sqlite3_finalize(q);
    return tl_fail(e, TL_ESCRIPT, "no place \"%s\" in the gazetteer %s%s%s%s%s%s%s%s", name,
                   g->path, near[0][0] ? "; did you mean " : "", near[0], near[1][0] ? ", " : "",
                   near[1], near[2][0] ? ", " : "", near[2], near[0][0] ? "?" : "");
}

/* --- boxes --------------------------------------------------------------------------------------
 */

static double into_turn(double lon)
{
    double x = lon - 360 * floor((lon + 180) / 360);
    return x >= 180 ? x - 360 : x;
}

static void grow(tl_place *p, double km)
{
    double *b = p->box, east = b[2] < b[0] ? b[2] + 360 : b[2];
    int is_point = b[0] == b[2] && b[1] == b[3];
    km = km >= 0 ? km : is_point ? 10 : 0;
    double dlat = km / KM_PER_DEGREE;
    b[1] = fmax(-90, b[1] - dlat);
    b[3] = fmin(90, b[3] + dlat);
    double dlon = dlat / fmax(1e-6, cos(fmax(fabs(b[1]), fabs(b[3])) * M_PI / 180));
    if (east - b[0] + 2 * dlon >= 360) {
        b[0] = -180;
        b[2] = 180;
    } else if (dlon > 0) {
        double w = into_turn(b[0] - dlon), width = east - b[0] + 2 * dlon;
        b[0] = w;
        b[2] = w + width > 180 ? w + width - 360 : w + width;
    }
}

int tl_gazetteer_find(tl_gazetteer *g, const char *name, double buffer_km, const char *country,
                      tl_place *out, tl_err *e)
{
    tl_place *list = tl_xcalloc(MOST, sizeof *list);
    int n = 0, elsewhere = 0;
    char *folded = tl__gazetteer_fold(name);
    int rc = candidates(g, folded, country, list, &n, &elsewhere, e);
    if (!rc && n == 0 && elsewhere)
        rc = tl_fail(e, TL_ESCRIPT,
                     "no place \"%s\" in \"%s\", but %d elsewhere: say the country's "
                     "code or name, or the region",
                     name, country, elsewhere);
    else if (!rc && n == 0)
        rc = fail_unknown(g, name, folded, e);
    else if (!rc && n > 1 &&
             !(list[0].population >= 10 * list[1].population && list[1].population >= 0 &&
               list[0].population > 0))
        rc = fail_ambiguous(name, list, n, e);
    if (!rc) {
        grow(&list[0], buffer_km);
        *out = list[0];
    }
    free(folded);
    free(list);
    return rc;
}
