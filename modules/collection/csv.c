/* Tables of scenes. SPDX-License-Identifier: MIT */
#include "modules/collection/bulk.h"
#include "modules/collection/href.h"
#include "modules/collection/text.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum column {
    ID,
    COLLECTION,
    PLATFORM,
    TILE,
    DATETIME,
    END,
    CLOUD,
    WEST,
    SOUTH,
    EAST,
    NORTH,
    CRS,
    XMIN,
    YMIN,
    XMAX,
    YMAX,
    FOOTPRINT,
    HREF,
    KNOWN,
    ASSET = KNOWN,
    PROPERTY
};
static const char *const names[KNOWN] = {
    "id",    "collection", "platform", "tile", "datetime",  "end_datetime",
    "cloud", "west",       "south",    "east", "north",     "crs",
    "xmin",  "ymin",       "xmax",     "ymax", "footprint", "href"};

typedef struct {
    char *text;
    int quoted;
} field;

typedef struct {
    const char *file, *base;
    int64_t line;
    char **name; /* of the columns */
    int *kind;
    int n, of[KNOWN]; /* where each known column is, -1 = nowhere */
    field *field;
    tl_asset *asset;
    size_t *href; /* places of the assets' addresses in `text` */
    float *ring;
    size_t ring_room;
    tl_buf text, properties;
} table;

static int bad(const table *t, tl_err *e, int column, const char *what)
{
    const field *f = &t->field[column];
    const char *id = t->of[ID] >= 0 ? t->field[t->of[ID]].text : NULL;
    return tl_fail(e, TL_EDATA, "%s:%lld: scene '%.80s': column %s: '%.40s' %s", t->file,
                   (long long)t->line, id ? id : "", t->name[column], f->text ? f->text : "", what);
}

/* --- fields ----------------------------------------------------------------------------------- */

/* A quoted field, unquoted in place; the place behind it, NULL when it does not end. */
static char *unquote(char *p, field *f)
{
    char *to = ++p;
    f->text = p;
    f->quoted = 1;
    for (;; p++) {
        if (!*p)
            return NULL;
        if (*p == '"' && *++p != '"')
            break;
        *to++ = *p;
    }
    if (*p && *p != ',')
        return NULL;
    char *behind = *p ? p + 1 : p;
    *to = '\0';
    return behind;
}

/* Cuts the line up in place; the number of fields, -1 for a quote without end. At most `most` are
 * stored. */
static int cut(char *line, field *f, int most)
{
    int n = 0;
    for (char *p = line;;) {
        field now = {p, 0};
        int last;
        if (*p == '"') {
            char *end = p + strlen(p);
            p = unquote(p, &now);
            if (!p)
                return -1;
            last = p == end && end[-1] != ',';
        } else {
            char *comma = strchr(p, ',');
            last = !comma;
            if (comma) {
                *comma = '\0';
                p = comma + 1;
            }
        }
        if (n < most)
            f[n] = now;
        n++;
        if (last)
            return n;
    }
}

static int read_header(table *t, char *line, tl_err *e)
{
    int most = 1;
    for (const char *p = line; *p; p++)
        most += *p == ',';
    t->field = tl_xcalloc((size_t)most, sizeof *t->field);
    t->name = tl_xcalloc((size_t)most, sizeof *t->name);
    t->kind = tl_xcalloc((size_t)most, sizeof *t->kind);
    t->asset = tl_xcalloc((size_t)most, sizeof *t->asset);
    t->href = tl_xcalloc((size_t)most, sizeof *t->href);
    int n = cut(line, t->field, most);
    if (n < 0)
        return tl_fail(e, TL_EDATA, "%s:1: a quote does not end", t->file);
    t->n = n;
    for (int k = 0; k < KNOWN; k++)
        t->of[k] = -1;
    for (int i = 0; i < n; i++) {
        t->name[i] = tl_xstrdup(t->field[i].text);
        t->kind[i] = strncmp(t->name[i], "asset:", 6) == 0 ? ASSET : PROPERTY;
        for (int k = 0; k < KNOWN; k++)
            if (strcmp(t->name[i], names[k]) == 0) {
                t->kind[i] = k;
                t->of[k] = i;
            }
    }
    static const int wanted[] = {ID, DATETIME, WEST, SOUTH, EAST, NORTH};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (t->of[wanted[i]] < 0)
            return tl_fail(e, TL_EDATA, "%s:1: there is no column '%s'", t->file, names[wanted[i]]);
    return 0;
}

