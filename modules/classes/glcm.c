/* Texture from grey level co-occurrence. SPDX-License-Identifier: MIT
 *
 * Haralick, Shanmugam, Dinstein 1973: Textural Features for Image Classification; cluster shade and
 * prominence of Conners, Trivedi, Harlow 1984. In the window around a cell the pairs of neighbours
 * in a direction are counted, both ways round: p(i, j) is the share of pairs of the levels i and j.
 * It is symmetric, so both marginals are one, and Haralick's HXY1 = HXY2 = 2 HX. Logarithms and the
 * one exponential are series of + - * /, the same bits on every machine. */
#include "modules/classes/whole_int.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_PAIRS (2 * (2 * TL_GLCM_RADIUS + 1) * (2 * TL_GLCM_RADIUS + 1))
#define FAR        UINT32_MAX

/* ORDER tl_glcm_names */
enum {
    ASM,
    CONTRAST,
    CORR,
    VAR,
    IDM,
    SAVG,
    SVAR,
    SENT,
    ENT,
    DVAR,
    DENT,
    IMCORR1,
    IMCORR2,
    DISS,
    INERTIA,
    SHADE,
    PROM
};
const char *const tl_glcm_names[TL_GLCM_BANDS] = {
    "asm",  "contrast", "corr",    "var",     "idm",  "savg",    "svar",  "sent", "ent",
    "dvar", "dent",     "imcorr1", "imcorr2", "diss", "inertia", "shade", "prom"};

/* --- numbers ------------------------------------------------------------------------------------
 */

/* ln x = 2 atanh((x - 1) / (x + 1)), after x was brought near 1 by factors of 2 */
static double natural_log(double x)
{
    double k = 0, sum = 0;
    for (; x > 1.5; x /= 2)
        k++;
    double z = (x - 1) / (x + 1), power = z;
    for (int i = 1; i < 40; i += 2, power *= z * z)
        sum += power / i;
    return 2 * sum + k * 0.6931471805599453;
}

/* e ^ -x, x >= 0 */
static double exp_minus(double x)
{
    double y = -x / 64, term = 1, sum = 1;
    for (int i = 1; i < 16; i++)
        sum += term *= y / i;
    for (int i = 0; i < 6; i++)
        sum *= sum;
    return sum;
}

/* n ln n of the counts that can occur */
typedef struct {
    double of[MOST_PAIRS + 1];
} logs;

static void make_logs(logs *l, int most)
{
    l->of[0] = 0;
    for (int n = 1; n <= most; n++)
        l->of[n] = n * natural_log(n);
}

/* --- one direction ------------------------------------------------------------------------------
 */

typedef struct {
    int levels, n; /* n: pairs, each counted twice */
    uint16_t pair[TL_GLCM_LEVELS * TL_GLCM_LEVELS];
    int key[MOST_PAIRS], nkeys; /* entries of pair that are not 0 */
    int one[TL_GLCM_LEVELS], sum[2 * TL_GLCM_LEVELS], diff[TL_GLCM_LEVELS];
} counts;

static void count(counts *c, int i, int j)
{
    int key = i * c->levels + j;
    if (c->pair[key]++ == 0)
        c->key[c->nkeys++] = key;
    c->one[i]++;
    c->sum[i + j]++;
    c->diff[i < j ? j - i : i - j]++;
    c->n++;
}

static void clear(counts *c)
{
    for (int k = 0; k < c->nkeys; k++)
        c->pair[c->key[k]] = 0;
    memset(c->one, 0, sizeof c->one);
    memset(c->sum, 0, sizeof c->sum);
    memset(c->diff, 0, sizeof c->diff);
    c->n = c->nkeys = 0;
}

/* Cells of the window of `stride` cells a row whose middle is at `at`. */
static void count_pairs(counts *c, const uint32_t *at, int64_t stride, int radius, int dx, int dy)
{
    for (int y = -radius; y <= radius; y++)
        for (int x = -radius; x <= radius; x++) {
            int u = x + dx, v = y + dy;
            if (u > radius || v > radius || u < -radius || v < -radius)
                continue;
            uint32_t a = at[y * stride + x], b = at[v * stride + u];
            if (a == FAR || b == FAR)
                continue;
            count(c, (int)a, (int)b);
            count(c, (int)b, (int)a);
        }
}

/* -sum p ln p of counts that sum to n */
static double entropy(const int *count, int levels, int n, const logs *l)
{
    double sum = 0;
    for (int k = 0; k < levels; k++)
        sum += l->of[count[k]];
    return (l->of[n] - sum) / n;
}

static double mean(const int *count, int levels, int n)
{
    double sum = 0;
    for (int k = 0; k < levels; k++)
        sum += (double)k * count[k];
    return sum / n;
}

/* sum (k - m)^q p(k) */
static double moment(const int *count, int levels, int n, double m, int q)
{
    double sum = 0;
    for (int k = 0; k < levels; k++) {
        double d = k - m, power = d * d;
        sum += (q == 2 ? power : q == 3 ? power * d : power * power) * count[k];
    }
    return sum / n;
}

