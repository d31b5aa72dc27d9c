/* The tile store of a job folder: see store.h. SPDX-License-Identifier: MIT */
#include "modules/batch/store.h"
#include "modules/batch/segment.h"
#include "modules/raster/outfile.h"
#include "runtime/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Lock order: writing before index. `index` guards the table and the list of segments; a segment's
 * address and descriptors never change once it is listed. */
struct tl_store {
    char *dir, key[65];
    int flags;
    pthread_mutex_t writing, lock;
    tl__tileindex index;
    tl__segment **segment;
    char **names;
    uint32_t nsegments;
    int64_t own; /* number of the segment this process writes, or -1 */
};

/* --- segments --------------------------------------------------------------------------------- */

typedef struct arrival {
    tl_store *s;
    uint32_t segment;
} arrival;

static int on_place(void *ctx, const tl__place *p, tl_err *e)
{
    arrival *a = ctx;
    tl__place q = *p;
    q.segment = a->segment;
    return tl__index_put(&a->s->index, &q, e);
}

static int load(tl_store *s, uint32_t i, tl_err *e)
{
    arrival a = {s, i};
    return tl__segment_load(s->segment[i], i == s->own, s->flags & TL_STORE_VERIFY, on_place, &a,
                            e);
}

static uint32_t list(tl_store *s, const tl__segment *g, const char *name)
{
    uint32_t i = s->nsegments++;
    s->segment = tl_xrealloc(s->segment, s->nsegments * sizeof *s->segment);
    s->names = tl_xrealloc(s->names, s->nsegments * sizeof *s->names);
    s->segment[i] = tl_xmalloc(sizeof *g);
    *s->segment[i] = *g;
    s->names[i] = tl_xstrdup(name);
    return i;
}

static int is_listed(const tl_store *s, const char *name)
{
    for (uint32_t i = 0; i < s->nsegments; i++)
        if (strcmp(s->names[i], name) == 0)
            return 1;
    return 0;
}

static int ends_in_idx(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return n > 4 && strcmp(d->d_name + n - 4, ".idx") == 0;
}

/* Half of what the process may have open, since a job may have more segments than that. */
static int may_stay_open(uint32_t n)
{
    struct rlimit r;
    return getrlimit(RLIMIT_NOFILE, &r) != 0 || n < r.rlim_cur / 2;
}

/* also: to be read from now on as it is. */
static int list_one(tl_store *s, const char *dir, const char *name, int also, tl_err *e)
{
    tl__segment g;
    int r = tl__segment_look(dir, name, s->key, &g, e);
    if (r || g.idx < 0)
        return r;
    uint32_t i = list(s, &g, name);
    if (!also)
        return 0;
    r = load(s, i, e);
    tl__segment_rest(s->segment[i], may_stay_open(i));
    return r;
}

static int list_new(tl_store *s, const char *dir, int also, tl_err *e)
{
    struct dirent **found = NULL;
    int r = 0, n = scandir(dir, &found, ends_in_idx, alphasort);
    if (n < 0)
        return tl_fail(e, TL_EIO, "cannot read %s: %s", dir, strerror(errno));
    for (int i = 0; i < n; i++) {
        char *name = found[i]->d_name;
        name[strlen(name) - 4] = '\0';
        if (!r && !is_listed(s, name))
            r = list_one(s, dir, name, also, e);
        free(found[i]);
    }
    free(found);
    return r;
}

int tl_store_also(tl_store *s, const char *dir, tl_err *e)
{
    return list_new(s, dir, 1, e);
}

/* --- open and close --------------------------------------------------------------------------- */

static int check_names(const char *segment, const char *key, tl_err *e)
{
    if (strlen(key) != 64 || strspn(key, "0123456789abcdef") != 64)
        return tl_fail(e, TL_EUSAGE, "a plan's key is 64 hexadecimal digits, not '%.80s'", key);
    if (segment && (!segment[0] || segment[0] == '.' || strchr(segment, '/')))
        return tl_fail(e, TL_EUSAGE, "'%.80s' cannot name a segment", segment);
    return 0;
}

