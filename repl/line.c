/* Lines: see line.h. SPDX-License-Identifier: MIT */
#include "repl/line.h"
#include "repl/history.h"
#include "repl/signals.h"
#include "runtime/mem.h"

#include <histedit.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#define PASTE_ON  "\033[?2004h" /* the terminal marks what is pasted */
#define PASTE_OFF "\033[?2004l"
#define LISTED    200 /* completions shown at most */

struct tl_line {
    EditLine *el; /* NULL when this is no terminal */
    History *recall;
    tl_history *file;
    HistEvent event;
    const char *prompt;
    tl_complete *complete;
    void *ctx;
    mbstate_t partial; /* of a character whose bytes have not all come */
    char *plain;       /* getline's */
    size_t plain_size;
};

static tl_line *self(EditLine *el)
{
    void *l = NULL;
    el_get(el, EL_CLIENTDATA, &l);
    return l;
}

static char *show_prompt(EditLine *el)
{
    return (char *)(uintptr_t)self(el)->prompt;
}

/* --- characters ----------------------------------------------------------------------------------
 */

static void resume_editing(EditLine *el)
{
    el_set(el, EL_PREP_TERM, 1);
    (void)!write(STDOUT_FILENO, PASTE_ON, strlen(PASTE_ON));
    el_set(el, EL_REFRESH);
}

/* What signals ask between two characters. Not 0: the line is over. */
static int obey_signals(EditLine *el)
{
    if (tl__suspended) {
        (void)!write(STDOUT_FILENO, PASTE_OFF, strlen(PASTE_OFF));
        el_set(el, EL_PREP_TERM, 0);
        tl_signals_suspend();
        resume_editing(el);
    }
    if (tl__resized) {
        tl__resized = 0;
        el_resize(el);
    }
    return tl__interrupted || tl__terminated;
}

/* libedit's way to read: 1, 0 at the end, -1 to give the line up. */
static int get_character(EditLine *el, wchar_t *out)
{
    tl_line *l = self(el);
    for (;;) {
        if (obey_signals(el))
            return -1;
        if (!tl_signals_wait(STDIN_FILENO))
            continue;
        char byte;
        ssize_t n = read(STDIN_FILENO, &byte, 1);
        if (n <= 0)
            return n < 0 ? -1 : 0;
        size_t k = mbrtowc(out, &byte, 1, &l->partial);
        if (k == (size_t)-1) { /* not of this locale: dropped */
            memset(&l->partial, 0, sizeof l->partial);
            continue;
        }
        if (k != (size_t)-2)
            return 1;
    }
}

/* --- what is pasted ------------------------------------------------------------------------------
 */

/* Behind ESC [ 200 ~: all up to ESC [ 201 ~ goes into the line, line breaks included, but not those
 * at its end: Enter runs the block. */
static unsigned char paste(EditLine *el, int ch)
{
    static const wchar_t end[] = L"\033[201~";
    enum { LEN = sizeof end / sizeof end[0] - 1 };
    size_t n = 0, cap = 256;
    wchar_t *text = tl_xmalloc(cap * sizeof *text);
    (void)ch;
    while ((n < LEN || wmemcmp(text + n - LEN, end, LEN) != 0) && el_wgetc(el, &text[n]) == 1) {
        if (text[n] == L'\r')
            text[n] = L'\n';
        if (text[n] == L'\t')
            text[n] = L' ';
        if (++n == cap)
            text = tl_xrealloc(text, (cap *= 2) * sizeof *text);
    }
    n = n < LEN ? 0 : n - LEN;
    while (n && text[n - 1] == L'\n')
        n--;
    text[n] = L'\0';
    int put = el_winsertstr(el, text);
    free(text);
    return put ? CC_ERROR : CC_REFRESH;
}

/* --- completion ----------------------------------------------------------------------------------
 */

/* Of whole characters: bytes. */
static size_t common_prefix(const tl_completions *c)
{
    size_t n = strlen(c->text[0]);
    for (int i = 1; i < c->n; i++)
        for (size_t k = 0; k < n; k++)
            if (c->text[0][k] != c->text[i][k])
                n = k;
    while (n && tl_is_within_character(c->text[0][n]))
        n--;
    return n;
}

static int count_characters(const char *text, size_t bytes)
{
    int n = 0;
    for (size_t k = 0; k < bytes; k++)
        n += !tl_is_within_character(text[k]);
    return n;
}

static void list_columns(EditLine *el, const tl_completions *c)
{
    int width = 80, widest = 1, shown = c->n < LISTED ? c->n : LISTED;
    el_get(el, EL_GETTC, "co", &width, NULL);
    for (int i = 0; i < shown; i++)
        if ((int)strlen(c->text[i]) > widest)
            widest = (int)strlen(c->text[i]);
    int across = width / (widest + 2) > 0 ? width / (widest + 2) : 1;
    int down = (shown + across - 1) / across;
    printf("\n");
    for (int row = 0; row < down; row++) {
        for (int i = row; i < shown; i += down)
            printf("%-*s", i + down < shown ? widest + 2 : 0, c->text[i]);
        printf("\n");
    }
    if (shown < c->n)
        printf("... %d more\n", c->n - shown);
    fflush(stdout);
}

/* Puts in what all have in common; lists them when that is nothing new. */
static int offer(EditLine *el, const tl_completions *c)
{
    size_t n = common_prefix(c);
    if (n > c->replace || c->n == 1) {
        char *more = tl_xasprintf("%.*s", (int)n, c->text[0]);
        if (c->replace) /* the candidates begin with what is replaced */
            el_deletestr(el, count_characters(c->text[0], c->replace));
        int bad = el_insertstr(el, more);
        free(more);
        return bad ? CC_ERROR : CC_REFRESH;
    }
    list_columns(el, c);
    return CC_REDISPLAY;
}

