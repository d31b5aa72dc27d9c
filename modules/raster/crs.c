/* Coordinate systems by PROJ: see raster.h and crs.h. SPDX-License-Identifier: MIT */
#include "modules/raster/crs.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MOST_PJ    16 /* of one thread */
#define MOST_FACTS 512
#define DENSIFY    21 /* points per edge of a box */

/* --- contexts -------------------------------------------------------------------------------- */

static __thread struct {
    PJ_CONTEXT *ctx;
    struct {
        const char *key; /* interned: a pipeline, or "FROM -> TO" */
        PJ *pj;
        unsigned long used;
    } seat[MOST_PJ];
    unsigned long clock;
} mine;

static PJ_CONTEXT *context(void)
{
    if (!mine.ctx) {
        tl_gdal_thread_begin();
        mine.ctx = proj_context_create();
        proj_context_set_enable_network(mine.ctx, 0);
        proj_log_level(mine.ctx, PJ_LOG_NONE);
    }
    return mine.ctx;
}

void tl_crs_thread_done(void)
{
    for (int i = 0; i < MOST_PJ; i++)
        proj_destroy(mine.seat[i].pj);
    proj_context_destroy(mine.ctx);
    memset(&mine, 0, sizeof mine);
}

const char *tl_crs_database(void)
{
    const char *path = proj_context_get_database_path(context());
    return tl_intern(path ? path : "");
}

/* PROJ's reason, as " (reason)" or "". */
static const char *reason(char *buf, size_t size)
{
    int no = proj_context_errno(context());
    buf[0] = '\0';
    if (no)
        snprintf(buf, size, " (%s)", proj_context_errno_string(context(), no));
    return buf;
}

/* The seat of `key` (interned), or the least recently used one; *hit says which. */
static int seat_of(const char *key, int *hit)
{
    int at = 0;
    for (int i = 0; i < MOST_PJ; i++) {
        if (mine.seat[i].key == key)
            at = i;
        if (mine.seat[at].key == key)
            break;
        if (mine.seat[i].used < mine.seat[at].used)
            at = i;
    }
    *hit = mine.seat[at].key == key;
    mine.seat[at].used = ++mine.clock;
    return at;
}

static void take_seat(int at, const char *key, PJ *pj)
{
    proj_destroy(mine.seat[at].pj);
    mine.seat[at].key = key;
    mine.seat[at].pj = pj;
}

int tl_crs_pj(const char *operation, PJ **out, tl_err *e)
{
    const char *key = tl_intern(operation);
    char why[200];
    int hit, at = seat_of(key, &hit);
    if (!hit) {
        PJ *pj = proj_create(context(), key);
        if (!pj)
            return tl_fail(e, TL_ECONFIG,
                           "this machine cannot run the coordinate operation %.300s%s: is a grid "
                           "file of PROJ missing here?",
                           operation, reason(why, sizeof why));
        take_seat(at, key, pj);
    }
    *out = mine.seat[at].pj;
    return 0;
}

void tl_crs_map(PJ *pj, PJ_DIRECTION direction, size_t n, double *x, double *y)
{
    for (size_t i = 0; pj && i < n; i++) {
        PJ_COORD c = proj_coord(NAN, NAN, 0, HUGE_VAL);
        if (isfinite(x[i]) && isfinite(y[i]))
            c = proj_trans(pj, direction, proj_coord(x[i], y[i], 0, HUGE_VAL));
        int good = isfinite(c.xy.x) && isfinite(c.xy.y);
        x[i] = good ? c.xy.x : NAN;
        y[i] = good ? c.xy.y : NAN;
    }
}

/* --- facts about a CRS, found once ------------------------------------------------------------ */

typedef struct facts {
    const char *text, *crs, *unit, *name; /* interned; text as asked */
    double size;
    int geographic;
} facts;

static facts known[MOST_FACTS]; /* the first so many; later ones are found anew */
static int nknown;
static pthread_mutex_t known_lock = PTHREAD_MUTEX_INITIALIZER;

static int recall(const char *text, facts *out)
{
    int found = 0;
    pthread_mutex_lock(&known_lock);
    for (int i = 0; i < nknown && !found; i++)
        if (strcmp(known[i].text, text) == 0) {
            *out = known[i];
            found = 1;
        }
    pthread_mutex_unlock(&known_lock);
    return found;
}

static void remember(const facts *f)
{
    pthread_mutex_lock(&known_lock);
    if (nknown < MOST_FACTS)
        known[nknown++] = *f;
    pthread_mutex_unlock(&known_lock);
}

/* AUTHORITY:CODE, WKT, PROJ's strings and JSON; no name. */
static int is_definition(const char *text)
{
    size_t n = strcspn(text, ": /");
    return strpbrk(text, "[{=") || strncasecmp(text, "urn:", 4) == 0 ||
           (text[n] == ':' && !strchr(text, ' '));
}

