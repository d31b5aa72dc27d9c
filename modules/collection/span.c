/* Parts of a JSON text: see span.h. SPDX-License-Identifier: MIT */
#include "modules/collection/span.h"

#include <string.h>

static void skip_space(tl_span_walk *w)
{
    while (w->at < w->end && (*w->at == ' ' || *w->at == '\n' || *w->at == '\r' || *w->at == '\t'))
        w->at++;
}

/* From a quote to behind its end. */
static int skip_string(tl_span_walk *w)
{
    const char *s = w->at + 1;
    for (; s < w->end && *s != '"'; s++)
        if (*s == '\\')
            s++;
    if (s >= w->end) {
        w->at = w->end;
        return -1;
    }
    w->at = s + 1;
    return 0;
}

/* From a bracket to behind the one that closes it. The kind of brackets is left to the reader. */
static int skip_nested(tl_span_walk *w)
{
    size_t depth = 0;
    while (w->at < w->end) {
        char c = *w->at;
        if (c == '"') {
            if (skip_string(w))
                return -1;
            continue;
        }
        w->at++;
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && --depth == 0)
            return 0;
    }
    return -1;
}

static int skip_value(tl_span_walk *w)
{
    if (w->at >= w->end)
        return -1;
    if (*w->at == '"')
        return skip_string(w);
    if (*w->at == '{' || *w->at == '[')
        return skip_nested(w);
    const char *from = w->at;
    while (w->at < w->end && *w->at && strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", *w->at))
        w->at++;
    return w->at > from ? 0 : -1;
}

int tl_span_open(tl_span_walk *w, tl_span text, char open)
{
    *w = (tl_span_walk){text.at, text.at + text.len, open == '{' ? '}' : ']', 0};
    if (text.len >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0)
        w->at += 3;
    skip_space(w);
    if (w->at >= w->end || *w->at != open)
        return 0;
    w->at++;
    return 1;
}

int tl_span_next(tl_span_walk *w, tl_span *key, tl_span *value)
{
    *key = (tl_span){"", 0};
    skip_space(w);
    if (w->at < w->end && *w->at == w->close) {
        w->at++;
        return 0;
    }
    if (w->begun++) {
        if (w->at >= w->end || *w->at != ',')
            return -1;
        w->at++;
        skip_space(w);
    }
    if (w->close == '}') {
        key->at = w->at + 1;
        if (w->at >= w->end || *w->at != '"' || skip_string(w))
            return -1;
        key->len = (size_t)(w->at - 1 - key->at);
        skip_space(w);
        if (w->at >= w->end || *w->at != ':')
            return -1;
        w->at++;
        skip_space(w);
    }
    value->at = w->at;
    if (skip_value(w))
        return -1;
    value->len = (size_t)(w->at - value->at);
    return 1;
}

int tl_span_is(tl_span s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

tl_span tl_span_member(tl_span object, const char *name)
{
    tl_span_walk w;
    tl_span key, value, found = {"", 0};
    if (tl_span_open(&w, object, '{'))
        while (tl_span_next(&w, &key, &value) > 0)
            if (tl_span_is(key, name))
                found = value;
    return found;
}
