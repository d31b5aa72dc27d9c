/* Shared by the files of whole Images. Internal. SPDX-License-Identifier: MIT */
#ifndef TL_WHOLE_INT_H
#define TL_WHOLE_INT_H

#include "modules/classes/whole.h"
#include "modules/image/pass.h"
#include "runtime/scratch.h"
#include <pthread.h>

#define TL__SIDE    512 /* cells along a block */
#define TL__NEAREST 255 /* cells that a distance is searched for in the neighbourhood alone */

/* A temporary file in memory, without a name. */
typedef struct tl__map {
    void *at; /* NULL: none */
    tl_scratch file;
} tl__map;

int tl__map_new(tl__map *m, int64_t bytes, tl_err *e) TL_MUST_CHECK;
void tl__map_free(tl__map *m);
/* The bytes from `from` on leave this process's memory, the file keeps them. */
void tl__map_forget(const tl__map *m, int64_t from, int64_t n);

typedef struct tl__whole_sampling tl__whole_sampling;

/* One thread's block of the input. */
typedef struct tl__tools {
    tl_pass_worker *worker;
    int32_t *value; /* dense, of the rect that was loaded */
    uint8_t *valid;
    uint32_t *window; /* the input of a neighbourhood; grows */
    int64_t window_cells;
    struct tl__tools *next;
} tl__tools;

/* A step over the whole, after all of the step before: items by any threads, in any order or one
 * after the other. An item takes milliseconds, since threads ask between items whether to go on.
 * One that ends by TL_EINTR is done again. */
typedef struct tl__phase {
    int64_t (*items)(const tl__whole_sampling *m);
    int (*item)(tl__whole_sampling *m, tl__tools *t, int64_t k, tl_err *e);
    int in_order;
} tl__phase;

struct tl__whole_sampling {
    tl_sampling m; /* first */
    const tl_whole_spec *spec;
    tl_rect domain; /* of the lattice: the whole */
    int64_t globe;  /* columns of a whole turn of longitude; 0 */
    tl_pass *pass;  /* of the input: int32 */
    int sizes;      /* components: sizes are asked for */
    double cell[2]; /* distance: width and height of a cell in the unit of the result */
    int64_t near_x, near_y;

    const tl__phase *phase; /* the one at hand; item NULL: all is computed */
    int64_t next, done, items;
    int64_t *again; /* begun, and left by a thread that was cancelled */
    int nagain;
    tl_err failed;        /* code 0: nothing did */
    int threads;          /* that compute it */
    pthread_mutex_t lock; /* of what changes while it is computed, and of idle */
    pthread_cond_t turn;
    tl__tools *idle;

    tl__map cells, classes;      /* per cell: 4 bytes each; of distances one of 8 bytes */
    tl__map size, first, target; /* per component, from 1 */
    int64_t ncomponents;
};

extern const tl__phase tl__components_phases[], tl__sieve_phases[], tl__distance_phases[];

static inline tl_rect tl__block(const tl__whole_sampling *m, int64_t k)
{
    int64_t across = (m->domain.w + TL__SIDE - 1) / TL__SIDE;
    tl_rect r = {m->domain.x + k % across * TL__SIDE, m->domain.y + k / across * TL__SIDE, TL__SIDE,
                 TL__SIDE};
    return tl_rect_intersect(r, m->domain);
}
int64_t tl__blocks(const tl__whole_sampling *m);
/* Of so many rows each. */
enum { TL__ROWS = 64 };
int64_t tl__row_items(const tl__whole_sampling *m);

/* A thread's own, an idle one if there is; give puts it back. */
int tl__tools_take(tl__whole_sampling *m, tl__tools **out, tl_err *e) TL_MUST_CHECK;
void tl__tools_give(tl__whole_sampling *m, tl__tools *t);
void tl__tools_free(tl__tools *t); /* NULL is allowed */

/* Asked by items and neighbourhoods between rows: TL_EINTR, or the allowance is used up. */
int tl__go_on(const tl__whole_sampling *m, tl_err *e) TL_MUST_CHECK;

/* The input of a block into t. */
int tl__whole_load(tl__whole_sampling *m, tl__tools *t, tl_rect r, tl_err *e) TL_MUST_CHECK;

/* The same of a rect of any size and place into t->window, UINT32_MAX where it is invalid. */
int tl__load_window(tl__whole_sampling *m, tl__tools *t, tl_rect win, tl_err *e) TL_MUST_CHECK;

/* Cells of rect, which lies within the domain, of a whole that is computed; `stride` cells a row.
 */
void tl__components_get(const tl__whole_sampling *m, int band, tl_rect rect, int64_t stride,
                        void *values, uint8_t *valid);
void tl__distance_get(const tl__whole_sampling *m, tl_rect rect, int64_t stride, double *values,
                      uint8_t *valid);
/* The same from the neighbourhood alone. */
int tl__distance_near(tl__whole_sampling *m, tl__tools *t, tl_rect rect, int64_t stride,
                      double *values, uint8_t *valid, tl_err *e) TL_MUST_CHECK;
/* All bands of r in the part `in` of its rect; what it takes beside the window. */
int tl__glcm_near(tl__whole_sampling *m, tl__tools *t, const tl_read *r, tl_rect in,
                  tl_err *e) TL_MUST_CHECK;
int64_t tl__glcm_bytes(void);

#endif
