/* Composites and scene sources as JSON: what plans hold, and what scripts hand over.
 * SPDX-License-Identifier: MIT
 *
 *   scene source: [{"name":, "asset": from 1, "band": from 1, "dtype":, "scale":, "offset":,
 *                   "nodata":, "classes": true, "res": metres}, ...]; band and what follows dtype
 * may be left out composite: {"reducer":, "percentile":, "quality": name of a band, "ddof":,
 * "min_count":, "on_error": "fail" | "skip", "label":, "scenes": [{"id":, "kind": from 1, "t":
 * seconds, "assets": [path, ...], "crs":, "bounds": [xmin,ymin,xmax,ymax], "box": [w,s,e,n]},
 * ...]}; all but reducer, id, kind and assets may be left out */
#ifndef TL_COMPOSITE_JSON_H
#define TL_COMPOSITE_JSON_H

#include <jansson.h>
#include "modules/collection/composite.h"

json_t *tl_scene_source_json(const tl_source *s);
int tl_scene_source_from_json(const json_t *j, tl_source **out, tl_err *e) TL_MUST_CHECK;

/* With the members that may touch one of the n areas, or else the first; of a stack, whose bands
 * are its members', with all. */
json_t *tl_composite_json(const tl_source *s, const tl_grid *areas, int n);
/* kinds: nkinds * nbands nodes, kind by kind, borrowed; names interned; roots: of a stranger's. */
int tl_composite_from_json(const json_t *j, tl_node *const *kinds, int nkinds,
                           const char *const *names, int nbands, const struct tl_roots *roots,
                           tl_source **out, tl_err *e) TL_MUST_CHECK;

#endif
