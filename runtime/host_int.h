/* Shared by host.c, budget.c, sandbox.c and chunk.c. SPDX-License-Identifier: MIT */
#ifndef TL_HOST_INT_H
#define TL_HOST_INT_H

#include <pthread.h>
#include <stdatomic.h>
#include "runtime/border.h"
#include "runtime/host.h"

#define TL_SOURCE_MAX (16 << 20) /* bytes of one script */
#define TL_LOADED_MAX (4 << 20)  /* bytes of texts kept for load() */
#define TL_OWN_CHUNK  "[tellua"  /* how names of our own chunks start, without the '=' */

typedef struct tl_chunk {
    struct tl_chunk *next;
    char *wanted; /* as the caller named it */
    char *name;   /* the unique one, without '@' or '=' */
    char *text;
    size_t len;
} tl_chunk;

struct tl_host {
    lua_State *main;
    size_t memory, memory_limit, peak; /* bytes */
    int64_t used, budget;              /* instructions of this run */
    int interval;                /* instructions between two count hooks; 0 = no standing hook */
    int depth;                   /* nested runs */
    int stop;                    /* TL_E* once the run is over: from then on everything raises */
    tl_stop why;                 /* of the run, or of the last one */
    size_t output, output_limit; /* bytes printed in this run; limit 0 = none */
    tl_profile profile;
    double cpu_soft; /* what a deadline's message says */
    int refused;     /* the allocator said no in this run */
    int incomplete;
    int allow_io, allow_os;
    struct tl__stacks *stacks; /* vmfault.c; NULL = not watched */
    int concats_below;         /* threads that wait for a coroutine while a __concat runs on them */
    tl_err *stop_err;          /* payload of the error object for `stop`, made beforehand */
    tl_chunk *chunks;
    unsigned serial;     /* numbers used to make names unique */
    size_t loaded_bytes; /* of texts kept for load() */
    void (*print)(void *ctx, const char *text, size_t len);
    void *print_ctx;
    char trace[2048];
    char raised_at[sizeof((tl_err *)0)->where];

    /* What tl_host_interrupt reads. */
    atomic_int interrupt, running;
    atomic_int late;              /* the interrupt is a deadline */
    _Atomic(lua_State *) current; /* the thread that runs */
    pthread_t owner;              /* set before `running` */
};

/* Every thread of a host's state carries its host; NULL marks a coroutine that died of a stop. */
static inline tl_host **tl__slot(lua_State *L)
{
    return (tl_host **)lua_getextraspace(L);
}

/* --- budget.c --- */
void tl__arm(lua_State *L, tl_host *h);
/* Which host a deadline of the process stops; NULL = none runs. */
void tl__watch_deadline(tl_host *h);
/* Ends the run with `code`: fills the error once, arms the hook on L and raises. */
int tl__stop(lua_State *L, tl_stop why) TL_LJMP;
/* Raises if the run is over or an interrupt is pending. */
void tl__check_stop(lua_State *L) TL_LJMP;
/* After a failed protected call whose error is on top: raises if the run is over, which refused
 * memory also makes it. */
void tl__check_failed(lua_State *L, int status) TL_LJMP;
extern const luaL_Reg tl__guarded_base[];      /* pcall, xpcall */
extern const luaL_Reg tl__guarded_coroutine[]; /* create, resume, wrap, close */

/* --- sandbox.c --- */
void tl__make_environment(lua_State *L, tl_host *h) TL_LJMP;
/* Adds what a missing name would have needed, when the message is about one. */
void tl__hint(const tl_host *h, tl_err *e);

/* Counts n bytes of output; raises when there are too many. */
void tl__charge_output(lua_State *L, size_t n) TL_LJMP;

/* --- sandbox_tenant.c --- */
/* Replaces what tells a stranger more than its own data. The environment is on top. */
void tl__make_tenant(lua_State *L) TL_LJMP;
/* Pushes the value at idx as text, without an address. */
void tl__push_text(lua_State *L, int idx) TL_LJMP;

/* --- chunk.c --- */
/* Reads a whole script; the caller frees *text. */
int tl__read_file(const char *path, char **text, size_t *len, tl_err *e) TL_MUST_CHECK;
/* Compiles `before` (a line's start, usually "") and the text, and keeps the text; pushes the
 * function. mark is '@' for files, else '='. Does not raise. */
int tl__load(tl_host *h, lua_State *L, char mark, const char *name, const char *before,
             const char *text, size_t len, tl_err *e) TL_MUST_CHECK;
/* load() of scripts. */
int tl__lua_load(lua_State *L) TL_LJMP;
/* Writes out the whole name where Lua shortened it ("...ng/path/x.lua:3"). */
void tl__whole_name(tl_host *h, tl_err *e);
void tl__free_chunks(tl_host *h);

#endif
