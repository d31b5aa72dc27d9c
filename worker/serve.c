/* The worker's loop. SPDX-License-Identifier: MIT */
#include "worker/worker.h"
#include "runtime/host.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void tl_serve_error(tl_jail_out *h, int answer, const tl_err *e)
{
    h->answer = (uint32_t)answer;
    h->code = e->code;
    snprintf(h->message, sizeof h->message, "%s", e->message);
    snprintf(h->where, sizeof h->where, "%s", e->where);
}

static void echo(const tl_jail_in *q, tl_jail_out *h)
{
    h->len = q->len; /* what lies in `out` already: the copies are the server's */
}

static void serve_one(const char *in, char *out)
{
    tl_jail_out h = {.answer = TL_ANSWER_DONE};
    tl_jail_in q;
    memcpy(&q, in, sizeof q);
    switch (q.kind) {
    case TL_JAIL_ECHO:
        echo(&q, &h);
        break;
    case TL_JAIL_SCRIPT:
        tl_serve_script(&q, in + TL_JAIL_HEAD, &h);
        break;
    case TL_JAIL_PREPARE:
        tl_serve_prepare(&q, in + TL_JAIL_HEAD, &h, out + TL_JAIL_HEAD);
        break;
    case TL_JAIL_RUN:
        tl_serve_run(&q, in + TL_JAIL_HEAD, &h, out + TL_JAIL_HEAD);
        break;
    default:
        _exit(1);
    }
    h.serial = q.serial;
    memcpy(out, &h, sizeof h);
}

/* A deadline that comes after the answer is of the request before: it is forgotten. */
void tl_serve(const char *in, char *out)
{
    uint64_t rings;
    for (;;) {
        if (read(0, &rings, sizeof rings) != sizeof rings)
            _exit(0);
        tl_host_forget_deadline();
        serve_one(in, out);
        if (write(1, "!", 1) != 1)
            _exit(0);
    }
}
