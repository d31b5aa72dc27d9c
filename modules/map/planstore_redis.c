/* Redis as a store: see planstore.h. SPDX-License-Identifier: MIT */
#include "modules/map/planstore_int.h"
#include "runtime/mem.h"

#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX  "tellua:plan:"
#define SECONDS "2592000" /* thirty days after the last use */

static void disconnect(tl_planstore *s)
{
    if (s->redis)
        redisFree(s->redis);
    s->redis = NULL;
}

static int unreachable(tl_planstore *s, const char *why, tl_err *e)
{
    tl_fail(e, TL_ETRANSIENT, "Redis at %s port %d: %s", s->host, s->port, why);
    disconnect(s);
    return e->code;
}

static int say(tl_planstore *s, tl_err *e, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *r = redisvCommand(s->redis, format, ap);
    va_end(ap);
    int bad = !r || r->type == REDIS_REPLY_ERROR;
    int rc = bad ? unreachable(s, r ? r->str : s->redis->errstr, e) : 0;
    freeReplyObject(r);
    return rc;
}

static int connect_now(tl_planstore *s, tl_err *e)
{
    struct timeval soon = {2, 0};
    if (s->redis)
        return 0;
    s->redis = redisConnectWithTimeout(s->host, s->port, soon);
    if (!s->redis || s->redis->err)
        return unreachable(s, s->redis ? s->redis->errstr : "no memory", e);
    redisSetTimeout(s->redis, soon);
    int rc = s->password ? say(s, e, "AUTH %s", s->password) : 0;
    return rc || !s->database ? rc : say(s, e, "SELECT %d", s->database);
}

int tl__redis_open(tl_planstore *s, const char *url, tl_err *e)
{
    const char *at = strrchr(url, '@'), *p = at ? at + 1 : url + strlen("redis://");
    s->port = 6379;
    if (at && url[8] == ':')
        s->password = tl_xasprintf("%.*s", (int)(at - url - 9), url + 9);
    else if (getenv("REDISCLI_AUTH"))
        s->password = tl_xstrdup(getenv("REDISCLI_AUTH"));
    size_t n = strcspn(p, ":/");
    s->host = tl_xasprintf("%.*s", (int)n, p);
    p += n;
    if (*p == ':')
        s->port = (int)strtol(p + 1, (char **)(uintptr_t)&p, 10);
    if (*p == '/')
        s->database = (int)strtol(p + 1, (char **)(uintptr_t)&p, 10);
    if (*p || !s->host[0] || s->port < 1 || s->port > 65535 || s->database < 0)
        return tl_fail(e, TL_EUSAGE, "--store: redis://[:PASSWORD@]HOST[:PORT][/DATABASE]");
    return connect_now(s, e);
}

void tl__redis_close(tl_planstore *s)
{
    disconnect(s);
    free(s->host);
    free(s->password);
}

/* Twice: the server may have closed a connection that was idle, which is no error then. */
static redisReply *ask(tl_planstore *s, int argc, const char **argv, const size_t *len, tl_err *e)
{
    redisReply *r = NULL;
    tl_err first = TL_ERR_INIT;
    for (int tries = 0; tries < 2 && !r; tries++) {
        if (connect_now(s, e))
            return NULL;
        r = redisCommandArgv(s->redis, argc, argv, len);
        if (!r)
            unreachable(s, s->redis->errstr, tries ? e : &first);
    }
    if (r && r->type == REDIS_REPLY_ERROR) {
        tl_fail(e, TL_ETRANSIENT, "Redis: %s", r->str);
        freeReplyObject(r);
        r = NULL;
    }
    return r;
}

int tl__redis_get(tl_planstore *s, const char *key, tl_buf *out, tl_err *e)
{
    char name[sizeof PREFIX + 64];
    strcpy(name, PREFIX);
    strncat(name, key, 64);
    const char *argv[] = {"GETEX", name, "EX", SECONDS};
    pthread_mutex_lock(&s->lock);
    redisReply *r = ask(s, 4, argv, NULL, e);
    pthread_mutex_unlock(&s->lock);
    if (!r)
        return e->code;
    int rc = r->type == REDIS_REPLY_STRING ? 0 : tl_fail(e, TL_EDATA, "no plan of that key");
    if (!rc)
        tl_buf_add(out, r->str, r->len);
    freeReplyObject(r);
    return rc;
}

int tl__redis_put(tl_planstore *s, const char *key, const char *text, size_t len, tl_err *e)
{
    char name[sizeof PREFIX + 64];
    strcpy(name, PREFIX);
    strncat(name, key, 64);
    const char *argv[] = {"SET", name, text, "EX", SECONDS};
    const size_t n[] = {3, strlen(name), len, 2, strlen(SECONDS)};
    pthread_mutex_lock(&s->lock);
    redisReply *r = ask(s, 5, argv, n, e);
    pthread_mutex_unlock(&s->lock);
    int rc = r ? 0 : e->code;
    freeReplyObject(r);
    return rc;
}
