/* Requests and their answers: see http_server.h. SPDX-License-Identifier: MIT */
#include "runtime/http_int.h"
#include "runtime/buf.h"
#include "runtime/mem.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_BEHIND (256 << 10) /* bytes that a stream's client may be behind */

/* The library does not poll a suspended connection, so a copy of its descriptor is watched. */
typedef struct watch {
    uv_poll_t poll;
    int fd;
} watch;

struct tl_stream {
    tl_request *r;
    tl_buf text; /* not sent yet */
};

struct tl_request {
    tl_http *http;
    struct MHD_Connection *connection;
    char *path, *method;
    tl_buf body;
    int begun; /* the handler was called */
    int gone;  /* its client, or its right to an answer */
    int suspended;
    struct {
        char *name, *value;
    } say[8];
    int nsay;
    struct MHD_Response *response;
    int status;
    tl_stream *stream;
    void (*on_gone)(void *ctx);
    void *ctx;
    watch *watch;
    tl_request *prev, *next; /* among those held */
};

/* --- holding ------------------------------------------------------------------------------------
 */

static void lost(tl_request *r);

static void on_disconnect(uv_poll_t *p, int status, int events)
{
    if (status < 0 || (events & UV_DISCONNECT))
        lost(p->data);
}

static void free_watch(uv_handle_t *x)
{
    free(x);
}

static void stop_watching(tl_request *r)
{
    watch *w = r->watch;
    r->watch = NULL;
    if (!w)
        return;
    uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, free_watch);
    close(w->fd);
}

