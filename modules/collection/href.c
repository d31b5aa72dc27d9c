/* Addresses in catalogues: see href.h. SPDX-License-Identifier: MIT */
#include "modules/collection/href.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* The length of a scheme without its colon, 0 = none. One letter is no scheme. */
static size_t scheme_of(const char *s)
{
    size_t n = 0;
    if (!isalpha((unsigned char)s[0]))
        return 0;
    while (isalnum((unsigned char)s[n]) || s[n] == '+' || s[n] == '-' || s[n] == '.')
        n++;
    return n > 1 && s[n] == ':' ? n : 0;
}

static int has_scheme(const char *s, const char *scheme)
{
    size_t n = strlen(scheme);
    return scheme_of(s) == n && strncasecmp(s, scheme, n) == 0;
}

static int begins(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

int tl_href_is_http(const char *address)
{
    return strncasecmp(address, "http://", 7) == 0 || strncasecmp(address, "https://", 8) == 0;
}

/* The networks that a server's document may name in GDAL's own words. */
static int is_network_name(const char *s)
{
    static const char *const name[] = {"/vsis3/",   "/vsigs/",  "/vsiaz/",
                                       "/vsiadls/", "/vsioss/", "/vsicurl/http"};
    for (size_t i = 0; i < sizeof name / sizeof name[0]; i++)
        if (begins(s, name[i]))
            return 1;
    return 0;
}

int tl_href_is_remote(const char *address)
{
    size_t n = scheme_of(address);
    if (n)
        return strncmp(address + n, "://", 3) == 0 && !has_scheme(address, "file");
    return is_network_name(address);
}

/* Takes "." and ".." out of the path at out->data + from (5.2.4). An absolute path and a URL's lose
 * a ".." above the top; a relative one keeps it. */
static void normalise(tl_buf *out, size_t from)
{
    char *path = out->data + from;
    const char *s = path;
    int absolute = path[0] == '/';
    char *to = path, *floor = path + absolute; /* no ".." takes away what lies before it */
    s += absolute;
    to += absolute;
    for (;;) {
        size_t n = strcspn(s, "/");
        int more = s[n] == '/';
        if (n == 2 && s[0] == '.' && s[1] == '.') {
            if (to > floor) {
                to--; /* the slash at its end */
                while (to > floor && to[-1] != '/')
                    to--;
            } else if (!absolute) {
                memmove(to, s, n + (size_t)more);
                to += n + (size_t)more;
                floor = to;
            }
        } else if (!(n == 1 && s[0] == '.')) {
            memmove(to, s, n + (size_t)more);
            to += n + (size_t)more;
        }
        if (!more)
            break;
        s += n + 1;
    }
    *to = '\0';
    out->len = (size_t)(to - out->data);
}

static void join_path(const char *base, const char *href, tl_buf *out)
{
    size_t from = out->len;
    const char *slash = strrchr(base, '/');
    if (href[0] == '\0') {
        tl_buf_puts(out, base);
        return;
    }
    if (href[0] != '/' && slash)
        tl_buf_add(out, base, (size_t)(slash + 1 - base));
    tl_buf_puts(out, href);
    normalise(out, from);
}

static void join_url(const char *base, const char *href, tl_buf *out)
{
    size_t scheme = scheme_of(base), whole = strcspn(href, "#");
    const char *host = base + scheme + (begins(base + scheme, "://") ? 3 : 1);
    const char *path = host + strcspn(host, "/?#");
    size_t npath = strcspn(path, "?#"), nhref = strcspn(href, "?#");
    if (begins(href, "//")) {
        tl_buf_add(out, base, scheme + 1);
        tl_buf_add(out, href, whole);
        return;
    }
    tl_buf_add(out, base, (size_t)(path - base));
    size_t from = out->len;
    if (nhref == 0) {
        tl_buf_add(out, path, whole ? npath : strcspn(path, "#"));
        tl_buf_add(out, href, whole);
        return;
    }
    if (href[0] != '/') {
        while (npath > 0 && path[npath - 1] != '/')
            npath--;
        tl_buf_add(out, npath ? path : "/", npath ? npath : 1);
    }
    tl_buf_add(out, href, nhref);
    normalise(out, from);
    tl_buf_add(out, href + nhref, whole - nhref);
}

void tl_href_join(const char *base, const char *href, tl_buf *out)
{
    if (!base)
        base = "";
    if (scheme_of(href))
        tl_buf_add(out, href, tl_href_is_http(href) ? strcspn(href, "#") : strlen(href));
    else if (tl_href_is_remote(base) && is_network_name(href))
        tl_buf_puts(out, href);
    else if (scheme_of(base))
        join_url(base, href, out);
    else
        join_path(base, href, out);
}

static int hex_of(const char *s)
{
    const char digits[] = "0123456789abcdef";
    const char *a = s[0] ? strchr(digits, tolower((unsigned char)s[0])) : NULL;
    const char *b = a && s[1] ? strchr(digits, tolower((unsigned char)s[1])) : NULL;
    return b ? (int)((a - digits) * 16 + (b - digits)) : -1;
}

/* file:///a%20b, file://localhost/a and file:/a as a path. */
static void add_file_url(const char *url, tl_buf *out)
{
    const char *s = url + strlen("file:");
    if (begins(s, "//"))
        s += 2 + strcspn(s + 2, "/");
    for (; *s; s++) {
        int c = s[0] == '%' ? hex_of(s + 1) : 0;
        char one = c > 0 ? (char)c : s[0];
        tl_buf_add(out, &one, 1);
        s += c > 0 ? 2 : 0;
    }
}

/* What tl_href_join gave, as GDAL's name; `strange` says that a server told it. */
static void add_name(const char *address, int strange, tl_buf *out)
{
    static const struct {
        const char *scheme, *name;
    } network[] = {{"s3", "/vsis3/"}, {"gs", "/vsigs/"}, {"az", "/vsiaz/"}, {"oss", "/vsioss/"}};
    size_t n = scheme_of(address);
    for (size_t i = 0; i < sizeof network / sizeof network[0]; i++)
        if (has_scheme(address, network[i].scheme) && begins(address + n, "://")) {
            tl_buf_puts(out, network[i].name);
            tl_buf_puts(out, address + n + 3);
            return;
        }
    if (has_scheme(address, "file") && !strange) {
        add_file_url(address, out);
        return;
    }
    int web = tl_href_is_http(address) || has_scheme(address, "ftp");
    if (web || (strange && n && !has_scheme(address, "file")))
        tl_buf_puts(out, "/vsicurl/");
    tl_buf_puts(out, address);
}

void tl_href_to_path(const char *href, const char *base, tl_buf *out)
{
    tl_buf address = TL_BUF_INIT;
    int strange = base && tl_href_is_remote(base);
    if (scheme_of(href) && !strchr(href, '#')) { /* most are so: no copy */
        add_name(href, strange, out);
        return;
    }
    tl_href_join(base, href, &address);
    add_name(tl_buf_text(&address), strange, out);
    tl_buf_free(&address);
}

void tl_href_of_source(const char *source, tl_buf *out)
{
    tl_buf path = TL_BUF_INIT;
    char *here = NULL;
    if (has_scheme(source, "file"))
        add_file_url(source, &path);
    else
        tl_buf_puts(&path, source);
    const char *s = tl_buf_text(&path);
    if (s[0] != '/' && !scheme_of(s) && (here = getcwd(NULL, 0))) {
        size_t from = out->len;
        tl_buf_printf(out, "%s/%s", here, s);
        normalise(out, from);
    } else {
        tl_buf_puts(out, s);
    }
    free(here);
    tl_buf_free(&path);
}

void tl_href_encode(const char *text, tl_buf *out)
{
    for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
        if (isalnum(*s) || strchr("-._~,:/", *s))
            tl_buf_add(out, s, 1);
        else
            tl_buf_printf(out, "%%%02X", *s);
    }
}
