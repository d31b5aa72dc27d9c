/* Predictors of TIFF: see predictor.h. Compiled for vectors. SPDX-License-Identifier: MIT */
#include "modules/raster/predictor.h"

#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* --- differences ------------------------------------------------------------------------------ */

#define DIFFERENCE(NAME, T)                                                                        \
    static void NAME(T *restrict to, const T *restrict from, size_t n, size_t lag)                 \
    {                                                                                              \
        for (size_t i = 0; i < lag && i < n; i++)                                                  \
            to[i] = from[i];                                                                       \
        for (size_t i = lag; i < n; i++)                                                           \
            to[i] = (T)(from[i] - from[i - lag]);                                                  \
    }
DIFFERENCE(difference8, uint8_t)
DIFFERENCE(difference16, uint16_t)
DIFFERENCE(difference32, uint32_t)
DIFFERENCE(difference64, uint64_t)

static void difference(void *to, const void *from, size_t n, size_t lag, size_t size)
{
    switch (size) {
    case 1:
        difference8(to, from, n, lag);
        break;
    case 2:
        difference16(to, from, n, lag);
        break;
    case 4:
        difference32(to, from, n, lag);
        break;
    default:
        difference64(to, from, n, lag);
        break;
    }
}

/* --- sums -------------------------------------------------------------------------------------
 * A sum needs the one before. Vectors sum up within themselves first, so that only adding their
 * last sum to the next one has to wait. Each returns how many cells it did, and the sum so far. */

#ifdef __SSE2__
#define SUM_VECTORS(NAME, T, ADD, SCAN, LAST)                                                      \
    static size_t NAME(T *to, const T *from, size_t n, T *sum)                                     \
    {                                                                                              \
        const size_t lanes = sizeof(__m128i) / sizeof(T);                                          \
        __m128i carry = _mm_setzero_si128();                                                       \
        size_t i = 0;                                                                              \
        for (; i + lanes <= n; i += lanes) {                                                       \
            __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(from + i));                \
            SCAN;                                                                                  \
            _mm_storeu_si128((__m128i *)(void *)(to + i), ADD(x, carry));                          \
            carry = ADD(carry, LAST(x));                                                           \
        }                                                                                          \
        *sum = i ? to[i - 1] : 0;                                                                  \
        return i;                                                                                  \
    }
#define STEP(ADD, BYTES) x = ADD(x, _mm_slli_si128(x, BYTES))
#define LAST32(x)        _mm_shuffle_epi32(x, 0xff)
#define LAST16(x)        LAST32(_mm_shufflehi_epi16(x, 0xff))
#define LAST8(x)         LAST16(_mm_unpackhi_epi8(x, x))
SUM_VECTORS(sum_vectors8, uint8_t, _mm_add_epi8, STEP(_mm_add_epi8, 1); STEP(_mm_add_epi8, 2);
            STEP(_mm_add_epi8, 4); STEP(_mm_add_epi8, 8), LAST8)
SUM_VECTORS(sum_vectors16, uint16_t, _mm_add_epi16, STEP(_mm_add_epi16, 2); STEP(_mm_add_epi16, 4);
            STEP(_mm_add_epi16, 8), LAST16)
SUM_VECTORS(sum_vectors32, uint32_t, _mm_add_epi32, STEP(_mm_add_epi32, 4);
            STEP(_mm_add_epi32, 8), LAST32)
#else
#define NO_VECTORS(NAME, T)                                                                        \
    static size_t NAME(T *to, const T *from, size_t n, T *sum)                                     \
    {                                                                                              \
        (void)to, (void)from, (void)n;                                                             \
        *sum = 0;                                                                                  \
        return 0;                                                                                  \
    }
NO_VECTORS(sum_vectors8, uint8_t)
NO_VECTORS(sum_vectors16, uint16_t)
NO_VECTORS(sum_vectors32, uint32_t)
#endif

static size_t sum_vectors64(uint64_t *to, const uint64_t *from, size_t n, uint64_t *sum)
{
    (void)to, (void)from, (void)n;
    *sum = 0;
    return 0;
}