static int fill(tl_store *s, const char *segment, tl_err *e)
{
    tl__segment g;
    if (mkdir(s->dir, 0777) && errno != EEXIST)
        return tl_fail(e, TL_EIO, "cannot make %s: %s", s->dir, strerror(errno));
    /* Others first: what this process stored itself holds. */
    int r = s->flags & TL_STORE_ALONE ? 0 : list_new(s, s->dir, 0, e);
    for (uint32_t i = 0; !r && i < s->nsegments; i++)
        if (!segment || strcmp(s->names[i], segment) != 0)
            r = load(s, i, e);
    if (r || !segment)
        return r;
    r = tl__segment_own(s->dir, segment, s->key, &g, e);
    if (r)
        return r;
    for (uint32_t i = 0; i < s->nsegments; i++)
        if (strcmp(s->names[i], segment) == 0) { /* it was listed as one to read */
            tl__segment_close(s->segment[i]);
            *s->segment[i] = g;
            s->own = i;
        }
    if (s->own < 0)
        s->own = list(s, &g, segment);
    return load(s, (uint32_t)s->own, e);
}

int tl_store_open(const char *dir, const char *segment, const char *key, int flags, tl_store **out,
                  tl_err *e)
{
    int r = check_names(segment, key, e);
    if (r)
        return r;
    tl_store *s = tl_xcalloc(1, sizeof *s);
    s->dir = tl_xstrdup(dir);
    memcpy(s->key, key, 65);
    s->flags = flags;
    s->own = -1;
    pthread_mutex_init(&s->writing, NULL);
    pthread_mutex_init(&s->lock, NULL);
    if ((r = fill(s, segment, e))) {
        tl_store_close(s);
        return r;
    }
    *out = s;
    return 0;
}

void tl_store_close(tl_store *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < s->nsegments; i++) {
        tl__segment_close(s->segment[i]);
        free(s->segment[i]);
        free(s->names[i]);
    }
    free(s->segment);
    free(s->names);
    tl__index_free(&s->index);
    pthread_mutex_destroy(&s->writing);
    pthread_mutex_destroy(&s->lock);
    free(s->dir);
    free(s);
}

/* --- tiles ------------------------------------------------------------------------------------ */

int tl_store_put(tl_store *s, int product, int level, int64_t tx, int64_t ty, const tl_packed *t,
                 tl_err *e)
{
    if (s->own < 0)
        return tl_fail(e, TL_EUSAGE, "%s is open for reading only", s->dir);
    if (product < 0 || product > 65535 || level < 0 || level >= TL__MOST_LEVELS || tx < 0 ||
        ty < 0 || tx > UINT32_MAX || ty > UINT32_MAX || t->len > INT32_MAX ||
        t->mask_len > INT32_MAX || (!t->len && t->mask_len))
        return tl_fail(e, TL_EUSAGE, "tile %lld,%lld of level %d of product %d cannot be stored",
                       (long long)tx, (long long)ty, level, product);
    tl__place p = {.product = (uint32_t)product,
                   .level = (uint32_t)level,
                   .tx = (uint32_t)tx,
                   .ty = (uint32_t)ty,
                   .len = (uint32_t)t->len,
                   .mask_len = (uint32_t)t->mask_len,
                   .segment = (uint32_t)s->own};
    pthread_mutex_lock(&s->writing);
    pthread_mutex_lock(&s->lock);
    tl__segment *g = s->segment[s->own];
    pthread_mutex_unlock(&s->lock);
    int r = tl__segment_append(g, &p, t, e);
    if (!r) {
        pthread_mutex_lock(&s->lock);
        r = tl__index_put(&s->index, &p, e);
        pthread_mutex_unlock(&s->lock);
    }
    pthread_mutex_unlock(&s->writing);
    return r;
}

static int find(tl_store *s, int product, int level, int64_t tx, int64_t ty, tl__place *out,
                const tl__segment **g)
{
    if (tx < 0 || ty < 0 || tx > UINT32_MAX || ty > UINT32_MAX)
        return 0;
    pthread_mutex_lock(&s->lock);
    const tl__place *p =
        tl__index_find(&s->index, (uint32_t)product, (uint32_t)level, (uint32_t)tx, (uint32_t)ty);
    if (p) {
        *out = *p;
        *g = s->segment[p->segment];
    }
    pthread_mutex_unlock(&s->lock);
    return p != NULL;
}

