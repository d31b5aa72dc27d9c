/* The two kinds of stores. SPDX-License-Identifier: MIT */
#ifndef TL_MAP_PLANSTORE_INT_H
#define TL_MAP_PLANSTORE_INT_H

#include <pthread.h>
#include "modules/map/planstore.h"

struct redisContext;

struct tl_planstore {
    pthread_mutex_t lock;
    char *dir; /* NULL: Redis */
    int files; /* in the folder, nearly */
    char *host, *password;
    int port, database;
    struct redisContext *redis; /* NULL while not connected */
};

/* --- planstore_redis.c: one connection, made again when it is lost -------------------------------
 */

int tl__redis_open(tl_planstore *s, const char *url, tl_err *e) TL_MUST_CHECK;
void tl__redis_close(tl_planstore *s);
int tl__redis_get(tl_planstore *s, const char *key, tl_buf *out, tl_err *e) TL_MUST_CHECK;
int tl__redis_put(tl_planstore *s, const char *key, const char *text, size_t len,
                  tl_err *e) TL_MUST_CHECK;

#endif
