/* What a script declares: see script.h. SPDX-License-Identifier: MIT */
#include "modules/batch/script.h"
#include "runtime/buf.h"
#include "runtime/mem.h"

#include <errno.h>
#include <math.h>
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

/* --- dated outputs ---------------------------------------------------------------------------- */

static int by_time(const tl_dated *x, const tl_dated *y)
{
    int xn = isnan(x->time), yn = isnan(y->time);
    return xn || yn ? xn - yn : (x->time > y->time) - (x->time < y->time);
}

static void list_bands(const tl_image *img, tl_buf *b)
{
    for (int i = 0; i < img->nbands; i++)
        tl_buf_printf(b, "%s%s", i ? ", " : "", img->band[i].name);
}

static int other_bands(const tl_output *o, const tl_dated *d, tl_err *e)
{
    tl_buf here = TL_BUF_INIT, first = TL_BUF_INIT;
    list_bands(d->image, &here);
    list_bands(o->dated[0].image, &first);
    tl_fail(e, TL_ESCRIPT,
            "output \"%s\": image %s has the bands %s, image %s has %s; select the "
            "same bands of all",
            o->name, d->id, tl_buf_text(&here), o->dated[0].id, tl_buf_text(&first));
    tl_buf_free(&here);
    tl_buf_free(&first);
    return e->code;
}

/* Stable, which qsort need not be: where times are equal the place in the list decides. */
static void sort_by_time(tl_dated *d, int n)
{
    for (int width = 1; width < n; width *= 2) {
        tl_dated *to = tl_xmalloc((size_t)n * sizeof *to);
        for (int at = 0; at < n; at += 2 * width) {
            int a = at, middle = at + width < n ? at + width : n, b = middle;
            int end = at + 2 * width < n ? at + 2 * width : n;
            for (int k = at; k < end; k++)
                to[k] = a < middle && (b >= end || by_time(&d[a], &d[b]) <= 0) ? d[a++] : d[b++];
        }
        memcpy(d, to, (size_t)n * sizeof *d);
        free(to);
    }
}

int tl_output_arrange(tl_output *o, tl_err *e)
{
    sort_by_time(o->dated, o->ndated);
    const tl_image *first = o->dated[0].image;
    for (int i = 1; i < o->ndated; i++) {
        const tl_image *img = o->dated[i].image;
        int same = img->nbands == first->nbands;
        for (int b = 0; same && b < img->nbands; b++)
            same = strcmp(img->band[b].name, first->band[b].name) == 0;
        if (!same)
            return other_bands(o, &o->dated[i], e);
    }
    tl_image_unref(o->image);
    o->image = tl_image_ref(o->dated[0].image);
    return 0;
}

tl_output tl_output_copy(const tl_output *o)
{
    tl_output c = *o;
    c.name = tl_xstrdup(o->name);
    c.image = tl_image_ref(o->image);
    c.options = json_copy(o->options);
    c.dated = tl_xcalloc((size_t)o->ndated, sizeof *c.dated);
    for (int k = 0; k < o->ndated; k++)
        c.dated[k] = (tl_dated){tl_image_ref(o->dated[k].image), o->dated[k].time,
                                tl_xstrdup(o->dated[k].id)};
    return c;
}

void tl_output_free(tl_output *o)
{
    for (int k = 0; k < o->ndated; k++) {
        tl_image_unref(o->dated[k].image);
        free(o->dated[k].id);
    }
    free(o->dated);
    free(o->name);
    tl_image_unref(o->image);
    json_decref(o->options);
}

/* --- tables --- */

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

static int write_file(const char *path, const char *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");
    if (!f)
        return -1;
    int bad = fwrite(bytes, 1, len, f) != len || fflush(f) || fsync(fileno(f));
    return fclose(f) || bad ? -1 : 0;
}

int tl_script_write_table(const tl_script_table *t, const char *dir, char **path, tl_err *e)
{
    char *to = tl_xasprintf("%s/%s.%s", dir, t->name, t->suffix),
         *beside = tl_xasprintf("%s.new", to);
    int rc = 0;
    if (tl_make_folders(dir))
        rc = tl_fail(e, TL_EIO, "cannot make %s: %s", dir, strerror(errno));
    else if (write_file(beside, t->text, t->len) || rename(beside, to))
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
    for (int i = 0; i < s->noutputs; i++)
        tl_output_free(&s->output[i]);
    for (int i = 0; i < s->ntables; i++) {
        free(s->table[i].name);
        free(s->table[i].text);
    }
    free(s->table);
    free(s->setting);
    free(s->param);
    free(s->output);
    free(s->name);
    free(s->folder);
    *s = (tl_script){0};
}
