/* Layers: what a map shows. SPDX-License-Identifier: MIT
 *
 * A layer is an output of a script, its values and its picture, for every date it has. It is
 * immutable, atomically refcounted, used by any thread; its document is canonical JSON, from which
 * it can be made again anywhere, and the SHA-256 of that text is its key. */
#ifndef TL_MAP_LAYER_H
#define TL_MAP_LAYER_H

#include <jansson.h>
#include "modules/batch/plan.h"

typedef struct tl_layer_step {
    const char *id;          /* of a dated layer, "" else */
    double time;             /* seconds since 1970; NaN */
    tl_node *const *picture; /* red, green, blue: uint8 */
    tl_node *const *value;   /* nbands of them */
} tl_layer_step;

typedef struct tl_layer {
    atomic_int refs;
    char key[65];
    char *text;    /* the document */
    json_t *doc;   /* read only: "name" "title" "legend" "looks" "plan" "tenant" */
    tl_plan *plan; /* owns the nodes */
    const char *name;
    int nsteps;
    tl_layer_step *step;
    int nbands;
    const char *const *band;
    tl_grid grid;  /* of the product: where its values are exact */
    double box[4]; /* W, S, E, N in degrees; E may be above 180 */
    int zoom;      /* at which tiles are as fine as the product */
} tl_layer;

/* What makes pictures and legends of looks; used by one thread. */
typedef struct tl_painter {
    tl_visualize *visualize;
    int (*legend)(void *ctx, const tl_image *img, const json_t *looks, json_t **out, tl_err *e);
    void *ctx;
    void *owner; /* of who made it */
} tl_painter;

/* Of an output; tenant: of a stranger's plan (plan.h), NULL: of one's own. All dates of a dated one
 * are painted by the same limits: those of its first. grid: instead of the output's own, or NULL.
 * May read pixels, for a stretch. */
int tl_layer_make(const tl_output *o, const tl_grid *grid, const char *tenant, const tl_painter *p,
                  tl_layer **out, tl_err *e) TL_MUST_CHECK;
/* The same layer with other looks (palette, ramp, min, max ...), which override its own. */
int tl_layer_restyle(const tl_layer *l, const json_t *looks, const tl_painter *p, tl_layer **out,
                     tl_err *e) TL_MUST_CHECK;
/* Of a plan's output k, with these looks or none. */
int tl_layer_of_plan(const tl_plan *plan, int k, const json_t *looks, const char *tenant,
                     const tl_painter *p, tl_layer **out, tl_err *e) TL_MUST_CHECK;
/* From a document; strangers: how those of strangers' plans are read (its tenant is not looked at).
 * TL_EDATA when it is none, or a file is not what it was. */
int tl_layer_read(const char *text, size_t len, const tl_trust *strangers, tl_layer **out,
                  tl_err *e) TL_MUST_CHECK;

tl_layer *tl_layer_ref(tl_layer *l);
void tl_layer_unref(tl_layer *l); /* NULL is allowed */

/* What the page and other clients are told of it, a new reference: name, key, box, zoom, bands,
 * dates, legend, looks. */
json_t *tl_layer_json(const tl_layer *l);

#endif
