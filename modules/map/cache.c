/* A bounded cache: see cache.h. SPDX-License-Identifier: MIT */
#include "modules/map/cache.h"
#include "runtime/hash.h"
#include "runtime/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>

#define MAPPED   (32 << 10) /* bytes from which a blob has pages of its own */
#define OVERHEAD 160        /* bytes of an entry beside its key and blob, nearly */

typedef struct entry {
    struct entry *next; /* of the same bucket */
    TAILQ_ENTRY(entry) use;
    uint64_t hash;
    tl_blob *blob;
    size_t key_len;
    char key[];
} entry;

struct tl_cache {
    pthread_mutex_t lock;
    int64_t most;
    tl_cache_counts n;
    entry **bucket;
    size_t nbuckets;              /* a power of 2 */
    TAILQ_HEAD(uses, entry) uses; /* the last one first */
};

/* What lives long and is large has pages of its own: between what comes and goes on the heap it
 * would leave holes that nothing fits, and memory would grow for hours. */
tl_blob *tl_blob_new(size_t size)
{
    size_t all = sizeof(tl_blob) + size;
    void *pages = all >= MAPPED ? mmap(NULL, all, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)
                                : MAP_FAILED;
    tl_blob *b = pages != MAP_FAILED ? pages : malloc(all);
    if (b) {
        atomic_init(&b->refs, 1);
        b->size = size;
        b->mapped = pages != MAP_FAILED ? all : 0;
    }
    return b;
}

void tl_blob_unref(tl_blob *b)
{
    if (!b || atomic_fetch_sub(&b->refs, 1) != 1)
        return;
    if (b->mapped)
        munmap(b, b->mapped);
    else
        free(b);
}

tl_cache *tl_cache_new(int64_t most_bytes)
{
    tl_cache *c = tl_xcalloc(1, sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    c->most = most_bytes;
    c->nbuckets = 4096;
    TAILQ_INIT(&c->uses);
    c->bucket = tl_xcalloc(c->nbuckets, sizeof *c->bucket);
    return c;
}

static int64_t cost(const entry *e)
{
    return (int64_t)(e->blob->size + e->key_len) + OVERHEAD;
}

static void evict(tl_cache *c, entry *e)
{
    entry **at = &c->bucket[e->hash & (c->nbuckets - 1)];
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    TAILQ_REMOVE(&c->uses, e, use);
    c->n.bytes -= cost(e);
    c->n.entries--;
    tl_blob_unref(e->blob);
    free(e);
}

void tl_cache_free(tl_cache *c)
{
    if (!c)
        return;
    while (!TAILQ_EMPTY(&c->uses))
        evict(c, TAILQ_FIRST(&c->uses));
    pthread_mutex_destroy(&c->lock);
    free(c->bucket);
    free(c);
}

static entry *find(tl_cache *c, const void *key, size_t len, uint64_t hash)
{
    entry *e = c->bucket[hash & (c->nbuckets - 1)];
    while (e && (e->hash != hash || e->key_len != len || memcmp(e->key, key, len) != 0))
        e = e->next;
    return e;
}

tl_blob *tl_cache_get(tl_cache *c, const void *key, size_t key_len)
{
    uint64_t hash = tl_fnv(TL_FNV, key, key_len);
    tl_blob *b = NULL;
    pthread_mutex_lock(&c->lock);
    entry *e = find(c, key, key_len, hash);
    if (e) {
        b = e->blob;
        atomic_fetch_add(&b->refs, 1);
        TAILQ_REMOVE(&c->uses, e, use);
        TAILQ_INSERT_HEAD(&c->uses, e, use);
        c->n.hits++;
    } else {
        c->n.misses++;
    }
    pthread_mutex_unlock(&c->lock);
    return b;
}

static void widen(tl_cache *c)
{
    size_t n = c->nbuckets * 4;
    entry **to = tl_xcalloc(n, sizeof *to);
    for (entry *e = TAILQ_FIRST(&c->uses); e; e = TAILQ_NEXT(e, use)) {
        e->next = to[e->hash & (n - 1)];
        to[e->hash & (n - 1)] = e;
    }
    free(c->bucket);
    c->bucket = to;
    c->nbuckets = n;
}

void tl_cache_put(tl_cache *c, const void *key, size_t key_len, tl_blob *b)
{
    entry *e = tl_xmalloc(sizeof *e + key_len);
    *e = (entry){.hash = tl_fnv(TL_FNV, key, key_len), .blob = b, .key_len = key_len};
    memcpy(e->key, key, key_len);
    atomic_fetch_add(&b->refs, 1);
    pthread_mutex_lock(&c->lock);
    entry *old = find(c, key, key_len, e->hash);
    if (old)
        evict(c, old);
    if ((size_t)c->n.entries > 2 * c->nbuckets)
        widen(c);
    entry **at = &c->bucket[e->hash & (c->nbuckets - 1)];
    e->next = *at;
    *at = e;
    TAILQ_INSERT_HEAD(&c->uses, e, use);
    c->n.bytes += cost(e);
    c->n.entries++;
    while (c->n.bytes > c->most && !TAILQ_EMPTY(&c->uses))
        evict(c, TAILQ_LAST(&c->uses, uses));
    pthread_mutex_unlock(&c->lock);
}

void tl_cache_count(tl_cache *c, tl_cache_counts *out)
{
    pthread_mutex_lock(&c->lock);
    *out = c->n;
    pthread_mutex_unlock(&c->lock);
}
