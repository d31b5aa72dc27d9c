/* From a query to SQL. SPDX-License-Identifier: MIT
 *
 * Stages are conditions on the scene `s` as long as none limits; a limit makes what is there so far
 * a subquery of rids, which is joined with `scene` again. An order is always in terms of the scene
 * itself, so it outlives that. */
#include "modules/collection/index_int.h"
#include "modules/collection/text.h"
#include "modules/raster/geometry.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct tl__value {
    enum { NUMBER, TEXT, JSON, GEOMETRY } kind;
    double number;
    char *text;
    json_t *json;
    tl_geometry *geometry;
};

/* Boxes of more than this many square degrees are quicker found by reading all scenes. */
#define LARGE_BOX 15000

static int add_value(tl__sql *q, tl__value v)
{
    q->value = tl_xrealloc(q->value, (size_t)(q->n + 1) * sizeof *q->value);
    q->value[q->n] = v;
    return ++q->n;
}

static int number_value(tl__sql *q, double x)
{
    return add_value(q, (tl__value){.kind = NUMBER, .number = x});
}

static void and_(tl_buf *where)
{
    if (where->len)
        tl_buf_puts(where, " AND ");
}

static int bad(tl_err *e, const char *what)
{
    return tl_fail(e, TL_EUSAGE, "a collection's query: %s", what);
}

/* --- properties ------------------------------------------------------------------------------- */

static void property_sql(tl__sql *q, const char *name, tl_buf *out)
{
    static const struct {
        const char *name, *sql;
    } own[] = {{"id", "s.id"},
               {"collection", "tl_word(s.collection)"},
               {"platform", "tl_word(s.platform)"},
               {"tile", "s.tile"},
               {"datetime", "s.t0"},
               {"end_datetime", "ifnull(s.t1, s.t0)"},
               {"cloud", "s.cloud"},
               {"eo:cloud_cover", "s.cloud"},
               {"year", "tl_date(s.t0, 'y')"},
               {"month", "tl_date(s.t0, 'm')"},
               {"day", "tl_date(s.t0, 'd')"}};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(own[i].name, name) == 0) {
            tl_buf_puts(out, own[i].sql);
            return;
        }
    tl_buf quoted = TL_BUF_INIT;
    tl__json_quote(&quoted, name, strlen(name));
    int k = add_value(q, (tl__value){.kind = TEXT, .text = tl_xstrdup(tl_buf_text(&quoted))});
    tl_buf_free(&quoted);
    tl_buf_printf(
        out, "(SELECT tl_property(d.shape, d.props, ?%d) FROM detail d WHERE d.rid = s.rid)", k);
}

/* A date as text among values for `datetime` becomes seconds; a new reference. */
static json_t *in_seconds(const json_t *v)
{
    double t;
    if (json_is_string(v) && tl__date_parse(json_string_value(v), json_string_length(v), &t) == 0)
        return json_real(t);
    if (!json_is_array(v))
        return json_deep_copy(v);
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(v); i++)
        json_array_append_new(list, in_seconds(json_array_get(v, i)));
    return list;
}

/* The ids are found by their hash, so that not all scenes are read. */
static void by_id(tl__sql *q, const json_t *value)
{
    size_t n = json_is_array(value) ? json_array_size(value) : 1;
    if (!n || n > 500 || !q->bare)
        return;
    and_(&q->where);
    tl_buf_puts(&q->where, "s.rid IN (SELECT rid FROM byid WHERE hash IN (");
    for (size_t i = 0; i < n; i++) {
        const char *id = json_string_value(json_is_array(value) ? json_array_get(value, i) : value);
        id = id ? id : "";
        tl_buf_printf(&q->where, "%s%lld", i ? "," : "", (long long)tl__hash64(0, id, strlen(id)));
    }
    tl_buf_puts(&q->where, "))");
}

static int add_condition(tl__sql *q, const json_t *c, tl_err *e)
{
    static const char *const ops[] = {"<", "<=", ">", ">=", "==", "~=", "in"};
    const char *name = json_string_value(json_object_get(c, "property"));
    const char *op = json_string_value(json_object_get(c, "op"));
    const json_t *value = json_object_get(c, "value");
    int known = 0;
    for (size_t i = 0; op && i < sizeof ops / sizeof *ops; i++)
        known = known || strcmp(op, ops[i]) == 0;
    if (!name || !known || !value)
        return bad(e, "a condition is {property, op, value}, op one of < <= > >= == ~= in");
    if ((strcmp(op, "in") == 0) != json_is_array(value))
        return bad(e, "`in` wants a list, the others one value");
    int when = strcmp(name, "datetime") == 0 || strcmp(name, "end_datetime") == 0;
    json_t *v = when ? in_seconds(value) : json_deep_copy(value);
    if (strcmp(name, "id") == 0 && (*op == '=' || *op == 'i'))
        by_id(q, value);
    and_(&q->where);
    tl_buf_puts(&q->where, "tl_is(");
    property_sql(q, name, &q->where);
    tl_buf_printf(&q->where, ", '%s', ?%d)", op,
                  add_value(q, (tl__value){.kind = JSON, .json = v}));
    return 0;
}