/* to may be from. */
#define ACCUMULATE(NAME, T, VECTORS)                                                               \
    static void NAME(T *to, const T *from, size_t n, size_t lag)                                   \
    {                                                                                              \
        T sum = 0;                                                                                 \
        for (size_t i = lag == 1 ? VECTORS(to, from, n, &sum) : n; i < n; i++)                     \
            to[i] = sum = (T)(sum + from[i]);                                                      \
        for (size_t i = 0; lag > 1 && i < n; i++)                                                  \
            to[i] = (T)(from[i] + (i < lag ? 0 : to[i - lag]));                                    \
    }
ACCUMULATE(accumulate8, uint8_t, sum_vectors8)
ACCUMULATE(accumulate16, uint16_t, sum_vectors16)
ACCUMULATE(accumulate32, uint32_t, sum_vectors32)
ACCUMULATE(accumulate64, uint64_t, sum_vectors64)

static void accumulate(void *to, const void *from, size_t n, size_t lag, size_t size)
{
    switch (size) {
    case 1:
        accumulate8(to, from, n, lag);
        break;
    case 2:
        accumulate16(to, from, n, lag);
        break;
    case 4:
        accumulate32(to, from, n, lag);
        break;
    default:
        accumulate64(to, from, n, lag);
        break;
    }
}

/* --- bytes by significance --------------------------------------------------------------------
 */

#define SPLIT(NAME, T)                                                                             \
    static void NAME(uint8_t *restrict to, const T *restrict from, size_t n)                       \
    {                                                                                              \
        for (size_t k = 0; k < sizeof(T); k++)                                                     \
            for (size_t i = 0; i < n; i++)                                                         \
                to[k * n + i] = (uint8_t)(from[i] >> (8 * (sizeof(T) - 1 - k)));                   \
    }
SPLIT(split16, uint16_t)
SPLIT(split32, uint32_t)
SPLIT(split64, uint64_t)

static void split(void *to, const void *from, size_t n, size_t size)
{
    if (size == 2)
        split16(to, from, n);
    else if (size == 4)
        split32(to, from, n);
    else
        split64(to, from, n);
}

/* The first `most` of n cells. */
static void join16(uint16_t *restrict to, const uint8_t *restrict p, size_t most, size_t n)
{
    for (size_t i = 0; i < most; i++)
        to[i] = (uint16_t)(p[i] << 8 | p[n + i]);
}

static void join32(uint32_t *restrict to, const uint8_t *restrict p, size_t most, size_t n)
{
    for (size_t i = 0; i < most; i++)
        to[i] = (uint32_t)p[i] << 24 | (uint32_t)p[n + i] << 16 | (uint32_t)p[2 * n + i] << 8 |
                p[3 * n + i];
}

static void join64(uint64_t *restrict to, const uint8_t *restrict p, size_t most, size_t n)
{
    for (size_t i = 0; i < most; i++) {
        uint64_t v = 0;
        for (size_t k = 0; k < 8; k++)
            v = v << 8 | p[k * n + i];
        to[i] = v;
    }
}

static void join(void *to, const void *from, size_t most, size_t n, size_t size)
{
    if (size == 2)
        join16(to, from, most, n);
    else if (size == 4)
        join32(to, from, most, n);
    else
        join64(to, from, most, n);
}

/* --- rows ------------------------------------------------------------------------------------- */

void tl_predict_row(int predictor, void *row, void *work, size_t n, size_t lag, size_t size)
{
    if (predictor == TL_PREDICT_INTEGER) {
        memcpy(work, row, n * size);
        difference(row, work, n, lag, size);
    } else if (predictor == TL_PREDICT_FLOAT) {
        split(work, row, n, size);
        difference8(row, work, n * size, lag);
    }
}

void tl_unpredict_row(int predictor, void *to, size_t most, void *row, void *work, size_t n,
                      size_t lag, size_t size)
{
    if (predictor == TL_PREDICT_INTEGER) {
        accumulate(to, row, most, lag, size);
    } else if (predictor == TL_PREDICT_FLOAT) {
        accumulate8(work, row, n * size, lag);
        join(to, work, most, n, size);
    } else if (to != row) {
        memcpy(to, row, most * size);
    }
}
