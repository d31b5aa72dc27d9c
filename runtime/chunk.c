/* Texts of scripts: reading, keeping, compiling, and showing where the syntax went wrong.
 * SPDX-License-Identifier: MIT */
#include "runtime/buf.h"
#include "runtime/host_int.h"
#include "runtime/mem.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- files -------------------------------------------------------------------------------------
 */

static int read_all(FILE *f, const char *path, char **text, size_t *len, tl_err *e)
{
    tl_buf b = TL_BUF_INIT;
    int code = 0;
    if (tl_buf_read(&b, f, TL_SOURCE_MAX + (size_t)1))
        code = tl_fail(e, TL_EDATA, "cannot read %s: %s", path, strerror(errno));
    else if (b.len > TL_SOURCE_MAX)
        code = tl_fail(e, TL_EDATA, "%s is too large for a script: more than %d MiB", path,
                       TL_SOURCE_MAX >> 20);
    if (code) {
        tl_buf_free(&b);
        return code;
    }
    *text = b.data;
    *len = b.len;
    return 0;
}

int tl__read_file(const char *path, char **text, size_t *len, tl_err *e)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    if (!f || fstat(fileno(f), &st)) {
        int missing = errno == ENOENT;
        int code = tl_fail(e, missing ? TL_EUSAGE : TL_EDATA, "cannot open script %s: %s", path,
                           missing ? "there is no such file" : strerror(errno));
        if (f)
            fclose(f);
        return code;
    }
    int code;
    if (S_ISDIR(st.st_mode))
        code = tl_fail(e, TL_EUSAGE, "%s is a directory, not a script", path);
    else if (S_ISREG(st.st_mode) && st.st_size > TL_SOURCE_MAX)
        code = tl_fail(e, TL_EDATA, "%s is too large for a script: %lld bytes, %d MiB are allowed",
                       path, (long long)st.st_size, TL_SOURCE_MAX >> 20);
    else
        code = read_all(f, path, text, len, e);
    fclose(f);
    return code;
}

/* --- names and kept texts -----------------------------------------------------------------------
 */