int tl_store_has(tl_store *s, int product, int level, int64_t tx, int64_t ty)
{
    tl__place p;
    const tl__segment *g;
    return find(s, product, level, tx, ty, &p, &g);
}

static int missing(const tl_store *s, int product, int level, int64_t tx, int64_t ty, tl_err *e)
{
    return tl_fail(e, TL_EDATA, "tile %lld,%lld of level %d of product %d is missing in %s",
                   (long long)tx, (long long)ty, level, product, s->dir);
}

int tl_store_size(tl_store *s, int product, int level, int64_t tx, int64_t ty, uint32_t *len,
                  uint32_t *mask_len, tl_err *e)
{
    tl__place p;
    const tl__segment *g;
    if (!find(s, product, level, tx, ty, &p, &g)) {
        if (!(s->flags & TL_STORE_HOLES))
            return missing(s, product, level, tx, ty, e);
        p = (tl__place){0};
    }
    *len = p.len;
    *mask_len = p.mask_len;
    return 0;
}

int tl_store_get(tl_store *s, int product, int level, int64_t tx, int64_t ty, uint8_t **buf,
                 size_t *cap, tl_packed *out, tl_err *e)
{
    tl__place p;
    const tl__segment *g;
    if (!find(s, product, level, tx, ty, &p, &g)) {
        if (!(s->flags & TL_STORE_HOLES))
            return missing(s, product, level, tx, ty, e);
        p = (tl__place){0};
    }
    size_t n = (size_t)p.len + p.mask_len;
    if (!*buf || n > *cap) {
        uint8_t *more = NULL;
        int r = tl_try_alloc((void **)&more, n + n / 4, 1, "a compressed tile", e);
        if (r)
            return r;
        free(*buf);
        *buf = more;
        *cap = n + n / 4;
    }
    int r = n ? tl__segment_read(g, &p, *buf, e) : 0;
    if (r)
        return r;
    *out = (tl_packed){*buf, p.len, *buf + p.len, p.mask_len};
    return 0;
}

int64_t tl_store_count(tl_store *s, int product, int level)
{
    int64_t n = 0;
    pthread_mutex_lock(&s->lock);
    if (product >= 0 && (uint32_t)product < s->index.products && level >= 0 &&
        level < TL__MOST_LEVELS)
        n = s->index.count[product][level];
    pthread_mutex_unlock(&s->lock);
    return n;
}

int tl_store_sync(tl_store *s, tl_err *e)
{
    if (s->own < 0)
        return 0;
    pthread_mutex_lock(&s->lock);
    const tl__segment *g = s->segment[s->own];
    pthread_mutex_unlock(&s->lock);
    return tl__segment_sync(g, e);
}

/* --- removing --------------------------------------------------------------------------------- */

/* SEG.dat, then SEG.idx, which says whose the data are; not while a process writes them. */
static int remove_segment(char *path, tl_err *e)
{
    int r = 0, fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0 && (r = tl__segment_lock(fd, path, e)) == 0) {
        size_t stem = strlen(path) - 4;
        strcpy(path + stem, ".dat");
        int bad = unlink(path) && errno != ENOENT;
        strcpy(path + stem, ".idx");
        if (bad || (unlink(path) && errno != ENOENT))
            r = tl_fail(e, TL_EIO, "cannot remove %s: %s", path, strerror(errno));
    } else if (fd < 0 && errno != ENOENT) {
        r = tl_fail(e, TL_EIO, "cannot remove %s: %s", path, strerror(errno));
    }
    if (fd >= 0)
        close(fd);
    return r;
}

int tl_store_remove(const char *dir, tl_err *e)
{
    struct dirent **found = NULL;
    int r = 0, n = scandir(dir, &found, ends_in_idx, alphasort);
    if (n < 0)
        return errno == ENOENT ? 0 : tl_fail(e, TL_EIO, "cannot read %s: %s", dir, strerror(errno));
    for (int i = 0; i < n; i++) {
        char *path = tl_xasprintf("%s/%s", dir, found[i]->d_name);
        if (!r && tl__segment_is_index(path))
            r = remove_segment(path, e);
        free(path);
        free(found[i]);
    }
    free(found);
    if (!r && rmdir(dir) && errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT)
        r = tl_fail(e, TL_EIO, "cannot remove %s: %s", dir, strerror(errno));
    return r;
}
