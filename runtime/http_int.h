/* Shared by the files of the HTTP server. SPDX-License-Identifier: MIT */
#ifndef TL_HTTP_INT_H
#define TL_HTTP_INT_H

#include "runtime/http_server.h"

#include <microhttpd.h>
#include <uv.h>

typedef struct tl__connection tl__connection;

struct tl_http {
    tl_loop *loop;
    tl_http_options o;
    struct MHD_Daemon *daemon;
    int port, due;
    int ending;     /* no request is begun any more */
    int closing;    /* handles that are not closed yet */
    uv_poll_t poll; /* of the library's epoll descriptor */
    uv_timer_t timer, look;
    uv_idle_t idle; /* runs while the library has work without waiting */
    void (*on_timer)(uv_timer_t *t);
    void (*on_idle)(uv_idle_t *i);
    tl__connection *connections;
    tl_request *held; /* held, or streaming */
    size_t bodies;    /* bytes */
    tl_http_counts counts;
};

/* The library is run before the loop waits again. */
void tl__http_kick(tl_http *h);
/* A request of the connection is being answered (1), or the next is waited for. */
void tl__http_busy(struct MHD_Connection *c, int busy);

/* --- http_request.c ------------------------------------------------------------------------------
 */

enum MHD_Result tl__http_access(void *ctx, struct MHD_Connection *c, const char *url,
                                const char *method, const char *version, const char *data,
                                size_t *size, void **mine);
void tl__http_completed(void *ctx, struct MHD_Connection *c, void **mine,
                        enum MHD_RequestTerminationCode why);
/* Ends everything that is held or streams. */
void tl__http_let_go(tl_http *h);

#endif