static PJ *create(const char *text)
{
    if (strchr(text, '+') && !strstr(text, "+type=crs") && strstr(text, "+proj")) {
        char *full = tl_xasprintf("%s +type=crs", text);
        PJ *pj = proj_create(context(), full);
        free(full);
        return pj;
    }
    PJ *pj = proj_create(context(), text);
    /* PROJ takes a bare word for part of a name: "foo" is Amersfoort. */
    const char *name = pj && !is_definition(text) ? proj_get_name(pj) : NULL;
    if (name && strcasecmp(name, text) != 0) {
        proj_destroy(pj);
        return NULL;
    }
    return pj;
}

/* Replaces *pj by `by`, if there is one. */
static void replace(PJ **pj, PJ *by)
{
    if (by) {
        proj_destroy(*pj);
        *pj = by;
    }
}

static void drop_vertical(PJ **pj)
{
    if (proj_get_type(*pj) == PJ_TYPE_COMPOUND_CRS)
        replace(pj, proj_crs_get_sub_crs(context(), *pj, 0));
    else if (proj_get_type(*pj) == PJ_TYPE_GEOGRAPHIC_3D_CRS ||
             proj_get_type(*pj) == PJ_TYPE_PROJECTED_CRS)
        replace(pj, proj_crs_demote_to_2D(context(), NULL, *pj));
}

static int same_as(const PJ *pj, const char *auth, const char *code, char *out, size_t size)
{
    PJ *entry = proj_create_from_database(context(), auth, code, PJ_CATEGORY_CRS, 0, NULL);
    int same = entry && proj_is_equivalent_to_with_ctx(
                            context(), pj, entry, PJ_COMP_EQUIVALENT_EXCEPT_AXIS_ORDER_GEOGCRS);
    proj_destroy(entry);
    if (same)
        snprintf(out, size, "%s:%s", auth, code);
    return same;
}

/* The first entry of that authority (NULL: any) that PROJ finds alike and that is equivalent. */
static int identified(const PJ *pj, const char *auth, char *out, size_t size)
{
    int found = 0;
    PJ_OBJ_LIST *list = proj_identify(context(), pj, auth, NULL, NULL);
    int n = list ? proj_list_get_count(list) : 0;
    for (int i = 0; i < n && i < 20 && !found; i++) {
        PJ *one = proj_list_get(context(), list, i);
        const char *a = one ? proj_get_id_auth_name(one, 0) : NULL;
        const char *c = one ? proj_get_id_code(one, 0) : NULL;
        found = a && c && same_as(pj, a, c, out, size);
        proj_destroy(one);
    }
    proj_list_destroy(list);
    return found;
}

static const char *canonical_of(PJ *pj)
{
    char code[128];
    const char *auth = proj_get_id_auth_name(pj, 0), *id = proj_get_id_code(pj, 0);
    int plain = proj_get_type(pj) == PJ_TYPE_PROJECTED_CRS ||
                proj_get_type(pj) == PJ_TYPE_GEOGRAPHIC_2D_CRS;
    if (auth && id && strcmp(auth, "EPSG") == 0 && same_as(pj, auth, id, code, sizeof code))
        return tl_intern(code);
    if (plain && same_as(pj, "EPSG", "4326", code, sizeof code)) /* CRS84 is it, with x first */
        return tl_intern(code);
    if (plain && identified(pj, "EPSG", code, sizeof code))
        return tl_intern(code);
    if (auth && id && same_as(pj, auth, id, code, sizeof code))
        return tl_intern(code);
    if (plain && identified(pj, NULL, code, sizeof code))
        return tl_intern(code);
    static const char *const one_line[] = {"MULTILINE=NO", NULL};
    const char *wkt = proj_as_wkt(context(), pj, PJ_WKT2_2019, one_line);
    return wkt ? tl_intern(wkt) : NULL;
}

static void axis_facts(const PJ *pj, facts *f)
{
    PJ *base = NULL;
    if (proj_get_type(pj) == PJ_TYPE_BOUND_CRS)
        base = proj_get_source_crs(context(), pj);
    PJ_TYPE type = proj_get_type(base ? base : pj);
    PJ *cs = proj_crs_get_coordinate_system(context(), base ? base : pj);
    const char *unit = NULL;
    f->geographic = type == PJ_TYPE_GEOGRAPHIC_2D_CRS || type == PJ_TYPE_GEOGRAPHIC_3D_CRS;
    f->size = 0;
    if (cs)
        proj_cs_get_axis_info(context(), cs, 0, NULL, NULL, NULL, &f->size, &unit, NULL, NULL);
    f->unit = tl_intern(unit ? unit : "");
    const char *name = proj_get_name(pj);
    f->name = tl_intern(name && name[0] && strcmp(name, "unknown") != 0 ? name : f->crs);
    proj_destroy(cs);
    proj_destroy(base);
}

