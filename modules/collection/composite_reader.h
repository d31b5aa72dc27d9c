/* The buffers of those who read composites. Internal. SPDX-License-Identifier: MIT */
#ifndef TL_COMPOSITE_READER_H
#define TL_COMPOSITE_READER_H

#include "modules/collection/composite_int.h"
#include "runtime/scratch.h"

#define TL__KEPT_WORKERS 3 /* kinds of which a reader keeps the buffers */

/* The buffers of one thread. */
struct tl__reader {
    struct tl__reader *next;
    int64_t w, h; /* of the largest block */
    struct {
        const tl_pass *pass;
        tl_pass_worker *worker;
        uint64_t used;
    } slot[TL__KEPT_WORKERS];
    uint64_t clock;
    void **values; /* per band needed: one member's cells */
    uint8_t **valid;
    tl_running *running; /* per band asked for; quality_mosaic: one */
    uint8_t *better;
    int64_t room; /* cells of all members together in the stack */
    void **stack; /* per band needed */
    uint8_t **stack_valid;
    tl_scratch
        spill;      /* while a block is read: all members' cells, where the stack holds some rows */
    uint8_t *there; /* per member that touches the block: it could be read */
    void *scratch;
    int64_t scratch_bytes;
    int32_t *chosen;
    int64_t *member; /* those that touch the block */
    int64_t nmembers;
};

/* Whether all values of a cell are needed together. */
int tl__keeps_stack(const tl_composite_spec *p);
/* Bytes of a value of the band at place j of those needed. */
size_t tl__size_needed(const tl__composite *c, const tl__composite_sampling *m, int j);
/* One that is idle, or a new one, for blocks up to w x h cells; goes back by tl__reader_give. */
int tl__reader_take(tl__composite_sampling *m, int64_t w, int64_t h, struct tl__reader **out,
                    tl_err *e) TL_MUST_CHECK;
void tl__reader_give(tl__composite_sampling *m, struct tl__reader *d);
/* Room in the stack for that many cells; for the scratch of a reducer over that many members. */
int tl__reserve_stack(struct tl__reader *d, const tl__composite *c, const tl__composite_sampling *m,
                      int64_t room, tl_err *e) TL_MUST_CHECK;
int64_t tl__scratch_needed(const tl__composite *c, const tl__composite_sampling *m,
                           int64_t members);
int tl__reserve_scratch(struct tl__reader *d, int64_t bytes, tl_err *e) TL_MUST_CHECK;

/* --- composite_read.c, composite_stack.c ---------------------------------------------------------
 */

/* One block to be read. */
typedef struct tl__job {
    tl__composite_sampling *m;
    const tl__composite *c;
    const tl_composite_spec *spec;
    struct tl__reader *rd;
    const tl_read *r;
    tl_err *e;
} tl__job;

/* The member's cells of rect, dense. *there = 0: it is left out. */
int tl__run_member(const tl__job *j, int64_t member, tl_rect rect, void *const *values,
                   uint8_t *const *valid, int *there);
/* Rows of w cells of `size` bytes from a dense block into a wider one. */
void tl__put_rows(void *to, int64_t at, int64_t stride, const void *from, int64_t w, int64_t h,
                  size_t size);
/* Reducers that need all values of a cell at once. */
int tl__read_stacked(const tl__job *j);

#endif
