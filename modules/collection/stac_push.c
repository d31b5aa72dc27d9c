/* What of a query a STAC API can do: see stac_api.h. SPDX-License-Identifier: MIT */
#include "modules/collection/stac_api.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_GEOMETRY 32768 /* bytes; servers refuse large requests */

typedef struct push {
    double from, to;     /* the narrowest of all stages */
    double box[4];       /* the smallest box that holds one stage's; box[0] NaN: none */
    const json_t *shape; /* a geometry that can be sent, or NULL */
    json_t *names, *ids; /* collections, ids; NULL: any */
    json_t *less;        /* {"lt":} of the cloud cover */
} push;

static double number_of(const json_t *stage, const char *name, double otherwise)
{
    const json_t *j = json_object_get(stage, name);
    return json_is_number(j) ? json_number_value(j) : otherwise;
}

/* --- places ------------------------------------------------------------------------------------
 */

static void use_box(push *p, const double box[4])
{
    double area = (box[2] - box[0]) * (box[3] - box[1]);
    if (isnan(p->box[0]) || area < (p->box[2] - p->box[0]) * (p->box[3] - p->box[1]))
        memcpy(p->box, box, sizeof p->box);
}

static void start_box(double box[4])
{
    box[0] = box[1] = INFINITY;
    box[2] = box[3] = -INFINITY;
}

static void add_point(double box[4], double x, double y)
{
    box[0] = fmin(box[0], x);
    box[1] = fmin(box[1], y);
    box[2] = fmax(box[2], x);
    box[3] = fmax(box[3], y);
}

static int on_the_globe(const double box[4])
{
    return box[0] >= -180 && box[2] <= 180 && box[1] >= -90 && box[3] <= 90 && box[0] <= box[2] &&
           box[1] <= box[3];
}

/* A scene that touches any of them touches the box around all. */
static void push_boxes(push *p, const json_t *boxes)
{
    double all[4];
    size_t i;
    const json_t *b;
    start_box(all);
    json_array_foreach(boxes, i, b)
    {
        double v[4];
        for (size_t k = 0; k < 4; k++)
            v[k] = json_number_value(json_array_get(b, k));
        if (v[0] > v[2]) { /* crosses 180 */
            v[0] = -180;
            v[2] = 180;
        }
        add_point(all, v[0], v[1]);
        add_point(all, v[2], v[3]);
    }
    if (json_array_size(boxes) > 0 && on_the_globe(all))
        use_box(p, all);
}

static void add_positions(double box[4], const json_t *j, int depth)
{
    size_t i;
    const json_t *v;
    if (json_is_number(json_array_get(j, 0)))
        add_point(box, json_number_value(json_array_get(j, 0)),
                  json_number_value(json_array_get(j, 1)));
    else if (depth < 8)
        json_array_foreach(j, i, v) add_positions(box, v, depth + 1);
}

static void push_geometry(push *p, const json_t *g)
{
    static const char *const type[] = {"Point",           "MultiPoint", "LineString",
                                       "MultiLineString", "Polygon",    "MultiPolygon"};
    const char *is = json_string_value(json_object_get(g, "type"));
    double box[4];
    int known = 0;
    if (is && strcmp(is, "Feature") == 0) {
        push_geometry(p, json_object_get(g, "geometry"));
        return;
    }
    for (size_t i = 0; is && i < sizeof type / sizeof type[0]; i++)
        known |= strcmp(is, type[i]) == 0;
    start_box(box);
    add_positions(box, json_object_get(g, "coordinates"), 0);
    if (!known || !on_the_globe(box))
        return;
    use_box(p, box);
    if (!p->shape && json_dumpb(g, NULL, 0, JSON_COMPACT) <= MOST_GEOMETRY)
        p->shape = g;
}

/* --- properties --------------------------------------------------------------------------------
 */

