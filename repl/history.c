/* The history file: see history.h. SPDX-License-Identifier: MIT */
#include "repl/history.h"
#include "modules/batch/script.h"
#include "modules/raster/outfile.h"
#include "runtime/buf.h"
#include "runtime/log.h"
#include "runtime/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST 2000

struct tl_history {
    int fd;
    char *last; /* entry, so that the same is not written again */
};

static char *folder(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state && *state == '/')
        return tl_xasprintf("%s/tellua", state);
    return home && *home == '/' ? tl_xasprintf("%s/.local/state/tellua", home) : NULL;
}

static void write_entry(tl_buf *b, const char *s)
{
    for (; *s; s++)
        if (*s == '\n')
            tl_buf_puts(b, "\\n");
        else if (*s == '\\')
            tl_buf_puts(b, "\\\\");
        else if (*s != '\r')
            tl_buf_add(b, s, 1);
    tl_buf_puts(b, "\n");
}

/* In place. */
static void read_entry(char *s)
{
    char *to = s;
    for (; *s; s++)
        if (*s == '\\' && s[1])
            *to++ = *++s == 'n' ? '\n' : *s;
        else
            *to++ = *s;
    *to = '\0';
}

static void keep_last(tl_history *h, const char *entry)
{
    free(h->last);
    h->last = tl_xstrdup(entry);
}

/* The last MOST lines of the file: where they begin, and how many there are in all. */
static char *tail(char *text, size_t *lines)
{
    size_t n = 0;
    for (const char *p = text; (p = strchr(p, '\n')); p++)
        n++;
    *lines = n;
    char *from = text;
    for (size_t skip = n > MOST ? n - MOST : 0; skip; skip--)
        from = strchr(from, '\n') + 1;
    return from;
}

/* Another session's file is not cut while it appends: it may lose one entry to the old file. */
static void cut(const char *path, const char *text)
{
    tl_err e = TL_ERR_INIT;
    tl_outfile *f = NULL;
    if (tl_outfile_open(path, &f, &e))
        return;
    if (tl_outfile_write(f, text, strlen(text), &e))
        tl_outfile_abort(f);
    else if (!tl_outfile_commit(f, &e))
        (void)!chmod(path, 0600);
}

static void load(tl_history *h, FILE *f, const char *path,
                 void (*each)(void *ctx, const char *entry), void *ctx)
{
    tl_buf text = TL_BUF_INIT;
    char chunk[65536];
    size_t n, lines;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        tl_buf_add(&text, chunk, n);
    char *copy = tl_xstrdup(tl_buf_text(&text)), *from = tail(copy, &lines);
    tl_buf_free(&text);
    if (lines > 2 * (size_t)MOST)
        cut(path, from);
    for (char *end; (end = strchr(from, '\n')); from = end + 1) {
        *end = '\0';
        read_entry(from);
        each(ctx, from);
        keep_last(h, from);
    }
    free(copy);
}

tl_history *tl_history_open(void (*each)(void *ctx, const char *entry), void *ctx)
{
    char *dir = folder(), *path = dir ? tl_xasprintf("%s/history", dir) : NULL;
    tl_history *h = tl_xcalloc(1, sizeof *h);
    mode_t was = umask(077);
    int bad = !path || tl_make_folders(dir);
    FILE *f = bad ? NULL : fopen(path, "r");
    if (f) {
        load(h, f, path, each, ctx);
        fclose(f);
    }
    h->fd = bad ? -1 : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    umask(was);
    if (h->fd < 0)
        tl_log(TL_LOG_WARN, "no history is kept: %s: %s", path ? path : "HOME is not set",
               path ? strerror(errno) : "nowhere to keep it");
    free(path);
    free(dir);
    return h;
}

void tl_history_add(tl_history *h, const char *entry)
{
    if (!h || h->fd < 0 || (h->last && strcmp(h->last, entry) == 0))
        return;
    tl_buf line = TL_BUF_INIT;
    write_entry(&line, entry);
    if (write(h->fd, tl_buf_text(&line), line.len) < 0) {
        tl_log(TL_LOG_WARN, "the history cannot be written: %s", strerror(errno));
        close(h->fd);
        h->fd = -1;
    }
    tl_buf_free(&line);
    keep_last(h, entry);
}

void tl_history_close(tl_history *h)
{
    if (!h)
        return;
    if (h->fd >= 0)
        close(h->fd);
    free(h->last);
    free(h);
}
