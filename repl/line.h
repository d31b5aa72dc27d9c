/* Lines from people or pipes. SPDX-License-Identifier: MIT
 *
 * On a terminal libedit edits, completes and recalls; elsewhere lines are read as they come, and no
 * prompt is written. One at a time per process. */
#ifndef TL_REPL_LINE_H
#define TL_REPL_LINE_H

#include "runtime/buf.h"

typedef struct tl_line tl_line;

typedef struct tl_completions {
    char **text; /* n of them, malloc'd, which begin with the last `replace` bytes typed */
    int n;
    size_t replace;
} tl_completions;
/* `before` is what stands before the cursor. Fills *c; the caller frees it. */
typedef void tl_complete(void *ctx, const char *before, tl_completions *c);

tl_line *tl_line_open(tl_complete *complete, void *ctx);
void tl_line_close(tl_line *l);
int tl_line_is_terminal(const tl_line *l);

typedef enum tl_line_end {
    TL_LINE_TEXT,
    TL_LINE_STOPPED, /* Ctrl-C: what was typed is thrown away */
    TL_LINE_END      /* Ctrl-D, the end of the file, SIGTERM */
} tl_line_end;

/* The next line without its line break, or a block that was pasted at once, into *text. */
tl_line_end tl_line_read(tl_line *l, const char *prompt, tl_buf *text);
/* After Ctrl-C: what was typed before it is forgotten, and the output is whole again. */
void tl_line_interrupted(tl_line *l);
/* For recall, now and in later sessions. */
void tl_line_remember(tl_line *l, const char *entry);

#endif
