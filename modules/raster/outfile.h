/* Files that appear whole or not at all. SPDX-License-Identifier: MIT
 *
 * Written as DIR/.NAME.tmp-PID, synced, renamed to DIR/NAME. Whatever lay at DIR/NAME stays
 * untouched until then. One thread at a time. All failures are TL_EIO and name the final path. */
#ifndef TL_OUTFILE_H
#define TL_OUTFILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "runtime/err.h"

typedef struct tl_outfile tl_outfile;

int tl_outfile_open(const char *path, tl_outfile **out, tl_err *e) TL_MUST_CHECK;
int tl_outfile_write(tl_outfile *f, const void *data, size_t n, tl_err *e) TL_MUST_CHECK;
/* Both end f. When commit fails nothing is left behind. */
int tl_outfile_commit(tl_outfile *f, tl_err *e) TL_MUST_CHECK;
void tl_outfile_abort(tl_outfile *f); /* NULL is allowed */

/* For files that a library writes: DIR/.NAME.tmp-PID, free() it; and the end of its life as
 * DIR/NAME, after which the temporary one is gone in any case. */
char *tl_outfile_temporary(const char *path);
int tl_outfile_adopt(const char *tmp, const char *path, tl_err *e) TL_MUST_CHECK;

/* Writes all n bytes: short writes go on, EINTR repeats. 0, or -1 with errno. */
int tl_write_all(int fd, const void *data, size_t n);
/* Makes a rename or a new file in the directory of `path` last. 0, or -1 with errno. */
int tl_sync_dir_of(const char *path);

/* What really writes; tests put a failing one here. */
extern ssize_t (*tl__io_write)(int fd, const void *data, size_t n);

#endif
