/* What a server and its jailed workers say to each other. SPDX-License-Identifier: MIT
 *
 * Three parties: the server; the zygote, a child of it started by posix_spawn, which forks workers;
 * the workers. Server and zygote exchange fixed records over a socket. Server and worker share two
 * memory files: `in`, which only the server can write, and `out`. An event counter says that a
 * request lies in `in`, one byte through a pipe that the answer lies in `out`. What stands in `out`
 * may be anything: it is read once, into locals, and checked. Both sides are built from one tree.
 */
#ifndef TL_JAIL_WIRE_H
#define TL_JAIL_WIRE_H

#include <stdint.h>
#include "runtime/err.h"
#include "runtime/limits.h"

#define TL_JAIL_WIRE    1                 /* changed with anything below */
#define TL_JAIL_IN      ((size_t)8 << 20) /* bytes of the memory files */
#define TL_JAIL_OUT     ((size_t)8 << 20)
#define TL_JAIL_CONTROL 3 /* the zygote's socket */

/* --- server and zygote ---------------------------------------------------------------------- */

enum { TL_ZYGOTE_FORK = 1, TL_ZYGOTE_REAP };

typedef struct tl_zygote_ask {
    uint32_t wire, op;
    int32_t child;     /* REAP: which, alive or dead; the zygote's own number */
    int32_t fail_step; /* for tests: this step of the jail fails; 0 = none */
    uint64_t memory;   /* bytes of address space beyond what a fresh worker has */
    uint64_t cpu_life; /* seconds */
} tl_zygote_ask;       /* FORK carries four descriptors: in, out, bell to read, bell to write */

typedef struct tl_zygote_answer {
    int32_t error; /* errno, 0 = done */
    int32_t child;
    int32_t status; /* REAP: as waitpid has it */
    int32_t unused;
    int64_t max_rss; /* REAP: bytes */
} tl_zygote_answer;  /* FORK carries one descriptor: the pidfd */

/* The zygote's first word. */
typedef struct tl_zygote_hello {
    uint32_t wire;
    int32_t error;      /* errno of what it cannot do without, 0 = ready */
    int32_t step;       /* enum tl_jail_step of that */
    int32_t landlock;   /* ABI; 0 = none */
    int32_t namespaces; /* bits: 1 user, 2 pid, 4 net, 8 mount, 16 ipc, 32 uts */
    int32_t user;       /* 1 = gave up root */
    int32_t mdwe;       /* 1 = no memory becomes executable later */
    char lua[20];
    char filter[20]; /* version of libseccomp */
} tl_zygote_hello;

/* The steps of a worker into its jail, in this order. A worker that fails one exits with
 * TL_JAIL_EXIT + step. */
typedef enum tl_jail_step {
    TL_STEP_NONE,
    TL_STEP_MAP,        /* the memory files */
    TL_STEP_CLOSE,      /* all descriptors but the two bells */
    TL_STEP_SIGNALS,    /* the deadline's handler */
    TL_STEP_PARENT,     /* dies with the zygote */
    TL_STEP_DUMPABLE,   /* nobody attaches */
    TL_STEP_PRIVILEGES, /* no new ones, no capabilities */
    TL_STEP_LANDLOCK,   /* no files, no network */
    TL_STEP_RLIMITS,
    TL_STEP_SECCOMP,
    TL_STEPS
} tl_jail_step;
#define TL_JAIL_EXIT 64

/* --- server and worker ---------------------------------------------------------------------- */

typedef enum tl_jail_kind {
    TL_JAIL_ECHO = 1, /* n bytes; the answer is as long */
    TL_JAIL_SCRIPT,   /* text of a script */
    TL_JAIL_PREPARE,  /* text of a function: batch/jailed.h says which */
    TL_JAIL_RUN       /* n pixels of a function that was prepared */
} tl_jail_kind;

/* At the start of `in`; the data follow. */
typedef struct tl_jail_in {
    uint32_t serial, kind;
    uint64_t id;  /* of the function */
    uint64_t len; /* bytes of data */
    uint64_t n;   /* pixels */
    tl_limits limits;
} tl_jail_in;

enum { TL_ANSWER_DONE, TL_ANSWER_ERROR, TL_ANSWER_TIME, TL_ANSWER_MEMORY };

/* At the start of `out`; the data follow. */
typedef struct tl_jail_out {
    uint32_t serial, answer;
    uint64_t len;          /* bytes of data */
    uint64_t peak, output; /* bytes: held by Lua, printed */
    int32_t code;          /* enum tl_code */
    char message[512];
    char where[160];
} tl_jail_out;

#define TL_JAIL_HEAD 1024 /* where the data begin in both */
_Static_assert(sizeof(tl_jail_in) <= TL_JAIL_HEAD && sizeof(tl_jail_out) <= TL_JAIL_HEAD, "head");

/* Bytes of a RUN: per band its cells of 8 bytes (TL_B results: 1 byte), then a byte of validity;
 * after the results one byte per pixel that says whether it raised. Arrays begin at multiples of
 * 64. */
static inline size_t tl_jail_round(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

#endif