static int add_conditions(tl__sql *q, const json_t *list, tl_err *e)
{
    int rc = !list || json_is_array(list) ? 0 : bad(e, "`where` is a list");
    for (size_t i = 0; i < json_array_size(list) && !rc; i++)
        rc = add_condition(q, json_array_get(list, i), e);
    return rc;
}

/* --- places ----------------------------------------------------------------------------------- */

typedef struct {
    double w, s, e, n; /* w <= e, -180 to 180 */
} box;
typedef struct {
    box *b;
    int n;
    double area;
} boxes;

static void add_box(boxes *l, double w, double s, double e, double n)
{
    l->b = tl_xrealloc(l->b, (size_t)(l->n + 1) * sizeof *l->b);
    l->b[l->n++] = (box){w, s, e, n};
    l->area += (e - w) * (n - s);
}

/* As one or two boxes that do not cross the antimeridian. */
static void add_wrapped(boxes *l, double w, double s, double e, double n)
{
    if (e - w >= 360) {
        add_box(l, -180, s, 180, n);
        return;
    }
    if (w > 180 || w < -180 || e > 180 || e < -180) {
        w = w - 360 * floor((w + 180) / 360);
        e = e - 360 * floor((e + 180) / 360);
    }
    if (w <= e) {
        add_box(l, w, s, e, n);
    } else {
        add_box(l, w, s, 180, n);
        add_box(l, -180, s, e, n);
    }
}

static int read_boxes(const json_t *list, boxes *l, tl_err *e)
{
    if (!json_is_array(list))
        return bad(e, "`boxes` is a list of boxes");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *b = json_array_get(list, i);
        double x[4];
        for (size_t k = 0; k < 4; k++) {
            if (!json_is_number(json_array_get(b, k)) || json_array_size(b) != 4)
                return bad(e, "a box is four numbers, west, south, east, north");
            x[k] = json_number_value(json_array_get(b, k));
        }
        add_wrapped(l, x[0], x[1], x[2], x[3]);
    }
    return 0;
}

/* Corners as parameters ?k to ?k+3. */
static int box_values(tl__sql *q, const box *b)
{
    int k = number_value(q, b->w);
    number_value(q, b->s);
    number_value(q, b->e);
    number_value(q, b->n);
    return k;
}

/* The scenes whose box touches one of l, by the R*Tree and then exactly. */
static void add_place(tl__sql *q, const boxes *l, const double time[2])
{
    int timed = isfinite(time[0]) || isfinite(time[1]);
    int tree = q->bare && l->n <= 100 && (l->area < LARGE_BOX || timed);
    int *first = tl_xcalloc((size_t)l->n + 1, sizeof *first);
    for (int i = 0; i < l->n; i++)
        first[i] = box_values(q, &l->b[i]);
    for (int i = 0; i < l->n && tree; i++) {
        int k = first[i];
        if (!i)
            and_(&q->where);
        tl_buf_printf(
            &q->where,
            "%s SELECT id / 2 FROM place WHERE w <= ?%d AND e >= ?%d AND s <= ?%d AND n >= "
            "?%d",
            i ? " UNION" : "s.rid IN (", k + 2, k, k + 3, k + 1);
        /* The tree rounds outwards to floats: an hour more on each side. */
        if (isfinite(time[0]))
            tl_buf_printf(&q->where, " AND t1 >= ?%d",
                          number_value(q, (time[0] - 3600) / TL__TIME_UNIT));
        if (isfinite(time[1]))
            tl_buf_printf(&q->where, " AND t0 <= ?%d",
                          number_value(q, (time[1] + 3600) / TL__TIME_UNIT));
        if (i == l->n - 1)
            tl_buf_puts(&q->where, ")");
    }
    and_(&q->where);
    tl_buf_puts(&q->where, l->n ? "(" : "0");
    for (int i = 0; i < l->n; i++) {
        int k = first[i];
        tl_buf_printf(
            &q->where,
            "%ss.s <= ?%d AND s.n >= ?%d AND CASE WHEN s.w <= s.e THEN s.w <= ?%d AND s.e "
            ">= ?%d ELSE s.w <= ?%d OR s.e >= ?%d END",
            i ? " OR " : "", k + 3, k + 1, k + 2, k, k + 2, k);
    }
    tl_buf_puts(&q->where, l->n ? ")" : "");
    q->bare = q->bare && !tree; /* once is enough */
    free(first);
}

