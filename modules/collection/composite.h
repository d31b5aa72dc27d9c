/* Composites: a collection reduced to one picture, as a source. SPDX-License-Identifier: MIT
 *
 * What is computed of a scene is a graph over a *scene source*, which stands for the files of any
 * scene and cannot be read itself. Scenes that differ in nothing but their files share one such
 * graph, a *kind*. A composite is a source like any other: its sampling evaluates, for the cells
 * asked for, the kind of every scene that touches them over that scene's files, and reduces. Files
 * are opened when a block first needs them. Immutable, refcounted, any thread. */
#ifndef TL_COMPOSITE_H
#define TL_COMPOSITE_H

#include "modules/collection/reduce.h"
#include "modules/image/node.h"

/* --- the scene source --------------------------------------------------------------------------
 */

typedef struct tl_scene_band {
    const char *name; /* interned */
    int asset;        /* 0-based place in a scene's list of files */
    int band;         /* 0-based band of that file */
    tl_dtype dtype;   /* of the file's cells; a file of other cells is an error when it is read */
    double scale, offset;
    int is_classes;
    int has_nodata; /* cells that hold this are not valid, whatever the file says of nodata */
    double nodata;
    double res; /* how fine it is, metres; 0 = unknown. Where it is known of all bands that are
                   used, only a file of the finest is opened to learn the grid */
} tl_scene_band;

/* Copies. One reference. */
tl_source *tl_scene_source_new(const tl_scene_band *bands, int n);
int tl_is_scene_source(const tl_source *s);
const tl_scene_band *tl_scene_source_bands(const tl_source *s); /* s->nbands of them */

/* --- the composite ------------------------------------------------------------------------------
 */

typedef struct tl_member {
    const char *id;
    int kind;
    double t;                     /* seconds since 1970-01-01 UTC; NaN = unknown */
    int nassets;                  /* as many as the kind's scene source asks for, or more */
    const char **asset;           /* paths for tl_raster_open */
    const struct tl_roots *roots; /* of a stranger's plan; NULL = the user's own */
    const char *crs;              /* canonical, with bounds; "" = unknown */
    double bounds[4]; /* xmin, ymin, xmax, ymax in crs: nothing of the scene lies outside */
    double box[4];    /* W,S,E,N in degrees, W > E over the antimeridian; NaN = unknown */
} tl_member;

typedef struct tl_composite_spec {
    tl_reduction r;
    int quality;       /* quality_mosaic: 0-based band whose largest value wins */
    int skip;          /* a scene that cannot be read is left out, with a warning */
    const char *label; /* what explain says of it: "harmonised"; "" for nothing */
    int nkinds, nbands;
    tl_node *const *node;     /* nkinds * nbands, kind by kind; borrowed, kept by reference */
    const char *const *names; /* of the bands; interned */
    int64_t nmembers;
    const tl_member *member; /* in order; copied */
} tl_composite_spec;

/* Opens the first scene of each layout, for the grid and the sizes of blocks: CRS and anchor of the
 * first member, the finest cell, the union of all members' bounds. */
int tl_composite_new(const tl_composite_spec *spec, tl_source **out, tl_err *e) TL_MUST_CHECK;
int tl_is_composite(const tl_source *s);
/* What it was made of, borrowed. */
const tl_composite_spec *tl_composite_spec_of(const tl_source *s);
/* Whether a member may have cells on the grid; says yes where that is not known. */
int tl_composite_touches(const tl_source *s, int64_t member, const tl_grid *g);

#endif
