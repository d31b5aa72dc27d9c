/* Budgets of Lua code, in one record. SPDX-License-Identifier: MIT
 *
 * Whoever runs code counts what it can count: a host instructions, memory and output; who watches a
 * jailed worker its CPU and wall time. */
#ifndef TL_LIMITS_H
#define TL_LIMITS_H

#include <stddef.h>
#include <stdint.h>

/* Which names code gets. */
typedef enum tl_profile {
    TL_PROFILE_OWN,   /* the user's own scripts */
    TL_PROFILE_PIXEL, /* strangers: no coroutines */
    TL_PROFILE_BATCH  /* strangers */
} tl_profile;

typedef struct tl_limits {
    size_t memory;        /* bytes that Lua may hold; 0 = 512 MiB */
    int64_t instructions; /* VM instructions per run; 0 = 10^10, < 0 = not counted */
    int allow_io, allow_os;
    tl_profile profile;
    size_t output;                   /* bytes printed per run; 0 = no limit */
    size_t source;                   /* bytes of a text; 0 = the host's own limit */
    int pixels;                      /* that a pixel function of a script is tried on */
    double cpu_soft, cpu_hard, wall; /* seconds per run; 0 = no limit */
    double cpu_life;                 /* seconds of CPU after which a worker is replaced */
} tl_limits;

/* What strangers' scripts and functions get when nobody says more. */
static inline tl_limits tl_limits_of(tl_profile p)
{
    tl_limits l = {.memory = (size_t)(p == TL_PROFILE_PIXEL ? 32 : 64) << 20,
                   .instructions = -1,
                   .profile = p,
                   .output = 64 << 10,
                   .source = 256 << 10,
                   .pixels = 64,
                   .cpu_soft = 0.25,
                   .cpu_hard = 1.5,
                   .wall = 60,
                   .cpu_life = 600};
    return l;
}

/* What a block of a function in a long run gets: it may be large, and nobody waits for it. */
static inline tl_limits tl_limits_of_run(void)
{
    tl_limits l = tl_limits_of(TL_PROFILE_BATCH);
    l.cpu_soft = 60;
    l.cpu_hard = 75;
    l.wall = 600;
    l.cpu_life = 24 * 3600;
    return l;
}

#endif
