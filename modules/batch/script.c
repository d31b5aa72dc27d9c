/* What a script declares: see script.h. SPDX-License-Identifier: MIT */
#include "modules/batch/script.h"
#include "runtime/buf.h"
#include "runtime/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int tl_script_set(tl_script *s, const char *name_value, tl_err *e)
{
    const char *eq = strchr(name_value, '=');
    if (!eq || eq == name_value)
        return tl_fail(e, TL_EUSAGE, "-p %s: a parameter is given as name=value", name_value);
    s->setting = tl_xrealloc(s->setting, (size_t)(s->nsettings + 1) * sizeof *s->setting);
    s->setting[s->nsettings++] =
        (tl_setting){.name = tl_xasprintf("%.*s", (int)(eq - name_value), name_value),
                     .text = tl_xstrdup(eq + 1)};
    return 0;
}

static void list_params(const tl_script *s, tl_buf *b)
{
    for (int i = 0; i < s->nparams; i++)
        tl_buf_printf(b, "%s%s", i ? ", " : "", s->param[i].name);
}

int tl_script_check(const tl_script *s, int need_output, tl_err *e)
{
    for (int i = 0; i < s->nsettings; i++)
        if (!s->setting[i].used) {
            tl_buf b = TL_BUF_INIT;
            list_params(s, &b);
            tl_fail(e, TL_EUSAGE, "-p %s=%s: the script has no parameter '%s'%s%s",
                    s->setting[i].name, s->setting[i].text, s->setting[i].name,
                    s->nparams ? "; it has " : "; it has none", tl_buf_text(&b));
            tl_buf_free(&b);
            return e->code;
        }
    if (need_output && s->noutputs + s->ntables == 0)
        return tl_fail(e, TL_ESCRIPT, "%s names no result: add output(\"name\", image)",
                       s->name ? s->name : "the script");
    return 0;
}

const char *tl_script_named(const tl_script *s, const char *name)
{
    for (int i = 0; i < s->noutputs; i++)
        if (strcmp(s->output[i].name, name) == 0)
            return s->output[i].where;
    for (int i = 0; i < s->ntables; i++)
        if (strcmp(s->table[i].name, name) == 0)
            return s->table[i].where;
    return NULL;
}

int tl_script_wants_plan(const tl_script *s, const char *output)
{
    for (int i = 0; i < s->ntables && output; i++)
        if (strcmp(s->table[i].name, output) == 0)
            return 0;
    return s->noutputs > 0 || s->ntables == 0;
}

int tl_make_folders(const char *dir)
{
    char *path = tl_xstrdup(dir);
    int failed = 0;
    for (char *p = path + 1; *p && !failed; p++)
        if (*p == '/') {
            *p = '\0';
            failed = mkdir(path, 0777) && errno != EEXIST;
            *p = '/';
        }
    failed = failed || (mkdir(path, 0777) && errno != EEXIST);
    free(path);
    return failed;
}

static int write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    if (!f)
        return -1;
    int bad = fputs(text, f) == EOF || fflush(f) || fsync(fileno(f));
    return fclose(f) || bad ? -1 : 0;
}

int tl_script_write_table(const tl_script_table *t, const char *dir, char **path, tl_err *e)
{
    char *to = tl_xasprintf("%s/%s.csv", dir, t->name), *beside = tl_xasprintf("%s.new", to);
    int rc = 0;
    if (tl_make_folders(dir))
        rc = tl_fail(e, TL_EIO, "cannot make %s: %s", dir, strerror(errno));
    else if (write_file(beside, t->csv) || rename(beside, to))
        rc = tl_fail(e, TL_EIO, "cannot write %s: %s", to, strerror(errno));
    if (rc)
        unlink(beside);
    free(beside);
    if (rc)
        free(to);
    else
        *path = to;
    return rc;
}

json_t *tl_script_params(const tl_script *s)
{
    json_t *o = json_object();
    for (int i = 0; i < s->nparams; i++)
        json_object_set(o, s->param[i].name, s->param[i].value);
    return o;
}

void tl_script_free(tl_script *s)
{
    for (int i = 0; i < s->nsettings; i++) {
        free(s->setting[i].name);
        free(s->setting[i].text);
    }
    for (int i = 0; i < s->nparams; i++) {
        free(s->param[i].name);
        json_decref(s->param[i].value);
        json_decref(s->param[i].options);
    }
    for (int i = 0; i < s->noutputs; i++) {
        free(s->output[i].name);
        tl_image_unref(s->output[i].image);
        json_decref(s->output[i].options);
    }
    for (int i = 0; i < s->ntables; i++) {
        free(s->table[i].name);
        free(s->table[i].csv);
    }
    free(s->table);
    free(s->setting);
    free(s->param);
    free(s->output);
    free(s->name);
    *s = (tl_script){0};
}
