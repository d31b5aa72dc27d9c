/* Folders that appear whole or not at all. SPDX-License-Identifier: MIT
 *
 * Built as DIR/.NAME.tmp-PID, synced, renamed to DIR/NAME. Whatever lay at DIR/NAME stays untouched
 * until then and is removed after; where the two cannot be exchanged in one step, the old folder is
 * DIR/.NAME.old-PID for a moment, and a run that was killed in it is put right by the next
 * (tl_outdir_mend). One thread at a time. All failures are TL_EIO and name the final path. */
#ifndef TL_OUTDIR_H
#define TL_OUTDIR_H

#include <stddef.h>
#include <stdint.h>
#include "runtime/err.h"

typedef struct tl_outdir tl_outdir;

int tl_outdir_open(const char *path, tl_outdir **out, tl_err *e) TL_MUST_CHECK;
/* One file, whole. name: relative; its folder must have been made. */
int tl_outdir_put(tl_outdir *d, const char *name, const void *data, size_t n,
                  tl_err *e) TL_MUST_CHECK;
int tl_outdir_make(tl_outdir *d, const char *name, tl_err *e) TL_MUST_CHECK; /* a folder */
/* Both end d. When commit fails nothing is left behind. */
int tl_outdir_commit(tl_outdir *d, tl_err *e) TL_MUST_CHECK;
void tl_outdir_abort(tl_outdir *d); /* NULL is allowed */

/* DIR/.NAME.tmp-PID or .old-PID of a process that is gone, entry = ".NAME...": an old product comes
 * back when there is no new one; the rest is removed, files as well. */
void tl_outdir_mend(const char *path, const char *entry);

int64_t tl_tree_bytes(const char *path); /* of a file, or all files below; 0 when there is none */

#endif
