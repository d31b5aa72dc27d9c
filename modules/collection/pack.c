/* Assets and properties without what repeats from scene to scene. SPDX-License-Identifier: MIT
 *
 * An address is a folder and a name. A scene keeps its folders, each without what it shares with
 * the one before; names are kept in a layout that scenes share, with the scene's id and its `word`
 * (what most names begin with, "T33TWM_20200101T100031_") replaced by one byte each.
 *
 *   layout: for each asset folder (2 bytes), band (4 bytes), key NUL name NUL
 *   dirs:   word NUL, then for each folder length shared (1 byte), the rest NUL
 *   shape:  names of the properties, quoted, each with a newline; values: their JSON, with commas
 */
#include "modules/collection/index_int.h"
#include "modules/collection/span.h"
#include "modules/collection/text.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

enum { ID = 2, WORD = 3, LITERAL = 4 }; /* bytes that stand for something */
enum { SHORTEST = 6, MOST_DIRS = 65535, LOOKED_AT = 16 };

static int starts(const char *s, size_t n, tl_span what)
{
    return what.len && n >= what.len && *s == *what.at && memcmp(s, what.at, what.len) == 0;
}

static void encode(const char *s, size_t n, tl_span id, tl_span word, tl_buf *b)
{
    for (size_t i = 0; i < n;) {
        if (starts(s + i, n - i, id)) {
            tl__put(b, "\2", 1);
            i += id.len;
        } else if (starts(s + i, n - i, word)) {
            tl__put(b, "\3", 1);
            i += word.len;
        } else {
            size_t from = i;
            if (s[i] >= ID && s[i] <= LITERAL)
                tl__put(b, "\4", 1);
            for (i++; i < n && (s[i] < ID || s[i] > LITERAL) && (!id.len || s[i] != *id.at) &&
                      (!word.len || s[i] != *word.at);
                 i++)
                ;
            tl__put(b, s + from, i - from);
        }
    }
}

static void decode(const char *s, size_t n, tl_span id, tl_span word, tl_buf *b)
{
    for (size_t i = 0; i < n; i++) {
        size_t from = i;
        while (i < n && (s[i] < ID || s[i] > LITERAL))
            i++;
        tl__put(b, s + from, i - from);
        if (i == n)
            break;
        if (s[i] == ID)
            tl__put(b, id.at, id.len);
        else if (s[i] == WORD)
            tl__put(b, word.at, word.len);
        else if (++i < n)
            tl__put(b, s + i, 1);
    }
}

static tl_span name_of(const char *href)
{
    const char *slash = strrchr(href, '/');
    const char *name = slash ? slash + 1 : href;
    return (tl_span){name, strlen(name)};
}

static size_t shared(tl_span a, tl_span b)
{
    size_t n = 0;
    while (n < a.len && n < b.len && a.at[n] == b.at[n])
        n++;
    return n;
}

/* Of the beginnings that neighbours share, cut behind their last separator, the one that saves
 * most.
 */
static tl_span find_word(const tl_scene *s, tl_span id)
{
    tl_span best = {"", 0};
    size_t most = 0;
    for (size_t i = 0; i + 1 < s->nassets && i < LOOKED_AT; i++) {
        tl_span a = name_of(s->asset[i].href);
        size_t n = shared(a, name_of(s->asset[i + 1].href)), saved = 0;
        while (n && !strchr("_-.", a.at[n - 1]))
            n--;
        if (n < SHORTEST || (n == best.len && memcmp(a.at, best.at, n) == 0) ||
            starts(a.at, a.len, id))
            continue;
        for (size_t k = 0; k < s->nassets; k++) {
            tl_span b = name_of(s->asset[k].href);
            saved += starts(b.at, b.len, (tl_span){a.at, n}) ? n : 0;
        }
        if (saved > most) {
            most = saved;
            best = (tl_span){a.at, n};
        }
    }
    return best;
}

/* --- assets ----------------------------------------------------------------------------------- */

/* The number of the folder among those seen, added where it is new; -1 = too many. */
static int folder_of(const char *href, size_t len, tl_span *dir, int *n)
{
    for (int i = *n - 1; i >= 0; i--)
        if (dir[i].len == len && memcmp(dir[i].at, href, len) == 0)
            return i;
    if (*n == MOST_DIRS)
        return -1;
    dir[*n] = (tl_span){href, len};
    return (*n)++;
}

