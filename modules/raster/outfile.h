/* Files that appear whole or not at all. SPDX-License-Identifier: MIT
 *
 * Written as DIR/.NAME.tmp-PID, synced, renamed to DIR/NAME. Whatever lay at DIR/NAME stays
 * untouched until then. All failures are TL_EIO and name the final path. */
#ifndef TL_OUTFILE_H
#define TL_OUTFILE_H

#include <stddef.h>
#include <stdint.h>
#include "runtime/err.h"
#include "runtime/fdio.h"

typedef struct tl_outfile tl_outfile;

int tl_outfile_open(const char *path, tl_outfile **out, tl_err *e) TL_MUST_CHECK;
/* Goes on where it ended. One thread at a time. */
int tl_outfile_write(tl_outfile *f, const void *data, size_t n, tl_err *e) TL_MUST_CHECK;
/* One thread's way into the file: what it writes begins at `at`, and is there after a flush. No two
 * ways may overlap. A way ends before its file. */
typedef struct tl_outway tl_outway;
tl_outway *tl_outway_new(tl_outfile *f);
int tl_outway_seek(tl_outway *w, int64_t at, tl_err *e) TL_MUST_CHECK; /* flushes */
int tl_outway_write(tl_outway *w, const void *data, size_t n, tl_err *e) TL_MUST_CHECK;
int tl_outway_flush(tl_outway *w, tl_err *e) TL_MUST_CHECK;
void tl_outway_free(tl_outway *w); /* NULL is allowed; does not flush */

/* Both end f. When commit fails nothing is left behind. */
int tl_outfile_commit(tl_outfile *f, tl_err *e) TL_MUST_CHECK;
void tl_outfile_abort(tl_outfile *f); /* NULL is allowed */

/* All of a file in one call. */
int tl_outfile_put(const char *path, const void *data, size_t n, tl_err *e) TL_MUST_CHECK;

/* For files that a library writes: DIR/.NAME.tmp-PID, free() it; and the end of its life as
 * DIR/NAME, after which the temporary one is gone in any case. */
char *tl_outfile_temporary(const char *path);
int tl_outfile_adopt(const char *tmp, const char *path, tl_err *e) TL_MUST_CHECK;

/* Makes a rename or a new file in the directory of `path` last. 0, or -1 with errno. */
int tl_sync_dir_of(const char *path);

#endif
