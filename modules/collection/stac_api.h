/* Searching STAC APIs. SPDX-License-Identifier: MIT
 *
 * tl_read_stac_api (open.h) takes the address of a landing page, of its /search, or of one
 * Collection's items, and as options:
 *   collections, ids   names (or one name)
 *   bbox               [w, s, e, n], degrees
 *   datetime           RFC 3339, an instant or "from/to", ".." for an open end
 *   intersects         a GeoJSON geometry (not together with bbox)
 *   query              of the query extension: {"eo:cloud_cover": {"lt": 20}}
 *   filter             CQL2, a text or an object
 *   limit              Items of a page; 100
 *   max                Items in all; 100000. More is an error, at once where the server counts.
 *   prefer             {"query":}: sent only where the server declares that it knows it
 * It POSTs where the landing page offers that, else it GETs. */
#ifndef TL_STAC_API_H
#define TL_STAC_API_H

#include <jansson.h>

/* What of a query (index.h; NULL: {}) a server can do beforehand, as options: a new reference.
 * Never more than the query asks: stages after one with a limit are left out, and boxes and
 * geometries that cross 180 degrees, for which servers differ. The query must still be applied to
 * what comes. Of scenes whose box touches but whose footprint does not, a server sends none. */
json_t *tl_stac_api_options(const json_t *query);

#endif