static tl_chunk *find(tl_host *h, const char *name)
{
    for (tl_chunk *c = h->chunks; c; c = c->next)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

const char *tl_host_source(tl_host *h, const char *chunk, size_t *len)
{
    tl_chunk *c = find(h, *chunk == '@' || *chunk == '=' ? chunk + 1 : chunk);
    if (c && len)
        *len = c->len;
    return c ? c->text : NULL;
}

/* The chunk that holds this text under this name, or under "name#7" when another text has it.
 * NULL when memory is gone. *fresh: it was not kept before. */
static tl_chunk *keep(tl_host *h, const char *name, const char *text, size_t len, int *fresh)
{
    *fresh = 0;
    if (strncmp(name, TL_OWN_CHUNK, strlen(TL_OWN_CHUNK)) == 0)
        name += strlen(TL_OWN_CHUNK); /* such names are ours */
    for (tl_chunk *c = h->chunks; c; c = c->next)
        if (c->len == len && strcmp(c->wanted, name) == 0 && memcmp(c->text, text, len) == 0)
            return c;
    char *copy = malloc(len + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    char *unique = tl_xstrdup(name);
    while (find(h, unique)) {
        free(unique);
        unique = tl_xasprintf("%s#%u", name, h->serial++ + 2);
    }
    tl_chunk *c = tl_xmalloc(sizeof *c);
    *c = (tl_chunk){h->chunks, tl_xstrdup(name), unique, copy, len};
    h->chunks = c;
    *fresh = 1;
    return c;
}

/* A text that no function came of gives its name back, if it was the last to be kept. */
static void forget(tl_host *h, tl_chunk *c)
{
    if (h->chunks != c)
        return;
    h->chunks = c->next;
    free(c->name);
    free(c->wanted);
    free(c->text);
    free(c);
}

void tl__free_chunks(tl_host *h)
{
    while (h->chunks)
        forget(h, h->chunks);
}

void tl__whole_name(tl_host *h, tl_err *e)
{
    const char *colon = strrchr(e->where, ':');
    if (strncmp(e->where, "...", 3) != 0 || !colon)
        return;
    size_t tail = (size_t)(colon - e->where) - 3;
    for (tl_chunk *c = h->chunks; c; c = c->next) {
        size_t n = strlen(c->name);
        if (n <= tail || memcmp(c->name + n - tail, e->where + 3, tail) != 0)
            continue;
        char line[32];
        snprintf(line, sizeof line, "%s", colon);
        snprintf(e->where, sizeof e->where, "%s%s", c->name, line);
        return;
    }
}

/* --- syntax errors ------------------------------------------------------------------------------
 */

/* Start of line `line` (from 1), or of the last line. */
static const char *line_start(const char *text, size_t len, int line, int *found)
{
    const char *p = text, *end = text + len, *next;
    for (*found = 1; *found < line && (next = memchr(p, '\n', (size_t)(end - p))); ++*found)
        p = next + 1;
    return p;
}

static int is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The text between the quotes of "near 'TOKEN'"; NULL without one. */
static const char *near_token(const char *message, size_t *len)
{
    const char *p = NULL;
    for (const char *q = message; (q = strstr(q, " near '")); q++)
        p = q + strlen(" near '");
    const char *end = p ? strrchr(p, '\'') : NULL;
    *len = end ? (size_t)(end - p) : 0;
    return *len ? p : NULL;
}

/* Does the text up to `end` fail with this very message? Before the offending token it fails at
 * <eof>. */
static int fails_at(lua_State *L, const char *text, const char *end, const char *chunk,
                    const char *message)
{
    int status = luaL_loadbufferx(L, text, (size_t)(end - text), chunk, "t");
    int same = status == LUA_ERRSYNTAX && strcmp(lua_tostring(L, -1), message) == 0;
    lua_pop(L, 1);
    return same;
}

/* Where in the line [p, eol) the token stands. The same token may stand there several times: the
 * right one is where the text cut behind it first fails in the same way. */
static const char *find_token(lua_State *L, const char *text, const char *p, const char *eol,
                              const char *token, size_t n, const char *chunk, const char *message)
{
    const char *first = NULL;
    int tries = 0;
    for (const char *q = p; q + n <= eol; q++) {
        if (memcmp(q, token, n) != 0 || (is_word(token[0]) && q > p && is_word(q[-1])) ||
            (is_word(token[n - 1]) && q + n < eol && is_word(q[n])))
            continue;
        if (!first)
            first = q;
        if (tries++ < 40 && fails_at(L, text, q + n, chunk, message))
            return q;
    }
    return first;
}

/* Adds "\n    the line\n       ^"; a long line is shown around the caret. */
static void add_caret(tl_err *e, const char *p, const char *eol, const char *at)
{
    enum { WIDTH = 160 };
    while (eol > p && isspace((unsigned char)eol[-1]) && eol > at)
        eol--;
    if (at - p > WIDTH / 2 && eol - p > WIDTH)
        p = at - WIDTH / 2;
    while (p < at && tl_is_within_character(*p))
        p++; /* not in the middle of a character */
    if (eol - p > WIDTH)
        eol = p + WIDTH;
    tl_buf b = TL_BUF_INIT;
    tl_buf_printf(&b, "%s\n    %.*s\n    ", e->message, (int)(eol - p), p);
    for (; p < at; p++)
        if (!tl_is_within_character(*p))
            tl_buf_puts(&b, *p == '\t' ? "\t" : " ");
    tl_buf_puts(&b, "^");
    if (b.len < sizeof e->message)
        memcpy(e->message, b.data, b.len + 1);
    tl_buf_free(&b);
}

/* A chunk's name with blanks was not taken for one: here it is known. */
static void split_address(tl_err *e, const char *name)
{
    size_t n = strlen(name);
    char *colon = e->message + n;
    size_t digits =
        strncmp(e->message, name, n) == 0 && *colon == ':' ? strspn(colon + 1, "0123456789") : 0;
    if (e->where[0] || !digits || strncmp(colon + 1 + digits, ": ", 2) != 0)
        return;
    snprintf(e->where, sizeof e->where, "%.*s", (int)(n + 1 + digits), e->message);
    memmove(e->message, colon + digits + 3, strlen(colon + digits + 3) + 1);
}

/* Turns Lua's message on top of the stack into an error with line, column and a caret. */
static void syntax_error(tl_host *h, lua_State *L, const char *text, size_t len, const char *chunk,
                         tl_err *e)
{
    size_t n;
    const char *message = lua_tolstring(L, -1, &n);
    tl_to_err(L, -1, e);
    split_address(e, chunk + 1);
    tl__whole_name(h, e);
    const char *eof = " near <eof>";
    h->incomplete = n >= strlen(eof) && strcmp(message + n - strlen(eof), eof) == 0;
    char *colon = strrchr(e->where, ':');
    if (!colon)
        return;
    int line, wanted = atoi(colon + 1);
    const char *end = text + len, *at;
    while (h->incomplete && end > text && isspace((unsigned char)end[-1]))
        end--; /* point behind the last thing written, not into empty lines */
    const char *p = line_start(text, (size_t)(end - text), wanted, &line);
    const char *eol = memchr(p, '\n', (size_t)(end - p));
    eol = eol ? eol : end;
    const char *token = near_token(message, &n);
    if (h->incomplete)
        at = eol;
    else if (!token || !(at = find_token(L, text, p, eol, token, n, chunk, message)))
        return;
    int column = 1;
    for (const char *q = p; q < at; q++)
        column += !tl_is_within_character(*q);
    snprintf(colon, (size_t)(e->where + sizeof e->where - colon), ":%d:%d", line, column);
    add_caret(e, p, eol, at);
}

/* --- compiling -----------------------------------------------------------------------------------
 */

/* Skips a byte order mark and the text of a first line "#!..."; its newline stays, lines count. */
static const char *skip_first(const char *text, size_t *len)
{
    const char *p = text, *end = text + *len;
    if (*len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        p += 3;
    if (p < end && *p == '#') {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        p = eol ? eol : end;
    }
    *len = (size_t)(end - p);
    return p;
}

typedef struct {
    const char *piece[2];
    size_t len[2];
    int next;
} pieces;

static const char *read_piece(lua_State *L, void *ctx, size_t *len)
{
    pieces *p = ctx;
    (void)L;
    while (p->next < 2 && !p->len[p->next])
        p->next++;
    *len = p->next < 2 ? p->len[p->next] : 0;
    return p->next < 2 ? p->piece[p->next++] : NULL;
}

int tl__load(tl_host *h, lua_State *L, char mark, const char *name, const char *before,
             const char *text, size_t len, tl_err *e)
{
    h->incomplete = 0;
    if (len > TL_SOURCE_MAX)
        return tl_fail(e, TL_EDATA, "%s is too large for a script: %zu bytes, %d MiB are allowed",
                       name, len, TL_SOURCE_MAX >> 20);
    if (len && text[0] == LUA_SIGNATURE[0])
        return tl_fail(e, TL_ESCRIPT, "%s is compiled Lua (bytecode); only source text is accepted",
                       name);
    int fresh;
    tl_chunk *c = keep(h, name, text, len, &fresh);
    if (!c || !lua_checkstack(L, 8))
        return tl_fail(e, TL_ENOMEM, "not enough memory for the text of %s", name);
    char *chunk = tl_xasprintf("%c%s", mark, c->name);
    size_t rest = len;
    const char *body = *before ? c->text : skip_first(c->text, &rest);
    pieces both = {{before, body}, {strlen(before), rest}, 0};
    int status = lua_load(L, read_piece, &both, chunk, "t");
    if (status == LUA_ERRSYNTAX)
        syntax_error(h, L, body, rest, chunk, e);
    else if (status != LUA_OK)
        tl_to_err(L, -1, e);
    free(chunk);
    if (status == LUA_OK)
        return 0;
    if (fresh) /* else functions of it may live */
        forget(h, c);
    lua_pop(L, 1);
    return e->code;
}

/* Appends what the reader function at index 1 gives, until nil or "". Pushes the whole text. */
static void read_pieces(lua_State *L)
{
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (size_t n = 1, all = 0; n; all += n) {
        lua_pushvalue(L, 1);
        lua_call(L, 0, 1);
        if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "load: the reader function must return a string");
        n = lua_isnil(L, -1) ? 0 : lua_rawlen(L, -1);
        if (all + n > TL_SOURCE_MAX)
            luaL_error(L, "load: the text is too large");
        if (n)
            luaL_addvalue(&b);
        else
            lua_pop(L, 1);
    }
    luaL_pushresult(&b);
}

/* load(text or reader, name, mode, env) */
int tl__lua_load(lua_State *L)
{
    tl_host *h = *tl__slot(L);
    int with_env = !lua_isnone(L, 4);
    const char *name = luaL_optstring(L, 2, "load");
    if (!strchr(luaL_optstring(L, 3, "t"), 't'))
        return luaL_argerror(L, 3, "only source text can be loaded: mode \"t\"");
    lua_settop(L, 4);
    if (lua_type(L, 1) == LUA_TSTRING)
        lua_pushvalue(L, 1);
    else
        luaL_checktype(L, 1, LUA_TFUNCTION), read_pieces(L);
    size_t len;
    const char *text = lua_tolstring(L, 5, &len);
    tl_host_charge(L, (int64_t)len);
    tl_err e = TL_ERR_INIT;
    char clean[64], shown[sizeof e];
    snprintf(clean, sizeof clean, "%s", *name == '@' || *name == '=' ? name + 1 : name);
    clean[strcspn(clean, "\r\n")] = '\0';
    int code;
    size_t cost =
        len + 1024; /* small texts are bounded in number too: they are searched one by one */
    if (h->loaded_bytes + cost <= TL_LOADED_MAX) {
        h->loaded_bytes += cost;
        code = tl__load(h, L, '=', clean, "", text, len, &e);
    } else {
        code = luaL_loadbufferx(L, text, len, "=load", "t") == LUA_OK ? 0 : TL_ESCRIPT;
        if (code)
            tl_to_err(L, -1, &e);
    }
    if (code == TL_ENOMEM)
        tl__stop(L, TL_STOP_MEMORY);
    if (code) {
        lua_pushnil(L);
        lua_pushstring(L, tl_err_text(&e, shown, sizeof shown));
        return 2;
    }
    if (with_env) {
        lua_pushvalue(L, 4);
        if (!lua_setupvalue(L, -2, 1))
            lua_pop(L, 1);
    }
    return 1;
}
