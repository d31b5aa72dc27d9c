/* Reducing the values of many scenes to one, cell by cell. SPDX-License-Identifier: MIT
 *
 * Arithmetic on buffers, nothing else; no allocation that is not said. Cells that are not valid
 * play no part, whatever they hold. Objects belong to one thread. */
#ifndef TL_REDUCE_H
#define TL_REDUCE_H

#include "runtime/dtype.h"
#include "runtime/err.h"
#include <stdint.h>

typedef enum tl_reducer {
#define REDUCER(name, class, meaning) TL_R_##name,
#include "modules/collection/reducers.def"
#undef REDUCER
    TL_REDUCERS
} tl_reducer;

enum tl_reducer_class { TL_R_STREAM, TL_R_SORTED, TL_R_JOINT, TL_R_BANDS };

const char *tl_reducer_name(tl_reducer r);
int tl_reducer_from_name(const char *name, tl_reducer *out); /* 0 = known, -1 = not */
enum tl_reducer_class tl_reducer_class(tl_reducer r);
/* Of the result, when the values are `in`. */
tl_dtype tl_reducer_dtype(tl_reducer r, tl_dtype in);

typedef struct tl_reduction {
    tl_reducer how;
    double percentile; /* 0 .. 100 */
    int ddof;          /* stddev: 0 or 1 */
    int64_t min_count; /* fewer valid values give an invalid result; at least 1 */
} tl_reduction;

/* --- streaming -------------------------------------------------------------------------------- */

/* Of one band over n cells. Values of integer types are kept as int64, of float types as double. */
typedef struct tl_running {
    tl_reduction r;
    tl_dtype in;
    uint32_t *count;
    void *a; /* value, sum or mean */
    double *b;
} tl_running;

int64_t tl_running_bytes(int64_t n); /* of one such */
int tl_running_new(tl_running *s, const tl_reduction *r, tl_dtype in, int64_t n,
                   tl_err *e) TL_MUST_CHECK;
void tl_running_free(tl_running *s);
void tl_running_begin(tl_running *s, int64_t n);
/* The values of the next scene at the cells from `at` on. */
void tl_running_add(tl_running *s, int64_t at, int64_t n, const void *values, const uint8_t *valid);
/* better[i] = 1 where the value would become the largest so far: before it is added. */
void tl_running_better(const tl_running *s, int64_t at, int64_t n, const void *values,
                       const uint8_t *valid, uint8_t *better);
/* Cells of tl_reducer_dtype, 0 where invalid. */
void tl_running_end(const tl_running *s, int64_t n, void *out, uint8_t *valid);
/* first: every one of the n cells has its value, so later scenes change nothing. */
int tl_running_done(const tl_running *s, int64_t n);

/* --- all values at once ------------------------------------------------------------------------
 */

/* values: scenes x n cells of type `in`, scene by scene; valid likewise. scratch: as many bytes as
 * tl_sorted_bytes says. */
int64_t tl_sorted_bytes(int64_t scenes, tl_dtype in);
void tl_sorted(const tl_reduction *r, tl_dtype in, int64_t scenes, int64_t n, const void *values,
               const uint8_t *valid, void *scratch, void *out, uint8_t *out_valid);

/* chosen[i]: the scene that stands for cell i, or -1. values[b], valid[b]: as above, one per band
 * of type in[b]; a scene takes part where all its bands are valid. scratch: tl_medoid_bytes. */
int64_t tl_medoid_bytes(int64_t scenes, int nbands);
void tl_medoid(int64_t scenes, int nbands, int64_t n, const tl_dtype *in, void *const *values,
               uint8_t *const *valid, int64_t min_count, void *scratch, int32_t *chosen);

#endif
