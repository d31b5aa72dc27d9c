/* Shared by the files that make, write and read plans. SPDX-License-Identifier: MIT */
#ifndef TL_PLAN_INT_H
#define TL_PLAN_INT_H

#include "modules/batch/plan.h"

#define TL_PLAN_MOST_FOREIGN (16 << 20) /* bytes of a stranger's plan */
#define TL_PLAN_FORMAT       1          /* of the JSON; another one is refused */

/* What every plan's text is written with, so that its key can be checked. */
#define TL_PLAN_DUMP (JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(17))

/* The smallest type that holds every band's values exactly. */
tl_dtype tl__plan_common_dtype(const tl_plan_output *o);
/* The nodata that the options want, else a number no valid cell can hold, else a mask. */
int tl__plan_nodata(tl_plan_output *o, const json_t *options, tl_err *e) TL_MUST_CHECK;
/* Nodes of all steps. */
static inline int tl__plan_nodes(const tl_plan_output *o)
{
    return o->nbands * (o->nsteps ? o->nsteps : 1);
}
/* A place for an output of the given dated images, NULL and 0 for one without date; times and ids
 * are copied. */
void tl__plan_date(tl_plan_output *o, const tl_dated *d, int n);
int tl__plan_has_name(const tl_plan *p, const char *name); /* an output of that name */
/* NAME_ID as a file's name that no output of p has yet. */
char *tl__plan_dated_name(const tl_plan *p, const char *name, const char *id);
/* What a cube wants of its times. */
int tl__plan_check_times(const tl_plan_output *o, tl_err *e) TL_MUST_CHECK;
/* Whether one mask can stand for all bands: they are valid at the same cells. May say no when they
 * are. */
int tl__plan_same_validity(const tl_plan_output *o);
/* Whether all bands are classes, of which an average means nothing. */
int tl__plan_is_classes(const tl_plan_output *o);
/* The colours of a band of classes that passes through to a TIFF, if its file has any. */
void tl__plan_palette(tl_plan_output *o);

/* Makes the passes of p->out, fills operations, uses_libm, text, key, meta. `known` = operations to
 * use, or NULL to choose. */
int tl__plan_finish(tl_plan *p, const json_t *known, tl_err *e) TL_MUST_CHECK;

/* The plan as JSON, a new reference; NULL and *e when it is too large. */
json_t *tl__plan_json(const tl_plan *p, tl_err *e);
json_t *tl__plan_source_json(const tl_source *s);
extern const char *const tl__plan_formats[5]; /* ORDER enum tl_format */

/* Reading back: 0, -1 when it is not what it should be, or an error's code. */
int tl__plan_real(const json_t *j, double *x);
int tl__plan_grid(const json_t *j, tl_grid *g, tl_err *e);
int tl__plan_broken(tl_err *e, const char *what, size_t i); /* "the plan is damaged: WHAT i" */
/* The outputs of a plan whose nodes are read. */
int tl__plan_outputs(const json_t *plan, tl_node *const *node, size_t nnodes, tl_plan *p,
                     tl_err *e) TL_MUST_CHECK;

#endif
