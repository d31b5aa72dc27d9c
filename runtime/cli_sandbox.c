/* tellua sandbox: a script as a stranger's. SPDX-License-Identifier: MIT
 *
 * The file runs twice, for two tenants, and then a script that is known to be good for a third: it
 * would notice what the file has left behind. The last word of the last line is the verdict. */
#include "runtime/cli.h"
#include "runtime/jail.h"
#include "runtime/log.h"
#include "runtime/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char canary[] =
    "assert(math.floor(1.5) == 1 and math.pi > 3.14 and math.pi < 3.15 and math.sqrt(16) == 4)\n"
    "assert(('x'):upper() == 'X' and ('a,b'):gsub(',', ';') == 'a;b' and '10' + 1 == 11)\n"
    "assert(('%d'):format(3) == '3' and tostring(1) == '1' and tonumber('7') == 7)\n"
    "assert(table.concat({1, 2}, ',') == '1,2' and select('#', 1, 2) == 2)\n"
    "local t = {3, 1, 2} table.sort(t) assert(t[1] == 1 and t[3] == 3)\n"
    "for k in pairs(_G) do assert(type(k) == 'string' and not k:find 'LEAK', k) end\n"
    "assert(pcall(error, 'x') == false and next({}) == nil and string.LEAK == nil)\n"
    "assert(io == nil and os == nil and debug == nil and require == nil and load == nil)\n"
    "return function(b1, b2, b3, b4) return (b4 - b3) / (b4 + b3) end\n";

static int read_file(const char *path, size_t most, char **text, size_t *len, tl_err *e)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!f)
        return tl_fail(e, TL_EUSAGE, "cannot open script %s: %s", path, strerror(errno));
    *text = tl_xmalloc(most + 1);
    *len = fread(*text, 1, most + 1, f); /* one more than allowed: the jail refuses it */
    int bad = ferror(f);
    if (f != stdin)
        fclose(f);
    return bad ? tl_fail(e, TL_EDATA, "cannot read %s", path) : 0;
}

static void print_run(const char *who, const tl_jail_report *r, const char *message)
{
    char text[400];
    snprintf(text, sizeof text, "%.*s", (int)strcspn(message, "\n"), message);
    tl_make_visible(text, "");
    printf("%s: %s, %.1f ms, %.1f ms CPU%s, Lua %.1f MiB", who, tl_verdict_name(r->verdict),
           r->seconds * 1e3, r->cpu * 1e3, r->killed ? " (SIGKILL)" : "",
           (double)r->peak / 1048576);
    if (r->max_rss)
        printf(", process %.1f MiB", (double)r->max_rss / 1048576);
    printf("%s%s\n", *text ? ": " : "", text);
}

/* Whether it could be tried at all: *e says why not. */
static int try_one(tl_jail *j, const char *who, const tl_limits *l, const char *text, size_t len,
                   tl_jail_report *r, char message[768], tl_err *e)
{
    tl_err own = TL_ERR_INIT;
    int rc = tl_jail_script(j, who, l, text, len, r, &own);
    if (rc == TL_ECONFIG || r->verdict == TL_VERDICT_REFUSED) {
        *e = own;
        return e->code;
    }
    char sentence[1400];
    snprintf(message, 768, "%.760s", rc ? tl_err_text(&own, sentence, sizeof sentence) : "");
    print_run(who, r, message);
    return 0;
}

/* The more serious of two runs' verdicts. */
static tl_verdict worst(tl_verdict a, tl_verdict b)
{
    return a == TL_VERDICT_CRASHED || b == TL_VERDICT_CRASHED ? TL_VERDICT_CRASHED : b > a ? b : a;
}

static int run(tl_jail *j, const tl_limits *l, const char *text, size_t len, tl_err *e)
{
    tl_jail_report first, second, after;
    char said[3][768];
    if (try_one(j, "first tenant", l, text, len, &first, said[0], e) ||
        try_one(j, "second tenant", l, text, len, &second, said[1], e) ||
        try_one(j, "canary", l, canary, sizeof canary - 1, &after, said[2], e))
        return e->code;
    int leaked = after.verdict != TL_VERDICT_HARMLESS || strstr(said[1], "LEAK") != NULL;
    if (strstr(said[0], "LEAK"))
        leaked = 1;
    puts(leaked ? "leak" : tl_verdict_name(worst(first.verdict, second.verdict)));
    return leaked ? tl_fail(e, TL_EDATA, "the jail did not contain %s: report it", "the script")
                  : 0;
}

int tl_cli_sandbox(const tl_cli *c, tl_err *e)
{
    int batch = c->profile && strcmp(c->profile, "batch") == 0;
    tl_limits l = tl_limits_of(batch ? TL_PROFILE_BATCH : TL_PROFILE_PIXEL);
    if (c->cpu > 0) {
        l.cpu_hard *= c->cpu / l.cpu_soft;
        l.wall *= c->cpu / l.cpu_soft;
        l.cpu_soft = c->cpu;
    }
    char *text = NULL;
    size_t len = 0;
    tl_jail *j = tl_jail_new(NULL);
    int rc = read_file(c->script, l.source, &text, &len, e);
    if (!rc)
        rc = run(j, &l, text, len, e);
    free(text);
    tl_jail_free(j);
    return rc;
}