static int add_geometry(tl__sql *q, const json_t *j, const double time[2], tl_err *e)
{
    tl_geometry *g = NULL;
    char *text = json_is_string(j) ? tl_xstrdup(json_string_value(j)) : json_dumps(j, JSON_COMPACT);
    int rc = tl_geometry_from_geojson(text ? text : "", &g, e);
    free(text);
    if (rc)
        return rc;
    double b[4];
    boxes l = {0};
    tl_geometry_box(g, b);
    add_wrapped(&l, b[0], b[1], b[2], b[3]);
    add_place(q, &l, time);
    free(l.b);
    int k = add_value(q, (tl__value){.kind = GEOMETRY, .geometry = g});
    tl_buf_printf(
        &q->where,
        " AND tl_touches(?%d, (SELECT d.ring FROM detail d WHERE d.rid = s.rid), s.w, s.s, "
        "s.e, s.n)",
        k);
    return 0;
}

/* --- stages ----------------------------------------------------------------------------------- */

static int add_time(tl__sql *q, const json_t *stage, int placed, double time[2], tl_err *e)
{
    static const char *const names[2] = {"from", "to"};
    for (int i = 0; i < 2; i++) {
        const json_t *j = json_object_get(stage, names[i]);
        if (!j)
            continue;
        if (!json_is_number(j))
            return bad(e, "`from` and `to` are seconds");
        time[i] = json_number_value(j);
        and_(&q->where);
        /* "+" keeps SQLite from the index of times where the place says more. */
        tl_buf_printf(&q->where, "%ss.t0 %s ?%d", placed ? "+" : "",
                      i ? "<" : ">=", number_value(q, time[i]));
    }
    return 0;
}

static void add_key(tl__sql *q, const char *name, const char *way)
{
    tl_buf sql = TL_BUF_INIT;
    const char *comma = q->ways.len ? ", " : "";
    property_sql(q, name, &sql);
    tl_buf_printf(&q->order, "%s%s %s NULLS LAST", comma, tl_buf_text(&sql), way);
    tl_buf_printf(&q->keys, "%s%s", comma, tl_buf_text(&sql));
    tl_buf_add(&q->ways, way, 1);
    tl_buf_free(&sql);
}

static int set_order(tl__sql *q, const json_t *sort, tl_err *e)
{
    if (!json_is_array(sort))
        return bad(e, "`sort` is a list of [property, \"asc\" | \"desc\"]");
    q->order.len = q->keys.len = q->ways.len = 0;
    for (size_t i = 0; i < json_array_size(sort); i++) {
        const json_t *key = json_array_get(sort, i);
        const char *name = json_string_value(json_array_get(key, 0));
        const char *way = json_string_value(json_array_get(key, 1));
        if (!name || !way || (strcmp(way, "asc") != 0 && strcmp(way, "desc") != 0))
            return bad(e, "`sort` is a list of [property, \"asc\" | \"desc\"]");
        add_key(q, name, way);
    }
    add_key(q, "datetime", "asc");
    add_key(q, "id", "asc");
    return 0;
}

static int limit(tl__sql *q, const json_t *stage, tl_err *e)
{
    const json_t *n = json_object_get(stage, "limit"), *per = json_object_get(stage, "per");
    tl_buf from = TL_BUF_INIT;
    if (!json_is_integer(n) || json_integer_value(n) < 0)
        return bad(e, "`limit` is a number of scenes");
    const char *where = q->where.len ? tl_buf_text(&q->where) : "1";
    if (!json_array_size(per)) {
        tl_buf_printf(
            &from, "(SELECT s.rid AS rid FROM %s WHERE %s ORDER BY %s LIMIT %lld OFFSET %lld)",
            tl_buf_text(&q->from), where, tl_buf_text(&q->order), (long long)json_integer_value(n),
            (long long)json_integer_value(json_object_get(stage, "skip")));
    } else {
        tl_buf group = TL_BUF_INIT;
        for (size_t i = 0; i < json_array_size(per); i++) {
            const char *name = json_string_value(json_array_get(per, i));
            tl_buf_puts(&group, i ? ", " : "");
            property_sql(q, name ? name : "", &group);
        }
        if (json_integer_value(n) == 1) /* several times as quick as numbering all rows */
            tl_buf_printf(&from,
                          "(SELECT tl_first('%s', s.rid, %s) AS rid FROM %s WHERE %s GROUP BY %s)",
                          tl_buf_text(&q->ways), tl_buf_text(&q->keys), tl_buf_text(&q->from),
                          where, tl_buf_text(&group));
        else
            tl_buf_printf(
                &from,
                "(SELECT rid FROM (SELECT s.rid AS rid, row_number() OVER (PARTITION BY %s "
                "ORDER BY %s) AS k FROM %s WHERE %s) WHERE k <= %lld)",
                tl_buf_text(&group), tl_buf_text(&q->order), tl_buf_text(&q->from), where,
                (long long)json_integer_value(n));
        tl_buf_free(&group);
    }
    tl_buf_puts(&from, " p CROSS JOIN scene s ON s.rid = p.rid");
    tl_buf_free(&q->from);
    q->from = from;
    q->where.len = 0;
    q->bare = 0;
    return 0;
}

