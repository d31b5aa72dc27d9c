/* Addresses of documents and files in catalogues. SPDX-License-Identifier: MIT
 *
 * An address is an absolute path, a name of GDAL's (/vsi...), or a URL. Texts in, texts out: no
 * file or server is asked. */
#ifndef TL_HREF_H
#define TL_HREF_H

#include "runtime/buf.h"

/* Adds to out the address that `href` means in the document at `base` (RFC 3986, 5.2), without a
 * fragment. base may be NULL or "": href as it is. A path has no query: '?' is a letter there. */
void tl_href_join(const char *base, const char *href, tl_buf *out);

/* Adds to out the name by which GDAL opens what `href` means in the document at `base`:
 * https://x -> /vsicurl/https://x, s3://bucket/key -> /vsis3/bucket/key, gs:// -> /vsigs/, az:// ->
 * /vsiaz/, oss:// -> /vsioss/, file:///a%20b -> /a b. What a server's document says never becomes
 * the name of a local file: such an href stays a URL that cannot be opened. Names such as
 * NETCDF:"f.nc":B04 in a local document stay as they are. */
void tl_href_to_path(const char *href, const char *base, tl_buf *out);

/* Is the address on a server (a URL of any scheme but file, or one of GDAL's networks)? */
int tl_href_is_remote(const char *address);
/* http:// or https:// */
int tl_href_is_http(const char *address);

/* Adds the address of what a user calls `source`: a path becomes absolute, file:// a path. */
void tl_href_of_source(const char *source, tl_buf *out);

/* Adds a text percent-encoded, for use in a query string. */
void tl_href_encode(const char *text, tl_buf *out);

#endif
