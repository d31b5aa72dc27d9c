/* Single values of metadata files, without reading all of what they mean. SPDX-License-Identifier:
 * MIT
 *
 * The files (MTD_TL.xml, *_MTL.txt, *_MTL.json) are flat where it counts: a key has its value right
 * behind it. At most MOST_BYTES are read and nothing in them is believed to be a length. */
#include "modules/collection/folder_int.h"
#include "runtime/mem.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BYTES ((size_t)4 << 20)

char *tl__metatext_read(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    char *text = tl_xmalloc(MOST_BYTES + 1);
    size_t n = fread(text, 1, MOST_BYTES, f);
    fclose(f);
    for (size_t i = 0; i < n; i++)
        if (!text[i])
            text[i] = ' ';
    text[n] = '\0';
    return tl_xrealloc(text, n + 1);
}

static int is_word(int c)
{
    return isalnum(c) || c == '_' || c == '-' || c == '.';
}

/* Behind the key at p: where the value begins, NULL when this is not the key's place. */
static const char *value_after(const char *text, const char *p, size_t n)
{
    int before = p > text ? (unsigned char)p[-1] : ' ';
    const char *s = p + n;
    if (is_word(before) || before == '/' || is_word((unsigned char)*s))
        return NULL;
    if (before == '<' || before == ':') {
        s += strcspn(s, ">");
        return *s == '>' && s[-1] != '/' ? s + 1 : NULL;
    }
    s += *s == '"';
    s += strspn(s, " \t");
    if (*s != '=' && *s != ':')
        return NULL;
    s++;
    return s + strspn(s, " \t\"");
}

int tl__metatext_find(const char *text, const char *from, const char *key, char *value, size_t size)
{
    size_t n = strlen(key);
    for (const char *p = strstr(from ? from : text, key); p; p = strstr(p + n, key)) {
        const char *s = value_after(text, p, n);
        if (!s)
            continue;
        size_t len = strcspn(s, "<\"\r\n,");
        while (len > 0 && isspace((unsigned char)s[len - 1]))
            len--;
        if (len == 0 || len >= size)
            continue;
        memcpy(value, s, len);
        value[len] = '\0';
        return 1;
    }
    return 0;
}

double tl__metatext_number(const char *text, const char *from, const char *key)
{
    char value[64], *end = NULL;
    if (!tl__metatext_find(text, from, key, value, sizeof value))
        return NAN;
    double x = strtod(value, &end);
    return end != value && isfinite(x) ? x : NAN;
}
