/* Small documents over HTTP: see http.h. SPDX-License-Identifier: MIT */
#define _LARGEFILE64_SOURCE 1 /* GDAL's stat structure is stat64 */
#include "modules/raster/http.h"
#include "modules/raster/gdal.h"
#include "runtime/log.h"
#include "runtime/mem.h"
#include "runtime/pause.h"
#include "runtime/watch.h"

#include <cpl_conv.h>
#include <cpl_http.h>
#include <cpl_string.h>
#include <cpl_vsi.h>
#include <cpl_vsi_error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MOST_SECONDS     60.0 /* after the first attempt no other begins later */
#define MOST_RETRY_AFTER 20.0
#define MOST_RETRIES     20

static double number_option(const char *key, double standard, double most)
{
    double x = CPLAtof(CPLGetConfigOption(key, ""));
    if (!CPLGetConfigOption(key, NULL) || !(x >= 0))
        return standard;
    return x < most ? x : most;
}

/* --- one attempt ----------------------------------------------------------------------------- */

typedef struct request {
    const char *url, *body, *headers;
    size_t most;
    char shown[256];
} request;

typedef struct outcome {
    int status;         /* of HTTP; 0 = success, -1 = there was no whole answer */
    int again;          /* another attempt may help */
    int too_large;      /* the size limit stopped it */
    double retry_after; /* seconds; -1 unknown */
    char why[480];
} outcome;

const char *tl_http_shown(const char *url, char *buf, size_t size)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    size_t authority = strcspn(host, "/?#"), path = strcspn(host, "?#");
    const char *at = memchr(host, '@', authority);
    size_t secret = at ? (size_t)(at + 1 - host) : 0;
    snprintf(buf, size, "%.*s%.*s%s", (int)(host - url), url, (int)(path - secret), host + secret,
             host[path] == '?' ? "?..." : "");
    tl_make_visible(buf, "");
    return buf;
}

static char **options_of(const request *q)
{
    char number[64], **o = NULL, *headers = NULL;
    o = CSLSetNameValue(o, "MAX_RETRY", "0"); /* ours are bounded in time, too */
    o = CSLSetNameValue(o, "USERAGENT", "tellua");
    snprintf(number, sizeof number, "%zu", q->most);
    o = CSLSetNameValue(o, "MAX_FILE_SIZE", number);
    snprintf(number, sizeof number, "%.0f", number_option("GDAL_HTTP_TIMEOUT", 45, 3600));
    o = CSLSetNameValue(o, "TIMEOUT", number);
    const char *more = q->headers ? q->headers : "";
    headers = tl_xasprintf("Accept: application/geo+json, application/json, */*;q=0.1%s%s%s",
                           q->body ? "\r\nContent-Type: application/json" : "",
                           more[0] ? "\r\n" : "", more);
    o = CSLSetNameValue(o, "HEADERS", headers);
    free(headers);
    if (q->body) {
        o = CSLSetNameValue(o, "CUSTOMREQUEST", "POST");
        o = CSLSetNameValue(o, "POSTFIELDS", q->body);
    }
    return o;
}