static int find_facts(const char *text, facts *f, tl_err *e)
{
    char why[200];
    if (recall(text, f))
        return 0;
    *f = (facts){.text = tl_intern(text), .unit = tl_intern("")};
    if (!text[0] || strcasecmp(text, TL_CRS_LOCAL) == 0) {
        f->crs = f->name = tl_intern(text[0] ? TL_CRS_LOCAL : "");
        return 0;
    }
    PJ *pj = create(text);
    if (!pj || !proj_is_crs(pj)) {
        proj_destroy(pj);
        return tl_fail(e, TL_EUSAGE,
                       "\"%.200s\" is no coordinate system that PROJ knows%s: write a code such as "
                       "EPSG:32633, WKT, or a PROJ string",
                       text, reason(why, sizeof why));
    }
    drop_vertical(&pj);
    f->crs = canonical_of(pj);
    if (f->crs)
        axis_facts(pj, f);
    proj_destroy(pj);
    if (!f->crs)
        return tl_fail(e, TL_EDATA, "PROJ cannot write down the coordinate system \"%.200s\"%s",
                       text, reason(why, sizeof why));
    remember(f);
    return 0;
}

int tl_crs_canonical(const char *text, const char **crs, tl_err *e)
{
    facts f;
    int code = find_facts(text, &f, e);
    if (!code)
        *crs = f.crs;
    return code;
}

int tl_crs_is_geographic(const char *crs)
{
    facts f;
    return find_facts(crs, &f, NULL) == 0 && f.geographic;
}

const char *tl_crs_unit(const char *crs)
{
    facts f;
    return find_facts(crs, &f, NULL) == 0 ? f.unit : "";
}

double tl_crs_unit_size(const char *crs)
{
    facts f;
    return find_facts(crs, &f, NULL) == 0 ? f.size : 0;
}

double tl_crs_turn(const char *crs)
{
    double unit = tl_crs_is_geographic(crs) ? tl_crs_unit_size(crs) : 0;
    return unit > 0 ? 2 * M_PI / unit : 0;
}

const char *tl_crs_name(const char *crs)
{
    facts f;
    return find_facts(crs, &f, NULL) == 0 ? f.name : tl_intern(crs);
}

/* --- operations ------------------------------------------------------------------------------- */

static int is_real(const char *crs)
{
    return crs[0] && strcmp(crs, TL_CRS_LOCAL) != 0;
}

static int no_operation(const char *from, const char *to, tl_err *e)
{
    char why[200];
    if (!is_real(from) || !is_real(to))
        return tl_fail(e, TL_EDATA,
                       "no way from %.80s to %.80s: a file without a coordinate system can only be "
                       "read on its own grid",
                       from[0] ? from : "a picture's cells", to[0] ? to : "a picture's cells");
    return tl_fail(e, TL_EDATA, "PROJ knows no operation from %.120s to %.120s%s",
                   tl_crs_name(from), tl_crs_name(to), reason(why, sizeof why));
}

/* The best operation of which all grid files are here; NULL when there is none. */
static PJ *best_operation(const PJ *from, const PJ *to, const double *area)
{
    PJ *best = NULL;
    PJ_OPERATION_FACTORY_CONTEXT *f = proj_create_operation_factory_context(context(), NULL);
    if (!f)
        return NULL;
    if (area)
        proj_operation_factory_context_set_area_of_interest(context(), f, area[0], area[1], area[2],
                                                            area[3]);
    proj_operation_factory_context_set_spatial_criterion(
        context(), f, PROJ_SPATIAL_CRITERION_PARTIAL_INTERSECTION);
    proj_operation_factory_context_set_grid_availability_use(
        context(), f, PROJ_GRID_AVAILABILITY_DISCARD_OPERATION_IF_MISSING_GRID);
    PJ_OBJ_LIST *list = proj_create_operations(context(), from, to, f);
    int n = list ? proj_list_get_count(list) : 0;
    for (int i = 0; i < n && !best; i++) {
        PJ *one = proj_list_get(context(), list, i);
        if (one && proj_coordoperation_is_instantiable(context(), one))
            best = proj_normalize_for_visualization(context(), one);
        if (best)
            replace(&best, NULL);
        proj_destroy(one);
    }
    proj_list_destroy(list);
    proj_operation_factory_context_destroy(f);
    return best;
}

