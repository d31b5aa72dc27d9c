/* The loops of the vector VM, compiled once per instruction set. SPDX-License-Identifier: MIT
 * TL_KERNEL_ISA names the set this object is for; without it, what every machine has. */
#include "modules/expr/arith.h"
#include "modules/expr/expr_int.h"

#if defined(__AVX2__) && !defined(__AVX512F__)
#include <immintrin.h>
#define TL_PACKS
#endif

#ifndef TL_KERNEL_ISA
#define TL_KERNEL_ISA baseline
#endif

#define LOOP(R, expr)                                                                              \
    tl__c_##R *restrict d = pd;                                                                    \
    for (size_t i = 0; i < n; i++)                                                                 \
        d[i] = (tl__c_##R)(expr);

#define REST(R, expr)                                                                              \
    tl__c_##R *restrict d = pd;                                                                    \
    for (; i < n; i++)                                                                             \
        d[i] = (tl__c_##R)(expr);

#define ARGS size_t n, void *pd, const void *pa, const void *pb, const void *pc

#define KERNEL_1(name, R, A, B, C, expr)                                                           \
    static inline tl__c_##R one_##name(tl__c_##A a)                                                \
    {                                                                                              \
        return (tl__c_##R)(expr);                                                                  \
    }                                                                                              \
    static void op_##name(ARGS)                                                                    \
    {                                                                                              \
        const tl__c_##A *restrict a = pa;                                                          \
        (void)pb, (void)pc;                                                                        \
        LOOP(R, one_##name(a[i]))                                                                  \
    }
/* --- comparisons of 64-bit lanes ------------------------------------------------------------
 * Compilers narrow eight vectors of lanes to one of bytes by some forty shuffles; saturating packs
 * need eleven. AVX-512 has masks for it. */
#ifdef TL_PACKS
typedef double four_F __attribute__((vector_size(32), aligned(8)));
typedef int64_t four_I __attribute__((vector_size(32), aligned(8)));
enum { PACKED = 32 };

/* 32 lanes of all ones or zeros as bytes 1 or 0. */
static inline void pack(uint8_t *d, const __m256i *m)
{
    __m256i word[2];
    for (int k = 0; k < 2; k++) {
        __m256 a = _mm256_castsi256_ps(m[4 * k]), b = _mm256_castsi256_ps(m[4 * k + 1]);
        __m256 e = _mm256_castsi256_ps(m[4 * k + 2]), f = _mm256_castsi256_ps(m[4 * k + 3]);
        word[k] = _mm256_packs_epi32(_mm256_castps_si256(_mm256_shuffle_ps(a, b, 0x88)),
                                     _mm256_castps_si256(_mm256_shuffle_ps(e, f, 0x88)));
    }
    /* the low half holds lanes 0 and 1 of each vector, the high half lanes 2 and 3 */
    __m256i byte = _mm256_and_si256(_mm256_packs_epi16(word[0], word[1]), _mm256_set1_epi8(1));
    __m128i low = _mm256_castsi256_si128(byte), high = _mm256_extracti128_si256(byte, 1);
    _mm_storeu_si128((__m128i *)(void *)d, _mm_unpacklo_epi16(low, high));
    _mm_storeu_si128((__m128i *)(void *)(d + 16), _mm_unpackhi_epi16(low, high));
}

#define COMPARE(name, T, expr)                                                                     \
    static inline __m256i four_##name(four_##T a, four_##T b)                                      \
    {                                                                                              \
        return (__m256i)(expr);                                                                    \
    }
#define FOUR(T, x) (*(const four_##T *)(const void *)(x))
#define HEAD(name, x, y)                                                                           \
    for (; i + PACKED <= n; i += PACKED) {                                                         \
        __m256i m[8];                                                                              \
        for (int k = 0; k < 8; k++)                                                                \
            m[k] = four_##name(x, y);                                                              \
        pack((uint8_t *)pd + i, m);                                                                \
    }
#define EACH_4(T, p)        FOUR(T, (p) + i + 4 * k)
#define ALL_4(T, x)         ((four_##T){x, x, x, x})
#define PLAIN_HEAD(name, T) HEAD(name, EACH_4(T, a), EACH_4(T, b))
#define FIRST_HEAD(name, T) HEAD(name, ALL_4(T, a), EACH_4(T, b))
#define LAST_HEAD(name, T)  HEAD(name, EACH_4(T, a), ALL_4(T, b))
#else
#define COMPARE(name, T, expr)
#define PLAIN_HEAD(name, T)
#define FIRST_HEAD(name, T)
#define LAST_HEAD(name, T)
#endif

/* What a kernel does before its plain loop, by result and operands: comparisons pack. */
#define NONE(...)
#define COMPARE_III NONE
#define COMPARE_FFF NONE
#define COMPARE_BIF NONE
#define COMPARE_BFI NONE
#define COMPARE_BBB NONE
#define COMPARE_BII COMPARE
#define COMPARE_BFF COMPARE
#define HEAD_III(kind, name, T)
#define HEAD_FFF(kind, name, T)
#define HEAD_BIF(kind, name, T)
#define HEAD_BFI(kind, name, T)
#define HEAD_BBB(kind, name, T)
#define HEAD_BII(kind, name, T) kind##_HEAD(name, T)
#define HEAD_BFF(kind, name, T) kind##_HEAD(name, T)

#define KERNEL_2(name, R, A, B, C, expr)                                                           \
    static inline tl__c_##R one_##name(tl__c_##A a, tl__c_##B b)                                   \
    {                                                                                              \
        return (tl__c_##R)(expr);                                                                  \
    }                                                                                              \
    COMPARE_##R##A##B(name, A, expr) static void op_##name(ARGS)                                   \
    {                                                                                              \
        const tl__c_##A *restrict a = pa;                                                          \
        const tl__c_##B *restrict b = pb;                                                          \
        size_t i = 0;                                                                              \
        (void)pc;                                                                                  \
        HEAD_##R##A##B(PLAIN, name, A) REST(R, one_##name(a[i], b[i]))                             \
    }                                                                                              \
    static void first_##name(ARGS)                                                                 \
    {                                                                                              \
        const tl__c_##A a = *(const tl__c_##A *)pa;                                                \
        const tl__c_##B *restrict b = pb;                                                          \
        size_t i = 0;                                                                              \
        (void)pc;                                                                                  \
        HEAD_##R##A##B(FIRST, name, A) REST(R, one_##name(a, b[i]))                                \
    }                                                                                              \
    static void last_##name(ARGS)                                                                  \
    {                                                                                              \
        const tl__c_##A *restrict a = pa;                                                          \
        const tl__c_##B b = *(const tl__c_##B *)pb;                                                \
        size_t i = 0;                                                                              \
        (void)pc;                                                                                  \
        HEAD_##R##A##B(LAST, name, A) REST(R, one_##name(a[i], b))                                 \
    }
#define KERNEL_3(name, R, A, B, C, expr)                                                           \
    static inline tl__c_##R one_##name(tl__c_##A a, tl__c_##B b, tl__c_##C c)                      \
    {                                                                                              \
        return (tl__c_##R)(expr);                                                                  \
    }                                                                                              \
    static void op_##name(ARGS)                                                                    \
    {                                                                                              \
        const tl__c_##A *restrict a = pa;                                                          \
        const tl__c_##B *restrict b = pb;                                                          \
        const tl__c_##C *restrict c = pc;                                                          \
        LOOP(R, one_##name(a[i], b[i], c[i]))                                                      \
    }                                                                                              \
    static void last_##name(ARGS)                                                                  \
    {                                                                                              \
        const tl__c_##A *restrict a = pa;                                                          \
        const tl__c_##B *restrict b = pb;                                                          \
        const tl__c_##C c = *(const tl__c_##C *)pc;                                                \
        LOOP(R, one_##name(a[i], b[i], c))                                                         \
    }
#define OP(name, R, arity, A, B, C, libm, expr, meaning) KERNEL_##arity(name, R, A, B, C, expr)
#include "modules/expr/ops.def"
#undef OP

/* Which operand may be a constant, so that it needs no span of its own. */
#define FIRST_1(name) NULL
#define FIRST_2(name) first_##name
#define FIRST_3(name) NULL
#define LAST_1(name)  NULL
#define LAST_2(name)  last_##name
#define LAST_3(name)  last_##name

/* --- loads and stores ---------------------------------------------------------------------- */

#define CONVERT(name, from, R, expr)                                                               \
    static void name(ARGS)                                                                         \
    {                                                                                              \
        const from *restrict s = pa;                                                               \
        (void)pb, (void)pc;                                                                        \
        LOOP(R, expr)                                                                              \
    }

typedef float tl__c_F32;
typedef uint8_t tl__c_U8;
typedef uint16_t tl__c_U16;
typedef uint32_t tl__c_U32;

#define INTEGERS(X)                                                                                \
    X(U8, uint8_t)                                                                                 \
    X(I8, int8_t)                                                                                  \
    X(U16, uint16_t)                                                                               \
    X(I16, int16_t)                                                                                \
    X(U32, uint32_t)                                                                               \
    X(I32, int32_t)                                                                                \
    X(U64, uint64_t)                                                                               \
    X(I64, int64_t)

/* Only cells of 32 bits and fewer have vector conversions of their own. */
#define TO_F(x) (sizeof(x) < 8 ? (double)(x) : tl__i_to_f((int64_t)(x)))

/* Stores keep the low bits, so signed and unsigned cells share a kernel. */
#define INTEGER_LOADS(T, ctype)                                                                    \
    CONVERT(load_##T, ctype, I, s[i])                                                              \
    CONVERT(load_f_##T, ctype, F, TO_F(s[i]))
INTEGERS(INTEGER_LOADS)
CONVERT(load_F32, float, F, s[i])
CONVERT(load_F64, double, F, s[i])
CONVERT(load_mask, uint8_t, B, s[i] != 0)

/* Limits beyond what the cells can hold are cut: no cell is outside them. */
#define WITHIN(T, ctype)                                                                           \
    static void within_##T(ARGS)                                                                   \
    {                                                                                              \
        const ctype *restrict s = pa;                                                              \
        int64_t least = tl_dtype_min(TL_##T), most = tl_dtype_max(TL_##T);                         \
        int64_t from = *(const int64_t *)pb, to = *(const int64_t *)pc;                            \
        if (from > to || from > most || to < least) {                                              \
            memset(pd, 0, n);                                                                      \
            return;                                                                                \
        }                                                                                          \
        const ctype lo = (ctype)(from < least ? least : from),                                     \
                    hi = (ctype)(to > most ? most : to);                                           \
        LOOP(B, (s[i] >= lo) & (s[i] <= hi))                                                       \
    }
WITHIN(U8, uint8_t)
WITHIN(I8, int8_t)
WITHIN(U16, uint16_t)
WITHIN(I16, int16_t)
WITHIN(U32, uint32_t)
WITHIN(I32, int32_t)
WITHIN(I64, int64_t)

CONVERT(store_I_8, int64_t, U8, (uint64_t)s[i])
CONVERT(store_I_16, int64_t, U16, (uint64_t)s[i])
CONVERT(store_I_32, int64_t, U32, (uint64_t)s[i])
CONVERT(store_I_64, int64_t, I, s[i])
CONVERT(store_B_8, uint8_t, U8, s[i])
CONVERT(store_B_16, uint8_t, U16, s[i])
CONVERT(store_B_32, uint8_t, U32, s[i])
CONVERT(store_B_64, uint8_t, I, s[i])
CONVERT(store_F_32, double, F32, s[i])
CONVERT(store_F_64, double, F, s[i])

/* --- tables ---------------------------------------------------------------------------------- */

#define LOOKUP(name, R, field)                                                                     \
    static void name(ARGS)                                                                         \
    {                                                                                              \
        const int64_t *restrict index = pa;                                                        \
        const tl_num *restrict entry = pb;                                                         \
        uint64_t count = (uint64_t) * (const int64_t *)pc;                                         \
        LOOP(R, (uint64_t)index[i] < count ? entry[index[i]].field : 0)                            \
    }
LOOKUP(table_i, I, i)
LOOKUP(table_f, F, f)

#define TABLE_NAME(isa)  TABLE_NAME_(isa)
#define TABLE_NAME_(isa) tl__kernels_##isa
#define TEXT(isa)        TEXT_(isa)
#define TEXT_(isa)       #isa

extern const tl__kernels TABLE_NAME(TL_KERNEL_ISA);
const tl__kernels TABLE_NAME(TL_KERNEL_ISA) = {
    .isa = TEXT(TL_KERNEL_ISA),
    .op =
        {
#define OP(name, ...) op_##name,
#include "modules/expr/ops.def"
#undef OP
        },
    .first =
        {
#define OP(name, R, arity, ...) FIRST_##arity(name),
#include "modules/expr/ops.def"
#undef OP
        },
    .last =
        {
#define OP(name, R, arity, ...) LAST_##arity(name),
#include "modules/expr/ops.def"
#undef OP
        },
#define ENTRY(T, ctype) load_##T,
    .load = {INTEGERS(ENTRY) load_F32, load_F64},
#undef ENTRY
#define ENTRY(T, ctype) load_f_##T,
    .load_f = {INTEGERS(ENTRY) NULL, NULL},
#undef ENTRY
    .load_mask = load_mask,
    /* uint64 arrives as its bits */
    .within = {within_U8, within_I8, within_U16, within_I16, within_U32, within_I32, within_I64,
               within_I64, NULL, NULL},
    .store = {[TL_B] = {store_B_8, store_B_8, store_B_16, store_B_16, store_B_32, store_B_32,
                        store_B_64, store_B_64, NULL, NULL},
              [TL_I] = {store_I_8, store_I_8, store_I_16, store_I_16, store_I_32, store_I_32,
                        store_I_64, store_I_64, NULL, NULL},
              [TL_F] = {[TL_F32] = store_F_32, [TL_F64] = store_F_64}},
    .table_i = table_i,
    .table_f = table_f,
};