/* --- a scene ---------------------------------------------------------------------------------- */

static const char *text_of(const table *t, int k)
{
    return t->of[k] < 0 ? "" : t->field[t->of[k]].text;
}

/* NaN where there is none. */
static int number_of(const table *t, int k, double least, double most, double *x, tl_err *e)
{
    const char *text = text_of(t, k);
    char *end;
    *x = NAN;
    if (!*text)
        return 0;
    *x = strtod(text, &end);
    return *end || !(*x >= least && *x <= most) ? bad(t, e, t->of[k], "is no such number") : 0;
}

static int date_of(const table *t, int k, double *x, tl_err *e)
{
    const char *text = text_of(t, k);
    *x = NAN;
    if (!*text && k == END)
        return 0;
    return tl__date_parse(text, strlen(text), x) ? bad(t, e, t->of[k], "is no date") : 0;
}

/* Numbers as JSON has them: no leading zero, so that "05.09" stays a text. */
static int is_number(const char *s)
{
    char *end;
    const char *d = s + (*s == '-');
    if (*d < '0' || *d > '9' || (*d == '0' && d[1] >= '0' && d[1] <= '9') || strpbrk(d, "xXnNiI"))
        return 0;
    strtod(s, &end);
    return !*end && end[-1] != '.' && !strstr(s, ".e") && !strstr(s, ".E");
}

static void add_property(table *t, int i)
{
    const field *f = &t->field[i];
    tl_buf *b = &t->properties;
    if (!*f->text && !f->quoted)
        return;
    tl_buf_add(b, b->len > 1 ? "," : "", b->len > 1);
    tl__json_quote(b, t->name[i], strlen(t->name[i]));
    tl_buf_add(b, ":", 1);
    if (!f->quoted &&
        (is_number(f->text) || strcmp(f->text, "true") == 0 || strcmp(f->text, "false") == 0))
        tl_buf_puts(b, f->text);
    else
        tl__json_quote(b, f->text, strlen(f->text));
}

static void add_asset(table *t, const char *key, const char *prefix, const char *href, size_t n)
{
    t->asset[n] = (tl_asset){.key = key};
    t->href[n] = t->text.len;
    if (*prefix && !strstr(href, "://") && *href != '/') {
        tl_buf folder = TL_BUF_INIT;
        tl_href_join(t->base, prefix, &folder);
        if (*href && folder.len && folder.data[folder.len - 1] != '/')
            tl_buf_add(&folder, "/", 1);
        tl_href_to_path(href, tl_buf_text(&folder), &t->text);
        tl_buf_free(&folder);
    } else {
        tl_href_to_path(href, t->base, &t->text);
    }
    tl_buf_add(&t->text, "", 1);
}

static size_t read_assets(table *t)
{
    const char *prefix = text_of(t, HREF);
    size_t n = 0;
    t->text.len = 0;
    for (int i = 0; i < t->n; i++)
        if (t->kind[i] == ASSET && *t->field[i].text)
            add_asset(t, t->name[i] + 6, prefix, t->field[i].text, n++);
    if (!n && *prefix)
        add_asset(t, "data", prefix, "", n++);
    for (size_t i = 0; i < n; i++)
        t->asset[i].href = tl_buf_text(&t->text) + t->href[i];
    return n;
}

/* "POLYGON((lon lat, lon lat, ...))": its first ring. */
static int read_ring(table *t, tl_scene *s, tl_err *e)
{
    const char *text = text_of(t, FOOTPRINT), *p = text;
    size_t n = 0;
    if (!*text)
        return 0;
    p += strcspn(p, "(");
    p += strspn(p, "( ");
    for (;;) {
        char *end, *behind;
        double x = strtod(p, &end), y = strtod(end, &behind);
        if (end == p || behind == end || !isfinite(x) || !(fabs(y) <= 90))
            return bad(t, e, t->of[FOOTPRINT], "is no POLYGON((lon lat, ...))");
        if (2 * n + 2 > t->ring_room) {
            t->ring_room = 2 * t->ring_room + 16;
            t->ring = tl_xrealloc(t->ring, t->ring_room * sizeof *t->ring);
        }
        double before = n ? (double)t->ring[2 * n - 2] : x;
        x -= 360 * round((x - before) / 360);
        t->ring[2 * n] = (float)x;
        t->ring[2 * n++ + 1] = (float)y;
        p = behind + strspn(behind, " ");
        if (*p != ',')
            break;
        p++;
    }
    s->ring = n >= 4 ? t->ring : NULL;
    s->nring = s->ring ? n : 0;
    return *p == ')' ? 0 : bad(t, e, t->of[FOOTPRINT], "is no POLYGON((lon lat, ...))");
}