/* The operation between two different systems, CRSs attached; the caller destroys it. */
static int create_operation(const char *from, const char *to, const double *area, PJ **op,
                            tl_err *e)
{
    PJ *a = NULL, *b = NULL;
    if (is_real(from) && is_real(to)) {
        a = create(from);
        b = create(to);
    }
    PJ *made = a && b ? best_operation(a, b, area) : NULL;
    proj_destroy(a);
    proj_destroy(b);
    if (!made)
        return no_operation(from, to, e);
    *op = made;
    return 0;
}

int tl_crs_operation(const char *from, const char *to, const double *area, char **text,
                     int *ballpark, tl_err *e)
{
    PJ *op = NULL;
    if (strcmp(from, to) == 0) {
        *ballpark = 0;
        *text = tl_xstrdup("");
        return 0;
    }
    int code = create_operation(from, to, area, &op, e);
    if (code)
        return code;
    const char *s = proj_as_proj_string(context(), op, PJ_PROJ_5, NULL);
    if (!s) {
        code = no_operation(from, to, e);
    } else {
        *ballpark = proj_coordoperation_has_ballpark_transformation(context(), op);
        *text = tl_xstrdup(strstr(s, "proj=noop") && !strstr(s, "step") ? "" : s);
    }
    proj_destroy(op);
    return code;
}

/* The thread's object from one CRS to another, *pj NULL when they are the same. */
static int pj_between(const char *from, const char *to, PJ **pj, tl_err *e)
{
    *pj = NULL;
    if (strcmp(from, to) == 0)
        return 0;
    char *text = tl_xasprintf("%s -> %s", from, to);
    const char *key = tl_intern(text);
    PJ *made = NULL;
    int hit, at = seat_of(key, &hit), code = 0;
    free(text);
    if (!hit) {
        code = create_operation(from, to, NULL, &made, e);
        if (!code)
            take_seat(at, key, made);
    }
    if (!code)
        *pj = mine.seat[at].pj;
    return code;
}

int tl_crs_transform_points(const char *from, const char *to, size_t n, double *x, double *y,
                            tl_err *e)
{
    PJ *pj;
    int code = pj_between(from, to, &pj, e);
    if (!code)
        tl_crs_map(pj, PJ_FWD, n, x, y);
    return code;
}

/* Bounds of the images of a grid of points, for where proj_trans_bounds gives up: points without
 * image are left out. Returns how many have one. */
static int bounds_of_points(PJ *pj, const double in[4], double out[4])
{
    int n = 0;
    for (int j = 0; j <= DENSIFY; j++)
        for (int i = 0; i <= DENSIFY; i++) {
            double x = in[0] + (in[2] - in[0]) * i / DENSIFY;
            double y = in[1] + (in[3] - in[1]) * j / DENSIFY;
            tl_crs_map(pj, PJ_FWD, 1, &x, &y);
            if (!isfinite(x) || !isfinite(y))
                continue;
            out[0] = n ? fmin(out[0], x) : x;
            out[1] = n ? fmin(out[1], y) : y;
            out[2] = n ? fmax(out[2], x) : x;
            out[3] = n ? fmax(out[3], y) : y;
            n++;
        }
    return n;
}

int tl_crs_transform_box(const char *from, const char *to, const double in[4], double out[4],
                         tl_err *e)
{
    PJ *pj;
    double b[4] = {in[0], in[1], in[2], in[3]};
    int wraps = tl_crs_is_geographic(from) && in[0] > in[2];
    if (!isfinite(in[0]) || !isfinite(in[1]) || !isfinite(in[2]) || !isfinite(in[3]) ||
        (in[0] > in[2] && !wraps) || in[1] > in[3])
        return tl_fail(e, TL_EUSAGE, "the box %.10g,%.10g,%.10g,%.10g is not west,south,east,north",
                       in[0], in[1], in[2], in[3]);
    int code = pj_between(from, to, &pj, e);
    if (code)
        return code;
    if (wraps)
        b[2] += tl_crs_turn(from);
    if (pj && (!proj_trans_bounds(context(), pj, PJ_FWD, in[0], in[1], in[2], in[3], &b[0], &b[1],
                                  &b[2], &b[3], DENSIFY) ||
               !isfinite(b[0] + b[1] + b[2] + b[3]))) {
        double from_box[4] = {in[0], in[1], in[2], in[3]};
        if (wraps)
            from_box[2] += tl_crs_turn(from);
        if (!bounds_of_points(pj, from_box, b))
            return tl_fail(e, TL_EDATA, "the box %.10g,%.10g,%.10g,%.10g of %s has no place in %s",
                           in[0], in[1], in[2], in[3], tl_crs_name(from), tl_crs_name(to));
    }
    if (b[0] > b[2])
        b[2] += tl_crs_turn(to);
    memcpy(out, b, sizeof b);
    return 0;
}