static unsigned char complete(EditLine *el, int ch)
{
    tl_line *l = self(el);
    const LineInfo *line = el_line(el);
    char *before = tl_xasprintf("%.*s", (int)(line->cursor - line->buffer), line->buffer);
    tl_completions c = {0};
    unsigned char done = CC_ERROR;
    (void)ch;
    if (before[strspn(before, " \n")] == '\0')
        done = el_insertstr(el, "  ") ? CC_ERROR : CC_REFRESH; /* Tab indents */
    else
        l->complete(l->ctx, before, &c);
    free(before);
    if (c.n)
        done = (unsigned char)offer(el, &c);
    for (int i = 0; i < c.n; i++)
        free(c.text[i]);
    free(c.text);
    return done;
}

/* --- opening -------------------------------------------------------------------------------------
 */

static void bind_keys(EditLine *el)
{
    static const char *const keys[][2] = {
        {"^I", "tellua-complete"},     {"\033[200~", "tellua-paste"},
        {"^R", "em-inc-search-prev"},  {"\033[3~", "ed-delete-next-char"},
        {"\033[H", "ed-move-to-beg"},  {"\033[1~", "ed-move-to-beg"},
        {"\033[F", "ed-move-to-end"},  {"\033[4~", "ed-move-to-end"},
        {"\033[1;5C", "em-next-word"}, {"\033[1;5D", "ed-prev-word"},
        {"\033[A", "ed-prev-history"}, {"\033[B", "ed-next-history"},
    };
    el_set(el, EL_EDITOR, "emacs");
    /* Wide, because libedit does not free what it makes of the others. */
    el_wset(el, EL_ADDFN, L"tellua-complete", L"names that fit", complete);
    el_wset(el, EL_ADDFN, L"tellua-paste", L"a pasted block", paste);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        el_set(el, EL_BIND, keys[i][0], keys[i][1], NULL);
}

/* By itself a terminal throws away on Ctrl-C what was typed and, after the signal, what was
 * written: that may be the new prompt already. tl_line_interrupted does the first half alone. */
static void keep_output(EditLine *el)
{
    el_set(el, EL_SETTY, "-d", "+noflsh", NULL);
    el_set(el, EL_SETTY, "-x", "+noflsh", NULL);
}

void tl_line_interrupted(tl_line *l)
{
    if (!l->el)
        return;
    tcflush(STDIN_FILENO, TCIFLUSH);
    clearerr(stdout); /* a write that the signal cut short is no broken terminal */
}

static void recall(void *ctx, const char *entry)
{
    tl_line *l = ctx;
    history(l->recall, &l->event, H_ENTER, entry);
}

static void open_editor(tl_line *l)
{
    if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
        setlocale(LC_CTYPE, "C.UTF-8"); /* what is typed is more likely that than ASCII */
    l->el = el_init("tellua", stdin, stdout, stderr);
    l->recall = history_init();
    if (!l->el || !l->recall)
        return;
    history(l->recall, &l->event, H_SETSIZE, 4000);
    history(l->recall, &l->event, H_SETUNIQUE, 1);
    el_set(l->el, EL_CLIENTDATA, l);
    el_set(l->el, EL_SIGNAL, 0);
    el_set(l->el, EL_PROMPT, show_prompt);
    el_set(l->el, EL_GETCFN, get_character);
    el_set(l->el, EL_HIST, history, l->recall);
    bind_keys(l->el);
    keep_output(l->el);
    el_source(l->el, NULL);
    l->file = tl_history_open(recall, l);
}

tl_line *tl_line_open(tl_complete *fn, void *ctx)
{
    tl_line *l = tl_xcalloc(1, sizeof *l);
    l->complete = fn;
    l->ctx = ctx;
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        open_editor(l);
    return l;
}

void tl_line_close(tl_line *l)
{
    if (l->el)
        el_end(l->el);
    if (l->recall)
        history_end(l->recall);
    tl_history_close(l->file);
    free(l->plain);
    free(l);
}

int tl_line_is_terminal(const tl_line *l)
{
    return l->el != NULL;
}

/* --- reading -------------------------------------------------------------------------------------
 */

static tl_line_end how_ended(void)
{
    return tl__interrupted && !tl__terminated ? TL_LINE_STOPPED : TL_LINE_END;
}

static tl_line_end read_plain(tl_line *l, tl_buf *text)
{
    ssize_t n = getline(&l->plain, &l->plain_size, stdin);
    if (n < 0)
        return how_ended();
    if (n && l->plain[n - 1] == '\n')
        n--;
    tl_buf_add(text, l->plain, (size_t)n);
    return TL_LINE_TEXT;
}

tl_line_end tl_line_read(tl_line *l, const char *prompt, tl_buf *text)
{
    int n = 0;
    if (!l->el)
        return read_plain(l, text);
    l->prompt = prompt;
    memset(&l->partial, 0, sizeof l->partial);
    printf(PASTE_ON);
    fflush(stdout);
    el_set(l->el, EL_PREP_TERM,
           1); /* before the prompt: what is typed on seeing it is not echoed */
    const char *s = el_gets(l->el, &n);
    tl_line_end end = s ? TL_LINE_TEXT : how_ended();
    if (s && n && s[n - 1] == '\n')
        n--;
    if (s)
        tl_buf_add(text, s, (size_t)n);
    printf(PASTE_OFF "%s", end == TL_LINE_STOPPED ? "^C\n" : end == TL_LINE_END ? "\n" : "");
    fflush(stdout);
    return end;
}

void tl_line_remember(tl_line *l, const char *entry)
{
    if (!l->el)
        return;
    history(l->recall, &l->event, H_ENTER, entry);
    tl_history_add(l->file, entry);
}
