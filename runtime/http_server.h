/* HTTP on the loop: requests in, answers out; knows nothing of what they are about.
 * SPDX-License-Identifier: MIT
 *
 * libmicrohttpd parses; the loop drives it. Everything here is called on the loop's thread. A
 * request is answered once, at once or later; until then its connection is held, and when the
 * client goes away `gone` is called and the request must not be answered any more. */
#ifndef TL_HTTP_SERVER_H
#define TL_HTTP_SERVER_H

#include <stddef.h>
#include "runtime/loop.h"

typedef struct tl_http tl_http;
typedef struct tl_request tl_request;
typedef struct tl_stream tl_stream;

typedef struct tl_http_options {
    const char *bind;   /* an address: "127.0.0.1", "::1", "0.0.0.0" */
    int port;           /* 0 = any free one */
    int connections;    /* at once; 0 = 512 */
    int seconds;        /* a connection without a whole request is closed after so many; 0 = 30 */
    size_t most_body;   /* bytes of a request's body */
    size_t most_bodies; /* of all bodies at once */
    /* Called for each whole request: answers it, or keeps it and answers later. */
    void (*handle)(void *ctx, tl_request *r);
    void *ctx;
} tl_http_options;

int tl_http_open(tl_loop *l, const tl_http_options *o, tl_http **out, tl_err *e) TL_MUST_CHECK;
/* Calls `gone` of all requests that are held and of all streams. NULL is allowed. */
void tl_http_close(tl_http *h);
int tl_http_port(const tl_http *h);

typedef struct tl_http_counts {
    long long requests, dropped; /* since the start; dropped: the client went away */
    int connections, streams;
} tl_http_counts;
void tl_http_count(const tl_http *h, tl_http_counts *out);

/* --- a request: texts live as long as it does ---------------------------------------------------
 */

const char *tl_request_method(const tl_request *r);          /* "GET" also for HEAD */
const char *tl_request_path(const tl_request *r);            /* decoded, begins with '/' */
const char *tl_request_arg(tl_request *r, const char *name); /* of the query; NULL */
const char *tl_request_header(tl_request *r, const char *name);
const char *tl_request_body(const tl_request *r, size_t *len); /* followed by a NUL */

/* The request is kept: gone(ctx) when its client is. */
void tl_request_hold(tl_request *r, void (*gone)(void *ctx), void *ctx);

/* Before the answer. The texts are copied. */
void tl_request_say(tl_request *r, const char *header, const char *value);
/* The answer; n bytes of data are copied. r is not to be used afterwards. */
void tl_request_answer(tl_request *r, int status, const char *type, const void *data, size_t n);
/* The same; data was malloc'd and is taken. */
void tl_request_answer_own(tl_request *r, int status, const char *type, void *data, size_t n);

/* --- answers without end ------------------------------------------------------------------------
 */

/* The answer is a stream, open until the client leaves or falls 256 KiB behind: then gone(ctx), and
 * s is no more. */
tl_stream *tl_request_stream(tl_request *r, const char *type, void (*gone)(void *ctx), void *ctx);
void tl_stream_write(tl_stream *s, const char *text, size_t n);

#endif
