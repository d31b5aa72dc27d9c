/* Programs as bytes, for another process of the same build. SPDX-License-Identifier: MIT
 *
 * A head of counts, then the arrays as they lie in memory. Reading trusts nothing: the counts are
 * within the limits and make the length, and the verifier has the last word. */
#include "modules/expr/expr_int.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC 0x31504c54 /* "TLP1" */

typedef struct head {
    uint32_t magic;
    int32_t n_insn, n_konst, n_table, n_entry, n_in, n_out, n_wide, n_byte, libm_folded;
} head;

void tl_prog_write(const tl_prog *p, tl_buf *out)
{
    head h = {MAGIC,   p->n_insn, p->n_konst, p->n_table, p->n_entry,
              p->n_in, p->n_out,  p->n_wide,  p->n_byte,  p->libm_folded};
    tl_buf_add(out, &h, sizeof h);
    tl_buf_add(out, p->insn, (size_t)p->n_insn * sizeof *p->insn);
    tl_buf_add(out, p->konst, (size_t)p->n_konst * sizeof *p->konst);
    tl_buf_add(out, p->table, (size_t)p->n_table * sizeof *p->table);
    tl_buf_add(out, p->entry, (size_t)p->n_entry * sizeof *p->entry);
    tl_buf_add(out, p->in_type, (size_t)p->n_in);
    tl_buf_add(out, p->out_type, (size_t)p->n_out);
}

static int damaged(tl_err *e, const char *what)
{
    return tl_fail(e, TL_EDATA, "damaged pixel program: %s", what);
}

static int fits(int32_t n, int64_t most)
{
    return n >= 0 && n <= most;
}

/* A copy of n records at *at, which moves on. The length was checked. */
static void *take(const char **at, int32_t n, size_t size)
{
    void *copy = tl_xmalloc((size_t)n * size + 1);
    memcpy(copy, *at, (size_t)n * size);
    *at += (size_t)n * size;
    return copy;
}

int tl_prog_read(const void *data, size_t len, tl_prog **out, tl_err *e)
{
    head h;
    const char *at = data;
    if (len < sizeof h)
        return damaged(e, "no head");
    memcpy(&h, at, sizeof h);
    at += sizeof h;
    if (h.magic != MAGIC || !fits(h.n_insn, TL_MOST_VALUES + TL_MOST_SLOTS) ||
        !fits(h.n_konst, TL_MOST_VALUES) || !fits(h.n_table, TL_MOST_SLOTS) ||
        !fits(h.n_entry, TL_MOST_ENTRIES) || !fits(h.n_in, TL_MOST_SLOTS) ||
        !fits(h.n_out, TL_MOST_SLOTS))
        return damaged(e, "a count is out of range");
    if (len - sizeof h != (size_t)h.n_insn * sizeof(tl__insn) +
                              (size_t)h.n_konst * sizeof(tl__konst) +
                              (size_t)h.n_table * sizeof(tl__table) +
                              (size_t)h.n_entry * sizeof(tl_num) + (size_t)h.n_in + (size_t)h.n_out)
        return damaged(e, "its length is not that of its parts");
    tl_prog *p = tl_xcalloc(1, sizeof *p);
    tl_live(TL_LIVE_PROGRAM, 1);
    *p = (tl_prog){h.n_insn, h.n_konst, h.n_table, h.n_entry,     h.n_in,
                   h.n_out,  h.n_wide,  h.n_byte,  h.libm_folded, NULL,
                   NULL,     NULL,      NULL,      NULL,          NULL};
    p->insn = take(&at, h.n_insn, sizeof *p->insn);
    p->konst = take(&at, h.n_konst, sizeof *p->konst);
    p->table = take(&at, h.n_table, sizeof *p->table);
    p->entry = take(&at, h.n_entry, sizeof *p->entry);
    p->in_type = take(&at, h.n_in, 1);
    p->out_type = take(&at, h.n_out, 1);
    int rc = tl_prog_verify(p, e);
    if (rc)
        tl_prog_free(p);
    else
        *out = p;
    return rc;
}
