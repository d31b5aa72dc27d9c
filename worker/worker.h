/* The worker program: Lua, the function compiler, and nothing that opens files.
 * SPDX-License-Identifier: MIT
 *
 * It runs as the zygote, which forks workers; see runtime/jail_wire.h. One thread everywhere. */
#ifndef TL_WORKER_H
#define TL_WORKER_H

#include <stddef.h>
#include <linux/filter.h>
#include "runtime/jail_wire.h"

/* --- steps.c --- */
typedef struct tl_wall {
    struct sock_fprog filter; /* made once, by libseccomp */
    int landlock;             /* ABI; 0 = none */
    size_t address_space;     /* bytes that a fresh worker has, its memory files included */
} tl_wall;

/* In the zygote: what all workers share. 0, or errno. */
int tl_wall_make(tl_wall *w);
/* In the worker, once `in` and `out` are mapped and the bells are descriptors 0 and 1. Does not
 * return when a step fails: exits with TL_JAIL_EXIT + step. */
void tl_wall_enter(const tl_wall *w, const tl_zygote_ask *q, void (*on_deadline)(int));
/* For tests: enters as far as `last`. */
void tl_wall_enter_until(const tl_wall *w, const tl_zygote_ask *q, void (*on_deadline)(int),
                         tl_jail_step last);
/* Which namespaces could be left, as bits; and whether root was given up. In the zygote. */
int tl_wall_namespaces(void);
int tl_wall_user(void);
int tl_wall_mdwe(void);
size_t tl_wall_address_space(void);

/* --- serve.c --- */
/* Answers requests until it is killed: by the server, or with the zygote. */
_Noreturn void tl_serve(const char *in, char *out);

/* --- script.c, function.c: the answer's data begin at `data`; they fill the head but its serial
 * --- */
void tl_serve_script(const tl_jail_in *q, const char *text, tl_jail_out *h);
void tl_serve_prepare(const tl_jail_in *q, const char *text, tl_jail_out *h, char *data);
void tl_serve_run(const tl_jail_in *q, const char *cells, tl_jail_out *h, char *data);
void tl_serve_error(tl_jail_out *h, int answer, const tl_err *e);

#endif
