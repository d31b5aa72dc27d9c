/* The prompt: reads entries, runs them, prints what they give. SPDX-License-Identifier: MIT
 *
 * An entry is what compiles: a line, several when the first are unfinished, or a pasted block. Each
 * is a chunk of its own, named [1], [2] ..., and a run of its own with a whole budget. */
#include "repl/names_lua.h"
#include "repl/line.h"
#include "repl/signals.h"
#include "runtime/cli.h"
#include "runtime/log.h"
#include "runtime/mem.h"
#include "runtime/watch.h"
#include "modules/map/map_lua.h"
#include "modules/raster/raster.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct repl {
    const tl_cli *cli;
    tellua *t;
    tl_line *line;
    tl_viewer viewer;
    int number;    /* of the entry */
    int told_kept; /* that a local became a variable of the session */
    int failed;    /* code of the first entry that failed */
    int stopped;   /* by Ctrl-C, where nobody is to go on */
    int had_map;   /* that one was open when the last entry was over */
    int quit;
} repl;

/* What is done with an entry besides running it. */
typedef enum { PLAIN, TIMED, EXPLAINED } manner;

/* --- compiling -----------------------------------------------------------------------------------
 */

/* As an expression whose values are printed, else as statements. Pushes the function. *more: it is
 * unfinished. *kept: the names that were local. */
static int compile(repl *r, const char *code, int *more, char **kept, tl_err *e)
{
    tl_host *h = r->t->host;
    char name[32], *text = NULL;
    tl_err ignored = TL_ERR_INIT;
    snprintf(name, sizeof name, "[%d]", r->number);
    *more = 0;
    int rc = tl_host_load_value(h, code, strlen(code), name, &ignored);
    if (!rc)
        return 0;
    int more_value = tl_host_incomplete(h);
    rc = tl_names_rewrite(r->t, code, &text, kept, e);
    if (!rc) {
        rc = tl_host_load(h, text, strlen(text), name, e);
        *more = rc && (more_value || tl_host_incomplete(h));
    }
    free(text);
    return rc;
}

static void tell_kept(repl *r, const char *kept)
{
    if (r->told_kept || !kept || !*kept)
        return;
    r->told_kept = 1;
    tl_log(TL_LOG_INFO, "%s: local at the prompt is kept as a variable of the session", kept);
}

/* --- running -------------------------------------------------------------------------------------
 */

/* Of a picture's bytes only how many there are. */
static void show_table(const tl_script_table *t)
{
    if (memchr(t->text, '\0', t->len))
        tl_log(TL_LOG_INFO, "%s.%s: %zu bytes, which `tellua run` writes", t->name, t->suffix,
               t->len);
    else
        fputs(t->text, stdout);
}

/* A script declares each name once; a session does so again and again. What was named is shown, and
 * kept for zoom and pan, and on the session's map; a map that was just opened begins with it. */
static int show_outputs(repl *r, tl_err *e)
{
    tl_script *s = &r->t->script, named = *s;
    int rc = 0;
    for (int i = 0; i < named.ntables; i++)
        show_table(&named.table[i]);
    *s = (tl_script){0};
    int open = tl_map_is_open(r->t->L), opened = open && !r->had_map;
    r->had_map = open;
    if (named.noutputs) {
        tl_script_free(&r->viewer.shown);
        r->viewer.shown = named;
        rc = tl_names_call(r->t, "show_outputs", 0, e);
    } else {
        tl_script_free(&named);
        if (!opened)
            return 0;
    }
    return rc ? rc : tl_map_keep(r->t->L, &r->viewer.shown, e);
}

/* The function on top, and what follows from it. */
static int run(repl *r, manner how, tl_err *e)
{
    lua_State *L = r->t->L;
    int top = lua_gettop(L) - 1;
    if (tl__interrupted) {
        lua_settop(L, top);
        return tl_fail(e, TL_EINTR, "interrupted");
    }
    int rc = tl_host_call(r->t->host, 0, LUA_MULTRET, e);
    int n = lua_gettop(L) - top;
    if (!rc && (n > 0 || how == EXPLAINED))
        rc = tl_names_call(r->t, how == EXPLAINED ? "explain" : "display", n, e);
    tl_err second = TL_ERR_INIT; /* what was named before an error is shown as well */
    int shown = show_outputs(r, rc ? &second : e);
    lua_settop(L, top);
    return rc ? rc : shown;
}

/* Ready for another one, whatever became of the last. */
static void settle(repl *r, int rc, const tl_err *e)
{
    int terminal = tl_line_is_terminal(r->line);
    fflush(stdout);
    r->stopped |= tl__interrupted && !terminal;
    r->quit |= tl__terminated || r->stopped;
    if (tl__interrupted && terminal && rc)
        fputc('\n', stderr); /* behind the terminal's ^C */
    if (rc && !r->stopped) { /* that is told at the end */
        tl_cli_print_error(e);
        if (r->cli->debug && tl_host_traceback(r->t->host)[0])
            tl_log(TL_LOG_WARN, "call stack:\n%s", tl_host_traceback(r->t->host));
        r->failed = r->failed ? r->failed : rc;
    }
    if (terminal) { /* elsewhere it is not to be missed, however early it came */
        if (tl__interrupted)
            tl_line_interrupted(r->line);
        tl__interrupted = 0;
        atomic_store(&r->t->cancel, 0);
    }
    lua_gc(r->t->L, LUA_GCCOLLECT); /* Images are small in Lua, what they hold is not */
}

/* --- commands ------------------------------------------------------------------------------------
 */