static void start_watching(tl_request *r)
{
    const union MHD_ConnectionInfo *i =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int fd = i ? fcntl(i->connect_fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (fd < 0)
        return; /* then it is noticed when the answer is written */
    watch *w = tl_xcalloc(1, sizeof *w);
    w->fd = fd;
    if (uv_poll_init(tl_loop_uv(r->http->loop), &w->poll, fd)) {
        close(fd);
        free(w);
        return;
    }
    w->poll.data = r;
    r->watch = w;
    uv_poll_start(&w->poll, UV_DISCONNECT, on_disconnect);
}

static void suspend(tl_request *r)
{
    if (r->suspended)
        return;
    r->suspended = 1;
    MHD_suspend_connection(r->connection);
    if (!r->watch)
        start_watching(r);
}

static void resume(tl_request *r)
{
    if (!r->suspended)
        return;
    r->suspended = 0;
    MHD_resume_connection(r->connection);
    tl__http_kick(r->http);
}

static void enlist(tl_request *r)
{
    r->prev = NULL;
    r->next = r->http->held;
    if (r->next)
        r->next->prev = r;
    r->http->held = r;
}

static void delist(tl_request *r)
{
    *(r->prev ? &r->prev->next : &r->http->held) = r->next;
    if (r->next)
        r->next->prev = r->prev;
}

/* Tells its owner that nobody waits any more. */
static void drop(tl_request *r)
{
    void (*f)(void *) = r->on_gone;
    if (r->gone)
        return;
    r->gone = 1;
    r->on_gone = NULL;
    stop_watching(r);
    r->http->counts.dropped++;
    if (f)
        f(r->ctx);
}

static struct MHD_Response *empty(void)
{
    return MHD_create_response_from_buffer(0, (char *)"", MHD_RESPMEM_PERSISTENT);
}

static void lost(tl_request *r)
{
    drop(r);
    if (!r->response) {
        r->response = empty();
        r->status = MHD_HTTP_SERVICE_UNAVAILABLE;
    }
    resume(r);
}

void tl__http_let_go(tl_http *h)
{
    for (tl_request *r = h->held, *next; r; r = next) {
        next = r->next;
        lost(r);
    }
}

/* --- the library's calls -------------------------------------------------------------------------
 */

static tl_request *new_request(tl_http *h, struct MHD_Connection *c, const char *url,
                               const char *method)
{
    tl_request *r = tl_xcalloc(1, sizeof *r);
    r->http = h;
    r->connection = c;
    r->path = tl_xstrdup(url);
    r->method = tl_xstrdup(strcmp(method, "HEAD") == 0 ? "GET" : method);
    h->counts.requests++;
    tl_live(TL_LIVE_HANDLE, 1);
    return r;
}

static enum MHD_Result refuse(tl_request *r, int status)
{
    struct MHD_Response *x = empty();
    MHD_add_response_header(x, "Connection", "close");
    enum MHD_Result rc = MHD_queue_response(r->connection, (unsigned)status, x);
    MHD_destroy_response(x);
    return rc;
}

/* The head of a request is here. What its body is said to hold is checked now. */
static enum MHD_Result on_head(tl_request *r)
{
    const char *length =
        MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Content-Length");
    unsigned long long n = length ? strtoull(length, NULL, 10) : 0;
    if (strcmp(r->method, "GET") != 0 && strcmp(r->method, "POST") != 0 &&
        strcmp(r->method, "DELETE") != 0)
        return refuse(r, MHD_HTTP_METHOD_NOT_ALLOWED);
    if (n > r->http->o.most_body || n + r->http->bodies > r->http->o.most_bodies)
        return refuse(r, n > r->http->o.most_body ? MHD_HTTP_CONTENT_TOO_LARGE
                                                  : MHD_HTTP_SERVICE_UNAVAILABLE);
    return MHD_YES;
}

/* Of a body without a stated length the limit is met on the way; then the connection is closed. */
static enum MHD_Result on_body(tl_request *r, const char *data, size_t *size)
{
    tl_http *h = r->http;
    if (r->body.len + *size > h->o.most_body || h->bodies + *size > h->o.most_bodies)
        return MHD_NO;
    tl_buf_add(&r->body, data, *size);
    h->bodies += *size;
    *size = 0;
    return MHD_YES;
}

static enum MHD_Result send_response(tl_request *r)
{
    enum MHD_Result rc = MHD_queue_response(r->connection, (unsigned)r->status, r->response);
    MHD_destroy_response(r->response);
    r->response = NULL;
    return rc;
}

enum MHD_Result tl__http_access(void *ctx, struct MHD_Connection *c, const char *url,
                                const char *method, const char *version, const char *data,
                                size_t *size, void **mine)
{
    tl_http *h = ctx;
    (void)version;
    tl_request *r = *mine;
    if (!r) {
        *mine = r = new_request(h, c, url, method);
        return on_head(r);
    }
    if (*size)
        return on_body(r, data, size);
    if (!r->begun) {
        r->begun = 1;
        tl__http_busy(c, 1);
        enlist(r);
        if (h->ending)
            lost(r);
        else
            h->o.handle(h->o.ctx, r);
    }
    if (r->response)
        return send_response(r);
    suspend(r);
    return MHD_YES;
}

static void free_stream(tl_stream *s)
{
    if (s) {
        tl_buf_free(&s->text);
        s->r->http->counts.streams--;
        free(s);
    }
}

void tl__http_completed(void *ctx, struct MHD_Connection *c, void **mine,
                        enum MHD_RequestTerminationCode why)
{
    tl_http *h = ctx;
    tl_request *r = *mine;
    (void)why;
    *mine = NULL;
    if (!r)
        return;
    if (r->on_gone)
        drop(r);
    stop_watching(r);
    if (r->begun)
        delist(r);
    tl__http_busy(c, 0);
    free_stream(r->stream);
    if (r->response)
        MHD_destroy_response(r->response);
    for (int i = 0; i < r->nsay; i++) {
        free(r->say[i].name);
        free(r->say[i].value);
    }
    h->bodies -= r->body.len;
    tl_buf_free(&r->body);
    free(r->path);
    free(r->method);
    free(r);
    tl_live(TL_LIVE_HANDLE, -1);
}

/* --- questions -----------------------------------------------------------------------------------
 */

const char *tl_request_method(const tl_request *r)
{
    return r->method;
}

const char *tl_request_path(const tl_request *r)
{
    return r->path;
}

const char *tl_request_arg(tl_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *tl_request_header(tl_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

const char *tl_request_body(const tl_request *r, size_t *len)
{
    *len = r->body.len;
    return tl_buf_text(&r->body);
}

/* --- answers -------------------------------------------------------------------------------------
 */

void tl_request_hold(tl_request *r, void (*gone)(void *ctx), void *ctx)
{
    r->on_gone = gone;
    r->ctx = ctx;
}

void tl_request_say(tl_request *r, const char *header, const char *value)
{
    if (r->nsay == (int)(sizeof r->say / sizeof r->say[0]))
        return;
    r->say[r->nsay].name = tl_xstrdup(header);
    r->say[r->nsay++].value = tl_xstrdup(value);
}

static void ready(tl_request *r, int status, const char *type, struct MHD_Response *x)
{
    r->on_gone = NULL;
    r->status = status;
    r->response = x;
    if (type)
        MHD_add_response_header(x, "Content-Type", type);
    MHD_add_response_header(x, "X-Content-Type-Options", "nosniff");
    for (int i = 0; i < r->nsay; i++)
        MHD_add_response_header(x, r->say[i].name, r->say[i].value);
    if (!r->stream)
        stop_watching(r);
    resume(r);
}

void tl_request_answer_own(tl_request *r, int status, const char *type, void *data, size_t n)
{
    ready(r, status, type, MHD_create_response_from_buffer(n, data, MHD_RESPMEM_MUST_FREE));
}

void tl_request_answer(tl_request *r, int status, const char *type, const void *data, size_t n)
{
    ready(r, status, type,
          MHD_create_response_from_buffer(n, (void *)(uintptr_t)data, MHD_RESPMEM_MUST_COPY));
}

/* --- streams -------------------------------------------------------------------------------------
 */

static ssize_t read_stream(void *ctx, uint64_t pos, char *to, size_t most)
{
    tl_stream *s = ctx;
    (void)pos;
    if (s->r->gone)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (s->text.len == 0) {
        suspend(s->r);
        return 0;
    }
    size_t n = s->text.len < most ? s->text.len : most;
    memcpy(to, s->text.data, n);
    memmove(s->text.data, s->text.data + n, s->text.len - n);
    s->text.len -= n;
    return (ssize_t)n;
}

tl_stream *tl_request_stream(tl_request *r, const char *type, void (*gone)(void *ctx), void *ctx)
{
    tl_stream *s = tl_xcalloc(1, sizeof *s);
    s->r = r;
    r->stream = s;
    r->http->counts.streams++;
    ready(r, MHD_HTTP_OK, type,
          MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, read_stream, s, NULL));
    r->on_gone = gone;
    r->ctx = ctx;
    return s;
}

void tl_stream_write(tl_stream *s, const char *text, size_t n)
{
    if (s->r->gone)
        return;
    if (s->text.len + n > MOST_BEHIND) {
        lost(s->r);
        return;
    }
    tl_buf_add(&s->text, text, n);
    resume(s->r);
}