static void push_names(json_t **to, const char *op, json_t *value)
{
    size_t i;
    const json_t *v;
    if (*to)
        return;
    if (strcmp(op, "==") == 0 && json_is_string(value)) {
        *to = json_pack("[O]", value);
    } else if (strcmp(op, "in") == 0 && json_array_size(value) > 0) {
        json_array_foreach(value, i, v) if (!json_is_string(v)) return;
        *to = json_incref(value);
    }
}

/* As the query extension writes it; of several bounds the last of a kind, which is one of those
 * that must hold. */
static void push_cloud(push *p, const char *op, json_t *value)
{
    static const char *const word[][2] = {
        {"<", "lt"}, {"<=", "lte"}, {">", "gt"}, {">=", "gte"}, {"==", "eq"}};
    for (size_t i = 0; json_is_number(value) && i < sizeof word / sizeof word[0]; i++)
        if (strcmp(op, word[i][0]) == 0) {
            if (!p->less)
                p->less = json_object();
            json_object_set(p->less, word[i][1], value);
        }
}

static void push_where(push *p, const json_t *where)
{
    size_t i;
    const json_t *c;
    json_array_foreach(where, i, c)
    {
        const char *property = json_string_value(json_object_get(c, "property"));
        const char *op = json_string_value(json_object_get(c, "op"));
        json_t *value = json_object_get(c, "value");
        if (!property || !op || !value)
            continue;
        if (strcmp(property, "cloud") == 0 || strcmp(property, "eo:cloud_cover") == 0)
            push_cloud(p, op, value);
        else if (strcmp(property, "collection") == 0)
            push_names(&p->names, op, value);
        else if (strcmp(property, "id") == 0)
            push_names(&p->ids, op, value);
    }
}

/* --- all ---------------------------------------------------------------------------------------
 */

/* A whole second, "..", when there is no such bound or no such year. */
static void add_time(char *to, size_t size, double t)
{
    struct tm tm;
    time_t whole = isfinite(t) && fabs(t) < 1e11 ? (time_t)t : 0;
    snprintf(to, size, "..");
    if (isfinite(t) && fabs(t) < 1e11 && gmtime_r(&whole, &tm) && tm.tm_year >= -900 &&
        tm.tm_year < 8100)
        strftime(to, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static json_t *options_of(push *p)
{
    char from[40], to[40], both[84];
    json_t *o = json_object();
    add_time(from, sizeof from, floor(p->from));
    add_time(to, sizeof to, ceil(p->to));
    snprintf(both, sizeof both, "%s/%s", from, to);
    if (strcmp(both, "../..") != 0 && p->from < p->to)
        json_object_set_new(o, "datetime", json_string(both));
    if (p->shape)
        json_object_set_new(o, "intersects", json_deep_copy(p->shape));
    else if (!isnan(p->box[0]))
        json_object_set_new(o, "bbox",
                            json_pack("[f,f,f,f]", p->box[0], p->box[1], p->box[2], p->box[3]));
    if (p->names)
        json_object_set_new(o, "collections", p->names);
    if (p->ids)
        json_object_set_new(o, "ids", p->ids);
    if (p->less)
        json_object_set_new(o, "prefer",
                            json_pack("{s:{s:o}}", "query", "eo:cloud_cover", p->less));
    return o;
}

json_t *tl_stac_api_options(const json_t *query)
{
    push p = {-INFINITY, INFINITY, {NAN, 0, 0, 0}, NULL, NULL, NULL, NULL};
    size_t i;
    const json_t *stage;
    json_array_foreach(query, i, stage)
    {
        p.from = fmax(p.from, number_of(stage, "from", -INFINITY));
        p.to = fmin(p.to, number_of(stage, "to", INFINITY));
        push_boxes(&p, json_object_get(stage, "boxes"));
        push_geometry(&p, json_object_get(stage, "geometry"));
        push_where(&p, json_object_get(stage, "where"));
        if (json_object_get(stage, "limit"))
            break; /* what comes after sees only what the limit left */
    }
    return options_of(&p);
}