static void add_features(const counts *c, const logs *l, double *f)
{
    int n = c->n, levels = c->levels;
    double squares = 0, products = 0, logarithms = 0, idm = 0, contrast = 0;
    for (int k = 0; k < c->nkeys; k++) {
        double m = c->pair[c->key[k]];
        squares += m * m;
        products += m * (c->key[k] / levels) * (c->key[k] % levels);
        logarithms += l->of[c->pair[c->key[k]]];
    }
    for (int k = 0; k < levels; k++) {
        idm += c->diff[k] / (1.0 + (double)k * k);
        contrast += (double)k * k * c->diff[k];
    }
    double mu = mean(c->one, levels, n), var = moment(c->one, levels, n, mu, 2);
    double savg = mean(c->sum, 2 * levels - 1, n), diss = mean(c->diff, levels, n);
    double hx = entropy(c->one, levels, n, l), hxy = (l->of[n] - logarithms) / n;
    f[ASM] += squares / ((double)n * n);
    f[CONTRAST] += contrast / n;
    f[INERTIA] += contrast / n;
    f[CORR] += var > 0 ? (products / n - mu * mu) / var : 1;
    f[VAR] += var;
    f[IDM] += idm / n;
    f[SAVG] += savg;
    f[SVAR] += moment(c->sum, 2 * levels - 1, n, savg, 2);
    f[SENT] += entropy(c->sum, 2 * levels - 1, n, l);
    f[ENT] += hxy;
    f[DVAR] += moment(c->diff, levels, n, diss, 2);
    f[DENT] += entropy(c->diff, levels, n, l);
    f[IMCORR1] += hx > 0 ? (hxy - 2 * hx) / hx : 0;
    f[IMCORR2] += sqrt(fmax(0, 1 - exp_minus(fmax(0, 2 * (2 * hx - hxy)))));
    f[DISS] += diss;
    f[SHADE] += moment(c->sum, 2 * levels - 1, n, 2 * mu, 3);
    f[PROM] += moment(c->sum, 2 * levels - 1, n, 2 * mu, 4);
}

/* --- cells --------------------------------------------------------------------------------------
 */

/* The mean over the directions asked for that have pairs; 0 when none has. */
static int features(const tl_whole_spec *p, counts *c, const logs *l, const uint32_t *at,
                    int64_t stride, double f[TL_GLCM_BANDS])
{
    static const int steps[4][2] = {{1, 0}, {1, -1}, {0, 1}, {1, 1}}; /* 0, 45, 90, 135 degrees */
    int directions = 0;
    memset(f, 0, TL_GLCM_BANDS * sizeof *f);
    for (int k = 0; k < 4; k++) {
        if (p->direction >= 0 && p->direction != k)
            continue;
        count_pairs(c, at, stride, p->radius, steps[k][0] * p->step, steps[k][1] * p->step);
        if (c->n > 0) {
            add_features(c, l, f);
            directions++;
        }
        clear(c);
    }
    for (int k = 0; k < TL_GLCM_BANDS && directions; k++)
        f[k] /= directions;
    return directions;
}

typedef struct {
    counts c;
    logs l;
} work;

int64_t tl__glcm_bytes(void)
{
    return (int64_t)sizeof(work);
}

int tl__glcm_near(tl__whole_sampling *m, tl__tools *t, const tl_read *r, tl_rect in, tl_err *e)
{
    int64_t n = m->near_x;
    tl_rect win = {in.x - n, in.y - n, in.w + 2 * n, in.h + 2 * n};
    work *k = NULL;
    int rc = tl__load_window(m, t, win, e);
    if (!rc)
        rc = tl_try_alloc((void **)&k, 1, sizeof *k, "pairs of a window", e);
    if (rc)
        return rc;
    for (int64_t i = 0; i < win.w * win.h; i++) /* tables are as long as the range that is known */
        t->window[i] = t->window[i] < (uint32_t)m->spec->levels ? t->window[i] : FAR;
    memset(&k->c, 0, sizeof k->c);
    k->c.levels = m->spec->levels;
    make_logs(&k->l, 2 * (2 * m->spec->radius + 1) * (2 * m->spec->radius + 1));
    for (int64_t y = 0; y < in.h && !(rc = tl__go_on(m, e)); y++)
        for (int64_t x = 0; x < in.w; x++) {
            double f[TL_GLCM_BANDS];
            int64_t to = (in.y + y - r->rect.y) * r->rect.w + in.x + x - r->rect.x;
            const uint32_t *at = t->window + (y + n) * win.w + x + n;
            if (*at == FAR || !features(m->spec, &k->c, &k->l, at, win.w, f))
                continue;
            for (int b = 0; b < r->nbands; b++) {
                ((double *)r->values[b])[to] = f[r->bands[b]];
                r->valid[b][to] = 1;
            }
        }
    free(k);
    return rc;
}