static void pack_dirs(const tl_span *dir, int n, tl_span id, tl_span word, tl__packed *p)
{
    tl_buf *out = &p->dirs;
    p->before.len = 0;
    tl__put(out, word.at, word.len);
    tl__put(out, "", 1);
    for (int i = 0; i < n; i++) {
        p->now.len = 0;
        encode(dir[i].at, dir[i].len, id, word, &p->now);
        tl_span now = {tl_buf_text(&p->now), p->now.len};
        size_t same = shared((tl_span){tl_buf_text(&p->before), p->before.len}, now);
        unsigned char k = same > 255 ? 255 : (unsigned char)same;
        tl__put(out, &k, 1);
        tl__put(out, now.at + k, now.len - k);
        tl__put(out, "", 1);
        tl_buf swap = p->before;
        p->before = p->now;
        p->now = swap;
    }
}

static int pack_assets(const tl_scene *s, tl__packed *p, tl_err *e)
{
    tl_span few[32], *dir = few, id = {s->id, strlen(s->id)};
    int n = 0, rc = 0;
    void *many = NULL;
    if (!s->nassets)
        return 0;
    if (s->nassets > sizeof few / sizeof *few) {
        rc = tl_try_alloc(&many, s->nassets, sizeof *dir, "a scene's assets", e);
        if (rc)
            return rc;
        dir = many;
    }
    if (id.len < SHORTEST)
        id.len = 0;
    tl_span word = find_word(s, id);
    for (size_t i = 0; i < s->nassets && !rc; i++) {
        const tl_asset *a = &s->asset[i];
        tl_span name = name_of(a->href);
        int d = folder_of(a->href, (size_t)(name.at - a->href), dir, &n);
        if (d < 0) {
            rc = tl_fail(e, TL_EDATA, "scene '%s' has its assets in more than %d folders", s->id,
                         MOST_DIRS);
            break;
        }
        uint32_t band = (uint32_t)a->band;
        unsigned char head[6] = {d & 255,         d >> 8 & 255,     band & 255,
                                 band >> 8 & 255, band >> 16 & 255, band >> 24};
        tl__put(&p->layout, head, sizeof head);
        tl__put(&p->layout, a->key, strlen(a->key) + 1);
        encode(name.at, name.len, id, word, &p->layout);
        tl__put(&p->layout, "", 1);
    }
    if (!rc)
        pack_dirs(dir, n, id, word, p);
    free(many);
    return rc;
}

/* The folders, whole, one after the other with NULs, from `dirs`; their places to `at`. */
static int unpack_dirs(tl_span id, tl_span word, const char *d, const char *end, tl_buf *out,
                       tl_buf *at)
{
    tl_buf now = TL_BUF_INIT, next = TL_BUF_INIT;
    int rc = 0;
    while (d < end && !rc) {
        size_t k = (unsigned char)*d++, rest = strnlen(d, (size_t)(end - d));
        rc = k > now.len || d + rest == end;
        if (rc)
            break;
        next.len = 0;
        tl__put(&next, tl_buf_text(&now), k);
        tl__put(&next, d, rest);
        d += rest + 1;
        tl_buf swap = now;
        now = next;
        next = swap;
        tl__put(at, &out->len, sizeof out->len);
        decode(tl_buf_text(&now), now.len, id, word, out);
        tl__put(out, "", 1);
    }
    tl_buf_free(&now);
    tl_buf_free(&next);
    return rc;
}

