/* Memory and small strings: see mem.h. SPDX-License-Identifier: MIT */
#include "runtime/hash.h"
#include "runtime/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *p)
{
    if (!p) {
        fputs("tellua: out of memory\n", stderr);
        abort();
    }
    return p;
}

void *tl_xmalloc(size_t n)
{
    return must(malloc(n ? n : 1));
}

void *tl_xcalloc(size_t n, size_t size)
{
    return must(calloc(n ? n : 1, size ? size : 1));
}

void *tl_xrealloc(void *p, size_t n)
{
    return must(realloc(p, n ? n : 1));
}

char *tl_xstrdup(const char *s)
{
    return must(strdup(s));
}

char *tl_xasprintf(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        abort(); /* our own format is broken */
    char *s = tl_xmalloc((size_t)n + 1);
    va_start(ap, fmt);
    vsnprintf(s, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return s;
}

int tl_try_alloc(void **out, size_t n, size_t size, const char *what, tl_err *e)
{
    void *p = NULL;
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > (size_t)PTRDIFF_MAX ||
        posix_memalign(&p, 64, bytes ? bytes : 64))
        return tl_fail(e, TL_ENOMEM, "cannot allocate %zu x %zu bytes for %s", n, size, what);
    *out = p;
    return 0;
}

/* Open hashing with a growing table: some tens to thousands of names. */
static struct {
    pthread_mutex_t lock;
    char **slot;
    size_t cap, used;
} names = {.lock = PTHREAD_MUTEX_INITIALIZER};

static char **find_slot(char **slot, size_t cap, const char *s)
{
    size_t i = (size_t)tl_fnv(TL_FNV, s, strlen(s)) & (cap - 1);
    while (slot[i] && strcmp(slot[i], s) != 0)
        i = (i + 1) & (cap - 1);
    return &slot[i];
}

static void grow(void)
{
    size_t cap = names.cap ? names.cap * 2 : 256;
    char **slot = tl_xcalloc(cap, sizeof *slot);
    for (size_t i = 0; i < names.cap; i++)
        if (names.slot[i])
            *find_slot(slot, cap, names.slot[i]) = names.slot[i];
    free(names.slot);
    names.slot = slot;
    names.cap = cap;
}

const char *tl_intern(const char *s)
{
    pthread_mutex_lock(&names.lock);
    if (names.used * 2 >= names.cap)
        grow();
    char **at = find_slot(names.slot, names.cap, s);
    if (!*at) {
        *at = tl_xstrdup(s);
        names.used++;
    }
    const char *r = *at;
    pthread_mutex_unlock(&names.lock);
    return r;
}

static atomic_long live[TL_LIVE_KINDS];

void tl_live(enum tl_live_kind kind, int delta)
{
    atomic_fetch_add_explicit(&live[kind], delta, memory_order_relaxed);
}

long tl_live_count(enum tl_live_kind kind)
{
    return atomic_load_explicit(&live[kind], memory_order_relaxed);
}