static int read_numbers(table *t, tl_scene *s, tl_err *e)
{
    static const int sides[4] = {WEST, SOUTH, EAST, NORTH}, bounds[4] = {XMIN, YMIN, XMAX, YMAX};
    int rc = date_of(t, DATETIME, &s->t0, e);
    if (!rc)
        rc = date_of(t, END, &s->t1, e);
    if (!rc)
        rc = number_of(t, CLOUD, 0, 100, &s->cloud, e);
    for (int i = 0; i < 4 && !rc; i++) {
        double most = i % 2 ? 90 : 180;
        rc = number_of(t, sides[i], -most, most, &s->box[i], e);
        if (!rc && isnan(s->box[i]))
            rc = bad(t, e, t->of[sides[i]], "is no such number");
        if (!rc)
            rc = number_of(t, bounds[i], -1e15, 1e15, &s->bounds[i], e);
    }
    if (!rc && s->box[1] > s->box[3])
        rc = bad(t, e, t->of[SOUTH], "is north of its north");
    if (!rc && !(s->t1 >= s->t0))
        s->t1 = s->t0;
    return rc;
}

static int add_row(table *t, char *line, tl_index *into, tl_err *e)
{
    tl_scene s = {.assets_info = ""};
    int n = cut(line, t->field, t->n);
    if (n != t->n)
        return tl_fail(e, TL_EDATA, "%s:%lld: %d fields, the first line names %d", t->file,
                       (long long)t->line, n, t->n);
    s.id = text_of(t, ID);
    if (!*s.id)
        return bad(t, e, t->of[ID], "is no id");
    s.collection = text_of(t, COLLECTION);
    s.platform = text_of(t, PLATFORM);
    s.tile = text_of(t, TILE);
    s.crs = text_of(t, CRS);
    int rc = read_numbers(t, &s, e);
    if (!rc)
        rc = read_ring(t, &s, e);
    if (rc)
        return rc;
    t->properties.len = 0;
    tl_buf_add(&t->properties, "{", 1);
    for (int i = 0; i < t->n; i++)
        if (t->kind[i] == PROPERTY)
            add_property(t, i);
    tl_buf_add(&t->properties, "}", 1);
    s.properties = tl_buf_text(&t->properties);
    s.nassets = read_assets(t);
    s.asset = t->asset;
    return tl_index_add(into, &s, e);
}

static void free_table(table *t)
{
    for (int i = 0; i < t->n; i++)
        free(t->name[i]);
    free(t->name);
    free(t->kind);
    free(t->field);
    free(t->asset);
    free(t->href);
    free(t->ring);
    tl_buf_free(&t->text);
    tl_buf_free(&t->properties);
}

int tl_read_csv(const char *source, const json_t *options, tl_index *into, tl_err *e)
{
    tl__lines l = {0};
    char *line, *base = tl__absolute(source);
    size_t len;
    table t = {.file = source, .base = base};
    int rc = tl__no_options(options, "a table of scenes", e);
    if (!rc)
        rc = tl__lines_open(&l, source, e);
    if (!rc)
        rc = tl__lines_next(&l, &line, &len, e);
    if (!rc)
        rc = line ? read_header(&t, line, e)
                  : tl_fail(e, TL_EDATA, "%s is empty: its first line names the columns", source);
    while (!rc && !(rc = tl__lines_next(&l, &line, &len, e)) && line) {
        t.line = l.number;
        if (strlen(line) != len)
            rc = tl_fail(e, TL_EDATA, "%s:%lld: a NUL byte", source, (long long)t.line);
        else if (len)
            rc = add_row(&t, line, into, e);
    }
    tl__lines_close(&l);
    free_table(&t);
    free(base);
    return rc;
}
