/* What threads use to compute a whole Image: temporary files, blocks of the input. See whole_int.h.
 * SPDX-License-Identifier: MIT */
#include "modules/classes/whole_int.h"
#include "runtime/cancel.h"
#include "runtime/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* --- temporary files ----------------------------------------------------------------------------
 */

int tl__map_new(tl__map *m, int64_t bytes, tl_err *e)
{
    int rc = tl_scratch_open(bytes, &m->file, e);
    if (rc)
        return rc;
    m->at = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, m->file.fd, 0);
    if (m->at != MAP_FAILED)
        return 0;
    int why = errno;
    tl_scratch_close(&m->file);
    m->at = NULL;
    return tl_fail(e, TL_ENOMEM, "cannot map %.0f MiB of a temporary file: %s",
                   (double)bytes / (1024 * 1024), strerror(why));
}

void tl__map_free(tl__map *m)
{
    if (m->at)
        munmap(m->at, (size_t)m->file.bytes);
    tl_scratch_close(&m->file);
    m->at = NULL;
}

void tl__map_forget(const tl__map *m, int64_t from, int64_t n)
{
    int64_t page = sysconf(_SC_PAGESIZE), end = least(from + n, m->file.bytes);
    from = from > 0 ? from / page * page : 0;
    if (m->at && end > from)
        madvise((char *)m->at + from, (size_t)(end - from), MADV_DONTNEED);
}

/* --- a thread's tools ---------------------------------------------------------------------------
 */

void tl__tools_free(tl__tools *t)
{
    if (!t)
        return;
    tl_pass_worker_free(t->worker);
    free(t->value);
    free(t->valid);
    free(t->window);
    free(t);
}

static int tools_new(const tl__whole_sampling *m, tl__tools **out, tl_err *e)
{
    tl__tools *t = tl_xcalloc(1, sizeof *t);
    int64_t w = least(TL__SIDE, m->domain.w), h = least(TL__SIDE, m->domain.h);
    int rc = tl_pass_worker_new(m->pass, w, h, &t->worker, e);
    if (!rc)
        rc = tl_try_alloc((void **)&t->value, (size_t)(w * h), sizeof *t->value, "a block", e);
    if (!rc)
        rc = tl_try_alloc((void **)&t->valid, (size_t)(w * h), 1, "a block's mask", e);
    if (rc)
        tl__tools_free(t);
    else
        *out = t;
    return rc;
}

int tl__tools_take(tl__whole_sampling *m, tl__tools **out, tl_err *e)
{
    pthread_mutex_lock(&m->lock);
    tl__tools *t = m->idle;
    if (t)
        m->idle = t->next;
    pthread_mutex_unlock(&m->lock);
    *out = t;
    return t ? 0 : tools_new(m, out, e);
}

void tl__tools_give(tl__whole_sampling *m, tl__tools *t)
{
    pthread_mutex_lock(&m->lock);
    t->next = m->idle;
    m->idle = t;
    pthread_mutex_unlock(&m->lock);
}

int tl__go_on(const tl__whole_sampling *m, tl_err *e)
{
    if (tl_cancelled())
        return tl_fail(e, TL_EINTR, "interrupted");
    if (m->spec->strangers && tl_cpu_spent())
        return tl_fail(e, TL_ESCRIPT,
                       "%s: this takes more than the %g s of CPU time that a request has: take a "
                       "smaller window, or fewer within one another",
                       tl_whole_op_name(m->spec->op), tl_cpu_allowed());
    return 0;
}

int tl__whole_load(tl__whole_sampling *m, tl__tools *t, tl_rect r, tl_err *e)
{
    void *values[1] = {t->value};
    uint8_t *valid[1] = {t->valid};
    (void)m;
    return tl_pass_run(t->worker, r, values, valid, e);
}

int tl__load_window(tl__whole_sampling *m, tl__tools *t, tl_rect win, tl_err *e)
{
    int64_t cells = win.w * win.h;
    if (cells > t->window_cells) {
        free(t->window);
        t->window = NULL;
        t->window_cells = 0;
        int rc = tl_try_alloc((void **)&t->window, (size_t)cells, sizeof *t->window, "a block", e);
        if (rc)
            return rc;
        t->window_cells = cells;
    }
    memset(t->window, 0xff, (size_t)cells * sizeof *t->window);
    tl_rect all = tl_rect_intersect(win, m->domain);
    for (int64_t y = all.y; y < all.y + all.h; y += TL__SIDE)
        for (int64_t x = all.x; x < all.x + all.w; x += TL__SIDE) {
            tl_rect r = tl_rect_intersect((tl_rect){x, y, TL__SIDE, TL__SIDE}, all);
            int rc = tl__go_on(m, e);
            if (!rc)
                rc = tl__whole_load(m, t, r, e);
            if (rc)
                return rc;
            for (int64_t i = 0; i < r.h; i++)
                for (int64_t j = 0; j < r.w; j++)
                    if (t->valid[i * r.w + j])
                        t->window[(y + i - win.y) * win.w + x + j - win.x] =
                            (uint32_t)t->value[i * r.w + j];
        }
    return 0;
}
