/* Small documents over HTTP, and out of files of GDAL's names. SPDX-License-Identifier: MIT
 *
 * For catalogues and APIs, not for pixels. Thread-safe; blocks the calling thread, and tells the
 * watch of each request.
 *
 * A request is repeated when the answer is 429, 500, 502, 503 or 504, or when there is none or only
 * a part (no connection, cut, too slow), at most GDAL_HTTP_MAX_RETRY times (4). The pause starts at
 * GDAL_HTTP_RETRY_DELAY (0.5 s) and doubles, each times a random 0.5 to 1; a server's Retry-After
 * is waited for up to 20 s. One request lasts at most GDAL_HTTP_TIMEOUT (45 s), and none begins
 * later than 60 s after the first. POSTs are repeated too: they are searches here and change
 * nothing. */
#ifndef TL_RASTER_HTTP_H
#define TL_RASTER_HTTP_H

#include "runtime/buf.h"
#include "runtime/err.h"

/* Only http:// and https://; redirects are followed. `headers`: "Name: value" lines separated by
 * CR LF, or NULL. The body is added to out; one of more than most_bytes is TL_EDATA. TL_ETRANSIENT
 * when all attempts failed in a way that may pass; other answers than success are TL_EDATA. */
int tl_http_get(const char *url, const char *headers, size_t most_bytes, tl_buf *out,
                tl_err *e) TL_MUST_CHECK;
int tl_http_post(const char *url, const char *json_body, const char *headers, size_t most_bytes,
                 tl_buf *out, tl_err *e) TL_MUST_CHECK;

/* A whole file: a path, or a name such as /vsis3/bucket/key. TL_EDATA when it is larger. */
int tl_file_get(const char *path, size_t most_bytes, tl_buf *out, tl_err *e) TL_MUST_CHECK;
/* At most n bytes of its beginning. */
int tl_file_head(const char *path, size_t n, tl_buf *out, tl_err *e) TL_MUST_CHECK;
/* Its size; -1 when there is no such file, -2 when it is a folder. */
long long tl_file_size(const char *path);

/* A URL as errors may show it: without a password and without what follows '?'. */
const char *tl_http_shown(const char *url, char *buf, size_t size);

#endif