int tl__unpack_assets(const char *id_text, const char *layout, size_t nlayout, const char *dirs,
                      size_t ndirs, tl_buf *text, tl_buf *places)
{
    const char *p = layout, *end = layout + nlayout;
    tl_span id = {id_text, strlen(id_text)}, word = {dirs, ndirs ? strnlen(dirs, ndirs) : 0};
    tl_buf folders = TL_BUF_INIT, at = TL_BUF_INIT;
    int rc = 0;
    if (ndirs && word.len < ndirs)
        rc = unpack_dirs(id, word, dirs + word.len + 1, dirs + ndirs, &folders, &at);
    while (p < end && !rc) {
        const unsigned char *h = (const unsigned char *)p;
        if (end - p < 8)
            break;
        size_t dir = h[0] | (size_t)h[1] << 8;
        tl__place_of_asset a = {.band = (int)(h[2] | (uint32_t)h[3] << 8 | (uint32_t)h[4] << 16 |
                                              (uint32_t)h[5] << 24)};
        const char *key = p + 6, *name = memchr(key, 0, (size_t)(end - key));
        const char *last = name ? memchr(name + 1, 0, (size_t)(end - name - 1)) : NULL;
        if (!last || dir >= at.len / sizeof(size_t))
            break;
        a.key = text->len;
        tl__put(text, key, (size_t)(name + 1 - key));
        a.href = text->len;
        tl_buf_puts(text, tl_buf_text(&folders) + ((size_t *)(void *)at.data)[dir]);
        decode(name + 1, (size_t)(last - name - 1), id, word, text);
        tl__put(text, "", 1);
        tl__put(places, &a, sizeof a);
        p = last + 1;
    }
    tl_buf_free(&folders);
    tl_buf_free(&at);
    return rc || p < end ? -1 : 0;
}

/* --- properties ------------------------------------------------------------------------------- */

static int only_space(const char *s)
{
    return s[strspn(s, " \n\t\r")] == '\0';
}

static int pack_properties(const char *text, tl__packed *p)
{
    tl_span_walk w;
    tl_span key, value;
    int more;
    if (!tl_span_open(&w, (tl_span){text, strlen(text)}, '{'))
        return only_space(text) ? 0 : -1;
    while ((more = tl_span_next(&w, &key, &value)) > 0) {
        tl__put(&p->shape, key.at - 1, key.len + 2);
        tl__put(&p->shape, "\n", 1);
        if (p->values.len)
            tl__put(&p->values, ",", 1);
        tl__put(&p->values, value.at, value.len);
    }
    return more < 0 || !only_space(w.at) ? -1 : 0;
}

/* Names and values side by side: of the next, the quoted name and the JSON. 0 at the end. */
typedef struct {
    const char *name, *end;
    tl_span_walk values;
} both;

static both both_of(const char *shape, size_t nshape, const char *values, size_t nvalues)
{
    return (both){shape, shape + nshape, {values, values + nvalues, ']', 0}};
}

static int next_of_both(both *w, tl_span *name, tl_span *value)
{
    tl_span none;
    const char *line = w->name < w->end ? memchr(w->name, '\n', (size_t)(w->end - w->name)) : NULL;
    if (!line || tl_span_next(&w->values, &none, value) <= 0)
        return 0;
    *name = (tl_span){w->name, (size_t)(line - w->name)};
    w->name = line + 1;
    return 1;
}

void tl__unpack_properties(const char *shape, size_t nshape, const char *values, size_t nvalues,
                           tl_buf *out)
{
    both w = both_of(shape, nshape, values, nvalues);
    tl_span name, value;
    tl__put(out, "{", 1);
    while (next_of_both(&w, &name, &value)) {
        if (name.at > shape)
            tl__put(out, ",", 1);
        tl__put(out, name.at, name.len);
        tl__put(out, ":", 1);
        tl__put(out, value.at, value.len);
    }
    tl__put(out, "}", 1);
}

const char *tl__packed_property(const char *shape, size_t nshape, const char *values,
                                size_t nvalues, const char *quoted, size_t nquoted, size_t *len)
{
    both w = both_of(shape, nshape, values, nvalues);
    tl_span name, value;
    while (next_of_both(&w, &name, &value))
        if (name.len == nquoted && memcmp(name.at, quoted, nquoted) == 0) {
            *len = value.len;
            return value.at;
        }
    return NULL;
}

int tl__pack(const tl_scene *s, tl__packed *p, tl_err *e)
{
    p->layout.len = p->dirs.len = p->shape.len = p->values.len = 0;
    if (pack_properties(s->properties ? s->properties : "", p))
        return tl_fail(e, TL_EDATA, "scene '%s': its properties are no JSON object: %.80s", s->id,
                       s->properties);
    return pack_assets(s, p, e);
}

void tl__packed_free(tl__packed *p)
{
    tl_buf_free(&p->layout);
    tl_buf_free(&p->dirs);
    tl_buf_free(&p->shape);
    tl_buf_free(&p->values);
    tl_buf_free(&p->now);
    tl_buf_free(&p->before);
}