static int may_pass(int status)
{
    return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

/* Errors of curl's that another attempt does not change: protocol (1), bad URL (3), redirects
 * without end (47), certificates (60, 77). "No such host" does change at times. */
static int final_for_curl(int code)
{
    return code == 1 || code == 3 || code == 47 || code == 60 || code == 77;
}

/* What the server says about it, which APIs do as JSON or a line of text. */
static void add_answer(outcome *o, const CPLHTTPResult *r)
{
    char text[241];
    size_t n = r->nDataLen > 0 ? (size_t)r->nDataLen : 0, used = strlen(o->why);
    if (n == 0 || !r->pabyData || r->pabyData[0] == '<')
        return;
    n = n < sizeof text - 1 ? n : sizeof text - 1;
    memcpy(text, r->pabyData, n);
    text[n] = '\0';
    for (char *s = text; *s; s++)
        if (*s == '\n' || *s == '\r' || *s == '\t')
            *s = ' ';
    tl_make_visible(text, "");
    snprintf(o->why + used, sizeof o->why - used, ": %s", text);
}

static void judge(const CPLHTTPResult *r, const tl_gdal_guard *g, outcome *o)
{
    const char *text = r && r->pszErrBuf ? r->pszErrBuf : g->message;
    const char *mark = strstr(text, "HTTP error code : ");
    *o = (outcome){.status = -1, .again = 1, .retry_after = -1};
    if (r && r->nStatus == 0 && !r->pszErrBuf) {
        o->status = o->again = 0;
    } else if (mark) {
        o->status = atoi(mark + strlen("HTTP error code : "));
        o->again = may_pass(o->status);
        const char *after = CSLFetchNameValue(r ? r->papszHeaders : NULL, "Retry-After");
        if (after && after[0] >= '0' && after[0] <= '9')
            o->retry_after = CPLAtof(after);
        snprintf(o->why, sizeof o->why, "the server answered %d", o->status);
        if (r)
            add_answer(o, r);
    } else if ((r && r->nStatus == 63) || strstr(g->message, "Maximum file size")) {
        o->too_large = 1;
        o->again = 0;
    } else {
        o->again = !r || !final_for_curl(r->nStatus);
        snprintf(o->why, sizeof o->why, "%s", text[0] ? text : "there was no answer");
    }
}

static void attempt(const request *q, tl_buf *out, outcome *o)
{
    char what[300], **options = options_of(q);
    tl_gdal_guard g;
    snprintf(what, sizeof what, "%s %s", q->body ? "ask" : "get", q->shown);
    tl_gdal_begin(&g, what);
    CPLHTTPResult *r = CPLHTTPFetch(q->url, options);
    tl_gdal_end(&g);
    judge(r, &g, o);
    if (o->status == 0 && r->nDataLen > 0)
        tl_buf_add(out, r->pabyData, (size_t)r->nDataLen);
    CPLHTTPDestroyResult(r);
    CSLDestroy(options);
}

/* --- attempts -------------------------------------------------------------------------------- */

static int give_up(const request *q, const outcome *o, int attempts, tl_err *e)
{
    if (o->too_large)
        tl_fail(e, TL_EDATA, "the answer of %s is larger than %zu MiB", q->shown, q->most >> 20);
    else if (o->again)
        tl_fail(e, TL_ETRANSIENT, "cannot read %s: %s (%d attempt%s)", q->shown, o->why, attempts,
                attempts == 1 ? "" : "s");
    else
        tl_fail(e, TL_EDATA, "cannot read %s: %s", q->shown, o->why);
    return tl_err_source(e, q->shown);
}

static int fetch(request *q, tl_buf *out, tl_err *e)
{
    double began = tl_now(), delay;
    int most = (int)number_option("GDAL_HTTP_MAX_RETRY", 4, MOST_RETRIES);
    outcome o;
    tl_http_shown(q->url, q->shown, sizeof q->shown);
    if (strncasecmp(q->url, "http://", 7) != 0 && strncasecmp(q->url, "https://", 8) != 0)
        return tl_fail(e, TL_EDATA, "%s is no http:// or https:// address", q->shown);
    tl_gdal_start();
    delay = number_option("GDAL_HTTP_RETRY_DELAY", 0.5, MOST_SECONDS);
    for (int n = 1;; n++) {
        attempt(q, out, &o);
        if (o.status == 0)
            return 0;
        double wait = o.retry_after > delay ? o.retry_after : delay * tl_jitter();
        if (!o.again || n > most || wait > MOST_RETRY_AFTER ||
            tl_now() - began + wait > MOST_SECONDS)
            return give_up(q, &o, n, e);
        tl_log(TL_LOG_INFO, "%s: %s; again in %.1f s", q->shown, o.why, wait);
        tl_pause(wait);
        delay *= 2;
    }
}

int tl_http_get(const char *url, const char *headers, size_t most_bytes, tl_buf *out, tl_err *e)
{
    request q = {.url = url, .headers = headers, .most = most_bytes};
    return fetch(&q, out, e);
}

int tl_http_post(const char *url, const char *json_body, const char *headers, size_t most_bytes,
                 tl_buf *out, tl_err *e)
{
    request q = {.url = url, .body = json_body, .headers = headers, .most = most_bytes};
    return fetch(&q, out, e);
}

/* --- files ----------------------------------------------------------------------------------- */

/* Adds at most n bytes. */
static int read_some(const char *path, size_t n, tl_buf *out, tl_err *e)
{
    char what[300], piece[65536], shown[256];
    tl_gdal_guard g;
    size_t got = 1;
    tl_gdal_start();
    tl_http_shown(path, shown, sizeof shown);
    snprintf(what, sizeof what, "read %s", shown);
    tl_gdal_begin(&g, what);
    VSILFILE *f = VSIFOpenExL(path, "rb", 1);
    if (!f && !g.failed)
        snprintf(g.message, sizeof g.message, "%s", VSIGetLastErrorMsg());
    while (f && n > 0 && got > 0) {
        got = VSIFReadL(piece, 1, n < sizeof piece ? n : sizeof piece, f);
        tl_buf_add(out, piece, got);
        n -= got;
    }
    if (f)
        VSIFCloseL(f);
    tl_gdal_end(&g);
    if (!f || (g.failed && n > 0))
        return tl_gdal_fail(&g, path, TL_EDATA, e, "cannot read %s", shown);
    return 0;
}

int tl_file_head(const char *path, size_t n, tl_buf *out, tl_err *e)
{
    return read_some(path, n, out, e);
}

int tl_file_get(const char *path, size_t most_bytes, tl_buf *out, tl_err *e)
{
    size_t before = out->len;
    if (tl_file_size(path) <= (long long)most_bytes) {
        int code = read_some(path, most_bytes + 1, out, e);
        if (code || out->len - before <= most_bytes)
            return code;
    }
    tl_fail(e, TL_EDATA, "%s is larger than %zu MiB", path, most_bytes >> 20);
    return tl_err_source(e, path);
}

long long tl_file_size(const char *path)
{
    VSIStatBufL st;
    tl_gdal_guard g;
    tl_gdal_start();
    tl_gdal_begin(&g, path);
    int bad = VSIStatL(path, &st);
    tl_gdal_end(&g);
    if (bad)
        return -1;
    return VSI_ISDIR(st.st_mode) ? -2 : (long long)st.st_size;
}
