/* Predictors of TIFF: see predictor.h. Compiled for vectors. SPDX-License-Identifier: MIT */
#include "modules/raster/predictor.h"

#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BY_SIZE(NAME)                                                                              \
    static void NAME(void *to, const void *from, size_t n, size_t lag, size_t size)                \
    {                                                                                              \
        if (size == 1)                                                                             \
            NAME##8(to, from, n, lag);                                                             \
        else if (size == 2)                                                                        \
            NAME##16(to, from, n, lag);                                                            \
        else if (size == 4)                                                                        \
            NAME##32(to, from, n, lag);                                                            \
        else                                                                                       \
            NAME##64(to, from, n, lag);                                                            \
    }

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

BY_SIZE(difference)

/* --- sums -------------------------------------------------------------------------------------
 * A sum needs the one before. Vectors sum up within themselves first, so that only adding their
 * last sums to the next one has to wait. `period` is the bytes from a cell to its neighbour, which
 * must divide a half vector; each function returns how many bytes it did. */

#ifdef __SSE2__
#define SUM(NAME, ADD, STEPS, LAST)                                                                \
    static size_t NAME(uint8_t *to, const uint8_t *from, size_t bytes)                             \
    {                                                                                              \
        __m128i carry = _mm_setzero_si128();                                                       \
        size_t i = 0;                                                                              \
        for (; i + sizeof carry <= bytes; i += sizeof carry) {                                     \
            __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(from + i));                \
            STEPS(ADD)                                                                             \
            _mm_storeu_si128((__m128i *)(void *)(to + i), ADD(x, carry));                          \
            carry = ADD(carry, LAST(x));                                                           \
        }                                                                                          \
        return i;                                                                                  \
    }
#define STEP(ADD, BYTES) x = ADD(x, _mm_slli_si128(x, BYTES));
#define STEPS8(ADD)      STEP(ADD, 8)
#define STEPS4(ADD)      STEP(ADD, 4) STEPS8(ADD)
#define STEPS2(ADD)      STEP(ADD, 2) STEPS4(ADD)
#define STEPS1(ADD)      STEP(ADD, 1) STEPS2(ADD)
#define LAST8(x)         _mm_unpackhi_epi64(x, x)
#define LAST4(x)         _mm_shuffle_epi32(x, 0xff)
#define LAST2(x)         LAST4(_mm_shufflehi_epi16(x, 0xff))
#define LAST1(x)         LAST2(_mm_unpackhi_epi8(x, x))
SUM(sum_1_1, _mm_add_epi8, STEPS1, LAST1)
SUM(sum_1_2, _mm_add_epi8, STEPS2, LAST2)
SUM(sum_1_4, _mm_add_epi8, STEPS4, LAST4)
SUM(sum_1_8, _mm_add_epi8, STEPS8, LAST8)
SUM(sum_2_2, _mm_add_epi16, STEPS2, LAST2)
SUM(sum_2_4, _mm_add_epi16, STEPS4, LAST4)
SUM(sum_2_8, _mm_add_epi16, STEPS8, LAST8)
SUM(sum_4_4, _mm_add_epi32, STEPS4, LAST4)
SUM(sum_4_8, _mm_add_epi32, STEPS8, LAST8)
SUM(sum_8_8, _mm_add_epi64, STEPS8, LAST8)

static size_t sum_vectors(void *to, const void *from, size_t bytes, size_t size, size_t period)
{
    switch (period <= 8 ? 16 * size + period : 0) {
    case 0x11:
        return sum_1_1(to, from, bytes);
    case 0x12:
        return sum_1_2(to, from, bytes);
    case 0x14:
        return sum_1_4(to, from, bytes);
    case 0x18:
        return sum_1_8(to, from, bytes);
    case 0x22:
        return sum_2_2(to, from, bytes);
    case 0x24:
        return sum_2_4(to, from, bytes);
    case 0x28:
        return sum_2_8(to, from, bytes);
    case 0x44:
        return sum_4_4(to, from, bytes);
    case 0x48:
        return sum_4_8(to, from, bytes);
    case 0x88:
        return sum_8_8(to, from, bytes);
    default:
        return 0;
    }
}
#else
static size_t sum_vectors(void *to, const void *from, size_t bytes, size_t size, size_t period)
{
    (void)to, (void)from, (void)bytes, (void)size, (void)period;
    return 0;
}
#endif

/* to may be from. */
#define ACCUMULATE(NAME, T)                                                                        \
    static void NAME(T *to, const T *from, size_t n, size_t lag)                                   \
    {                                                                                              \
        size_t i = sum_vectors(to, from, n * sizeof(T), sizeof(T), lag * sizeof(T)) / sizeof(T);   \
        for (; i < n; i++)                                                                         \
            to[i] = (T)(from[i] + (i < lag ? 0 : to[i - lag]));                                    \
    }
ACCUMULATE(accumulate8, uint8_t)
ACCUMULATE(accumulate16, uint16_t)
ACCUMULATE(accumulate32, uint32_t)
ACCUMULATE(accumulate64, uint64_t)

BY_SIZE(accumulate)

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