static int run_file(repl *r, const char *path, tl_err *e)
{
    if (!*path)
        return tl_fail(e, TL_EUSAGE, ":run FILE");
    tl_err second = TL_ERR_INIT;
    int rc = tl_host_run_file(r->t->host, path, 0, e);
    int shown = show_outputs(r, rc ? &second : e);
    return rc ? rc : shown;
}

static int give_help(repl *r, const char *name, tl_err *e)
{
    int given = *name != '\0';
    if (given)
        lua_pushstring(r->t->L, name); /* short */
    return tl_names_call(r->t, "help", given, e);
}

static int is_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    return strncmp(text, word, n) == 0 && (text[n] == '\0' || text[n] == ' ' || text[n] == '\t');
}

static const char *behind_word(const char *text)
{
    text += strcspn(text, " \t");
    return text + strspn(text, " \t");
}

/* Splits ":time CODE". NULL: not a command with code, *text stays. */
static manner split(const char **text)
{
    const char *p = *text + strspn(*text, " \t\n");
    manner how = is_word(p, ":time") ? TIMED : is_word(p, ":explain") ? EXPLAINED : PLAIN;
    if (how != PLAIN)
        *text = behind_word(p);
    return how;
}

/* What other prompts end by, all alone. */
static int is_farewell(const char *text)
{
    static const char *const words[] = {"exit", "quit", "exit()", "quit()"};
    size_t n = strcspn(text, " \t\r");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i]) == n && strncmp(text, words[i], n) == 0)
            return text[n + strspn(text + n, " \t\r")] == '\0';
    return 0;
}

/* 1 when the text is a command without code, which is then done. */
static int command(repl *r, const char *text)
{
    tl_err e = TL_ERR_INIT;
    int rc = 0;
    text += strspn(text, " \t");
    if (is_farewell(text)) {
        r->quit = 1;
        return 1;
    }
    if (text[0] != ':' || text[1] == ':' || is_word(text, ":time") || is_word(text, ":explain"))
        return 0;
    char *word = tl_xstrdup(text);
    for (size_t n = strlen(word); n && strchr(" \t\r", word[n - 1]); n--)
        word[n - 1] = '\0';
    if (is_word(word, ":quit") || is_word(word, ":q"))
        r->quit = 1;
    else if (is_word(word, ":run"))
        rc = run_file(r, behind_word(word), &e);
    else if (is_word(word, ":help") || is_word(word, ":h"))
        rc = give_help(r, behind_word(word), &e);
    else
        rc = tl_fail(&e, TL_EUSAGE, "no command %.40s; there are :explain :help :quit :run :time",
                     word);
    free(word);
    settle(r, rc, &e);
    return 1;
}

/* --- entries -------------------------------------------------------------------------------------
 */

static int is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

/* Runs the text, unless it is unfinished and there may be more: then 0. */
static int try_entry(repl *r, const char *text, int last)
{
    tl_err e = TL_ERR_INIT;
    char *kept = NULL;
    int more = 0;
    const char *code = text;
    manner how = split(&code);
    int rc = compile(r, code, &more, &kept, &e);
    if (more && !last && !tl__interrupted) {
        free(kept);
        return 0;
    }
    double start = tl_now();
    if (!rc) {
        tell_kept(r, kept);
        rc = run(r, how, &e);
    }
    if (!rc && how == TIMED)
        printf("%.3f s\n", tl_now() - start);
    free(kept);
    settle(r, rc, &e);
    return 1;
}

/* One entry, from the first line to what came of it. */
static void entry(repl *r)
{
    tl_buf text = TL_BUF_INIT;
    char prompt[32];
    tl_line_end end = TL_LINE_TEXT;
    int done = 0;
    r->number++;
    while (!done) {
        snprintf(prompt, sizeof prompt, "[%d]%c ", r->number, text.len ? '|' : '>');
        size_t before = text.len;
        if (before)
            tl_buf_puts(&text, "\n");
        end = tl_line_read(r->line, prompt, &text);
        if (end == TL_LINE_STOPPED)
            break;
        if (end == TL_LINE_END && is_blank(tl_buf_text(&text)))
            break;
        if (!before && is_blank(tl_buf_text(&text))) {
            r->number--;
            break;
        }
        done = end == TL_LINE_TEXT && !before && command(r, tl_buf_text(&text));
        done = done || try_entry(r, tl_buf_text(&text), end == TL_LINE_END);
    }
    if (!is_blank(tl_buf_text(&text)) && end != TL_LINE_STOPPED)
        tl_line_remember(r->line, tl_buf_text(&text));
    else if (end == TL_LINE_STOPPED)
        settle(r, 0, NULL);
    if (end == TL_LINE_END)
        r->quit = 1;
    tl_buf_free(&text);
}

static void complete(void *ctx, const char *before, tl_completions *c)
{
    repl *r = ctx;
    tl_names_complete(r->t, before, c);
}

int tl_repl(const tl_cli *c, tellua *t, tl_err *e)
{
    repl r = {.cli = c, .t = t, .viewer = {.cli = c, .t = t}};
    tl_raster_set_cache(TL_VIEW_CACHE);
    int rc = tl_names_open(t, &r.viewer, e);
    if (rc)
        return rc;
    tl_signals_begin(t);
    r.line = tl_line_open(complete, &r);
    int terminal = tl_line_is_terminal(r.line);
    if (terminal && !c->quiet)
        printf("Tellua %s. help() says what there is, Ctrl-D ends.\n", tellua_version());
    while (!r.quit)
        entry(&r);
    tl_line_close(r.line);
    tl_signals_end();
    tl_script_free(&r.viewer.shown);
    if (tl__terminated || r.stopped)
        return tl_fail(e, TL_EINTR, "interrupted");
    return terminal ? 0 : r.failed; /* errors were printed when they came */
}
