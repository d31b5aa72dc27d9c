/* tellua index: a catalogue, folder or table as an index file. SPDX-License-Identifier: MIT */
#include "modules/collection/open.h"
#include "runtime/cli.h"
#include "runtime/log.h"
#include "runtime/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    tellua *t;
    int terminal, quiet;
    double began, last; /* seconds, of the last plain line */
    int64_t seen;
    int placing;
} progress_state;

static int show_progress(void *ctx, const tl_index_counts *n)
{
    progress_state *s = ctx;
    double now = tl_now();
    int64_t seen = n->added + n->replaced + n->unchanged;
    char text[120];
    s->placing = seen == s->seen;
    s->seen = seen;
    if (!s->quiet && (s->terminal || now - s->last >= 10)) {
        snprintf(text, sizeof text, "%lld scenes, %.0f scenes/s%s", (long long)seen,
                 (double)seen / (now - s->began), s->placing ? ", sorting them by place" : "");
        if (s->terminal)
            tl_log_status(text);
        else
            tl_log(TL_LOG_INFO, "%s", text);
        s->last = now;
    }
    return atomic_load(&s->t->cancel);
}

static json_t *options_of(const tl_cli *c)
{
    json_t *o = NULL;
    if (c->pattern) {
        o = json_object();
        json_object_set_new(o, "pattern", tl_json_text(c->pattern));
    }
    return o;
}

static void report(const tl_cli *c, const tl_index_counts *n, double seconds)
{
    struct stat st;
    json_int_t bytes = stat(c->to, &st) ? 0 : (json_int_t)st.st_size;
    if (!c->json) {
        printf("%lld\n", (long long)n->scenes);
        tl_log(TL_LOG_INFO, "%lld scenes in %s: %lld new, %lld changed, %lld as they were; %.1f s",
               (long long)n->scenes, c->to, (long long)n->added, (long long)n->replaced,
               (long long)n->unchanged, seconds);
        return;
    }
    json_t *j = json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:f}", "index", tl_json_text(c->to),
                          "scenes", (json_int_t)n->scenes, "new", (json_int_t)n->added, "changed",
                          (json_int_t)n->replaced, "unchanged", (json_int_t)n->unchanged, "bytes",
                          bytes, "seconds", seconds);
    char *text = json_dumps(j, JSON_SORT_KEYS | JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    puts(text ? text : "{}");
    free(text);
    json_decref(j);
}

int tl_cli_index(const tl_cli *c, tellua *t, tl_err *e)
{
    tl_index *ix = NULL;
    tl_index_counts n;
    progress_state s = {
        .t = t, .terminal = isatty(STDERR_FILENO), .quiet = c->quiet, .began = tl_now()};
    if (!c->to)
        return tl_fail(e, TL_EUSAGE, "--to FILE says where the index goes");
    s.last = s.began;
    json_t *options = options_of(c);
    int rc = tl_index_create(c->to, &ix, e);
    if (!rc) {
        tl_index_on_progress(ix, show_progress, &s);
        rc = tl_collection_read(c->script, options, ix, e);
    }
    if (!rc)
        rc = tl_index_commit(ix, e);
    if (!rc)
        rc = tl_index_counted(ix, &n, e);
    if (s.terminal && !c->quiet)
        tl_log_status("");
    tl_index_close(ix);
    json_decref(options);
    if (!rc)
        report(c, &n, tl_now() - s.began);
    return rc;
}