static int add_stage(tl__sql *q, const json_t *stage, tl_err *e)
{
    static const char *const names[] = {"from", "to",    "boxes", "geometry", "where",
                                        "sort", "limit", "per",   "skip"};
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)stage, name, member)
    {
        int known = 0;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            known = known || strcmp(name, names[i]) == 0;
        if (!known)
            return tl_fail(e, TL_EUSAGE, "a collection's query: unknown member '%s'", name);
    }
    const json_t *b = json_object_get(stage, "boxes"), *g = json_object_get(stage, "geometry");
    double time[2] = {-INFINITY, INFINITY};
    boxes l = {0};
    int rc = json_is_object(stage) ? 0 : bad(e, "a stage is an object");
    if (!rc)
        rc = add_time(q, stage, b || g, time, e);
    if (!rc && b)
        rc = read_boxes(b, &l, e);
    if (!rc && b)
        add_place(q, &l, time);
    free(l.b);
    if (!rc && g)
        rc = add_geometry(q, g, time, e);
    if (!rc)
        rc = add_conditions(q, json_object_get(stage, "where"), e);
    if (!rc && json_object_get(stage, "sort"))
        rc = set_order(q, json_object_get(stage, "sort"), e);
    if (!rc && json_object_get(stage, "limit"))
        rc = limit(q, stage, e);
    else if (!rc && json_object_get(stage, "per"))
        rc = bad(e, "`per` goes with `limit`");
    return rc;
}

int tl__sql_make(const json_t *query, tl__sql *q, tl_err *e)
{
    *q = (tl__sql){.bare = 1};
    tl_buf_puts(&q->from, "scene s");
    add_key(q, "datetime", "asc");
    add_key(q, "id", "asc");
    int rc = !query || json_is_array(query) ? 0 : bad(e, "it is a list of stages");
    for (size_t i = 0; i < json_array_size(query) && !rc; i++)
        rc = add_stage(q, json_array_get(query, i), e);
    if (!rc && !q->where.len)
        tl_buf_puts(&q->where, "1");
    if (rc)
        tl__sql_free(q);
    return rc;
}

int tl__sql_bind(tl_index *ix, const tl__sql *q, sqlite3_stmt *st, tl_err *e)
{
    int rc = 0;
    for (int i = 0; i < q->n && !rc; i++) {
        const tl__value *v = &q->value[i];
        if (i + 1 > sqlite3_bind_parameter_count(st))
            break; /* the last ones are of an order that the statement has no use for */
        if (v->kind == NUMBER)
            rc = sqlite3_bind_double(st, i + 1, v->number);
        else if (v->kind == TEXT)
            rc = sqlite3_bind_text(st, i + 1, v->text, -1, SQLITE_STATIC);
        else if (v->kind == JSON)
            rc = sqlite3_bind_pointer(st, i + 1, v->json, TL__JSON_POINTER, NULL);
        else
            rc = sqlite3_bind_pointer(st, i + 1, v->geometry, TL__GEOMETRY_POINTER, NULL);
    }
    return rc ? tl__index_fail(ix, "a query", e) : 0;
}

void tl__sql_free(tl__sql *q)
{
    for (int i = 0; i < q->n; i++) {
        free(q->value[i].text);
        json_decref(q->value[i].json);
        tl_geometry_free(q->value[i].geometry);
    }
    free(q->value);
    tl_buf_free(&q->from);
    tl_buf_free(&q->where);
    tl_buf_free(&q->order);
    tl_buf_free(&q->keys);
    tl_buf_free(&q->ways);
    *q = (tl__sql){0};
}
