/* HTTP on the loop: see http_server.h. SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* accept4's flags */
#include "runtime/http_int.h"
#include "runtime/log.h"
#include "runtime/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK 200 /* milliseconds between two looks at all connections */

/* --- driving the library -------------------------------------------------------------------------
 * Its epoll descriptor is watched by the loop; a timer follows the time it names; after anything
 * that may have given it work it runs once before the loop waits again. */

static void run(tl_http *h)
{
    MHD_UNSIGNED_LONG_LONG wait = 0;
    h->due = 0;
    MHD_run(h->daemon);
    if (MHD_get_timeout(h->daemon, &wait) != MHD_YES)
        uv_timer_stop(&h->timer);
    else if (wait == 0)
        h->due = 1;
    else
        uv_timer_start(&h->timer, h->on_timer, wait, 0);
    if (h->due)
        uv_idle_start(&h->idle, h->on_idle);
    else
        uv_idle_stop(&h->idle);
}

static void on_readable(uv_poll_t *p, int status, int events)
{
    (void)status;
    (void)events;
    run(p->data);
}

static void on_timer(uv_timer_t *t)
{
    run(t->data);
}

static void on_idle(uv_idle_t *i)
{
    run(i->data);
}

void tl__http_kick(tl_http *h)
{
    h->due = 1;
    uv_idle_start(&h->idle, on_idle);
}

/* --- connections --------------------------------------------------------------------------------
 */

typedef struct tl__connection {
    tl_http *http;
    int fd;
    int busy; /* a whole request is being answered */
    unsigned long long since;
    tl__connection *prev, *next;
} connection;

static void on_connection(void *ctx, struct MHD_Connection *c, void **mine,
                          enum MHD_ConnectionNotificationCode what)
{
    tl_http *h = ctx;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *i =
            MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
        connection *k = tl_xcalloc(1, sizeof *k);
        *k = (connection){h, i ? i->connect_fd : -1, 0, tl_loop_now(h->loop), NULL, h->connections};
        if (h->connections)
            h->connections->prev = k;
        h->connections = k;
        h->counts.connections++;
        *mine = k;
    } else if (*mine) {
        connection *k = *mine;
        *(k->prev ? &k->prev->next : &h->connections) = k->next;
        if (k->next)
            k->next->prev = k->prev;
        h->counts.connections--;
        free(k);
        *mine = NULL;
    }
}

void tl__http_busy(struct MHD_Connection *c, int busy)
{
    const union MHD_ConnectionInfo *i =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    connection *k = i ? i->socket_context : NULL;
    if (k) {
        k->busy = busy;
        k->since = tl_loop_now(k->http->loop);
    }
}

/* Nothing to read, and nothing to come. The library misses an end that arrived together with bytes
 * that are no whole request. */
static int has_ended(int fd)
{
    char c;
    return recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* The library's own limit starts again with every byte; this one does not, so that who sends a
 * byte now and then does not keep a connection. */
static void on_look(uv_timer_t *t)
{
    tl_http *h = t->data;
    unsigned long long now = tl_loop_now(h->loop), most = (unsigned long long)h->o.seconds * 1000;
    for (connection *k = h->connections; k; k = k->next)
        if (!k->busy && (now - k->since > most || has_ended(k->fd)))
            shutdown(k->fd, SHUT_RDWR);
}

/* --- opening ------------------------------------------------------------------------------------
 */

static int listen_on(const tl_http_options *o, int *port, tl_err *e)
{
    struct sockaddr_storage any = {0};
    struct sockaddr_in *v4 = (void *)&any;
    struct sockaddr_in6 *v6 = (void *)&any;
    socklen_t size = sizeof *v4;
    int yes = 1;
    if (inet_pton(AF_INET, o->bind, &v4->sin_addr) == 1) {
        any.ss_family = AF_INET;
        v4->sin_port = htons((uint16_t)o->port);
    } else if (inet_pton(AF_INET6, o->bind, &v6->sin6_addr) == 1) {
        any.ss_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)o->port);
        size = sizeof *v6;
    } else {
        return tl_fail(e, TL_EUSAGE, "'%s' is no address; 127.0.0.1 and 0.0.0.0 are", o->bind), -1;
    }
    int fd = socket(any.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (fd < 0 || bind(fd, (void *)&any, size) || listen(fd, 511) ||
        getsockname(fd, (void *)&any, &size)) {
        tl_fail(e, TL_ECONFIG, "cannot listen on %s port %d: %s", o->bind, o->port,
                strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    *port = ntohs(any.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
    return fd;
}

static void on_log(void *ctx, const char *format, va_list ap)
{
    (void)ctx;
    char text[400];
    vsnprintf(text, sizeof text, format, ap);
    tl_log(TL_LOG_DEBUG, "http: %s", text);
}

static int start_daemon(tl_http *h, int fd, tl_err *e)
{
    h->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        tl__http_access, h, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_NOTIFY_COMPLETED,
        tl__http_completed, h, MHD_OPTION_CONNECTION_LIMIT, (unsigned)h->o.connections,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)h->o.seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)32 << 10, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (h->daemon)
        return 0;
    close(fd);
    return tl_fail(e, TL_ECONFIG, "cannot start the HTTP server: %s", strerror(errno));
}

int tl_http_open(tl_loop *l, const tl_http_options *o, tl_http **out, tl_err *e)
{
    tl_http *h = tl_xcalloc(1, sizeof *h);
    h->loop = l;
    h->o = *o;
    h->o.connections = o->connections > 0 ? o->connections : 512;
    h->o.seconds = o->seconds > 0 ? o->seconds : 30;
    h->on_timer = on_timer;
    h->on_idle = on_idle;
    int fd = listen_on(o, &h->port, e);
    if (fd < 0 || start_daemon(h, fd, e)) {
        free(h);
        return e->code;
    }
    uv_loop_t *uv = tl_loop_uv(l);
    const union MHD_DaemonInfo *i = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    uv_poll_init(uv, &h->poll, i->epoll_fd);
    uv_timer_init(uv, &h->timer);
    uv_timer_init(uv, &h->look);
    uv_idle_init(uv, &h->idle);
    h->poll.data = h->timer.data = h->look.data = h->idle.data = h;
    uv_poll_start(&h->poll, UV_READABLE, on_readable);
    uv_timer_start(&h->look, on_look, LOOK, LOOK);
    tl_live(TL_LIVE_HANDLE, 1);
    *out = h;
    return 0;
}

static void on_closed(uv_handle_t *x)
{
    tl_http *h = x->data;
    if (--h->closing == 0) {
        tl_live(TL_LIVE_HANDLE, -1);
        free(h);
    }
}

/* The library wants no connection suspended when it is stopped: what waits in line behind a request
 * that is let go must not be held in its place. */
void tl_http_close(tl_http *h)
{
    if (!h)
        return;
    h->ending = 1;
    int fd = MHD_quiesce_daemon(h->daemon);
    tl__http_let_go(h);
    MHD_run(h->daemon);
    MHD_stop_daemon(h->daemon);
    if (fd >= 0)
        close(fd);
    h->closing = 4;
    uv_close((uv_handle_t *)&h->poll, on_closed);
    uv_close((uv_handle_t *)&h->timer, on_closed);
    uv_close((uv_handle_t *)&h->look, on_closed);
    uv_close((uv_handle_t *)&h->idle, on_closed);
}

int tl_http_port(const tl_http *h)
{
    return h->port;
}

void tl_http_count(const tl_http *h, tl_http_counts *out)
{
    *out = h->counts;
}
