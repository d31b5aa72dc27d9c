/* Items one per line; lines of files. SPDX-License-Identifier: MIT */
#include "modules/collection/bulk.h"
#include "modules/collection/stac_item.h"
#include "runtime/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 1 << 18, LONGEST_MIB = 64 };

int tl__lines_open(tl__lines *l, const char *path, tl_err *e)
{
    *l = (tl__lines){.name = path, .cap = FIRST_ROOM};
    l->f = fopen(path, "rb");
    if (!l->f)
        return tl_fail(e, TL_EDATA, "%s: %s", path, strerror(errno));
    l->data = tl_xmalloc(l->cap + 1);
    return 0;
}

/* More bytes behind those that are there. */
static int fill(tl__lines *l, tl_err *e)
{
    if (l->begin) {
        memmove(l->data, l->data + l->begin, l->end - l->begin);
        l->end -= l->begin;
        l->begin = 0;
    }
    if (l->end == l->cap) {
        if (l->cap >= (size_t)LONGEST_MIB << 20)
            return tl_fail(e, TL_EDATA, "%s:%lld: a line of more than %d MiB is no scene", l->name,
                           (long long)l->number + 1, LONGEST_MIB);
        l->cap *= 2;
        l->data = tl_xrealloc(l->data, l->cap + 1);
    }
    size_t n = fread(l->data + l->end, 1, l->cap - l->end, l->f);
    l->end += n;
    l->eof = n == 0;
    return ferror(l->f) ? tl_fail(e, TL_EDATA, "%s: %s", l->name, strerror(errno)) : 0;
}

int tl__lines_next(tl__lines *l, char **line, size_t *len, tl_err *e)
{
    size_t seen = 0;
    for (;;) {
        char *from = l->data + l->begin, *end = memchr(from + seen, '\n', l->end - l->begin - seen);
        seen = l->end - l->begin;
        if (!end && !l->eof) {
            int rc = fill(l, e);
            if (rc)
                return rc;
            continue;
        }
        if (!end && !seen) {
            *line = NULL;
            return 0;
        }
        size_t n = end ? (size_t)(end - from) : seen;
        l->begin += n + (end != NULL);
        if (!l->number++ && n >= 3 && memcmp(from, "\xef\xbb\xbf", 3) == 0) {
            from += 3;
            n -= 3;
        }
        if (n && from[n - 1] == '\r')
            n--;
        from[n] = '\0';
        *line = from;
        *len = n;
        return 0;
    }
}

void tl__lines_close(tl__lines *l)
{
    if (l->f)
        fclose(l->f);
    free(l->data);
}

char *tl__absolute(const char *path)
{
    char *real = strstr(path, "://") ? NULL : realpath(path, NULL);
    return real ? real : tl_xstrdup(path);
}

int tl__no_options(const json_t *options, const char *what, tl_err *e)
{
    const char *name = json_object_iter_key(json_object_iter((json_t *)options));
    return name ? tl_fail(e, TL_EUSAGE, "%s takes no option '%s'", what, name) : 0;
}

int tl_read_ndjson(const char *source, const json_t *options, tl_index *into, tl_err *e)
{
    tl__lines l = {0};
    char *line, *base = tl__absolute(source);
    size_t len;
    tl__stac_reader *reader = tl__stac_reader_new();
    int rc = tl__no_options(options, "a file of items", e);
    if (!rc)
        rc = tl__lines_open(&l, source, e);
    while (!rc && !(rc = tl__lines_next(&l, &line, &len, e)) && line) {
        char name[512];
        if (len == strspn(line, " \t\r"))
            continue;
        snprintf(name, sizeof name, "%s:%lld", source, (long long)l.number);
        rc = tl__stac_reader_add(reader, line, len, base, name, into, e);
    }
    tl__lines_close(&l);
    tl__stac_reader_free(reader);
    free(base);
    return rc;
}
